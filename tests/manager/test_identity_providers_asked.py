"""The test call of identity providers, and their users as credentials: against an HTTP server, a directory, a database in a file."""

import contextlib
import glob
import json
import os
import sqlite3
import sys
from pathlib import Path

import pytest

from harness_manager import SLOW, wait_for

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "identity"), str(TESTS / "gateway")]
import api_server  # noqa: E402

PATH = "/projects/default/identityProviders/"
CREDENTIALS = "/projects/default/credentials/"
PASSWORD = "anna's pass\\word"


def make(manager, body):
    manager.http("DELETE", f"/apiops{PATH}{body['name']}/")
    return manager.api("POST", PATH, body)


def asked(manager, name, body=None, **kwargs):
    return manager.api("POST", f"{PATH}{name}/test/", body, **kwargs)


# ---- an HTTP server ----


@pytest.fixture
def server():
    s = api_server.Server()
    yield s
    s.close()


def api(server, **more):
    return dict({"name": "crm", "type": "API", "url": server.url("/check"), "timeoutMillis": 700, "body": '{"u":"{{username}}","p":"{{password}}"}',
                 "headerList": [{"name": "X-Api-Key", "value": "the-key-of-the-api", "secret": True}], "jsonPath": "$.ok", "jsonValue": True,
                 "rolesPath": "$.roles", "subjectPath": "$.user", "pathsToFetch": [{"source": "$.tier", "claim": "tier"}]}, **more)


def check(request):
    body = request.json()
    right = body["p"] == PASSWORD and request.headers["x-api-key"] == "the-key-of-the-api"
    return api_server.answer(200, {"ok": right, "user": body["u"].lower(), "roles": ["read", "write"], "tier": "gold"})


def test_the_steps_and_the_user_are_told(manager, server):
    server.reply = check
    make(manager, api(server))
    result = asked(manager, "crm", {"username": "Anna", "password": PASSWORD})["result"]
    assert result["success"] is True and result["verdict"] == "ok"
    assert result["user"] == {"subject": "anna", "fullName": None, "email": None, "roles": ["read", "write"], "claims": {"tier": "gold"}}
    assert result["steps"] and all(s["success"] and s["durationMillis"] >= 0 for s in result["steps"])
    wrong = asked(manager, "crm", {"username": "Anna", "password": "no"})["result"]
    assert wrong["success"] is False and wrong["verdict"] == "wrong_password" and wrong["user"] is None
    assert asked(manager, "crm", {"username": "Anna", "password": ""})["result"]["verdict"] == "wrong_password"
    assert asked(manager, "crm", {"username": "x" * 257, "password": "p"})["result"]["verdict"] == "nobody"
    # without a user: whether it can be asked
    assert asked(manager, "crm")["result"] | {"steps": []} == {"success": True, "verdict": "reached", "message": "", "user": None, "steps": []}
    assert manager.refused(400, "POST", PATH + "crm/test", {"username": "anna"}).startswith("password: is required")
    assert manager.refused(400, "POST", PATH + "crm/test", {"password": "x"}).startswith("username: is required")

    # no secret is anywhere but in what went to the server
    events = manager.api("GET", "/auditEvents/?what=crm/test")["resultList"]
    assert events[0]["after"]["verdict"] == "reached" and {"username": "Anna", "verdict": "ok"} in [e["after"] for e in events]
    for shown in (result, wrong, events, manager.log(), manager.bytes_at_rest().decode("latin-1")):
        assert PASSWORD not in json.dumps(shown) and "the-key-of-the-api" not in json.dumps(shown)


def test_a_server_that_hangs_or_is_not_there_is_told_and_blocks_nobody(manager, server):
    server.reply = None
    make(manager, api(server))
    result = asked(manager, "crm", {"username": "anna", "password": "p"})["result"]
    assert result["success"] is False and result["verdict"] == "unavailable" and result["message"]
    assert not result["steps"][-1]["success"]
    server.close()
    assert asked(manager, "crm")["result"]["verdict"] == "unavailable"
    assert manager.api("GET", PATH + "crm")["result"]["name"] == "crm"


def test_who_may_test(manager, server):
    make(manager, api(server))
    for role, expect in (("VIEWER", 403), ("OPERATOR", None)):
        manager.api("POST", "/administrators/", {"name": "t-" + role, "role": role, "password": "a long password here"})
        token = manager.login("t-" + role, "a long password here").json()["access_token"]
        asked(manager, "crm", expect=expect, token=token)
        manager.api("POST", PATH + "crm/sync", {"dryRun": True}, expect=expect or 409, token=token)
    for call in ("test", "sync"):
        assert "built in" in manager.refused(409, "POST", f"{PATH}SECRET_MANAGER/{call}")
        manager.refused(404, "POST", f"{PATH}none/{call}")


