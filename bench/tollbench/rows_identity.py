"""Users that identity providers keep: password grants on each kind, and what one that hangs costs proxied requests."""

import contextlib
import glob
import os
import socket
import sqlite3
import sys
import threading
import time

from harness import ROOT, free_port
from tollbench import tokens, wrk
from tollbench.figures import Figure, alternate, median
from tollbench.rows_token import PASSWORD, call, credential
from tollbench.servers import PATH, STATIC

CONNECTIONS = 32
GRANTS_PER_SECOND = 50
PROVIDERS = "/projects/shop/identityProviders/"
USER = "anna"


def api(port, **more):
    """An HTTP service that says yes: what is measured is the way there and back."""
    return {"type": "API", "url": f"http://127.0.0.1:{port}/", "bodyType": "JSON", "body": '{"user":"{{username}}","password":"{{password}}"}',
            "jsonPath": "$.state", "jsonValue": "shipped", **more}


def database(folder):
    """Passwords in clear, so that the digest is not what is measured."""
    path = os.path.join(folder, "users.db")
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE users (username TEXT PRIMARY KEY, password TEXT)")
        db.executemany("INSERT INTO users VALUES (?, ?)", [(USER, PASSWORD), *[(f"user{i}", "x") for i in range(1000)]])
    os.chmod(path, 0o666)
    found = glob.glob("/usr/lib/*/odbc/libsqlite3odbc.so")
    if not found:
        raise RuntimeError("libsqlite3odbc.so is not there (make deps)")
    return {"type": "DATABASE", "connectionString": f"Driver={found[0]};Database={path}", "passwordFormat": "CLEAR", "passwordColumn": "password",
            "query": "SELECT username, password FROM users WHERE username = :username"}


@contextlib.contextmanager
def directory():
    sys.path.insert(0, str(ROOT / "tests" / "identity"))
    from slapd import ADMIN, PASSWORD as OF_ADMIN, SUFFIX, Slapd, entry, unit
    person = entry(f"uid={USER},ou=people,{SUFFIX}", objectClass="inetOrgPerson", uid=USER, cn=USER, sn="S", userPassword=PASSWORD)
    server = Slapd(unit("people") + "\n" + person, tls=False)
    try:
        yield {"ldap simple": {"type": "LDAP", "url": server.url, "authenticationType": "SIMPLE", "userConfigurationExpression": f"uid={{{{username}}}},ou=people,{SUFFIX}"},
               "ldap advanced": {"type": "LDAP", "url": server.url, "authenticationType": "ADVANCED", "bindDn": ADMIN, "bindPassword": OF_ADMIN,
                                 "userBaseDnList": [f"ou=people,{SUFFIX}"]}}
    finally:
        server.close()


def client_of(stage, g, name, provider):
    """The application of a proxy whose users are there."""
    return g.proxy("of-" + name, stage.backend.url, policy="opaque", grantType="PASSWORD", identityProvider=provider)


def grants(stage, g, name, key):
    g.token(key, grant_type="password", username=USER, password=PASSWORD)
    file = tokens.write_lines(os.path.join(stage.work, f"{name}.calls"), [call("/auth/token", key, f"grant_type=password&username={USER}&password={PASSWORD}")])
    return wrk.run(g.url, stage.seconds, CONNECTIONS, g.root, calls=file)


