"""Credentials: what administrators say of them, their secrets, and what gateways then see."""
import json
import sqlite3
import urllib.parse

import pytest

from test_keys import keys, moment

PROJECT = "/projects/creds"
ALL = PROJECT + "/credentials/"
ORGS = PROJECT + "/credential-organizations/"
FULL = {"username": "full", "password": "chosen-password", "email": "a@b.c", "fullName": "A B", "description": "d", "roleNameList": ["read", "write"],
        "enabled": True, "ipList": ["10.0.0.0/8", "2001:db8::/32"], "expireDate": "2099-01-01T00:00:00Z",
        "metadata": [{"key": "tier", "value": "gold", "includeInJwt": True}]}


@pytest.fixture(scope="module", autouse=True)
def project(manager):
    manager.project("creds")
    manager.project("elsewhere")


def add(manager, username, **more):
    return manager.api("POST", ALL, {"username": username, **more})


def details(manager, username):
    return json.loads(manager.client(username)["details"])


def stored(manager, name):
    """The document of a credential or an organization, as it rests."""
    with manager.config() as db:
        rows = db.execute("SELECT doc FROM resource WHERE name = ?", (name,)).fetchall()
    assert len(rows) == 1
    return json.loads(rows[0][0])


def secret_of(manager, username, environment="production"):
    with manager.config() as db:
        db.row_factory = sqlite3.Row
        row = db.execute("SELECT s.* FROM client_secret s JOIN client c USING (key_id) JOIN resource r ON r.id = s.environment_id"
                         " WHERE c.client_id = ? AND r.name = ?", (username, environment)).fetchone()
    return dict(row) if row else None


def turn_of(manager, username, environment="production"):
    with manager.config() as db:
        row = db.execute("SELECT t.nonce FROM client_turn t JOIN client c USING (key_id) JOIN resource r ON r.id = t.environment_id"
                         " WHERE c.client_id = ? AND r.name = ?", (username, environment)).fetchone()
    return row[0] if row else None


def changes_of(manager, username):
    return [row for row in manager.feed() if row[1] == 2 and row[3] == f"2:{username}"]


def role(manager, name, kind):
    """A bearer token of an administrator with that role."""
    made = manager.api("POST", "/administrators/", {"name": name, "role": kind})
    return manager.login(name, made["password"]).json()["access_token"]


# ---- life ----

def test_a_credential_with_a_chosen_password(manager):
    answer = manager.http("POST", "/apiops" + ALL, json=FULL)
    assert answer.status_code == 201
    body = answer.json()
    assert body["clientId"] == "full" and "clientSecret" not in body
    assert "password" not in answer.text and "argon2" not in answer.text
    got = manager.api("GET", ALL + "full/")
    assert got["result"] == body["result"] and got["clientId"] == "full"
    assert {k: got["result"][k] for k in ("username", "email", "fullName", "description", "roleNameList", "enabled", "ipList")} == {
        k: FULL[k] for k in ("username", "email", "fullName", "description", "roleNameList", "enabled", "ipList")}
    assert got["result"]["metadata"][0]["value"] == "gold"
    row = manager.client("full")
    assert row["kind"] == 2 and row["secret_kind"] == 2 and row["secret"].startswith(b"$argon2id$") and row["generation"] != 0
    assert row["project_id"] == manager.api("GET", PROJECT + "/")["metadata"]["id"]
    assert row["expires_at"] == 4070908800000 and row["enabled"] == 1
    assert details(manager, "full")["roleNameList"] == ["read", "write"]
    assert len(changes_of(manager, "full")) == 1


def test_a_generated_secret_is_shown_once(manager):
    answer = add(manager, "generated")
    secret = answer["clientSecret"]
    assert len(secret) >= 43 and set(secret) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
    row = manager.client("generated")
    assert row["secret_kind"] == 1 and len(row["secret"]) == 32
    for path in (ALL, ALL + "generated/", "/auditEvents/"):
        assert secret not in manager.http("GET", "/apiops" + path).text
    assert secret.encode() not in manager.bytes_at_rest() and b"generated" in manager.bytes_at_rest()


def test_lists_are_paged_sorted_and_searched(manager):
    for i in range(5):
        add(manager, f"listed-{i}")
    answer = manager.api("GET", ALL + "?q=LISTED-&pageSize=2&page=2&sort=-name")
    assert [r["username"] for r in answer["resultList"]] == ["listed-2", "listed-1"] and answer["resultCount"] == 5


def test_a_username_is_unique_in_the_whole_installation(manager):
    add(manager, "unique")
    for where in ("creds", "elsewhere"):
        assert "unique" in manager.refused(409, "POST", f"/projects/{where}/credentials/", {"username": "unique"})
    assert manager.api("GET", "/projects/elsewhere/credentials/?q=unique")["resultList"] == []  # the failed write left nothing


