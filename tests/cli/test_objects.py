"""get, create, update, delete, deploy."""

import json
import unicodedata

import pytest
from harness_cli import DONE, FAILED, Terminal
from harness_manager import Node, policy_body, proxy_body


def make(cli, kind, body, *args):
    return cli("create", kind, *args, "-f", "-", input=json.dumps(body))


def test_the_life_of_objects(cli, manager):
    assert cli("create", "projects", "life") == "project life created\n"
    assert "life" in cli.refused("create", "projects", "life")
    make(cli, "credentials", {"username": "ann", "password": "a-long-enough-password", "email": "a@b.c"}, "-p", "life")
    make(cli, "groups", {"name": "g", "description": "one"}, "-p", "life")
    make(cli, "organizations", {"name": "o"}, "-p", "life")
    said = make(cli, "proxies", proxy_body("orders", "/life"), "-p", "life")
    assert "clientSecret: tgs_" in said and "not shown again" in said
    cli("create", "policies", "auth", "-p", "life", "--proxy", "orders", "-f", "-", input=json.dumps(policy_body()))
    assert cli("get", "proxies", "-p", "life", "-o", "name") == "orders\n"
    assert cli("get", "policy", "-p", "life", "--proxy", "orders", "-o", "name") == "auth\n"
    cli("update", "group", "g", "-p", "life", "-f", "-", input="description: two\n")
    assert cli.json("get", "groups", "g", "-p", "life")["description"] == "two"
    cli("update", "environments", "production", "-f", "-", input="leewaySeconds: 5\n")
    assert cli.json("get", "env", "production")["leewaySeconds"] == 5
    for kind, name, more in (("policies", "auth", ["--proxy", "orders"]), ("proxies", "orders", []), ("groups", "g", []), ("credentials", "ann", []),
                             ("organizations", "o", [])):
        assert "deleted" in cli("delete", kind, name, "-p", "life", "--yes", *more)
        assert cli.json("get", kind, "-p", "life", *more) == []
    cli("delete", "projects", "life", "-y")
    assert "there is no project" in cli.refused("get", "projects", "life")


@pytest.mark.parametrize("kind,path", [("projects", "/projects/"), ("environments", "/environments/"), ("administrators", "/administrators/"),
                                       ("proxies", "/projects/default/apiProxies/"), ("credentials", "/projects/default/credentials/")])
def test_json_is_the_result_of_the_api(cli, manager, kind, path):
    assert cli.json("get", kind) == manager.api("GET", path)["resultList"]


def test_one_object_as_json_can_be_written_back(cli, manager):
    make(cli, "proxies", proxy_body("back", "/back"))
    shown = cli("get", "proxy", "back", "-o", "json")
    assert json.loads(shown) == manager.api("GET", "/projects/default/apiProxies/back/")["result"]
    cli("update", "proxy", "back", "--replace", "-f", "-", input=shown)
    as_yaml = cli("get", "proxy", "back", "-o", "yaml")
    cli("update", "proxy", "back", "--replace", "-f", "-", input=as_yaml)
    assert cli("get", "proxy", "back", "-o", "json") == shown


def test_lists_come_whole(cli, manager):
    manager.project("many")
    manager.http("POST", "/apiops/projects/many/credentials/import/", data="\n".join(f"u{i:04}#a-long-password-{i}" for i in range(40)),
                 headers={"Content-Type": "text/csv"})
    assert len(cli.json("get", "credentials", "-p", "many")) == 40
    assert len(cli.json("get", "credentials", "-p", "many", "-n", "7")) == 7
    assert cli("get", "credentials", "-p", "many", "-q", "u003", "-o", "name").split() == [f"u{i:04}" for i in range(30, 40)]


def test_what_is_not_there_is_told_with_the_nearest(cli, manager):
    make(cli, "proxies", proxy_body("invoices", "/invoices"))
    assert "did you mean invoices?" in cli.refused("get", "proxies", "invoice")
    assert "did you mean invoices?" in cli.refused("delete", "proxies", "invocies", "-y")
    assert "did you mean proxies?" in cli.refused("get", "proxys")
    assert "there are projects, environments" in cli.refused("get", "something")
    assert "did you mean" not in cli.refused("get", "proxies", "somethingelse")


