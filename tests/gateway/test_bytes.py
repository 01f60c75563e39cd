"""From raw request bytes to raw backend bytes, for an open proxy and for protected ones (a JWT, an opaque token, no token)."""

import json
import re
import socket
import subprocess

import pytest

from h2client import H2Client
from harness import Backend, Planes, raw, read_reply

# {p} is the proxy's prefix as the client writes it, {e} the same with each character escaped.
# A number as the expected value: that status, and nothing reaches the backend.

LONG = b"q" * 15000

TARGETS = {
    # the prefix is taken off; there is always a path
    "prefix-alone": (b"{p}", b"/"),
    "prefix-slash": (b"{p}/", b"/"),
    "prefix-path": (b"{p}/a/b.c", b"/a/b.c"),
    "prefix-trailing-slash": (b"{p}/a/", b"/a/"),
    "prefix-escaped": (b"{e}/a", b"/a"),
    "prefix-twice": (b"{p}{p}/a", b"{p}/a"),
    "prefix-longer": (b"{p}x/a", 404),
    "prefix-parameter": (b"{p};v=1/a", 404),
    "prefix-escaped-slash": (b"{p}%2fa", b"/a"),
    # the query, byte for byte
    "query": (b"{p}/a?b=c&d", b"/a?b=c&d"),
    "query-on-prefix": (b"{p}?b", b"/?b"),
    "query-empty": (b"{p}/a?", b"/a?"),
    "query-question-marks": (b"{p}/a???b?", b"/a???b?"),
    "query-crlf": (b"{p}/a?b=%0d%0aX-Evil:%201", b"/a?b=%0d%0aX-Evil:%201"),
    "query-escapes-as-they-are": (b"{p}/a?%2F%2f%41%61%C3%A9%c3%a9", b"/a?%2F%2f%41%61%C3%A9%c3%a9"),
    "query-nul": (b"{p}/a?%00", b"/a?%00"),
    "query-escaped-hash": (b"{p}/a?%23", b"/a?%23"),
    "query-plus": (b"{p}/a?b+c=+", b"/a?b+c=+"),
    "query-broken-escape": (b"{p}/a?%&%z&%4&%zz%", b"/a?%&%z&%4&%zz%"),
    "query-dots-and-slashes": (b"{p}/a?/../..//./x", b"/a?/../..//./x"),
    "query-path-escaped-before": (b"{p}/%61?%61", b"/a?%61"),
    "query-raw-signs": (b"{p}/a?\"<>[]^`{|}\\;:@!$'()*,", b"/a?\"<>[]^`{|}\\;:@!$'()*,"),
    "query-high-bytes": (b"{p}/a?\xc3\xa9\xff\x80", b"/a?\xc3\xa9\xff\x80"),
    "query-very-long": (b"{p}/a?" + LONG, b"/a?" + LONG),
    "query-too-long": (b"{p}/a?" + b"q" * 17000, 414),
    "query-fragment": (b"{p}/a?b#c", 400),
    "query-raw-space": (b"{p}/a?b c", 400),
    "query-raw-tab": (b"{p}/a?b\tc", 400),
    "query-raw-control": (b"{p}/a?\x01", 400),
    "query-raw-delete": (b"{p}/a?\x7f", 400),
    "query-raw-nul": (b"{p}/a?\x00", 400),
    # the path: decoded once, decided on, escaped again
    "path-crlf": (b"{p}/a%0d%0aX-Evil:1", 400),
    "path-cr": (b"{p}/a%0D", 400),
    "path-lf": (b"{p}/a%0a", 400),
    "path-tab": (b"{p}/a%09b", 400),
    "path-control": (b"{p}/a%1f", 400),
    "path-delete": (b"{p}/a%7F", 400),
    "path-nul": (b"{p}/a%00.txt", 400),
    "path-raw-nul": (b"{p}/a\x00", 400),
    "path-raw-control": (b"{p}/a\x1f", 400),
    "path-raw-space": (b"{p}/a b", 400),
    "path-fragment": (b"{p}/a#b", 400),
    "path-empty-fragment": (b"{p}/a#", 400),
    "path-space": (b"{p}/a%20b", b"/a%20b"),
    "path-plus": (b"{p}/a+b", b"/a+b"),
    "path-slash": (b"{p}/a%2fb", b"/a/b"),
    "path-backslash": (b"{p}/a\\b%5cc", b"/a%5Cb%5Cc"),
    "path-question-mark": (b"{p}/a%3fb=c", b"/a%3Fb=c"),
    "path-question-mark-and-query": (b"{p}/a%3Fb?c", b"/a%3Fb?c"),
    "path-hash": (b"{p}/a%23b", b"/a%23b"),
    "path-percent": (b"{p}/100%25", b"/100%25"),
    "path-escaped-escape": (b"{p}/%252e%252e/%252f", b"/%252e%252e/%252f"),
    "path-escaped-crlf-escape": (b"{p}/%250d%250a", b"/%250d%250a"),
    "path-unreserved": (b"{p}/%41%7e%2D%5f", b"/A~-_"),
    "path-allowed-signs": (b"{p}/:@!$&'()*+,;=-._~", b"/:@!$&'()*+,;=-._~"),
    "path-allowed-signs-escaped": (b"{p}/%3a%40%21%24%26%27%28%29%2a%2b%2c%3b%3d", b"/:@!$&'()*+,;="),
    "path-other-signs": (b"{p}/\"<>[]^`{|}", b"/%22%3C%3E%5B%5D%5E%60%7B%7C%7D"),
    "path-utf8": (b"{p}/%C3%A9%e2%82%ac", b"/%C3%A9%E2%82%AC"),
    "path-raw-utf8": (b"{p}/\xc3\xa9", b"/%C3%A9"),
    "path-not-utf8": (b"{p}/%ff\xfe%C3", b"/%FF%FE%C3"),
    "path-broken-escape": (b"{p}/%zz", 400),
    "path-short-escape": (b"{p}/a%4", 400),
    "path-percent-u": (b"{p}/%u002e", 400),
    "path-every-byte-grows": (b"{p}/" + b"%22" * 1000, b"/" + b"%22" * 1000),
    # segments
    "dots-one": (b"{p}/./a/./b/.", b"/a/b/"),
    "dots-two": (b"{p}/a/../b/c/..", b"/b/"),
    "dots-escaped": (b"{p}/a/%2e%2E/b/.%2e/%2e/c", b"/c"),
    "dots-three": (b"{p}/a/.../..b/c..", b"/a/.../..b/c.."),
    "dots-with-parameter": (b"{p}/a/..;/b/.;x", b"/a/..;/b/.;x"),
    "dots-backslash": (b"{p}/a/..\\b", b"/a/..%5Cb"),
    "dots-backslash-out-of-the-prefix": (b"{p}/a/..\\..\\b", 400),
    "dots-parameter-out-of-the-prefix": (b"{p}/..;x/b", 400),
    "dots-escaped-parameter-out-of-the-prefix": (b"{p}/a/%2e%2e%3b/..;/b", 400),
    "dots-and-back": (b"{p}/..{p}/a", b"/a"),
    "dots-out-of-the-prefix": (b"{p}/../a", 404),
    "dots-above-the-root": (b"{p}/../../a", 400),
    "slashes": (b"{p}//a///b//", b"/a/b/"),
    "slashes-escaped": (b"{p}/%2f%2Fa%2f/b", b"/a/b"),
    # other forms of the target
    "absolute": (b"http://any{p}/a?b", b"/a?b"),
    "absolute-upper-case": (b"HTTP://ANY{p}/a", b"/a"),
    "absolute-with-port": (b"http://any:8080{p}", b"/"),
    "absolute-https": (b"https://any{p}/a", b"/a"),
    "absolute-v6": (b"http://[::1]:80{p}/a", b"/a"),
    "absolute-dots": (b"http://any/x/..{p}/../..{p}", 400),
    "absolute-with-user": (b"http://user:pass@any{p}/a", 400),
    "absolute-no-path": (b"http://any", 404),
    "absolute-query-alone": (b"http://any?{p}", 404),
    "absolute-bad-host": (b"http://a b{p}/a", 400),
    "absolute-fragment": (b"http://any{p}/a#b", 400),
    "network-path": (b"//any{p}/a", 404),
    "asterisk": (b"*", 400),
    "no-slash": (b"open/a", 400),
    "authority": (b"any:80", 400),
}

