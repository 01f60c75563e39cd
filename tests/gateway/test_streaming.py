"""Bytes pass through as they come, in any amount, without being gathered in memory or on disk."""

import asyncio
import hashlib
import os
import socket
import threading
import time

import pytest
import websockets

from h2client import H2Client
from harness import SLOW, read_reply, wait_for
from tools import Authority, Client, request_bytes

MEGABYTE = 1 << 20
LARGE = 200 * MEGABYTE
BLOCK = bytes(range(256)) * 4096  # a megabyte that is not the same everywhere


class Server:
    """A backend by hand: serve(conn, head, rest) for each connection, in a thread of its own."""

    def __init__(self, serve):
        self.serve = serve
        self.error = None
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(conn,), daemon=True).start()

    def _one(self, conn):
        data = b""
        with conn:
            conn.settimeout(30 * SLOW)
            try:
                while b"\r\n\r\n" not in data:
                    more = conn.recv(65536)
                    if not more:
                        return
                    data += more
                head, rest = data.split(b"\r\n\r\n", 1)
                self.serve(conn, head, rest)
            except Exception as e:  # noqa: B902 - for the test to see
                self.error = e

    def close(self):
        self.socket.close()


@pytest.fixture
def server():
    made = []

    def make(serve):
        made.append(Server(serve))
        return made[-1]

    yield make
    for s in made:
        s.close()


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def certificate(open_folder, authority):
    """The CA's, for clients."""
    path = os.path.join(open_folder, "streaming-ca.crt")
    with open(path, "w") as f:
        f.write(authority.pem)
    return path


@pytest.fixture(scope="module")
def secure(module_planes, open_folder, authority):
    pair = authority.issue(open_folder, "gateway")
    os.chmod(pair[1], 0o600)
    return module_planes(workers=1, options=["--tls-certificate", pair[0], "--tls-key", pair[1]])


@pytest.fixture(scope="module")
def plain(module_planes):
    return module_planes(workers=1)


def connect(planes):
    return socket.create_connection(("127.0.0.1", planes.gateway_port), timeout=30 * SLOW)


def memory_peak(planes):
    """Bytes that the only worker had in memory at most, the cache's zone apart."""
    with open(f"/proc/{planes.worker_pids()[0]}/smaps_rollup") as f:
        rollup = dict(line.split()[:2] for line in f if line.startswith(("Private_Dirty:", "Rss:")))
    return int(rollup["Private_Dirty:"]) * 1024


class MemoryWatch:
    """The largest private memory of the only worker while something runs, less what it had before."""

    def __init__(self, planes):
        self.planes = planes
        self.before = memory_peak(planes)
        self.most = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def _watch(self):
        while not self.stopping.is_set():
            self.most = max(self.most, memory_peak(self.planes) - self.before)
            time.sleep(0.02)

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        self.most = max(self.most, memory_peak(self.planes) - self.before)


BOUNDED = 16 * MEGABYTE * SLOW


# ---- WebSocket ----