# ---- a directory ----

LDIF = """
dn: uid=anna,dc=example,dc=org
objectClass: inetOrgPerson
uid: anna
cn: Anna A.
sn: A
mail: anna@example.org
userPassword: annas secret
"""


def test_a_directory(manager):
    slapd = pytest.importorskip("slapd")
    if not os.path.exists("/usr/sbin/slapd"):
        pytest.skip("slapd is not installed (make deps)")
    with contextlib.closing(slapd.Slapd(LDIF)) as directory:
        body = {"name": "corp", "type": "LDAP", "url": directory.url, "authenticationType": "ADVANCED", "bindDn": slapd.ADMIN,
                "bindPassword": slapd.PASSWORD, "userBaseDnList": [slapd.SUFFIX]}
        make(manager, body)
        reached = asked(manager, "corp")["result"]
        assert reached["success"] and reached["verdict"] == "reached" and {"bind", "search"} & {s["step"] for s in reached["steps"]}
        found = asked(manager, "corp", {"username": "anna", "password": "annas secret"})["result"]
        assert found["verdict"] == "ok" and found["user"]["fullName"] == "Anna A." and found["user"]["email"] == "anna@example.org"
        assert asked(manager, "corp", {"username": "anna"})["result"]["verdict"] == "ok"
        assert asked(manager, "corp", {"username": "anna", "password": "no"})["result"]["verdict"] == "wrong_password"
        result = manager.api("POST", PATH + "corp/sync", {"dryRun": True})["result"]
        assert [(c["action"], c["username"]) for c in result["changes"]] == [("create", "anna")]
        manager.api("PATCH", PATH + "corp", {"bindPassword": "wrong"})
        refused = asked(manager, "corp")["result"]
        assert not refused["success"] and not refused["steps"][-1]["success"]


# ---- users as credentials ----


def sqlite_driver():
    found = glob.glob("/usr/lib/*/odbc/libsqlite3odbc.so")
    return found[0] if found else pytest.skip("the ODBC driver of SQLite is not installed (make deps)")


class Users:
    """A database in a file: USERS by name -> (password, enabled, full name, mail, roles)."""

    def __init__(self, folder):
        self.path = str(folder / "users.db")
        with sqlite3.connect(self.path) as db:
            db.execute("CREATE TABLE users(username TEXT PRIMARY KEY, password TEXT, enabled TEXT, full_name TEXT, mail TEXT)")
            db.execute("CREATE TABLE roles(username TEXT, role TEXT)")

    def put(self, name, enabled=True, full_name="", mail="", roles=()):
        with sqlite3.connect(self.path) as db:
            db.execute("INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?)", (name, "p-" + name, "1" if enabled else "0", full_name, mail))
            db.execute("DELETE FROM roles WHERE username = ?", (name,))
            db.executemany("INSERT INTO roles VALUES (?, ?)", [(name, r) for r in roles])

    def remove(self, name=None):
        with sqlite3.connect(self.path) as db:
            db.execute("DELETE FROM users" + (" WHERE username = ?" if name else ""), (name,) if name else ())

    def provider(self, **more):
        sync = more.pop("synchronisation", {})
        return dict({"name": "staff", "type": "DATABASE", "connectionString": f"Driver={sqlite_driver()};Database={self.path}",
                     "query": "SELECT username, password, enabled, full_name, mail FROM users WHERE username = :username", "passwordFormat": "CLEAR",
                     "passwordColumn": "password", "enabledColumn": "enabled", "fullNameColumn": "full_name", "emailColumn": "mail",
                     "roleQuery": "SELECT role FROM roles WHERE username = :username",
                     "listQuery": "SELECT username, enabled, full_name, mail FROM users", "timeoutMillis": 10000, "synchronisation": sync}, **more)


@pytest.fixture
def users(tmp_path):
    return Users(tmp_path)


def sync(manager, expect=None, **body):
    return manager.api("POST", PATH + "staff/sync/", body, expect=expect)


def counts(result):
    return {k: v for k, v in result["counts"].items() if v}


def credentials(manager):
    return {c["username"]: c for c in manager.api("GET", CREDENTIALS + "?pageSize=1000")["resultList"]}