# Header lines as sent; those that the backend gets. {user} is the header that a policy adds.
FIELDS = {
    "none": ([], []),
    "case-and-order": ([b"X-B: 1", b"x-a: 2", b"X-B: 3", b"ACCEPT: */*"], [b"X-B: 1", b"x-a: 2", b"X-B: 3", b"ACCEPT: */*"]),
    "repeated": ([b"Cookie: a=b", b"Cookie: c=d", b"Accept: a", b"Accept: b", b"X-Forwarded-For: 1", b"X-Forwarded-For: 2"],
                 [b"Cookie: a=b", b"Cookie: c=d", b"Accept: a", b"Accept: b", b"X-Forwarded-For: 1", b"X-Forwarded-For: 2"]),
    "blanks": ([b"X-A:1", b"X-B:   two  words   "], [b"X-A: 1", b"X-B: two  words"]),
    "empty-value": ([b"X-A:", b"X-B: "], [b"X-A: ", b"X-B: "]),
    "high-bytes": ([b"X-A: \xc3\xa9\xff"], [b"X-A: \xc3\xa9\xff"]),
    "underscore": ([b"X_A: 1", b"X-A: 2"], [b"X-A: 2"]),
    "name-with-signs": ([b"X.A: 1", b"X!A: 2"], []),
    "ours": ([b"X-Request-Id: mine", b"x-request-id: mine", b"Host-X: a"], [b"Host-X: a"]),
    "hop-by-hop": ([b"TE: trailers", b"Keep-Alive: 3", b"Proxy-Connection: keep-alive", b"Connection: close"], []),
    "httpoxy": ([b"Proxy: http://evil", b"proxy: http://evil"], []),
    "h2c": ([b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"], []),
    "upgrade-unknown": ([b"Connection: upgrade", b"Upgrade: example/1"], []),
    "connection-names": ([b"Connection: X-A, x-b", b"X-A: 1", b"X-B: 2", b"X-C: 3"], [b"X-C: 3"]),
    "connection-names-twice": ([b"X-A: 1", b"Connection: x-a", b"X-B: 2", b"connection: close,X-B", b"X-C: 3"], [b"X-C: 3"]),
    "connection-names-ours": ([b"Connection: Host, X-Request-Id, Content-Length, Transfer-Encoding", b"X-C: 3"], [b"X-C: 3"]),
    "line-feeds-alone": ([b"X-A: 1\nX-B: 2"], [b"X-A: 1", b"X-B: 2"]),
    "identity": ([b"X-Authenticated-UserId: admin", b"X-Authenticated-UserRoles: root"], []),
    "identity-case": ([b"x-authenticated-userid: admin", b"X-AUTHENTICATED-USERROLES: root", b"X-aUTHENTICATED-uSERiD: admin"], []),
    "identity-underscore": ([b"X_Authenticated_UserId: admin", b"X-Authenticated_UserId: admin", b"X_AUTHENTICATED_USERROLES: root"], []),
    "identity-repeated": ([b"X-Authenticated-UserId: a", b"X-A: 1", b"X-Authenticated-UserId: b", b"X-Authenticated-UserId: c"],
                          [b"X-A: 1"]),
    "identity-family": ([b"X-Authenticated-Anything: admin", b"X-Authenticated-: admin"], []),
    "identity-without-colon": ([b"X-Authenticated-UserId"], []),
    "identity-many": ([b"X-Authenticated-UserId: %d" % i for i in range(60)] + [b"X-A: 1"], [b"X-A: 1"]),
    "identity-in-connection": ([b"Connection: X-Authenticated-UserId, X-Authenticated-UserRoles", b"X-Authenticated-UserId: admin"], []),
    "identity-in-connection-twice": ([b"Connection: x-authenticated-userid", b"Connection: X-AUTHENTICATED-USERID, close", b"X-A: 1"],
                                     [b"X-A: 1"]),
    "identity-among-many": ([b"X-%d: %d" % (i, i) for i in range(50)] + [b"X-Authenticated-UserId: admin", b"X-Last: 1"],
                            [b"X-%d: %d" % (i, i) for i in range(50)] + [b"X-Last: 1"]),
    "identity-folded": ([b"X-A: 1\r\n X-Authenticated-UserId: admin"], 400),
    "bare-carriage-return": ([b"X-A: 1\rX-Authenticated-UserId: admin"], 400),
    "value-nul": ([b"X-A: a\x00b"], 400),
    "name-nul": ([b"X-\x00A: a"], 400),
    "blank-before-colon": ([b"X-A : 1"], 400),
    "blank-before-name": ([b" X-A: 1"], 400),
    "blank-in-name": ([b"X A: 1"], 400),
    "no-name": ([b": 1"], 400),
    "too-large": ([b"X-A: " + b"a" * 17000], 400),
}

# Header lines and body as sent; the body that the backend gets.
FRAMING = {
    "length": ([b"Content-Length: 3"], b"abc", b"abc"),
    "length-zero": ([b"Content-Length: 0"], b"", b""),
    "chunked": ([b"Transfer-Encoding: chunked"], b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", b"abcd"),
    "chunked-case": ([b"Transfer-Encoding: CHUNKED"], b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
    "chunked-extension": ([b"Transfer-Encoding: chunked"], b"3;a=b\r\nabc\r\n0;c\r\n\r\n", b"abc"),
    "chunked-trailers": ([b"Transfer-Encoding: chunked"], b"3\r\nabc\r\n0\r\nX-Authenticated-UserId: admin\r\n\r\n", b"abc"),
    "chunked-contains-request": ([b"Transfer-Encoding: chunked"], b"19\r\nGET /x HTTP/1.1\r\nA: b\r\n\r\n\r\n0\r\n\r\n", b"GET /x HTTP/1.1\r\nA: b\r\n\r\n"),
    "length-named-in-connection": ([b"Connection: Content-Length", b"Content-Length: 3"], b"abc", b"abc"),
    "length-covers-request": ([b"Content-Length: 23"], b"GET / HTTP/1.1\r\nA: b\r\n\r", b"GET / HTTP/1.1\r\nA: b\r\n\r"),
    "te-underscore-and-length": ([b"Transfer_Encoding: chunked", b"Content-Length: 5"], b"0\r\n\r\n", b"0\r\n\r\n"),
    "te-and-length": ([b"Transfer-Encoding: chunked", b"Content-Length: 3"], b"0\r\n\r\n", 400),
    "length-and-te": ([b"Content-Length: 5", b"Transfer-Encoding: chunked"], b"0\r\n\r\n", 400),
    "te-twice": ([b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"], b"0\r\n\r\n", 400),
    "te-chunked-and-identity": ([b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"], b"0\r\n\r\n", 400),
    "te-list": ([b"Transfer-Encoding: gzip, chunked"], b"0\r\n\r\n", 501),
    "te-chunked-twice-in-list": ([b"Transfer-Encoding: chunked, chunked"], b"0\r\n\r\n", 501),
    "te-identity": ([b"Transfer-Encoding: identity"], b"", 501),
    "te-unknown": ([b"Transfer-Encoding: xchunked", b"Content-Length: 5"], b"0\r\n\r\n", 501),
    "te-tab": ([b"Transfer-Encoding:\tchunked"], b"0\r\n\r\n", 501),
    "te-vertical-tab": ([b"Transfer-Encoding: \x0bchunked"], b"0\r\n\r\n", 501),
    "te-quoted": ([b"Transfer-Encoding: \"chunked\""], b"0\r\n\r\n", 501),
    "te-blank-before-colon": ([b"Transfer-Encoding : chunked"], b"0\r\n\r\n", 400),
    "te-folded": ([b"Transfer-Encoding:\r\n chunked"], b"0\r\n\r\n", 400),
    "te-folded-line-feed": ([b"Transfer-Encoding:\n chunked"], b"0\r\n\r\n", 400),
    "length-twice": ([b"Content-Length: 3", b"Content-Length: 3"], b"abc", 400),
    "length-twice-different": ([b"Content-Length: 3", b"Content-Length: 0"], b"abc", 400),
    "length-list": ([b"Content-Length: 3, 3"], b"abc", 400),
    "length-plus": ([b"Content-Length: +3"], b"abc", 400),
    "length-minus": ([b"Content-Length: -3"], b"abc", 400),
    "length-hex": ([b"Content-Length: 0x3"], b"abc", 400),
    "length-blank-inside": ([b"Content-Length: 3 3"], b"abc", 400),
    "length-empty": ([b"Content-Length:"], b"", 400),
    "length-huge": ([b"Content-Length: 99999999999999999999"], b"abc", 400),
    "chunk-size-signed": ([b"Transfer-Encoding: chunked"], b"+3\r\nabc\r\n0\r\n\r\n", 400),
    "chunk-size-prefixed": ([b"Transfer-Encoding: chunked"], b"0x3\r\nabc\r\n0\r\n\r\n", 400),
    "chunk-size-huge": ([b"Transfer-Encoding: chunked"], b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n", 400),
    "chunk-size-empty": ([b"Transfer-Encoding: chunked"], b"\r\nabc\r\n0\r\n\r\n", 400),
    "chunk-too-short": ([b"Transfer-Encoding: chunked"], b"2\r\nabc\r\n0\r\n\r\n", 400),
}
HOSTS = {
    "plain": (b"Host: gateway", 200),
    "port": (b"Host: gateway:8080", 200),
    "v4": (b"Host: 127.0.0.1:80", 200),
    "v6": (b"Host: [::1]:80", 200),
    "case": (b"hOST: GateWay", 200),
    "missing": (b"X-A: 1", 400),
    "empty": (b"Host:", 400),
    "twice": (b"Host: gateway\r\nHost: gateway", 400),
    "twice-different": (b"Host: gateway\r\nHost: other", 400),
    "path": (b"Host: gateway/x", 400),
    "blank": (b"Host: gate way", 400),
    "comma": (b"Host: gateway, other", 400),
    "user": (b"Host: user@gateway", 400),
    "question-mark": (b"Host: gateway?x", 400),
    "hash": (b"Host: gateway#x", 400),
    "nul": (b"Host: gate\x00way", 400),
    "tab": (b"Host: gate\tway", 400),
    "high": (b"Host: g\xc3\xa9", 400),
    "dots": (b"Host: a..b", 400),
    "port-word": (b"Host: gateway:http", 400),
    "port-large": (b"Host: gateway:65536", 400),
    "v6-open": (b"Host: [::1", 400),
    "before-colon": (b"Host : gateway", 400),
    "folded": (b"Host:\r\n gateway", 400),
}

METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"PROPFIND", b"PURGE", b"M-SEARCH", b"X_Y"]
METHODS_REFUSED = {b"TRACE": 405, b"CONNECT": 405, b"get": 400, b"G<T": 400, b"GE\tT": 400}

VERSIONS = {b"HTTP/1.0": 200, b"HTTP/1.1": 200, b"HTTP/1.2": 200, b"HTTP/2.0": 505, b"HTTP/0.9": 400, b"HTTP/1": 400, b"http/1.1": 400,
            b"HTTP/1.1x": 400, b"HTTP/01.1": 400, b"HTTP/1.1 ": 200}

OPEN, JWT, OPAQUE, NO_TOKEN = MODES = ("open", "jwt", "opaque", "no-token")


class World:
    """One gateway with the same backend behind an open, a JWT and an opaque proxy."""

    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.host = b"127.0.0.1:%d" % self.backend.port
        self.key = {OPEN: None}
        planes.proxy("open", self.backend.url)
        self.key[JWT] = planes.proxy("jwt-api", self.backend.url, policy="jwt", addUserToHeader=True)
        self.key[OPAQUE] = planes.proxy("opq-api", self.backend.url, policy="opaque", addUserToHeader=True)
        self.prefix = {OPEN: b"/open", JWT: b"/jwt-api", OPAQUE: b"/opq-api", NO_TOKEN: b"/jwt-api"}
        self.token = {mode: planes.token(self.key[mode]).encode() for mode in (JWT, OPAQUE)}

    def fill(self, mode, data):
        prefix = self.prefix[mode]
        return data.replace(b"{p}", prefix).replace(b"{e}", b"/" + b"".join(b"%%%02x" % c for c in prefix[1:]))

    def authorization(self, mode):
        return [b"Authorization: Bearer " + self.token[mode]] if mode in self.token else []

    def user(self, mode):
        return [b"X-Authenticated-UserId: " + self.key[mode][0].encode()] if mode in self.token else []

    def send(self, mode, target, fields=(), method=b"GET", version=b"HTTP/1.1", host=b"Host: gateway", body=b""):
        """Sends one request and then one that must come through as it is; the answer, and what the backend got of the first."""
        seen = len(self.backend.requests)
        lines = [method + b" " + self.fill(mode, target) + b" " + version, host] + self.authorization(mode) + list(fields)
        reply = raw(self.planes.gateway_port, b"\r\n".join(lines) + b"\r\n\r\n" + body, head_only=method == b"HEAD")
        assert raw(self.planes.gateway_port, b"GET /open/sentinel HTTP/1.1\r\nHost: gateway\r\n\r\n").status == 200
        got = self.backend.requests[seen:]
        assert got[-1][0].startswith(b"GET /sentinel HTTP/1.1\r\n") and b"sentinel" not in b"".join(h for h, _ in got[:-1]), got
        return reply, got[:-1]

    def check_refused(self, reply, got, status):
        assert got == []
        assert reply.status == status
        assert set(json.loads(reply.body)) == {"error", "error_description"}
        assert reply.get("Content-Type") == [b"application/json"]
        assert reply.get("Cache-Control") == [b"no-store"]

    def check_head(self, mode, head, line, fields=(), length=None):
        """The whole head: the line, our own Host and X-Request-Id, then the client's fields, then the user."""
        match = re.match(rb"(?s)(.*\r\nX-Request-Id: )[0-9a-f]{32}($|\r\n.*)", head)
        assert match, head
        framing = [b"Content-Length: %d" % length] if length is not None else []
        want = [line, b"Host: " + self.host, b"X-Request-Id: ID"] + framing + self.authorization(mode) + list(fields) + self.user(mode)
        assert (match[1] + b"ID" + match[2]).split(b"\r\n") == want

    def check(self, mode, reply, got, target, fields=(), method=b"GET", length=None, body=b""):
        if mode == NO_TOKEN:
            assert got == [] and reply.status == 401, (got, reply.raw_head)
            assert reply.get("WWW-Authenticate") == [b"Bearer"]
            return
        assert reply.status == 200, (reply.raw_head, reply.body)
        assert len(got) == 1, got
        self.check_head(mode, got[0][0], method + b" " + self.fill(mode, target) + b" HTTP/1.1", fields, length)
        assert got[0][1] == body


@pytest.fixture(scope="module")
def world():
    with Planes(workers=1) as planes:
        w = World(planes)
        yield w
        w.backend.close()


def cases(table):
    return pytest.mark.parametrize("case", list(table))


every_mode = pytest.mark.parametrize("mode", MODES)


@every_mode
@cases(TARGETS)
def test_target(world, mode, case):
    sent, want = TARGETS[case]
    reply, got = world.send(mode, sent)
    if isinstance(want, int):
        world.check_refused(reply, got, want)
    else:
        world.check(mode, reply, got, want)


@every_mode
@cases(FIELDS)
def test_fields(world, mode, case):
    sent, want = FIELDS[case]
    reply, got = world.send(mode, b"{p}/a", sent)
    if isinstance(want, int):
        world.check_refused(reply, got, want)
    else:
        world.check(mode, reply, got, b"/a", want)


def unchunk(data):
    """The body and nothing else: our own gateway must frame it without extensions and trailers."""
    body = b""
    while True:
        size, data = data.split(b"\r\n", 1)
        n = int(size, 16)
        chunk, end, data = data[:n], data[n:n + 2], data[n + 2:]
        assert len(chunk) == n and end == b"\r\n"
        if n == 0:
            assert data == b""
            return body
        body += chunk


@every_mode
@cases(FRAMING)
def test_framing(world, mode, case):
    fields, sent, want = FRAMING[case]
    reply, got = world.send(mode, b"{p}/a", fields, method=b"POST", body=sent)
    if isinstance(want, int):
        world.check_refused(reply, got, 401 if mode == NO_TOKEN and reply.status == 401 else want)
        return
    if got and b"\r\nTransfer-Encoding: chunked" in got[0][0]:  # the body came in more than one piece
        head = got[0][0].replace(b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(want))
        got = [(head, unchunk(got[0][1]))]
    world.check(mode, reply, got, b"/a", [], b"POST", len(want), want)


@every_mode
@cases(HOSTS)
def test_host(world, mode, case):
    sent, want = HOSTS[case]
    reply, got = world.send(mode, b"{p}/a", host=sent)
    if want == 200:
        world.check(mode, reply, got, b"/a")
    else:
        world.check_refused(reply, got, want)


@every_mode
@pytest.mark.parametrize("method", METHODS + list(METHODS_REFUSED), ids=lambda m: m.decode())
def test_method(world, mode, method):
    reply, got = world.send(mode, b"{p}/a", method=method)
    if method in METHODS_REFUSED:
        world.check_refused(reply, got, METHODS_REFUSED[method])
    else:
        world.check(mode, reply, got, b"/a", method=method)


@every_mode
@pytest.mark.parametrize("version", list(VERSIONS), ids=lambda v: v.decode())
def test_version(world, mode, version):
    reply, got = world.send(mode, b"{p}/a", version=version)
    if VERSIONS[version] == 200:
        world.check(mode, reply, got, b"/a")
    else:
        world.check_refused(reply, got, VERSIONS[version])


@every_mode
def test_http_1_0_without_host(world, mode):
    reply, got = world.send(mode, b"{p}/a?b", version=b"HTTP/1.0", host=b"X-A: 1")
    if mode == NO_TOKEN:
        assert got == [] and reply.status == 401
    else:
        assert reply.status == 200 and len(got) == 1
        lines = got[0][0].split(b"\r\n")
        assert lines[:2] == [b"GET /a?b HTTP/1.1", b"Host: " + world.host]


@pytest.mark.parametrize("mode", [OPEN, NO_TOKEN])
def test_http_0_9(world, mode):
    """A request of one line and no header, so no token either."""
    seen = len(world.backend.requests)
    with socket.create_connection(("127.0.0.1", world.planes.gateway_port), timeout=10) as s:
        s.sendall(b"GET " + world.fill(mode, b"{p}/old") + b"\r\n")
        answer = b""
        while more := s.recv(65536):
            answer += more
    got = [head.split(b"\r\n")[0] for head, _ in world.backend.requests[seen:]]
    if mode == OPEN:
        assert (answer, got) == (b"ok", [b"GET /old HTTP/1.1"])
    else:
        assert json.loads(answer)["error"] == "unauthorized" and got == []


@every_mode
@pytest.mark.parametrize("chunked", [False, True])
def test_large_body(world, mode, chunked):
    body = bytes(range(256)) * 4096
    if chunked:
        framing = b"Transfer-Encoding: chunked"
        sent = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 70000]), body[i:i + 70000]) for i in range(0, len(body), 70000)) + b"0\r\n\r\n"
    else:
        framing, sent = b"Content-Length: %d" % len(body), body
    try:
        reply, got = world.send(mode, b"{p}/big", [framing], method=b"PUT", body=sent)
    except (ConnectionResetError, BrokenPipeError):
        assert mode == NO_TOKEN  # refused before the body was read
        return
    if mode == NO_TOKEN:
        world.check(mode, reply, got, b"/big")
        return
    assert reply.status == 200 and len(got) == 1
    assert (unchunk(got[0][1]) if chunked else got[0][1]) == body


def test_expect_continue(world):
    seen = len(world.backend.requests)
    with socket.create_connection(("127.0.0.1", world.planes.gateway_port), timeout=10) as s:
        s.sendall(b"POST /open/a HTTP/1.1\r\nHost: gateway\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert read_reply(s).status == 100
        s.sendall(b"abc")
        assert read_reply(s).status == 200
    (head, body), = world.backend.requests[seen:]
    assert body == b"abc"
    world.check_head(OPEN, head, b"POST /a HTTP/1.1", length=3)


def test_pipelined_requests_are_decided_one_by_one(world):
    """A good token on the first request of a connection says nothing of the second."""
    seen = len(world.backend.requests)
    one = b"GET %s HTTP/1.1\r\nHost: gateway\r\n%s\r\n"
    good = b"Authorization: Bearer " + world.token[JWT] + b"\r\n"
    with socket.create_connection(("127.0.0.1", world.planes.gateway_port), timeout=10) as s:
        s.sendall(one % (b"/jwt-api/1", good) + one % (b"/jwt-api/2", b"") + one % (b"/jwt-api/3", good) + one % (b"/opq-api/4", good))
        data = b""
        s.settimeout(10)
        while data.count(b"HTTP/1.1 ") < 4 or not data.endswith(b"}"):
            data += s.recv(65536)
    assert re.findall(rb"HTTP/1.1 (\d+)", data) == [b"200", b"401", b"200", b"401"]
    assert [head.split(b"\r\n")[0] for head, _ in world.backend.requests[seen:]] == [b"GET /1 HTTP/1.1", b"GET /3 HTTP/1.1"]


def test_a_smuggled_second_request_stays_a_body(world):
    """The bytes behind a request that is refused for its framing are never read as a request."""
    seen = len(world.backend.requests)
    smuggled = b"GET /open/smuggled HTTP/1.1\r\nHost: gateway\r\n\r\n"
    for framing in (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5",
                    b"Content-Length: 5\r\nContent-Length: %d" % (5 + len(smuggled)), b"Transfer-Encoding : chunked", b"Transfer-Encoding: x"):
        with socket.create_connection(("127.0.0.1", world.planes.gateway_port), timeout=10) as s:
            s.sendall(b"POST /open/a HTTP/1.1\r\nHost: gateway\r\n" + framing + b"\r\n\r\n0\r\n\r\n" + smuggled)
            assert read_reply(s).status in (400, 501)
            assert s.recv(65536) == b""  # closed
    assert world.backend.requests[seen:] == []


# ---- routes ----

def route_proxy(planes, name, address, strip=None, **route):
    planes.project()
    if strip is not None:
        route["stripPath"] = strip
    planes.manage("POST", "/projects/shop/apiProxies/url/", {
        "apiProxyName": name, "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": route,
        "routingInfo": {"routingAddressList": [{"address": address}]}})
    planes.deploy(name)


# strip the prefix?, base path of the address: what the backend is asked for {p}, {p}/, {p}/a, {p}/a/?b, {p}//%41
JOINS = {
    "strip": (True, "", [b"/", b"/", b"/a", b"/a/?b", b"/A"]),
    "strip-base-slash": (True, "/", [b"/", b"/", b"/a", b"/a/?b", b"/A"]),
    "strip-base": (True, "/base", [b"/base/", b"/base/", b"/base/a", b"/base/a/?b", b"/base/A"]),
    "strip-base-trailing": (True, "/base/v1/", [b"/base/v1/", b"/base/v1/", b"/base/v1/a", b"/base/v1/a/?b", b"/base/v1/A"]),
    "strip-base-escaped": (True, "/b%20c", [b"/b%20c/", b"/b%20c/", b"/b%20c/a", b"/b%20c/a/?b", b"/b%20c/A"]),
    "keep": (False, "", [b"{p}", b"{p}/", b"{p}/a", b"{p}/a/?b", b"{p}/A"]),
    "keep-base": (False, "/base", [b"/base{p}", b"/base{p}/", b"/base{p}/a", b"/base{p}/a/?b", b"/base{p}/A"]),
}


@cases(JOINS)
def test_prefix_and_base_path(world, case):
    strip, base, want = JOINS[case]
    prefix = b"/join-" + case.encode()
    route_proxy(world.planes, "join-" + case, world.backend.url + base, strip, relativePathList=[prefix.decode()])
    for sent, expected in zip([b"{p}", b"{p}/", b"{p}/a", b"{p}/a/?b", b"{p}//%41"], want):
        request = b"GET " + sent.replace(b"{p}", prefix) + b" HTTP/1.1\r\nHost: gateway\r\n\r\n"
        assert raw(world.planes.gateway_port, request).status == 200
        assert world.backend.line == b"GET " + expected.replace(b"{p}", prefix) + b" HTTP/1.1"


def test_longest_prefix_at_a_segment_boundary(world):
    for name, path in (("long-1", "/seg"), ("long-2", "/seg/ment"), ("long-3", "/seg ment/\u00e9")):
        route_proxy(world.planes, name, f"{world.backend.url}/{name}", relativePathList=[path])
    for target, want in ((b"/seg/a", b"/long-1/a"), (b"/seg/ment", b"/long-2/"), (b"/seg/ment/a", b"/long-2/a"),
                         (b"/seg/mental", b"/long-1/mental"), (b"/seg%20ment/%c3%A9/a", b"/long-3/a"), (b"/seg/ment/../a", b"/long-1/a"),
                         (b"/seg/x/../ment/a", b"/long-2/a"), (b"/seg%2fment/a", b"/long-2/a"), (b"/s%65g//ment/a", b"/long-2/a")):
        assert raw(world.planes.gateway_port, b"GET " + target + b" HTTP/1.1\r\nHost: gateway\r\n\r\n").status == 200
        assert world.backend.line == b"GET " + want + b" HTTP/1.1", target


def test_hosts(world):
    for name, hosts in (("host-exact", ["one.example"]), ("host-front", ["*.example"]), ("host-back", ["one.*"]), ("host-none", [])):
        route = {"relativePathList": ["/hosts"]}
        if hosts:
            route["hostList"] = hosts
        route_proxy(world.planes, name, f"{world.backend.url}/{name}", **route)
    for host, want in ((b"one.example", b"host-exact"), (b"ONE.Example:8080", b"host-exact"), (b"two.example", b"host-front"),
                       (b"one.test", b"host-back"), (b"a.two.example", b"host-none"), (b"example", b"host-none"), (b"[::1]", b"host-none")):
        assert raw(world.planes.gateway_port, b"GET /hosts/a HTTP/1.1\r\nHost: " + host + b"\r\n\r\n").status == 200
        assert world.backend.line == b"GET /" + want + b"/a HTTP/1.1", host
        # the authority of an absolute target counts, not the Host beside it (RFC 9112 3.2.2)
        assert raw(world.planes.gateway_port, b"GET http://" + host + b"/hosts/a HTTP/1.1\r\nHost: one.example\r\n\r\n").status == 200
        assert world.backend.line == b"GET /" + want + b"/a HTTP/1.1", host


def test_methods_of_a_route(world):
    route_proxy(world.planes, "only-get", world.backend.url + "/get", relativePathList=["/some"], methodList=["GET"])
    assert raw(world.planes.gateway_port, b"GET /some/a HTTP/1.1\r\nHost: gateway\r\n\r\n").status == 200
    seen = len(world.backend.requests)
    for method in (b"POST", b"DELETE", b"OPTIONS"):
        assert raw(world.planes.gateway_port, method + b" /some/a HTTP/1.1\r\nHost: gateway\r\n\r\n").status == 404
    assert len(world.backend.requests) == seen


# ---- HTTP/2 ----

H2_FIELDS = {
    "plain": ([], []),
    "order-and-repeats": ([(b"x-b", b"1"), (b"x-a", b"2"), (b"x-b", b"3")], [b"x-b: 1", b"x-a: 2", b"x-b: 3"]),
    "cookies-are-joined": ([(b"cookie", b"a=b"), (b"x-a", b"1"), (b"cookie", b"c=d")], [b"x-a: 1", b"cookie: a=b; c=d"]),
    "underscore": ([(b"x_a", b"1")], []),
    "identity": ([(b"x-authenticated-userid", b"admin"), (b"x-authenticated-userroles", b"root"), (b"x_authenticated_userid", b"admin")], []),
    "identity-repeated": ([(b"x-authenticated-userid", b"a"), (b"x-a", b"1"), (b"x-authenticated-userid", b"b")], [b"x-a: 1"]),
    "connection-names-identity": ([(b"connection", b"x-authenticated-userid"), (b"x-a", b"1")], [b"x-a: 1"]),
    "te": ([(b"te", b"trailers")], []),
    "line-in-value": ([(b"x-a", b"1\r\nX-Authenticated-UserId: admin")], None),
    "line-feed-in-value": ([(b"x-a", b"1\nX-Authenticated-UserId: admin")], None),
    "nul-in-value": ([(b"x-a", b"a\x00b")], None),
    "line-in-name": ([(b"x-a: 1\r\nx-authenticated-userid", b"admin")], None),
    "colon-in-name": ([(b"x-authenticated-userid:", b"admin")], None),
    "upper-case-name": ([(b"X-Authenticated-UserId", b"admin")], None),
    "connection-specific": ([(b"transfer-encoding", b"chunked"), (b"keep-alive", b"3"), (b"proxy-connection", b"close"), (b"upgrade", b"h2c")], []),
    "host-beside-authority": ([(b"host", b"other")], None),
    "request-id": ([(b"x-request-id", b"mine")], []),
}

H2_TARGETS = ["prefix-alone", "prefix-path", "prefix-escaped", "query", "query-empty", "query-crlf", "query-plus", "query-fragment",
              "query-raw-space", "query-raw-control", "query-very-long", "path-crlf", "path-nul", "path-raw-nul", "path-raw-space", "path-slash",
              "path-utf8", "path-raw-utf8", "path-percent", "path-fragment", "path-other-signs", "path-broken-escape", "dots-escaped",
              "dots-above-the-root", "slashes", "network-path", "no-slash", "asterisk"]


@pytest.fixture(scope="module")
def world2(tmp_path_factory):
    home = tmp_path_factory.mktemp("tls")
    for directory in (home, *home.parents[:2]):
        directory.chmod(0o755)
    crt, key = home / "tls.crt", home / "tls.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=gateway", "-addext", "subjectAltName=DNS:gateway,IP:127.0.0.1", "-keyout", str(key), "-out", str(crt)],
                   check=True, capture_output=True)
    with Planes(workers=1, options=["--tls-certificate", str(crt), "--tls-key", str(key)]) as planes:
        w = World(planes)
        w.client = H2Client(planes.gateway_port, str(crt))
        yield w
        w.client.close()
        w.backend.close()


def send2(world, mode, target, fields=(), method=b"GET", body=b"", authority=b"gateway"):
    """As World.send, over HTTP/2. A connection that the gateway ends for it is an answer, and a new one is opened."""
    seen = len(world.backend.requests)
    headers = [(b":method", method), (b":scheme", b"https"), (b":path", world.fill(mode, target))]
    headers += [(b":authority", authority)] if authority is not None else []
    headers += [(b"authorization", b"Bearer " + world.token[mode])] if mode in world.token else []
    reply = world.client.request(headers + list(fields), body)
    sentinel = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/open/sentinel"), (b":authority", b"gateway")]
    assert world.client.request(sentinel).status == 200
    got = world.backend.requests[seen:]
    assert got[-1][0].startswith(b"GET /sentinel HTTP/1.1\r\n") and b"sentinel" not in b"".join(h for h, _ in got[:-1]), got
    return reply, got[:-1]


def check2(world, mode, reply, got, target, fields=(), **kwargs):
    """The client's names come in lower case."""
    if mode in world.token:
        head, body = got[0]
        got = [(head.replace(b"\r\nauthorization: ", b"\r\nAuthorization: ", 1), body)]
    world.check(mode, reply, got, target, fields, **kwargs)


@every_mode
@pytest.mark.parametrize("case", H2_TARGETS)
def test_h2_target(world2, mode, case):
    sent, want = TARGETS[case]
    reply, got = send2(world2, mode, sent)
    if isinstance(want, int):
        assert got == [] and reply.status in (want, None), (reply.status, got)  # None: the stream or the connection was ended
    else:
        check2(world2, mode, reply, got, want)


@every_mode
@cases(H2_FIELDS)
def test_h2_fields(world2, mode, case):
    sent, want = H2_FIELDS[case]
    reply, got = send2(world2, mode, b"{p}/a", sent)
    if want is None:
        assert got == [] and reply.status in (400, 401, None), (reply.status, got)
    else:
        check2(world2, mode, reply, got, b"/a", want, length=0 if case == "connection-specific" else None)  # a length that nginx made up


@every_mode
@pytest.mark.parametrize("authority", [b"", b"a b", b"a/b", b"a,b", b"a@b", b"a:x", b"a\x00b", b"a\r\nX-A: 1", None], ids=repr)
def test_h2_authority(world2, mode, authority):
    reply, got = send2(world2, mode, b"{p}/a", authority=authority)
    assert got == [] and reply.status in (400, None), (reply.status, got)


@every_mode
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"OPTIONS", b"PATCH", b"DELETE", b"M-SEARCH"], ids=lambda m: m.decode())
def test_h2_method(world2, mode, method):
    reply, got = send2(world2, mode, b"{p}/a", method=method)
    check2(world2, mode, reply, got, b"/a", method=method)


@every_mode
@pytest.mark.parametrize("method", [b"get", b"CONNECT", b"TRACE", b"GET /open/x HTTP/1.1\r\nA:", b"G T", b""], ids=repr)
def test_h2_method_refused(world2, mode, method):
    reply, got = send2(world2, mode, b"{p}/a", method=method)
    assert got == [] and reply.status in (400, 405, None), (reply.status, got)


@every_mode
def test_h2_body(world2, mode):
    body = bytes(range(256)) * 256
    for fields in ([(b"content-length", b"%d" % len(body))], []):
        reply, got = send2(world2, mode, b"{p}/a", fields, b"POST", body)
        if mode == NO_TOKEN:
            assert reply.status == 401 and got == []
            continue
        head, received = got[0]
        assert reply.status == 200 and (unchunk(received) if b"Transfer-Encoding: chunked" in head else received) == body


@every_mode
@pytest.mark.parametrize("length", [b"1", b"5", b"-1", b"3, 3"], ids=repr)
def test_h2_content_length_that_lies(world2, mode, length):
    reply, got = send2(world2, mode, b"{p}/a", [(b"content-length", length)], b"POST", b"abc")
    assert reply.status in (400, 401, None), reply.status
    assert all(b"abc" != body for _, body in got)


def test_h2_client_without_a_token_among_those_with_one(world2):
    """Streams of one connection are decided one by one."""
    good, bad = [], []
    for i in range(5):
        good.append(send2(world2, JWT, b"{p}/%d" % i)[0].status)
        bad.append(send2(world2, NO_TOKEN, b"{p}/%d" % i)[0].status)
    assert good == [200] * 5 and bad == [401] * 5


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize("mode", [JWT, OPAQUE])
def test_h2_token_request(world2, mode, with_length):
    """The body in one frame and in many."""
    form = b"grant_type=client_credentials&client_id=%s&client_secret=%s&x=" % tuple(s.encode() for s in world2.key[mode])
    for body in (form, form + b"a" * 40000):
        headers = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/auth/token"), (b":authority", b"gateway"),
                   (b"content-type", b"application/x-www-form-urlencoded")] + [(b"content-length", b"%d" % len(body))] * with_length
        reply = world2.client.request(headers, body)
        assert reply.status == 200, reply.body
        assert json.loads(reply.body)["token_type"] == "Bearer"
        assert reply.get("cache-control") == [b"no-store"] and reply.get("pragma") == [b"no-cache"]
    reply = world2.client.request(headers[:5], form + b"a" * 70000)
    assert reply.status == 413 and json.loads(reply.body)["error"] == "invalid_request"
