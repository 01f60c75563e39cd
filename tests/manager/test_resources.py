"""Projects, environments, API proxies, policies."""
import pytest

from harness_manager import policy_body, proxy_body


# ---- projects ----

@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "ü", "x" * 129, None, 5])
def test_names_of_projects(manager, name):
    assert "name" in manager.refused(400, "POST", "/projects/", {"name": name})


def test_project_life(manager):
    manager.project("life")
    assert manager.api("PUT", "/projects/life/", {"name": "life", "description": "d"})["result"]["description"] == "d"
    assert manager.api("PUT", "/projects/life/", {})["result"] == {"name": "life", "description": ""}
    assert "cannot be changed" in manager.refused(400, "PATCH", "/projects/life/", {"name": "other"})
    manager.proxy("life", "x", "/life-x")
    assert "not empty" in manager.refused(409, "DELETE", "/projects/life/")
    manager.api("DELETE", "/projects/life/apiProxies/x/")
    manager.api("DELETE", "/projects/life/")
    assert "life" in manager.refused(404, "GET", "/projects/life/")
    manager.refused(404, "DELETE", "/projects/life/")
    manager.refused(404, "PATCH", "/projects/life/", {"description": "x"})
    manager.refused(404, "POST", "/projects/life/apiProxies/url/", proxy_body("x"))


# ---- environments ----

def test_environment_settings_are_live_at_once(manager):
    manager.api("POST", "/environments/", {"name": "live"})
    first = manager.snapshot("live")
    assert first["proxies"] == [] and len(first["keys"]) == 1 and first["revision"] == 1
    answer = manager.api("PATCH", "/environments/live/", {
        "accessUrl": "https://api.example.org", "leewaySeconds": 5, "trustedProxies": ["10.0.0.0/8"],
        "forwardedIp": {"enabled": True, "headerName": "X-Real-Ip", "xffOrder": "FIRST"}})
    assert answer["deploymentResult"]["deploymentResults"][0]["environmentName"] == "live"
    snapshot = manager.snapshot("live")
    assert snapshot["revision"] == 2
    assert snapshot["environment"]["accessUrl"] == "https://api.example.org"
    assert snapshot["environment"]["trustedProxies"] == ["10.0.0.0/8"]
    assert snapshot["environment"]["forwardedIp"] == {"enabled": True, "headerName": "X-Real-Ip", "xffOrder": "FIRST"}
    # what PATCH leaves out stays, null goes back, PUT replaces all
    manager.api("PATCH", "/environments/live/", {"accessUrl": None})
    result = manager.api("GET", "/environments/live/")["result"]
    assert result["accessUrl"] is None and result["leewaySeconds"] == 5
    assert manager.api("PUT", "/environments/live/", {"name": "live"})["result"]["leewaySeconds"] == 0
    assert any(kind == 1 and ref == "4" for _, kind, _, ref in manager.feed())


@pytest.mark.parametrize("change, field", [
    ({"accessUrl": "ftp://x"}, "accessUrl"), ({"accessUrl": "https://x/?q"}, "accessUrl"), ({"leewaySeconds": 301}, "leewaySeconds"),
    ({"leewaySeconds": "1"}, "leewaySeconds"), ({"trustedProxies": ["300.0.0.1"]}, "trustedProxies[0]"),
    ({"forwardedIp": {"xffOrder": "SIXTH"}}, "forwardedIp.xffOrder"), ({"name": "other"}, "name"),
])
def test_a_bad_environment_names_the_field_and_changes_nothing(manager, change, field):
    before = manager.api("GET", "/environments/production/")
    revision = manager.snapshot()["revision"]
    assert field in manager.refused(400, "PATCH", "/environments/production/", change)
    assert manager.api("GET", "/environments/production/") == before
    assert manager.snapshot()["revision"] == revision


