import time


def events(manager, query=""):
    return manager.api("GET", "/auditEvents/" + query)["resultList"]


def test_every_write_says_who_when_what_before_and_after(manager):
    manager.project("audited")
    manager.api("PATCH", "/projects/audited/", {"description": "new"})
    manager.api("DELETE", "/projects/audited/")
    rows = events(manager, "?q=projects/audited")
    assert [r["what"] for r in rows] == ["DELETE /apiops/projects/audited/", "PATCH /apiops/projects/audited/"]
    assert rows[1]["before"] == {"name": "audited", "description": ""} and rows[1]["after"] == {"name": "audited", "description": "new"}
    assert rows[0]["before"]["description"] == "new" and rows[0]["after"] is None
    assert all(r["who"] == "admin" and r["at"].endswith("Z") for r in rows)
    assert events(manager, "?what=POST%20/apiops/projects/")[0]["after"] == {"name": "audited", "description": ""}


def test_failed_writes_and_reads_leave_no_row(manager):
    before = manager.api("GET", "/auditEvents/")["resultCount"]
    manager.refused(400, "POST", "/projects/", {"name": ""})
    manager.refused(409, "POST", "/projects/", {"name": "default"})
    manager.refused(404, "DELETE", "/projects/nothing/")
    manager.api("GET", "/projects/")
    assert manager.api("GET", "/auditEvents/")["resultCount"] == before


def test_secrets_are_masked(manager):
    made = manager.proxy("default", "masked")
    manager.api("PATCH", "/projects/default/apiProxies/masked/settings/keys/", {"secretKey": "very-secret-thing"})
    manager.api("POST", "/administrators/", {"name": "masked", "role": "VIEWER", "password": "masked password 1"})
    manager.api("PUT", "/administrators/masked/password/", {"password": "masked password 2"})
    text = manager.http("GET", "/apiops/auditEvents/").text
    for hidden in ("very-secret-thing", made["applicationKey"]["clientSecret"], "masked password", "argon2"):
        assert hidden not in text
    row = next(r for r in events(manager) if "settings/keys" in r["what"])
    assert row["after"]["secretKey"] == "***"


def test_narrowing(manager):
    manager.project("narrow")
    time.sleep(0.01)
    newest = events(manager, "?pageSize=1")[0]
    assert events(manager, "?from=" + newest["at"])[0]["id"] == newest["id"]
    assert all(r["id"] < newest["id"] for r in events(manager, "?to=" + newest["at"]))
    assert events(manager, "?who=nobody") == []
    assert {r["who"] for r in events(manager, "?who=admin")} == {"admin"}
    page1, page2 = events(manager, "?pageSize=2&page=1"), events(manager, "?pageSize=2&page=2")
    assert [r["id"] for r in page1 + page2] == sorted((r["id"] for r in page1 + page2), reverse=True)
    for bad in ("?from=yesterday", "?whom=admin", "?who=a&who=b"):
        manager.refused(400, "GET", "/auditEvents/" + bad)
