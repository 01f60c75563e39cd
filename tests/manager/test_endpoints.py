"""Endpoints of API proxies, policies of single endpoints."""
import json

import pytest

from harness_manager import policy_body, proxy_body

JWT, OPAQUE = "jwt", "opaque"


def make(manager, name, endpoints, **more):
    manager.proxy("default", name, apiProxyCreationType="EMPTY_API", endpoints=endpoints, **more)
    return f"/projects/default/apiProxies/{name}"


def ep(endpoint, **more):
    method, path = endpoint.split(" ")
    return dict({"method": method, "path": path}, **more)


def scope(endpoint):
    method, path = endpoint.split(" ")
    return {"targetScope": "ENDPOINT", "targetEndpoint": path, "targetEndpointHTTPMethod": method}


# ---- endpoints ----

def test_life(manager):
    at = make(manager, "ep-life", [ep("GET /items")])
    assert manager.api("GET", at + "/endpoints/")["resultList"] == [
        {"name": "get-items", "method": "GET", "path": "/items", "backendPath": None, "roles": [], "description": ""}]
    made = manager.api("POST", at + "/endpoints/", ep("GET /items/{id}", backendPath="/v2/{id}", roles=["r"], description="One"), expect=201)["result"]
    assert made == {"name": "get-items-id", "method": "GET", "path": "/items/{id}", "backendPath": "/v2/{id}", "roles": ["r"], "description": "One"}
    one = at + "/endpoints/get-items-id/"
    assert manager.api("GET", one)["result"] == made
    assert manager.api("PATCH", one, {"roles": None, "path": "/things/{id}"})["result"] == dict(made, roles=[], path="/things/{id}")
    # what GET gives, PUT takes; what it leaves out goes back
    assert manager.api("PUT", one, manager.api("GET", one)["result"])["result"]["backendPath"] == "/v2/{id}"
    assert manager.api("PUT", one, ep("PUT /things/{id}"))["result"] == dict(made, method="PUT", path="/things/{id}", backendPath=None, roles=[], description="")
    assert manager.api("POST", at + "/endpoints/", ep("GET /named", name="byName"), expect=201)["result"]["name"] == "byName"
    assert [e["name"] for e in manager.api("GET", at + "/")["result"]["endpoints"]] == ["get-items", "get-items-id", "byName"]
    manager.api("DELETE", one)
    assert "get-items-id" in manager.refused(404, "GET", one)
    manager.refused(404, "DELETE", one)
    manager.refused(404, "PATCH", one, {})
    # the document of a proxy holds them; PUT replaces it whole
    proxy = manager.api("GET", at + "/")["result"]
    assert manager.api("PUT", at + "/", proxy)["result"] == proxy
    assert manager.api("PATCH", at + "/", {"endpoints": [ep("GET /x")]})["result"]["endpoints"][0]["name"] == "get-x"


def test_lists_page_sort_and_filter(manager):
    at = make(manager, "ep-list", [ep(f"GET /a{i:02}") for i in range(30)] + [ep("POST /other")])
    first = manager.api("GET", at + "/endpoints/?pageSize=10")
    assert first["resultCount"] == 31 and [e["path"] for e in first["resultList"]][:2] == ["/a00", "/a01"]
    assert [e["path"] for e in manager.api("GET", at + "/endpoints/?pageSize=10&page=4")["resultList"]] == ["/other"]
    assert manager.api("GET", at + "/endpoints/?sort=-name")["resultList"][0]["path"] == "/other"
    assert manager.api("GET", at + "/endpoints/?q=a1")["resultCount"] == 10
    assert manager.api("GET", at + "/endpoints/?q=post-o")["resultCount"] == 1
    assert manager.api("GET", at + "/endpoints/?page=99")["resultList"] == []


@pytest.fixture(scope="module")
def some(manager):
    return make(manager, "ep-bad", [ep("GET /items"), ep("GET /items/{id}/x")])