def test_deleting_an_environment(manager):
    manager.api("POST", "/environments/", {"name": "gone"})
    manager.proxy("default", "in-gone")
    manager.deploy("default", "in-gone", "gone")
    assert "deployed" in manager.refused(409, "DELETE", "/environments/gone/")
    manager.undeploy("default", "in-gone", "gone")
    manager.api("DELETE", "/environments/gone/")
    manager.refused(404, "GET", "/environments/gone/")
    manager.refused(404, "GET", "/environments/gone/keys/")
    manager.refused(404, "POST", "/projects/default/apiProxies/in-gone/environments/gone/")
    manager.api("POST", "/environments/", {"name": "gone"})
    assert manager.snapshot("gone")["proxies"] == []
    manager.refused(409, "POST", "/environments/", {"name": "gone"})


def test_environments_of_a_project(manager):
    names = [e["name"] for e in manager.api("GET", "/projects/default/environments/")["resultList"]]
    assert "production" in names
    manager.refused(404, "GET", "/projects/nothing/environments/")


# ---- API proxies ----

def test_proxy_life(manager):
    made = manager.proxy("default", "life", apiProxyDescription="first")
    assert made["result"]["apiProxyDescription"] == "first"
    got = manager.api("GET", "/projects/default/apiProxies/life/")
    assert got["result"] == made["result"]
    assert got["applicationKey"] == {"clientId": made["applicationKey"]["clientId"]}
    manager.refused(409, "POST", "/projects/default/apiProxies/url/", proxy_body("life"))
    # what GET gives, PUT takes
    got["result"]["apiProxyDescription"] = "second"
    assert manager.api("PUT", "/projects/default/apiProxies/life/", got["result"])["result"] == got["result"]
    assert manager.api("PATCH", "/projects/default/apiProxies/life/", {"clientRoute": {"hostList": ["Api.Example.org"]}})["result"]["clientRoute"] == {
        "relativePathList": ["/life"], "hostList": ["api.example.org"], "methodList": [], "headerList": [], "stripPath": True}
    assert "life" in [p["apiProxyName"] for p in manager.api("GET", "/projects/default/apiProxies/?q=life")["resultList"]]
    manager.api("DELETE", "/projects/default/apiProxies/life/")
    manager.refused(404, "GET", "/projects/default/apiProxies/life/")
    assert manager.client(made["applicationKey"]["clientId"]) is None
    again = manager.proxy("default", "life")
    assert again["applicationKey"]["clientId"] != made["applicationKey"]["clientId"]


@pytest.mark.parametrize("change, field", [
    ({"apiProxyName": ""}, "apiProxyName"),
    ({"apiProxyName": "url"}, "apiProxyName"),
    ({"apiProxyCreationType": "OPEN_API"}, "definition"),
    ({"apiProxyCreationType": "SOAP"}, "apiProxyCreationType"),
    ({"clientRoute": {"relativePathList": ["/auth/x"]}}, "clientRoute.relativePathList[0]"),
    ({"clientRoute": {"relativePathList": ["orders"]}}, "clientRoute.relativePathList[0]"),
    ({"clientRoute": {"relativePathList": ["/x"], "hostList": ["a.*.b"]}}, "clientRoute.hostList[0]"),
    ({"clientRoute": {"relativePathList": ["/x"], "strip": True}}, "clientRoute.strip"),
    ({"routingInfo": {"routingAddressList": []}}, "routingInfo.routingAddressList"),
    ({"routingInfo": {"routingAddressList": [{"address": "ftp://x"}]}}, "routingInfo.routingAddressList[0].address"),
    ({"deploy": "yes"}, "deploy"),
    ({"deploy": True}, "deployTargetEnvironmentNameList"),
    ({"deploy": True, "deployTargetEnvironmentNameList": ["nowhere"]}, "nowhere"),
    ({"deploy": True, "deployTargetEnvironmentNameList": [1]}, "deployTargetEnvironmentNameList"),
    ({"deployTargetEnvironmentNameList": "production"}, "deployTargetEnvironmentNameList"),
])
def test_a_bad_proxy_names_the_field_and_makes_nothing(manager, change, field):
    body = dict(proxy_body("bad"), **change)
    assert field in manager.refused(400, "POST", "/projects/default/apiProxies/url/", body)
    manager.refused(404, "GET", "/projects/default/apiProxies/bad/")


