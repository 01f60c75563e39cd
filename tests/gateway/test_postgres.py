"""PostgreSQL as the store: the whole product on it, and what clients see while the server is away, killed or silent."""

import os
import re
import shutil
import signal
import threading
import time

import pytest
import requests

from harness import SLOW, Backend, Planes, wait_for
from postgres import Server
from postgres import user as postgres_user
from tools import Authority, close_all

REFRESH = {"refreshTokenAllowed": True, "refreshTokenCount": 3, "refreshTokenExpiresInAmount": 1, "refreshTokenExpiresInUnit": "DAYS"}
DOCUMENT = os.path.join(os.path.dirname(__file__), "../../docs/operations.md")


@pytest.fixture(scope="module")
def server():
    s = Server()
    yield s
    s.close()


@pytest.fixture
def started(server):
    """Planes on a database of their own: started(database, role="admin", command="up")."""
    made = []

    def make(database, role="admin", create=True, **kwargs):
        if create:
            server.sql(f"CREATE DATABASE {database}")
        made.append(Planes(options=["--store", server.uri(database, role)], **kwargs))
        return made[-1]

    yield make
    close_all(made)


@pytest.fixture(scope="module")
def world(server):
    """Both planes, shared: proxies /open, /opaque and /jwt."""
    server.sql("CREATE DATABASE world")
    backend = Backend()
    with Planes(options=["--store", server.uri("world")]) as planes:
        planes.no_failure_limits()
        planes.proxy("open", backend.url)
        planes.keys = {kind: planes.proxy(kind, backend.url, policy=kind, **REFRESH) for kind in ("opaque", "jwt")}
        yield planes
    backend.close()


def pair(planes, kind="opaque"):
    answer = planes.token_answer(planes.keys[kind])
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(planes, path, kind="opaque", **form):
    session = requests.Session()
    session.trust_env = False
    return session.post(planes.gateway + path, data=form, auth=planes.keys[kind], timeout=20 * SLOW)


def refresh(planes, token, kind="opaque"):
    return post(planes, "/auth/token", kind, grant_type="refresh_token", refresh_token=token)


def status(planes, path, token=None):
    return planes.get(path, token).status_code


# ---- the life of tokens ----

@pytest.mark.parametrize("kind", ["opaque", "jwt"])
def test_tokens_are_issued_checked_refreshed_and_revoked(world, kind):
    first = pair(world, kind)
    assert {status(world, f"/{kind}/x", first["access_token"]) for _ in range(8)} == {200}
    second = refresh(world, first["refresh_token"], kind).json()
    assert status(world, f"/{kind}/x", second["access_token"]) == 200
    again = refresh(world, first["refresh_token"], kind)
    assert again.status_code == 400 or again.json() == second
    assert post(world, "/auth/introspect", kind, token=second["access_token"]).json()["active"] is True
    assert post(world, "/auth/revoke", kind, token=second["refresh_token"]).status_code == 200
    assert {status(world, f"/{kind}/x", second["access_token"]) for _ in range(8)} == {401}
    assert post(world, "/auth/introspect", kind, token=second["access_token"]).json()["active"] is False


def test_a_deploy_reaches_every_worker(world, backend):
    for i in range(3):
        world.proxy(f"later{i}", backend.url)
        assert {status(world, f"/later{i}/x") for _ in range(8)} == {200}
    world.undeploy("later0")
    assert {status(world, "/later0/x") for _ in range(8)} == {404}


def test_tokens_lie_in_tables_by_bucket_and_only_as_hashes(world, server):
    token = pair(world)
    tables = server.sql("SELECT relname FROM pg_class WHERE relname ~ '^token_[hdmn]' AND relkind = 'r'", "world").split()
    assert tables and all(re.fullmatch(r"token_([hdm]_\d+|n)", name) for name in tables)
    rows = "\n".join(server.sql(f"SELECT t::text FROM tollgate_tokens.{name} t", "world") for name in tables)
    for secret in (token["access_token"], token["refresh_token"]):
        assert secret not in rows and secret.encode().hex() not in rows


# ---- the server goes away ----