@pytest.mark.parametrize("body, status, text", [
    ({}, 400, "method"), ({"method": "GET"}, 400, "path"), (ep("get /x"), 400, "method"), (ep("PURGE /x"), 400, "method"), (ep("GET x"), 400, "path"),
    (ep("GET /x", backendPath="/{y}"), 400, "backendPath"), (ep("GET /x", roles="r"), 400, "roles"), (ep("GET /x", role=[]), 400, "role:"),
    (ep("GET /x", name="a b"), 400, "name"), (ep("GET /items"), 409, "get-items"), (ep("GET /items/"), 409, "get-items"),
    (ep("GET /items/{other}/x"), 409, "get-items-id-x"), (ep("PUT /new", name="get-items"), 409, "get-items"),
    (ep("GET /x", deploy=True), 400, "deployTargetEnvironmentNameList")])
def test_refusals_name_the_field_and_change_nothing(manager, some, body, status, text):
    before = manager.api("GET", some + "/")
    assert text in manager.refused(status, "POST", some + "/endpoints/", body)
    assert manager.api("GET", some + "/") == before


def test_changes_do_not_collide(manager):
    at = make(manager, "ep-collide", [ep("GET /a"), ep("GET /b")])
    assert "get-a" in manager.refused(409, "PATCH", at + "/endpoints/get-b/", {"path": "/a/"})
    assert "cannot be changed" in manager.refused(400, "PATCH", at + "/endpoints/get-b/", {"name": "other"})
    assert "endpoints[1].path" in manager.refused(400, "PATCH", at + "/", {"endpoints": [ep("GET /a"), ep("GET /a")]})


def test_etags(manager):
    at = make(manager, "ep-etag", [ep("GET /a")])
    etag = manager.http("GET", "/apiops" + at + "/endpoints/get-a/").headers["ETag"]
    assert manager.http("PATCH", "/apiops" + at + "/endpoints/get-a/", json={"description": "d"}, headers={"If-Match": etag}).status_code == 200
    assert manager.http("PATCH", "/apiops" + at + "/endpoints/get-a/", json={"description": "e"}, headers={"If-Match": etag}).status_code == 409
    assert manager.http("DELETE", "/apiops" + at + "/endpoints/get-a/", headers={"If-Match": etag}).status_code == 409


def test_audit_shows_the_endpoint_alone(manager):
    at = make(manager, "ep-audit", [ep("GET /a"), ep("GET /b")])
    manager.api("PATCH", at + "/endpoints/get-a/", {"description": "new"})
    event = manager.api("GET", "/auditEvents/?pageSize=1")["resultList"][0]
    assert event["before"]["description"] == "" and event["after"]["description"] == "new" and "get-b" not in json.dumps(event)


def test_thousands_of_endpoints(manager):
    at = make(manager, "ep-many", [ep(f"GET /a/{i}/{{x}}") for i in range(5000)])
    assert "at most 5000" in manager.refused(409, "POST", at + "/endpoints/", ep("GET /one/more"))
    assert manager.api("GET", at + "/endpoints/?pageSize=1")["resultCount"] == 5000
    manager.api("DELETE", at + "/endpoints/get-a-17-x/")
    manager.api("POST", at + "/endpoints/", ep("GET /one/more"), expect=201)
    proxy = manager.api("GET", at + "/")["result"]
    assert manager.api("PUT", at + "/", proxy)["result"] == proxy
    manager.deploy("default", "ep-many")
    assert len([p for p in manager.snapshot()["proxies"] if p["proxy"]["apiProxyName"] == "ep-many"][0]["proxy"]["endpoints"]) == 5000


def test_groups_have_none(manager):
    manager.api("POST", "/projects/default/apiProxyGroups/", {"name": "ep-group"})
    manager.refused(404, "GET", "/projects/default/apiProxyGroups/ep-group/endpoints/")
    assert "targetScope" in manager.refused(400, "POST", "/projects/default/apiProxyGroups/ep-group/policies/p/", policy_body(metadata=scope("GET /a")))


# ---- policies of endpoints ----

