"""Settings that change what a client of the token endpoints sees: token management, URL parameters, regeneration of JWTs."""

import datetime
import os
import time

import jwt_tools as jwt
import pytest
import requests
from harness import Backend, Planes, wait_for
from principals import group

MANAGEMENT = "/settings/token-management/"


class World:
    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.jwt = planes.proxy("orders", self.backend.url, policy="jwt", refreshTokenAllowed=True)
        self.opaque = planes.proxy("reports", self.backend.url, policy="opaque", refreshTokenAllowed=True, refreshTokenCount=3)
        self.never = planes.proxy("never", self.backend.url, policy="opaque", tokenNeverExpires=True)

    def settings(self, **settings):
        """Live at the answer: every worker confirmed it."""
        answer = self.planes.manage("PUT", MANAGEMENT, settings)
        assert answer["deploymentResult"]["success"], answer

    def acquire(self, key, **form):
        answer = self.planes.token_answer(key, **form)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def world():
    with Planes(workers=2) as planes:
        w = World(planes)
        yield w
        w.backend.close()


@pytest.fixture
def management(world):
    """Sets the token management settings; back to the defaults afterwards."""
    yield world.settings
    world.settings()


def moment(text):
    assert text.endswith("Z") and len(text) == len("2026-01-01T00:00:00.000Z")
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


# ---- token management ----

def test_names_and_units(world, management):
    management(fieldNames={"access_token": "accessToken", "token_type": "", "expires_in": "ttl", "refresh_token": "refreshToken"},
               expiresInUnit="MILLISECONDS")
    for key, path in ((world.opaque, "/reports/x"), (world.jwt, "/orders/x")):
        body = world.acquire(key)
        assert set(body) == {"accessToken", "ttl", "refreshToken"} and body["ttl"] == 3600000
        assert world.planes.get(path, body["accessToken"]).status_code == 200
        again = world.acquire(key, grant_type="refresh_token", refresh_token=body["refreshToken"])
        assert set(again) == {"accessToken", "ttl", "refreshToken"}
    assert set(world.acquire(world.never)) == {"accessToken"}
    management(fieldNames={"token_type": "", "expires_in": "", "refresh_token": "", "scope": ""}, scopeNotRequestedBehavior="ALL_SCOPES")
    assert set(world.acquire(world.opaque)) == {"access_token"}


def test_errors_keep_their_names(world, management):
    management(fieldNames={"access_token": "t", "scope": "s"})
    answer = world.planes.token_answer(world.opaque, scope="read")
    assert answer.status_code == 400 and set(answer.json()) == {"error", "error_description"}


def test_extended_fields(world, management):
    management(extendedFields=True)
    first = {"access_token", "token_type", "expires_in", "X-ApplicationName", "X-ClientInfo", "X-IssuedAt", "X-ExpiresAt"}
    refresh = {"refresh_token", "X-RefreshTokenIssuedAt", "X-RefreshTokenExpiresAt", "X-RefreshCount"}
    for key, name in ((world.opaque, "reports"), (world.jwt, "orders")):
        body = world.acquire(key)
        assert set(body) == first | refresh
        assert (body["X-ApplicationName"], body["X-ClientInfo"], body["X-RefreshCount"]) == (name, key[0], 0)
        issued = moment(body["X-IssuedAt"])
        assert abs(issued - time.time()) < 30
        assert moment(body["X-ExpiresAt"]) - issued == 3600
        assert moment(body["X-RefreshTokenIssuedAt"]) == issued
        assert moment(body["X-RefreshTokenExpiresAt"]) - issued == 24 * 3600
        again = world.acquire(key, grant_type="refresh_token", refresh_token=body["refresh_token"])
        assert set(again) == first | refresh and again["X-RefreshCount"] == 1
    assert set(world.acquire(world.never)) == {"access_token", "token_type", "X-ApplicationName", "X-ClientInfo", "X-IssuedAt"}