def test_put_replaces_and_keeps_the_password(manager):
    add(manager, "put", **{k: v for k, v in FULL.items() if k != "username"})
    before = manager.client("put")
    answer = manager.api("PUT", ALL + "put/", {"fullName": "New"})
    assert answer["result"]["fullName"] == "New" and answer["result"]["roleNameList"] == [] and answer["result"]["expireDate"] is None
    after = manager.client("put")
    assert (after["secret"], after["generation"], after["expires_at"]) == (before["secret"], before["generation"], 0)
    assert after["version"] > before["version"] and details(manager, "put")["roleNameList"] == []
    again = manager.api("PUT", ALL + "put/", {"password": "another-password", "username": "put"})
    assert again["result"]["fullName"] == ""
    assert manager.client("put")["secret"] != before["secret"] and manager.client("put")["generation"] != before["generation"]


def test_what_a_get_shows_can_be_put_back(manager):
    add(manager, "round", roleNameList=["r"], environments=[{"environmentName": "production", "password": "env-password", "ipList": ["127.0.0.1"]}],
        metadata=[{"key": "pin", "value": "1234-secret", "secret": True, "includeInTokenResponse": True}])
    kept, shown = details(manager, "round"), manager.api("GET", ALL + "round/")["result"]
    assert shown["metadata"][0]["value"] is None and shown["environments"][0]["hasPassword"] is True
    assert manager.api("PUT", ALL + "round/", shown)["result"] == shown
    assert details(manager, "round") == kept and kept["metadata"][0]["sealed"]
    assert secret_of(manager, "round") is not None


def test_patch_changes_what_it_names(manager):
    add(manager, "patch", **{k: v for k, v in FULL.items() if k != "username"})
    generation = manager.client("patch")["generation"]
    answer = manager.api("PATCH", ALL + "patch/", {"email": None, "enabled": False})
    assert answer["result"]["email"] == "" and answer["result"]["enabled"] is False and answer["result"]["fullName"] == "A B"
    assert manager.client("patch")["enabled"] == 0 and manager.client("patch")["generation"] == generation
    assert len(changes_of(manager, "patch")) == 2


@pytest.mark.parametrize("end, again", [({"enabled": False}, {"enabled": True}), ({"expireDate": "2001-01-01T00:00:00Z"}, {"expireDate": None})])
def test_tokens_that_ended_stay_so(manager, end, again):
    name = "back-" + "-".join(end)
    add(manager, name, environments=[{"environmentName": "production", "password": "env-password"}])
    generation, turn = manager.client(name)["generation"], turn_of(manager, name)
    manager.api("PATCH", ALL + name + "/", end)
    manager.api("PATCH", ALL + name + "/", again)
    assert manager.client(name)["generation"] != generation and turn_of(manager, name) != turn


def test_delete(manager):
    add(manager, "gone")
    manager.api("DELETE", ALL + "gone/")
    assert manager.client("gone") is None and len(changes_of(manager, "gone")) == 2
    for method, path, body in (("GET", "", None), ("PUT", "", {}), ("PATCH", "", {}), ("DELETE", "", None), ("GET", "token/", None), ("PUT", "token/", {}),
                               ("DELETE", "token/", None), ("PUT", "password/", {"password": "long-enough"}), ("DELETE", "tokens/", None),
                               ("GET", "access/", None), ("PUT", "access/", {"credentialAccessList": []})):
        assert "gone" in manager.refused(404, method, ALL + "gone/" + path, body)
    add(manager, "gone")
    manager.refused(409, "DELETE", PROJECT + "/")


@pytest.mark.parametrize("username", ["a/b", "100%", "#1", "what?", "a@b.c", "..", "url"])
def test_usernames_are_client_ids(manager, username):
    add(manager, username)
    path = ALL + urllib.parse.quote(username, safe="") + "/"
    if username != "..":  # dots are taken out of the path by the client
        assert manager.api("GET", path)["clientId"] == username
        manager.api("DELETE", path)
    assert username == ".." or manager.client(username) is None


def test_a_deleted_environment_takes_its_passwords_along(manager):
    manager.api("POST", "/environments/", {"name": "brief"})
    add(manager, "stays", environments=[{"environmentName": "brief", "password": "env-password", "ipList": ["127.0.0.1"]}])
    assert secret_of(manager, "stays", "brief") is not None
    manager.api("DELETE", "/environments/brief/")
    assert manager.feed()[-1][1] == 3  # every node forgets what it knew of clients
    assert manager.api("PATCH", ALL + "stays/", {"fullName": "x"})["result"]["environments"] == []
    with manager.config() as db:
        assert db.execute("SELECT count(*) FROM client_secret s LEFT JOIN resource r ON r.id = s.environment_id WHERE r.id IS NULL").fetchone() == (0,)


