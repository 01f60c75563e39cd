"""What a credential may call."""
import json

import pytest

from test_credentials import role

PROJECT = "/projects/access"
USER = PROJECT + "/credentials/user/"
LIST = USER + "access/"


@pytest.fixture(scope="module", autouse=True)
def things(manager):
    manager.project("access")
    manager.project("other")
    for name in ("orders", "stock", "zoo"):
        manager.proxy("access", name)
    manager.proxy("other", "theirs")
    manager.api("POST", PROJECT + "/apiProxyGroups/", {"name": "orders"})
    manager.api("POST", PROJECT + "/policyGroups/", {"name": "gold"})
    manager.api("POST", PROJECT + "/credentials/", {"username": "user"})


@pytest.fixture(autouse=True)
def empty(manager):
    rows = manager.api("GET", LIST)["resultList"]
    if rows:
        manager.api("DELETE", LIST, {"credentialAccessList": [{"name": r["name"], "type": r["type"]} for r in rows]})


def grant(manager, *rows, **kwargs):
    return manager.api("PUT", LIST, {"credentialAccessList": list(rows)}, **kwargs)


def proxy(name, **more):
    return {"name": name, "type": "API_PROXY", **more}


def names(manager, query=""):
    return [(r["name"], r["type"]) for r in manager.api("GET", LIST + query)["resultList"]]


def stored(manager):
    with manager.config() as db:
        return {target: json.loads(doc) for target, doc in db.execute(
            "SELECT r.name || '/' || r.kind, a.doc FROM client_access a JOIN resource r ON r.id = a.target JOIN client c USING (key_id) WHERE c.client_id = 'user'")}


def test_grants_add_and_replace(manager):
    grant(manager, proxy("stock"), {"name": "orders", "type": "API_PROXY_GROUP"}, {"name": "gold", "type": "POLICY_GROUP"})
    grant(manager, proxy("orders"))  # adds
    assert names(manager) == [("gold", "POLICY_GROUP"), ("orders", "API_PROXY"), ("orders", "API_PROXY_GROUP"), ("stock", "API_PROXY")]
    assert set(stored(manager)) == {"gold/6", "orders/3", "orders/5", "stock/3"}
    grant(manager, proxy("stock", disallowedMethods=["DELETE"]))  # replaces
    assert stored(manager)["stock/3"]["settings"][0]["disallowedMethods"] == ["DELETE"] and len(names(manager)) == 4


def test_settings_for_each_environment(manager):
    row = proxy("orders", settings=[
        {"environmentName": "production", "quota": {"limit": 100, "intervalAmount": 1, "intervalUnit": "DAYS"},
         "throttling": {"limit": 5, "intervalAmount": 1, "intervalUnit": "SECONDS", "windowType": "SLIDING"}, "countingMode": "ACCEPTED",
         "disallowedMethods": ["DELETE", "PUT"], "expireTime": "2099-01-01T00:00:00Z"}, {"disallowedMethods": ["GET"]}])
    grant(manager, row)
    shown = manager.api("GET", LIST)["resultList"][0]
    assert shown["settings"][0]["quota"]["limit"] == 100 and shown["settings"][0]["countingMode"] == "ACCEPTED"
    assert sorted(shown["settings"][0]["disallowedMethods"]) == ["DELETE", "PUT"] and len(shown["settings"]) == 2
    grant(manager, shown)  # what is shown can be put back
    assert manager.api("GET", LIST)["resultList"][0] == shown


def test_a_long_list_is_paged_sorted_and_searched(manager):
    grant(manager, proxy("orders"), proxy("stock"), proxy("zoo"))
    answer = manager.api("GET", LIST + "?pageSize=2&sort=-name")
    assert [r["name"] for r in answer["resultList"]] == ["zoo", "stock"] and answer["resultCount"] == 3
    assert names(manager, "?q=TO") == [("stock", "API_PROXY")]


def test_revoking(manager):
    grant(manager, proxy("orders"), proxy("stock"), proxy("zoo"))
    answer = manager.api("DELETE", LIST, {"credentialAccessList": [proxy("orders"), proxy("stock")]})
    assert [r["name"] for r in answer["result"]["credentialAccessList"]] == ["zoo"]
    manager.api("DELETE", LIST + "?name=zoo&type=API_PROXY")
    assert names(manager) == []
    for name in ("zoo", "none-such"):
        assert "credentialAccessList[0].name" in manager.refused(404, "DELETE", LIST + f"?name={name}&type=API_PROXY")


def test_a_failing_row_leaves_nothing(manager):
    grant(manager, proxy("zoo"))
    before, feed = manager.client("user"), manager.feed()
    assert "credentialAccessList[1].name" in manager.refused(400, "PUT", LIST, {"credentialAccessList": [proxy("orders"), proxy("none-such")]})
    assert "credentialAccessList[1].name" in manager.refused(404, "DELETE", LIST, {"credentialAccessList": [proxy("zoo"), proxy("stock")]})
    assert names(manager) == [("zoo", "API_PROXY")] and manager.client("user") == before and manager.feed() == feed


