"""What ends a token ends it for all workers, whatever is in flight, killed, stopped or lost at that moment."""

import os
import random
import signal
import sqlite3
import threading
import time

import pytest
import requests

from harness import SLOW, raw, wait_for
from tools import Client, Load, forget, request_bytes, secret_of, token_bytes

BOUND = 1.0  # seconds: the propagation bound


def regenerate(planes, name):
    """The new secret; from when this returns the old tokens have BOUND to live."""
    return secret_of(planes.manage("PATCH", f"/projects/shop/apiProxies/{name}/settings/keys/", {"regenerate": True}))


def later_successes(load, since, tags=None):
    """Requests that were answered with 200 although they were sent more than the bound after `since`."""
    return [r for r in load.records if r[2] == 200 and r[0] > since + BOUND and (tags is None or r[3] in tags)]


def metric(planes, name):
    return planes.metrics()[name]


def retry_token(planes, key, path="/auth/token"):
    """A token with a secret that was changed a moment ago."""
    answer = wait_for(lambda: (lambda a: a if a.status_code == 200 else None)(planes.token_answer(key, path)), 5, "the new secret is known", every=0.1)
    return answer.json()["access_token"]


# ---- a look-up in flight while its token ends ----

def test_tokens_that_are_looked_up_while_their_key_changes_are_not_accepted_after_it(own_planes, backend):
    """A fresh shared memory knows none of the tokens, so each use is a look-up; the key changes in the midst of them."""
    planes = own_planes(workers=2)
    key = planes.proxy("orders", backend.url, policy="opaque")
    for _ in range(3):
        tokens = [planes.token(key) for _ in range(30)]
        planes.restart()
        before = metric(planes, 'tollgate_store_lookups_total{result="answered"}')
        with Load(planes.gateway_port, lambda i: (request_bytes("/orders/x", tokens[i % len(tokens)]), "use"), threads=6) as load:
            wait_for(lambda: len(load.records) > 5, 5)
            secret = regenerate(planes, "orders")
            ended = time.monotonic()
            time.sleep(BOUND + 0.3)
        assert not load.lost
        assert set(load.statuses()) == {200, 401}, load.statuses()
        assert not later_successes(load, ended)
        assert metric(planes, 'tollgate_store_lookups_total{result="answered"}') > before
        for token in tokens:  # over new connections, so that both workers are asked
            assert planes.get("/orders/x", token).status_code == 401
        key = (key[0], secret)
        assert planes.get("/orders/x", retry_token(planes, key)).status_code == 200


@pytest.mark.parametrize("kind", ["opaque", "jwt"])
def test_a_slow_look_up_does_not_outlive_the_end_of_the_token(own_planes, backend, disk, kind):
    """The store is asked for the client, its key changes, and only then the store answers, with what was true before."""
    planes = own_planes(workers=2, env=disk.env)
    key = planes.proxy("orders", backend.url, policy=kind)
    token = planes.token(key)
    assert planes.get("/orders/x", token).status_code == 200
    disk.know_feed()
    for _ in range(40):  # so that every thread has opened the store before: the pause is to be within a look-up
        forget(planes, f"1:{key[0]}")
        assert {planes.get("/orders/x", token).status_code for _ in range(4)} == {200}
    forget(planes, f"1:{key[0]}")
    disk.slow(1900)
    answers = []

    def call():
        answers.append((raw(planes.gateway_port, request_bytes("/orders/x", token)).status, time.monotonic()))

    early = threading.Thread(target=call)
    early.start()
    wait_for(lambda: disk.get("slowed") > 0, 5, "a look-up in flight")
    regenerate(planes, "orders")
    ended = time.monotonic()
    late = []
    while time.monotonic() < ended + 1.6:
        time.sleep(0.1)
        late.append(threading.Thread(target=call))
        late[-1].start()
    for thread in [early] + late:
        thread.join(20 * SLOW)
    accepted = [round(at - ended, 2) for status, at in answers if status == 200 and at > ended + BOUND]
    assert len(answers) == len(late) + 1
    assert not accepted, f"accepted so many seconds after the key was changed: {accepted}"
    disk.set(slow_ms=0)
    assert planes.get("/orders/x", token).status_code == 401


