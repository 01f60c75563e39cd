"""The token API as a client sees it, and what a token does at a proxied API from its issue to its end."""

import base64
import json
import os
import pathlib
import re
import signal
import time
import urllib.parse

import jwt_tools as jwt
import pytest
import requests
from harness import Backend, Planes, raw, wait_for

GRANT = "grant_type=client_credentials"
FORM = "application/x-www-form-urlencoded"


class World:
    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.names = 0
        planes.no_failure_limits()
        self.jwt = planes.proxy("orders", self.backend.url, policy="jwt", addUserToHeader=True)
        self.opaque = planes.proxy("reports", self.backend.url, policy="opaque", addUserToHeader=True)
        self.open = planes.proxy("open", self.backend.url)

    def proxy(self, policy, **fields):
        """A proxy of its own: its name and its key."""
        self.names += 1
        name = f"own{self.names}"
        return name, self.planes.proxy(name, self.backend.url, policy=policy, **fields)

    def status(self, name, token=None):
        return self.planes.get(f"/{name}/x", token).status_code

    def lives(self, name, token):
        """On every worker: each request is a new connection."""
        assert {self.status(name, token) for _ in range(6)} == {200}

    def ends(self, name, token, status=401):
        wait_for(lambda: self.status(name, token) == status, 5, f"{status} for an ended token")
        assert {self.status(name, token) for _ in range(6)} == {status}

    def keys(self, name, **change):
        return self.planes.manage("PATCH", f"/projects/shop/apiProxies/{name}/settings/keys/", change)["applicationKey"]

    def change(self, name, deploy=True, **policy):
        self.planes.manage("PATCH", f"/projects/shop/apiProxies/{name}/policies/auth/", {"policy": policy})
        if deploy:
            self.planes.deploy(name)


@pytest.fixture(scope="module")
def world():
    with Planes(workers=2) as planes:
        w = World(planes)
        yield w
        w.backend.close()


def post(planes, body, path="/auth/token", basic=None, fields=None, kind=FORM):
    """basic: the very text that is put into base64."""
    headers = {"Content-Type": kind} if kind else {}
    if basic is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(basic.encode()).decode()
    headers.update(fields or {})
    return requests.post(planes.gateway + path, data=body, headers=headers, timeout=30)


def error(answer, status, name):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error", "error_description"} and body["error"] == name and body["error_description"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"


# ---- issue ----

def test_opaque_token_answer(world):
    answer = world.planes.token_answer(world.opaque)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert re.fullmatch(r"tga_[A-Za-z0-9_-]{48}", body["access_token"])
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"
    assert world.status("reports", body["access_token"]) == 200


@pytest.mark.parametrize("path", ["/auth/token", "/auth/jwt"])
def test_jwt_answer(world, path):
    before = int(time.time())
    answer = world.planes.token_answer(world.jwt, path)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"
    token = body["access_token"]
    claims = jwt.verify(token, world.planes.get("/auth/.well-known/jwks.json").json())
    header = jwt.part(token, 0)
    assert set(header) == {"alg", "kid", "typ"} and (header["alg"], header["typ"]) == ("RS256", "at+jwt")
    assert set(claims) == {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "tg_gen"}
    assert claims["sub"] == claims["aud"] == claims["client_id"] == world.jwt[0]
    assert claims["iss"] == world.planes.gateway + "/auth"
    assert claims["exp"] - claims["iat"] == 3600 and before - 1 <= claims["iat"] <= time.time() + 1
    assert re.fullmatch(r"[0-9a-f]{16}", claims["tg_gen"]) and len(jwt.unb64u(claims["jti"])) == 16
    assert world.status("orders", token) == 200


def test_no_two_tokens_are_equal(world):
    for key in (world.jwt, world.opaque):
        assert len({world.planes.token(key) for _ in range(20)}) == 20
    jtis = {jwt.part(world.planes.token(world.jwt), 1)["jti"] for _ in range(20)}
    assert len(jtis) == 20


def test_jwt_endpoint_for_a_client_with_an_opaque_policy(world):
    error(world.planes.token_answer(world.opaque, "/auth/jwt"), 400, "unauthorized_client")


