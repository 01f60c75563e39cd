"""What a node keeps of credentials, limits and token requests: live without a deploy, shared by its workers, and there when one of them dies."""

import os
import signal
import sqlite3
import time

import pytest
import requests

from harness import wait_for

CALLS = 12      # over connections of their own, so that each of two workers is asked
WRITTEN = 'tollgate_request_log_rows_total{result="written"}'
LOST = 'tollgate_request_log_rows_total{result="lost"}'


def statuses(planes, token, path="/orders/x", calls=CALLS):
    return [planes.get(path, token).status_code for _ in range(calls)]


def everywhere(planes, token, status, path="/orders/x"):
    return set(statuses(planes, token, path)) == {status}


def credential(planes, name="api-user", access=("orders",), **fields):
    planes.project()
    made = planes.manage("POST", "/projects/shop/credentials/", {"username": name} | fields)
    allow(planes, name, *access)
    return name, made["clientSecret"]


def allow(planes, name, *proxies, **settings):
    """These and no others."""
    path = f"/projects/shop/credentials/{name}/access/"
    for proxy in {"orders", "other"} - set(proxies):
        planes.manage("DELETE", f"{path}?name={proxy}&type=API_PROXY", expect=(200, 404))
    planes.manage("PUT", path, {"credentialAccessList": [{"name": proxy, "type": "API_PROXY"} | settings for proxy in proxies]})


def limit(planes, token, *nodes, **settings):
    """Limits the credential at both proxies; live when the one opens that was closed."""
    allow(planes, "api-user", "orders", "other", **settings)
    for node in nodes or (planes,):
        wait_for(lambda: node.get("/other/x", token).status_code == 200, 2, "the change is live")


@pytest.fixture
def planes(own_planes, backend):
    """Two workers, and a proxy that credentials may be let in to."""
    made = own_planes(workers=2)
    made.proxy("orders", backend.url, policy="opaque", managedFromThisPolicy=False)
    made.proxy("other", backend.url, policy="opaque", managedFromThisPolicy=False)
    return made


def kill_worker(planes):
    planes.expected_log.append("exited on signal 9")
    old = planes.worker_pids()
    os.kill(old[0], signal.SIGKILL)
    wait_for(lambda: len(planes.worker_pids()) == 2 and old[0] not in planes.worker_pids(), 10, "another worker")
    wait_for(lambda: answers(planes), 10, "both workers answer")


def answers(planes):
    try:
        return all(planes.get("/none").status_code == 404 for _ in range(CALLS))
    except requests.RequestException:
        return False


def reload(planes):
    old = set(planes.worker_pids())
    planes.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(planes.worker_pids()) == 2 and not old & set(planes.worker_pids()), 10, "new workers")


# ---- access and details ----

def test_access_is_live_on_all_workers_without_a_deploy(planes):
    token = planes.token(credential(planes), "/credential/token")
    for _ in range(3):
        assert everywhere(planes, token, 200)
        assert everywhere(planes, token, 401, "/other/x")
        allow(planes, "api-user", "other")
        wait_for(lambda: everywhere(planes, token, 401), 2, "orders is closed")
        assert everywhere(planes, token, 200, "/other/x")
        allow(planes, "api-user", "orders")
        wait_for(lambda: everywhere(planes, token, 200), 2, "orders is open again")


def test_access_is_asked_of_the_store_once_for_all_workers(planes):
    token = planes.token(credential(planes), "/credential/token")
    assert everywhere(planes, token, 200)
    before = planes.metrics()
    assert everywhere(planes, token, 200)
    after = planes.metrics()
    hits, misses = (after[k] - before[k] for k in ('tollgate_access_lookups_total{result="hit"}', 'tollgate_access_lookups_total{result="miss"}'))
    assert (hits, misses) == (CALLS, 0)


def test_details_are_live_on_all_workers_without_a_deploy(planes):
    planes.manage("PATCH", "/environments/production/", {"failureLimits": {"perClient": {"limit": 0}}})
    key = credential(planes)
    for _ in range(3):
        assert {planes.token_answer(key, "/credential/token").status_code for _ in range(CALLS)} == {200}
        planes.manage("PATCH", "/projects/shop/credentials/api-user/", {"ipList": ["192.0.2.1"]})
        wait_for(lambda: planes.token_answer(key, "/credential/token").status_code == 401, 2, "the address is not allowed")
        assert {planes.token_answer(key, "/credential/token").status_code for _ in range(CALLS)} == {401}
        planes.manage("PATCH", "/projects/shop/credentials/api-user/", {"ipList": ["192.0.2.1", "127.0.0.0/8"]})
        wait_for(lambda: planes.token_answer(key, "/credential/token").status_code == 200, 2, "the address is allowed")


def test_killed_workers_leave_the_tables_usable(planes):
    token = planes.token(credential(planes), "/credential/token")
    for _ in range(4):
        assert everywhere(planes, token, 200)
        kill_worker(planes)
    allow(planes, "api-user", "other")
    wait_for(lambda: everywhere(planes, token, 401), 2, "orders is closed")
    assert everywhere(planes, token, 200, "/other/x")


# ---- meters ----