def write_again(planes, key):
    """What the store has of this client, so that whoever asks for it has to read the disk."""
    with sqlite3.connect(os.path.join(planes.data, "config.db"), timeout=5) as db:
        db.execute("UPDATE client SET version = version + 1 WHERE client_id = ?", (key[0],))


def test_a_token_that_is_revoked_while_its_roles_are_looked_up(own_planes, backend, disk):
    """The store said that the token is good; it ends while the store is asked for more."""
    planes = own_planes(workers=2, env=disk.env, operator="tollgate_details 1;\n")
    key = planes.proxy("orders", backend.url, policy="opaque", addRolesToHeader=True)
    other, token = planes.token(key), planes.token(key)
    planes.restart()  # so that the gateway does not know the token
    disk.know_feed()
    for _ in range(40):  # so that every thread has opened the store before, and the client is known
        assert {planes.get("/orders/x", other).status_code for _ in range(4)} == {200}
    answered = 'tollgate_store_lookups_total{result="answered"}'
    before = metric(planes, answered)
    write_again(planes, key)
    disk.slow(1500)
    answers = []
    call = threading.Thread(target=lambda: answers.append(raw(planes.gateway_port, request_bytes("/orders/x", token)).status))
    call.start()
    wait_for(lambda: disk.get("slowed") > 0, 5, "the token is looked up")
    write_again(planes, key)
    disk.slow(1500)
    wait_for(lambda: metric(planes, answered) == before + 1, 5, "its roles are looked up")
    revoked = requests.post(planes.gateway + "/auth/revoke", data={"token": token}, auth=key, timeout=20 * SLOW)
    assert revoked.status_code == 200 and not answers
    call.join(20 * SLOW)
    assert answers == [401]


def test_undeploy_and_key_change_under_load_round_after_round(own_planes, backend):
    planes = own_planes(workers=2)
    keys = {kind: planes.proxy(kind, backend.url, policy=kind) for kind in ("opaque", "jwt")}
    bystander = planes.proxy("bystander", backend.url, policy="opaque")
    kept = planes.token(bystander)
    tokens = {kind: planes.token(key) for kind, key in keys.items()}
    uses = [("opaque", "/opaque/x"), ("jwt", "/jwt/x"), ("bystander", "/bystander/x")]

    def make(i):
        kind, path = uses[i % 3]
        token = kept if kind == "bystander" else tokens[kind]
        return request_bytes(path, token), (kind, token)

    ends = {}
    with Load(planes.gateway_port, make, threads=4) as load:
        for n in range(4):
            time.sleep(0.3)
            for kind in keys:
                if n % 2:
                    keys[kind] = (keys[kind][0], regenerate(planes, kind))
                else:
                    planes.undeploy(kind)
                    planes.deploy(kind)
            old = dict(tokens)
            ends.update({(kind, token): time.monotonic() for kind, token in old.items()})
            time.sleep(BOUND + 0.2)
            for kind in keys:
                for _ in range(4):
                    assert planes.get(f"/{kind}/x", old[kind]).status_code == 401
                tokens[kind] = retry_token(planes, keys[kind])
    assert not load.lost
    assert len(ends) == 8
    for tag, ended in ends.items():
        assert not later_successes(load, ended, {tag}), tag
        assert any(r[2] == 200 for r in load.records if r[3] == tag), "nothing was there to end"
    assert {r[2] for r in load.records if r[3][0] == "bystander"} == {200}


# ---- workers killed ----

