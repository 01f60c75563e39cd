"""What several gateway tests use beside the harness: a disk with faults, load that counts what is lost, certificates."""

import datetime
import http.client
import ipaddress
import mmap
import os
import pathlib
import socket
import sqlite3
import ssl
import struct
import subprocess
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness import SLOW, read_reply, wait_for


# ---- a disk with faults ----

class Disk:
    """The page that tests/gateway/faulty_disk.c reads; pass `env` to Planes."""

    FIELDS = ("config_lost", "feed_lost", "slow_ms", "slow_round", "read_only", "slowed", "feeds")

    def __init__(self, library, folder):
        path = os.path.join(folder, "faults")
        with open(path, "wb") as f:
            f.write(bytes(4096))
        os.chmod(path, 0o666)
        self.file = open(path, "r+b")
        self.page = mmap.mmap(self.file.fileno(), 4096)
        self.env = {"LD_PRELOAD": str(library), "TG_FAULTS": path}

    def _at(self, name):
        return 4 * self.FIELDS.index(name)

    def set(self, **faults):
        for name, value in faults.items():
            struct.pack_into("i", self.page, self._at(name), int(value))

    def get(self, name):
        return struct.unpack_from("i", self.page, self._at(name))[0]

    def know_feed(self):
        """Waits until feed_lost and slow can tell the feed's thread from others."""
        wait_for(lambda: self.get("feeds") > 0, 10, "the feed's thread is known")

    def slow(self, ms):
        """Each thread's next look-up in config.db takes ms, from within its read view."""
        self.set(slow_ms=ms, slowed=0, slow_round=self.get("slow_round") + 1)

    def data(self, folder):
        """What read_only is about."""
        encoded = os.path.realpath(folder).encode() + b"\0"
        self.page[28:28 + len(encoded)] = encoded

    def close(self):
        self.page.close()
        self.file.close()


def build_library(folder):
    library = os.path.join(folder, "faulty_disk.so")
    source = pathlib.Path(__file__).with_name("faulty_disk.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", library, str(source), "-ldl"], check=True)
    return library


def close_all(made):
    """Also those behind one whose log has something to tell."""
    errors = []
    for p in made:
        try:
            p.close()
        except AssertionError as e:
            errors.append(str(e))
    assert not errors, "\n".join(errors)


# ---- load ----

class Lost(Exception):
    """A request that a client would have to call lost."""


class Client:
    """One connection after the other to the gateway, kept alive. A reset before the first byte of an answer on a reused connection is
    retried once on a new one, and counted apart, as any HTTP client does."""

    def __init__(self, port, host="127.0.0.1", tls=None, timeout=20):
        self.address = (host, port)
        self.tls = tls
        self.timeout = timeout
        self.socket = None
        self.retried = 0
        self.refused = False

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def _connect(self):
        sock = socket.create_connection(self.address, timeout=self.timeout * SLOW)
        self.socket = self.tls.wrap_socket(sock, server_hostname="localhost") if self.tls else sock

    def send(self, data, again=True):
        reused = self.socket is not None
        try:
            if not reused:
                self._connect()
        except ConnectionRefusedError:
            self.refused = True
            raise
        except OSError as e:
            raise Lost(f"no connection: {e!r}") from e
        try:
            self.socket.sendall(data)
            reply = read_reply(self.socket, self.timeout)
        except socket.timeout as e:
            self.close()
            raise Lost("no answer in time") from e
        except (OSError, EOFError) as e:
            self.close()
            nothing_read = isinstance(e, OSError) or str(e).endswith("b''")
            if reused and again and nothing_read:
                self.retried += 1
                return self.send(data, again=False)
            raise Lost(f"{'reused' if reused else 'new'} connection: {e!r}") from e
        if b"close" in [v.lower() for v in reply.get("Connection")]:
            self.close()
        return reply


def request_bytes(path, token=None, method="GET", body=b"", headers=""):
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    length = f"Content-Length: {len(body)}\r\n" if body or method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: gateway\r\n{authorization}{headers}{length}\r\n".encode() + body


