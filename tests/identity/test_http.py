"""Users whom an HTTP API knows: the request as bytes, the assertion, what is said of the user, servers that lie, TLS."""

import ipaddress
import json
import threading
import urllib.parse

import pytest
from api_server import Authority, Server, answer, server_context
from cryptography import x509
from harness import SLOW
from probe import Refused, claims, step

JSON_BODY = '{"login":{"user":"{{username}}","secret":"{{password}}"},"via":["{{clientId}}","{{address}}"]}'

NASTY = [
    'a","admin":true,"b":"', "a\\", '\\"', "a&admin=1&x=", "a#frag?x=1", "%00%0a", "a\r\nX-Injected: 1", "a\tb", "{{password}}", "}}{{clientId}}",
    "' OR '1'='1", "ж€😀", "a b", "+", "x" * 256, "\x7f", "\x01", "</script>", "*)(uid=*",
]


@pytest.fixture
def server():
    s = Server()
    yield s
    s.close()


def api(server, **more):
    return {"type": "API", "url": server.url("/check"), "body": JSON_BODY, **more}


def form(server, **more):
    fields = [{"name": "user name", "value": "{{username}}"}, {"name": "pw", "value": "{{password}}", "secret": True}]
    return {"type": "API", "url": server.url("/check"), "bodyType": "FORM", "formList": fields, **more}


# ---- the request ----


def test_json_request(probe, server):
    p = probe(api(server, method="PUT", headerList=[{"name": "X-Key", "value": "k {{username}}", "secret": True}, {"name": "X-Empty", "value": "{{clientId}}"}]))
    got = p.check("anna", 'p"\\\n', address="192.0.2.1")
    assert got["verdict"] == "ok" and got["subject"] == "anna" and got["roles"] == [] and got["response"] == ""
    r = server.requests[0]
    assert (r.method, r.target) == ("PUT", "/check")
    assert r.json() == {"login": {"user": "anna", "secret": 'p"\\\n'}, "via": ["", "192.0.2.1"]}
    assert r.headers["content-type"] == "application/json"
    assert r.headers["x-key"] == "k anna" and r.headers["x-empty"] == ""
    assert "expect" not in r.headers and "cookie" not in r.headers and "authorization" not in r.headers


def test_form_request(probe, server):
    p = probe(form(server))
    assert p.check("a&b=c d", "ü+%")["verdict"] == "ok"
    r = server.requests[0]
    assert r.method == "POST" and r.headers["content-type"] == "application/x-www-form-urlencoded"
    assert urllib.parse.parse_qsl(r.body.decode(), strict_parsing=True) == [("user name", "a&b=c d"), ("pw", "ü+%")]


def test_get_with_url_parameters(probe, server):
    p = probe({"type": "API", "method": "GET", "bodyType": "NONE", "url": server.url("/u/{{username}}/x?n={{username}}&c={{clientId}}"),
               "headerList": [{"name": "X-Password", "value": "{{password}}"}]})
    assert p.check("a/b?c#d&e", "secret", clientId="cl")["verdict"] == "ok"
    r = server.requests[0]
    assert r.method == "GET" and r.target == "/u/a%2Fb%3Fc%23d%26e/x?n=a%2Fb%3Fc%23d%26e&c=cl"
    assert r.headers["x-password"] == "secret" and r.body == b"" and "content-type" not in r.headers


@pytest.mark.parametrize("name", NASTY)
def test_nothing_leaves_its_place_in_json_and_forms(probe, server, name):
    p = probe(api(server))
    assert p.check(name, name)["verdict"] == "ok"
    assert server.requests[0].json() == {"login": {"user": name, "secret": name}, "via": ["", ""]}
    q = probe(form(server))
    assert q.check(name, name)["verdict"] == "ok"
    assert urllib.parse.parse_qsl(server.requests[1].body.decode(), strict_parsing=True) == [("user name", name), ("pw", name)]
    for r in server.requests:
        assert "x-injected" not in r.headers and r.target == "/check"


