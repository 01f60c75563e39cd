"""Slashes, methods, bodies, lists, ETags: what holds for every call."""
import json
import socket

import pytest


def test_a_trailing_slash_is_optional(manager):
    for path in ("/projects", "/projects/", "/environments/production", "/environments/production/", "/environments/production/keys",
                 "/auditEvents", "/openapi.json"):
        assert manager.http("GET", "/apiops" + path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/apiops", "/apiops/", "/apiops/nothing/", "/apiops//projects/", "/apiops/projects//", "/projects/",
                                  "/apiops/projects/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p", "/apiops/projects/%zz/", "/apiops/projects/%ff/"])
def test_unknown_paths_are_404(manager, path):
    answer = manager.http("GET", path)
    assert answer.status_code == 404
    assert answer.json()["status"] == "FAILURE"


@pytest.mark.parametrize("method, path, allow", [
    ("DELETE", "/apiops/projects/", {"GET", "POST"}),
    ("PUT", "/apiops/auth/token", {"POST", "DELETE"}),
    ("GET", "/apiops/projects/p/apiProxies/url/", {"POST"}),
    ("POST", "/apiops/environments/production/", {"GET", "PUT", "PATCH", "DELETE"}),
    ("POST", "/health/live", {"GET"}),
])
def test_a_wrong_method_is_405_with_allow(manager, method, path, allow):
    answer = manager.http(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == allow


def test_head_is_get_without_a_body(manager):
    answer = manager.http("HEAD", "/apiops/projects/")
    assert answer.status_code == 200 and answer.content == b""


@pytest.mark.parametrize("body, part", [
    (b"{", "JSON"), (b"", "body is needed"), (b"[]", "object"), (b'"x"', "object"), (b'{"name":"a","name":"b"}', "twice"),
    (b'{"name":"\\u0000"}', "NUL"), (b'{"name":"\xff"}', "UTF-8"), (b'{"name":' + b"[" * 100 + b"]" * 100 + b"}", "nested"),
    (b'{"name":"a"} x', "follows"), (b'{"name":1e999}', "range"),
])
def test_bodies_that_are_no_json_object(manager, body, part):
    answer = manager.http("POST", "/apiops/projects/", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert part in answer.json()["resultMessage"]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json+x"])
def test_another_content_type_is_415(manager, content_type):
    answer = manager.http("POST", "/apiops/projects/", data=b'{"name":"x"}', headers={"Content-Type": content_type} if content_type else {})
    assert answer.status_code == 415


def test_a_charset_behind_the_content_type(manager):
    answer = manager.http("POST", "/apiops/projects/", data=json.dumps({"name": "charset"}), headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert answer.status_code == 201


@pytest.mark.parametrize("size, status", [((1 << 20), 400), ((1 << 20) + 1, 413), (3 << 20, 413)])
def test_a_body_that_is_too_long_is_413(manager, size, status):
    answer = manager.http("POST", "/apiops/projects/", data=b"x" * size, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["status"] == "FAILURE"


def test_a_chunked_body_that_is_too_long_is_413(manager):
    answer = manager.http("POST", "/apiops/projects/", data=(b"x" * 65536 for _ in range(20)), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_calls_that_take_no_body_refuse_one(manager):
    assert "no body" in manager.refused(400, "GET", "/projects/", {"x": 1})


@pytest.mark.parametrize("method, path, body, field", [
    ("POST", "/projects/", {"name": "p1", "nmae": 1}, "nmae"),
    ("POST", "/environments/", {"name": "e1", "accesUrl": None}, "accesUrl"),
    ("PATCH", "/environments/production/", {"leway": 1}, "leway"),
    ("POST", "/projects/default/apiProxies/url/", {"apiProxyNam": "x"}, "apiProxyNam"),
    ("POST", "/environments/production/keys/regenerate", {"activateNOW": True}, "activateNOW"),
    ("POST", "/environments/production/keys/upload", {"privatKey": ""}, "privatKey"),
    ("POST", "/environments/production/keys/redeploy", {"x": 1}, "x"),
    ("POST", "/administrators/", {"name": "x", "rolle": 1}, "rolle"),
    ("POST", "/projects/default/apiProxyGroups/", {"name": "x", "apiProxies": []}, "apiProxies"),
    ("POST", "/projects/default/credentials/", {"username": "x", "ipLst": []}, "ipLst"),
])
def test_unknown_fields_are_refused_by_name(manager, method, path, body, field):
    assert field in manager.refused(400, method, path, body)


@pytest.mark.parametrize("query", ["pgae=1", "page=0", "page=-1", "page=x", "pageSize=0", "pageSize=1001", "sort=age", "page=1&page=2", "q=%FF"])
def test_bad_queries(manager, query):
    manager.refused(400, "GET", "/projects/?" + query)


def test_a_query_on_a_call_without_one(manager):
    assert "pretty" in manager.refused(400, "GET", "/projects/default/?pretty=1")


def test_lists_are_paged_sorted_and_searched(manager):
    for i in range(7):
        manager.project(f"paged-{i}")
    answer = manager.api("GET", "/projects/?q=PAGED-&pageSize=3")
    assert [p["name"] for p in answer["resultList"]] == ["paged-0", "paged-1", "paged-2"]
    assert (answer["resultCount"], answer["page"], answer["pageSize"]) == (7, 1, 3)
    answer = manager.api("GET", "/projects/?q=paged-&pageSize=3&page=3")
    assert [p["name"] for p in answer["resultList"]] == ["paged-6"]
    for sort in ("-name", "name,desc"):
        answer = manager.api("GET", f"/projects/?q=paged-&pageSize=2&sort={sort}")
        assert [p["name"] for p in answer["resultList"]] == ["paged-6", "paged-5"]
    assert manager.api("GET", "/projects/?q=paged-&page=99")["resultList"] == []


def test_if_match(manager):
    manager.project("etag")
    answer = manager.http("GET", "/apiops/projects/etag/")
    etag = answer.headers["ETag"]
    assert etag == '"1"' and answer.json()["metadata"]["version"] == 1
    changed = manager.http("PATCH", "/apiops/projects/etag/", json={"description": "a"}, headers={"If-Match": etag})
    assert changed.status_code == 200 and changed.headers["ETag"] == '"2"'
    for method, body in (("PATCH", {"description": "b"}), ("PUT", {"name": "etag"}), ("DELETE", None)):
        message = manager.refused(409, method, "/projects/etag/", body, headers={"If-Match": etag})
        assert "changed meanwhile" in message
    assert manager.api("GET", "/projects/etag/")["result"]["description"] == "a"
    for bad in ("1", '"x"', '"0"', 'W/"2"', '""'):
        manager.refused(400, "PATCH", "/projects/etag/", {"description": "b"}, headers={"If-Match": bad})
    manager.api("PATCH", "/projects/etag/", {"description": "c"}, headers={"If-Match": "*"})
    manager.api("DELETE", "/projects/etag/", headers={"If-Match": '"3"'})


def test_openapi_names_every_call_and_only_known_schemas(manager):
    document = manager.http("GET", "/apiops/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert document["paths"]["/apiops/projects/{project}/apiProxies/url"]["post"]["operationId"] == "proxyCreate"
    names = set(document["components"]["schemas"])
    ids = []
    revoke = document["paths"]["/apiops/projects/{project}/credentials/{username}/access"]["delete"]
    assert [p["name"] for p in revoke["parameters"] if p["in"] == "query"] == ["name", "type"]

    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                assert node["$ref"].rsplit("/", 1)[1] in names
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            ids.append(operation["operationId"])
            declared = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert declared == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            assert operation["responses"]
    assert len(ids) == len(set(ids)) > 50


def test_health_and_metrics_need_no_login(manager):
    for path in ("/health/live", "/health/ready", "/apiops/health/ready"):
        answer = manager.http("GET", path, token=False)
        assert answer.status_code == 200 and answer.json()["status"] == "UP"
    text = manager.http("GET", "/metrics", token=False).text
    assert 'tollgate_manager_requests_total{status="2xx"}' in text
    for line in text.splitlines():
        assert line.startswith("#") or float(line.rsplit(" ", 1)[1]) >= 0


def test_the_log_has_a_line_per_request_and_no_query(manager):
    manager.http("GET", "/apiops/projects/?q=needle-in-query")
    raw = b"GET /apiops/%0aforged\x01line HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    host, port = manager.address.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as s:
        s.sendall(raw)
        s.recv(65536)
    log = manager.log()
    assert "needle-in-query" not in log
    assert " GET /apiops/projects/ 200 " in log or " GET /apiops/projects 200 " in log
    assert "\x01" not in log


def test_answers_are_not_cached_or_sniffed(manager):
    answer = manager.http("GET", "/apiops/projects/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/json"
