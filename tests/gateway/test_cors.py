"""CORS at proxied APIs: preflights are the gateway's, answers say what the settings say, and nothing else does."""

import pytest

from harness import Backend, Planes, free_port, raw, wait_for
from principals import acl_proxy, acquire, call, credential

APP = "https://app.example.org"
SETTINGS = {"enabled": True, "allowedOrigins": [APP, "http://localhost:3000"], "allowedMethods": ["GET", "PUT"], "allowedHeaders": ["Authorization", "X-Extra"],
            "exposedHeaders": ["X-Total", "X-Page"], "allowCredentials": True, "maxAgeSeconds": 77}
ANSWER = {"Access-Control-Allow-Origin": APP, "Access-Control-Allow-Credentials": "true", "Access-Control-Expose-Headers": "X-Total, X-Page"}
PREFLIGHT = {"Access-Control-Allow-Origin": APP, "Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Methods": "GET, PUT",
             "Access-Control-Allow-Headers": "Authorization, X-Extra", "Access-Control-Max-Age": "77"}


def said(reply):
    """Access-Control-* of an answer; each is there once."""
    found = {}
    for name, value in reply.headers:
        if name.lower().startswith(b"access-control-"):
            assert name.decode() not in found, reply.raw_head
            found[name.decode()] = value.decode()
    return found


def vary(reply):
    return sorted(name.strip().lower().decode() for value in reply.get("Vary") for name in value.split(b","))


def backend_answer(*headers):
    return ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + "".join(h + "\r\n" for h in headers) + "\r\nok").encode()


class World:
    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.key = self.proxy("orders", SETTINGS, policy="opaque")
        self.proxy("open", SETTINGS)
        self.proxy("every", {"enabled": True, "allowedOrigins": ["*"], "allowedHeaders": ["*"]})
        self.proxy("off", None)
        self.proxy("gone", SETTINGS, address=f"http://127.0.0.1:{free_port()}")
        self.proxy("tight", SETTINGS, limits={"quota": {"limit": 1, "intervalAmount": 1, "intervalUnit": "DAYS"}})
        self.token = planes.token(self.key)

    def proxy(self, name, cors, address=None, limits=None, **policy):
        key = self.planes.proxy(name, address or self.backend.url, deploy=False, **policy)
        if cors:
            self.planes.manage("PUT", f"/projects/shop/apiProxies/{name}/settings/cors/", cors)
        if limits:
            self.planes.manage("PUT", f"/projects/shop/apiProxies/{name}/settings/limits/", limits)
        self.planes.deploy(name)
        return key

    def preflight(self, name, origin=APP, method="GET", headers=None, more="", target="OPTIONS"):
        asked = f"Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n"
        if headers is not None:
            asked += f"Access-Control-Request-Headers: {headers}\r\n"
        return call(self.planes, f"/{name}/x", method=target, headers=asked + more)

    def get(self, name, origin=APP, token=None, more=""):
        return call(self.planes, f"/{name}/x", token, headers=(f"Origin: {origin}\r\n" if origin else "") + more)


@pytest.fixture(scope="module")
def world():
    with Planes(workers=2) as planes:
        w = World(planes)
        yield w
        w.backend.close()


@pytest.fixture
def answer(world):
    yield lambda *headers: setattr(world.backend, "answer", backend_answer(*headers))
    world.backend.answer = None


# ---- preflights ----

@pytest.mark.parametrize("method, headers", [("GET", None), ("PUT", "authorization"), ("GET", "Authorization, x-extra"), ("PUT", "x-EXTRA,authorization"), ("GET", "")])
def test_a_preflight_is_answered_without_a_token_and_without_the_backend(world, method, headers):
    before = len(world.backend.requests)
    reply = world.preflight("orders", method=method, headers=headers)
    assert (reply.status, reply.body, said(reply)) == (204, b"", PREFLIGHT)
    assert vary(reply) == ["origin"]
    assert reply.get("WWW-Authenticate") == [] and len(world.backend.requests) == before


