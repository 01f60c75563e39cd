"""Identity providers: objects, documents with secrets by reference, test and sync."""

import glob
import json
import sqlite3
import sys
from pathlib import Path

import pytest
from harness_cli import CHANGES, FAILED

sys.path.append(str(Path(__file__).parent.parent / "identity"))
import api_server  # noqa: E402

DOCUMENT = """tollgate: 1
projects:
- name: default
  identityProviders:
  - name: corp
    type: LDAP
    url: ldap://127.0.0.1:9
    authenticationType: ADVANCED
    bindDn: cn=svc,dc=example,dc=org
    bindPassword: %s
    userBaseDnList: [dc=example,dc=org]
  - name: crm
    type: API
    url: https://crm.example.org/
    body: '{"u":"{{username}}","p":"{{password}}"}'
    headerList:
    - name: X-Api-Key
      value: %s
      secret: true
"""


def test_the_life_of_a_provider(cli, manager):
    body = {"name": "life", "type": "LDAP", "url": "ldap://h", "authenticationType": "SIMPLE", "userConfigurationExpression": "uid={{username}}"}
    cli("create", "identity-provider", "-f", "-", input=json.dumps(body))
    assert cli("get", "identityproviders", "-o", "name").split() == ["SECRET_MANAGER", "life"]
    cli("update", "idp", "life", "-f", "-", input="poolSize: 9\n")
    assert cli.json("get", "identity-provider", "life")["poolSize"] == 9
    shown = cli("get", "identity-provider", "life", "-o", "yaml")
    cli("update", "identity-provider", "life", "--replace", "-f", "-", input=shown)
    assert "url: must be ldap://" in cli.refused("update", "idp", "life", "-f", "-", input="url: h\n")
    cli("delete", "identity-provider", "life", "--yes")
    assert "built in" in cli.refused("delete", "identity-provider", "SECRET_MANAGER", "--yes")


def test_secrets_of_documents_are_references(cli, manager):
    for value in (("hunter2", "${env:KEY}"), ("${env:BIND}", "hunter2")):
        cli.write("d.yaml", DOCUMENT % value)
        said = cli.refused("diff", "-f", "d.yaml", env={"KEY": "k", "BIND": "b"})
        assert "a secret must not stand in a document" in said and "hunter2" not in said and "identityProviders[" in said
    cli.write("key.txt", "the-key\n")
    cli.write("d.yaml", DOCUMENT % ("${env:BIND}", "${file:key.txt}"))
    cli("diff", "-f", "d.yaml", env={"BIND": "geheim"}, expect=CHANGES)
    # no gateway runs here, which is told; all is done
    said = cli("apply", "-f", "d.yaml", "--yes", env={"BIND": "geheim"}, expect=FAILED)
    assert "2 changes applied" in said and "geheim" not in said
    cli("diff", "-f", "d.yaml", env={"BIND": "geheim"})
    assert "geheim" not in cli("get", "idp", "corp", "-o", "yaml") and b"geheim" not in manager.bytes_at_rest()
    cli("diff", "-f", "d.yaml", env={"BIND": "another"}, expect=CHANGES)
    exported = cli("export")
    assert "corp" in exported and "the-key" not in exported
    cli.write("e.yaml", exported)
    cli("diff", "-f", "e.yaml", "--prune")
    cli.write("two/a.yaml", DOCUMENT % ("${env:BIND}", "${env:BIND}"))
    cli.write("two/b.yaml", DOCUMENT % ("${env:BIND}", "${env:BIND}"))
    assert "identityProviders corp is defined here and at" in cli.refused("diff", "-f", "two", env={"BIND": "x"})


@pytest.fixture
def server():
    s = api_server.Server()
    yield s
    s.close()


def test_test(cli, manager, server):
    server.reply = lambda request: api_server.answer(200, {"ok": request.json()["p"] == "annas secret", "roles": ["read"]})
    body = {"name": "asked", "type": "API", "url": server.url(), "body": '{"p":"{{password}}"}', "jsonPath": "$.ok", "jsonValue": True, "rolesPath": "$.roles",
            "timeoutMillis": 700}
    cli("create", "idp", "-f", "-", input=json.dumps(body))
    cli("identity-provider", "test", "asked")
    cli.write("right", "annas secret\n")
    cli.write("wrong", "another\n")
    said = cli("identity-provider", "test", "asked", "--user", "anna", "--password-file", "right")
    assert "STEP" in said and "assertion" in said and "read" in said and "annas secret" not in said
    assert cli.json("identity-provider", "test", "asked", "--user", "anna", "--password-file", "right")["verdict"] == "ok"
    assert "wrong_password" in cli.refused("identity-provider", "test", "asked", "--user", "anna", "--password-file", "wrong")
    assert "password: is required" in cli.refused("identity-provider", "test", "asked", "--user", "anna", "--look-up")
    server.close()
    assert "unavailable" in cli.refused("identity-provider", "test", "asked")


def test_sync(cli, manager, tmp_path):
    driver = glob.glob("/usr/lib/*/odbc/libsqlite3odbc.so")
    if not driver:
        pytest.skip("the ODBC driver of SQLite is not installed (make deps)")
    with sqlite3.connect(tmp_path / "users.db") as db:
        db.execute("CREATE TABLE users(username TEXT)")
        db.executemany("INSERT INTO users VALUES (?)", [("sync-anna",), ("sync-bert",)])
    body = {"name": "staff", "type": "DATABASE", "connectionString": f"Driver={driver[0]};Database={tmp_path}/users.db",
            "query": "SELECT 1 FROM users WHERE username = :username AND username = :password", "passwordFormat": "QUERY",
            "listQuery": "SELECT username FROM users"}
    cli("create", "idp", "-f", "-", input=json.dumps(body))
    said = cli("identity-provider", "sync", "staff", "--dry-run")
    assert "sync-anna" in said and "2 to create" in said
    assert "--yes" in cli.refused("identity-provider", "sync", "staff", expect=FAILED)
    assert "sync-anna" not in cli("get", "credentials", "-o", "name")
    cli("identity-provider", "sync", "staff", "--yes")
    assert {"sync-anna", "sync-bert"} <= set(cli("get", "credentials", "-o", "name").split())
    assert "2 to keep" in cli("identity-provider", "sync", "staff")
    with sqlite3.connect(tmp_path / "users.db") as db:
        db.execute("DELETE FROM users")
    assert "allowEmpty" in cli.refused("identity-provider", "sync", "staff", "--yes")
    assert cli.json("identity-provider", "sync", "staff", "--yes", "--allow-empty")["counts"]["disable"] == 2