# What an application key, which has no roles, gets: a scope, None for no scope, or "-" for 400 invalid_scope.
@pytest.mark.parametrize("settings, requested, none_requested", [
    ({}, "-", None),
    ({"scopeNotRequestedBehavior": "ALL_SCOPES"}, "-", ""),
    ({"scopeMismatchBehavior": "LENIENT"}, "", None),
    ({"scopeMismatchBehavior": "LENIENT", "rejectWhenNoRoles": True}, "-", "-"),
    ({"scopeMismatchBehavior": "STRICT", "rejectWhenNoRoles": True}, "-", "-"),
    ({"scopeMismatchBehavior": "IGNORE_REQUEST"}, "", None),
    ({"scopeMismatchBehavior": "IGNORE_REQUEST", "rejectWhenNoRoles": True, "scopeNotRequestedBehavior": "ALL_SCOPES"}, "", ""),
])
def test_scopes(world, management, settings, requested, none_requested):
    management(**settings)
    for key in (world.opaque, world.jwt):
        for form, wanted in (({"scope": "read write"}, requested), ({}, none_requested)):
            answer = world.planes.token_answer(key, **form)
            if wanted == "-":
                assert answer.status_code == 400 and answer.json()["error"] == "invalid_scope", answer.text
            else:
                assert answer.status_code == 200, answer.text
                assert answer.json().get("scope") == wanted
        assert world.planes.token_answer(key, scope='a"b').json()["error"] == "invalid_scope"


@pytest.mark.parametrize("path, name", [("/auth/token", "scoped-opaque"), ("/auth/jwt", "scoped-jwt")])
def test_scopes_of_an_application_key_are_its_roles(world, management, path, name):
    key = world.planes.proxy(name, world.backend.url, policy=name.partition("-")[2])
    world.planes.manage("PATCH", f"/projects/shop/apiProxies/{name}/settings/keys/", {"roleNameList": ["read", "write"]})
    wait_for(lambda: world.planes.token_answer(key, path, scope="read").status_code == 200, 5, "the roles are live")
    body = world.planes.token_answer(key, path, scope="write").json()
    assert body["scope"] == "write"
    assert world.planes.token_answer(key, path, scope="write delete").json()["error"] == "invalid_scope"
    assert "scope" not in world.planes.token_answer(key, path).json()
    management(scopeNotRequestedBehavior="ALL_SCOPES")
    assert sorted(world.planes.token_answer(key, path).json()["scope"].split()) == ["read", "write"]


@pytest.mark.parametrize("sort", ["apiProxyGroups", "policyGroups"])
def test_the_key_of_a_group_at_the_token_endpoints(world, management, sort):
    planes = world.planes
    planes.proxy("member-" + sort, world.backend.url, deploy=False)
    key = group(planes, sort, "group-" + sort, ["member-" + sort], policy="opaque", refreshTokenAllowed=True)
    planes.deploy("member-" + sort)
    management(extendedFields=True)
    body = wait_for(lambda: (lambda a: a.json() if a.status_code == 200 else None)(planes.token_answer(key)), 5, "the group is deployed")
    assert (body["X-ApplicationName"], body["X-ClientInfo"]) == ("group-" + sort, key[0])
    assert world.acquire(key, grant_type="refresh_token", refresh_token=body["refresh_token"])["X-RefreshCount"] == 1
    token = world.acquire(key)["access_token"]
    assert planes.token_answer(key, "/auth/introspect", token=token).json()["client_id"] == key[0]
    assert planes.token_answer(key, "/auth/revoke", token=token).status_code == 200
    assert planes.token_answer(key, "/auth/introspect", token=token).json() == {"active": False}


# ---- URL parameters ----

@pytest.fixture(scope="module")
def urls(world):
    """Proxies whose clients may use the URL, and what they got there."""
    p = world.planes
    return {"url-opaque": p.proxy("url-opaque", world.backend.url, policy="opaque", allowUrlParameters=True, refreshTokenAllowed=True),
            "url-jwt": p.proxy("url-jwt", world.backend.url, policy="jwt", allowUrlParameters=True, addUserToHeader=True)}


def ask(planes, path, params=None, auth=None, **kwargs):
    return requests.get(planes.gateway + path, params=params, auth=auth, timeout=30, **kwargs)


def credentials(key, **more):
    return {"grant_type": "client_credentials", "client_id": key[0], "client_secret": key[1], **more}


def test_get_token(world, urls):
    planes = world.planes
    for name, key in urls.items():
        for answer in (ask(planes, "/auth/token", credentials(key)), ask(planes, "/auth/token", {"grant_type": "client_credentials"}, auth=key)):
            assert answer.status_code == 200, answer.text
            assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"
            assert planes.get(f"/{name}/x", answer.json()["access_token"]).status_code == 200
    assert ask(planes, "/auth/jwt", credentials(urls["url-jwt"])).json()["access_token"].count(".") == 2
    assert ask(planes, "/auth/jwt", credentials(urls["url-opaque"])).json()["error"] == "unauthorized_client"
    first = ask(planes, "/auth/token", credentials(urls["url-opaque"])).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    answer = ask(planes, "/auth/token", refresh, auth=urls["url-opaque"])
    assert answer.status_code == 200 and answer.json()["access_token"] != first["access_token"]