# ---- what is refused ----

@pytest.mark.parametrize("body, field", [
    ({}, "username"), ({"username": 5}, "username"), ({"username": ""}, "username"), ({"username": "a:b"}, "username"), ({"username": "a b"}, "username"),
    ({"username": "ü"}, "username"), ({"username": "x" * 257}, "username"), ({"username": "import"}, "username"),
    ({"username": "x", "password": "short"}, "password"), ({"username": "x", "password": 5}, "password"), ({"username": "x", "password": "x" * 513}, "password"),
    ({"username": "x", "email": 5}, "email"), ({"username": "x", "email": "no address"}, "email"), ({"username": "x", "fullName": []}, "fullName"),
    ({"username": "x", "fullName": "x" * 257}, "fullName"), ({"username": "x", "description": 1}, "description"),
    ({"username": "x", "roleNameList": "read"}, "roleNameList"), ({"username": "x", "roleNameList": ["a b"]}, "roleNameList[0]"),
    ({"username": "x", "roleNameList": ["a", "a"]}, "roleNameList[1]"), ({"username": "x", "enabled": "yes"}, "enabled"),
    ({"username": "x", "ipList": ["300.1.1.1"]}, "ipList[0]"), ({"username": "x", "ipList": ["10.0.0.0/33"]}, "ipList[0]"),
    ({"username": "x", "expireDate": "tomorrow"}, "expireDate"), ({"username": "x", "expireDate": 5}, "expireDate"),
    ({"username": "x", "organization": "none-such"}, "organization"), ({"username": "x", "token": {}}, "token"),
    ({"username": "x", "metadata": {}}, "metadata"), ({"username": "x", "metadata": [{"value": 1}]}, "metadata[0].key"),
    ({"username": "x", "metadata": [{"key": "k", "value": "v", "secret": True, "includeInJwt": True}]}, "metadata[0]"),
    ({"username": "x", "metadata": [{"key": "exp", "value": "v", "includeInJwt": True}]}, "metadata[0]"),
    ({"username": "x", "metadata": [{"key": "access_token", "value": "v", "includeInTokenResponse": True}]}, "metadata[0]"),
    ({"username": "x", "metadata": [{"key": "k", "secret": True, "includeInTokenResponse": True}]}, "metadata[0].value"),
    ({"username": "x", "environments": [{"environmentName": "none-such"}]}, "environments[0].environmentName"),
    ({"username": "x", "environments": [{"environmentName": "production", "password": "short"}]}, "environments[0].password"),
    ({"username": "x", "environments": [{"environmentName": "production", "ipList": ["x"]}]}, "environments[0].ipList[0]"),
    ({"username": "x", "environments": [{"environmentName": "production"}, {"environmentName": "production"}]}, "environments[1]"),
    ({"username": "x", "userName": "y"}, "userName"),
])
def test_a_bad_credential_names_the_field(manager, body, field):
    assert field in manager.refused(400, "POST", ALL, body)
    assert manager.client("x") is None


def test_a_password_never_comes_back_in_a_refusal(manager):
    for secret in ("pässword-secret", "secret\x01control-x", "secr"):
        message = manager.refused(400, "POST", ALL, {"username": "x", "password": secret})
        assert secret not in message and "password" in message


def test_renaming_is_refused(manager):
    add(manager, "fixed")
    for method in ("PUT", "PATCH"):
        assert "username" in manager.refused(400, method, ALL + "fixed/", {"username": "other"})


def test_names_of_renamed_response_fields_are_refused(manager):
    manager.api("PATCH", "/settings/token-management/", {"fieldNames": {"scope": "granted"}})
    entry = {"key": "granted", "value": "v", "includeInTokenResponse": True}
    assert "metadata[0].key" in manager.refused(400, "POST", ALL, {"username": "x", "metadata": [entry]})
    assert "metadata[0].key" in manager.refused(400, "POST", PROJECT + "/credential-organizations/", {"name": "x", "metadata": [entry]})
    manager.api("PATCH", "/settings/token-management/", {"fieldNames": None})
    add(manager, "renamed", metadata=[entry])


def test_if_match(manager):
    add(manager, "etag")
    etag = manager.http("GET", "/apiops" + ALL + "etag/").headers["ETag"]
    changed = manager.http("PATCH", "/apiops" + ALL + "etag/", json={"fullName": "a"}, headers={"If-Match": etag})
    assert changed.headers["ETag"] != etag
    row = manager.client("etag")
    for method, path, body in (("PATCH", "", {"password": "new-password"}), ("PUT", "", {}), ("DELETE", "", None), ("PUT", "token/", {}), ("DELETE", "token/", None),
                               ("PUT", "password/", {"password": "new-password"}), ("DELETE", "tokens/", None)):
        assert "changed meanwhile" in manager.refused(409, method, ALL + "etag/" + path, body, headers={"If-Match": etag})
    assert manager.client("etag") == row