def test_client_without_an_active_policy(world):
    error(world.planes.token_answer(world.open), 400, "unauthorized_client")
    name, key = world.proxy("jwt", active=False)
    error(world.planes.token_answer(key), 400, "unauthorized_client")


@pytest.mark.parametrize("grant, status, name", [
    ("password", 400, "unauthorized_client"), ("refresh_token", 400, "unauthorized_client"), ("authorization_code", 400, "unsupported_grant_type"),
    ("implicit", 400, "unsupported_grant_type"), ("CLIENT_CREDENTIALS", 400, "unsupported_grant_type"), ("client_credentials ", 400, "unsupported_grant_type"),
    ("urn:ietf:params:oauth:grant-type:jwt-bearer", 400, "unsupported_grant_type"), ("", 400, "invalid_request")])
def test_grants(world, grant, status, name):
    for key in (world.jwt, world.opaque):
        error(world.planes.token_answer(key, grant_type=grant, username="u", password="p", refresh_token="r"), status, name)


def test_grant_type_missing(world):
    for body in ("", "a=b", "scope="):
        error(post(world.planes, body, basic=":".join(world.jwt)), 400, "invalid_request")


@pytest.mark.parametrize("scope", ["read", "read write", "a b", '"', "a  b", " a", "a\\b", "é", "x" * 2000])
def test_scope_that_is_not_available(world, scope):
    error(world.planes.token_answer(world.jwt, scope=scope), 400, "invalid_scope")


def test_parameters_without_a_value_are_as_if_left_out(world):
    assert world.planes.token_answer(world.jwt, scope="", client_secret="", unknown="x").status_code == 200


# ---- client authentication ----

def test_basic_and_body(world):
    client_id, secret = world.jwt
    assert re.fullmatch(r"[A-Za-z0-9_-]+", client_id) and re.fullmatch(r"[A-Za-z0-9_-]{43,}", secret)
    assert post(world.planes, GRANT, basic=f"{client_id}:{secret}").status_code == 200
    assert post(world.planes, f"{GRANT}&client_id={client_id}&client_secret={secret}").status_code == 200
    assert post(world.planes, f"client_secret={secret}&client_id={client_id}&{GRANT}").status_code == 200
    assert post(world.planes, GRANT, fields={"Authorization": "bAsIc " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}).status_code == 200
    # another scheme is ignored and the body is used
    assert post(world.planes, f"{GRANT}&client_id={client_id}&client_secret={secret}", fields={"Authorization": "Bearer x"}).status_code == 200


ODD = "aB3+/=%&x;:\"'~^`{}|\\<>?#@!*"


@pytest.fixture(scope="module")
def odd(world):
    """A client that somebody named, with a secret that somebody chose."""
    name, _ = world.proxy("opaque")
    client_id = "client+%41/" + name
    shown = world.keys(name, publicKey=client_id, secretKey=ODD)
    assert shown["clientId"] == client_id and "clientSecret" not in shown
    wait_for(lambda: world.planes.token_answer(None, client_id=client_id, client_secret=ODD).status_code == 200, 5, "the chosen secret")
    return name, client_id


def test_form_decoding_of_chosen_ids_and_secrets(world, odd):
    name, client_id = odd
    quoted = [urllib.parse.quote_plus(s) for s in (client_id, ODD)]
    everything = ["".join(f"%{b:02x}" for b in s.encode()) for s in (client_id, ODD)]
    for i, s in (quoted, everything):
        assert post(world.planes, GRANT, basic=f"{i}:{s}").status_code == 200
        answer = post(world.planes, f"{GRANT}&client_id={i}&client_secret={s}")
        assert answer.status_code == 200 and world.status(name, answer.json()["access_token"]) == 200
    # as they are, '+' is a blank and '%41' an A
    error(post(world.planes, GRANT, basic=f"{client_id}:{ODD}"), 401, "invalid_client")
    error(post(world.planes, GRANT, basic=f"{quoted[0]}:{ODD}"), 401, "invalid_client")


