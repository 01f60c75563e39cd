"""API definitions: proxies made of them, refusals that name the place, where the manager fetches from, reading one again."""
import http.server
import json
import socket
import threading
import time

import pytest

from harness_manager import Manager

OPENAPI = {"openapi": "3.0.3", "info": {"title": "Items", "version": "1"}, "servers": [{"url": "https://api.example.org/v1"}],
           "paths": {"/items": {"get": {"operationId": "listItems", "summary": "All"}, "post": {}},
                     "/items/{id}": {"parameters": [{"$ref": "#/components/parameters/Id"}], "get": {"operationId": "getItem"}, "delete": {}}},
           "components": {"parameters": {"Id": {"name": "id", "in": "path", "required": True}}}}
YAML = """
openapi: 3.1.0
info: {title: Items, version: 1.0.0}
paths:
  /items/{id}: &item
    get: {operationId: getItem, responses: {200: {description: ok}}}
  /things/{id}: *item
"""
SWAGGER = {"swagger": "2.0", "info": {}, "host": "old.example.org", "basePath": "/v2", "schemes": ["http"], "paths": {"/pets/{id}": {"get": {}}}}


class Files:
    """Serves what `pages` says of a path: (status, headers, body), or a function of the handler."""

    def __init__(self, host="127.0.0.1"):
        self.pages, self.seen = {}, []
        files = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                files.seen.append(self.path)
                page = files.pages.get(self.path, (404, {}, b""))
                if callable(page):
                    return page(self)
                status, headers, body = page
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path="/", host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def files():
    f = Files()
    yield f
    f.close()


@pytest.fixture(scope="module")
def fetching():
    """A manager that may fetch from 127.0.0.1 and nowhere else on this machine."""
    with Manager(options=["--allow-private-definitions", "127.0.0.1/32, 10.99.0.0/16"]) as m:
        yield m


def body(name, **more):
    return dict({"apiProxyName": name, "apiProxyCreationType": "OPEN_API", "clientRoute": {"relativePathList": ["/" + name]}}, **more)


def create(manager, name, expect=201, **more):
    return manager.api("POST", "/projects/default/apiProxies/url/", body(name, **more), expect=expect)


def upload(manager, query, data, kind="application/yaml"):
    return manager.http("POST", "/apiops/projects/default/apiProxies/file/" + query, data=data, headers={"Content-Type": kind})


def listed(proxy):
    return [(e["name"], e["method"], e["path"], e["description"]) for e in proxy["endpoints"]]


# ---- inline and by upload ----

def test_a_definition_inline(manager):
    made = create(manager, "inline", definition=OPENAPI)
    assert made["applicationKey"]["clientSecret"]
    assert listed(made["result"]) == [("listItems", "GET", "/items", "All"), ("post-items", "POST", "/items", ""), ("getItem", "GET", "/items/{id}", ""),
                                      ("delete-items-id", "DELETE", "/items/{id}", "")]
    assert made["result"]["routingInfo"]["routingAddressList"][0]["address"] == "https://api.example.org/v1"
    assert made["result"]["apiProxyCreationType"] == "OPEN_API" and "definition" not in made["result"]
    manager.deploy("default", "inline")


@pytest.mark.parametrize("name, definition", [("text-json", json.dumps(OPENAPI)), ("swagger", SWAGGER), ("swagger-text", json.dumps(SWAGGER))])
def test_other_forms(manager, name, definition):
    made = create(manager, name, definition=definition)["result"]
    assert len(made["endpoints"]) == (1 if "swagger" in name else 4)
    if "swagger" in name:
        assert made["routingInfo"]["routingAddressList"][0]["address"] == "http://old.example.org/v2"


def test_the_address_that_is_given_counts(manager):
    made = create(manager, "given", definition=OPENAPI, routingInfo={"routingAddressList": [{"address": "http://127.0.0.1:9"}]})
    assert made["result"]["routingInfo"]["routingAddressList"][0]["address"] == "http://127.0.0.1:9"
    message = create(manager, "noserver", definition=YAML, expect=400)["resultMessage"]
    assert message.startswith("routingInfo:")
    assert listed(create(manager, "yaml", definition=YAML, routingInfo={"routingAddressList": [{"address": "http://h"}]})["result"]) == [
        ("getItem", "GET", "/items/{id}", ""), ("get-things-id", "GET", "/things/{id}", "")]


def test_other_types_take_a_definition_too(manager):
    assert len(create(manager, "reversed", definition=OPENAPI, apiProxyCreationType="REVERSE_PROXY")["result"]["endpoints"]) == 4