def test_settings_of_a_proxy(manager):
    manager.proxy("default", "settings")
    base = "/projects/default/apiProxies/settings/settings"
    assert manager.api("PATCH", base + "/client-route/", {"methodList": ["GET"]})["result"]["relativePathList"] == ["/settings"]
    assert manager.api("PUT", base + "/client-route/", {"relativePathList": ["/other"]})["result"]["methodList"] == []
    assert manager.api("GET", base + "/client-route/")["result"]["relativePathList"] == ["/other"]
    addresses = [{"address": "https://a.example.org:8443/v1", "weight": 3}, {"address": "http://b.example.org", "addressType": "FAILOVER_ONLY"}]
    manager.api("PUT", base + "/addresses/", {"routingAddressList": addresses})
    assert [a["weight"] for a in manager.api("GET", base + "/addresses/")["result"]["routingAddressList"]] == [3, 1]
    assert manager.api("PATCH", base + "/addresses/", {"routingEnabled": False})["result"]["routingEnabled"] is False
    assert manager.api("PATCH", base + "/connection/", {"connectTimeoutMillis": 100})["result"]["connectTimeoutMillis"] == 100
    manager.api("PATCH", base + "/connection/", {"tlsVerify": False})
    assert manager.api("GET", base + "/connection/")["result"]["connectTimeoutMillis"] == 100
    assert manager.api("PUT", base + "/connection/", {})["result"]["connectTimeoutMillis"] == 5000
    assert "connection.readTimeout" in manager.refused(400, "PATCH", base + "/connection/", {"readTimeout": 1})
    assert "clientRoute.relativePathList" in manager.refused(400, "PUT", base + "/client-route/", {})
    manager.refused(404, "PATCH", "/projects/default/apiProxies/none/settings/connection/", {})
    got = manager.http("GET", "/apiops" + base + "/connection/")
    manager.refused(409, "PATCH", base + "/connection/", {}, headers={"If-Match": '"1"'})
    manager.api("PATCH", base + "/connection/", {}, headers={"If-Match": got.headers["ETag"]})


def test_deploy_in_a_write(manager):
    answer = manager.proxy("default", "at-once", deploy=True, deployTargetEnvironmentNameList=["production"])
    assert answer["deploymentResult"]["deploymentResults"][0]["environmentName"] == "production"
    assert "deploy" not in answer["result"]
    assert "at-once" in [p["proxy"]["apiProxyName"] for p in manager.snapshot()["proxies"]]
    manager.api("PATCH", "/projects/default/apiProxies/at-once/settings/connection/",
                {"readTimeoutMillis": 77, "deploy": True, "deployTargetEnvironmentNameList": ["production"]})
    proxy = next(p for p in manager.snapshot()["proxies"] if p["proxy"]["apiProxyName"] == "at-once")
    assert proxy["proxy"]["connection"]["readTimeoutMillis"] == 77 and proxy["policy"] is None
    manager.api("POST", "/projects/default/apiProxies/at-once/policies/auth/",
                policy_body(metadata={"deploy": True, "deployTargetEnvironmentNameList": ["production"]}))
    proxy = next(p for p in manager.snapshot()["proxies"] if p["proxy"]["apiProxyName"] == "at-once")
    assert proxy["policy"]["policy"]["type"] == "policy-auth-jwt"


def test_a_failed_deploy_in_a_write_undoes_the_write(manager):
    manager.proxy("default", "first-there", "/taken", deploy=True, deployTargetEnvironmentNameList=["production"])
    body = dict(proxy_body("second-there", "/taken"), deploy=True, deployTargetEnvironmentNameList=["production"])
    assert "first-there" in manager.refused(409, "POST", "/projects/default/apiProxies/url/", body)
    manager.refused(404, "GET", "/projects/default/apiProxies/second-there/")


# ---- policies ----

def test_policy_life(manager):
    manager.proxy("default", "policed")
    base = "/projects/default/apiProxies/policed/policies"
    manager.policy("default", "policed")
    assert "auth" in manager.refused(409, "POST", base + "/second/", policy_body("opaque"))
    manager.refused(409, "POST", base + "/auth/", policy_body())
    got = manager.api("GET", base + "/auth/")
    assert got["result"]["policyName"] == "auth" and got["result"]["policy"]["tokenExpiresInUnit"] == "HOURS"
    got["result"]["policy"]["tokenExpiresInAmount"] = 2
    assert manager.api("PUT", base + "/auth/", got["result"])["result"]["policy"]["tokenExpiresInAmount"] == 2
    assert manager.api("PATCH", base + "/auth/", {"policy": {"active": False}})["result"]["policy"]["active"] is False
    assert [p["policyName"] for p in manager.api("GET", base + "/")["resultList"]] == ["auth"]
    manager.api("DELETE", base + "/auth/")
    manager.refused(404, "GET", base + "/auth/")
    manager.refused(404, "PUT", base + "/auth/", policy_body())
    manager.policy("default", "policed", "opaque", name="other")