def test_roles(manager):
    viewer, operator = role(manager, "vera-creds", "VIEWER"), role(manager, "otto-creds", "OPERATOR")
    manager.api("POST", ALL, {"username": "roles"}, token=operator)
    for path in ("", "token/", "access/"):
        manager.api("GET", ALL + "roles/" + path, token=viewer)
    for method, path, body in (("POST", ALL, {"username": "y"}), ("PUT", ALL + "roles/", {}), ("PATCH", ALL + "roles/", {}), ("DELETE", ALL + "roles/", None),
                               ("PUT", ALL + "roles/password/", {"regenerate": True}), ("DELETE", ALL + "roles/password/?environmentName=production", None),
                               ("PUT", ALL + "roles/token/", {}), ("DELETE", ALL + "roles/token/", None), ("DELETE", ALL + "roles/tokens/", None),
                               ("PUT", ALL + "roles/access/", {"credentialAccessList": []}), ("DELETE", ALL + "roles/access/", None),
                               ("POST", PROJECT + "/credential-organizations/", {"name": "y"})):
        manager.refused(403, method, path, body, token=viewer)
    assert manager.http("POST", "/apiops" + ALL + "import", data=b"a#password1", headers={"Content-Type": "text/csv"}, token=viewer).status_code == 403
    manager.api("PATCH", ALL + "roles/", {"fullName": "x"}, token=operator)


# ---- passwords ----

def test_a_new_password_ends_tokens(manager):
    add(manager, "pw")
    first = manager.client("pw")
    assert manager.api("PUT", ALL + "pw/password/", {"password": "chosen-password"}) == {"status": "SUCCESS", "clientId": "pw"}
    second = manager.client("pw")
    assert second["secret_kind"] == 2 and second["generation"] != first["generation"]
    made = manager.api("PUT", ALL + "pw/password/", {"regenerate": True})
    assert len(made["clientSecret"]) >= 43
    third = manager.client("pw")
    assert third["secret_kind"] == 1 and third["generation"] != second["generation"] and len(changes_of(manager, "pw")) == 3


def test_a_password_of_an_environment(manager):
    add(manager, "envpw")
    general = manager.client("envpw")
    manager.api("PUT", ALL + "envpw/password/", {"password": "env-password", "environmentName": "production"})
    first = secret_of(manager, "envpw")
    assert first["secret_kind"] == 2 and first["generation"] not in (0, general["generation"])
    assert manager.client("envpw")["generation"] == general["generation"]  # the general one is as it was
    assert manager.api("GET", ALL + "envpw/")["result"]["environments"] == [{"environmentName": "production", "hasPassword": True}]
    made = manager.api("PUT", ALL + "envpw/password/", {"regenerate": True, "environmentName": "production"})
    assert secret_of(manager, "envpw")["secret_kind"] == 1 and made["clientSecret"]
    manager.api("PUT", ALL + "envpw/", {})  # left out: kept
    assert secret_of(manager, "envpw") is not None
    turn = turn_of(manager, "envpw")
    manager.api("DELETE", ALL + "envpw/password/?environmentName=production")
    assert secret_of(manager, "envpw") is None and turn_of(manager, "envpw") != turn
    assert manager.api("GET", ALL + "envpw/")["result"]["environments"] == []
    manager.refused(404, "DELETE", ALL + "envpw/password/?environmentName=production")


@pytest.mark.parametrize("body, field", [
    ({}, "password"), ({"password": None}, "password"), ({"password": "short"}, "password"), ({"password": 7}, "password"), ({"password": "pass word 1"}, "password"),
    ({"regenerate": "yes"}, "regenerate"), ({"regenerate": False}, "password"), ({"password": "long-enough", "regenerate": True}, "password"),
    ({"password": "long-enough", "environmentName": "none-such"}, "environmentName"), ({"password": "long-enough", "environmentName": 5}, "environmentName"),
    ({"password": "long-enough", "enviroment": "production"}, "enviroment"),
])
def test_bad_passwords(manager, body, field):
    if manager.client("badpw") is None:
        add(manager, "badpw")
    row = manager.client("badpw")
    assert field in manager.refused(400, "PUT", ALL + "badpw/password/", body)
    assert manager.client("badpw") == row


@pytest.mark.parametrize("query, field", [("", "environmentName"), ("?environmentName=", "environmentName"), ("?environmentName=none-such", "environmentName"),
                                          ("?name=production", "name")])
