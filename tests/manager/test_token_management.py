"""Token management settings."""

import pytest

PATH = "/settings/token-management/"
STANDARD = ["access_token", "token_type", "expires_in", "refresh_token", "scope"]
DEFAULTS = {"scopeMismatchBehavior": "STRICT", "scopeNotRequestedBehavior": "NO_SCOPE", "rejectWhenNoRoles": False,
            "fieldNames": {name: name for name in STANDARD}, "expiresInUnit": "SECONDS", "extendedFields": False}


def test_life_of_the_settings(own):
    with own() as manager:
        manager.api("POST", "/environments/", {"name": "second"})
        assert manager.api("GET", PATH)["result"] == DEFAULTS
        assert manager.snapshot()["tokenManagement"] == DEFAULTS
        before = {e: manager.snapshot(e)["revision"] for e in ("production", "second")}

        # PATCH changes what it names, null goes back; both environments have it at once
        answer = manager.api("PATCH", PATH, {"extendedFields": True, "fieldNames": {"scope": "roles", "token_type": ""}})
        wanted = dict(DEFAULTS, extendedFields=True, fieldNames=dict(DEFAULTS["fieldNames"], scope="roles", token_type=""))
        assert answer["result"] == wanted == manager.api("GET", PATH)["result"]
        assert {r["environmentName"] for r in answer["deploymentResult"]["deploymentResults"]} == {"production", "second"}
        for environment, revision in before.items():
            snapshot = manager.snapshot(environment)
            assert snapshot["revision"] == revision + 1 and snapshot["tokenManagement"] == wanted
        manager.api("PATCH", PATH, {"fieldNames": {"scope": None}})
        assert manager.api("GET", PATH)["result"]["fieldNames"] == dict(DEFAULTS["fieldNames"], token_type="")

        # PUT replaces all; a new environment and a restart have them too
        manager.api("PUT", PATH, {"scopeMismatchBehavior": "LENIENT"})
        wanted = dict(DEFAULTS, scopeMismatchBehavior="LENIENT")
        manager.api("POST", "/environments/", {"name": "third"})
        assert manager.snapshot("third")["tokenManagement"] == wanted
        manager.stop()
        manager.start()
        assert manager.api("GET", PATH)["result"] == wanted
        manager.proxy("default", "later")
        manager.deploy("default", "later")
        assert manager.snapshot()["tokenManagement"] == wanted


def test_etag(own):
    with own() as manager:
        manager.api("PUT", PATH, {})
        etag = manager.http("GET", "/apiops" + PATH).headers["ETag"]
        manager.api("PATCH", PATH, {"extendedFields": True}, headers={"If-Match": etag})
        assert "changed meanwhile" in manager.refused(409, "PATCH", PATH, {"extendedFields": False}, headers={"If-Match": etag})
        assert manager.api("GET", PATH)["result"]["extendedFields"] is True


@pytest.mark.parametrize("change, field", [
    ({"scopeMismatchBehavior": "NEVER"}, "scopeMismatchBehavior"), ({"scopeNotRequestedBehavior": 1}, "scopeNotRequestedBehavior"),
    ({"rejectWhenNoRoles": "yes"}, "rejectWhenNoRoles"), ({"expiresInUnit": "MINUTES"}, "expiresInUnit"), ({"extendedField": True}, "extendedField"),
    ({"fieldNames": {"access_token": ""}}, "fieldNames.access_token"), ({"fieldNames": {"scope": "X-ClientInfo"}}, "fieldNames.scope"),
    ({"fieldNames": {"scope": "expires_in"}}, "fieldNames.scope"), ({"fieldNames": {"scope": "a", "refresh_token": "A"}}, "fieldNames.scope"),
    ({"fieldNames": {"id_token": "x"}}, "fieldNames.id_token"), ({"fieldNames": []}, "fieldNames")])
def test_bad_settings_name_the_field_and_change_nothing(manager, change, field):
    before = manager.api("GET", PATH)
    revision = manager.snapshot()["revision"]
    for method in ("PATCH", "PUT"):
        assert field in manager.refused(400, method, PATH, change)
    assert manager.api("GET", PATH) == before
    assert manager.snapshot()["revision"] == revision


def test_roles_and_audit(manager):
    manager.api("POST", "/administrators/", {"name": "reader", "role": "VIEWER", "password": "a long enough one"})
    token = manager.login("reader", "a long enough one").json()["access_token"]
    manager.api("GET", PATH, token=token)
    manager.refused(403, "PATCH", PATH, {"extendedFields": True}, token=token)
    manager.api("PATCH", PATH, {"expiresInUnit": "MILLISECONDS"})
    event = manager.api("GET", "/auditEvents/")["resultList"][0]
    assert event["what"].startswith("PATCH /apiops/settings/token-management")
    assert event["before"]["expiresInUnit"] == "SECONDS" and event["after"]["expiresInUnit"] == "MILLISECONDS"
