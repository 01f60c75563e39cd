"""API proxy groups and policy groups: keys, policies, members, deploys."""
import pytest

from harness_manager import policy_body
from test_credentials import role
from test_keys import keys

KINDS = ["apiProxyGroups", "policyGroups"]
CORS = {"enabled": True, "allowedOrigins": ["https://app.example.org"]}


@pytest.fixture(scope="module", autouse=True)
def project(manager):
    manager.project("groups")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def add(manager, kind, name, *members, **more):
    answer = manager.api("POST", f"/projects/groups/{kind}/", {"name": name, **more})
    for member in members:
        manager.proxy("groups", member)
        manager.api("PUT", f"/projects/groups/{kind}/{name}/apiProxies/{member}/")
    return answer


def members(manager, kind, name):
    return [r["apiProxyName"] for r in manager.api("GET", f"/projects/groups/{kind}/{name}/apiProxies/")["resultList"]]


def deployed(manager, name):
    """The proxy or group of that name in the snapshot, or None."""
    snapshot = manager.snapshot()
    return next((p for p in snapshot["proxies"] + snapshot["groups"] if (p.get("proxy") or p["group"]).get("apiProxyName", (p.get("group") or {}).get("name")) == name), None)


def turn(manager, client_id):
    with manager.config() as db:
        row = db.execute("SELECT t.nonce FROM client_turn t JOIN client c USING (key_id) WHERE c.client_id = ?", (client_id,)).fetchone()
    return row[0] if row else None


# ---- life ----

def test_life_of_a_group(manager, kind):
    made = add(manager, kind, "life-" + kind, description="d")
    path = f"/projects/groups/{kind}/life-{kind}/"
    key = made["applicationKey"]
    assert set(key) == {"clientId", "clientSecret"} and made["result"]["description"] == "d"
    got = manager.api("GET", path)
    assert got["applicationKey"] == {"clientId": key["clientId"]} and got["result"]["cors"]["enabled"] is False
    assert key["clientSecret"] not in manager.http("GET", "/apiops/auditEvents/").text and key["clientSecret"].encode() not in manager.bytes_at_rest()
    row = manager.client(key["clientId"])
    assert row["kind"] == 1 and row["project_id"] == manager.api("GET", "/projects/groups/")["metadata"]["id"]
    assert manager.api("PATCH", path, {"cors": CORS})["result"]["cors"]["allowedOrigins"] == CORS["allowedOrigins"]
    assert manager.api("PUT", path, {})["result"]["cors"]["enabled"] is False
    assert [r["name"] for r in manager.api("GET", f"/projects/groups/{kind}/?q=LIFE-")["resultList"]] == ["life-" + kind]
    manager.refused(409, "POST", f"/projects/groups/{kind}/", {"name": "life-" + kind})
    manager.refused(400, "PATCH", path, {"name": "other"})
    for method, body in (("PUT", {}), ("PATCH", {}), ("DELETE", None)):
        manager.refused(409, method, path, body, headers={"If-Match": '"1"'})
    manager.api("DELETE", path)
    manager.refused(404, "GET", path)
    assert manager.client(key["clientId"]) is None


@pytest.mark.parametrize("body, field", [
    ({}, "name"), ({"name": "a b"}, "name"), ({"name": 7}, "name"), ({"name": "x", "description": 5}, "description"), ({"name": "x", "cors": 5}, "cors"),
    ({"name": "x", "cors": {"allowedOrigins": ["*"], "allowCredentials": True, "enabled": True}}, "cors"),
    ({"name": "x", "forwardedIp": {"xffOrder": "SIXTH"}}, "forwardedIp.xffOrder"), ({"name": "x", "members": []}, "members"),
    ({"name": "x", "deploy": True}, "deployTargetEnvironmentNameList"),
])
def test_a_bad_group_names_the_field(manager, kind, body, field):
    assert field in manager.refused(400, "POST", f"/projects/groups/{kind}/", body)