def test_each_change_is_told_to_gateways_and_written_down(manager):
    version, seq = manager.client("user")["version"], manager.feed()[-1][0]
    grant(manager, proxy("orders"))
    assert [(kind, ref) for s, kind, _, ref in manager.feed() if s > seq] == [(2, "2:user")]
    assert manager.client("user")["version"] > version
    row = manager.api("GET", "/auditEvents/?q=user/access&pageSize=1")["resultList"][0]
    assert row["before"] == [] and [r["name"] for r in row["after"]] == ["orders"]


def test_if_match(manager):
    etag = manager.http("GET", "/apiops" + LIST).headers["ETag"]
    changed = manager.http("PUT", "/apiops" + LIST, json={"credentialAccessList": [proxy("orders")]}, headers={"If-Match": etag})
    assert changed.status_code == 200 and changed.headers["ETag"] == manager.http("GET", "/apiops" + LIST).headers["ETag"] != etag
    for method in ("PUT", "DELETE"):
        assert "changed meanwhile" in manager.refused(409, method, LIST, {"credentialAccessList": [proxy("orders")]}, headers={"If-Match": etag})


@pytest.mark.parametrize("row, field", [
    ({"type": "API_PROXY"}, "name"), ({"name": "orders"}, "type"), ({"name": "orders", "type": "PROXY"}, "type"), ({"name": 5, "type": "API_PROXY"}, "name"),
    (proxy("theirs"), "name"), ({"name": "gold", "type": "API_PROXY"}, "name"), (proxy("orders", disallowedMethods=["FETCH"]), "disallowedMethods[0]"),
    (proxy("orders", disallowedMethods="GET"), "disallowedMethods"), (proxy("orders", expireTime="soon"), "expireTime"), (proxy("orders", countingMode="SOME"), "countingMode"),
    (proxy("orders", quota={"limit": -1, "intervalAmount": 1, "intervalUnit": "DAYS"}), "quota.limit"),
    (proxy("orders", quota={"limit": 1, "intervalAmount": 1, "intervalUnit": "EONS"}), "quota.intervalUnit"),
    (proxy("orders", throttling={"limit": 1, "intervalAmount": 1, "intervalUnit": "DAYS", "windowType": "ROUND"}), "throttling.windowType"),
    (proxy("orders", settings=[{"environmentName": "none-such"}]), "settings[0].environmentName"), (proxy("orders", settings=5), "settings"),
    (proxy("orders", expires="x"), "expires"),
])
def test_a_bad_row_names_the_field(manager, row, field):
    message = manager.refused(400, "PUT", LIST, {"credentialAccessList": [row]})
    assert message.startswith("credentialAccessList[0]") and field in message
    assert names(manager) == []


@pytest.mark.parametrize("method, query, body, field", [
    ("PUT", "", {}, "credentialAccessList"), ("PUT", "", {"credentialAccessList": {}}, "credentialAccessList"), ("PUT", "", {"list": []}, "list"),
    ("PUT", "", {"credentialAccessList": [proxy("orders"), proxy("orders")]}, "credentialAccessList[1]"), ("DELETE", "", None, "name"), ("DELETE", "?name=orders", None, "type"),
    ("DELETE", "?name=orders&type=THING", None, "type"), ("DELETE", "?name=orders&type=API_PROXY", {"credentialAccessList": []}, "name"),
])
def test_bad_lists(manager, method, query, body, field):
    assert field in manager.refused(400, method, LIST + query, body)


def test_rows_go_with_their_targets_and_with_the_credential(manager):
    manager.proxy("access", "brief")
    grant(manager, proxy("brief"))
    version, seq = manager.client("user")["version"], manager.feed()[-1][0]
    manager.api("DELETE", PROJECT + "/apiProxies/brief/")
    assert names(manager) == [] and manager.client("user")["version"] > version
    assert "2:user" in [ref for s, kind, _, ref in manager.feed() if s > seq and kind == 2]
    manager.api("POST", PROJECT + "/credentials/", {"username": "brief-user"})
    manager.api("PUT", PROJECT + "/credentials/brief-user/access/", {"credentialAccessList": [proxy("orders")]})
    manager.api("DELETE", PROJECT + "/credentials/brief-user/")
    with manager.config() as db:
        assert db.execute("SELECT count(*) FROM client_access").fetchone() == (0,)


def test_viewers_read(manager):
    viewer = role(manager, "vera-access", "VIEWER")
    manager.api("GET", LIST, token=viewer)
    manager.refused(403, "PUT", LIST, {"credentialAccessList": []}, token=viewer)
    manager.refused(403, "DELETE", LIST + "?name=orders&type=API_PROXY", token=viewer)