def test_bad_drops_of_passwords(manager, query, field):
    if manager.client("baddrop") is None:
        add(manager, "baddrop")
    assert field in manager.refused(400, "DELETE", ALL + "baddrop/password/" + query)


def test_ending_every_token(manager):
    add(manager, "ended", environments=[{"environmentName": "production", "password": "env-password"}])
    before, env, turn = manager.client("ended"), secret_of(manager, "ended"), turn_of(manager, "ended")
    manager.api("DELETE", ALL + "ended/tokens/")
    after = manager.client("ended")
    assert after["generation"] != before["generation"] and after["secret"] == before["secret"]
    assert secret_of(manager, "ended")["secret"] == env["secret"] and turn_of(manager, "ended") not in (turn, None, 0)
    assert len(changes_of(manager, "ended")) == 2


# ---- token settings ----

TOKEN = {"grantType": "CLIENT_CREDENTIALS", "tokenNeverExpires": False, "tokenExpiresInAmount": 2, "tokenExpiresInUnit": "HOURS", "refreshTokenAllowed": True,
         "refreshTokenCount": 3, "refreshTokenExpiresInAmount": 1, "refreshTokenExpiresInUnit": "DAYS", "jwtSignatureAlgorithm": "RS256"}


def test_token_settings(manager):
    add(manager, "token")
    default = manager.api("GET", ALL + "token/token/")["result"]
    assert (default["tokenExpiresInAmount"], default["tokenExpiresInUnit"], default["refreshTokenAllowed"]) == (1, "HOURS", False)
    answer = manager.api("PUT", ALL + "token/token/", TOKEN)
    assert {k: answer["result"][k] for k in TOKEN} == TOKEN
    assert manager.api("GET", ALL + "token/token/")["result"] == answer["result"]
    assert details(manager, "token")["token"]["refreshTokenCount"] == 3
    manager.api("PUT", ALL + "token/", {"fullName": "x"})  # another path: stays
    assert manager.api("GET", ALL + "token/token/")["result"] == answer["result"]
    assert manager.api("DELETE", ALL + "token/token/")["result"] == default == manager.api("GET", ALL + "token/token/")["result"]
    assert len(changes_of(manager, "token")) == 4
    assert "token" not in manager.api("GET", ALL + "token/")["result"]


@pytest.mark.parametrize("change, field", [
    ({"grantType": "IMPLICIT"}, "grantType"), ({"tokenExpiresInAmount": 0}, "tokenExpiresInAmount"), ({"tokenExpiresInUnit": "FORTNIGHTS"}, "tokenExpiresInUnit"),
    ({"tokenNeverExpires": "no"}, "tokenNeverExpires"), ({"refreshTokenCount": 0}, "refreshTokenCount"), ({"refreshTokenCount": 1000001}, "refreshTokenCount"),
    ({"jwtSignatureAlgorithm": "HS256"}, "jwtSignatureAlgorithm"), ({"tokenNeverExpires": True}, "tokenNeverExpires"), ({"deletePrevious": 1}, "deletePrevious"),
    ({"identityProvider": "LDAP"}, "identityProvider"), ({"checkClientIpAddress": "x"}, "checkClientIpAddress"), ({"addUserToHeader": True}, "addUserToHeader"),
])
def test_bad_token_settings(manager, change, field):
    if manager.client("badtoken") is None:
        add(manager, "badtoken")
    assert field in manager.refused(400, "PUT", ALL + "badtoken/token/", {**TOKEN, **change})
    assert json.dumps(details(manager, "badtoken")).find("FORTNIGHTS") < 0
    assert manager.api("GET", ALL + "badtoken/token/")["result"]["refreshTokenAllowed"] is False


# ---- signing keys ----

def test_settings_that_need_a_key_make_it_in_every_environment(own):
    with own() as manager:
        manager.api("POST", "/environments/", {"name": "second"})
        manager.project("creds")
        add(manager, "es")
        manager.api("PUT", ALL + "es/token/", {**TOKEN, "jwtSignatureAlgorithm": "ES256"})
        for environment in ("production", "second"):
            assert [(k["algorithm"], k["state"]) for k in keys(manager, environment)] == [("RS256", "active"), ("ES256", "active")]
            assert {k["alg"] for k in manager.snapshot(environment)["keys"]} == {"RS256", "ES256"}
        revision = manager.snapshot()["revision"]
        manager.api("PUT", ALL + "es/token/", {**TOKEN, "jwtSignatureAlgorithm": "ES256"})
        assert manager.snapshot()["revision"] == revision  # nothing to tell
        manager.api("POST", "/environments/", {"name": "third"})
        assert {k["alg"] for k in manager.snapshot("third")["keys"]} == {"RS256", "ES256"}


