"""An HTTP/2 client that sends what it is told, also what no client should."""

import socket
import ssl

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from harness import SLOW


class H2Reply:
    def __init__(self):
        self.status = None  # None: the server ended the stream or the connection
        self.headers = []
        self.body = b""
        self.raw_head = b""

    def get(self, name):
        return [v for k, v in self.headers if k == name.lower().encode()]


class H2Client:
    """One connection, one stream at a time; opened again once the server has closed it."""

    def __init__(self, port, certificate):
        self.port = port
        self.context = ssl.create_default_context(cafile=certificate)
        self.context.set_alpn_protocols(["h2"])
        self.socket = None

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def _open(self):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=10 * SLOW)
        self.socket = self.context.wrap_socket(sock, server_hostname="gateway")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False, validate_inbound_headers=True))
        self.h2.initiate_connection()
        self._flush()

    def _flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, headers, body=b""):
        if self.socket is None:
            self._open()
        reply = H2Reply()
        try:
            stream = self.h2.get_next_available_stream_id()
            self.h2.send_headers(stream, headers, end_stream=not body)
            self._flush()
            self._exchange(stream, body, reply)
        except (OSError, h2.exceptions.ProtocolError):
            self.close()
        return reply

    def _send_body(self, stream, body):
        """What the windows allow; the rest."""
        while body:
            n = min(len(body), self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if n == 0:
                break
            self.h2.send_data(stream, body[:n], end_stream=n == len(body))
            body = body[n:]
        self._flush()
        return body

    def _exchange(self, stream, body, reply):
        rest = self._send_body(stream, body)
        while True:
            data = self.socket.recv(65536)
            if not data:
                self.close()
                return
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived) and event.stream_id == stream:
                    reply.headers = list(event.headers)
                    reply.status = int(dict(event.headers)[b":status"])
                elif isinstance(event, h2.events.DataReceived):
                    reply.body += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded) and event.stream_id == stream:
                    self._flush()
                    if rest:
                        self.h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
                        self._flush()
                    return
                elif isinstance(event, h2.events.StreamReset) and event.stream_id == stream:
                    self._flush()
                    return
                elif isinstance(event, h2.events.ConnectionTerminated):
                    self.close()
                    return
            rest = self._send_body(stream, rest)