DENIED = [("https://evil.example.org", "GET", None), (APP + ".evil.org", "GET", None), ("https://evil-app.example.org", "GET", None), (APP + ":8443", "GET", None),
          ("http://app.example.org", "GET", None), (APP + "/", "GET", None), ("null", "GET", None), ("*", "GET", None), (APP + ", " + APP, "GET", None), (APP, "POST", None),
          (APP, "get", None), (APP, "*", None), (APP, "GET", "x-other"), (APP, "GET", "authorization, x-other"), (APP, "GET", "*"), (APP, "GET", "x extra"),
          ("https://app%2eexample.org", "GET", None), ("https://" + "a" * 600, "GET", None)]


@pytest.mark.parametrize("origin, method, headers", DENIED, ids=range(len(DENIED)))
def test_a_preflight_that_is_not_allowed_altogether_is_told_nothing(world, origin, method, headers):
    reply = world.preflight("orders", origin, method, headers)
    assert (reply.status, said(reply), vary(reply)) == (204, {}, ["origin"])


def test_an_origin_is_told_in_its_own_spelling(world):
    assert said(world.preflight("orders", "HTTPS://App.Example.org"))["Access-Control-Allow-Origin"] == "HTTPS://App.Example.org"


def test_two_origins_are_none(world):
    reply = world.preflight("open", more="Origin: https://evil.example.org\r\n")
    assert said(reply) == {}
    assert said(world.get("open", more="Origin: https://evil.example.org\r\n")) == {}