def test_settings_and_keys_of_a_group(manager, kind):
    key = add(manager, kind, "set-" + kind)["applicationKey"]
    path = f"/projects/groups/{kind}/set-{kind}/settings/"
    assert manager.api("PUT", path + "cors/", CORS)["result"]["allowedOrigins"] == CORS["allowedOrigins"]
    assert manager.api("PATCH", path + "cors/", {"maxAgeSeconds": 5})["result"]["maxAgeSeconds"] == 5
    assert manager.api("GET", path + "cors/")["result"]["allowedOrigins"] == CORS["allowedOrigins"]
    assert manager.api("PATCH", path + "forwarded-ip-header/", {"enabled": True, "xffOrder": "FIRST"})["result"]["xffOrder"] == "FIRST"
    assert "forwardedIp.headerName" in manager.refused(400, "PATCH", path + "forwarded-ip-header/", {"headerName": "a b"})
    manager.refused(404, "GET", path + "limits/")  # groups have none
    generation = manager.client(key["clientId"])["generation"]
    assert manager.api("PATCH", path + "keys/", {"roleNameList": ["a", "b"]})["applicationKey"] == {"clientId": key["clientId"], "roleNameList": ["a", "b"]}
    assert manager.client(key["clientId"])["generation"] == generation  # roles end no token
    assert manager.feed()[-1][1] == 2 and manager.feed()[-1][3] == f"1:{key['clientId']}"
    secret = manager.api("PATCH", path + "keys/", {"regenerate": True})["applicationKey"]["clientSecret"]
    assert secret != key["clientSecret"] and manager.client(key["clientId"])["generation"] != generation
    assert manager.api("GET", path + "keys/")["applicationKey"] == {"clientId": key["clientId"], "roleNameList": ["a", "b"]}
    assert manager.api("PATCH", path + "keys/", {"roleNameList": []})["applicationKey"]["roleNameList"] == []


@pytest.mark.parametrize("roles, field", [("a", "roleNameList"), (["a", "a"], "roleNameList[1]"), ([5], "roleNameList[0]"), (["a b"], "roleNameList[0]"), ([""], "roleNameList[0]"),
                                          (["x" * 129], "roleNameList[0]"), (["r%d" % i for i in range(257)], "roleNameList")])
def test_bad_roles_of_an_application_key(manager, roles, field):
    if not manager.api("GET", "/projects/groups/policyGroups/?q=badroles")["resultList"]:
        add(manager, "policyGroups", "badroles")
    assert field in manager.refused(400, "PATCH", "/projects/groups/policyGroups/badroles/settings/keys/", {"roleNameList": roles})


def test_settings_of_a_proxy(manager):
    manager.proxy("groups", "settings")
    path = "/projects/groups/apiProxies/settings/settings/"
    quota = {"limit": 5, "intervalAmount": 1, "intervalUnit": "DAYS"}
    assert manager.api("PUT", path + "limits/", {"quota": quota})["result"]["quota"]["limit"] == 5
    assert "limits.quota.limit" in manager.refused(400, "PATCH", path + "limits/", {"quota": {"limit": "many"}})
    assert manager.api("PATCH", path + "cors/", CORS)["result"]["enabled"] is True
    assert "cors.allowedOrigins" in manager.refused(400, "PATCH", path + "cors/", {"allowedOrigins": ["null"]})
    assert manager.api("PUT", path + "forwarded-ip-header/", {"enabled": True})["result"]["headerName"] == "X-Forwarded-For"
    body = manager.api("GET", "/projects/groups/apiProxies/settings/")["result"]
    assert body["limits"]["quota"]["limit"] == 5 and body["cors"]["enabled"] is True and body["forwardedIp"]["enabled"] is True
    answer = manager.api("PATCH", path + "limits/", {"quota": None, "deploy": True, "deployTargetEnvironmentNameList": ["production"]})
    assert answer["result"]["quota"] is None and deployed(manager, "settings")["proxy"]["cors"]["enabled"] is True


# ---- policies ----