def test_refusals_name_field_and_rule(cli):
    said = cli.refused("create", "proxies", "-f", "-", input=json.dumps(proxy_body("bad", "nopath")))
    assert "relativePathList" in said and "must" in said
    assert "colour" in cli.refused("create", "projects", "-f", "-", input="name: x\ncolour: red\n")
    assert "-:2: \"name\" stands twice" in cli.refused("create", "projects", "-f", "-", input="name: x\nname: y\n")
    assert 'is "x" in the file and "y" on the command line' in cli.refused("create", "projects", "y", "-f", "-", input="name: x\n")
    assert "Say -f FILE" in cli.refused("update", "projects", "default")
    assert "there is no create of this kind" in cli.refused("create", "nodes", "x")
    assert "-e NAME" in cli.refused("get", "keys")
    assert "--proxy NAME" in cli.refused("get", "policies")


def test_delete_asks(cli, manager):
    manager.project("asked")
    assert "--yes" in cli.refused("delete", "projects", "asked")
    for answer, gone in (("n\n", False), ("\n", False), ("yes\n", True)):
        with Terminal(cli, "delete", "projects", "asked") as t:
            t.expect("Delete project asked? [y/N] ")
            t.type(answer)
            assert t.end() == (DONE if gone else FAILED)
        assert manager.http("GET", "/apiops/projects/asked/").status_code == (404 if gone else 200)


