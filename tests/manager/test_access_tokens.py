"""Personal access tokens: an id and a secret in place of name and password."""
import base64
import datetime
import sqlite3

import pytest


def made(manager, name, **rights):
    manager.api("POST", "/administrators/", {"name": name, "password": f"password of {name}", **rights})
    return manager.login(name, f"password of {name}").json()["access_token"]


def in_days(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def token_of(manager, owner, token=None, **body):
    answer = manager.api("POST", f"/administrators/{owner}/tokens/", {"name": "pipeline", **body}, token=token)
    return answer["result"], answer["secret"]


def bearer(manager, shown, secret):
    answer = manager.login(shown["id"], secret)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def basic(manager, method, path, user, password, **kwargs):
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return manager.http(method, "/apiops" + path, token=False, headers={"Authorization": "Basic " + text}, **kwargs)


def test_it_logs_in_as_name_and_password_do(manager):
    own = made(manager, "tina", role="OPERATOR")
    shown, secret = token_of(manager, "tina", own)
    assert shown["role"] == "OPERATOR" and shown["name"] == "pipeline"
    days = (datetime.datetime.fromisoformat(shown["expiresAt"]) - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86400
    assert 89.9 < days <= 90
    token = bearer(manager, shown, secret)
    manager.api("POST", "/projects/", {"name": "by-token"}, token=token)
    assert basic(manager, "GET", "/projects/by-token/", shown["id"], secret).status_code == 200
    assert basic(manager, "GET", "/projects/by-token/", shown["id"], secret + "x").status_code == 401
    rows = manager.api("GET", "/auditEvents/?who=tina&what=POST")["resultList"]
    assert [r["what"] for r in rows if "refused" not in r["after"]] == ["POST /apiops/projects/", "POST /apiops/administrators/tina/tokens/"]


def test_the_secret_is_shown_once_and_kept_as_a_hash(manager):
    made(manager, "hana", role="VIEWER")
    shown, secret = token_of(manager, "hana")
    assert len(secret) > 40
    for path in ("/administrators/hana/tokens/", "/administrators/hana/", "/auditEvents/"):
        assert secret not in manager.http("GET", "/apiops" + path).text
    listed = manager.api("GET", "/administrators/hana/tokens/")["resultList"]
    assert listed == [shown] and set(shown) == {"id", "name", "role", "createdAt", "expiresAt"}
    assert secret.encode() not in manager.bytes_at_rest()
    assert secret not in manager.log()


def test_a_smaller_role_stays_smaller(manager):
    """A token that reads must not become the password of its owner."""
    made(manager, "rita", role="ADMIN")
    shown, secret = token_of(manager, "rita", role="VIEWER")
    token = bearer(manager, shown, secret)
    manager.api("GET", "/projects/", token=token)
    for method, path, body in (("POST", "/projects/", {"name": "x"}), ("PUT", "/administrators/rita/password/", {"password": "taken over now"}),
                               ("POST", "/administrators/rita/tokens/", {"name": "more"}), ("GET", "/administrators/rita/tokens/", None),
                               ("DELETE", f"/administrators/rita/tokens/{shown['id']}/", None), ("GET", "/administrators/rita/", None)):
        manager.refused(403, method, path, body, token=token)
        assert basic(manager, method, path, shown["id"], secret, json=body).status_code == 403


def test_it_never_has_more_than_its_owner(manager):
    manager.project("mine")
    own = made(manager, "otis", role="VIEWER", projects=[{"name": "mine", "role": "OPERATOR"}])
    assert "OPERATOR" in manager.refused(400, "POST", "/administrators/otis/tokens/", {"name": "t", "role": "ADMIN"}, token=own)
    shown, secret = token_of(manager, "otis", own, role="OPERATOR")
    token = bearer(manager, shown, secret)
    manager.api("PATCH", "/projects/mine/", {"description": "x"}, token=token)
    manager.refused(403, "PATCH", "/projects/default/", {"description": "x"}, token=token)
    manager.api("PATCH", "/administrators/otis/", {"projects": []})
    manager.refused(403, "PATCH", "/projects/mine/", {"description": "y"}, token=token)


def test_ones_own_by_oneself_and_others_by_an_admin(manager):
    alma, bert = made(manager, "alma", role="OPERATOR"), made(manager, "bert", role="OPERATOR")
    shown, secret = token_of(manager, "alma", alma)
    manager.refused(403, "GET", "/administrators/alma/tokens/", token=bert)
    manager.refused(403, "POST", "/administrators/alma/tokens/", {"name": "stolen"}, token=bert)
    manager.refused(403, "DELETE", f"/administrators/alma/tokens/{shown['id']}/", token=bert)
    manager.refused(404, "DELETE", f"/administrators/bert/tokens/{shown['id']}/", token=bert)
    assert "exists" in manager.refused(409, "POST", "/administrators/alma/tokens/", {"name": "pipeline"}, token=alma)
    token = bearer(manager, shown, secret)
    manager.api("DELETE", f"/administrators/alma/tokens/{shown['id']}/")
    manager.refused(401, "GET", "/projects/", token=token)
    assert manager.login(shown["id"], secret).status_code == 401
    for bad in (shown["id"], "tgp~0", "tgp~x", "alma", "tgp~99999999999999999999"):
        manager.refused(404, "DELETE", f"/administrators/alma/tokens/{bad}/", token=alma)


@pytest.mark.parametrize("body, field", [
    ({}, "name"), ({"name": "a b"}, "name"), ({"name": "t", "role": "ROOT"}, "role"), ({"name": "t", "expiresAt": "tomorrow"}, "expiresAt"),
    ({"name": "t", "expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"), ({"name": "t", "secret": "x"}, "secret"), ({"name": "t", "expiresAt": 5}, "expiresAt"),
])
def test_bad_tokens(manager, body, field):
    assert field in manager.refused(400, "POST", "/administrators/admin/tokens/", body)


def test_at_most_a_year(manager):
    made(manager, "yara", role="VIEWER")
    assert "year" in manager.refused(400, "POST", "/administrators/yara/tokens/", {"name": "t", "expiresAt": in_days(370)})
    token_of(manager, "yara", expiresAt=in_days(364))


def test_it_expires(manager):
    made(manager, "erik", role="VIEWER")
    shown, secret = token_of(manager, "erik")
    token = bearer(manager, shown, secret)
    with sqlite3.connect(f"{manager.data}/config.db", timeout=20) as db:
        number = int(shown["id"].split("~")[1])
        db.execute("UPDATE resource SET doc = json_set(doc, '$.expiresAt', 1000) WHERE id = ?", (number,))
    manager.refused(401, "GET", "/projects/", token=token)
    assert manager.login(shown["id"], secret).status_code == 401
    again, _ = token_of(manager, "erik")  # takes the place of the one that has ended
    assert [t["id"] for t in manager.api("GET", "/administrators/erik/tokens/")["resultList"]] == [again["id"]]


def test_a_session_does_not_outlive_it(manager):
    made(manager, "soon", role="VIEWER")
    shown, secret = token_of(manager, "soon", expiresAt=in_days(1 / 48))
    assert 0 < manager.login(shown["id"], secret).json()["expires_in"] <= 1800


def test_what_ends_it(manager):
    own = made(manager, "wim", role="VIEWER")
    shown, secret = token_of(manager, "wim", own)
    token = bearer(manager, shown, secret)
    manager.api("PUT", "/administrators/wim/password/", {"password": "another password"})  # ends sessions of the password alone
    manager.refused(401, "GET", "/projects/", token=own)
    manager.api("GET", "/projects/", token=token)
    manager.api("PATCH", "/administrators/wim/", {"enabled": False})
    manager.refused(401, "GET", "/projects/", token=token)
    assert manager.login(shown["id"], secret).status_code == 401
    manager.api("PATCH", "/administrators/wim/", {"enabled": True})
    manager.api("GET", "/projects/", token=token)
    manager.api("PUT", "/administrators/wim/password/", {"password": "a third password", "revokeTokens": True})
    manager.refused(401, "GET", "/projects/", token=token)
    assert manager.api("GET", "/administrators/wim/tokens/")["resultList"] == []
    shown, secret = token_of(manager, "wim")
    token = bearer(manager, shown, secret)
    manager.api("DELETE", "/administrators/wim/")
    manager.refused(401, "GET", "/projects/", token=token)
    assert manager.login(shown["id"], secret).status_code == 401


def test_guesses_are_slowed_down(own):
    with own() as m:
        shown, secret = token_of(m, "admin")
        statuses = [m.login(shown["id"], f"guess {i}").status_code for i in range(12)]
        assert statuses[:10] == [401] * 10 and 429 in statuses
        assert m.login(shown["id"], secret).status_code == 429


def test_there_is_a_bound(own):
    with own() as m:
        for i in range(100):
            m.api("POST", "/administrators/admin/tokens/", {"name": f"t{i}"})
        assert "100" in m.refused(409, "POST", "/administrators/admin/tokens/", {"name": "more"})