def test_lifetimes_of_credentials_keep_a_replaced_key(own):
    with own() as manager:
        manager.project("creds")
        add(manager, "plain")  # default settings: one hour

        def kept_for():
            manager.api("POST", "/environments/production/keys/regenerate", {"activateNow": True})
            old, new = keys(manager)[-2:]
            return old["retireAt"] and moment(old["retireAt"]) - moment(new["activateAt"])

        assert 3600 <= kept_for() <= 3600 + 120
        manager.api("PUT", ALL + "plain/token/", TOKEN)  # refresh tokens of one day
        assert 86400 <= kept_for() <= 86400 + 120
        manager.api("PUT", ALL + "plain/token/", {**TOKEN, "refreshTokenRotation": False})
        assert 4 * 86400 <= kept_for() <= 4 * 86400 + 120
        manager.api("DELETE", ALL + "plain/token/")
        assert kept_for() >= 3 * 86400  # the key signed for the settings of before
        assert 3600 <= kept_for() <= 3600 + 120  # the next one did not
        manager.api("PUT", ALL + "plain/token/", {"tokenNeverExpires": True})
        assert kept_for() is None


# ---- audit ----

def test_the_audit_log_masks_secrets(manager):
    add(manager, "masked", password="general-secret-1", environments=[{"environmentName": "production", "password": "env-secret-1"}],
        metadata=[{"key": "pin", "value": "metadata-secret-1", "secret": True, "includeInTokenResponse": True}])
    manager.api("PATCH", ALL + "masked/", {"password": "general-secret-2", "fullName": "x"})
    manager.api("PUT", ALL + "masked/password/", {"password": "env-secret-2", "environmentName": "production"})
    made = manager.api("PUT", ALL + "masked/password/", {"regenerate": True})["clientSecret"]
    rows = manager.api("GET", "/auditEvents/?q=credentials/masked&pageSize=10")["resultList"]
    assert [r["what"].split()[0] for r in rows] == ["PUT", "PUT", "PATCH"]
    assert rows[2]["before"]["fullName"] == "" and rows[2]["after"]["fullName"] == "x" and rows[2]["after"]["password"] == "***"
    assert rows[1]["after"] == {"password": "***", "environmentName": "production"}
    text, rest = manager.http("GET", "/apiops/auditEvents/?pageSize=1000").text, manager.bytes_at_rest()
    for hidden in ("general-secret-1", "general-secret-2", "env-secret-1", "env-secret-2", made):
        assert hidden not in text and hidden.encode() not in rest and hidden not in manager.log()
    assert "metadata-secret-1" not in text and "argon2" not in text
    assert "metadata-secret-1" not in manager.http("GET", "/apiops" + ALL).text


# ---- secret metadata ----

def pin(value, **more):
    return {"key": "pin", "value": value, "secret": True, "includeInTokenResponse": True, **more}


def test_secret_metadata_readable_in_a_copy_of_the_database(manager):
    """Attack: the database, its log of writes or a backup is read. Nothing of the value is in it, whichever way it came there."""
    values = ["Readable-Pin-%d" % i for i in range(6)]
    manager.api("POST", ORGS, {"name": "quiet", "metadata": [pin(values[0]), pin(values[1], key="other")]})
    add(manager, "silent", metadata=[pin(values[2])], organization="quiet")
    manager.api("PUT", ALL + "silent/token/", {"grantType": "PASSWORD"})
    manager.api("PUT", ALL + "silent/password/", {"password": "another-password", "environmentName": "production"})
    manager.api("PATCH", ALL + "silent/", {"metadata": [pin(values[3]), {"key": "tier", "value": "Readable-Tier"}]})
    manager.api("PUT", ALL + "silent/", {**manager.api("GET", ALL + "silent/")["result"], "fullName": "x"})
    manager.api("PATCH", ORGS + "quiet/", {"metadata": [pin(values[4]), pin(values[5], key="other")]})
    manager.refused(400, "PATCH", ALL + "silent/", {"metadata": [pin(values[5]), pin(values[5])]})
    rest = manager.bytes_at_rest()
    with manager.config() as db:
        dump = "\n".join(db.iterdump())
    assert b"Readable-Tier" in rest and "Readable-Tier" in dump  # what is not secret is found
    assert "Readable-Pin" not in dump and b"Readable-Pin" not in rest and "Readable-Pin" not in manager.log()
    for name in ("silent", "quiet"):
        assert all("value" not in e and len(e["sealed"]) > 40 for e in stored(manager, name)["metadata"] if e["secret"])
    assert sorted(e["key"] for e in details(manager, "silent")["metadata"]) == ["other", "pin", "tier"]
    for path in (ALL + "silent/", ORGS + "quiet/", ALL, ORGS, "/auditEvents/?pageSize=1000"):
        text = manager.http("GET", "/apiops" + path).text
        assert "Readable-Pin" not in text and "sealed" not in text


