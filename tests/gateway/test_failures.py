"""Failed authentications: one answer at one time, limits that a stranger cannot turn against a client, and floods that others do not feel."""

import concurrent.futures
import os
import signal
import socket
import time

from harness import SLOW, Backend, read_reply, wait_for
from tools import Load, request_bytes, token_bytes

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
MINUTE = {"intervalAmount": 1, "intervalUnit": "MINUTES"}
FEW = {"limit": 3, **MINUTE}
MANY = {"limit": 1000, **MINUTE}


def ask(planes, key, source="127.0.0.1", path="/credential/token", headers=(), **form):
    """One request from this address of the loopback network: the answer and how long it took."""
    form = {"grant_type": "client_credentials", "client_id": key[0], "client_secret": key[1], **form}
    body = "&".join(f"{k}={v}" for k, v in form.items()).encode()
    fields = FORM + "".join(f"{k}: {v}\r\n" for k, v in headers)
    with socket.create_connection(("127.0.0.1", planes.gateway_port), timeout=20 * SLOW, source_address=(source, 0)) as s:
        began = time.monotonic()
        s.sendall(request_bytes(path, method="POST", body=body, headers=fields))
        answer = read_reply(s)
        return answer, time.monotonic() - began


def limited(answer):
    assert answer.status == 429, (answer.status, answer.body)
    assert b'"slow_down"' in answer.body and answer.get("Cache-Control") == [b"no-store"]
    assert 1 <= int(answer.get("Retry-After")[0]) <= 60
    assert not answer.get("WWW-Authenticate")


def statuses(planes, key, n, **more):
    return [ask(planes, key, **more)[0].status for _ in range(n)]


# ---- one answer, one time ----

def test_every_failure_has_one_answer_and_takes_the_fixed_time(own_planes):
    planes = own_planes(workers=2)
    backend = Backend()
    planes.no_failure_limits()
    generated, chosen = planes.credential("generated"), planes.credential("chosen", password="chosen-by-hand")
    disabled, expired, elsewhere = (planes.credential(n, **f) for n, f in (
        ("disabled", {"enabled": False}), ("expired", {"expireDate": "2020-01-01T00:00:00Z"}), ("elsewhere", {"ipList": ["192.0.2.1"]})))
    application = planes.proxy("app", backend.url, policy="opaque")
    not_deployed = planes.proxy("later", backend.url, policy="opaque", deploy=False)
    cases = [("/credential/", key) for key in (("nobody", "x" * 43), (generated[0], "x" * 43), (chosen[0], "wrong"), disabled, expired, elsewhere,
                                               ("", ""), (generated[0], ""))]
    cases += [("/auth/", key) for key in (("nobody", "x" * 43), (application[0], "x" * 43), not_deployed)]
    answers = {}
    for endpoint in ("token", "jwt", "introspect", "revoke"):
        for prefix, key in cases:
            answer, took = ask(planes, key, path=prefix + endpoint, token="x")
            assert answer.status == 401, (prefix, endpoint, key[0], answer.body)
            assert took >= 0.1, (prefix, endpoint, key[0], took)
            fields = [(k, v) for k, v in answer.headers if k not in (b"Date", b"X-Request-Id")]
            answers[tuple(fields), answer.body] = key[0]
    assert len(answers) == 1, answers
    backend.close()


def test_the_time_counts_from_the_arrival(own_planes):
    """Many at once: each is answered in its own time, none waits for another."""
    planes = own_planes(workers=1)
    planes.no_failure_limits()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        took = list(pool.map(lambda i: ask(planes, ("nobody", "x" * 43))[1], range(64)))
    assert min(took) >= 0.1


def test_who_leaves_before_the_answer_leaves_nothing_behind(own_planes):
    planes = own_planes(workers=1)
    planes.no_failure_limits()
    key = planes.credential("stays")
    for i in range(50):
        with socket.create_connection(("127.0.0.1", planes.gateway_port)) as s:
            s.sendall(token_bytes(("nobody", "x"), "/credential/token"))
            if i % 2:
                time.sleep(0.01)
    assert ask(planes, key)[0].status == 200
    answer, took = ask(planes, ("nobody", "x"))
    assert answer.status == 401 and took >= 0.1


def test_a_refusal_that_waits_survives_a_reload(own_planes):
    planes = own_planes(workers=1, operator="tollgate_auth_failure_delay 3s;\n")
    with socket.create_connection(("127.0.0.1", planes.gateway_port)) as s:
        s.sendall(token_bytes(("nobody", "x"), "/credential/token"))
        time.sleep(0.3)
        before = planes.worker_pids()
        os.kill(planes.master_pid(), signal.SIGHUP)
        wait_for(lambda: planes.worker_pids() and not set(planes.worker_pids()) & set(before), 10, "new workers")
        assert read_reply(s).status == 401


# ---- limits ----

def test_failures_of_a_client_from_one_address(own_planes):
    planes = own_planes(workers=2)
    planes.environment(failureLimits={"perClient": FEW, "perAddress": MANY})
    key, other = planes.credential("victim"), planes.credential("bystander")
    wrong = (key[0], "x" * 43)
    assert statuses(planes, wrong, 5, source="127.0.0.9") == [401, 401, 401, 429, 429]
    answer, took = ask(planes, key, source="127.0.0.9")  # right, but not from here now
    limited(answer)
    assert took >= 0.1
    for path in ("/credential/jwt", "/credential/introspect", "/credential/revoke"):
        limited(ask(planes, key, source="127.0.0.9", path=path, token="x")[0])
    # the client itself, elsewhere, and others where the stranger is
    assert statuses(planes, key, 4) == [200] * 4
    assert statuses(planes, other, 4, source="127.0.0.9") == [200] * 4
    assert planes.metrics()['tollgate_limited_total{limit="failures"}'] >= 6