def test_policies_of_a_group(manager, kind):
    add(manager, kind, "pol-" + kind)
    path = f"/projects/groups/{kind}/pol-{kind}/policies/"
    assert manager.api("POST", path + "auth/", policy_body())["result"]["policyName"] == "auth"
    assert "already" in manager.refused(409, "POST", path + "second/", policy_body())
    assert manager.api("PATCH", path + "auth/", {"policy": {"tokenExpiresInAmount": 7}})["result"]["policy"]["tokenExpiresInAmount"] == 7
    assert [r["policyName"] for r in manager.api("GET", path)["resultList"]] == ["auth"]
    assert "policy.type" in manager.refused(400, "PUT", path + "auth/", {"policy": {"type": "x"}})
    manager.refused(404, "GET", path + "none-such/")
    manager.api("DELETE", path + "auth/")
    manager.refused(404, "GET", path + "auth/")
    # one of another parent is another
    manager.refused(404, "GET", f"/projects/groups/apiProxies/pol-{kind}/policies/")


# ---- members ----

def test_a_proxy_is_in_one_group_of_each_kind(manager):
    add(manager, "apiProxyGroups", "one", "m1", "m2")
    add(manager, "apiProxyGroups", "two")
    add(manager, "policyGroups", "three")
    assert "one" in manager.refused(409, "PUT", "/projects/groups/apiProxyGroups/two/apiProxies/m1/")
    manager.api("PUT", "/projects/groups/apiProxyGroups/one/apiProxies/m1/")  # it is: fine
    manager.api("PUT", "/projects/groups/policyGroups/three/apiProxies/m1/")
    assert members(manager, "apiProxyGroups", "one") == ["m1", "m2"] and members(manager, "policyGroups", "three") == ["m1"]
    proxy = manager.api("GET", "/projects/groups/apiProxies/m1/")["result"]
    manager.api("PUT", "/projects/groups/apiProxies/m1/", proxy)  # a PUT of the proxy keeps it
    assert members(manager, "apiProxyGroups", "one") == ["m1", "m2"]
    answer = manager.api("GET", "/projects/groups/apiProxyGroups/one/apiProxies/?pageSize=1&sort=-name")
    assert [r["apiProxyName"] for r in answer["resultList"]] == ["m2"] and answer["resultCount"] == 2
    manager.api("DELETE", "/projects/groups/apiProxyGroups/one/apiProxies/m1/")
    manager.refused(404, "DELETE", "/projects/groups/apiProxyGroups/one/apiProxies/m1/")
    manager.refused(404, "PUT", "/projects/groups/apiProxyGroups/one/apiProxies/none-such/")
    manager.refused(404, "PUT", "/projects/groups/apiProxyGroups/none-such/apiProxies/m1/")
    manager.refused(400, "PUT", "/projects/groups/apiProxyGroups/one/apiProxies/m1/", {"x": 1})
    manager.api("PUT", "/projects/groups/apiProxyGroups/two/apiProxies/m1/")
    manager.api("DELETE", "/projects/groups/apiProxyGroups/two/")  # lets its members go
    manager.api("PUT", "/projects/groups/apiProxyGroups/one/apiProxies/m1/")
    manager.api("DELETE", "/projects/groups/apiProxies/m1/")  # and is left by a proxy
    assert members(manager, "apiProxyGroups", "one") == ["m2"] and members(manager, "policyGroups", "three") == []


# ---- deploy ----