def width(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def test_tables_fit_the_screen(cli, manager):
    manager.api("POST", "/projects/", {"name": "wide", "description": "日本語の説明" * 30})
    for columns in (40, 60, 80):
        table = cli("get", "projects", env={"COLUMNS": str(columns)})
        assert max(width(line) for line in table.splitlines()) <= columns
        assert "…" in table
    assert "日本語の説明" * 30 in cli("get", "projects")
    with Terminal(cli, "get", "projects", size=(24, 50)) as t:
        assert t.end() == 0
        assert max(width(line) for line in t.text.replace("\r", "").splitlines()) <= 50


def test_control_characters_do_not_reach_the_terminal(bare, fake):
    """A store that somebody wrote to by another way must not draw on the terminal of who lists it."""
    project = {"name": "ansi", "description": "a\u001b[31mred\u009bx"}
    fake.answers["/apiops/projects/"] = (200, {"status": "SUCCESS", "resultList": [project], "resultCount": 1})
    fake.answers["/apiops/projects/ansi/"] = (200, {"status": "SUCCESS", "result": project})
    for args in (["get", "projects"], ["get", "projects", "ansi"]):
        shown = bare(*args, env={"TOLLGATE_URL": fake.url, "TOLLGATE_TOKEN": "x"})
        assert "\x1b" not in shown and "\x9b" not in shown and "a?[31mred?x" in shown


def test_a_deploy_tells_each_environment(cli, manager):
    cli("create", "environments", "second")
    make(cli, "proxies", proxy_body("live", "/live"))
    answer = cli.run("deploy", "live", "-e", "production,second", "-m", "first")
    assert answer.returncode == FAILED  # no gateway runs here
    assert [line.split()[:2] for line in answer.stdout.splitlines()[1:]] == [["production", "no"], ["second", "no"]]
    history = cli.json("get", "deployments", "--proxy", "live")
    assert {(h["environmentName"], h["description"]) for h in history} == {("production", "first"), ("second", "first")}
    answer = cli.run("undeploy", "proxies/live", "-e", "second", "-o", "json")
    assert json.loads(answer.stdout)["deploymentResults"][0]["environmentName"] == "second"
    assert "there is no environment" in cli.refused("deploy", "live", "-e", "nowhere")
    assert "Say -e" in cli.refused("deploy", "live")
    assert "did you mean groups" in cli.refused("deploy", "goups/x", "-e", "production")
    assert "deployed are" in cli.refused("deploy", "credentials/x", "-e", "production")
    assert "must be a revision" in cli.refused("rollback", "live", "one")


def test_a_rollback_brings_back_what_was_deployed(cli, manager):
    make(cli, "proxies", proxy_body("returned", "/returned"))
    cli.run("deploy", "returned", "-e", "production")  # no gateway runs here
    first = cli.json("get", "deployments", "--proxy", "returned")[0]["revision"]
    make_update = {"clientRoute": {"relativePathList": ["/changed"]}}
    cli("update", "proxies", "returned", "-f", "-", input=json.dumps(make_update))
    cli.run("deploy", "returned", "-e", "production")
    answer = cli.run("rollback", "returned", str(first), "-m", "as it was")
    assert answer.returncode == FAILED and "production" in answer.stdout
    newest = cli.json("get", "deployments", "--proxy", "returned")[0]
    assert newest["revision"] > first and newest["description"] == "as it was"
    assert next(p for p in manager.snapshot()["proxies"] if p["proxy"]["apiProxyName"] == "returned")["proxy"]["clientRoute"]["relativePathList"] == ["/returned"]
    assert "no revision 999999" in cli.refused("rollback", "returned", "999999")


def test_endpoints_are_objects_of_a_proxy(cli):
    make(cli, "proxies", proxy_body("pointed", "/pointed"))
    make(cli, "endpoints", {"name": "item", "method": "GET", "path": "/items/{id}"}, "--proxy", "pointed")
    make(cli, "endpoints", {"method": "POST", "path": "/items"}, "--proxy", "pointed")
    shown = cli("get", "endpoints", "--proxy", "pointed")
    assert "item" in shown and "/items/{id}" in shown and "POST" in shown
    cli("update", "endpoints", "item", "--proxy", "pointed", "-f", "-", input='{"backendPath": "/v2/items/{id}"}')
    assert cli.json("get", "endpoints", "item", "--proxy", "pointed")["backendPath"] == "/v2/items/{id}"
    assert "must" in cli.refused("create", "endpoints", "--proxy", "pointed", "-f", "-", input='{"method": "GET", "path": "no-slash"}')
    cli("delete", "endpoints", "item", "--proxy", "pointed", "-y")
    assert len(cli.json("get", "endpoints", "--proxy", "pointed")) == 1
    assert "--proxy NAME" in cli.refused("get", "endpoints")


def test_access_tokens_log_in_until_they_are_deleted(cli, bare, manager):
    made = json.loads(cli("create", "accesstokens", "-f", "-", "-o", "json", input='{"name": "pipeline", "role": "VIEWER"}'))
    secret, token_id = made["secret"], made["result"]["id"] if "result" in made else made["id"]
    assert "pipeline" in cli("get", "accesstokens") and secret not in cli("get", "accesstokens")
    bare.write("secret", secret + "\n")
    home = {"XDG_CONFIG_HOME": str(bare.home / "pipeline")}
    bare("login", "--url", manager.root, "--name", token_id, "--password-file", "secret", env=home)
    assert "default" in bare("get", "projects", env=home)
    assert "role" in bare.refused("create", "projects", "not-mine", env=home)
    cli("delete", "accesstokens", token_id, "-y")
    assert "log in" in bare.refused("get", "projects", env=home)


def test_nodes_and_keys(cli, manager):
    node = Node(manager, "node-1")
    node.say([1, 1], wanted=1)
    assert "node-1" in cli("nodes")
    assert [n["nodeId"] for n in cli.json("nodes", "-e", "production")] == ["node-1"]
    node.leave()
    made = cli.json("keys", "rotate", "production", "--alg", "ES256", "--now")
    assert made["algorithm"] == "ES256" and made["state"] == "active"
    assert made["kid"] in cli("get", "keys", "-e", "production")
    assert "--yes" in cli.refused("keys", "revoke", "production", made["kid"])
    cli("keys", "rotate", "production", "--now")
    cli("keys", "revoke", "production", made["kid"], "-y")
    assert cli.json("get", "key", made["kid"], "-e", "production")["state"] == "revoked"
    assert "Say -f" in cli.refused("keys", "upload", "production")
    assert "privateKey" in cli.refused("keys", "upload", "production", "-f", "-", input="no key")