class Issuers:
    """Threads that ask for tokens all the time; what was answered 200 is in `given`, every status in `seen`."""

    def __init__(self, planes, n=6):
        self.planes, self.given, self.seen, self.over = planes, [], [], False
        self.threads = [threading.Thread(target=self.run) for _ in range(n)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.over:
            try:
                answer = self.planes.token_answer(self.planes.keys["opaque"])
            except requests.RequestException as e:
                self.seen.append(repr(e))
                continue
            self.seen.append(answer.status_code)
            if answer.status_code == 200:
                self.given.append(answer.json())

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("end", ["restart", "crash"])
def test_a_token_that_was_answered_is_known_after_the_server_was(world, server, end):
    load = Issuers(world)
    for _ in range(2):
        before = len(load.given)
        wait_for(lambda: len(load.given) > before + 30, 30 * SLOW, "tokens are issued")
        server.stop() if end == "restart" else server.crash()
        refused = load.seen.count(503)
        wait_for(lambda: load.seen.count(503) > refused, 20 * SLOW, "tokens are refused while the server is away")
        server.start()
    before = len(load.given)
    wait_for(lambda: len(load.given) > before + 30, 30 * SLOW, "tokens are issued again")
    load.stop()
    assert set(load.seen) == {200, 503}
    for i, token in enumerate(load.given):
        assert post(world, "/auth/introspect", token=token["access_token"]).json()["active"] is True, i
    assert refresh(world, load.given[0]["refresh_token"]).status_code == 200


def test_a_silent_server_refuses_in_time_and_stops_nothing_else(world, server):
    """SIGSTOP: connections stay open and nobody answers."""
    jwt, known = pair(world, "jwt")["access_token"], pair(world)
    assert {status(world, "/jwt/x", jwt) for _ in range(8)} == {200}  # the client is known to the node
    server.signal_all(signal.SIGSTOP)
    try:
        load = Issuers(world, 3)
        statuses = {"open": [], "jwt": []}
        end = time.monotonic() + 4
        while time.monotonic() < end:
            statuses["open"].append(status(world, "/open/x"))
            statuses["jwt"].append(status(world, "/jwt/x", jwt))
        wait_for(lambda: load.seen.count(503) >= 3, 20 * SLOW, "tokens are refused")
        load.stop()
        assert set(statuses["open"]) == {200}
        assert set(statuses["jwt"]) == {200}
        assert set(load.seen) == {503}
        assert post(world, "/auth/revoke", token=known["access_token"]).status_code == 503  # never a false success
    finally:
        server.signal_all(signal.SIGCONT)
    wait_for(lambda: status(world, "/opaque/x", known["access_token"]) == 200, 30 * SLOW, "the store is asked again", every=0.1)
    wait_for(lambda: world.token_answer(world.keys["opaque"]).status_code == 200, 30 * SLOW, "tokens are issued again", every=0.1)
    assert post(world, "/auth/revoke", token=known["access_token"]).status_code == 200
    assert {status(world, "/opaque/x", known["access_token"]) for _ in range(8)} == {401}


def test_a_manager_goes_on_after_the_server_was_restarted(world, server, backend):
    server.stop()
    answer = world.session().get(world.manager + "/projects/", timeout=30 * SLOW)
    assert answer.status_code == 503, answer.text
    server.start()
    wait_for(lambda: world.session().get(world.manager + "/projects/", timeout=30 * SLOW).status_code == 200, 30 * SLOW, "the manager answers")
    world.proxy(f"after{time.monotonic_ns()}", backend.url, path="/after")
    assert {status(world, "/after/x") for _ in range(8)} == {200}


# ---- what it refuses to start on ----

def test_it_says_why_it_does_not_start_and_never_the_password(started, server):
    planes = started("refused")
    uri = f"postgresql://admin:s3cret@127.0.0.1:{server.port}/refused"
    planes.options = ["--store", uri]
    planes.start()
    planes.stop()
    server.sql("UPDATE tollgate.schema_version SET version = 99", "refused")
    planes.start(wait=False)
    assert planes.process.wait(30 * SLOW) == 1
    assert "the schema tollgate has version 99, this release knows versions up to" in planes.log()
    planes.options = ["--store", uri.replace("/refused", "/nowhere")]
    planes.start(wait=False)
    assert planes.process.wait(30 * SLOW) == 1
    assert 'database "nowhere" does not exist' in planes.log()
    assert "s3cret" not in planes.log()


# ---- TLS ----

@pytest.fixture
def tls_server(tmp_path):
    """A server that speaks nothing but TLS, with a certificate for localhost; its authority's file."""
    authority = Authority("Database CA")
    s = Server()
    try:
        for suffix, path in zip(("crt", "key"), authority.issue(str(tmp_path), "localhost")):
            to = shutil.copy(path, os.path.join(s.home, "server." + suffix))
            os.chmod(to, 0o600)
            if os.geteuid() == 0:
                shutil.chown(to, postgres_user())
            s.sql(f"ALTER SYSTEM SET ssl_{'cert' if suffix == 'crt' else 'key'}_file = '{to}'")
        s.sql("ALTER SYSTEM SET ssl = on")
        with open(os.path.join(s.data, "pg_hba.conf"), "w") as f:
            f.write("local all all trust\nhostssl all all all trust\n")
        s.stop()
        s.start()
        root = os.path.join(s.home, "ca.pem")
        with open(root, "w") as f:
            f.write(authority.pem)
        os.chmod(s.home, 0o755)
        yield s, root
    finally:
        s.close()


def test_a_server_is_verified_by_its_certificate(tls_server, backend, tmp_path):
    server, root = tls_server
    server.sql("CREATE DATABASE sealed")
    other = tmp_path / "other.pem"
    other.write_text(Authority("Another CA").pem)
    shutil.copy(other, os.path.join(server.home, "other.pem"))
    uri = f"postgresql://admin@%s:{server.port}/sealed?sslmode=%s&sslrootcert=%s"
    for host, mode, ca, said in (("localhost", "verify-full", "other.pem", "certificate verify failed"),
                                 ("127.0.0.1", "verify-full", "ca.pem", "does not match host name"),
                                 ("localhost", "disable", "ca.pem", "no encryption")):
        planes = Planes(options=["--store", uri % (host, mode, os.path.join(server.home, ca))])
        planes.start(wait=False)
        assert planes.process.wait(30 * SLOW) == 1
        assert said in planes.log(), planes.log()
        planes.close()
    with Planes(options=["--store", uri % ("localhost", "verify-full", root)]) as planes:
        planes.no_failure_limits()
        planes.keys = {"opaque": planes.proxy("opaque", backend.url, policy="opaque", **REFRESH)}
        token = pair(planes)
        assert {status(planes, "/opaque/x", token["access_token"]) for _ in range(8)} == {200}
        sessions = server.sql("SELECT count(*), count(*) FILTER (WHERE ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                              " WHERE application_name = 'tollgate'").split("|")
        assert sessions[0] == sessions[1] != "0"
        server.stop()
        server.start()
        wait_for(lambda: status(planes, "/opaque/x", token["access_token"]) == 200, 30 * SLOW, "tokens are checked again", every=0.1)
        assert post(planes, "/auth/revoke", token=token["access_token"]).status_code == 200
        wait_for(lambda: status(planes, "/opaque/x", token["access_token"]) == 401, 10 * SLOW, "the notification comes through TLS")


# ---- roles ----

def documented(heading):
    """The SQL block behind a sentence of docs/operations.md."""
    with open(DOCUMENT, encoding="utf-8") as f:
        text = f.read()
    block = text.split(heading, 1)[1].split("\n\n")[1]
    return "\n".join(line[4:] for line in block.splitlines())


def test_a_gateway_s_role_does_its_work_and_writes_no_configuration(started, server, backend):
    """The roles and rights are those of docs/operations.md, word for word."""
    for statement in documented("As the server's administrator").split(";\n"):
        server.sql(re.sub(r" PASSWORD '[^']*'", "", statement).replace(" DATABASE tollgate ", " DATABASE roles "))
    server.sql(documented("In the new database"), "roles")
    manager = started("roles", "tollgate_manager", create=False, command="manager")
    manager.start()
    server.sql(documented("After the manager's first start"), "roles", "tollgate_manager")
    key_file = os.path.join(manager.data, "master.key")
    gateway = started("roles", "tollgate_gateway", create=False, command="gateway")
    gateway.options += ["--master-key-file", key_file]
    gateway.start()
    gateway.manager_port = manager.manager_port
    key = gateway.proxy("shop", backend.url, policy="opaque", **REFRESH)
    gateway.keys = {"opaque": key}
    token = pair(gateway)
    assert status(gateway, "/shop/x", token["access_token"]) == 200
    second = refresh(gateway, token["refresh_token"])
    assert second.status_code == 200
    assert post(gateway, "/auth/revoke", token=second.json()["refresh_token"]).status_code == 200
    assert {status(gateway, "/shop/x", second.json()["access_token"]) for _ in range(8)} == {401}
    for statement in ("UPDATE tollgate.head SET seq = seq", "SELECT * FROM tollgate.head FOR UPDATE", "SELECT * FROM tollgate.session",
                      "DELETE FROM tollgate.client", "SELECT * FROM tollgate.audit", "CREATE TABLE tollgate.mine (x int)",
                      "SELECT * FROM tollgate.signing_key", "SELECT * FROM tollgate.deployment_history", "DELETE FROM tollgate.change_log",
                      "UPDATE tollgate.resource SET doc = doc", "INSERT INTO tollgate.client_turn VALUES (1, 1, 1)",
                      "CREATE FUNCTION tollgate.mine () RETURNS int LANGUAGE sql AS 'SELECT 1'"):
        with pytest.raises(AssertionError, match="permission denied"):
            server.sql(statement, "roles", "tollgate_gateway")
    # nor does it see who may administer: their password hashes stand in the same table as what it needs
    kinds = [server.sql("SELECT DISTINCT kind FROM tollgate.resource WHERE kind IN (2, 10) ORDER BY 1", "roles", role).split()
             for role in ("tollgate_manager", "tollgate_gateway")]
    assert kinds == [["2", "10"], ["2"]]
    with pytest.raises(AssertionError, match="must be owner"):
        server.sql("ALTER TABLE tollgate.resource DISABLE ROW LEVEL SECURITY", "roles", "tollgate_gateway")
    owners = server.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'tollgate_tokens'", "roles")
    assert owners == "tollgate_gateway"  # also of what the manager made
