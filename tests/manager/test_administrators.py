import pytest


def made(manager, name, role):
    manager.api("POST", "/administrators/", {"name": name, "role": role, "password": f"password of {name}"})
    answer = manager.login(name, f"password of {name}")
    assert answer.status_code == 200
    return answer.json()["access_token"]


def test_a_generated_password_is_shown_once(manager):
    answer = manager.api("POST", "/administrators/", {"name": "generated", "role": "VIEWER"})
    assert manager.login("generated", answer["password"]).status_code == 200
    assert "password" not in manager.api("GET", "/administrators/generated/")["result"]
    manager.refused(409, "POST", "/administrators/", {"name": "generated", "role": "VIEWER"})


@pytest.mark.parametrize("body, field", [
    ({"name": "x"}, "role"), ({"name": "x", "role": "ROOT"}, "role"), ({"role": "ADMIN"}, "name"), ({"name": "a b", "role": "ADMIN"}, "name"),
    ({"name": "x", "role": "ADMIN", "password": "too short"}, "password"),
])
def test_bad_administrators(manager, body, field):
    assert field in manager.refused(400, "POST", "/administrators/", body)


def test_roles(manager):
    viewer, operator = made(manager, "vera", "VIEWER"), made(manager, "otto", "OPERATOR")
    for token in (viewer, operator):
        manager.api("GET", "/projects/", token=token)
        manager.api("GET", "/environments/production/keys/", token=token)
        manager.refused(403, "GET", "/administrators/", token=token)
        manager.refused(403, "POST", "/environments/production/keys/regenerate", {}, token=token)
        manager.refused(403, "POST", "/administrators/", {"name": "x", "role": "ADMIN"}, token=token)
    assert "OPERATOR" in manager.refused(403, "POST", "/projects/", {"name": "by-vera"}, token=viewer)
    manager.api("POST", "/projects/", {"name": "by-otto"}, token=operator)
    manager.refused(403, "DELETE", "/projects/by-otto/", token=viewer)
    rows = manager.api("GET", "/auditEvents/?who=otto")["resultList"]
    assert [r["what"] for r in rows if r["after"].get("refused") is None] == ["POST /apiops/projects/"]
    assert {r["after"]["refused"]["status"] for r in rows if "refused" in r["after"]} == {403}


def test_a_new_password_ends_sessions(manager):
    token = made(manager, "paul", "VIEWER")
    manager.api("PUT", "/administrators/paul/password/", {"password": "another password"}, token=token)  # one's own
    manager.refused(401, "GET", "/projects/", token=token)
    assert manager.login("paul", "password of paul").status_code == 401
    token = manager.login("paul", "another password").json()["access_token"]
    manager.refused(403, "PUT", "/administrators/admin/password/", {"password": "taken over now"}, token=token)
    manager.api("PUT", "/administrators/paul/password/", {"password": "a third password"})  # by an ADMIN
    manager.refused(401, "GET", "/projects/", token=token)


def test_disabled_and_deleted_ones_are_out_at_once(manager):
    token = made(manager, "dora", "OPERATOR")
    manager.api("PATCH", "/administrators/dora/", {"enabled": False})
    manager.refused(401, "GET", "/projects/", token=token)
    assert manager.login("dora", "password of dora").status_code == 401
    manager.api("PATCH", "/administrators/dora/", {"enabled": True})
    manager.api("GET", "/projects/", token=token)
    assert manager.api("PATCH", "/administrators/dora/", {"role": "VIEWER"})["result"]["role"] == "VIEWER"
    manager.refused(403, "POST", "/projects/", {"name": "dora"}, token=token)
    manager.api("DELETE", "/administrators/dora/")
    manager.refused(401, "GET", "/projects/", token=token)


def test_the_last_admin_stays(manager):
    for method, body in (("DELETE", None), ("PATCH", {"enabled": False}), ("PATCH", {"role": "VIEWER"})):
        assert "last" in manager.refused(409, method, "/administrators/admin/", body)
