"""Histories of deploys: what each changed, and going back."""
import json

import pytest


def history(manager, project, proxy, query=""):
    return manager.api("GET", f"/projects/{project}/apiProxies/{proxy}/deploy-histories/{query}")["resultList"]


def changes(manager, project, proxy, revision, query=""):
    return manager.api("GET", f"/projects/{project}/apiProxies/{proxy}/deploy-histories/{revision}/{query}")["result"]


def rollback(manager, project, proxy, revision, query="", body=None):
    return manager.api("POST", f"/projects/{project}/apiProxies/{proxy}/deploy-histories/{revision}/rollback/{query}", body)


def deployed(manager, name, environment="production"):
    """What the gateways get of that API proxy, without the revision."""
    for proxy in manager.snapshot(environment)["proxies"]:
        if proxy["proxy"]["apiProxyName"] == name:
            return {k: v for k, v in proxy.items() if k != "revision"}
    return None


def revision_of(manager, project, proxy):
    return history(manager, project, proxy)[0]["revision"]


@pytest.fixture(scope="module")
def second(manager):
    manager.api("POST", "/environments/", {"name": "staging"})


def test_it_brings_back_exactly_what_was_there(manager):
    manager.project("shop")
    made = manager.proxy("shop", "orders")
    manager.policy("shop", "orders")
    manager.api("POST", "/projects/shop/apiProxies/orders/endpoints/", {"name": "one", "method": "GET", "path": "/items/{id}"})
    manager.deploy("shop", "orders")
    first, before = revision_of(manager, "shop", "orders"), deployed(manager, "orders")
    client = manager.client(made["applicationKey"]["clientId"])
    manager.api("PATCH", "/projects/shop/apiProxies/orders/settings/client-route/", {"relativePathList": ["/new"], "stripPath": False})
    manager.api("PATCH", "/projects/shop/apiProxies/orders/policies/auth/", {"policy": {"tokenExpiresInAmount": 7}})
    manager.api("DELETE", "/projects/shop/apiProxies/orders/endpoints/one/")
    manager.deploy("shop", "orders")
    assert deployed(manager, "orders") != before
    draft = manager.api("GET", "/projects/shop/apiProxies/orders/")["result"]
    answer = rollback(manager, "shop", "orders", first, body={"description": "the new one is wrong"})
    assert answer["deploymentResult"]["deploymentResults"][0]["environmentName"] == "production" and answer["result"]["rollbackTo"] == first
    assert deployed(manager, "orders") == before
    newest = history(manager, "shop", "orders")[0]
    assert newest["revision"] == answer["result"]["revision"] > first and newest["description"] == "the new one is wrong" and newest["deployedBy"] == "admin"
    # the draft stays, and so do the key and whatever tokens it has
    assert manager.api("GET", "/projects/shop/apiProxies/orders/")["result"] == draft
    assert manager.client(made["applicationKey"]["clientId"]) == client
    row = manager.api("GET", "/auditEvents/?what=rollback")["resultList"][0]
    assert row["after"]["rollbackTo"] == first and row["before"]["revision"] == first + 1 and row["project"] == "shop"


def test_an_old_secret_never_comes_back(manager):
    manager.project("keys")
    key = manager.proxy("keys", "kept")["applicationKey"]
    manager.deploy("keys", "kept")
    first = revision_of(manager, "keys", "kept")
    manager.api("PATCH", "/projects/keys/apiProxies/kept/settings/keys/", {"regenerate": True})
    manager.deploy("keys", "kept")
    now = manager.client(key["clientId"])
    feed = len(manager.feed())
    rollback(manager, "keys", "kept", first)
    assert manager.client(key["clientId"]) == now
    assert [row[1] for row in manager.feed()[feed:]] == [1]  # a snapshot, and nothing about a client