def test_get_token_is_refused(world, urls):
    planes = world.planes
    key = urls["url-opaque"]
    for path in ("/auth/token", "/auth/jwt"):
        for answer in (ask(planes, path, credentials(world.opaque)), ask(planes, path, {"x": "y"}, auth=world.jwt), ask(planes, path)):
            assert answer.status_code == 405 and answer.json()["error"] == "invalid_request", answer.text
            assert answer.headers["Allow"] == "POST, OPTIONS"
    for bad in ((key[0], "wrong"), ("nobody", "wrong"), (world.opaque[0], "wrong")):
        answer = ask(planes, "/auth/token", credentials(bad))
        assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"
    assert ask(planes, "/auth/token", credentials(key, grant_type=["client_credentials"] * 2)).json()["error"] == "invalid_request"
    assert ask(planes, "/auth/token", credentials(key, password="p")).json()["error"] == "invalid_request"
    assert ask(planes, "/auth/token", credentials(key), data="a=b").json()["error"] == "invalid_request"
    # POST takes no credentials from the URL, and the other endpoints no GET
    assert requests.post(planes.gateway + "/auth/token", params=credentials(key), timeout=30,
                         headers={"Content-Type": "application/x-www-form-urlencoded"}).status_code == 400
    for path in ("/auth/introspect", "/auth/revoke"):
        assert ask(planes, path, {"token": "x"}, auth=key).status_code == 405


