"""One call of a gateway over kept connections, and what became of it."""

import base64
import json
import socket
import time
import urllib.parse

from harness import SLOW, read_reply

PATIENCE = 30 * SLOW  # longer than any pause of the scheduler: who is paused answers when it goes on


class Call:
    def __init__(self, name, op, node, path, family=None):
        self.name, self.op, self.node, self.path, self.family = name, op, node, path, family
        self.sent = self.recv = self.status = None
        self.body = self.head = b""
        self.lost = False    # a client could not have known better: not a kept connection that was closed
        self.why = None
        self.active = None   # introspection
        self.json = {}

    def answered(self, reply):
        self.recv = time.monotonic()
        self.status, self.body, self.head = reply.status, reply.body, reply.raw_head
        if self.body[:1] == b"{":
            self.json = json.loads(self.body)
        if self.op == "introspect" and self.status == 200:
            self.active = self.json.get("active")

    def story(self):
        return {k: v for k, v in (("call", self.name), ("op", self.op), ("node", self.node), ("path", self.path), ("sent", self.sent), ("recv", self.recv),
                                  ("status", self.status), ("why", self.why), ("head", self.head.decode(errors="replace")), ("body", self.body[:200].decode(errors="replace"))) if v is not None}


def get_bytes(path, token=None):
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: gateway\r\n{authorization}\r\n".encode()


def post_bytes(path, client_id, secret, form):
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    body = urllib.parse.urlencode(form)
    return (f"POST {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Basic {basic}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


class Connection:
    """To one node. A kept one that turns out to be closed is replaced once, as every HTTP client does."""

    def __init__(self, node):
        self.node = node
        self.socket = None

    def _open(self):
        self.socket = socket.create_connection((self.node.host, self.node.port), timeout=PATIENCE)

    def begin(self, call, data):
        self.data = data
        self.reused = self.socket is not None
        call.sent = time.monotonic()
        try:
            if not self.reused:
                self._open()
            self.socket.sendall(data)
        except OSError as e:
            self._failed(call, e)

    def finish(self, call):
        if self.socket is None and call.recv is None:
            self._again(call)
            return
        if call.recv is not None:
            return
        try:
            call.answered(read_reply(self.socket, PATIENCE / SLOW))
        except (OSError, EOFError) as e:
            nothing = not isinstance(e, EOFError) or str(e).endswith("b''")
            if self.reused and nothing and not isinstance(e, socket.timeout):
                self.close()
                self._again(call)
            else:
                self._failed(call, e, final=True)

    def _again(self, call):
        self.reused = False
        try:
            self._open()
            self.socket.sendall(self.data)
            call.answered(read_reply(self.socket, PATIENCE / SLOW))
        except (OSError, EOFError) as e:
            self._failed(call, e, final=True)

    def _failed(self, call, error, final=False):
        self.close()
        if final or not self.reused or isinstance(error, socket.timeout):
            call.recv, call.lost, call.why = time.monotonic(), True, repr(error)

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None


class Connections:
    """Those of one actor: as many to each node as it has calls at once."""

    def __init__(self, history):
        self.history = history
        self.free = {}

    def send(self, calls):
        """[(Call, node, bytes)], side by side."""
        used = []
        for call, node, data in calls:
            kept = self.free.setdefault(node.name, [])
            connection = kept.pop() if kept else Connection(node)
            used.append(connection)
            connection.begin(call, data)
        for (call, node, _), connection in zip(calls, used):
            connection.finish(call)
            self.free[node.name].append(connection)
            self.history.note("call", call=call.name, op=call.op, node=call.node, path=call.path, family=call.family, sent=call.sent, recv=call.recv,
                              status=call.status, **({"why": call.why} if call.why else {}), **({"active": call.active} if call.active is not None else {}),
                              **({"body": call.body[:160].decode(errors="replace")} if call.status not in (200, None) else {}))
        return [call for call, _, _ in calls]

    def close(self):
        for kept in self.free.values():
            for connection in kept:
                connection.close()