def test_what_changed(manager):
    manager.project("diff")
    manager.proxy("diff", "d")
    manager.policy("diff", "d")
    manager.deploy("diff", "d")
    first = revision_of(manager, "diff", "d")
    shown = changes(manager, "diff", "d", first)
    assert shown["comparedWith"] is None and shown["changes"] == []
    manager.api("PATCH", "/projects/diff/apiProxies/d/settings/client-route/", {"relativePathList": ["/d2"]})
    manager.api("PATCH", "/projects/diff/apiProxies/d/policies/auth/", {"policy": {"description": "stricter"}})
    manager.deploy("diff", "d")
    shown = changes(manager, "diff", "d", first + 1)
    assert shown["comparedWith"] == first and shown["changesComplete"] is True and shown["deployedBy"] == "admin"
    assert {c["path"]: (c["before"], c["after"]) for c in shown["changes"]} == {
        "proxy.clientRoute.relativePathList[0]": ("/d", "/d2"), "policy.policy.description": ("", "stricter")}
    manager.deploy("diff", "d")
    assert changes(manager, "diff", "d", first + 2)["changes"] == []
    manager.undeploy("diff", "d")
    shown = changes(manager, "diff", "d", first + 3)
    assert (shown["action"], shown["changes"]) == ("UNDEPLOY", [])
    rollback(manager, "diff", "d", first)
    shown = changes(manager, "diff", "d", first + 4)  # against what was deployed last, over the undeploy
    assert shown["comparedWith"] == first + 2 and len(shown["changes"]) == 2
    assert "undeploy" not in json.dumps(shown) and shown["action"] == "DEPLOY"


def test_refusals(manager):
    manager.project("no")
    manager.proxy("no", "n")
    manager.deploy("no", "n")
    first = revision_of(manager, "no", "n")
    for bad in ("0", "x", "99999999", "-1"):
        manager.refused(404, "POST", f"/projects/no/apiProxies/n/deploy-histories/{bad}/rollback/")
        manager.refused(404, "GET", f"/projects/no/apiProxies/n/deploy-histories/{bad}/")
    path = f"/projects/no/apiProxies/n/deploy-histories/{first}/rollback/"
    assert "nowhere" in manager.refused(400, "POST", path + "?environmentName=nowhere")
    assert "x" in manager.refused(400, "POST", path + "?x=1")
    assert "revision" in manager.refused(400, "POST", path, {"revision": 1})
    manager.undeploy("no", "n")
    assert "took it away" in manager.refused(409, "POST", f"/projects/no/apiProxies/n/deploy-histories/{first + 1}/rollback/")
    assert deployed(manager, "n") is None
    rollback(manager, "no", "n", first)
    assert deployed(manager, "n") is not None


def test_a_route_that_is_taken_by_now_is_told(manager):
    manager.project("routes")
    manager.proxy("routes", "a", "/contested")
    manager.deploy("routes", "a")
    first = revision_of(manager, "routes", "a")
    manager.api("PATCH", "/projects/routes/apiProxies/a/settings/client-route/", {"relativePathList": ["/elsewhere"]})
    manager.deploy("routes", "a")
    manager.proxy("routes", "b", "/contested")
    manager.deploy("routes", "b")
    before = manager.snapshot()["revision"]
    assert '"b"' in manager.refused(409, "POST", f"/projects/routes/apiProxies/a/deploy-histories/{first}/rollback/")
    assert manager.snapshot()["revision"] == before and deployed(manager, "a")["proxy"]["clientRoute"]["relativePathList"] == ["/elsewhere"]


def test_a_group_that_is_gone_is_told(manager):
    manager.project("groups")
    manager.proxy("groups", "m")
    manager.api("POST", "/projects/groups/apiProxyGroups/", {"name": "g"})
    manager.api("PUT", "/projects/groups/apiProxyGroups/g/apiProxies/m/")
    manager.deploy("groups", "m")
    first = revision_of(manager, "groups", "m")
    assert len(deployed(manager, "m")["groupIds"]) == 1
    manager.api("DELETE", "/projects/groups/apiProxyGroups/g/environments/production/")
    manager.api("DELETE", "/projects/groups/apiProxyGroups/g/apiProxies/m/")
    rollback(manager, "groups", "m", first)  # the group is still there, and deployed with it
    assert len(deployed(manager, "m")["groupIds"]) == 1
    manager.api("DELETE", "/projects/groups/apiProxyGroups/g/environments/production/")
    manager.api("DELETE", "/projects/groups/apiProxyGroups/g/")
    assert "group" in manager.refused(409, "POST", f"/projects/groups/apiProxies/m/deploy-histories/{first}/rollback/")


def test_a_group_goes_back_too(manager):
    manager.project("back")
    manager.api("POST", "/projects/back/policyGroups/", {"name": "pg", "description": "old"})
    path = "/projects/back/policyGroups/pg/"
    manager.api("POST", path + "environments/production/")
    first = manager.api("GET", path + "deploy-histories/")["resultList"][0]["revision"]
    manager.api("PATCH", path, {"description": "new"})
    manager.api("POST", path + "environments/production/")
    shown = manager.api("GET", path + f"deploy-histories/{first + 1}/")["result"]["changes"]
    assert shown == [{"path": "group.description", "before": "old", "after": "new"}]
    manager.api("POST", path + f"deploy-histories/{first}/rollback/")
    assert next(g for g in manager.snapshot()["groups"] if g["group"]["name"] == "pg")["group"]["description"] == "old"