def test_a_group_is_deployed_with_its_members_in_one_revision(manager, kind):
    name = "all-" + kind
    key = add(manager, kind, name, name + "-a", name + "-b")["applicationKey"]
    path = f"/projects/groups/{kind}/{name}/"
    manager.api("POST", path + "policies/auth/", policy_body("jwt", jwtSignatureAlgorithm="ES384"))
    revision = manager.snapshot()["revision"]
    answer = manager.api("POST", path + "environments/production/", {"description": "d"})
    assert [r["environmentName"] for r in answer["deploymentResult"]["deploymentResults"]] == ["production"]
    assert manager.snapshot()["revision"] == revision + 1
    group = deployed(manager, name)
    assert group["kind"] == {"apiProxyGroups": "API_PROXY_GROUP", "policyGroups": "POLICY_GROUP"}[kind]
    assert group["policy"]["policy"]["jwtSignatureAlgorithm"] == "ES384" and group["keyId"] == manager.client(key["clientId"])["key_id"]
    for member in ("-a", "-b"):
        row = deployed(manager, name + member)
        assert row["groupIds"] == [group["id"]] and row["revision"] == group["revision"] == revision + 1 and row["policy"] is None
    assert "ES384" in {k["algorithm"] for k in keys(manager)}
    assert manager.api("GET", path + "environments/production/deploy-status/")["result"]["deployed"] is True
    assert manager.api("GET", path + "deploy-histories/")["resultList"][0]["description"] == "d"

    for refused in (path, f"/projects/groups/apiProxies/{name}-a/", path + f"apiProxies/{name}-a/"):
        assert "production" in manager.refused(409, "DELETE", refused)

    before = turn(manager, key["clientId"])
    manager.api("DELETE", path + "environments/production/")
    assert deployed(manager, name) is None and deployed(manager, name + "-a") is None and deployed(manager, name + "-b") is None
    assert manager.snapshot()["revision"] == revision + 2 and turn(manager, key["clientId"]) != before
    manager.refused(409, "DELETE", path + "environments/production/")
    manager.api("DELETE", path + f"apiProxies/{name}-a/")
    manager.api("DELETE", path)


def test_a_member_takes_its_groups_along(manager):
    add(manager, "apiProxyGroups", "along-pg", "along")
    add(manager, "policyGroups", "along-lg")
    manager.api("PUT", "/projects/groups/policyGroups/along-lg/apiProxies/along/", {"deploy": True, "deployTargetEnvironmentNameList": ["production"]})
    pg, lg = deployed(manager, "along-pg"), deployed(manager, "along-lg")
    assert deployed(manager, "along")["groupIds"] == [lg["id"], pg["id"]]  # policy group first
    # a group that is there stays as it was deployed
    manager.api("POST", "/projects/groups/policyGroups/along-lg/policies/auth/", policy_body())
    manager.deploy("groups", "along")
    assert deployed(manager, "along-lg") == lg
    manager.api("POST", "/projects/groups/policyGroups/along-lg/environments/production/")
    assert deployed(manager, "along-lg")["policy"] is not None
    manager.undeploy("groups", "along")  # alone
    assert deployed(manager, "along") is None and deployed(manager, "along-pg") == pg


def test_members_whose_routes_clash_are_not_deployed(manager):
    add(manager, "apiProxyGroups", "clash", "clash-a")
    manager.proxy("groups", "clash-b", path="/clash-a")
    manager.api("PUT", "/projects/groups/apiProxyGroups/clash/apiProxies/clash-b/")
    revision = manager.snapshot()["revision"]
    assert "clash-" in manager.refused(409, "POST", "/projects/groups/apiProxyGroups/clash/environments/production/")
    assert manager.snapshot()["revision"] == revision and deployed(manager, "clash") is None


def test_an_acl_policy_needs_no_key_of_its_own(manager):
    manager.proxy("groups", "acl")
    manager.policy("groups", "acl", jwtSignatureAlgorithm="PS512", managedFromThisPolicy=False)
    manager.deploy("groups", "acl")
    assert "PS512" not in {k["algorithm"] for k in keys(manager)}


def test_roles(manager, kind):
    add(manager, kind, "roles-" + kind)
    manager.proxy("groups", "roles-" + kind)
    viewer = role(manager, "vera-" + kind, "VIEWER")
    path = f"/projects/groups/{kind}/roles-{kind}/"
    for part in ("", "apiProxies/", "policies/", "settings/cors/", "settings/keys/"):
        manager.api("GET", path + part, token=viewer)
    for method, part, body in (("PUT", "", {}), ("PATCH", "", {}), ("DELETE", "", None), ("PUT", f"apiProxies/roles-{kind}/", None), ("DELETE", f"apiProxies/roles-{kind}/", None),
                               ("PUT", "settings/cors/", {}), ("PATCH", "settings/keys/", {"regenerate": True}), ("POST", "policies/auth/", {}),
                               ("POST", "environments/production/", None), ("DELETE", "environments/production/", None)):
        manager.refused(403, method, path + part, body, token=viewer)
