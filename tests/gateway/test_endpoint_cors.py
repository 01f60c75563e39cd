"""Answers of the token endpoints to other origins (token-api.md "CORS and client address")."""

import pytest
import requests
from harness import Backend, Planes

APP, OTHER, ACL, NOBODY = "https://app.example.org", "https://other.example.org", "https://acl.example.org", "https://evil.example.org"
ENDPOINTS = ["/token", "/jwt", "/jwt/regenerate", "/introspect", "/revoke"]
DOCUMENTS = ["{}/.well-known/jwks.json", "{}/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server{}"]


class World:
    """Two proxies of policy mode, each with an origin of its own, one that has none; the environment's is that of ACL mode."""

    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.keys = {}
        for name, origin in (("one", APP), ("two", OTHER), ("none", None)):
            self.keys[name] = planes.proxy(name, self.backend.url, policy="opaque", deploy=False)
            if origin:
                planes.manage("PATCH", f"/projects/shop/apiProxies/{name}/settings/cors/",
                              {"enabled": True, "allowedOrigins": [origin], "allowedMethods": ["POST"], "allowedHeaders": ["X-" + name], "allowCredentials": True})
            planes.deploy(name)
        planes.environment(cors={"enabled": True, "allowedOrigins": [ACL]})
        planes.no_failure_limits()
        self.credential = planes.credential("browser")

    def preflight(self, path, origin, method="POST", headers=None):
        fields = {"Origin": origin, "Access-Control-Request-Method": method}
        if headers:
            fields["Access-Control-Request-Headers"] = headers
        answer = requests.options(self.planes.gateway + path, headers=fields, timeout=30)
        assert answer.status_code == 204 and answer.content == b""
        return allowed(answer)

    def ask(self, key, origin, path="/auth/token", **form):
        return requests.post(self.planes.gateway + path, data={"grant_type": "client_credentials", **form}, auth=key, timeout=30,
                             headers={"Origin": origin} if origin else {})


@pytest.fixture(scope="module")
def world():
    with Planes(workers=1) as planes:
        w = World(planes)
        yield w
        w.backend.close()


def allowed(answer):
    return answer.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_preflight(world, endpoint):
    """Below /auth it carries no client: one deployed proxy must allow origin, method and headers together."""
    path = "/auth" + endpoint
    assert [world.preflight(path, origin) for origin in (APP, OTHER, ACL, NOBODY)] == [APP, OTHER, None, None]
    assert world.preflight(path, APP, headers="x-one") == APP
    assert world.preflight(path, APP, headers="x-two") is None  # another proxy's headers
    assert world.preflight(path, APP, method="DELETE") is None
    path = "/credential" + endpoint
    assert [world.preflight(path, origin) for origin in (APP, OTHER, ACL, NOBODY)] == [None, None, ACL, None]


def test_who_is_known_gets_what_its_own_proxy_says(world):
    for name, seen in (("one", [APP, None, None]), ("two", [None, OTHER, None]), ("none", [None, None, None])):
        for form in ({}, {"grant_type": "magic"}, {"scope": "more"}):
            assert [allowed(world.ask(world.keys[name], origin, **form)) for origin in (APP, OTHER, NOBODY)] == seen, (name, form)
    answer = world.ask(world.keys["one"], APP)
    assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in answer.headers["Vary"] and "Access-Control-Allow-Methods" not in answer.headers


def test_a_401_follows_the_rule_of_the_preflight(world):
    """It does not tell whether the client exists, or whose it is."""
    for key in ((world.keys["one"][0], "wrong"), (world.keys["none"][0], "wrong"), ("nobody", "wrong")):
        answers = [world.ask(key, origin) for origin in (APP, OTHER, NOBODY)]
        assert {a.status_code for a in answers} == {401}
        assert [allowed(a) for a in answers] == [APP, OTHER, None]


def test_other_answers_before_the_client_is_known_say_nothing(world):
    answer = requests.post(world.planes.gateway + "/auth/token", data=b"{}", headers={"Origin": APP, "Content-Type": "application/json"}, timeout=30)
    assert answer.status_code == 400 and allowed(answer) is None


def test_acl_mode_has_the_environments_settings(world):
    for key, status in ((world.credential, 200), (("browser", "wrong"), 401), (("nobody", "wrong"), 401)):
        answers = [world.ask(key, origin, "/credential/token") for origin in (ACL, APP, NOBODY)]
        assert {a.status_code for a in answers} == {status}
        assert [allowed(a) for a in answers] == [ACL, None, None]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_public_documents(world, document):
    def get(prefix, origin):
        answer = requests.get(world.planes.gateway + document.format(prefix), headers={"Origin": origin} if origin else {}, timeout=30)
        assert answer.status_code == 200 and answer.headers["Vary"] == "Origin"
        return allowed(answer)

    assert [get("/auth", origin) for origin in (APP, OTHER, ACL, None)] == [APP, OTHER, None, None]
    assert [get("/credential", origin) for origin in (APP, OTHER, ACL, None)] == [None, None, ACL, None]


def test_no_origin_no_headers(world):
    for key in (world.keys["one"], ("nobody", "wrong")):
        assert not [name for name in world.ask(key, None).headers if name.startswith("Access-Control")]