def test_wrong_guesses_beside_a_chosen_secret(world, odd):
    """What argon2id once accepted is remembered; what it never accepted is not."""
    _, client_id = odd
    for _ in range(3):
        assert world.planes.token_answer(None, client_id=client_id, client_secret=ODD).status_code == 200
        for wrong in (ODD[:-1], ODD + "x", ODD.swapcase(), "wrong-wrong"):
            error(world.planes.token_answer(None, client_id=client_id, client_secret=wrong), 401, "invalid_client")


def test_chosen_secret_changed_again(world, odd):
    name, client_id = odd
    world.keys(name, secretKey="another chosen one".replace(" ", "-"))
    wait_for(lambda: world.planes.token_answer(None, client_id=client_id, client_secret="another-chosen-one").status_code == 200, 5, "the new secret")
    for _ in range(6):
        error(world.planes.token_answer(None, client_id=client_id, client_secret=ODD), 401, "invalid_client")
    world.keys(name, secretKey=ODD)
    wait_for(lambda: world.planes.token_answer(None, client_id=client_id, client_secret=ODD).status_code == 200, 5, "the first secret again")


def test_client_of_a_proxy_that_is_not_deployed(world):
    name, key = world.proxy("jwt", deploy=False)
    error(world.planes.token_answer(key), 401, "invalid_client")
    world.planes.deploy(name)
    assert world.planes.token_answer(key).status_code == 200
    world.planes.undeploy(name)
    error(world.planes.token_answer(key), 401, "invalid_client")


# ---- methods and public documents ----

TOKEN_PATHS = ["/auth/token", "/auth/jwt", "/auth/jwt/regenerate", "/auth/introspect", "/auth/revoke"]
PUBLIC_PATHS = ["/auth/.well-known/jwks.json", "/auth/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/auth"]