@pytest.fixture(scope="module")
def echo():
    """ws://: says back what it hears; its port, and the headers of each handshake."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    info = {"headers": []}

    async def serve(ws):
        info["headers"].append(ws.request_headers)
        async for message in ws:
            if message == "bye":
                await ws.close(4321, "as you wish")
            await ws.send(message)

    async def run():
        info["server"] = await websockets.serve(serve, "127.0.0.1", 0, max_size=None, subprotocols=["chat"])
        info["url"] = "http://127.0.0.1:%d" % info["server"].sockets[0].getsockname()[1]
        ready.set()

    def main():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(run())
        loop.run_forever()

    thread = threading.Thread(target=main, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield info
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


def websocket(planes, path, scenario, token=None, **kwargs):
    async def run():
        headers = {"Authorization": "Bearer " + token} if token else {}
        async with websockets.connect(f"ws://127.0.0.1:{planes.gateway_port}{path}", extra_headers=headers, max_size=None, **kwargs) as ws:
            return await asyncio.wait_for(scenario(ws), 20 * SLOW)

    return asyncio.run(run())


async def converse(ws):
    for message in ("hello", "ünïcode", b"\0\1\2" * 1000, BLOCK, ""):
        await ws.send(message)
        assert await ws.recv() == message
    for i in range(50):
        await ws.send(str(i))
    assert [await ws.recv() for _ in range(50)] == [str(i) for i in range(50)]
    await asyncio.sleep(0.3)
    await ws.send("bye")
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await ws.recv()
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "as you wish")


def test_websocket_through_an_open_and_a_protected_proxy(plain, echo):
    plain.proxy("ws-open", echo["url"])
    websocket(plain, "/ws-open/chat?room=1", converse)
    key = plain.proxy("ws-jwt", echo["url"], policy="jwt", addUserToHeader=True)
    websocket(plain, "/ws-jwt/chat", converse, token=plain.token(key))
    assert echo["headers"][-1]["X-Authenticated-UserId"] == key[0]
    opaque = plain.proxy("ws-opaque", echo["url"], policy="opaque")
    websocket(plain, "/ws-opaque/chat", converse, token=plain.token(opaque))
    seen = len(echo["headers"])
    for token in (None, "bad", plain.token(key)):
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            websocket(plain, "/ws-opaque/chat", converse, token=token)
        assert refused.value.status_code == 401
    assert len(echo["headers"]) == seen


def test_websocket_subprotocol_and_backend_that_is_down(plain, echo):
    plain.proxy("ws-sub", echo["url"])

    async def subprotocol(ws):
        return ws.subprotocol

    assert websocket(plain, "/ws-sub/", subprotocol, subprotocols=["nonsense", "chat"]) == "chat"
    plain.proxy("ws-down", "http://127.0.0.1:1")
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        websocket(plain, "/ws-down/", subprotocol)
    assert refused.value.status_code == 502


# ---- answers ----

def test_server_sent_events_arrive_as_they_are_sent(plain, server):
    """The backend sends the next event only when the client has the one before."""
    received = [threading.Event() for _ in range(5)]

    def serve(conn, head, rest):
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for i, event in enumerate(received):
            conn.sendall(b"data: %d\n\n" % i)
            assert event.wait(5 * SLOW), "the event did not arrive"

    plain.proxy("events", server(serve).url)
    with connect(plain) as s:
        s.sendall(request_bytes("/events/x", headers="Accept: text/event-stream\r\n"))
        data = b""
        for i, event in enumerate(received):
            while b"data: %d\n\n" % i not in data:
                more = s.recv(65536)
                assert more, data
                data += more
            event.set()


def test_server_sent_events_over_http2(secure, server, certificate):
    received = threading.Event()

    def serve(conn, head, rest):
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nfirst\n\n\r\n")
        if received.wait(5 * SLOW):
            conn.sendall(b"8\r\nsecond\n\n\r\n0\r\n\r\n")

    secure.proxy("events", server(serve).url)
    client = H2Client(secure.gateway_port, certificate)
    replies = []
    exchange = client._exchange

    def noted(stream, body, reply):
        replies.append(reply)
        exchange(stream, body, reply)

    def watch():
        wait_for(lambda: replies and b"first" in replies[0].body, 5)
        received.set()

    client._exchange = noted
    threading.Thread(target=watch, daemon=True).start()
    reply = client.request([(":method", "GET"), (":scheme", "https"), (":authority", "gateway"), (":path", "/events/x")])
    client.close()
    assert (reply.status, reply.body) == (200, b"first\n\nsecond\n\n")


def test_large_download_in_bounded_memory(plain, server):
    def serve(conn, head, rest):
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        for _ in range(LARGE // len(BLOCK)):
            conn.sendall(BLOCK)

    plain.proxy("download", server(serve).url)
    expected = hashlib.sha256()
    for _ in range(LARGE // len(BLOCK)):
        expected.update(BLOCK)
    with connect(plain) as s, MemoryWatch(plain) as memory:
        s.sendall(request_bytes("/download/x"))
        reader = s.makefile("rb")
        while reader.readline() != b"\r\n":
            pass
        got, digest = 0, hashlib.sha256()
        while got < LARGE:
            data = reader.read(min(MEGABYTE, LARGE - got))
            assert data
            got += len(data)
            digest.update(data)
    assert digest.digest() == expected.digest()
    assert memory.most < BOUNDED, memory.most


def test_client_that_reads_slowly_holds_the_backend_back(plain, server):
    sent = []

    def serve(conn, head, rest):
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        for _ in range(LARGE // len(BLOCK)):
            conn.sendall(BLOCK)
            sent.append(len(BLOCK))

    plain.proxy("slow-reader", server(serve).url)
    with connect(plain) as s, MemoryWatch(plain) as memory:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.sendall(request_bytes("/slow-reader/x"))
        s.recv(1000)
        time.sleep(1)
        assert sum(sent) < 40 * MEGABYTE  # what the kernel's buffers take
    assert memory.most < BOUNDED, memory.most
    assert temporary_files(plain) == []


def temporary_files(planes):
    found = []
    for folder, _, names in os.walk(os.path.join(planes.data, "gateway", "tmp")):
        found += [os.path.join(folder, name) for name in names]
    return found


# ---- bodies ----

def body_of(conn, head, rest, note):
    """Reads a body in whatever way it comes; note(bytes so far) after each piece. SHA-256 and length."""
    fields = {line.split(b":", 1)[0].lower(): line.split(b":", 1)[1].strip() for line in head.split(b"\r\n")[1:]}
    digest, n = hashlib.sha256(), 0
    reader = conn.makefile("rb")
    if b"content-length" in fields:
        left = int(fields[b"content-length"])
        pieces = [rest]
        while True:
            for piece in pieces:
                digest.update(piece)
                n += len(piece)
                note(n)
            if n >= left:
                return digest.hexdigest(), n
            piece = reader.read1(min(MEGABYTE, left - n))
            if not piece:
                raise EOFError(f"after {n} of {left}")
            pieces = [piece]
    assert fields[b"transfer-encoding"] == b"chunked", head
    buffered = rest

    def need(k):
        nonlocal buffered
        while len(buffered) < k:
            more = reader.read1(MEGABYTE)
            if not more:
                raise EOFError(f"after {n}")
            buffered += more
        part, buffered = buffered[:k], buffered[k:]
        return part

    while True:
        line = b""
        while not line.endswith(b"\r\n"):
            line += need(1)
        size = int(line, 16)
        piece = need(size)
        need(2)
        if size == 0:
            return digest.hexdigest(), n
        digest.update(piece)
        n += size
        note(n)


class Receiver:
    """Says which SHA-256 and length it received; `started` once the first byte of a body is there."""

    def __init__(self):
        self.started = threading.Event()
        self.so_far = 0

    def __call__(self, conn, head, rest):
        digest, n = body_of(conn, head, rest, self.note)
        text = f"{digest} {n}".encode()
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)

    def note(self, n):
        self.so_far = n
        if n:
            self.started.set()


def test_large_upload_in_bounded_memory(plain, server):
    receiver = Receiver()
    key = plain.proxy("upload", server(receiver).url, policy="jwt")
    expected = hashlib.sha256()
    with connect(plain) as s, MemoryWatch(plain) as memory:
        s.sendall(request_bytes("/upload/x", plain.token(key), method="PUT", headers=f"Content-Length: {LARGE}\r\n"))
        for i in range(LARGE // len(BLOCK)):
            s.sendall(BLOCK)
            expected.update(BLOCK)
            if i == 0:
                assert receiver.started.wait(5 * SLOW), "nothing arrives before the end"
        reply = read_reply(s, 30)
    assert (reply.status, reply.body) == (200, f"{expected.hexdigest()} {LARGE}".encode())
    assert memory.most < BOUNDED, memory.most
    assert temporary_files(plain) == []


def test_chunked_upload_arrives_whole_and_as_it_is_sent(plain, server):
    receiver = Receiver()
    plain.proxy("chunked", server(receiver).url)
    expected, total = hashlib.sha256(), 0
    with connect(plain) as s:
        s.sendall(request_bytes("/chunked/x", method="PUT", headers="Transfer-Encoding: chunked\r\n"))
        for size in (1, 2, 100, 4095, 4096, 65536, 300000, 16, 1):
            piece = BLOCK[:size]
            s.sendall(b"%x\r\n" % size + piece + b"\r\n")
            expected.update(piece)
            total += size
            wait_for(lambda: receiver.so_far == total, 5, "the chunk arrives")
        s.sendall(b"0\r\n\r\n")
        reply = read_reply(s)
    assert (reply.status, reply.body) == (200, f"{expected.hexdigest()} {total}".encode())


def test_upload_and_download_over_http2(secure, server, certificate):
    def serve(conn, head, rest):
        digest, n = body_of(conn, head, rest, lambda n: None)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Received: %s %d\r\n\r\n" % (5 * MEGABYTE, digest.encode(), n) + BLOCK * 5)

    key = secure.proxy("h2", server(serve).url, policy="opaque")
    client = H2Client(secure.gateway_port, certificate)
    body = BLOCK * 3 + b"end"
    headers = [(":method", "POST"), (":scheme", "https"), (":authority", "gateway"), (":path", "/h2/x"),
               ("authorization", "Bearer " + secure.token(key)), ("content-length", str(len(body)))]
    reply = client.request(headers, body)
    client.close()
    assert reply.status == 200
    assert reply.get("x-received") == [f"{hashlib.sha256(body).hexdigest()} {len(body)}".encode()]
    assert reply.body == BLOCK * 5


def test_early_answer_to_an_upload_reaches_the_client(plain, server):
    """A backend that refuses at the head does not wait for the body."""
    def serve(conn, head, rest):
        conn.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        time.sleep(0.5)

    plain.proxy("early", server(serve).url)
    with connect(plain) as s:
        s.sendall(request_bytes("/early/x", method="PUT", headers=f"Content-Length: {LARGE}\r\n") + BLOCK[:1000])
        reply = read_reply(s)
    assert (reply.status, reply.body) == (413, b"big")


# ---- clients that go away ----

def test_client_that_leaves_during_a_download_frees_the_backend(plain, server):
    gone = threading.Event()

    def serve(conn, head, rest):
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        try:
            while True:
                conn.sendall(BLOCK)
        except OSError:
            gone.set()

    plain.proxy("leave", server(serve).url)
    with connect(plain) as s:
        s.sendall(request_bytes("/leave/x"))
        assert s.recv(1000)
    assert gone.wait(10 * SLOW)


def test_client_that_leaves_during_an_upload_frees_the_backend(plain, server):
    receiver = Receiver()
    backend = server(receiver)
    plain.proxy("leave-up", backend.url)
    with connect(plain) as s:
        s.sendall(request_bytes("/leave-up/x", method="PUT", headers=f"Content-Length: {LARGE}\r\n") + BLOCK)
        assert receiver.started.wait(5 * SLOW)
    wait_for(lambda: backend.error, 10, "the backend sees the end")
    assert isinstance(backend.error, (EOFError, OSError))


def test_clients_that_leave_at_any_moment_leave_nothing_behind(plain, server):
    """While the token is looked up, while it is issued, while the backend answers."""
    plain.proxy("leaving", server(lambda conn, head, rest: time.sleep(0.05)).url)
    key = plain.proxy("leaving-opaque", server(Receiver()).url, policy="opaque")
    token = plain.token(key)
    form = f"grant_type=client_credentials&client_id={key[0]}&client_secret={key[1]}".encode()
    requests_ = [request_bytes("/leaving/x"), request_bytes("/leaving-opaque/x", token[:-6] + "%06d"), request_bytes("/leaving-opaque/x", token),
                 request_bytes("/auth/token", method="POST", body=form, headers="Content-Type: application/x-www-form-urlencoded\r\n")]
    for i in range(160):
        data = requests_[i % len(requests_)].replace(b"%06d", b"%06d" % i)
        with connect(plain) as s:
            s.sendall(data)
            time.sleep((i % 7) * 0.0005)
    worker = plain.worker_pids()
    wait_for(lambda: plain.metrics()["tollgate_pool_store_pending"] == 0 and plain.metrics()["tollgate_commit_pending"] == 0, 10, "all is at rest")
    wait_for(lambda: plain.metrics()["tollgate_connections_active"] <= 2, 10, "all connections are closed")
    assert plain.worker_pids() == worker
    assert plain.token(key)


# ---- heads ----

def test_large_request_headers(plain, backend):
    plain.proxy("heads", backend.url)
    client = Client(plain.gateway_port)
    value = "v" * 15000
    assert client.send(request_bytes("/heads/x", headers=f"X-Large: {value}\r\nX-Other: {value}\r\n")).status == 200
    assert backend.header("X-Large") == [value.encode()] and backend.header("X-Other") == [value.encode()]
    assert client.send(request_bytes("/heads/" + "p" * 12000 + "?" + "q" * 3000)).status == 200
    assert backend.line == b"GET /" + b"p" * 12000 + b"?" + b"q" * 3000 + b" HTTP/1.1"
    reply = client.send(request_bytes("/heads/x", headers=f"X-Large: {value * 2}\r\n"))
    assert reply.status == 400 and reply.get("Content-Type") == [b"application/json"]
    client.close()
    client = Client(plain.gateway_port)
    assert client.send(request_bytes("/heads/" + "p" * 20000)).status == 414
    client.close()


def test_large_response_headers(plain, backend):
    """Many cookies, a long policy: heads of some kilobytes are usual."""
    backend.answer = b"HTTP/1.1 200 OK\r\n" + b"".join(b"Set-Cookie: c%d=%s\r\n" % (i, b"x" * 1000) for i in range(12)) + b"Content-Length: 2\r\n\r\nok"
    plain.proxy("cookies", backend.url)
    answer = plain.get("/cookies/x")
    assert answer.status_code == 200
    assert sum(len(value) for value in answer.headers.values()) > 12000
