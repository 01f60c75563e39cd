"""export, diff, apply."""

import json

import pytest
from harness_cli import CHANGES, DONE, FAILED, Terminal

PROXY = """\
tollgate: 1
projects:
  - name: {project}
    proxies:
      - apiProxyName: orders
        apiProxyCreationType: REVERSE_PROXY
        clientRoute: {{relativePathList: [/{project}]}}
        routingInfo: {{routingAddressList: [{{address: "http://127.0.0.1:9000"}}]}}
"""
CREDENTIAL = """\
{{"tollgate": 1,
 "projects": [{{"name": "{project}",
   "credentials": [
     {{"username": "{user}",
       "password": "${{env:APP_PASSWORD}}"}}]}}]}}
"""
SECRET = {"APP_PASSWORD": "a-very-secret-password"}


def folder(cli, project):
    user = "ann-" + project
    cli.write(f"{project}/10-proxies.yaml", PROXY.format(project=project))
    cli.write(f"{project}/more/20-credentials.json", CREDENTIAL.format(project=project, user=user))
    cli.write(f"{project}/notes.txt", "not a document")
    cli.write(f"{project}/.git/x.yaml", "not: read")
    return project


def test_a_folder_is_one_document(cli, manager):
    where = folder(cli, "whole")
    shown = cli("diff", "-f", where, expect=CHANGES, env=SECRET)
    assert "+ create project /apiops/projects/whole/\n" in shown
    assert manager.http("GET", "/apiops/projects/whole/").status_code == 404
    shown = cli("apply", "-f", where, "--yes", env=SECRET)
    assert "+ create credential /apiops/projects/whole/credentials/ann-whole/\n" in shown and "changes applied" in shown
    assert "clientSecret: tgs_" in shown and "not shown again" in shown
    assert SECRET["APP_PASSWORD"] not in shown
    assert cli("get", "credentials", "-p", "whole", "-o", "name") == "ann-whole\n"
    assert cli("apply", "-f", where, "--yes", env=SECRET) == "nothing to change\n"
    assert cli("diff", "-f", where, expect=DONE, env=SECRET) == ""


def test_apply_asks_at_a_terminal(cli, manager):
    where = folder(cli, "asks")
    assert "--yes" in cli.refused("apply", "-f", where, env=SECRET)
    for answer, status in (("n\n", FAILED), ("y\n", DONE)):
        with Terminal(cli, "apply", "-f", where, env=SECRET) as t:
            t.expect("changes? [y/N] ")
            assert "+ create project" in t.text
            assert manager.http("GET", "/apiops/projects/asks/").status_code == 404
            t.type(answer)
            assert t.end() == status
    assert manager.http("GET", "/apiops/projects/asks/").status_code == 200


def test_an_export_applied_changes_nothing(cli, manager):
    cli("apply", "-f", folder(cli, "again"), "--yes", env=SECRET)
    text = cli("export", "-p", "again")
    assert text.startswith("tollgate: 1\n") and SECRET["APP_PASSWORD"] not in text
    assert cli("apply", "-f", "-", "--yes", input=text) == "nothing to change\n"
    cli("export", "-p", "again", "-o", "again.json")
    assert json.loads((cli.home / "again.json").read_text())["projects"][0]["name"] == "again"
    assert cli("diff", "-f", "again.json") == ""
    cli("export", "-o", "all/")
    assert {"environments.yaml", "project-again.yaml", "project-default.yaml"} <= {p.name for p in (cli.home / "all").iterdir()}
    assert cli("diff", "-f", "all") == ""


def test_prune_deletes_what_the_document_does_not_name(cli, manager):
    cli("apply", "-f", folder(cli, "pruned"), "--yes", env=SECRET)
    (cli.home / "pruned/more/20-credentials.json").write_text('{"tollgate":1,"projects":[{"name":"pruned","credentials":[]}]}')
    assert cli("diff", "-f", "pruned") == ""
    assert "- delete credential /apiops/projects/pruned/credentials/ann-pruned/" in cli("apply", "-f", "pruned", "--prune", "--yes")
    assert cli("get", "credentials", "-p", "pruned", "-o", "name") == ""


def test_secrets_are_set_when_it_is_said(cli, manager):
    where = folder(cli, "secrets")
    cli("apply", "-f", where, "--yes", env=SECRET)
    before = manager.client("ann-secrets")
    other = {"APP_PASSWORD": "another-very-secret-password"}
    assert cli("apply", "-f", where, "--yes", env=other) == "nothing to change\n"
    assert "~ update credential" in cli("apply", "-f", where, "--yes", "--set-secrets", env=other)
    assert manager.client("ann-secrets")["secret"] != before["secret"]


def test_a_secret_from_a_file(cli, manager):
    cli.write("byfile/key.txt", "from-a-file-beside-it\n")
    text = CREDENTIAL.format(project="byfile", user="bert").replace("${env:APP_PASSWORD}", "${file:key.txt}")
    cli.write("byfile/c.json", text)
    cli("apply", "-f", "byfile", "--yes")
    assert cli("get", "credentials", "-p", "byfile", "-o", "name") == "bert\n"
    cli.write("byfile/c.json", text.replace("key.txt", "../missing"))
    assert "byfile/c.json:5: projects[0].credentials[0].password: byfile/../missing cannot be read" in cli.refused("diff", "-f", "byfile")