def test_equal_secret_values_are_sealed_differently(manager):
    for name in ("twin-a", "twin-b"):
        add(manager, name, metadata=[pin("the-same"), pin("the-same", key="again")])
    seals = [e["sealed"] for name in ("twin-a", "twin-b") for e in stored(manager, name)["metadata"]]
    assert len(set(seals)) == 4


def test_bodies_have_no_sealed_values(manager):
    """Attack: an administrator puts a sealed value that he has read elsewhere under a name that shows it."""
    add(manager, "donor", metadata=[pin("donated")])
    sealed = stored(manager, "donor")["metadata"][0]["sealed"]
    for body in ({"metadata": [{"key": "pin", "sealed": sealed, "secret": True}]}, {"metadata": [{"key": "pin", "value": "x", "sealed": sealed}]}):
        assert "metadata[0].sealed" in manager.refused(400, "POST", ALL, {"username": "taker", **body})
        assert "metadata[0].sealed" in manager.refused(400, "PATCH", ALL + "donor/", body)
        assert "metadata[0].sealed" in manager.refused(400, "POST", ORGS, {"name": "taker", **body})


def test_a_secret_value_is_kept_under_its_key_alone(manager):
    add(manager, "keeper", metadata=[pin("kept"), {"key": "open", "value": "seen"}])
    for entries in ([pin(None, key="other")], [pin(None, key="open")], [{"key": "pin", "value": None}], [{"key": "pin", "secret": False}]):
        assert "metadata[0].value" in manager.refused(400, "PATCH", ALL + "keeper/", {"metadata": entries})
    assert "metadata[0].value" in manager.refused(400, "POST", ALL, {"username": "fresh", "metadata": [pin(None)]})
    kept = stored(manager, "keeper")["metadata"][0]["sealed"]
    manager.api("PATCH", ALL + "keeper/", {"metadata": [{"key": "first", "value": 1}, {"key": "pin", "secret": True}]})
    assert [e.get("sealed") for e in stored(manager, "keeper")["metadata"]] == [None, kept]


def test_a_credential_with_a_broken_seal_can_be_disabled(manager):
    """Attack: who can write to the database breaks a seal, so that nobody can be shut out any more."""
    manager.api("POST", ORGS, {"name": "broken", "metadata": [pin("of-the-organization")]})
    add(manager, "unlucky", organization="broken", metadata=[pin("own", key="own")])
    with sqlite3.connect(f"{manager.data}/config.db", timeout=20) as db:
        for name in ("broken", "unlucky"):
            doc = stored(manager, name)
            seal = doc["metadata"][0]["sealed"]
            doc["metadata"][0]["sealed"] = seal[:20] + ("A" if seal[20] != "A" else "B") + seal[21:]
            db.execute("UPDATE resource SET doc = ? WHERE name = ?", (json.dumps(doc, separators=(",", ":")), name))
    manager.api("PATCH", ALL + "unlucky/", {"enabled": False})
    assert manager.client("unlucky")["enabled"] == 0
    manager.api("DELETE", ALL + "unlucky/tokens/")
    manager.api("PATCH", ALL + "unlucky/", {"metadata": [pin("anew", key="own")]})
    manager.api("PATCH", ORGS + "broken/", {"metadata": [pin("anew")]})
    assert len(details(manager, "unlucky")["metadata"]) == 2


# ---- organizations ----


def test_an_organization_gives_defaults_to_its_members(manager):
    manager.api("POST", ORGS, {"name": "acme", "metadata": [{"key": "tenant", "value": "acme", "includeInJwt": True},
                                                             {"key": "plan", "value": "basic", "includeInJwt": True}]})
    add(manager, "member", organization="acme", metadata=[{"key": "plan", "value": "own", "includeInJwt": True}])
    add(manager, "stranger")

    def values(username):
        return {e["key"]: e["value"] for e in details(manager, username).get("metadata", [])}

    assert values("member") == {"tenant": "acme", "plan": "own"}
    assert manager.api("GET", ALL + "member/")["result"]["metadata"][0]["value"] == "own"
    untouched, before = manager.client("stranger"), manager.client("member")
    everyone = len([row for row in manager.feed() if row[1] == 3])
    manager.api("PATCH", ORGS + "acme/", {"metadata": [{"key": "tenant", "value": "new", "includeInJwt": True}]})
    assert values("member") == {"tenant": "new", "plan": "own"}
    after = manager.client("member")
    assert after["version"] > before["version"] and after["generation"] == before["generation"] and manager.client("stranger") == untouched
    assert len([row for row in manager.feed() if row[1] == 3]) == everyone + 1
    assert "member" in manager.refused(409, "DELETE", ORGS + "acme/")
    manager.api("PATCH", ALL + "member/", {"organization": None})
    assert values("member") == {"plan": "own"}
    manager.api("DELETE", ORGS + "acme/")
    manager.refused(404, "GET", ORGS + "acme/")