@pytest.mark.parametrize("more, text", [
    ({}, "definition: is required"),
    ({"definition": 7}, "definition: must be"),
    ({"definition": []}, "definition: must be"),
    ({"definitionUrl": 7}, "definitionUrl: must be a string"),
    ({"definition": OPENAPI, "definitionUrl": "http://h"}, "definitionUrl: must not stand beside"),
    ({"definition": OPENAPI, "endpoints": []}, "endpoints: must not stand beside"),
    ({"definition": {}}, "definition: openapi: is required"),
    ({"definition": {"openapi": "3.0.0"}}, "definition: paths: is required"),
    ({"definition": {"openapi": "4.0.0"}}, "definition: openapi: "),
    ({"definition": {"openapi": "3.0.0", "paths": {"/a/{b}.c": {"get": {}}}}}, "definition: paths./a/{b}.c: "),
    ({"definition": dict(OPENAPI, components={})}, "definition: paths./items/{id}.parameters[0].$ref: leads to nothing"),
    ({"definition": "openapi: ["}, "definition: line 2"),
    ({"definition": "a: 1\na: 2"}, "definition: line 2"),
    ({"definition": "a: &a [*a]"}, "definition: line 1"),
    ({"definition": "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"{c}: &{c} [" + ",".join(["*" + chr(ord(c) - 1)] * 10) + "]\n" for c in "bcdefgh")}, "definition: "),
    ({"definition": "[" * 100 + "]" * 100}, "definition: "),
    ({"definition": "openapi: 3.0.0\npaths:\n  /a: {get: {}}\n# " + "x" * (5 << 20)}, "definition: "),
    ({"definition": OPENAPI, "definitoin": 1}, "definitoin: is not a known field"),
])
def test_refusals_name_the_place_and_make_nothing(manager, more, text):
    assert text in create(manager, "refused", expect=400, **more)["resultMessage"]
    manager.refused(404, "GET", "/projects/default/apiProxies/refused/")


def test_uploads(manager):
    made = upload(manager, "?apiProxyName=up-yaml&relativePath=/up-yaml&address=http://127.0.0.1:9", YAML)
    assert made.status_code == 201, made.text
    assert len(made.json()["result"]["endpoints"]) == 2 and made.json()["result"]["clientRoute"]["relativePathList"] == ["/up-yaml"]
    made = upload(manager, "?apiProxyName=up-json&relativePath=/up-json", json.dumps(OPENAPI), "application/json; charset=utf-8")
    assert made.status_code == 201 and made.json()["result"]["routingInfo"]["routingAddressList"][0]["address"] == "https://api.example.org/v1"
    big = dict(OPENAPI, components=dict(OPENAPI["components"], x="y" * (3 << 20)))
    assert upload(manager, "?apiProxyName=up-big&relativePath=/up-big", json.dumps(big), "application/json").status_code == 201


@pytest.mark.parametrize("query, data, kind, status, text", [
    ("", YAML, "application/yaml", 400, "apiProxyName"), ("?apiProxyName=x", YAML, "application/yaml", 400, "relativePath"),
    ("?apiProxyName=x&relativePath=x&address=http://h", YAML, "text/yaml", 400, "clientRoute.relativePathList[0]"),
    ("?apiProxyName=x&relativePath=/x&address=ftp://h", YAML, "text/yaml", 400, "routingInfo.routingAddressList[0].address"),
    ("?apiProxyName=x&relativePath=/x&other=1", YAML, "text/yaml", 400, "other"), ("?apiProxyName=x&relativePath=/x", YAML, "text/yaml", 400, "routingInfo"),
    ("?apiProxyName=x&relativePath=/x", YAML, "text/plain", 415, "application/yaml"), ("?apiProxyName=x&relativePath=/x", "", "text/yaml", 400, "body"),
    ("?apiProxyName=x&relativePath=/x", "a: b", "text/yaml", 400, "definition: openapi"),
    ("?apiProxyName=x&relativePath=/x", b"\xff\xfe\x00", "text/yaml", 400, "definition: "),
    ("?apiProxyName=x&apiProxyName=y&relativePath=/x", YAML, "text/yaml", 400, "apiProxyName")])
def test_refused_uploads(manager, query, data, kind, status, text):
    answer = upload(manager, query, data, kind)
    assert answer.status_code == status and text in answer.json()["resultMessage"], answer.text
    manager.refused(404, "GET", "/projects/default/apiProxies/x/")


# ---- by URL ----

def test_a_definition_at_a_url(fetching, files):
    files.pages["/api.yaml"] = (200, {"Content-Type": "text/plain"}, YAML.encode())
    files.pages["/1"] = (302, {"Location": "/2"}, b"")
    files.pages["/2"] = (301, {"Location": files.url("/3")}, b"")
    files.pages["/3"] = (307, {"Location": "api.yaml"}, b"")
    address = {"routingAddressList": [{"address": "http://h"}]}
    for i, path in enumerate(("/api.yaml", "/1")):
        assert len(create(fetching, f"url-{i}", definitionUrl=files.url(path), routingInfo=address)["result"]["endpoints"]) == 2
    files.pages["/0"] = (302, {"Location": "/1"}, b"")
    assert "redirects more than 3" in create(fetching, "far", expect=400, definitionUrl=files.url("/0"))["resultMessage"]


def test_what_cannot_be_fetched(fetching, files):
    files.pages["/long"] = (200, {}, b"x" * ((5 << 20) + 1))
    files.pages["/broken"] = (200, {}, b"openapi: [")

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            pass

    files.pages["/endless"] = endless
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    for url, text in ((files.url("/none"), "status 404"), (files.url("/long"), "longer than 5242880"), (files.url("/endless"), "longer than 5242880"),
                      (files.url("/broken"), "definition: line 2"), (f"http://127.0.0.1:{closed.getsockname()[1]}/", "cannot be fetched"),
                      ("ftp://127.0.0.1/x", "http or https"), ("file:///etc/passwd", "http or https"), ("127.0.0.1/x", "http or https"),
                      ("gopher://127.0.0.1:1/", "http or https"), ("http://user:secret@127.0.0.1/x", "without a name or password"), ("http://", "definitionUrl"),
                      ("", "http or https"), ("http://127.0.0.1/" + "x" * 2048, "2048")):
        message = create(fetching, "unfetched", expect=400, definitionUrl=url)["resultMessage"]
        assert text in message, (url, message)
        assert "secret" not in message
    closed.close()
    fetching.refused(404, "GET", "/projects/default/apiProxies/unfetched/")


def test_a_slow_server_ends_by_the_clock_and_holds_nobody_up(fetching, files):
    files.pages["/slow"] = lambda handler: time.sleep(20)
    answer = {}
    slow = threading.Thread(target=lambda: answer.update(create(fetching, "slow", expect=400, definitionUrl=files.url("/slow"))))
    fetching.api("GET", "/projects/")   # logs in
    slow.start()
    while "/slow" not in files.seen:
        time.sleep(0.01)
    fetching.project("meanwhile")       # a write, while the other one waits for its server
    assert slow.is_alive() and not answer
    slow.join()
    assert "within 10 s" in answer["resultMessage"]


PRIVATE = ["127.0.0.2", "127.1.2.3", "[::1]", "169.254.169.254", "0.0.0.0", "0", "2130706434", "017700000002", "0x7f000002", "127.2", "[::ffff:127.0.0.2]",
           "[::ffff:a9fe:a9fe]", "[::]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1", "[fe80::1]", "[fd00::1]",
           "224.0.0.1", "255.255.255.255"]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_not_gone_to_in_whatever_spelling(fetching, files, host):
    """The port has a server: what keeps the manager off is the address."""
    seen = len(files.seen)
    message = create(fetching, "ssrf", expect=400, definitionUrl=files.url("/api.yaml", host=host))["resultMessage"]
    assert message.startswith("definitionUrl:") and len(files.seen) == seen
    assert "is private or of this machine" in message, message


@pytest.mark.parametrize("host", PRIVATE)
def test_nor_behind_a_redirect(fetching, files, host):
    files.pages["/away"] = (302, {"Location": files.url("/secret", host=host)}, b"")
    files.pages["/secret"] = (200, {}, YAML.encode())
    message = create(fetching, "ssrf", expect=400, definitionUrl=files.url("/away"))["resultMessage"]
    assert "is private or of this machine" in message, message
    assert "/secret" not in files.seen


@pytest.mark.parametrize("scheme", ["file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "dict://127.0.0.1/"])
def test_a_redirect_stays_with_http(fetching, files, scheme):
    files.pages["/scheme"] = (302, {"Location": scheme}, b"")
    assert "http or https" in create(fetching, "ssrf", expect=400, definitionUrl=files.url("/scheme"))["resultMessage"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", socket.gethostname()])
def test_a_name_is_what_it_resolves_to(manager, files, host):
    """Without the option no address of this machine is gone to, whatever name leads there."""
    seen = len(files.seen)
    message = create(manager, "named", expect=400, definitionUrl=files.url("/api.yaml", host=host))["resultMessage"]
    assert message.startswith("definitionUrl:") and len(files.seen) == seen


def test_a_proxy_of_the_environment_is_not_used(own, files, monkeypatch):
    """It would make the connections, and nobody would look at where they lead."""
    monkeypatch.setenv("http_proxy", files.url())
    monkeypatch.setenv("ALL_PROXY", files.url())
    m = own().start()
    seen = len(files.seen)
    assert "private" in create(m, "proxied", expect=400, definitionUrl="http://127.0.0.2/x")["resultMessage"]
    assert len(files.seen) == seen


@pytest.mark.parametrize("networks", ["", "x", "10.0.0.0/33", "10.0.0.0/8,,", ",".join(["10.0.0.1"] * 33)])
def test_a_wrong_option_is_refused(own, networks):
    own(options=["--allow-private-definitions", networks]).fails()


# ---- read again ----

def test_a_definition_read_again(manager):
    create(manager, "again", definition=OPENAPI)
    at = "/projects/default/apiProxies/again"
    manager.api("PATCH", at + "/endpoints/getItem/", {"roles": ["r"], "backendPath": "/x/{id}"})
    changed = json.loads(json.dumps(OPENAPI))
    changed["paths"]["/items/{itemId}"] = changed["paths"].pop("/items/{id}")
    changed["paths"]["/items/{itemId}"] = {"get": {"operationId": "renamed", "summary": "One"}}
    del changed["paths"]["/items"]["post"]
    changed["paths"]["/new"] = {"put": {"operationId": "listItems"}}
    wanted = {"added": [{"method": "PUT", "name": "put-new", "path": "/new"}],
              "removed": [{"method": "POST", "name": "post-items", "path": "/items"}, {"method": "DELETE", "name": "delete-items-id", "path": "/items/{id}"}],
              "changed": [{"method": "GET", "name": "getItem", "path": "/items/{id}"}]}
    before = manager.api("GET", at + "/")
    audit = manager.api("GET", "/auditEvents/?pageSize=1")["resultCount"]
    assert manager.api("PUT", at + "/definition/", {"definition": changed, "dryRun": True})["result"] == wanted
    assert manager.api("GET", at + "/") == before and manager.api("GET", "/auditEvents/?pageSize=1")["resultCount"] == audit
    assert manager.api("PUT", at + "/definition/", {"definition": changed})["result"] == wanted
    after = manager.api("GET", at + "/")["result"]["endpoints"]
    assert {e["name"]: (e["roles"], e["backendPath"], e["description"]) for e in after} == {
        "listItems": ([], None, "All"), "getItem": (["r"], "/x/{id}", "One"), "put-new": ([], None, "")}
    nothing = {"added": [], "removed": [], "changed": []}
    assert manager.api("PUT", at + "/definition/", {"definition": changed})["result"] == nothing
    event = manager.api("GET", "/auditEvents/?pageSize=2")["resultList"]
    assert event[1]["after"] == wanted


def test_a_definition_read_again_by_url_and_deployed(fetching, files):
    files.pages["/v.json"] = (200, {}, json.dumps(OPENAPI).encode())
    create(fetching, "deployed", definitionUrl=files.url("/v.json"))
    files.pages["/v.json"] = (200, {}, json.dumps(dict(OPENAPI, paths={"/only": {"get": {}}})).encode())
    answer = fetching.api("PUT", "/projects/default/apiProxies/deployed/definition/",
                          {"definitionUrl": files.url("/v.json"), "deploy": True, "deployTargetEnvironmentNameList": ["production"]})
    assert "deploymentResult" in answer and len(answer["result"]["removed"]) == 4
    assert [e["path"] for e in fetching.snapshot()["proxies"][0]["proxy"]["endpoints"]] == ["/only"]


def test_an_endpoint_with_a_policy_is_not_removed(manager):
    create(manager, "guarded", definition=OPENAPI)
    at = "/projects/default/apiProxies/guarded"
    manager.api("POST", at + "/policies/one/", {"operationMetadata": {"targetScope": "ENDPOINT", "targetEndpoint": "/items", "targetEndpointHTTPMethod": "GET"},
                                               "policy": {"type": "policy-auth-jwt"}})
    before = manager.api("GET", at + "/")
    for dry in (True, False):
        assert '"one"' in manager.refused(409, "PUT", at + "/definition/", {"definition": dict(OPENAPI, paths={"/x": {"get": {}}}), "dryRun": dry})
    assert manager.api("GET", at + "/") == before


@pytest.mark.parametrize("change, text", [({}, "definition"), ({"definition": OPENAPI, "dryRun": "yes"}, "dryRun"), ({"definition": OPENAPI, "dry": True}, "dry"),
                                          ({"definition": {}}, "definition: openapi"), ({"definition": OPENAPI, "deploy": True}, "deployTargetEnvironmentNameList")])
def test_refused_readings(manager, change, text):
    if "read-again" not in [p["apiProxyName"] for p in manager.api("GET", "/projects/default/apiProxies/?q=read-again")["resultList"]]:
        create(manager, "read-again", definition=OPENAPI)
    assert text in manager.refused(400, "PUT", "/projects/default/apiProxies/read-again/definition/", change)
    manager.refused(404, "PUT", "/projects/default/apiProxies/nothing/definition/", {"definition": OPENAPI})