@pytest.mark.parametrize("name", NASTY)
def test_nothing_leaves_its_place_in_a_url(probe, server, name):
    p = probe({"type": "API", "method": "GET", "bodyType": "NONE", "url": server.url("/u/{{username}}?n={{username}}")})
    assert p.check(name, "x")["verdict"] == "ok"
    escaped = urllib.parse.quote(name, safe="-._~")
    assert server.requests[0].target == f"/u/{escaped}?n={escaped}"


@pytest.mark.parametrize("name", [".", "..", "../admin", "a/../b", "..\\admin", "./x", "a/.."])
def test_a_name_does_not_climb_the_path(probe, server, name):
    p = probe({"type": "API", "method": "GET", "bodyType": "NONE", "url": server.url("/u/{{username}}")})
    assert p.check(name, "x")["verdict"] == "nobody"
    q = probe({"type": "API", "method": "GET", "bodyType": "NONE", "url": server.url("/u?n={{username}}")})
    assert q.check(name, "x")["verdict"] == "ok"
    assert [r.target for r in server.requests] == ["/u?n=" + urllib.parse.quote(name, safe="-._~")]


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "ä", " a", "a ", "a\tb", "\x7f"])
def test_values_that_a_header_cannot_have(probe, server, value):
    p = probe(api(server, headerList=[{"name": "X-User", "value": "u={{username}}"}]))
    assert p.check(value, "x")["verdict"] == "nobody"
    q = probe(api(server, headerList=[{"name": "X-Pass", "value": "{{password}}"}]))
    assert q.check("anna", value)["verdict"] == "wrong_password"
    assert server.requests == []