def test_workers_killed_at_random_moments_lose_no_committed_token_and_hang_nobody(own_planes, backend):
    """Much is written to the shared memory all the time (tokens that are issued, good ones, unknown ones), so that some kill hits its locks."""
    planes = own_planes(workers=2, operator="tollgate_zone 8m;")
    planes.expected_log = ["exited on signal 9"]
    keys = {kind: planes.proxy(kind, backend.url, policy=kind) for kind in ("opaque", "jwt")}
    tokens = {kind: planes.token(key) for kind, key in keys.items()}
    rng = random.Random(7)

    def make(i):
        choice = i % 5
        if choice < 2:
            return token_bytes(keys["opaque"]), "issue"
        if choice == 2:
            unknown = tokens["opaque"][:-20] + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=20))
            return request_bytes("/opaque/x", unknown), "unknown"
        kind = "opaque" if choice == 3 else "jwt"
        return request_bytes(f"/{kind}/x", tokens[kind]), "use"

    kills = 16
    with Load(planes.gateway_port, make, threads=8, timeout=8) as load:
        for _ in range(kills):
            time.sleep(rng.uniform(0.05, 0.35))
            workers = wait_for(lambda: (lambda w: w if len(w) == 2 else None)(planes.worker_pids()), 10, "two workers")
            os.kill(rng.choice(workers), signal.SIGKILL)
            wait_for(lambda: len(planes.worker_pids()) == 2, 10, "a worker in its place")
        time.sleep(0.5)
    hung = [lost for lost in load.lost if "in time" in lost[1]]
    assert not hung, hung
    assert len(load.lost) <= 8 * kills  # each kill may cost each client one request, no more
    allowed = {"issue": {200, 503}, "use": {200, 503}, "unknown": {401, 503}}
    for record in load.records:
        assert record[2] in allowed[record[3]], (record[3], record[2], record[4])
    issued = [record[4].split(b'"access_token":"')[1].split(b'"')[0].decode() for record in load.records if record[3:4] == ("issue",) and record[2] == 200]
    assert len(issued) > 10 and len(set(issued)) == len(issued)
    planes.restart()  # nothing is in memory now: what counts is what was written
    client = Client(planes.gateway_port)
    for token in issued:
        assert client.send(request_bytes("/opaque/x", token)).status == 200
    client.close()


# ---- workers stopped ----

def test_deploy_names_a_stopped_worker_within_its_time_and_goes_on_after_it(own_planes, backend):
    """Both in turn, so that one of them is the one that reads the feed."""
    planes = own_planes(workers=2)
    planes.proxy("orders", backend.url)
    for i, stopped in enumerate(planes.worker_pids()):
        planes.proxy(f"new{i}", backend.url, deploy=False)
        os.kill(stopped, signal.SIGSTOP)
        try:
            began = time.monotonic()
            result = planes.deploy(f"new{i}", expect_success=False)
            took = time.monotonic() - began
            assert not result["success"]
            assert f"worker {stopped} " in result["deploymentResults"][0]["message"]
            assert took < 5 + 1.5 * SLOW
            assert answered_by_the_other(planes, f"/new{i}/x") == 200
        finally:
            os.kill(stopped, signal.SIGCONT)
        began = time.monotonic()
        assert planes.deploy(f"new{i}")["success"]
        for _ in range(12):
            assert planes.get(f"/new{i}/x").status_code == 200
    assert len(planes.worker_pids()) == 2


def answered_by_the_other(planes, path):
    """Of two workers one is stopped: a connection that it has is given up for another."""
    for _ in range(10):
        client = Client(planes.gateway_port, timeout=1)
        try:
            return client.send(request_bytes(path)).status
        except Exception:  # noqa: B902 - whatever the reason, the next connection tells
            continue
        finally:
            client.close()
    raise AssertionError("no answer from the worker that runs")


def test_key_change_reaches_the_worker_that_was_stopped_meanwhile(own_planes, backend):
    planes = own_planes(workers=2)
    key = planes.proxy("orders", backend.url, policy="jwt")
    token = planes.token(key)
    for stopped in planes.worker_pids():
        for _ in range(8):
            assert planes.get("/orders/x", token).status_code == 200
        os.kill(stopped, signal.SIGSTOP)
        regenerate(planes, "orders")
        time.sleep(BOUND + 0.5)
        os.kill(stopped, signal.SIGCONT)
        with Load(planes.gateway_port, lambda i: (request_bytes("/orders/x", token, headers="Connection: close\r\n"), "use"), threads=4) as load:
            time.sleep(0.7)
        assert not load.lost
        assert set(load.statuses()) <= {401, 503} and load.statuses().get(401), load.statuses()
        key = (key[0], regenerate(planes, "orders"))
        token = retry_token(planes, key)


# ---- the feed lost ----

def lose(planes, disk, **faults):
    disk.know_feed()
    disk.set(**faults)
    wait_for(lambda: metric(planes, "tollgate_feed_fresh") == 0, 5, "the feed is lost")


def recover(planes, disk):
    disk.set(config_lost=0, feed_lost=0)
    wait_for(lambda: metric(planes, "tollgate_feed_fresh") == 1, 5, "the feed is read again")