def identity(stage):
    """Password grants per second, told and no more: they are the provider's figures as much as ours."""
    port = free_port()
    g = stage.gateway(operator=STATIC % (port, '{"state":"shipped"}'))
    credential(g, USER, PASSWORD)
    figures = []
    with directory() as bodies:
        bodies |= {"api": api(port), "database": database(g.home), "api, cached": api(port, cacheSeconds=60)}
        keys = {"SECRET_MANAGER": client_of(stage, g, "secret-manager", "SECRET_MANAGER")}
        for kind, body in bodies.items():
            name = kind.replace(" ", "-").replace(",", "")
            g.manage("POST", PROVIDERS, {"name": name, "poolSize": 8, "queueSize": 512, **body})
            keys[kind] = client_of(stage, g, name, name)
        for kind, key in keys.items():
            grants(stage, g, "identity", key)
            results = [grants(stage, g, "identity", key) for _ in range(max(1, stage.pairs // 4))]
            rates = [r.per_second for r in results]
            stage.say(f"  identity: {kind}: {median(rates):.0f} password grants per second")
            figures.append(Figure("identity", f"password grants per second, users in {kind}", median(rates), None, unit="requests",
                                  errors=sum(r.errors for r in results), samples=rates, notes={"p99_us": median([r.detail["p99"] for r in results])}))
    stage.drop(g)
    return figures


# ---- one that hangs ----

class Silent:
    """Takes every connection and never says a word."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.socket.getsockname()[1]
        self.taken = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        with contextlib.suppress(OSError):
            while True:
                self.taken.append(self.socket.accept()[0])

    def close(self):
        self.socket.close()
        for taken in self.taken:
            taken.close()


class Grants:
    """Password grants at a steady rate, whatever becomes of them."""

    def __init__(self, gateway, key):
        body = f"grant_type=password&client_id={key[0]}&client_secret={key[1]}&username={USER}&password={PASSWORD}"
        self.data = ("POST /auth/token HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
        self.port = gateway.gateway_port
        self.stopping = threading.Event()
        self.open = []
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.stopping.wait(1 / GRANTS_PER_SECOND):
            self.open.append(socket.create_connection(("127.0.0.1", self.port), timeout=10))
            self.open[-1].sendall(self.data)
            if len(self.open) > 10 * GRANTS_PER_SECOND:
                self.open.pop(0).close()

    def __enter__(self):
        self.thread.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        for sock in self.open:
            sock.close()


def hang(stage):
    port, silent = free_port(), Silent()
    g = stage.gateway(operator=STATIC % (port, '{"state":"shipped"}'))
    own = g.proxy("opaque", stage.backend.url, path="/opaque", policy="opaque")
    g.project()
    keys = {}
    for name, where in (("healthy", port), ("hung", silent.port)):
        g.manage("POST", PROVIDERS, {"name": name, "timeoutMillis": 2000, "circuitBreaker": {"failures": 0}, **api(where)})
        keys[name] = client_of(stage, g, name, name)
    made = tokens.issue_many(g, own, "/auth/token", min(stage.tokens, 1000), os.path.join(stage.work, "hang.answers"))
    seen = tokens.write_lines(os.path.join(stage.work, "hang.tokens"), made)

    def beside(name):
        with Grants(g, keys[name]):
            return wrk.run(g.url + "/opaque" + PATH, stage.seconds, CONNECTIONS, g.root, stage.backend, tokens=seen)

    def say(i, a, b):
        stage.say(f"  identity-hang {i + 1}/{stage.pairs}: {a.per_second:.0f} to {b.per_second:.0f} requests per second = "
                  f"{a.per_second / b.per_second:.3f}  ({a.errors + b.errors} errors)")

    beside("healthy")
    results = alternate(stage.pairs, lambda: beside("hung"), lambda: beside("healthy"), say)
    ratios = [a.per_second / b.per_second for a, b in results]
    metrics = g.metrics()
    label = 'tollgate_identity_checks_total{{project="shop",provider="{}",result="{}"}}'
    figure = Figure("identity-hang", "proxied requests per second while an identity provider hangs, to the same with a healthy one", median(ratios), 0.95,
                    errors=sum(a.errors + b.errors for a, b in results), samples=ratios,
                    notes={"grants_per_second": GRANTS_PER_SECOND, "healthy_ok": metrics[label.format("healthy", "ok")],
                           "hung_refused": sum(metrics[label.format("hung", r)] for r in ("unavailable", "timed_out", "queue_full")),
                           "p99_us": median([a.detail["p99"] for a, _ in results]), "p99_us_healthy": median([b.detail["p99"] for _, b in results])})
    if not figure.notes["hung_refused"] or metrics[label.format("hung", "ok")]:
        figure.problem("the provider did not hang")
    if not figure.notes["healthy_ok"]:
        figure.problem("the healthy provider let nobody in")
    silent.close()
    stage.drop(g)
    return [figure]
