"""The token request log: a row for each request to a token endpoint, the true reason with it, never a secret or a token; and issue goes on without it."""

import contextlib
import glob
import os
import sqlite3
import time

import pytest
import requests
from harness import Backend, Planes, wait_for

REFRESH = {"refreshTokenAllowed": True, "refreshTokenCount": 3, "refreshTokenExpiresInAmount": 1, "refreshTokenExpiresInUnit": "DAYS"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def rows(planes, **query):
    """Newest first."""
    text = "&".join(f"{k}={v}" for k, v in query.items())
    return planes.manage("GET", "/tokenRequests/?pageSize=1000&" + text)["resultList"]


def row(planes, **query):
    """The one row of this query, once it is written."""
    found = wait_for(lambda: rows(planes, **query), 10, f"a row of {query}")
    time.sleep(0.5)  # were there two, the second would be there by now
    found = rows(planes, **query)
    assert len(found) == 1, found
    return found[0]


class World:
    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.names = 0
        planes.no_failure_limits()

    def name(self, kind="client"):
        self.names += 1
        return f"{kind}{self.names}"

    def credential(self, **fields):
        return self.planes.credential(self.name(), **fields)

    def post(self, path, key=None, headers=None, data=None, **form):
        return requests.post(self.planes.gateway + path, data=data if data is not None else form, auth=key, headers=headers, timeout=30)


@pytest.fixture(scope="module")
def world():
    with Planes(workers=2) as planes:
        w = World(planes)
        yield w
        w.backend.close()


def told(found, **wanted):
    assert {k: found[k] for k in wanted} == wanted, found


# ---- what a row says ----

def test_a_success_of_a_credential(world):
    key = world.credential()
    before = time.time()
    world.planes.token(key, "/credential/token")
    found = row(world.planes, clientId=key[0])
    told(found, endpoint="/credential/token", environmentName="production", projectName="shop", clientId=key[0], proxyName=None, user=None,
         address="127.0.0.1", grantType="client_credentials", status=200, error=None, reason=None)
    assert found["nodeId"] and found["durationMicros"] > 0
    assert before - 2 <= time.mktime(time.strptime(found["at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone <= time.time() + 2


@pytest.mark.parametrize("kind", ["opaque", "jwt"])
def test_a_life_at_the_endpoints_of_a_policy(world, kind):
    name = world.name("log-api")
    key = world.planes.proxy(name, world.backend.url, policy=kind, **REFRESH)
    pair = world.planes.token_answer(key).json()
    world.post("/auth/token", key, grant_type="refresh_token", refresh_token=pair["refresh_token"])
    world.post("/auth/introspect", key, token=pair["access_token"])
    world.post("/auth/revoke", key, token=pair["access_token"])
    found = wait_for(lambda: (lambda f: f if len(f) == 4 else None)(rows(world.planes, proxy=name)), 10, "four rows")
    seen = sorted((f["endpoint"], f["grantType"], f["status"]) for f in found)
    assert seen == [("/auth/introspect", None, 200), ("/auth/revoke", None, 200), ("/auth/token", "client_credentials", 200),
                    ("/auth/token", "refresh_token", 200)]
    assert {(f["projectName"], f["clientId"]) for f in found} == {("shop", key[0])}


def test_the_user_of_a_password_grant(world):
    client = world.credential(token={"grantType": "PASSWORD"})
    user = world.credential(password="users-own-password")
    world.post("/credential/token", client, grant_type="password", username=user[0], password=user[1])
    told(row(world.planes, user=user[0]), clientId=client[0], grantType="password", status=200, error=None)
    world.post("/credential/token", client, grant_type="password", username="nobody-at-all", password="x" * 12)
    told(row(world.planes, user="nobody-at-all"), status=400, error="invalid_grant", reason="unknown client")


@pytest.mark.parametrize("reason, fields, secret", [
    ("unknown client", None, "x" * 43), ("wrong secret", {}, "x" * 43), ("wrong secret", {"password": "chosen-by-hand"}, "wrong"),
    ("client disabled", {"enabled": False}, None), ("client expired", {"expireDate": "2020-01-01T00:00:00Z"}, None), ("address not allowed", {"ipList": ["192.0.2.1"]}, None),
])
def test_the_true_reason_of_a_refusal(world, reason, fields, secret):
    name, own = world.credential(**fields) if fields is not None else (world.name("never-made"), None)
    answer = world.post("/credential/token", (name, secret or own), grant_type="client_credentials")
    assert answer.status_code == 401
    found = row(world.planes, clientId=name)
    told(found, status=401, error="invalid_client", reason=reason)
    assert found["durationMicros"] >= 100_000


def test_an_unauthenticated_request_and_bad_ones(world):
    planes = world.planes
    last = rows(planes)[0]["id"] if rows(planes) else 0
    cases = [(405, "invalid_request", lambda: planes.get("/credential/token", method="PUT")),
             (413, "invalid_request", lambda: world.post("/credential/jwt", data=b"x" * 70000, headers=FORM)),
             (400, "invalid_request", lambda: world.post("/credential/token", data=b"{}", headers={"Content-Type": "application/json"})),
             (401, "invalid_client", lambda: world.post("/credential/introspect", token="x")),
             (401, "invalid_client", lambda: world.post("/credential/token", headers={**FORM, "Authorization": "Basic !!!"}, data="grant_type=client_credentials")),
             (400, "unsupported_grant_type", lambda: world.post("/credential/token", world.credential(), grant_type="magic"))]
    for status, _, ask in cases:
        assert ask().status_code == status
    found = wait_for(lambda: (lambda f: f if len(f) == len(cases) else None)([r for r in rows(planes) if r["id"] > last]), 10, "all rows")
    assert sorted((f["status"], f["error"]) for f in found) == sorted((status, error) for status, error, _ in cases)


def test_a_refusal_for_too_many_failures(own_planes):
    planes = own_planes(workers=1)
    planes.environment(failureLimits={"perClient": {"limit": 1, "intervalAmount": 1, "intervalUnit": "MINUTES"}})
    key = planes.credential("tried")
    for _ in range(2):
        planes.token_answer((key[0], "wrong-secret"), "/credential/token")
    found = wait_for(lambda: (lambda f: f if len(f) == 2 else None)(rows(planes, clientId=key[0])), 10, "two rows")
    assert sorted((f["status"], f["error"], f["reason"]) for f in found) == [(401, "invalid_client", "wrong secret"), (429, "slow_down", "too many failures")]


def test_public_documents_and_preflights_are_no_token_requests(world):
    planes = world.planes
    marker = world.credential()
    for prefix in ("/auth", "/credential"):
        planes.get(prefix + "/.well-known/jwks.json")
        planes.get("/.well-known/oauth-authorization-server" + prefix)
        planes.get(prefix + "/token", method="OPTIONS", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"})
        planes.get(prefix + "/nowhere")
    planes.token(marker, "/credential/token")
    row(planes, clientId=marker[0])
    assert {f["endpoint"] for f in rows(planes)} <= {p + e for p in ("/auth", "/credential")
                                                     for e in ("/token", "/jwt", "/jwt/regenerate", "/introspect", "/revoke")}
    assert not {f["status"] for f in rows(planes)} & {204, 404}


def test_names_that_are_long_or_no_text(world):
    planes = world.planes
    long = "é" * 200
    world.post("/credential/token", data=f"grant_type=client_credentials&client_secret=x&client_id=marker1{long}".encode(), headers=FORM)
    found = wait_for(lambda: [f for f in rows(planes) if (f["clientId"] or "").startswith("marker1")], 10, "the long name")[0]
    assert found["clientId"] == "marker1" + "é" * ((256 - 7) // 2)
    world.post("/credential/token", data=b"grant_type=client_credentials&client_secret=x&client_id=marker2%07%0aclient", headers=FORM)
    found = wait_for(lambda: [f for f in rows(planes) if (f["clientId"] or "").startswith("marker2")], 10, "the odd name")[0]
    assert found["clientId"] == r"marker2\x07\x0aclient"


# ---- off, lost ----

def test_off_by_the_environments_settings(own_planes):
    planes = own_planes(workers=1)
    key, later = planes.credential("before"), planes.credential("after")
    planes.environment(tokenRequestLog={"enabled": False})
    for _ in range(3):
        planes.token(key, "/credential/token")
    planes.environment(tokenRequestLog={"enabled": True})
    planes.token(later, "/credential/token")
    row(planes, clientId=later[0])
    assert rows(planes, clientId=key[0]) == []


def test_tokens_are_issued_while_the_log_cannot_be_written(own_planes):
    planes = own_planes(workers=1)
    key = planes.credential("goes-on")
    planes.token(key, "/credential/token")
    row(planes, clientId=key[0])
    with contextlib.closing(sqlite3.connect(os.path.join(planes.data, "requests.db"), timeout=10, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        for path in ("/credential/token", "/credential/jwt"):
            for _ in range(5):
                planes.token(key, path)
        lost = 'tollgate_request_log_rows_total{result="lost"}'
        wait_for(lambda: planes.metrics()[lost] >= 1, 30, "the loss is counted")
        for path in ("/credential/token", "/credential/jwt"):
            planes.token(key, path)
        db.execute("ROLLBACK")
    last = planes.credential("last")

    def written():
        planes.token(last, "/credential/token")
        return rows(planes, clientId=last[0])

    wait_for(written, 20, "the log is written again")


# ---- nothing secret ----

def test_no_log_holds_a_secret(own_planes):
    planes = own_planes(workers=1)
    planes.no_failure_limits()
    backend = Backend()
    generated = planes.credential("generated", token={**REFRESH, "allowUrlParameters": True})
    client = planes.credential("client", password="Chosen-Secret-Of-The-Client", token={"grantType": "PASSWORD", **REFRESH})
    user = planes.credential("user", password="Chosen-Password-Of-The-User",
                             metadata=[{"key": "pin", "value": "Secret-Metadata-Entry", "secret": True, "includeInTokenResponse": True}])
    secrets = {generated[1], client[1], user[1], "Wrong-Secret-Guess", "Wrong-Password-Guess", "Secret-Metadata-Entry"}
    base = planes.gateway + "/credential"

    def post(path, key, **form):
        answer = requests.post(base + path, data=form, auth=key, timeout=30)
        for name in ("access_token", "refresh_token"):
            if answer.content and name in answer.json():
                secrets.add(answer.json()[name])
        return answer

    for path in ("/token", "/jwt"):
        pair = post(path, generated, grant_type="client_credentials").json()
        for key, form in ((generated, {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}),
                          (client, {"grant_type": "password", "username": user[0], "password": user[1]}),
                          (client, {"grant_type": "password", "username": user[0], "password": "Wrong-Password-Guess"}),
                          ((client[0], "Wrong-Secret-Guess"), {"grant_type": "password", "username": user[0], "password": user[1]}),
                          ((generated[0], "Wrong-Secret-Guess"), {"grant_type": "client_credentials"})):
            post(path, key, **form)
        requests.get(base + path, params={"grant_type": "client_credentials", "client_id": generated[0], "client_secret": generated[1]}, timeout=30)
        requests.post(base + path + f"?client_secret={generated[1]}&access_token={pair['access_token']}", data={"grant_type": "client_credentials"}, timeout=30)
        requests.post(base + "/jwt/regenerate", headers={"Authorization": "Bearer " + pair["access_token"]},
                      data={"client_id": generated[0], "client_secret": generated[1]}, timeout=30)
        post("/introspect", generated, token=pair["access_token"])
        post("/revoke", generated, token=pair["refresh_token"])
        requests.post(base + path, data=f"client_secret={generated[1]}".encode() * 3000, headers=FORM, timeout=30)
    wait_for(lambda: len(rows(planes)) >= 20, 10, "rows")
    planes.stop()
    files = [planes.log_path] + [f for f in glob.glob(planes.data + "/**", recursive=True) if os.path.isfile(f)]
    assert any("access.log" in f for f in files) and any("requests.db" in f for f in files) and any("tokens.db" in f for f in files)
    for path in files:
        with open(path, "rb") as f:
            content = f.read()
        held = {s for s in secrets if s.encode() in content}
        assert not held, (path, held)
    backend.close()