REFUSED = {
    "literal": ('{"tollgate":1,"projects":[{"name":"r","credentials":[\n{"username":"a",\n"password":"hunter2hunter2"}]}]}',
                "d.yaml:3: projects[0].credentials[0].password: a secret must not stand in a document"),
    "part": ("tollgate: 1\nprojects:\n- name: r\n  credentials:\n  - username: a\n    password: x${env:A}\n", "d.yaml:6: projects[0].credentials[0].password: the reference must be the whole value"),
    "unset": ("tollgate: 1\nprojects:\n- name: r\n  credentials:\n  - {username: a, password: '${env:NOT_SET}'}\n", "d.yaml:5: projects[0].credentials[0].password: the variable NOT_SET is not set"),
    "variable": ("tollgate: 1\nprojects:\n- name: r\n  credentials:\n  - {username: a, password: '${env:A-B}'}\n", "must be letters, digits and _"),
    "elsewhere": ("tollgate: 1\nprojects:\n- name: r\n  description: ${env:HOME}\n", "d.yaml:4: projects[0].description: a reference can only stand in"),
    "in a list": ("tollgate: 1\nprojects:\n- name: r\n  credentials:\n  - username: a\n    roleNameList:\n    - ${file:/etc/passwd}\n", "projects[0].credentials[0].roleNameList[0]: a reference can only stand in"),
    "version": ("tollgate: 2\nprojects: []\n", "d.yaml:1: tollgate: is 2; this release reads version 1"),
    "no version": ("projects: []\n", "tollgate: is missing"),
    "twice in a file": ("tollgate: 1\nprojects:\n- name: r\n  proxies:\n  - apiProxyName: a\n  - apiProxyName: a\n", "d.yaml:6: proxies a is defined here and at d.yaml:5"),
    "environment twice": ("tollgate: 1\nenvironments:\n- name: e\n- name: e\n", "d.yaml:4: environments e is defined here and at d.yaml:3"),
    "name twice": ("tollgate: 1\nprojects: []\nprojects: []\n", 'd.yaml:3: "projects" stands twice'),
    "no object": ("- a\n", "must be an object"),
    "no YAML": ("tollgate: 1\nprojects: [\n", "d.yaml:3: not valid YAML"),
    "tab": ("tollgate: 1\nprojects:\n\t- name: x\n", "d.yaml:3: not valid YAML"),
    "tag": ("tollgate: 1\nprojects: !!python/object:os.system []\n", "d.yaml:2: a tag"),
    "octal": ("tollgate: 01\n", "d.yaml:1: a number must not begin with 0"),
    "unknown field": ("tollgate: 1\nprojects:\n- name: r\n  proxie: []\n", "d.yaml:4: projects[0].proxie"),
    "unknown section": ("tollgate: 1\nproject:\n- name: r\n", "d.yaml:2: project"),
    "a rule of the manager": ("tollgate: 1\nprojects:\n- name: r\n  proxies:\n  - apiProxyName: a\n    apiProxyCreationType: REVERSE_PROXY\n    clientRoute:\n      relativePathList:\n      - good\n",
                              "d.yaml:9: projects[0].proxies[0].clientRoute.relativePathList[0]: must begin with '/'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_file_line_and_field(cli, manager, name):
    text, expected = REFUSED[name]
    cli.write("d.yaml", text)
    for command in (["diff"], ["apply", "--yes"]):
        said = cli.refused(*command, "-f", "d.yaml")
        assert expected in said, said
        assert "hunter2" not in said
    assert manager.http("GET", "/apiops/projects/r/").status_code == 404


def test_two_files_that_define_the_same_object(cli):
    cli.write("two/a.yaml", PROXY.format(project="two"))
    cli.write("two/b.yml", PROXY.format(project="two"))
    assert "two/b.yml:5: proxies orders is defined here and at two/a.yaml:5" in cli.refused("diff", "-f", "two")
    cli.write("two/b.yml", "tollgate: 1\nprojects:\n- name: two\n  description: x\n")
    cli.write("two/c.yml", "tollgate: 1\nprojects:\n- name: two\n  description: x\n")
    assert "two/c.yml:4: description is defined here and at two/b.yml:4" in cli.refused("diff", "-f", "two")
    cli.write("empty/readme", "")
    assert "no *.yaml" in cli.refused("diff", "-f", "empty")
    assert "missing: cannot read it" in cli.refused("diff", "-f", "missing")
    assert "Say -f" in cli.refused("diff")


def test_billion_laughs(cli):
    lines = ["tollgate: 1", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 12)]
    cli.write("laughs.yaml", "\n".join(lines))
    assert "more than 4000000 values" in cli.refused("diff", "-f", "laughs.yaml")


def test_nothing_is_left_of_progress_in_a_pipe(cli, manager):
    answer = cli.run("apply", "-f", folder(cli, "quiet"), "--yes", env=SECRET)
    assert answer.returncode == DONE and answer.stderr == ""
    with Terminal(cli, "diff", "-f", "quiet", env=SECRET) as t:
        assert t.end() == DONE
        assert "comparing with " in t.text


def test_diff_as_json(cli):
    cli.write("j.yaml", PROXY.format(project="asjson"))
    answer = cli.run("diff", "-f", "j.yaml", "-o", "json")
    assert answer.returncode == CHANGES
    assert {"create"} <= {c["action"] for c in json.loads(answer.stdout)["changes"]}


def test_export_of_what_is_no_manager(bare, fake):
    env = {"TOLLGATE_URL": fake.url, "TOLLGATE_TOKEN": "x"}
    fake.answers["/apiops/export"] = (200, {"status": "SUCCESS", "result": {}})
    assert "holds no document" in bare.refused("export", env=env)
    fake.answers["/apiops/export"] = (200, "<html>")
    assert "is no manager" in bare.refused("export", env=env)
    fake.answers["/apiops/export"] = (503, "")
    assert "status 503" in bare.refused("export", env=env)