def test_feed_lost_opaque_tokens_are_asked_of_the_store(own_planes, backend, disk):
    planes = own_planes(workers=2, env=disk.env)
    key = planes.proxy("orders", backend.url, policy="opaque")
    other = planes.proxy("others", backend.url, policy="opaque")
    token, kept = planes.token(key), planes.token(other)
    for _ in range(4):
        assert planes.get("/orders/x", token).status_code == 200
    lookups = 'tollgate_store_lookups_total{result="answered"}'
    lose(planes, disk, feed_lost=1)
    before = metric(planes, lookups)
    for _ in range(5):
        assert planes.get("/orders/x", token).status_code == 200
    assert metric(planes, lookups) >= before + 5
    assert planes.get("/orders/x", token[:-4] + "AAAA").status_code == 401
    regenerate(planes, "orders")
    for _ in range(6):
        assert planes.get("/orders/x", token).status_code == 401  # at once: nobody told the cache, the store is asked
    assert planes.get("/others/x", kept).status_code == 200
    recover(planes, disk)
    before = metric(planes, lookups)
    for _ in range(6):
        assert planes.get("/orders/x", token).status_code == 401
        assert planes.get("/others/x", kept).status_code == 200
    assert metric(planes, lookups) <= before + 4, "the cache is trusted again"


def test_feed_lost_and_store_down_opaque_tokens_are_503_and_jwts_go_on(own_planes, backend, disk):
    planes = own_planes(workers=2, env=disk.env)
    opaque = planes.token(planes.proxy("opaque", backend.url, policy="opaque"))
    jwt_key = planes.proxy("jwt", backend.url, policy="jwt")
    jwts = [planes.token(jwt_key) for _ in range(3)]
    planes.proxy("open", backend.url)
    assert planes.get("/jwt/x", jwts[0]).status_code == 200
    lose(planes, disk, config_lost=1)
    for _ in range(4):
        answer = planes.get("/opaque/x", opaque)
        assert answer.status_code == 503 and answer.headers["Retry-After"] and answer.json()["error"]
        for token in jwts:  # two of them are met for the first time
            assert planes.get("/jwt/x", token).status_code == 200
        assert planes.get("/jwt/x", "bad").status_code == 401
        assert planes.get("/open/x").status_code == 200
    assert metric(planes, 'tollgate_feed_lost_checks_total{result="accepted"}') >= 12
    assert metric(planes, "tollgate_feed_age_seconds") > 1
    recover(planes, disk)
    assert wait_for(lambda: planes.get("/opaque/x", opaque).status_code == 200, 5)
    regenerate(planes, "jwt")
    wait_for(lambda: planes.get("/jwt/x", jwts[0]).status_code == 401, BOUND, "the feed's next change counts")


def test_feed_lost_jwts_are_refused_where_the_environment_says_so(own_planes, backend, disk):
    planes = own_planes(workers=2, env=disk.env)
    planes.manage("PATCH", "/environments/production/", {"jwtWhenFeedLost": "refuse"})
    token = planes.token(planes.proxy("jwt", backend.url, policy="jwt"))
    planes.proxy("open", backend.url)
    assert planes.get("/jwt/x", token).status_code == 200
    lose(planes, disk, config_lost=1)
    for _ in range(6):
        answer = planes.get("/jwt/x", token)
        assert answer.status_code == 503 and answer.headers["Retry-After"]
        assert planes.get("/open/x").status_code == 200
    assert metric(planes, 'tollgate_feed_lost_checks_total{result="refused"}') >= 6
    recover(planes, disk)
    for _ in range(6):
        assert planes.get("/jwt/x", token).status_code == 200


def test_changes_made_while_the_feed_was_lost_count_once_it_is_back(own_planes, backend, disk):
    planes = own_planes(workers=2, env=disk.env)
    keys = {kind: planes.proxy(kind, backend.url, policy=kind) for kind in ("opaque", "jwt")}
    tokens = {kind: planes.token(key) for kind, key in keys.items()}
    planes.proxy("late", backend.url, deploy=False)
    lose(planes, disk, config_lost=1)
    for kind in keys:
        regenerate(planes, kind)
    result = planes.deploy("late", expect_success=False)
    assert not result["success"]
    recover(planes, disk)
    for kind, token in tokens.items():
        wait_for(lambda: planes.get(f"/{kind}/x", token).status_code == 401, BOUND, f"the {kind} token ended")
    wait_for(lambda: planes.get("/late/x").status_code == 200, 5, "the deploy is served")
