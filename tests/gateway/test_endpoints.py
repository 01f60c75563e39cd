"""Endpoints: what an API of endpoints lets through, what its backend sees, and which policy and roles count where."""

import pytest
import requests
from harness import raw

JWT, OPAQUE = "policy-auth-jwt", "policy-auth-oauth2"


class Api:
    """An API proxy with endpoints. Its application key has the role `reader`."""

    def __init__(self, planes, backend, name, endpoints, kind="EMPTY_API", policy=None, base="", **more):
        planes.project()
        self.planes, self.backend, self.name = planes, backend, name
        body = {"apiProxyName": name, "apiProxyCreationType": kind, "endpoints": endpoints,
                "clientRoute": {"relativePathList": ["/" + name], **more},
                "routingInfo": {"routingAddressList": [{"address": backend.url + base}]}}
        made = planes.manage("POST", "/projects/shop/apiProxies/url/", body)
        self.key = (made["applicationKey"]["clientId"], made["applicationKey"]["clientSecret"])
        self.at = f"/projects/shop/apiProxies/{name}"
        planes.manage("PATCH", self.at + "/settings/keys/", {"roleNameList": ["reader"]})
        if policy:
            self.policy("auth", policy)

    def policy(self, name, kind, endpoint=None, expect=(200, 201), **fields):
        metadata = {"targetScope": "ALL"}
        if endpoint:
            method, path = endpoint.split(" ")
            metadata = {"targetScope": "ENDPOINT", "targetEndpoint": path, "targetEndpointHTTPMethod": method}
        return self.planes.manage("POST", f"{self.at}/policies/{name}/", {"operationMetadata": metadata, "policy": {"type": kind, **fields}}, expect)

    def deploy(self):
        self.planes.deploy(self.name)
        return self

    def get(self, path, token=None, method="GET", **kwargs):
        return self.planes.get(f"/{self.name}{path}", token, method=method, **kwargs)

    def raw(self, path, method="GET"):
        """The status of a target that no library may tidy up."""
        return raw(self.planes.gateway_port, f"{method} /{self.name}{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()).status

    def token(self, path="/auth/token", **form):
        return self.planes.token(self.key, path, **form)


def ep(endpoint, **more):
    method, path = endpoint.split(" ", 1)
    return {"method": method, "path": path, **more}


# ---- what is reachable ----

def test_only_the_listed_endpoints_are_reachable(planes, backend):
    api = Api(planes, backend, "listed", [ep("GET /items"), ep("POST /items"), ep("GET /items/{id}"), ep("DELETE /items/{id}"), ep("* /any")]).deploy()
    for method, path in (("GET", "/items"), ("GET", "/items/"), ("HEAD", "/items"), ("POST", "/items"), ("GET", "/items/5"), ("DELETE", "/items/5"),
                         ("PURGE", "/any"), ("OPTIONS", "/any")):
        assert api.get(path, method=method).status_code == 200, (method, path)
    seen = len(backend.requests)
    for path in ("", "/", "/item", "/Items", "/items/5/6", "/items/5/", "/other"):
        answer = api.get(path)
        if path == "/items/5/":
            assert answer.status_code == 200
            seen += 1
            continue
        assert answer.status_code == 404 and answer.json()["error"] == "not_found", path
        assert "Allow" not in answer.headers
    for method, path, allow in (("PUT", "/items", "GET, HEAD, POST"), ("PATCH", "/items/5", "GET, HEAD, DELETE"), ("OPTIONS", "/items", "GET, HEAD, POST"),
                                ("PURGE", "/items", "GET, HEAD, POST")):
        answer = api.get(path, method=method)
        assert answer.status_code == 405 and answer.headers["Allow"] == allow, (method, path, answer.headers)
        assert answer.json()["error"] == "method_not_allowed"
    assert len(backend.requests) == seen


def test_an_api_without_endpoints_has_nothing(planes, backend):
    api = Api(planes, backend, "none", []).deploy()
    assert [api.get(path).status_code for path in ("", "/", "/x")] == [404] * 3


def test_a_reverse_proxy_takes_what_it_has_no_endpoint_for(planes, backend):
    api = Api(planes, backend, "reverse", [ep("GET /items/{id}", backendPath="/v2/{id}")], kind="REVERSE_PROXY").deploy()
    assert api.get("/items/5").status_code == 200 and backend.line == b"GET /v2/5 HTTP/1.1"
    assert api.get("/items/5", method="PUT").status_code == 200 and backend.line == b"PUT /items/5 HTTP/1.1"
    assert api.get("/else").status_code == 200 and backend.line == b"GET /else HTTP/1.1"


def test_a_changed_list_is_live_with_its_deploy(planes, backend):
    api = Api(planes, backend, "changes", [ep("GET /a")]).deploy()
    planes.manage("POST", api.at + "/endpoints/", {"method": "GET", "path": "/b"})
    assert api.get("/b").status_code == 404
    api.deploy()
    assert api.get("/b").status_code == 200
    planes.manage("DELETE", api.at + "/endpoints/get-a/", {"deploy": True, "deployTargetEnvironmentNameList": ["production"]})
    assert api.get("/a").status_code == 404 and api.get("/b").status_code == 200


# ---- what the backend sees ----

def test_the_backend_sees_the_path_that_was_decided_on(planes, backend):
    api = Api(planes, backend, "paths", [
        ep("GET /items/{id}"), ep("GET /orders/{order}/lines/{line}", backendPath="/v2/lines/{line}/of/{order}"), ep("GET /fixed", backendPath="/a b/x/"),
        ep("GET /root", backendPath="/"), ep("GET /files/**")], base="/base").deploy()
    for path, seen in (("/items/5", "/base/items/5"), ("/items/5/", "/base/items/5/"), ("/items/a%20b?x=%2f", "/base/items/a%20b?x=%2f"),
                       ("/orders/7/lines/3?q", "/base/v2/lines/3/of/7?q"), ("/orders/7/lines/3/", "/base/v2/lines/3/of/7"),
                       ("/orders/%3F%23/lines/%25%C3%A9", "/base/v2/lines/%25%C3%A9/of/%3F%23"), ("/fixed", "/base/a%20b/x/"), ("/root?a=b", "/base/?a=b"),
                       ("/files/a/b%2Fc", "/base/files/a/b/c"), ("//items///5", "/base/items/5"), ("/x/../items/./5", "/base/items/5"),
                       ("/orders/{order}/lines/{line}", "/base/v2/lines/%7Bline%7D/of/%7Border%7D")):
        assert api.raw(path) == 200, path
        assert backend.line == f"GET {seen} HTTP/1.1".encode(), path


def test_a_long_parameter_arrives_whole(planes, backend):
    api = Api(planes, backend, "long", [ep("GET /x/{id}", backendPath="/" + "ä" * 200 + "/{id}")]).deploy()
    value = "%C3%BC" * 300
    assert api.raw("/x/" + value) == 200
    assert backend.line == b"GET /" + b"%C3%A4" * 200 + b"/" + value.encode() + b" HTTP/1.1"


# ---- policies of endpoints ----

@pytest.mark.parametrize("tricky", [
    "/%69tems/mine", "/items/%6dine", "/items%2fmine", "/items%2Fmine", "//items/mine", "/./items/mine", "/items/x/../mine", "/items/%2e/mine",
    "/items/mine/", "/items/mine/.", "/x/%2e%2e/items/mine", "/items/mine?x", "/items/mine;x", "/items;x/mine", "/items/;/mine", "/items/x/..;/mine",
    "/items\\mine", "/items/x\\..\\mine", "/items%5cmine", "/items/mine%3bx"])
def test_no_second_reading_of_a_path_gets_past_the_policy_of_an_endpoint(planes, backend, tricky):
    """By its own name it wants a token; by any other it is refused, or is the same endpoint."""
    api = second_reading(planes, backend)
    seen = len(api.backend.requests)
    assert api.raw(tricky) in (400, 401), tricky
    assert len(api.backend.requests) == seen


def second_reading(planes, backend, made={}):
    if planes not in made:
        made[planes] = Api(planes, backend, "readings", [ep("GET /items/{id}"), ep("GET /items/mine"), ep("* /**")])
        made[planes].policy("mine", JWT, "GET /items/mine")
        made[planes].deploy()
    return made[planes]


def test_what_reads_alike_for_all_goes_on(planes, backend):
    api = Api(planes, backend, "alike", [ep("GET /items/{id}"), ep("GET /items/mine"), ep("GET /things/{id}", backendPath="/t/{id}")]).deploy()
    for path, status in (("/items/5;v=1", 200), ("/items/a\\..\\b", 200), ("/things/5;v=1", 200), ("/things/a\\..\\b", 400)):
        assert api.raw(path) == status, path


def test_the_policy_of_the_endpoint_comes_before_that_of_the_proxy(planes, backend):
    api = Api(planes, backend, "policies", [ep("GET /items"), ep("PUT /items"), ep("GET /open"), ep("GET /jwt"), ep("GET /acl")], policy=OPAQUE)
    api.policy("open", OPAQUE, "GET /open", active=False)
    api.policy("jwt", JWT, "GET /jwt", addUserToHeader=True, userHeaderName="X-Who")
    api.policy("acl", JWT, "GET /acl", managedFromThisPolicy=False, addUserToHeader=True)
    api.deploy()
    opaque, jwt = api.token(), api.token("/auth/jwt")
    assert opaque.startswith("tga_") and jwt.count(".") == 2
    credential = planes.credential("endpoint-user", access=["policies"])
    of_credential = planes.token(credential, "/credential/jwt")
    tokens = {"none": None, "opaque": opaque, "jwt": jwt, "credential": of_credential}
    for path, method, good in (("/items", "GET", "opaque"), ("/items", "PUT", "opaque"), ("/jwt", "GET", "jwt"), ("/acl", "GET", "credential")):
        for name, token in tokens.items():
            assert api.get(path, token, method=method).status_code == (200 if name == good else 401), (path, name)
    assert api.get("/open").status_code == 200
    assert api.get("/jwt", jwt).status_code == 200 and backend.header("X-Who") == [api.key[0].encode()]
    assert api.get("/acl", of_credential).status_code == 200 and backend.header("X-Authenticated-UserId") == [b"endpoint-user"]
    # whatever header the policy of an endpoint sets is never the client's own there
    assert api.get("/jwt", jwt, headers={"x_who": "root"}).status_code == 200 and backend.header("X-Who") == [api.key[0].encode()]
    assert backend.header("x_who") == []


def test_tokens_of_an_application_with_two_types(planes, backend):
    """/auth/token: the type of the proxy's policy; /auth/jwt: JWTs; each lives by its own settings."""
    api = Api(planes, backend, "two", [ep("GET /o"), ep("GET /j")], policy=OPAQUE)
    api.policy("j", JWT, "GET /j", refreshTokenAllowed=True, refreshTokenCount=5, tokenExpiresInAmount=7, tokenExpiresInUnit="MINUTES")
    api.deploy()

    def call(path, **form):
        return requests.post(planes.gateway + path, data=form, auth=api.key, timeout=60)

    opaque = planes.token_answer(api.key).json()
    jwt = planes.token_answer(api.key, "/auth/jwt").json()
    assert (opaque["expires_in"], jwt["expires_in"]) == (3600, 420)
    assert "refresh_token" not in opaque
    for token in (opaque, jwt):
        assert call("/auth/introspect", token=token["access_token"]).json()["active"] is True
    # a refresh token speaks for itself
    for path in ("/auth/jwt", "/auth/token"):
        jwt = call(path, grant_type="refresh_token", refresh_token=jwt["refresh_token"]).json() | {"from": path}
        assert jwt["access_token"].count(".") == 2, path
    assert api.get("/j", jwt["access_token"]).status_code == 200 and api.get("/o", jwt["access_token"]).status_code == 401
    again = requests.post(planes.gateway + "/auth/jwt/regenerate", data={"client_id": api.key[0], "client_secret": api.key[1]},
                          headers={"Authorization": "Bearer " + jwt["access_token"]}, timeout=60)
    assert again.status_code == 200 and api.get("/j", again.json()["access_token"]).status_code == 200
    for token in (opaque, jwt):
        assert call("/auth/revoke", token=token["access_token"]).status_code == 200
        assert call("/auth/introspect", token=token["access_token"]).json() == {"active": False}
    assert [api.get("/o", opaque["access_token"]).status_code, api.get("/j", jwt["access_token"]).status_code] == [401, 401]


def test_tokens_by_the_policy_of_an_endpoint_alone(planes, backend):
    api = Api(planes, backend, "alone", [ep("GET /j"), ep("GET /open")])
    api.policy("j", JWT, "GET /j")
    api.deploy()
    token = api.token()
    assert token.count(".") == 2 and api.token("/auth/jwt").count(".") == 2
    assert api.get("/j").status_code == 401 and api.get("/j", token).status_code == 200 and api.get("/open").status_code == 200


def test_an_application_without_jwts_gets_none(planes, backend):
    api = Api(planes, backend, "nojwt", [ep("GET /a")], policy=OPAQUE)
    api.policy("acl", JWT, "GET /a", managedFromThisPolicy=False)
    api.deploy()
    answer = planes.token_answer(api.key, "/auth/jwt")
    assert answer.status_code == 400 and answer.json()["error"] == "unauthorized_client"


def test_the_policy_of_an_endpoint_replaces_that_of_the_group(planes, backend):
    api = Api(planes, backend, "member", [ep("GET /mine"), ep("GET /ours")])
    api.policy("mine", OPAQUE, "GET /mine")
    made = planes.manage("POST", "/projects/shop/apiProxyGroups/", {"name": "g"})
    group = (made["applicationKey"]["clientId"], made["applicationKey"]["clientSecret"])
    planes.manage("POST", "/projects/shop/apiProxyGroups/g/policies/auth/", {"policy": {"type": OPAQUE, "tokenExpiresInAmount": 5, "tokenExpiresInUnit": "MINUTES"}})
    planes.manage("PUT", "/projects/shop/apiProxyGroups/g/apiProxies/member/")
    planes.manage("POST", "/projects/shop/apiProxyGroups/g/environments/production/")
    ours, mine = planes.token(group), api.token()
    assert [api.get("/ours", t).status_code for t in (ours, mine, None)] == [200, 401, 401]
    assert [api.get("/mine", t).status_code for t in (ours, mine, None)] == [401, 200, 401]


def test_cors_of_an_endpoint_in_acl_mode_is_the_environments(planes, backend):
    api = Api(planes, backend, "cors", [ep("GET /policy"), ep("GET /acl"), ep("PUT /policy")], policy=OPAQUE)
    api.policy("acl", OPAQUE, "GET /acl", managedFromThisPolicy=False)
    planes.manage("PUT", api.at + "/settings/cors/", {"enabled": True, "allowedOrigins": ["https://proxy.example.org"]})
    planes.environment(cors={"enabled": True, "allowedOrigins": ["https://environment.example.org"]})
    api.deploy()
    try:
        for path, origin in (("/policy", "https://proxy.example.org"), ("/acl", "https://environment.example.org")):
            for asked in ("https://proxy.example.org", "https://environment.example.org"):
                answer = api.get(path, method="OPTIONS", headers={"Origin": asked, "Access-Control-Request-Method": "GET"})
                assert answer.status_code == 204
                assert answer.headers.get("Access-Control-Allow-Origin") == (asked if asked == origin else None), (path, asked)
        # a preflight for what is not there is no business of ours to allow
        asks = {"Origin": "https://proxy.example.org", "Access-Control-Request-Method": "GET"}
        assert api.get("/nothing", method="OPTIONS", headers=asks).status_code == 404
        assert api.get("/policy", method="OPTIONS", headers=dict(asks, **{"Access-Control-Request-Method": "DELETE"})).status_code == 405
    finally:
        planes.environment(cors=None)


# ---- roles ----

@pytest.mark.parametrize("kind", [JWT, OPAQUE])
def test_roles_of_an_endpoint(planes, backend, kind):
    name = "roles-" + kind[-3:]
    api = Api(planes, backend, name, [ep("GET /all"), ep("GET /read", roles=["reader", "writer"]), ep("GET /write", roles=["writer"]),
                                      ep("GET /{x}", roles=["nobody"])], policy=kind).deploy()
    token = api.token()
    for path, status in (("/all", 200), ("/read", 200), ("/write", 403), ("/other", 403)):
        answer = api.get(path, token)
        assert answer.status_code == status, path
        if status == 403:
            assert answer.json()["error"] == "insufficient_scope" and 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert api.get("/write").status_code == 401


def test_roles_and_method_access_both_count(planes, backend):
    api = Api(planes, backend, "both", [ep("GET /a", roles=["reader"]), ep("GET /b", roles=["writer"]), ep("GET /c")])
    api.policy("auth", JWT, authorization={"enabled": True, "methodAccess": [{"httpMethod": "GET", "path": "/a", "roles": ["writer"]},
                                                                            {"httpMethod": "GET", "path": "/b", "roles": ["reader"]},
                                                                            {"httpMethod": "GET", "path": "/c", "roles": ["reader"]}]})
    api.deploy()
    assert [api.get(p, api.token()).status_code for p in ("/a", "/b", "/c")] == [403, 403, 200]


def test_roles_without_a_policy_shut_the_endpoint(planes, backend):
    """Nobody is known there who could have one."""
    api = Api(planes, backend, "shut", [ep("GET /a", roles=["reader"]), ep("GET /b")]).deploy()
    assert [api.get(p).status_code for p in ("/a", "/b")] == [403, 200]
    api.policy("auth", OPAQUE, active=False)
    api.deploy()
    assert [api.get(p).status_code for p in ("/a", "/b")] == [403, 200]


def test_a_frozen_endpoint_stays_what_it_was(planes, backend):
    """Changes of endpoints and policies are nothing to the gateway before the next deploy."""
    api = Api(planes, backend, "frozen", [ep("GET /a")])
    api.policy("a", OPAQUE, "GET /a")
    api.deploy()
    planes.manage("DELETE", api.at + "/policies/a/")
    planes.manage("PATCH", api.at + "/endpoints/get-a/", {"path": "/b"})
    planes.environment(leewaySeconds=1)     # a new revision of the environment, with the proxy as it was frozen
    planes.environment(leewaySeconds=0)
    assert [api.get(p).status_code for p in ("/a", "/b")] == [401, 404]
    api.deploy()
    assert [api.get(p).status_code for p in ("/a", "/b")] == [404, 200]