@pytest.mark.parametrize("path", TOKEN_PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_method_not_allowed_at_a_token_endpoint(world, path, method):
    answer = world.planes.get(path, method=method, data=GRANT)
    error(answer, 405, "invalid_request")
    assert answer.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("path", TOKEN_PATHS + PUBLIC_PATHS)
def test_head_and_options(world, path):
    allow = "POST, OPTIONS" if path in TOKEN_PATHS else "GET, HEAD, OPTIONS"
    answer = world.planes.get(path, method="OPTIONS", headers={"Origin": "http://evil", "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 204 and answer.headers["Allow"] == allow and answer.content == b""
    assert not [h for h in answer.headers if h.lower().startswith("access-control-")]  # no proxy has CORS settings
    head = raw(world.planes.gateway_port, f"HEAD {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n".encode(), head_only=True)
    assert head.status == (405 if path in TOKEN_PATHS else 200)


@pytest.mark.parametrize("path", PUBLIC_PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_method_not_allowed_at_a_public_document(world, path, method):
    answer = world.planes.get(path, method=method, data=GRANT)
    error(answer, 405, "invalid_request")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/auth/", "/auth/x", "/auth/token/", "/auth/token/x", "/auth/Token", "/auth/.well-known/", "/credential/x",
                                  "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/x", "/auth/jwks.json"])
def test_nothing_else_below_the_gateways_own_paths(world, path):
    for method in ("GET", "POST"):
        answer = world.planes.get(path, method=method)
        assert answer.status_code == 404 and answer.json()["error"] == "not_found"


def test_own_paths_are_never_a_proxys(world):
    """Not even with an open proxy for everything, in whatever spelling."""
    planes = world.planes
    planes.manage("POST", "/projects/shop/apiProxies/url/", {
        "apiProxyName": "everything", "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": {"relativePathList": ["/"]},
        "routingInfo": {"routingAddressList": [{"address": world.backend.url}]}})
    planes.deploy("everything")
    try:
        seen = len(world.backend.requests)
        for path in ("/auth/x", "/auth/token", "/a%75th/x", "//auth/x", "/x/../auth/x", "/auth%2fx", "/credential/token", "/.well-known/oauth-authorization-server/x"):
            reply = raw(planes.gateway_port, f"GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode())
            assert reply.status in (404, 405), path
        assert len(world.backend.requests) == seen
        assert raw(planes.gateway_port, b"GET /authx HTTP/1.1\r\nHost: gateway\r\n\r\n").status == 200
    finally:
        planes.undeploy("everything")


def test_jwks(world):
    answer = world.planes.get("/auth/.well-known/jwks.json")
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "public, max-age=300"
    keys = answer.json()["keys"]
    assert set(answer.json()) == {"keys"} and len({k["kid"] for k in keys}) == len(keys) >= 1
    for key in keys:
        jwt.public_key(key)
        assert key["use"] == "sig" and key["alg"] in jwt.ALGORITHMS


def test_metadata(world):
    here = world.planes.gateway
    methods = ["client_secret_basic", "client_secret_post"]
    documents = [world.planes.get(path) for path in PUBLIC_PATHS[1:]]
    for answer in documents:
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"  # derived from the Host header
        assert answer.json() == {
            "issuer": here + "/auth", "token_endpoint": here + "/auth/token", "jwt_endpoint": here + "/auth/jwt",
            "introspection_endpoint": here + "/auth/introspect", "revocation_endpoint": here + "/auth/revoke",
            "jwks_uri": here + "/auth/.well-known/jwks.json", "grant_types_supported": ["client_credentials", "refresh_token"], "response_types_supported": [],
            "token_endpoint_auth_methods_supported": methods, "introspection_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods}
    assert world.planes.get(documents[0].json()["jwks_uri"].removeprefix(here)).status_code == 200


def test_forwarded_host_of_a_peer_that_is_not_trusted(world):
    answer = world.planes.get(PUBLIC_PATHS[1], headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert answer.json()["issuer"] == world.planes.gateway + "/auth"


@pytest.mark.parametrize("host", ["evil/x", "a b", "a,b", "", "u@h", "h:99999"])
def test_host_that_cannot_be_an_issuer(world, host):
    request = f"GET {PUBLIC_PATHS[1]} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    assert raw(world.planes.gateway_port, request.encode()).status == 400


def test_issuer_settings(own_planes):
    planes = own_planes(workers=1)
    backend = Backend()
    key = planes.proxy("orders", backend.url, policy="jwt")
    loose = planes.token(key)

    planes.manage("PATCH", "/environments/production/", {"trustedProxies": ["127.0.0.1"]})
    forwarded = {"X-Forwarded-Host": "api.example.org", "X-Forwarded-Proto": "https"}
    wait_for(lambda: planes.get(PUBLIC_PATHS[1], headers=forwarded).json()["issuer"] == "https://api.example.org/auth", 5, "the forwarded host")
    assert planes.get(PUBLIC_PATHS[1], headers={"X-Forwarded-Host": "a/b"}).status_code == 400
    assert planes.get("/orders/x", loose).status_code == 200  # only its path is checked

    planes.manage("PATCH", "/environments/production/", {"accessUrl": "https://api.example.com", "jwksMaxAgeSeconds": 77})
    wait_for(lambda: planes.get(PUBLIC_PATHS[1], headers=forwarded).json()["issuer"] == "https://api.example.com/auth", 5, "the access URL")
    for path in PUBLIC_PATHS:
        assert planes.get(path).headers["Cache-Control"] == "public, max-age=77"
    strict = planes.token(key)
    assert jwt.part(strict, 1)["iss"] == "https://api.example.com/auth"
    assert planes.get("/orders/x", strict).status_code == 200
    assert planes.get("/orders/x", loose).status_code == 401  # also the one that the cache knows
    planes.manage("PATCH", "/environments/production/", {"accessUrl": None})
    wait_for(lambda: planes.get("/orders/x", loose).status_code == 200, 5, "the first token again")
    backend.close()


# ---- algorithms and keys ----

@pytest.mark.parametrize("alg", jwt.ALGORITHMS)
def test_signature_algorithm(world, alg):
    name, key = world.proxy("jwt", jwtSignatureAlgorithm=alg)
    token = world.planes.token(key)
    assert jwt.part(token, 0)["alg"] == alg
    jwks = world.planes.get("/auth/.well-known/jwks.json").json()
    assert jwt.verify(token, jwks)["aud"] == key[0]
    assert [k["kid"] for k in jwks["keys"] if k["alg"] == alg] == [jwt.part(token, 0)["kid"]]
    world.lives(name, token)
    data, sig = token.rsplit(".", 1)
    flipped = bytearray(jwt.unb64u(sig))
    flipped[len(flipped) // 2] ^= 4
    assert world.status(name, data + "." + jwt.b64u(bytes(flipped))) == 401


@pytest.mark.parametrize("alg", jwt.ALGORITHMS)
def test_uploaded_key(world, alg):
    """An administrator's own key signs, with each algorithm."""
    name, key = world.proxy("jwt", jwtSignatureAlgorithm=alg)
    before = world.planes.token(key)
    private = jwt.new_key(alg)
    kid = world.planes.manage("POST", "/environments/production/keys/upload/",
                              {"algorithm": alg, "privateKey": jwt.pem(private), "activateNow": True})["result"]["kid"]
    wait_for(lambda: jwt.part(world.planes.token(key), 0)["kid"] == kid, 5, "the uploaded key")
    token = world.planes.token(key)
    claims = jwt.part(token, 1)
    own = jwt.make(jwt.part(token, 0), {**claims, "jti": "A" * 22}, private)  # the very same key
    for good in (before, token, own):
        world.lives(name, good)


def kids(planes):
    return [k["kid"] for k in planes.get("/auth/.well-known/jwks.json").json()["keys"]]


def state(planes, kid):
    return {k["kid"]: k["state"] for k in planes.manage("GET", "/environments/production/keys/?pageSize=100")["resultList"]}[kid]


def test_key_rotation(own_planes):
    """Published, then active once every verifier can have read it; nothing that is valid is refused on the way."""
    planes = own_planes(workers=2)
    backend = Backend()
    key = planes.proxy("orders", backend.url, policy="jwt")
    planes.manage("PATCH", "/environments/production/", {"jwksMaxAgeSeconds": 3})
    old = planes.token(key)
    old_kid = jwt.part(old, 0)["kid"]

    started = time.time()
    new_kid = planes.manage("POST", "/environments/production/keys/regenerate/", {"algorithm": "RS256"})["result"]["kid"]
    wait_for(lambda: sorted(kids(planes)) == sorted([old_kid, new_kid]), 3, "both keys in the JWKS")
    assert state(planes, new_kid) == "published" and state(planes, old_kid) == "active"
    assert jwt.part(planes.token(key), 0)["kid"] == old_kid

    def rotated():
        for _ in range(4):
            token = planes.token(key)
            assert planes.get("/orders/x", token).status_code == 200
            jwt.verify(token, planes.get("/auth/.well-known/jwks.json").json())
        return jwt.part(token, 0)["kid"] == new_kid
    wait_for(rotated, 15, "the new key signs", every=0.1)
    assert time.time() - started >= 3
    assert state(planes, new_kid) == "active" and state(planes, old_kid) == "retiring"
    assert {planes.get("/orders/x", old).status_code for _ in range(6)} == {200}
    assert set(kids(planes)) == {old_kid, new_kid}

    now_kid = planes.manage("POST", "/environments/production/keys/regenerate/", {"algorithm": "RS256", "activateNow": True})["result"]["kid"]
    wait_for(lambda: jwt.part(planes.token(key), 0)["kid"] == now_kid, 5, "activateNow")
    assert planes.get("/orders/x", old).status_code == 200

    planes.manage("POST", f"/environments/production/keys/{old_kid}/revoke/")
    wait_for(lambda: planes.get("/orders/x", old).status_code == 401, 5, "the revoked key's token is refused")
    assert {planes.get("/orders/x", old).status_code for _ in range(6)} == {401}
    assert old_kid not in kids(planes) and state(planes, old_kid) == "revoked"

    last = planes.token(key)
    planes.manage("POST", f"/environments/production/keys/{now_kid}/revoke/")
    wait_for(lambda: planes.get("/orders/x", last).status_code == 401, 5, "the signer was revoked")
    fresh = planes.token(key)
    assert jwt.part(fresh, 0)["kid"] not in (old_kid, new_kid, now_kid)
    assert planes.get("/orders/x", fresh).status_code == 200
    backend.close()


# ---- lifetimes ----

UNITS = [(1500, "MILLI_SECONDS", 2), (1, "MILLI_SECONDS", 1), (1, "MILLI_SECOND", 1), (7, "SECONDS", 7), (1, "SECOND", 1), (2, "MINUTES", 120), (3, "HOURS", 10800), (1, "HOUR", 3600),
         (1, "DAYS", 86400), (2, "WEEKS", 1209600), (1, "MONTHS", 2592000), (1, "YEARS", 31536000)]


@pytest.mark.parametrize("kind", ["jwt", "opaque"])
def test_units_of_a_lifetime(world, kind):
    name, key = world.proxy(kind)
    for amount, unit, seconds in UNITS:
        world.change(name, tokenExpiresInAmount=amount, tokenExpiresInUnit=unit)
        body = world.planes.token_answer(key).json()
        assert body["expires_in"] == seconds, unit
        if kind == "jwt":
            claims = jwt.part(body["access_token"], 1)
            assert claims["exp"] - claims["iat"] == seconds
    world.lives(name, body["access_token"])


@pytest.mark.parametrize("kind, seconds, at_least", [("jwt", 2, 1), ("opaque", 1, 1)])  # the times of a JWT are whole seconds
def test_a_token_expires(world, kind, seconds, at_least):
    name, key = world.proxy(kind, tokenExpiresInAmount=seconds, tokenExpiresInUnit="SECONDS")
    asked = time.monotonic()
    token = world.planes.token(key)
    world.status(name, token)
    wait_for(lambda: world.status(name, token) == 401, 10, "the end of the token", every=0.05)  # also of what the cache knows
    assert time.monotonic() - asked > at_least - 0.1
    answer = world.planes.get(f"/{name}/x", token)
    assert answer.status_code == 401 and answer.json()["error"] == "invalid_token" and "expired" in answer.json()["error_description"]
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')


@pytest.mark.parametrize("kind", ["jwt", "opaque"])
def test_a_token_that_never_expires(world, kind):
    name, key = world.proxy(kind, tokenNeverExpires=True)
    body = world.planes.token_answer(key).json()
    assert set(body) == {"access_token", "token_type"}
    if kind == "jwt":
        assert "exp" not in jwt.part(body["access_token"], 1)
    world.lives(name, body["access_token"])


# ---- what ends a token ----

@pytest.mark.parametrize("kind", ["jwt", "opaque"])
@pytest.mark.parametrize("change", ["regenerate", "chosen secret", "client_id"])
def test_a_changed_key_ends_its_tokens_at_once(world, kind, change):
    name, (client_id, secret) = world.proxy(kind)
    other, other_key = world.proxy(kind)
    used, unused, others = world.planes.token((client_id, secret)), world.planes.token((client_id, secret)), world.planes.token(other_key)
    world.lives(name, used)
    if change == "regenerate":
        shown = world.keys(name, regenerate=True)
        new = (shown["clientId"], shown["clientSecret"])
        assert new[0] == client_id and new[1] != secret
    elif change == "chosen secret":
        world.keys(name, secretKey="a-chosen-secret")
        new = (client_id, "a-chosen-secret")
    else:
        world.keys(name, publicKey="id-of-" + name)
        new = ("id-of-" + name, secret)
    world.ends(name, used)
    world.ends(name, unused)
    wait_for(lambda: world.planes.token_answer((client_id, secret)).status_code == 401, 5, "the old key is refused")
    world.lives(name, world.planes.token(new))
    world.lives(other, others)
    for token in (used, unused):
        world.ends(name, token)


def test_a_key_that_stays_as_it_is_ends_nothing(world):
    name, (client_id, secret) = world.proxy("jwt")
    token = world.planes.token((client_id, secret))
    world.keys(name, publicKey=client_id)
    time.sleep(0.2)
    world.lives(name, token)


@pytest.mark.parametrize("kind", ["jwt", "opaque"])
def test_undeploy_ends_tokens_for_good(world, kind):
    name, key = world.proxy(kind)
    token = world.planes.token(key)
    world.lives(name, token)
    world.planes.undeploy(name)
    world.ends(name, token, 404)
    world.planes.deploy(name)
    world.ends(name, token)
    fresh = world.planes.token(key)
    world.lives(name, fresh)
    world.ends(name, token)
    world.planes.undeploy(name)
    world.planes.deploy(name)
    for old in (token, fresh):
        world.ends(name, old)
    world.lives(name, world.planes.token(key))


@pytest.mark.parametrize("kind", ["jwt", "opaque"])
def test_a_deploy_or_a_policy_edit_ends_nothing(world, kind):
    name, key = world.proxy(kind)
    token = world.planes.token(key)
    world.planes.deploy(name)
    world.lives(name, token)
    world.change(name, tokenExpiresInAmount=2, addUserToHeader=True)
    world.lives(name, token)


def test_a_deleted_proxy_takes_its_tokens_with_it(world):
    name, key = world.proxy("opaque")
    token = world.planes.token(key)
    world.planes.undeploy(name)
    world.planes.manage("DELETE", f"/projects/shop/apiProxies/{name}/")
    fresh = world.planes.proxy(name, world.backend.url, policy="opaque")
    world.ends(name, token)
    error(world.planes.token_answer(key), 401, "invalid_client")
    world.lives(name, world.planes.token(fresh))


def test_tokens_after_a_restart_and_after_kill_9(own_planes):
    """What was answered is on disk."""
    planes = own_planes(workers=2)
    backend = Backend()
    opaque = planes.proxy("reports", backend.url, policy="opaque")
    signed = planes.proxy("orders", backend.url, policy="jwt")
    tokens = [("reports", planes.token(opaque)) for _ in range(5)] + [("orders", planes.token(signed))]
    ended = planes.token(opaque, client_id=opaque[0])

    def again():
        pathlib.Path(planes.ready_file).unlink(missing_ok=True)  # of a plane that could not clear up
        planes.start()
        assert {planes.get(f"/{name}/x", token).status_code for name, token in tokens for _ in range(2)} == {200}

    assert planes.stop() == 0
    again()
    tokens += [("reports", planes.token(opaque)) for _ in range(5)]
    pids = planes.nginx_pids()
    os.killpg(planes.process.pid, signal.SIGKILL)
    planes.process.wait(10)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    wait_for(lambda: not [p for p in pids if os.path.exists(f"/proc/{p}") and "Z" not in open(f"/proc/{p}/stat").read().split(")")[1][:3]], 10, "all are gone")
    again()
    planes.manage("PATCH", "/projects/shop/apiProxies/reports/settings/keys/", {"regenerate": True})
    wait_for(lambda: planes.get("/reports/x", ended).status_code == 401, 5, "ended tokens")
    assert planes.stop() == 0
    planes.start()
    assert planes.get("/reports/x", ended).status_code == 401
    backend.close()


# ---- what a policy does with the request ----

def headers_at_the_backend(world, name, token, **headers):
    assert world.planes.get(f"/{name}/x", token, headers=headers).status_code == 200
    return {k.lower(): v for k, _, v in (line.partition(b": ") for line in world.backend.last.split(b"\r\n")[1:])}


@pytest.mark.parametrize("kind", ["jwt", "opaque"])
def test_user_header(world, kind):
    name, key = world.proxy(kind)
    token = world.planes.token(key)
    assert b"x-authenticated-userid" not in headers_at_the_backend(world, name, token)
    world.change(name, addUserToHeader=True)
    assert headers_at_the_backend(world, name, token)[b"x-authenticated-userid"] == key[0].encode()
    world.change(name, userHeaderName="X-Caller")
    got = headers_at_the_backend(world, name, token, **{"x-caller": "admin"})
    assert got[b"x-caller"] == key[0].encode() and b"x-authenticated-userid" not in got


@pytest.mark.parametrize("kind", ["jwt", "opaque"])
def test_clear_auth(world, kind):
    name, key = world.proxy(kind)
    token = world.planes.token(key)
    assert headers_at_the_backend(world, name, token)[b"authorization"] == b"Bearer " + token.encode()
    world.change(name, clearAuth=True)
    assert b"authorization" not in headers_at_the_backend(world, name, token)
    assert token.encode() not in world.backend.last


def test_refusals_without_own_words(world):
    answer = world.planes.get("/orders/x")
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["error"] == "unauthorized" and answer.headers["Cache-Control"] == "no-store"
    answer = world.planes.get("/orders/x", "wrong")
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert set(answer.json()) == {"error", "error_description"} and answer.json()["error"] == "invalid_token"
    answer = world.planes.get("/nothing/x")
    assert answer.status_code == 404 and answer.json()["error"] == "not_found"


def test_error_message_of_ones_own(world):
    name, key = world.proxy("jwt", errorMessage={"statusCode": 418, "errorCode": 'No "entry"', "message": "Ask \u00e9ric\\"})
    for token in (None, "wrong"):
        answer = world.planes.get(f"/{name}/x", token)
        assert answer.status_code == 418
        assert json.loads(answer.content.decode()) == {"error": 'No "entry"', "error_description": "Ask \u00e9ric\\"}
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert world.status(name, world.planes.token(key)) == 200
    error(world.planes.token_answer((key[0], "wrong")), 401, "invalid_client")  # of the token endpoint it is not


def test_error_message_in_part(world):
    name, _ = world.proxy("opaque", errorMessage={"message": "Not today"})
    answer = world.planes.get(f"/{name}/x", "wrong")
    assert answer.status_code == 401 and answer.json() == {"error": "invalid_token", "error_description": "Not today"}


def test_inactive_policy_is_open_and_an_edit_needs_a_deploy(world):
    name, key = world.proxy("jwt")
    token = world.planes.token(key)
    world.change(name, deploy=False, active=False)
    for _ in range(3):
        assert world.status(name) == 401  # not deployed yet
    world.planes.deploy(name)
    assert {world.status(name) for _ in range(6)} == {200}
    got = headers_at_the_backend(world, name, None, **{"X-Authenticated-UserId": "admin"})
    assert b"x-authenticated-userid" not in got
    world.change(name, active=True)
    assert {world.status(name) for _ in range(6)} == {401}
    world.lives(name, token)


def test_policy_added_changed_and_taken_away(world):
    name, key = world.proxy(None)
    assert world.status(name) == 200
    world.planes.policy(name, "opaque")
    assert world.status(name) == 200  # needs a deploy
    world.planes.deploy(name)
    assert {world.status(name) for _ in range(6)} == {401}
    opaque = world.planes.token(key)
    world.lives(name, opaque)
    world.planes.manage("DELETE", f"/projects/shop/apiProxies/{name}/policies/auth/")
    world.planes.policy(name, "jwt")
    assert world.status(name, opaque) == 200
    world.planes.deploy(name)
    world.ends(name, opaque)
    signed = world.planes.token(key)
    world.lives(name, signed)
    world.planes.manage("DELETE", f"/projects/shop/apiProxies/{name}/policies/auth/")
    world.planes.deploy(name)
    assert {world.status(name) for _ in range(6)} == {200}
    error(world.planes.token_answer(key), 400, "unauthorized_client")


# ---- the access log ----

def test_access_log(world):
    """One JSON object a line, with who called and the id that the backend saw."""
    path = os.path.join(world.planes.data, "gateway", "access.log")
    token = world.planes.token(world.jwt)
    assert world.planes.get("/orders/log?a=b", token).status_code == 200
    request_id, = world.backend.header("X-Request-Id")
    assert world.planes.get("/orders/log?a=c").status_code == 401

    def lines():
        with open(path) as f:
            found = [json.loads(line) for line in f if "/orders/log" in line]
        return found if len(found) == 2 else None
    # each worker writes its lines when it likes
    good, bad = sorted(wait_for(lines, 10, "two lines in the access log", every=0.1), key=lambda entry: entry["status"])
    assert (good["request"], good["status"], good["proxy"], good["client_id"], good["token"]) == ("GET /orders/log?a=b", 200, "orders", world.jwt[0], "ok")
    assert good["request_id"] == request_id.decode() and good["upstream"] == f"127.0.0.1:{world.backend.port}" and good["upstream_status"] == "200"
    assert (bad["status"], bad["proxy"], bad["client_id"], bad["token"], bad["upstream"]) == (401, "orders", "", "none", "")