def test_one_policy_on_each_scope(manager):
    at = make(manager, "ep-scopes", [ep("GET /a"), ep("PUT /a"), ep("GET /b/{x}")])
    manager.api("POST", at + "/policies/all/", policy_body(OPAQUE))
    made = manager.api("POST", at + "/policies/a/", policy_body(JWT, scope("GET /a")))["result"]
    assert made["operationMetadata"] == dict(scope("GET /a"), targetPipeline="REQUEST", order=1)
    message = manager.refused(409, "POST", at + "/policies/a2/", policy_body(JWT, scope("GET /a/")))
    assert '"a"' in message and '"a2"' in message
    message = manager.refused(409, "POST", at + "/policies/all2/", policy_body(OPAQUE))
    assert '"all"' in message and '"all2"' in message
    manager.api("POST", at + "/policies/put/", policy_body(JWT, scope("PUT /a")))
    manager.api("POST", at + "/policies/b/", policy_body(JWT, scope("GET /b/{other}")))
    # nor by a change
    manager.refused(409, "PATCH", at + "/policies/put/", {"operationMetadata": {"targetEndpointHTTPMethod": "GET"}})
    manager.refused(409, "PATCH", at + "/policies/put/", {"operationMetadata": {"targetScope": "ALL", "targetEndpoint": None, "targetEndpointHTTPMethod": None}})
    assert [p["policyName"] for p in manager.api("GET", at + "/policies/")["resultList"]] == ["a", "all", "b", "put"]


def test_a_policy_needs_its_endpoint(manager):
    at = make(manager, "ep-needs", [ep("GET /a"), ep("GET /b")])
    assert "GET /c" in manager.refused(409, "POST", at + "/policies/c/", policy_body(JWT, scope("GET /c")))
    assert "POST /a" in manager.refused(409, "POST", at + "/policies/a/", policy_body(JWT, scope("POST /a")))
    manager.api("POST", at + "/policies/a/", policy_body(JWT, scope("GET /a")))
    for call in (("DELETE", at + "/endpoints/get-a/"), ("PATCH", at + "/endpoints/get-a/", {"method": "PUT"}), ("PATCH", at + "/endpoints/get-a/", {"path": "/z"}),
                 ("PATCH", at + "/", {"endpoints": []}), ("PUT", at + "/", proxy_body("ep-needs"))):
        assert '"a"' in manager.refused(409, *call)
    manager.api("PATCH", at + "/endpoints/get-a/", {"roles": ["r"]})
    manager.api("DELETE", at + "/policies/a/")
    manager.api("DELETE", at + "/endpoints/get-a/")


def test_one_application_key_has_one_token_setting_per_type(manager):
    at = make(manager, "ep-types", [ep("GET /a"), ep("GET /b"), ep("GET /c")])
    manager.api("POST", at + "/policies/all/", policy_body(OPAQUE))
    other = policy_body(OPAQUE, scope("GET /a"), tokenExpiresInAmount=2)
    message = manager.refused(409, "POST", at + "/policies/a/", other)
    assert '"all"' in message and '"a"' in message
    # the same settings, however they are spelt; ACL mode; the other type
    manager.api("POST", at + "/policies/same/", policy_body(OPAQUE, scope("GET /a"), tokenExpiresInAmount=60, tokenExpiresInUnit="MINUTES", clearAuth=True))
    manager.api("POST", at + "/policies/acl/", policy_body(OPAQUE, scope("GET /b"), tokenExpiresInAmount=7, managedFromThisPolicy=False))
    manager.api("POST", at + "/policies/jwt/", policy_body(JWT, scope("GET /c"), tokenExpiresInAmount=9))
    for policy, change in (("same", {"tokenExpiresInAmount": 61}), ("all", {"tokenExpiresInAmount": 2}), ("acl", {"managedFromThisPolicy": True}),
                           ("all", {"refreshTokenAllowed": True}), ("jwt", {"type": "policy-auth-oauth2", "jwtSignatureAlgorithm": None})):
        manager.refused(409, "PATCH", at + f"/policies/{policy}/", {"policy": change})
    manager.api("PATCH", at + "/policies/jwt/", {"policy": {"tokenExpiresInAmount": 10}})
    manager.api("DELETE", at + "/policies/same/")
    manager.api("PATCH", at + "/policies/all/", {"policy": {"tokenExpiresInAmount": 2}})


def test_a_deploy_freezes_them_and_makes_keys(manager):
    at = make(manager, "ep-freeze", [ep("GET /a")])
    manager.api("POST", at + "/policies/a/", policy_body(JWT, scope("GET /a"), jwtSignatureAlgorithm="ES384"))
    manager.deploy("default", "ep-freeze")
    frozen = [p for p in manager.snapshot()["proxies"] if p["proxy"]["apiProxyName"] == "ep-freeze"][0]
    assert frozen["policy"] is None and [p["policyName"] for p in frozen["endpointPolicies"]] == ["a"]
    assert "ES384" in [k["alg"] for k in manager.snapshot()["keys"]]