def test_users_become_credentials_and_follow(own, users):
    with own() as manager:
        manager.api("POST", "/projects/default/credential-organizations/", {"name": "people"})
        users.put("anna", full_name="Anna A.", mail="anna@example.org", roles=["write", "read"])
        users.put("bert", enabled=False, mail="no address")
        users.put("carl")
        users.put("with space")
        manager.api("POST", CREDENTIALS, {"username": "carl", "password": "correct-horse-battery"})
        make(manager, users.provider(synchronisation={"organization": "people"}))
        assert manager.api("GET", PATH + "staff/sync")["result"] == {"last": None}

        # a dry run tells and does nothing
        revision, feed = manager.snapshot()["revision"], len(manager.feed())
        told = sync(manager, dryRun=True)["result"]
        assert told["dryRun"] is True and told["users"] == 4 and counts(told) == {"create": 2, "conflict": 1, "unfit": 1}
        by_name = {c["username"]: c for c in told["changes"]}
        assert by_name["anna"] == {"action": "create", "username": "anna"} and "not from this provider" in by_name["carl"]["reason"]
        assert set(credentials(manager)) == {"carl"} and manager.snapshot()["revision"] == revision and len(manager.feed()) == feed
        assert manager.api("GET", PATH + "staff/sync")["result"] == {"last": None}

        done = sync(manager)["result"]
        assert dict(done, dryRun=True) == told
        all_of_them = credentials(manager)
        anna = all_of_them["anna"]
        assert (anna["fullName"], anna["email"], anna["roleNameList"], anna["enabled"], anna["organization"]) == ("Anna A.", "anna@example.org", ["read", "write"], True, "people")
        assert anna["identityProvider"] == "staff" and "identityProvider" not in all_of_them["carl"]
        assert all_of_them["bert"]["enabled"] is False and all_of_them["bert"]["email"] == ""
        row = manager.client("anna")
        assert row["secret_kind"] == 0 and not row["secret"] and json.loads(row["details"])["identityProvider"] == "staff"
        assert ("2:anna") in [f[3] for f in manager.feed()]
        last = manager.api("GET", PATH + "staff/sync")["result"]["last"]
        assert last["success"] is True and last["by"] == "admin" and counts(last) == counts(done)
        event = manager.api("GET", "/auditEvents/?what=staff/sync")["resultList"][0]
        assert event["who"] == "admin" and event["after"]["counts"]["create"] == 2

        # again: nothing to do
        assert counts(sync(manager)["result"]) == {"conflict": 1, "unfit": 1, "keep": 2}

        # what changes there changes here; a change of an administrator's own stays, but for what the provider says
        manager.api("PATCH", CREDENTIALS + "anna", {"description": "of mine", "ipList": ["10.0.0.0/8"], "fullName": "Other"})
        users.put("anna", full_name="Anna B.", roles=["read"])
        users.put("bert", enabled=True)
        users.remove("carl")
        assert counts(sync(manager)["result"]) == {"update": 2, "unfit": 1}
        all_of_them = credentials(manager)
        anna = all_of_them["anna"]
        assert (anna["fullName"], anna["roleNameList"], anna["description"], anna["ipList"]) == ("Anna B.", ["read"], "of mine", ["10.0.0.0/8"])
        assert all_of_them["bert"]["enabled"] is True and all_of_them["carl"]["enabled"] is True

        # whom an administrator disabled stays so
        manager.api("PATCH", CREDENTIALS + "anna", {"enabled": False})
        assert counts(sync(manager)["result"]) == {"unfit": 1, "keep": 2}
        assert credentials(manager)["anna"]["enabled"] is False
        manager.api("PATCH", CREDENTIALS + "anna", {"enabled": True})

        # gone: disabled, back: enabled; what was shown can be put back
        users.remove("anna")
        assert counts(sync(manager)["result"]) == {"disable": 1, "unfit": 1, "keep": 1}
        assert credentials(manager)["anna"]["enabled"] is False
        shown = manager.api("GET", CREDENTIALS + "anna")["result"]
        assert manager.api("PUT", CREDENTIALS + "anna", shown)["result"] == shown
        users.put("anna", full_name="Anna B.", roles=["read"])
        sync(manager)
        assert credentials(manager)["anna"]["enabled"] is True

        # gone: deleted, or kept, as it is set
        manager.api("PATCH", PATH + "staff", {"synchronisation": {"missingUsers": "KEEP"}})
        users.remove("anna")
        assert counts(sync(manager)["result"]) == {"unfit": 1, "keep": 2}
        manager.api("PATCH", PATH + "staff", {"synchronisation": {"missingUsers": "DELETE"}})
        assert counts(sync(manager)["result"]) == {"delete": 1, "unfit": 1, "keep": 1}
        assert set(credentials(manager)) == {"bert", "carl"} and manager.client("anna") is None

        # documents do not carry where they come from, and do not take it away
        exported = manager.api("GET", "/export/")["result"]
        assert manager.api("POST", "/import/", {"document": exported, "prune": True})["result"]["changes"] == []
        assert credentials(manager)["bert"]["identityProvider"] == "staff"

        # the provider goes; who came from it stays, and so does what it had been asked for
        manager.api("DELETE", PATH + "staff")
        assert set(credentials(manager)) == {"bert", "carl"}