@pytest.mark.parametrize("query, seen", [
    ("access_token={}", ""), ("a=1&access_token={}", "?a=1"), ("access_token={}&b=%2f%2F+;'&&=", "?b=%2f%2F+;'&&="),
    ("a=%zz&%61ccess%5ftoken={}&a", "?a=%zz&a"), ("&access_token={}&", "?&"), ("access_token=&access_token={}", ""),
])
def test_token_in_the_url_is_taken_and_taken_away(world, urls, query, seen):
    for name, key in urls.items():
        token = world.planes.token(key)
        for _ in range(2):  # not known to the cache of each worker, and known
            reply = world.planes.raw(f"GET /{name}/x?{query.format(token)} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode())
            assert reply.status == 200, reply.body
            assert world.backend.line == f"GET /x{seen} HTTP/1.1".encode()
            assert token.encode() not in world.backend.last
            assert reply.get("Cache-Control") == [b"private"]


def test_cache_control_of_a_backend_stays(world, urls):
    """And nothing is added where the token was in the header."""
    own = Backend(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=5\r\nContent-Length: 0\r\n\r\n")
    key = world.planes.proxy("url-cache", own.url, policy="opaque", allowUrlParameters=True)
    token = world.planes.token(key)
    assert world.planes.get(f"/url-cache/x?access_token={token}").headers["Cache-Control"] == "max-age=5"
    own.close()
    assert "Cache-Control" not in world.planes.get("/url-opaque/x", world.planes.token(urls["url-opaque"])).headers


def test_more_than_one_token(world, urls):
    for name, key in urls.items():
        token = world.planes.token(key)
        seen = len(world.backend.requests)
        for query, header in ((f"access_token={token}", token), (f"access_token={token}&access_token={token}", None),
                              (f"access_token={token}&x&acc%65ss_token={token}", None), ("access_token=x", token), ("access_token=a%20b", token)):
            answer = world.planes.get(f"/{name}/x?{query}", header)
            assert answer.status_code == 400 and answer.json()["error"] == "invalid_request", query
            assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_request"')
        assert len(world.backend.requests) == seen
        # an empty one is none
        assert world.planes.get(f"/{name}/x?access_token=", token).status_code == 200 and world.backend.line == b"GET /x HTTP/1.1"
        answer = world.planes.get(f"/{name}/x?access_token=")
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"


def test_bad_token_in_the_url(world, urls):
    planes = world.planes
    other = planes.token(world.opaque)
    for name in urls:
        for bad in ("x", "a%20b", "%00", other, "tga_" + "A" * 48):
            answer = planes.get(f"/{name}/x?access_token={bad}")
            assert answer.status_code == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"], bad


def test_where_the_policy_does_not_allow_it_the_query_is_the_backends(world):
    token = world.planes.token(world.opaque)
    assert world.planes.get(f"/reports/x?access_token={token}").status_code == 401
    assert world.planes.get("/reports/x?access_token=abc&b", token).status_code == 200
    assert world.backend.line == b"GET /x?access_token=abc&b HTTP/1.1"


def test_turning_it_off(world):
    planes = world.planes
    key = planes.proxy("url-off", world.backend.url, policy="opaque", allowUrlParameters=True)
    token = ask(planes, "/auth/token", credentials(key)).json()["access_token"]
    planes.manage("PATCH", "/projects/shop/apiProxies/url-off/policies/auth/", {"policy": {"allowUrlParameters": False}})
    planes.deploy("url-off")
    assert ask(planes, "/auth/token", credentials(key)).status_code == 405
    assert planes.get(f"/url-off/x?access_token={token}").status_code == 401
    assert planes.get("/url-off/x", token).status_code == 200


def test_urls_with_secrets_are_redacted_everywhere(own_planes):
    """The URLs that now work, in the access log, the error log (a dead backend makes nginx complain), the output, the databases."""
    planes = own_planes(workers=1)
    backend = Backend()
    key = planes.proxy("a", backend.url, policy="opaque", allowUrlParameters=True, refreshTokenAllowed=True)
    pair = ask(planes, "/auth/token", credentials(key)).json()
    fresh = ask(planes, "/auth/token", {"grant_type": "refresh_token", "client_id": key[0], "client_secret": key[1], "refresh_token": pair["refresh_token"]}).json()
    assert ask(planes, "/auth/token", credentials((key[0], "wrong-guess-41c9"))).status_code == 401
    wrong = ask(planes, "/auth/token", credentials(key, password="users-password-77"))
    assert wrong.status_code == 400
    assert planes.get(f"/a/x?access_token={fresh['access_token']}&mark=1").status_code == 200
    backend.close()
    assert planes.get(f"/a/x?b=c&%61ccess_token={fresh['access_token']}&mark=2").status_code == 502
    log = os.path.join(planes.data, "gateway", "access.log")
    wait_for(lambda: b"mark=2" in open(log, "rb").read(), 10, "the last line of the access log")
    files = {planes.log_path: open(planes.log_path, "rb").read()}
    for folder, _, names in os.walk(planes.data):
        files.update({os.path.join(folder, n): open(os.path.join(folder, n), "rb").read() for n in names})
    assert b"client_secret=***" in files[log] and b"refresh_token=***" in files[log] and b"access_token=***&mark=1" in files[log]
    assert b"mark=2" in files[planes.log_path]  # nginx complained of that very request
    for secret in (key[1], "wrong-guess-41c9", "users-password-77", pair["access_token"], pair["refresh_token"], fresh["access_token"], fresh["refresh_token"]):
        for path, content in files.items():
            assert secret.encode() not in content, path


# ---- P/jwt/regenerate ----

REGENERATE = "/auth/jwt/regenerate"


def regenerate(planes, key, token=None, method="POST", **kwargs):
    headers = {"Authorization": "Bearer " + token} if token else {}
    data = {"client_id": key[0], "client_secret": key[1]} if key else {"a": "b"}
    return requests.request(method, planes.gateway + REGENERATE, data=data, headers=headers, timeout=30, **kwargs)


def oauth_error(answer, status, name):
    assert answer.status_code == status and answer.json()["error"] == name, answer.text
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"


@pytest.mark.parametrize("alg", ["RS256", "ES256"])  # signed in a thread, and at once
def test_regenerate(world, alg):
    planes = world.planes
    name = f"regenerate-{alg.lower()}"
    key = planes.proxy(name, world.backend.url, policy="jwt", jwtSignatureAlgorithm=alg)
    old = planes.token(key)
    time.sleep(1.1)
    answer = regenerate(planes, key, old)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in"} and body["expires_in"] == 3600
    was, now = jwt.part(old, 1), jwt.verify(body["access_token"], planes.get("/auth/.well-known/jwks.json").json())
    assert jwt.part(body["access_token"], 0)["typ"] == "at+jwt"
    assert set(was) == set(now) and was["jti"] != now["jti"]
    assert all(was[c] == now[c] for c in was if c not in ("jti", "iat", "exp"))
    assert now["iat"] > was["iat"] and now["exp"] - now["iat"] == 3600
    # the old one goes on, and a new one can be the old one of another
    again = regenerate(planes, key, body["access_token"]).json()["access_token"]
    for token in (old, body["access_token"], again):
        assert planes.get(f"/{name}/x", token).status_code == 200
    assert len({old, body["access_token"], again, regenerate(planes, key, old).json()["access_token"]}) == 4


def test_regenerated_has_the_family_and_ends_with_it(world):
    planes = world.planes
    pair = world.acquire(world.jwt)
    body = regenerate(planes, world.jwt, pair["access_token"]).json()
    assert set(body) == {"access_token", "token_type", "expires_in"}
    assert jwt.part(body["access_token"], 1)["tg_fam"] == jwt.part(pair["access_token"], 1)["tg_fam"]
    assert requests.post(planes.gateway + "/auth/revoke", data={"token": pair["refresh_token"]}, auth=world.jwt, timeout=30).status_code == 200
    for token in (pair["access_token"], body["access_token"]):
        assert planes.get("/orders/x", token).status_code == 401
        oauth_error(regenerate(planes, world.jwt, token), 400, "invalid_grant")


def test_regenerate_a_token_that_never_expires(world):
    key = world.planes.proxy("regenerate-never", world.backend.url, policy="jwt", tokenNeverExpires=True)
    body = regenerate(world.planes, key, world.planes.token(key)).json()
    assert set(body) == {"access_token", "token_type"} and "exp" not in jwt.part(body["access_token"], 1)


def test_regenerate_refuses_a_token(world):
    planes = world.planes
    pair = world.acquire(world.jwt)
    good = pair["access_token"]
    other = planes.proxy("regenerate-other", world.backend.url, policy="jwt")
    short = planes.proxy("regenerate-short", world.backend.url, policy="jwt", tokenExpiresInAmount=1, tokenExpiresInUnit="SECONDS")
    expired = planes.token(short)
    revoked = planes.token(world.jwt)
    assert requests.post(planes.gateway + "/auth/revoke", data={"token": revoked}, auth=world.jwt, timeout=30).status_code == 200
    head, claims, signature = good.split(".")
    forged = ".".join((head, claims, signature[:-8] + ("AAAAAAAA" if signature[-8:] != "AAAAAAAA" else "BBBBBBBB")))
    for bad in (planes.token(other), revoked, forged, pair["refresh_token"], planes.token(world.opaque), "x", head + "." + claims + "."):
        oauth_error(regenerate(planes, world.jwt, bad), 400, "invalid_grant")
    wait_for(lambda: planes.get("/regenerate-short/x", expired).status_code == 401, 5, "its end")
    oauth_error(regenerate(planes, short, expired), 400, "invalid_grant")
    assert regenerate(planes, world.jwt, good).status_code == 200
    # a new secret ends what the old one got
    token = planes.token(other)
    fresh = planes.manage("PATCH", "/projects/shop/apiProxies/regenerate-other/settings/keys/", {"regenerate": True})["applicationKey"]
    fresh = (fresh["clientId"], fresh["clientSecret"])
    wait_for(lambda: regenerate(planes, fresh, token).status_code == 400, 5, "the new secret")
    oauth_error(regenerate(planes, fresh, token), 400, "invalid_grant")


def test_regenerate_refuses_a_request(world):
    planes = world.planes
    token = planes.token(world.jwt)
    for client in (None, (world.jwt[0], "wrong"), ("nobody", world.jwt[1]), (world.jwt[0], "")):
        oauth_error(regenerate(planes, client, token), 401, "invalid_client")
    oauth_error(regenerate(planes, world.jwt), 400, "invalid_request")
    # Basic: Authorization is the token's here
    for data in ({}, {"client_id": world.jwt[0], "client_secret": world.jwt[1]}):
        oauth_error(requests.post(planes.gateway + REGENERATE, data=data or {"a": "b"}, auth=world.jwt, timeout=30), 400, "invalid_request")
    oauth_error(regenerate(planes, world.jwt, token, params={"access_token": token}), 400, "invalid_request")
    for method in ("GET", "PUT", "DELETE"):
        answer = regenerate(planes, world.jwt, token, method)
        oauth_error(answer, 405, "invalid_request")
        assert answer.headers["Allow"] == "POST, OPTIONS"
    oauth_error(regenerate(planes, world.opaque, planes.token(world.opaque)), 400, "unauthorized_client")
    off = planes.proxy("regenerate-off", world.backend.url, policy="jwt", regenerate={"enabled": False})
    oauth_error(regenerate(planes, off, planes.token(off)), 400, "unauthorized_client")


def test_regenerate_speaks_as_the_settings_say(world, management):
    management(fieldNames={"access_token": "t", "token_type": ""}, expiresInUnit="MILLISECONDS", extendedFields=True)
    token = world.acquire(world.jwt)["t"]
    body = regenerate(world.planes, world.jwt, token).json()
    assert set(body) == {"t", "expires_in", "X-ApplicationName", "X-ClientInfo", "X-IssuedAt", "X-ExpiresAt"} and body["expires_in"] == 3600000
    management(scopeNotRequestedBehavior="ALL_SCOPES")
    pair = world.acquire(world.jwt)
    assert pair["scope"] == ""
    management()
    assert regenerate(world.planes, world.jwt, pair["access_token"]).json()["scope"] == ""  # the old token's