def test_failures_of_one_address(own_planes):
    planes = own_planes(workers=2)
    planes.environment(failureLimits={"perClient": MANY, "perAddress": {"limit": 6, **MINUTE}})
    key = planes.credential("anyone")
    assert statuses(planes, key, 2, source="127.0.0.8") == [200, 200]
    guesses = [ask(planes, (f"guess-{i}", "x" * 43), source="127.0.0.8")[0].status for i in range(8)]
    assert guesses == [401] * 6 + [429] * 2
    limited(ask(planes, key, source="127.0.0.8")[0])
    assert statuses(planes, key, 2) == [200, 200]


def test_a_success_resets_nothing(own_planes):
    """Else a stranger with a client of his own would guess for ever."""
    planes = own_planes(workers=1)
    planes.environment(failureLimits={"perClient": FEW, "perAddress": {"limit": 5, **MINUTE}})
    key = planes.credential("owner")
    seen = []
    for i in range(5):
        seen.append(ask(planes, (f"guess-{i}", "x"))[0].status)
        seen.append(ask(planes, key)[0].status)
    assert seen == [401, 200, 401, 200, 401, 200, 401, 200, 401, 429]


def test_failures_of_application_keys_and_credentials_are_counted_apart(own_planes):
    planes = own_planes(workers=1)
    planes.environment(failureLimits={"perClient": FEW, "perAddress": MANY})
    key = planes.credential("same-name")
    assert statuses(planes, (key[0], "x"), 4, path="/auth/token") == [401, 401, 401, 429]
    assert ask(planes, key)[0].status == 200


def test_a_limit_ends_with_its_window(own_planes):
    planes = own_planes(workers=1)
    planes.environment(failureLimits={"perClient": {"limit": 2, "intervalAmount": 2, "intervalUnit": "SECONDS"}, "perAddress": MANY})
    key = planes.credential("patient")
    assert statuses(planes, (key[0], "x"), 3) == [401, 401, 429]
    wait_for(lambda: ask(planes, key)[0].status == 200, 20, "the window is over")


def test_users_are_limited_by_name_and_address(own_planes):
    planes = own_planes(workers=1)
    planes.environment(failureLimits={"perClient": FEW, "perAddress": MANY})
    client = planes.credential("app", token={"grantType": "PASSWORD"})
    user, other = planes.credential("user1", password="users-own-password"), planes.credential("user2", password="users-own-password")

    def login(who, password, **more):
        return ask(planes, client, grant_type="password", username=who, password=password, **more)

    assert [login(user[0], "wrong")[0].status for _ in range(5)] == [400, 400, 400, 429, 429]
    answer, took = login(*user)
    limited(answer)
    assert took >= 0.1
    assert login(*other)[0].status == 200  # one user's failures do not lock the application out
    assert login(*user, source="127.0.0.7")[0].status == 200


def test_a_site_of_ipv6_is_one_address(own_planes):
    planes = own_planes(workers=1)
    planes.environment(failureLimits={"perClient": MANY, "perAddress": FEW}, trustedProxies=["127.0.0.1"], forwardedIp={"enabled": True})
    key = planes.credential("six")

    def at(address, who):
        return ask(planes, who, headers=[("X-Forwarded-For", address)])[0].status

    assert [at(f"2001:db8:0:1::{i:x}", ("guess", "x")) for i in range(1, 6)] == [401, 401, 401, 429, 429]
    assert at("2001:db8:0:1:ffff::9", key) == 429
    assert at("2001:db8:0:2::1", key) == 200
    assert [at(f"198.51.100.{i}", ("guess", "x")) for i in range(1, 6)] == [401] * 5


def test_no_forwarded_header_of_a_stranger_escapes_a_limit(own_planes):
    planes = own_planes(workers=1)
    planes.environment(failureLimits={"perClient": FEW, "perAddress": MANY}, forwardedIp={"enabled": True})
    key = planes.credential("hidden")
    seen = [ask(planes, (key[0], "x"), headers=[("X-Forwarded-For", f"198.51.100.{i}")])[0].status for i in range(5)]
    assert seen == [401, 401, 401, 429, 429]


def test_limits_are_off_at_zero(own_planes):
    planes = own_planes(workers=1)
    planes.no_failure_limits()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda i: ask(planes, ("nobody", "x"))[0].status, range(300))) == {401}


# ---- floods ----

def test_wrong_chosen_secrets_leave_other_clients_served(own_planes):
    planes = own_planes(workers=2)
    backend = Backend()
    planes.no_failure_limits()
    planes.proxy("served", backend.url, policy="opaque", managedFromThisPolicy=False)
    slow = planes.credential("slow", password="chosen-by-hand")
    known = planes.credential("known", password="another-chosen-one", access=["served"])
    fast = planes.credential("fast", access=["served"])
    for _ in range(8):  # every worker remembers it
        token = planes.token(known, "/credential/token")
    with Load(planes.gateway_port, lambda i: (token_bytes((slow[0], f"wrong-{i}"), "/credential/token"), "flood"), threads=16) as load:
        wait_for(lambda: len(load.records) > 50, 30)
        for _ in range(20):
            for key in (known, fast):
                assert planes.token_answer(key, "/credential/token").status_code == 200
            assert planes.get("/served/x", token).status_code == 200
    assert set(load.statuses()) <= {401, 503} and not load.lost
    assert load.statuses()[401] > 0
    answer = wait_for(lambda: (lambda a: a if a.status_code == 200 else None)(planes.token_answer(slow, "/credential/token")), 20, "the flood is over")
    assert answer.status_code == 200
    backend.close()