def test_nobody_and_too_many_change_nothing(own, users):
    with own() as manager:
        for name in ("anna", "bert", "carl"):
            users.put(name)
        make(manager, users.provider())
        sync(manager)
        before = credentials(manager)
        manager.api("PATCH", PATH + "staff", {"synchronisation": {"maxUsers": 2}})
        assert "more than 2 users" in sync(manager, expect=409)["resultMessage"]
        manager.api("PATCH", PATH + "staff", {"synchronisation": {"maxUsers": 3}})
        users.remove()
        for dry in (True, False):
            assert "lists nobody, and 3 credentials would end" in sync(manager, expect=409, dryRun=dry)["resultMessage"]
        assert credentials(manager) == before
        assert counts(sync(manager, allowEmpty=True)["result"]) == {"disable": 3}
        assert not any(c["enabled"] for c in credentials(manager).values())
        # a database that is not there lists nobody either, and says so
        os.unlink(users.path)
        os.mkdir(users.path)
        assert "cannot be listed" in sync(manager, expect=503)["resultMessage"]
        manager.api("PATCH", PATH + "staff", {"enabled": False})
        assert "not enabled" in sync(manager, expect=409)["resultMessage"]


def test_names_of_another_project_are_conflicts(own, users):
    with own() as manager:
        users.put("anna")
        manager.project("other")
        manager.api("POST", "/projects/other/credentials/", {"username": "anna", "password": "correct-horse-battery"})
        make(manager, users.provider())
        result = sync(manager)["result"]
        assert counts(result) == {"conflict": 1} and result["changes"][0]["reason"] == "a credential of another project has the name"


def test_on_schedule(own, users):
    with own() as manager:
        users.put("anna")
        make(manager, users.provider(synchronisation={"enabled": True, "intervalAmount": 1, "intervalUnit": "MINUTES"}))
        wait_for(lambda: "anna" in credentials(manager), 20, "the first run")
        last = manager.api("GET", PATH + "staff/sync")["result"]["last"]
        assert last["by"] == "tollgate-manager" and last["success"] is True
        event = manager.api("GET", "/auditEvents/?what=staff/sync")["resultList"][0]
        assert event["who"] == "tollgate-manager" and event["project"] == "default"
        # another provider that fails is told of, once
        make(manager, users.provider(name="broken", listQuery="SELECT nothing FROM nowhere", synchronisation={"enabled": True}))
        failed = wait_for(lambda: manager.api("GET", PATH + "broken/sync")["result"]["last"], 20, "the failing run")
        assert failed["success"] is False and "cannot be listed" in failed["message"] and "broken" in manager.log()
        assert manager.log().count("synchronisation of identity provider broken") == 1


def test_many_users(own, users):
    n = 3000 // SLOW
    with sqlite3.connect(users.path) as db:
        db.executemany("INSERT INTO users VALUES (?, 'x', '1', '', '')", [(f"user-{i:05}",) for i in range(n)])
    with own() as manager:
        make(manager, users.provider(timeoutMillis=60000, roleQuery="", synchronisation={"missingUsers": "DELETE"}))
        result = sync(manager)["result"]
        assert counts(result) == {"create": n}
        assert len(result["changes"]) == min(n, 1000) and result["changesComplete"] is (n <= 1000)
        assert manager.api("GET", CREDENTIALS + "?pageSize=1")["resultCount"] == n
        users.remove()
        assert counts(sync(manager, allowEmpty=True)["result"]) == {"delete": n}
        assert manager.api("GET", CREDENTIALS + "?pageSize=1")["resultCount"] == 0