@pytest.mark.parametrize("fields, field", [
    ({"type": "policy-auth-basic"}, "policy.type"),
    ({"tokenExpiresInUnit": "FORTNIGHTS"}, "policy.tokenExpiresInUnit"),
    ({"tokenExpiresInAmount": 0}, "policy.tokenExpiresInAmount"),
    ({"jwtSignatureAlgorithm": "HS256"}, "policy.jwtSignatureAlgorithm"),
    ({"jwtSignatureAlgorithm": "none"}, "policy.jwtSignatureAlgorithm"),
    ({"grantType": "IMPLICIT"}, "policy.grantType"),
    ({"userHeaderName": "Bad Header"}, "policy.userHeaderName"),
    ({"tokenExpiresIn": 5}, "policy.tokenExpiresIn"),
])
def test_a_bad_policy_names_the_field(manager, fields, field):
    if manager.http("GET", "/apiops/projects/default/apiProxies/badpolicy/").status_code == 404:
        manager.proxy("default", "badpolicy")
    assert field in manager.refused(400, "POST", "/projects/default/apiProxies/badpolicy/policies/auth/", policy_body(**fields))
    assert manager.api("GET", "/projects/default/apiProxies/badpolicy/policies/")["resultList"] == []


def test_bad_policy_names_and_metadata(manager):
    manager.proxy("default", "badmeta")
    base = "/projects/default/apiProxies/badmeta/policies"
    manager.refused(400, "POST", base + "/%20/", policy_body())
    assert "operationMetadata.deployTargetEnvironmentNameList" in manager.refused(400, "POST", base + "/auth/", policy_body(metadata={"deploy": True}))
    assert "operationMetadata.targetScop" in manager.refused(400, "POST", base + "/auth/", policy_body(metadata={"targetScop": "ALL"}))


# ---- secrets ----

def test_no_answer_shows_a_secret_again(manager):
    made = manager.proxy("default", "secretive")
    secret = made["applicationKey"]["clientSecret"]
    chosen = "a-chosen-secret-of-mine"
    manager.api("PATCH", "/projects/default/apiProxies/secretive/settings/keys/", {"secretKey": chosen})
    paths = manager.http("GET", "/apiops/openapi.json").json()["paths"]
    names = {"project": "default", "apiProxy": "secretive", "environment": "production", "policy": "auth", "administrator": "admin"}
    read = 0
    for path, methods in paths.items():
        if "get" not in methods:
            continue
        for name, value in names.items():
            path = path.replace("{" + name + "}", value)
        answer = manager.http("GET", path)
        read += answer.status_code == 200
        for hidden in (secret, chosen, "argon2", manager.password, '"sealed"', '"d":'):
            assert hidden not in answer.text, (path, hidden)
    assert read > 15
    assert secret not in manager.log() and chosen not in manager.log()


def test_nothing_secret_lies_in_the_database_as_it_is(manager):
    made = manager.proxy("default", "dbsecret")
    chosen = "another-chosen-secret"
    key = manager.proxy("default", "dbsecret2")["applicationKey"]["clientSecret"]
    manager.api("PATCH", "/projects/default/apiProxies/dbsecret2/settings/keys/", {"secretKey": chosen})
    manager.api("PATCH", "/projects/default/apiProxies/dbsecret2/settings/keys/", {"regenerate": True})
    blob = manager.bytes_at_rest()
    for hidden in (made["applicationKey"]["clientSecret"], key, chosen, manager.password, "PRIVATE KEY"):
        assert hidden.encode() not in blob
    assert made["applicationKey"]["clientId"].encode() in blob  # the search would find what is there
