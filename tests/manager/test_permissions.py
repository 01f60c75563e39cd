"""Who may call what: every operation with every role, and projects that are nobody else's business."""
import re

import pytest

RANK = {"VIEWER": 1, "OPERATOR": 2, "ADMIN": 3}
# For those with roles in projects only, outside of them: lists leave out what is of others.
OPEN = {"projectList", "environmentList", "environmentGet", "environmentNodes", "tokenRequestList", "auditList", "openapi"}


def made(manager, name, **rights):
    manager.api("POST", "/administrators/", {"name": name, "password": f"password of {name}", **rights})
    return manager.login(name, f"password of {name}").json()["access_token"]


@pytest.fixture(scope="module")
def who(manager):
    for project in ("matrix", "elsewhere"):
        manager.project(project)
        manager.proxy(project, project)  # so that the project cannot be deleted
    tokens = {role: made(manager, "an-" + role.lower(), role=role) for role in RANK}
    for role in RANK:
        tokens["matrix " + role] = made(manager, "matrix-" + role.lower(), projects=[{"name": "matrix", "role": role}])
    tokens["both"] = made(manager, "both", role="VIEWER", projects=[{"name": "matrix", "role": "OPERATOR"}])
    return tokens


def operations(manager):
    for path, methods in manager.http("GET", "/apiops/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            if operation.get("security") != [] and path != "/apiops/auth/token":    # a log-out is anybody's, and ends the session
                yield method.upper(), path, operation


def needed(method, path):
    """By the words of the specification, not by the table."""
    if path.startswith("/apiops/administrators"):
        return "ADMIN"
    if method != "GET" and re.search(r"/environments/\{environment\}/keys/", path):
        return "ADMIN"
    return "VIEWER" if method == "GET" else "OPERATOR"


def call(manager, token, method, path, operation, project="matrix"):
    path = re.sub(r"\{(\w+)\}", lambda m: project if m[1] == "project" else "1" if m[1] == "revision" else "nothing", path)
    content = operation.get("requestBody", {}).get("content", {})
    if "text/csv" in content:
        return manager.http(method, path, token=token, data="x", headers={"Content-Type": "text/csv"})
    body = {} if "application/json" in content else None
    return manager.http(method, path, token=token, json=body)


@pytest.mark.parametrize("role", RANK)
def test_each_operation_takes_the_roles_it_should(manager, who, role):
    seen = 0
    for method, path, operation in operations(manager):
        answer = call(manager, who[role], method, path, operation)
        refused = RANK[role] < RANK[needed(method, path)]
        assert (answer.status_code == 403) == refused, f"{method} {path} as {role}: {answer.status_code} {answer.text}"
        assert answer.status_code < 500
        if refused:
            assert needed(method, path) in answer.json()["resultMessage"]
        seen += 1
    assert seen > 100


@pytest.mark.parametrize("role", RANK)
def test_a_role_in_a_project_is_one_inside_it(manager, who, role):
    for method, path, operation in operations(manager):
        answer = call(manager, who["matrix " + role], method, path, operation)
        if "{project}" in path:
            refused = RANK[role] < RANK[needed(method, path)]
        else:
            refused = operation["operationId"] not in OPEN
        assert (answer.status_code == 403) == refused, f"{method} {path} as {role} of the project: {answer.status_code} {answer.text}"
        assert answer.status_code < 500


def test_another_project_is_as_one_that_is_not_there(manager, who):
    """Guessing names tells nothing: same status, same words."""
    for role in RANK:
        for method, path, operation in operations(manager):
            if "{project}" not in path:
                continue
            there = call(manager, who["matrix " + role], method, path, operation, "elsewhere")
            not_there = call(manager, who["matrix " + role], method, path, operation, "nowhere")
            assert there.status_code == not_there.status_code == 404, f"{method} {path}: {there.status_code} {not_there.status_code}"
            assert there.text.replace("elsewhere", "nowhere") == not_there.text


def test_the_larger_role_counts(manager, who):
    token = who["both"]
    manager.api("GET", "/projects/elsewhere/", token=token)
    manager.refused(403, "PATCH", "/projects/elsewhere/", {"description": "x"}, token=token)
    manager.api("PATCH", "/projects/matrix/", {"description": "x"}, token=token)
    manager.refused(403, "POST", "/projects/", {"name": "more"}, token=token)
    manager.refused(404, "GET", "/projects/nowhere/", token=token)
    assert manager.api("GET", "/projects/?q=e", token=token)["resultCount"] > 1


def test_lists_are_filtered(manager, who):
    token = who["matrix VIEWER"]
    answer = manager.api("GET", "/projects/", token=token)
    assert [p["name"] for p in answer["resultList"]] == ["matrix"] and answer["resultCount"] == 1
    assert manager.api("GET", "/projects/?q=elsewhere", token=token)["resultList"] == []
    assert manager.api("GET", "/projects/?pageSize=1&page=2", token=token)["resultList"] == []
    assert [e["name"] for e in manager.api("GET", "/environments/", token=token)["resultList"]] == ["production"]
    manager.api("PATCH", "/projects/matrix/", {"description": "seen"})
    manager.api("PATCH", "/projects/elsewhere/", {"description": "not seen"})
    rows = manager.api("GET", "/auditEvents/?pageSize=1000", token=token)["resultList"]
    assert {r["project"] for r in rows} == {"matrix"} and any(r["after"] and r["after"].get("description") == "seen" for r in rows)
    assert manager.api("GET", "/auditEvents/?project=elsewhere", token=token)["resultList"] == []
    assert "there is no" in manager.refused(400, "GET", "/tokenRequests/?project=elsewhere", token=token)
    assert "there is no" in manager.refused(400, "GET", "/tokenRequests/?project=nowhere", token=token)
    manager.api("GET", "/tokenRequests/?project=matrix", token=token)


def test_writes_and_deploys_of_a_project(manager, who):
    operator, viewer = who["matrix OPERATOR"], who["matrix VIEWER"]
    manager.api("POST", "/projects/matrix/apiProxies/url/", {
        "apiProxyName": "own", "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": {"relativePathList": ["/own"]},
        "routingInfo": {"routingAddressList": [{"address": "http://127.0.0.1:9000"}]}}, token=operator)
    assert manager.api("POST", "/projects/matrix/apiProxies/own/environments/production/", token=operator)["deploymentResult"]["deploymentResults"]
    manager.api("GET", "/projects/matrix/apiProxies/own/environments/production/deploy-status/", token=viewer)
    manager.refused(403, "POST", "/projects/matrix/apiProxies/own/environments/production/", token=viewer)
    manager.refused(403, "DELETE", "/projects/matrix/apiProxies/own/environments/production/", token=viewer)
    manager.refused(403, "PATCH", "/environments/production/", {"leewaySeconds": 1}, token=operator)
    manager.refused(403, "GET", "/export", token=operator)


def test_what_has_the_same_route_elsewhere_is_not_named(manager, who):
    manager.proxy("elsewhere", "hidden-name", "/taken")
    manager.deploy("elsewhere", "hidden-name")
    manager.proxy("matrix", "late", "/taken")
    path = "/projects/matrix/apiProxies/late/environments/production/"
    message = manager.refused(409, "POST", path, token=who["matrix OPERATOR"])
    assert "hidden-name" not in message and "elsewhere" not in message and "/taken" in message
    assert "hidden-name" in manager.refused(409, "POST", path, token=who["OPERATOR"])


def test_roles_in_projects_are_shown_and_changed(manager):
    manager.project("p1")
    token = made(manager, "pia", projects=[{"name": "p1", "role": "OPERATOR"}])
    shown = manager.api("GET", "/administrators/pia/", token=token)["result"]  # oneself
    assert shown == {"name": "pia", "role": None, "projects": [{"name": "p1", "role": "OPERATOR"}], "enabled": True}
    manager.refused(403, "GET", "/administrators/admin/", token=token)
    manager.api("PATCH", "/administrators/pia/", {"projects": [{"name": "p1", "role": "VIEWER"}]})
    manager.refused(403, "PATCH", "/projects/p1/", {"description": "x"}, token=token)
    manager.api("GET", "/projects/p1/", token=token)
    assert "role" in manager.refused(400, "PATCH", "/administrators/pia/", {"projects": []})
    manager.api("PATCH", "/administrators/pia/", {"role": "VIEWER", "projects": None})
    manager.api("GET", "/projects/default/", token=token)
    manager.api("PATCH", "/administrators/pia/", {"role": None, "projects": [{"name": "p1", "role": "VIEWER"}]})
    manager.refused(404, "GET", "/projects/default/", token=token)


@pytest.mark.parametrize("projects, field", [
    ([{"name": "p2"}], "projects[0].role"), ([{"role": "VIEWER"}], "projects[0].name"), ([{"name": "nowhere", "role": "VIEWER"}], "projects[0].name"),
    ([{"name": "default", "role": "OWNER"}], "projects[0].role"), ([{"name": "default", "role": "VIEWER", "x": 1}], "projects[0].x"),
    ([{"name": "default", "role": "VIEWER"}, {"name": "default", "role": "ADMIN"}], "projects[1].name"), ("default", "projects"), ([], "role"),
    ([{"name": "default", "role": "VIEWER"}] * 300, "projects"),
])
def test_bad_roles_in_projects(manager, projects, field):
    assert field in manager.refused(400, "POST", "/administrators/", {"name": "bad", "password": "password of bad", "projects": projects})


def test_a_role_goes_with_its_project(manager):
    """A new project of the same name is another project."""
    manager.project("gone")
    token = made(manager, "gina", projects=[{"name": "gone", "role": "ADMIN"}])
    manager.api("GET", "/projects/gone/", token=token)
    manager.api("DELETE", "/projects/gone/")
    manager.project("gone")
    manager.refused(404, "GET", "/projects/gone/", token=token)
    assert manager.api("GET", "/projects/", token=token)["resultList"] == []
    assert manager.api("GET", "/administrators/gina/")["result"]["projects"] == []