def test_secrets_of_organizations(manager):
    manager.api("POST", ORGS, {"name": "hush", "metadata": [{"key": "pin", "value": "org-secret-1", "secret": True, "includeInTokenResponse": True}]})
    add(manager, "hushed", organization="hush")
    shown, kept = manager.api("GET", ORGS + "hush/")["result"], stored(manager, "hush")["metadata"]
    assert shown["metadata"] == [{"key": "pin", "value": None, "secret": True, "includeInJwt": False, "includeInTokenResponse": True, "jwtClaimName": None}]
    assert manager.api("PUT", ORGS + "hush/", shown)["result"] == shown
    assert manager.api("PATCH", ORGS + "hush/", {"description": "x"})["result"]["metadata"] == shown["metadata"]
    assert stored(manager, "hush")["metadata"] == kept and kept[0]["sealed"]
    assert "value" not in details(manager, "hushed")["metadata"][0]
    assert details(manager, "hushed")["metadata"][0]["sealed"] != kept[0]["sealed"]  # sealed anew, for the member
    assert "org-secret-1" not in manager.http("GET", "/apiops/auditEvents/?pageSize=1000").text


@pytest.mark.parametrize("body, field", [
    ({}, "name"), ({"name": "a b"}, "name"), ({"name": 5}, "name"), ({"name": "x" * 129}, "name"), ({"name": "x", "description": 5}, "description"),
    ({"name": "x", "metadata": 5}, "metadata"), ({"name": "x", "metadata": [{"key": ""}]}, "metadata[0].key"), ({"name": "x", "members": []}, "members"),
])
def test_bad_organizations(manager, body, field):
    assert field in manager.refused(400, "POST", ORGS, body)


def test_organizations_exist_once_and_match(manager):
    manager.api("POST", ORGS, {"name": "once"})
    manager.refused(409, "POST", ORGS, {"name": "once"})
    manager.refused(400, "PATCH", ORGS + "once/", {"name": "twice"})
    manager.api("PUT", ORGS + "once/", {"description": "d"}, headers={"If-Match": '"1"'})
    for method, body in (("PUT", {}), ("PATCH", {}), ("DELETE", None)):
        manager.refused(409, method, ORGS + "once/", body, headers={"If-Match": '"1"'})
    assert [o["name"] for o in manager.api("GET", ORGS + "?q=ONCE")["resultList"]] == ["once"]
    manager.refused(404, "PUT", ORGS + "none-such/", {})


# ---- import ----

def imports(manager, data, content_type="text/csv", status=201):
    answer = manager.http("POST", "/apiops" + ALL + "import", data=data, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_import(manager):
    answer = imports(manager, "\ufeffi-anna#password#1\r\n\r\ni-bert#password-2\n".encode())
    assert answer["result"] == {"imported": 2}
    for name in ("i-anna", "i-bert"):
        assert manager.client(name)["secret"].startswith(b"$argon2id$") and len(changes_of(manager, name)) == 1
        assert manager.api("GET", ALL + name + "/")["result"]["enabled"] is True
    row = manager.api("GET", "/auditEvents/?q=credentials/import&pageSize=1")["resultList"][0]
    assert row["after"] == {"usernames": ["i-anna", "i-bert"]}
    assert b"password#1" not in manager.bytes_at_rest()


@pytest.mark.parametrize("data, status, line", [
    (b"j-a#password1\nno separator\n", 400, "line 2"), (b"j-a#password1\n\n\nj-b#short\n", 400, "line 4"), (b"#password1", 400, "line 1"), (b"j:a#password1", 400, "line 1"),
    (b"j-a#password1\nj-b#pass\xffword", 400, "line 2"), (b"j-a#password1\nj-b#password2\nj-a#password3", 400, "line 3"), (b"import#password1", 400, "line 1"),
    (b"j-a#password1\ni-anna#password2", 409, "line 2"), (b"\n\r\n", 400, "no line"), (b"", 400, "no line"),
    (b"".join(b"k%d#password\n" % i for i in range(10001)), 400, "10000"),
])
def test_a_bad_import_names_the_line_and_changes_nothing(manager, data, status, line):
    if manager.client("i-anna") is None:
        add(manager, "i-anna")
    message = imports(manager, data, status=status)["resultMessage"]
    assert line in message and "password1" not in message
    assert manager.client("j-a") is None


def test_an_import_is_csv(manager):
    assert imports(manager, b"x#password1", "application/json", 415)["status"] == "FAILURE"
    imports(manager, b"x" * ((1 << 20) + 1), status=413)