def test_names_and_passwords_of_any_length_and_bytes(probe, server):
    p = probe(api(server))
    for n, verdict in ((1, "ok"), (256, "ok"), (257, "nobody"), (65536, "nobody")):
        assert p.check("n" * n, "x")["verdict"] == verdict
    assert p.check("anna", "p" * 4096)["verdict"] == "ok"
    for password in ("", "p" * 4097, b"\xff", b"a\0b"):
        assert p.check("anna", password)["verdict"] == "wrong_password"
    for name in ("", b"a\0b", b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80"):
        assert p.check(name, "x")["verdict"] == "nobody"
    assert len(server.requests) == 3


def test_connections_are_kept(probe, server):
    p = probe(api(server))
    assert step(p.check("anna", "x"), "connect")["ok"]
    for _ in range(4):
        got = p.check("anna", "x")
        assert got["verdict"] == "ok" and step(got, "connect") is None
    assert server.connections == 1
    server.drop_connections()
    assert p.check("anna", "x")["verdict"] == "ok"
    assert server.connections == 2


def test_no_proxy_of_the_environment(probe, server):
    other = Server(answer(500))
    env = {name: other.url() for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")}
    try:
        assert probe(api(server), env=env).check("anna", "x")["verdict"] == "ok"
        assert other.requests == []
    finally:
        other.close()


# ---- the assertion ----


@pytest.mark.parametrize("status,verdict", [(200, "ok"), (204, "ok"), (299, "ok"), (401, "wrong_password"), (403, "wrong_password"), (404, "wrong_password"),
                                            (300, "wrong_password"), (500, None), (503, None), (429, None)])
def test_status(probe, server, status, verdict):
    server.reply = answer(status)
    got = probe(api(server)).check("anna", "x")
    if verdict:
        assert got["verdict"] == verdict
    else:
        assert got["error"] == "unavailable" and str(status) in got["fault"]


def test_a_range_that_has_errors_in_it(probe, server):
    p = probe(api(server, statusFrom=500, statusTo=500))
    assert p.check("anna", "x")["verdict"] == "wrong_password"
    server.reply = answer(500)
    assert p.check("anna", "x")["verdict"] == "ok"


def test_redirects_are_not_followed(probe, server):
    other = Server()
    try:
        server.reply = answer(302, headers=[f"Location: {other.url('/stolen')}"])
        assert probe(api(server)).check("anna", "x")["verdict"] == "wrong_password"
        assert other.requests == []
        assert probe(api(server, statusFrom=302, statusTo=302)).check("anna", "x")["verdict"] == "ok"
        assert other.requests == []
    finally:
        other.close()


def test_body_contains(probe, server):
    p = probe(api(server, bodyContains='"granted": true'))
    for body, verdict in ((b'{"granted": true}', "ok"), (b'{"granted": false}', "wrong_password"), (b"", "wrong_password")):
        server.reply = answer(200, body)
        assert p.check("anna", "x")["verdict"] == verdict


@pytest.mark.parametrize("value,told,verdict", [
    (True, True, "ok"), (True, False, "wrong_password"), (True, "true", "wrong_password"), (True, 1, "wrong_password"), (1, 1, "ok"), (1, 1.0, "ok"),
    (1, True, "wrong_password"), ("yes", "yes", "ok"), ("yes", "Yes", "wrong_password"), (0, None, "wrong_password"), (None, None, "ok"), ("", "", "ok"),
    (None, False, "ok"), (True, [True], "wrong_password"),
])
def test_json_value(probe, server, value, told, verdict):
    server.reply = answer(200, {"r": [{"active": told}]})
    more = {} if value is None else {"jsonValue": value}
    assert probe(api(server, jsonPath="$.r[0].active", **more)).check("anna", "x")["verdict"] == verdict


def test_a_path_that_leads_nowhere(probe, server):
    p = probe(api(server, jsonPath="$['a b'].c"))
    for doc, verdict in (({"a b": {"c": 0}}, "ok"), ({"a b": {}}, "wrong_password"), ({"a b": [1]}, "wrong_password"), ([], "wrong_password")):
        server.reply = answer(200, doc)
        assert p.check("anna", "x")["verdict"] == verdict


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":1', b'{"a":1}x', b'{"a":1,"a":2}', b"\xff", b"[" * 40 + b"]" * 40])
def test_an_answer_that_is_no_json(probe, server, body):
    server.reply = answer(200, body)
    got = probe(api(server, jsonPath="$.a")).check("anna", "x")
    assert got["error"] == "unavailable" and "no JSON" in got["fault"]


# ---- what is said of the user ----


def test_subject_roles_and_claims(probe, server):
    server.reply = answer(200, {"user": {"id": 42, "name": "Anna", "mail": ["a@x.test", "b@x.test"], "vip": True, "none": None, "deep": {"a": 1}},
                                "groups": [{"n": "admin"}, {"n": "two words"}, {"n": "dev"}, {"n": 7}]})
    p = probe(api(server, subjectPath="$.user.name", rolesPath="$.groups[*].n", includeInTokenResponse=True, pathsToFetch=[
        {"source": "$.user.id", "claim": "uid"}, {"source": "$.user.mail", "claim": "mails", "includeInJwt": False, "includeInTokenResponse": True},
        {"source": "$.user.vip", "claim": "vip"}, {"source": "$.user.none", "claim": "none"}, {"source": "$.user.deep", "claim": "deep"},
        {"source": "$.groups[*].n", "claim": "groups"}, {"source": "$.absent", "claim": "absent"}]))
    got = p.check("anna", "x")
    assert got["verdict"] == "ok" and got["subject"] == "Anna" and got["roles"] == ["admin", "dev"]
    assert claims(got) == {"uid": 42, "mails": ["a@x.test", "b@x.test"], "vip": True, "groups": ["admin", "two words", "dev", 7]}
    assert got["claims"]["mails"]["inResponse"] and not got["claims"]["mails"]["inJwt"]
    assert json.loads(got["response"])["user"]["id"] == 42


@pytest.mark.parametrize("told,roles", [("a b  c", ["a", "b", "c"]), (["a", "b c", "a"], ["a"]), ("", []), (None, []), ({"a": 1}, []), (7, [])])
def test_roles_as_words_or_list(probe, server, told, roles):
    server.reply = answer(200, {"scope": told})
    assert probe(api(server, rolesPath="$.scope")).check("anna", "x")["roles"] == roles


def test_subjects(probe, server):
    p = probe(api(server, subjectPath="$.sub"))
    for told, subject in (("Anna", "Anna"), (42, "42"), ("ж", "ж")):
        server.reply = answer(200, {"sub": told})
        assert p.check("anna", "x")["subject"] == subject
    for told in (None, "", True, ["Anna"], "n" * 257):
        server.reply = answer(200, {"sub": told})
        assert p.check("anna", "x")["error"] == "unavailable"


def test_bounds_of_what_is_said(probe, server):
    p = probe(api(server, rolesPath="$.r", pathsToFetch=[{"source": "$.v", "claim": "v"}]))
    for doc in ({"r": [f"r{i}" for i in range(257)]}, {"v": list(range(65))}, {"v": "x" * 9000}):
        server.reply = answer(200, doc)
        assert p.check("anna", "x")["error"] == "limit"
    server.reply = answer(200, {"r": [f"r{i}" for i in range(256)], "v": list(range(64))})
    got = p.check("anna", "x")
    assert len(got["roles"]) == 256 and len(claims(got)["v"]) == 64


def test_look_up_is_for_services_that_know_the_user(probe, server):
    p = probe(api(server))
    server.reply = answer(200, {"a": 1})
    assert p.look_up("anna")["verdict"] == "ok"
    assert server.requests[0].json()["login"] == {"user": "anna", "secret": ""}
    server.reply = answer(404)
    assert p.look_up("anna")["verdict"] == "nobody"
    assert p.list()["error"] == "invalid"


# ---- servers that lie, hang and break off ----


def test_a_server_that_hangs(probe, server):
    server.reply = None
    p = probe(api(server, timeoutMillis=300))
    for _ in range(3):
        got = p.check("anna", "x")
        assert got["error"] == "unavailable" and got["ms"] >= 250
    server.reply = answer()
    assert p.check("anna", "x")["verdict"] == "ok"


def test_a_server_that_drips(probe, server):
    """A byte now and then does not make the time longer."""
    def drip(request):
        sock = server.open[-1]
        for c in answer(200, b"x" * 50):
            sock.sendall(bytes([c]))
            over.wait(0.05)
        return b""

    over = threading.Event()
    server.reply = drip
    got = probe(api(server, timeoutMillis=400)).check("anna", "x")
    over.set()
    assert got["error"] == "unavailable"


def test_a_server_that_is_not_there(probe, server):
    server.close()
    got = probe(api(server)).check("anna", "x")
    assert got["error"] == "unavailable" and not step(got, "connect")["ok"]


def test_a_name_that_does_not_resolve(probe, server):
    got = probe({"type": "API", "url": "http://nobody.invalid/", "body": JSON_BODY}).check("anna", "x")
    assert got["error"] == "unavailable" and not step(got, "resolve")["ok"]


CHUNKED = b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n"
BROKEN = {
    "shorter than it says": (b"HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\n{}", "unavailable"),
    "ends in its head": (b"HTTP/1.1 200 x\r\nContent-Le", "unavailable"),
    "nothing": (b"", "unavailable"),
    "ends in a chunk": (CHUNKED + b"5\r\nab", "unavailable"),
    "no last chunk": (CHUNKED + b"2\r\nab\r\n", "unavailable"),
    "no chunk": (CHUNKED + b"zz\r\nab\r\n0\r\n\r\n", "unavailable"),
    "less than nothing": (b"HTTP/1.1 200 x\r\nContent-Length: -1\r\n\r\n{}", "unavailable"),
    "more than can be": (b"HTTP/1.1 200 x\r\nContent-Length: 99999999999999999999\r\n\r\n{}", "limit"),
    "HTTP/0.9": (b"{}", "unavailable"),
    "not HTTP": (b"SSH-2.0-x\r\n", "unavailable"),
    "endless head": (b"HTTP/1.1 200 x\r\n" + b"X-A: " + b"a" * 1000000 + b"\r\n\r\n", "unavailable"),
    "long, until the end": (b"HTTP/1.1 200 x\r\n\r\n" + b"a" * 65537, "limit"),
    "long, as it says": (b"HTTP/1.1 200 x\r\nContent-Length: 65537\r\n\r\n" + b"a" * 65537, "limit"),
    "long, in chunks": (CHUNKED + (b"8000\r\n" + b"a" * 32768 + b"\r\n") * 2 + b"1\r\na\r\n0\r\n\r\n", "limit"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_answers_that_lie_or_break_off(probe, server, name):
    server.close_after = True
    server.reply, why = BROKEN[name]
    p = probe(api(server, jsonPath="$.a"))
    got = p.check("anna", "x")
    assert "verdict" not in got and got["error"] == why
    server.reply = answer(200, {"a": 1})
    assert p.check("anna", "x")["verdict"] == "ok"


def test_an_answer_with_more_than_it_said(probe, server):
    """What follows on the connection is no answer to the next question."""
    server.reply = lambda r: answer(401) + answer(200, {"a": 1})
    p = probe(api(server))
    for _ in range(3):
        assert p.check("anna", "x")["verdict"] == "wrong_password"


def test_no_secret_in_steps_and_faults(probe, server):
    server.reply = answer(500, b"hunter2")
    got = probe(api(server, headerList=[{"name": "X-Key", "value": "k-secret", "secret": True}])).check("anna", "hunter2")
    assert "hunter2" not in json.dumps(got) and "k-secret" not in json.dumps(got)


# ---- TLS ----


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def tls_server(tmp_path, authority):
    certificate, key = authority.issue("server", [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    s = Server(context=server_context(tmp_path, certificate, key))
    yield s
    s.close()


def test_tls_with_a_private_authority(probe, tls_server, authority):
    got = probe({"type": "API", "url": tls_server.url("/", "https"), "body": JSON_BODY, "tls": {"ca": authority.pem()}}).check("anna", "x")
    assert got["verdict"] == "ok" and step(got, "tls")["ok"]


def test_tls_is_verified(probe, tls_server, authority):
    url = tls_server.url("/", "https")
    other_name = tls_server.url("/", "https", "localhost")
    for tls, address in (({}, url), ({"ca": Authority("other").pem()}, url), ({"ca": authority.pem()}, other_name)):
        got = probe({"type": "API", "url": address, "body": JSON_BODY, "tls": tls}).check("anna", "x")
        assert got["error"] == "unavailable" and not step(got, "tls")["ok"]
    assert tls_server.requests == []
    got = probe({"type": "API", "url": url, "body": JSON_BODY, "tls": {"verify": False}}).check("anna", "x")
    assert got["verdict"] == "ok"


def test_client_certificates(probe, tmp_path, authority):
    certificate, key = authority.issue("server", [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    clients = Authority("clients")
    server = Server(context=server_context(tmp_path, certificate, key, clients))
    own, own_key = clients.issue("gateway")
    strange, strange_key = Authority("strange").issue("gateway")
    body = {"type": "API", "url": server.url("/", "https"), "body": JSON_BODY}
    try:
        for tls, good in (({}, False), ({"clientCertificate": strange, "clientKey": strange_key}, False), ({"clientCertificate": own, "clientKey": own_key}, True)):
            got = probe({**body, "tls": {"ca": authority.pem(), **tls}}).check("anna", "x")
            assert got.get("verdict") == "ok" if good else got["error"] in ("unavailable", "invalid")
        assert len(server.requests) == 1
    finally:
        server.close()


def test_tls_server_that_is_none(probe, server, authority):
    server.reply = b"HTTP/1.1 400 x\r\n\r\n"
    got = probe({"type": "API", "url": server.url("/", "https"), "body": JSON_BODY, "tls": {"ca": authority.pem()}, "timeoutMillis": 2000 * SLOW}).check("anna", "x")
    assert got["error"] == "unavailable"


def test_what_can_never_work_is_refused(probe, server):
    for more in ({"url": "ftp://x/"}, {"url": server.url("/{{password}}")}, {"body": "{{username}}"}, {"jsonPath": "$..x"}, {"url": "http://{{username}}.x/"},
                 {"headerList": [{"name": "Host", "value": "x"}]}, {"headerList": [{"name": "X", "value": "a\r\nb"}]}):
        with pytest.raises(Refused):
            probe({**api(server), **more})
