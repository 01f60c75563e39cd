"""A load of keep-alive connections that says of each request what became of it.

A request is lost if, once a byte of its answer was read, no full answer or a 5xx came; or if a fresh connection broke before that while the
server was not told to stop. A connection that had served before and broke before any byte is opened again and the request sent once more, counted
apart (`retried`): every keep-alive client meets this when a server closes an idle connection.
"""

import asyncio
import collections
import json
import threading

ANSWER_TIMEOUT = 15


class Broken(Exception):
    """The connection ended or failed. `read` tells whether a byte of the answer had come."""

    def __init__(self, read):
        super().__init__("connection broke")
        self.read = read


class Connection:
    def __init__(self, port):
        self.port = port
        self.writer = None
        self.served = 0

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.served = 0

    def close(self):
        if self.writer:
            self.writer.close()
            self.writer = None

    async def ask(self, data):
        """Sends a request; (status, body). Raises Broken."""
        read = False
        try:
            self.writer.write(data)
            await self.writer.drain()
            first = await self.reader.readexactly(1)
            read = True
            head = (first + await self.reader.readuntil(b"\r\n\r\n")).lower()
            status = int(head.split(None, 2)[1])
            body = await self._body(head)
        except (OSError, EOFError, asyncio.IncompleteReadError) as e:
            raise Broken(read) from e
        self.served += 1
        if b"\r\nconnection: close" in head:
            self.close()
        return status, body

    async def _body(self, head):
        _, found, rest = head.partition(b"\r\ncontent-length:")
        if found:
            return await self.reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
        body = b""
        while True:     # chunked
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            body += (await self.reader.readexactly(size + 2))[:size]
            if size == 0:
                return body


class Load:
    """`connections` of them, each sending the calls in turn, one at a time, in a thread of its own.

    calls: (name, request bytes, expected status). Tokens in the answers of calls named "issue" are kept in `tokens`, in order of arrival.
    """

    def __init__(self, port, calls, connections):
        self.port, self.calls, self.connections = port, calls, connections
        self.counts = collections.Counter()
        self.examples = []
        self.tokens = []
        self.stopping = False   # the server was told to stop: connections may be refused
        self.done = False
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self):
        self.thread.start()
        return self

    def finish(self, seconds=60):
        """Ends the load; requests under way are waited for."""
        self.done = True
        self.thread.join(seconds)
        if self.thread.is_alive():
            raise RuntimeError("the load did not end")
        return self.counts

    async def _run(self):
        await asyncio.gather(*(self._client(i) for i in range(self.connections)))

    async def _client(self, start):
        connection = Connection(self.port)
        at = start
        while not self.done:
            name, data, expected = self.calls[at % len(self.calls)]
            at += 1
            if not await self._request(connection, name, data, expected):
                break
        connection.close()

    async def _request(self, connection, name, data, expected):
        """False: the server is gone, as it was told to."""
        for attempt in (1, 2):
            fresh = connection.writer is None
            try:
                if fresh:
                    await connection.open()
                status, body = await asyncio.wait_for(connection.ask(data), ANSWER_TIMEOUT)
            except Broken as broken:
                connection.close()
                if broken.read:
                    return self._lost(name, "the answer broke off")
                if not fresh and attempt == 1:
                    self.counts["retried"] += 1
                    continue
                return self._refused(name, "the connection broke before an answer")
            except OSError as error:
                connection.close()
                return self._refused(name, f"no connection: {error}")
            except asyncio.TimeoutError:
                connection.close()
                return self._lost(name, f"no answer within {ANSWER_TIMEOUT} s")
            self._count(name, status, body, expected)
            return True

    def _count(self, name, status, body, expected):
        if status >= 500:
            self._lost(name, f"{status} {body[:200]!r}")
        elif status != expected:
            self.counts["unexpected"] += 1
            self.examples.append(f"{name}: {status} {body[:200]!r}")
        else:
            self.counts["answered"] += 1
            if name == "issue":
                self.tokens.append(json.loads(body)["access_token"])

    def _lost(self, name, why):
        self.counts["lost"] += 1
        self.examples.append(f"{name}: {why}")
        return True

    def _refused(self, name, why):
        if not self.stopping:
            return self._lost(name, why)
        self.counts["refused while stopping"] += 1
        return False


def get_request(path, token=None):
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}\r\n".encode()


def post_form(path, form, authorization):
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n{form}").encode()


def ask_each(port, requests):
    """Sends each request once, on one connection; the answers that are not 200, as (status, body)."""
    async def run():
        connection = Connection(port)
        wrong = []
        for data in requests:
            if connection.writer is None:
                await connection.open()
            status, body = await asyncio.wait_for(connection.ask(data), ANSWER_TIMEOUT)
            if status != 200:
                wrong.append((status, body))
        connection.close()
        return wrong
    return asyncio.run(run())