def quota(count):
    return {"quota": {"limit": count, "intervalAmount": 365, "intervalUnit": "DAYS"}, "countingMode": "ACCEPTED"}


def test_workers_share_one_count_and_a_dead_one_takes_nothing_with_it(planes):
    token = planes.token(credential(planes), "/credential/token")
    limit(planes, token, **quota(40))
    passed = statuses(planes, token, calls=15).count(200)
    kill_worker(planes)
    passed += statuses(planes, token, calls=10).count(200)
    reload(planes)
    seen = statuses(planes, token, calls=25)
    assert passed + seen.count(200) == 40
    assert seen[-1] == 429 and set(seen) == {200, 429}
    assert everywhere(planes, token, 429)


def test_refused_requests_are_told_when_to_come_again(planes):
    token = planes.token(credential(planes), "/credential/token")
    limit(planes, token, throttling={"limit": 1, "intervalAmount": 1, "intervalUnit": "HOURS", "windowType": "SLIDING"})
    assert statuses(planes, token, calls=2) == [200, 429]
    refused = planes.get("/orders/x", token)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 7200


def test_nodes_share_a_limit(own_planes, planes):
    second = own_planes(command="gateway", workers=2, options=["--store", f"sqlite:{planes.data}", "--master-key-file", f"{planes.data}/master.key"])
    for node in (planes, second):
        wait_for(lambda: node.metrics()["tollgate_live_nodes"] == 2, 10, "it knows of both nodes")
    token = planes.token(credential(planes), "/credential/token")
    limit(planes, token, planes, second, **quota(20))
    for node in (planes, second):
        assert statuses(node, token, calls=15).count(200) == 10
    assert second.stop() == 0
    wait_for(lambda: planes.metrics()["tollgate_live_nodes"] == 1, 10, "the other node has gone")
    assert statuses(planes, token, calls=15).count(200) == 10


# ---- the token request log ----

def rows(planes, **query):
    answer = planes.session().get(planes.manager + "/tokenRequests/", params={"pageSize": 1000} | query, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()["resultList"]


def test_request_log_has_every_row_after_a_reload_and_a_stop(planes):
    key = credential(planes)
    for _ in range(30):
        planes.token(key, "/credential/token")
    reload(planes)
    wait_for(lambda: len(rows(planes, clientId="api-user")) == 30, 5, "the rows of the workers that went")
    for _ in range(30):
        planes.token(key, "/credential/token")
    assert planes.stop() == 0
    planes.start()
    found = rows(planes, clientId="api-user")
    assert len(found) == 60
    assert {row["status"] for row in found} == {200}


def test_tokens_are_issued_while_the_request_log_cannot_be_written(planes):
    key = credential(planes)
    planes.token(key, "/credential/token")
    wait_for(lambda: planes.metrics()[WRITTEN] >= 1, 5, "a row")
    with sqlite3.connect(os.path.join(planes.data, "requests.db"), isolation_level=None, timeout=5) as db:
        db.execute("BEGIN EXCLUSIVE")
        for _ in range(10):
            planes.token(key, "/credential/token")
        wait_for(lambda: planes.metrics()[LOST] >= 10, 15, "the rows are given up")
        db.execute("ROLLBACK")
    db.close()
    lost = planes.metrics()[LOST]
    planes.token(key, "/credential/token")
    wait_for(lambda: len(rows(planes, clientId="api-user")) >= 2, 10, "rows are written again")
    assert planes.metrics()[LOST] == lost


def test_rows_older_than_the_environment_keeps_them_are_forgotten(own_planes, backend):
    planes = own_planes(workers=2)
    planes.manage("PATCH", "/environments/production/", {"tokenRequestLog": {"retentionDays": 2}})
    key = planes.proxy("orders", backend.url, policy="opaque")
    for _ in range(3):
        planes.token(key)
    wait_for(lambda: len(rows(planes)) == 3, 5, "the rows")
    assert planes.stop() == 0
    with sqlite3.connect(os.path.join(planes.data, "requests.db"), timeout=5) as db:
        db.execute("UPDATE request SET at = at - 86400000 * 3 WHERE seq = (SELECT min(seq) FROM request)")
        db.execute("UPDATE request_block SET at_from = at_from - 86400000 * 3")
    db.close()
    planes.start()
    wait_for(lambda: len(rows(planes)) == 2, 10, "the old row is forgotten")


def test_request_log_can_be_switched_off(own_planes, backend):
    planes = own_planes(workers=2)
    key = planes.proxy("orders", backend.url, policy="opaque")
    planes.token(key)
    wait_for(lambda: len(rows(planes)) == 1, 5, "the row")
    planes.manage("PATCH", "/environments/production/", {"tokenRequestLog": {"enabled": False}})
    planes.deploy("orders")
    planes.token(key)
    time.sleep(0.6)
    assert len(rows(planes)) == 1


# ---- what fits ----

def test_default_zone_has_room_for_what_the_manual_says(planes):
    metrics = planes.metrics()
    for name in ("live_clients", "token_cache_entries", "access_entries"):
        assert metrics[f"tollgate_{name}_max"] >= 2 * 100000, name
    assert metrics["tollgate_early_revocations_max"] >= 1000000