def test_several_environments(manager, second):
    manager.project("several")
    manager.proxy("several", "s")
    path = "/projects/several/apiProxies/s/"
    answer = manager.api("PATCH", path, {"apiProxyDescription": "one", "deploy": True, "deployTargetEnvironmentNameList": ["production", "staging"]})
    results = {r["environmentName"]: r for r in answer["deploymentResult"]["deploymentResults"]}
    assert set(results) == {"production", "staging"} and all(r["message"] for r in results.values())
    revisions = {r["environmentName"]: r["revision"] for r in history(manager, "several", "s")}
    assert [r["environmentName"] for r in history(manager, "several", "s", "?environmentName=staging")] == ["staging"]
    manager.api("PATCH", path, {"apiProxyDescription": "two", "deploy": True, "deployTargetEnvironmentNameList": ["production", "staging"]})
    rollback(manager, "several", "s", revisions["staging"], "?environmentName=production&sourceEnvironmentName=staging")
    assert deployed(manager, "s")["proxy"]["apiProxyDescription"] == "one"
    assert deployed(manager, "s", "staging")["proxy"]["apiProxyDescription"] == "two"
    # make the numbers meet
    while revision_of(manager, "several", "s") < revisions["production"] or history(manager, "several", "s")[0]["environmentName"] != "staging":
        manager.deploy("several", "s", "staging")
    number = revisions["production"]
    rows = [r for r in history(manager, "several", "s") if r["revision"] == number]
    assert {r["environmentName"] for r in rows} == {"production", "staging"}
    assert "environmentName" in manager.refused(400, "GET", path + f"deploy-histories/{number}/")
    assert "sourceEnvironmentName" in manager.refused(400, "POST", path + f"deploy-histories/{number}/rollback/")
    assert changes(manager, "several", "s", number, "?environmentName=staging")["environmentName"] == "staging"
    assert rollback(manager, "several", "s", number, "?environmentName=production")["result"]["environmentName"] == "production"
    assert deployed(manager, "s")["proxy"]["apiProxyDescription"] == "one"
    answer = rollback(manager, "several", "s", number, "?sourceEnvironmentName=production")
    assert answer["result"]["environmentName"] == "production"


def test_the_last_hundred_are_kept(own):
    with own() as m:
        m.project("many")
        m.proxy("many", "x")
        for _ in range(103):
            m.deploy("many", "x")
        rows = history(m, "many", "x", "?pageSize=1000")
        assert len(rows) == 100
        newest, oldest = rows[0]["revision"], rows[-1]["revision"]
        m.refused(404, "POST", f"/projects/many/apiProxies/x/deploy-histories/{oldest - 1}/rollback/")
        rollback(m, "many", "x", oldest)
        assert history(m, "many", "x")[0]["revision"] == newest + 1


def test_roles(manager):
    manager.project("r")
    manager.proxy("r", "x")
    manager.deploy("r", "x")
    manager.api("POST", "/administrators/", {"name": "v", "role": "VIEWER", "password": "password of v"})
    token = manager.login("v", "password of v").json()["access_token"]
    revision = revision_of(manager, "r", "x")
    manager.api("GET", f"/projects/r/apiProxies/x/deploy-histories/{revision}/", token=token)
    manager.refused(403, "POST", f"/projects/r/apiProxies/x/deploy-histories/{revision}/rollback/", token=token)


def test_a_signing_key_that_was_missing_is_told(manager, second):
    manager.project("signed")
    manager.proxy("signed", "algorithms")
    manager.policy("signed", "algorithms", jwtSignatureAlgorithm="ES384")
    manager.deploy("signed", "algorithms")
    first = revision_of(manager, "signed", "algorithms")
    assert "signingKeysMade" not in rollback(manager, "signed", "algorithms", first)["result"]     # the key is there
    result = rollback(manager, "signed", "algorithms", first, "?environmentName=staging&sourceEnvironmentName=production")["result"]
    made = result["signingKeysMade"]
    keys = {k["kid"]: k for k in manager.api("GET", "/environments/staging/keys/")["resultList"]}
    assert [(k["environmentName"], k["algorithm"]) for k in made] == [("staging", "ES384")] and keys[made[0]["kid"]]["state"] == "active"
    assert manager.api("GET", "/auditEvents/?what=rollback")["resultList"][0]["after"]["signingKeysMade"] == made