def test_every_origin(world):
    reply = world.preflight("every", "https://any.example", "DELETE", "x-anything")
    assert said(reply)["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in said(reply) and vary(reply) == []
    assert said(world.preflight("every", "https://any.example", "DELETE", "authorization")) == {}  # Fetch: "*" does not cover it
    assert said(world.get("every", "https://any.example")) == {"Access-Control-Allow-Origin": "*"}


def test_a_plain_options_goes_the_way_of_every_request(world):
    before = len(world.backend.requests)
    assert call(world.planes, "/orders/x", method="OPTIONS", headers=f"Origin: {APP}\r\n").status == 401
    assert call(world.planes, "/orders/x", method="OPTIONS", headers="Access-Control-Request-Method: GET\r\n").status == 401
    assert world.preflight("orders", target="GET").status == 401  # those headers on another method are no preflight
    assert len(world.backend.requests) == before
    assert call(world.planes, "/orders/x", world.token, method="OPTIONS", headers=f"Origin: {APP}\r\n").status == 200
    assert world.backend.line.startswith(b"OPTIONS ")


def test_a_preflight_for_a_proxy_of_other_methods(world):
    planes = world.planes
    planes.manage("POST", "/projects/shop/apiProxies/url/", {
        "apiProxyName": "reader", "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": {"relativePathList": ["/reader"], "methodList": ["GET", "PUT"]},
        "routingInfo": {"routingAddressList": [{"address": world.backend.url}]}, "cors": SETTINGS})
    planes.deploy("reader")
    assert said(world.preflight("reader")) == PREFLIGHT
    assert world.preflight("reader", method="DELETE").status == 404
    assert call(planes, "/reader/x", method="OPTIONS").status == 404


def test_without_cors_a_preflight_is_the_backends(world, answer):
    answer("Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: BREW", "Vary: Cookie")
    reply = world.preflight("off")
    assert (reply.status, said(reply), vary(reply)) == (200, {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "BREW"}, ["cookie"])
    assert world.backend.line.startswith(b"OPTIONS ")


def test_preflights_are_counted_apart(world):
    name = 'tollgate_requests_total{result="preflight"}'
    before = world.planes.metrics()[name]
    world.preflight("orders")
    wait_for(lambda: world.planes.metrics()[name] == before + 1, 5)


# ---- answers ----

def test_an_answer_for_an_allowed_origin(world):
    reply = world.get("orders", token=world.token)
    assert (reply.status, said(reply), vary(reply)) == (200, ANSWER, ["origin"])


@pytest.mark.parametrize("origin", ["https://evil.example.org", APP + ".evil.org", "null", ""])
def test_an_answer_for_another_origin_or_none_says_only_that_it_varies(world, origin):
    reply = world.get("orders", origin, world.token)
    assert (reply.status, said(reply), vary(reply)) == (200, {}, ["origin"])


SENT = ["Access-Control-Allow-Origin: *", "access-control-allow-credentials: true", "ACCESS-CONTROL-EXPOSE-HEADERS: *", "Access-Control-Allow-Private-Network: true"]


@pytest.mark.parametrize("origin, headers", [(APP, ANSWER), ("https://evil.example.org", {}), ("", {})])
def test_what_the_backend_says_of_origins_does_not_get_past_the_settings(world, answer, origin, headers):
    answer(*SENT)
    assert said(world.get("open", origin)) == headers


@pytest.mark.parametrize("sent, told", [([], ["origin"]), (["Vary: Accept-Encoding"], ["accept-encoding", "origin"]), (["Vary: Cookie, Origin"], ["cookie", "origin"]),
                                        (["Vary: origin"], ["origin"]), (["Vary: *"], ["*"]), (["Vary: Cookie", "Vary: Accept"], ["accept", "cookie", "origin"]),
                                        (["Vary: X-Origin"], ["origin", "x-origin"])])
def test_vary_is_added_to(world, answer, sent, told):
    answer(*sent)
    assert vary(world.get("open")) == told


def test_without_cors_answers_pass_as_they_are(world, answer):
    answer("Access-Control-Allow-Origin: *", "Vary: Cookie")
    reply = world.get("off")
    assert (said(reply), vary(reply)) == ({"Access-Control-Allow-Origin": "*"}, ["cookie"])


def test_refusals_and_failures_can_be_read_by_the_page(world):
    assert world.get("tight").status == 200
    for reply, status in ((world.get("orders"), 401), (world.get("orders", token="tga_x"), 401), (world.get("gone"), 502), (world.get("tight"), 429)):
        assert (reply.status, said(reply)) == (status, ANSWER), reply.raw_head
    assert said(world.get("orders", "https://evil.example.org")) == {}


def test_answers_of_the_backends_own_errors(world):
    world.backend.answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: *\r\n\r\n"
    try:
        reply = world.get("orders", token=world.token)
        assert (reply.status, said(reply)) == (404, ANSWER)
    finally:
        world.backend.answer = None


def test_no_header_of_ours_can_be_made_of_an_origin(world):
    reply = raw(world.planes.gateway_port, b"GET /every/x HTTP/1.1\r\nHost: gateway\r\nOrigin: a\x01b\r\n\r\n")
    assert b"\x01" not in reply.raw_head


# ---- ACL mode ----

def test_in_acl_mode_the_environments_settings_count(world):
    planes = world.planes
    acl_proxy(planes, "listed", world.backend.url, deploy=False)
    planes.manage("PUT", "/projects/shop/apiProxies/listed/settings/cors/", SETTINGS)
    planes.deploy("listed")
    token = acquire(planes, credential(planes, "page", access=["listed"]))
    assert said(world.get("listed", token=token)) == {}
    other = "https://portal.example.org"
    planes.environment(cors={"enabled": True, "allowedOrigins": [other]})
    wait_for(lambda: all(said(world.get("listed", other, token)) == {"Access-Control-Allow-Origin": other} for _ in range(8)), 10)
    assert said(world.get("listed", token=token)) == {}
    assert said(world.preflight("listed", other))["Access-Control-Allow-Origin"] == other
    assert said(world.preflight("listed")) == {}
    assert said(world.get("orders", token=world.token)) == ANSWER