def token_bytes(key, path="/auth/token"):
    body = f"grant_type=client_credentials&client_id={key[0]}&client_secret={key[1]}".encode()
    return request_bytes(path, method="POST", body=body, headers="Content-Type: application/x-www-form-urlencoded\r\n")


class Load:
    """Threads that send one request after the other until stopped. make(i) -> (bytes, tag); records keep (began, ended, status, tag, body)."""

    def __init__(self, port, make, threads=4, tls=None, timeout=20, until_refused=False):
        self.make = make
        self.records = []
        self.lost = []
        self.retried = 0
        self.until_refused = until_refused
        self.stopping = threading.Event()
        self.clients = [Client(port, tls=tls, timeout=timeout) for _ in range(threads)]
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def _run(self, i):
        client = self.clients[i]
        n = i
        while not self.stopping.is_set():
            data, tag = self.make(n)
            n += len(self.threads)
            began = time.monotonic()
            try:
                reply = client.send(data)
            except ConnectionRefusedError as e:
                if self.until_refused:
                    break
                self.lost.append((began, repr(e), tag))
            except Lost as e:
                self.lost.append((began, str(e), tag))
            else:
                self.records.append((began, time.monotonic(), reply.status, tag, reply.body))
        client.close()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30 * SLOW)
            assert not thread.is_alive(), "a client hangs"
        self.retried = sum(client.retried for client in self.clients)

    def statuses(self):
        counts = {}
        for record in self.records:
            counts[record[2]] = counts.get(record[2], 0) + 1
        return counts


# ---- certificates ----

def make_key():
    return ec.generate_private_key(ec.SECP256R1())


def pem(thing):
    if hasattr(thing, "private_bytes"):
        return thing.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return thing.public_bytes(serialization.Encoding.PEM).decode()


class Authority:
    """A CA of our own."""

    def __init__(self, name="Test CA"):
        self.key = make_key()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key.public_key(), 30, [(x509.BasicConstraints(ca=True, path_length=None), True)])

    @property
    def pem(self):
        return pem(self.certificate)

    def _sign(self, subject, public_key, days, extensions):
        now = datetime.datetime.utcnow()
        begin, end = sorted((now - datetime.timedelta(days=2), now + datetime.timedelta(days=days)))
        if days < 0:
            begin = end - datetime.timedelta(days=10)
            end = now + datetime.timedelta(days=days)
            begin = end - datetime.timedelta(days=10)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, folder, *names, days=30):
        """(certificate file, key file) of a server with these names; days < 0: expired."""
        key = make_key()
        alternatives = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(subject, key.public_key(), days, [(x509.SubjectAlternativeName(alternatives), False)])
        stem = os.path.join(folder, f"{certificate.serial_number:x}")
        for path, text in ((stem + ".crt", pem(certificate)), (stem + ".key", pem(key))):
            with open(path, "w") as f:
                f.write(text)
        return stem + ".crt", stem + ".key"

    def server(self, folder, *names, days=30, seen=None):
        """An SSLContext for a backend; seen collects the SNI of each handshake."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(folder, *names, days=days))
        if seen is not None:
            context.sni_callback = lambda conn, name, ctx: seen.append(name)
        return context


def insecure_client():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def secret_of(answer):
    """The secret that a management call shows."""
    for part in (answer, answer.get("result") or {}, answer.get("applicationKey") or {}):
        for name in ("clientSecret", "secretKey"):
            if part.get(name):
                return part[name]
    raise AssertionError(answer)


# ---- the change feed ----

def forget(planes, ref):
    """The gateway knows this client no more."""
    with sqlite3.connect(os.path.join(planes.data, "config.db"), timeout=5) as db:
        db.execute("INSERT INTO change_log (kind, environment_id, ref) SELECT 2, environment_id, ? FROM snapshot", (ref,))
    wait_for(lambda: feed_is_at_head(planes), 5, "the feed is read")


def feed_is_at_head(planes):
    with sqlite3.connect(os.path.join(planes.data, "config.db"), timeout=5) as db:
        head = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'change_log'").fetchone()[0]
    return planes.metrics()["tollgate_feed_position"] == head
