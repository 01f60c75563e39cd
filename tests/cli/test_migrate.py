"""migrate: all data from SQLite to PostgreSQL and back."""

import contextlib
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest
import requests

sys.path.append(str(pathlib.Path(__file__).parent.parent / "gateway"))

from harness import SLOW, Backend, Planes, wait_for  # noqa: E402
from harness_manager import BUILD  # noqa: E402
from postgres import Server  # noqa: E402

REFRESH = {"refreshTokenAllowed": True, "refreshTokenCount": 5, "refreshTokenExpiresInAmount": 1, "refreshTokenExpiresInUnit": "DAYS"}
MANY = 80_000


@pytest.fixture(scope="module")
def server():
    s = Server()
    yield s
    s.close()


@pytest.fixture(scope="module")
def backend():
    b = Backend()
    yield b
    b.close()


def call(planes, path, kind, **form):
    session = requests.Session()
    session.trust_env = False
    return session.post(planes.gateway + path, data=form, auth=planes.keys[kind], timeout=20 * SLOW)


def refresh(planes, kind, pair):
    return call(planes, "/auth/token", kind, grant_type="refresh_token", refresh_token=pair["refresh_token"])


class World:
    """An instance on SQLite that was used, and was stopped."""

    def __init__(self, backend):
        self.planes = planes = Planes()
        planes.start()
        planes.no_failure_limits()
        planes.manage("PATCH", "/environments/production/", {"accessUrl": "https://api.example.org"})
        planes.keys = {kind: planes.proxy(kind, backend.url, policy=kind, **REFRESH) for kind in ("opaque", "jwt")}
        planes.manage("POST", "/projects/shop/credentials/", {"username": "carol", "password": "correct-horse-battery"})
        planes.undeploy("jwt")      # turns the key's generation
        planes.deploy("jwt")
        self.living, self.refreshed, self.revoked = {}, {}, {}
        for kind in planes.keys:
            made = [call(planes, "/auth/token", kind, grant_type="client_credentials").json() for _ in range(5)]
            self.living[kind] = made[:2]
            self.refreshed[kind] = (made[2], refresh(planes, kind, made[2]).json())
            self.revoked[kind] = made[3:]
            for pair, which in zip(made[3:], ("access_token", "refresh_token")):
                assert call(planes, "/auth/revoke", kind, token=pair[which]).status_code == 200
        planes.stop()
        self.uri = f"sqlite:{planes.data}"
        self.master = os.path.join(planes.data, "master.key")

    def check(self, planes):
        """What clients hold is worth what it was."""
        planes.keys = self.planes.keys
        for kind in planes.keys:
            for pair in self.living[kind]:
                assert planes.get(f"/{kind}/x", pair["access_token"]).status_code == 200
            for pair in self.revoked[kind]:
                assert planes.get(f"/{kind}/x", pair["access_token"]).status_code == 401
            assert refresh(planes, kind, self.revoked[kind][1]).status_code == 400
            before, after = self.refreshed[kind]
            assert planes.get(f"/{kind}/x", after["access_token"]).status_code == 200
            again = refresh(planes, kind, before)
            assert again.status_code == 400 or again.json()["access_token"] == after["access_token"]
            more = refresh(planes, kind, self.living[kind][0])
            assert more.status_code == 200, more.text
            assert planes.get(f"/{kind}/x", more.json()["access_token"]).status_code == 200
            assert call(planes, "/auth/revoke", kind, token=self.living[kind][1]["access_token"]).status_code == 200
            assert planes.get(f"/{kind}/x", self.living[kind][1]["access_token"]).status_code == 401

    def close(self):
        self.planes.close()


@pytest.fixture
def world(backend):
    w = World(backend)
    yield w
    w.close()


def read(path, statement):
    """From a SQLite file, closed again: an open one counts as in use."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


def target(server, name):
    server.sql(f"CREATE DATABASE {name}")
    return server.uri(name)


def on(uri, world):
    return Planes(options=["--store", uri, "--master-key-file", world.master])


def rows(server, database, table):
    return int(server.sql(f"SELECT count(*) FROM {table}", database))


def test_tokens_and_configuration_are_worth_what_they_were(bare, world, server, backend):
    uri = target(server, "moved")
    before = {t: read(f"{world.planes.data}/config.db", f"SELECT * FROM {t}") for t in ("resource", "client_turn", "deployment")}
    text = bare("migrate", "--from", world.uri, "--to", uri)
    assert "rows are the same in both" in text and f"--store '{uri}'" in text
    for table, found in before.items():
        assert len(found) == rows(server, "moved", "tollgate." + table) > 0
    with on(uri, world) as planes:
        world.check(planes)
        assert planes.manage("GET", "/projects/shop/credentials/carol/")["result"]["username"] == "carol"
        ids = int(server.sql("SELECT max(id) FROM tollgate.resource", "moved"))
        planes.proxy("later", backend.url)
        assert int(server.sql("SELECT max(id) FROM tollgate.resource", "moved")) > ids      # no id is used twice
        assert planes.get("/later/x").status_code == 200
        assert len(planes.manage("GET", "/environments/production/nodes/")["resultList"]) == 1
    log = int(server.sql("SELECT count(*) FROM tollgate_tokens.request", "moved"))
    assert log > 10 and int(server.sql("SELECT seq FROM tollgate_tokens.request_head", "moved")) >= log


def test_and_back_again(bare, world, server):
    uri = target(server, "there")
    bare("migrate", "--from", world.uri, "--to", uri)
    planes = Planes(options=["--master-key-file", world.master])
    back = planes.data
    os.mkdir(back)
    if os.geteuid() == 0:
        shutil.chown(back, "nobody", "nogroup")     # who will run the planes
    bare("migrate", "--from", uri, "--to", f"sqlite:{back}")
    for file, tables in (("config.db", ("resource", "client", "client_turn", "deployment_history", "audit", "session", "meta", "snapshot")),
                         ("tokens.db", ("epoch", "revocation", "revocation_client", "revocation_environment")), ("requests.db", ("request", "request_block"))):
        for table in tables:
            here, there = (set(read(os.path.join(d, file), f"SELECT * FROM {table}")) for d in (world.planes.data, back))
            assert here - there == set() and {r for r in there - here if r[0] != "!moving"} == set(), table
    with planes:
        world.check(planes)


def seed(world, n):
    """Records as the gateway writes them, many."""
    db = sqlite3.connect(f"{world.planes.data}/tokens.db")
    table = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'token\\_d\\_%' ESCAPE '\\'").fetchone() \
        or db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'token\\_h\\_%' ESCAPE '\\' ORDER BY 1 DESC").fetchone()
    columns = [c[1] for c in db.execute(f"PRAGMA table_info({table[0]})")]
    made = {"hash": "randomblob(32)", "refresh_hash": "randomblob(32)", "family": "randomblob(16)"}
    db.execute(f"INSERT INTO {table[0]} SELECT {', '.join(made.get(c, f't.{c}') for c in columns)} FROM (SELECT * FROM {table[0]} LIMIT 1) t, "
               f"(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) SELECT i FROM n)")
    db.commit()
    db.close()
    return table[0]


def killed(bare, world, uri, when):
    """Starts a move and kills it with -9 once `when` says so."""
    process = subprocess.Popen([str(BUILD / "tollgate"), "migrate", "--from", world.uri, "--to", uri], env=bare.env, cwd=bare.home,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(lambda: when() or process.poll() is not None, 60 * SLOW, "the moment", every=0.005)
        assert process.poll() is None, "it was done before"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_killed_at_any_moment_it_goes_on_and_a_changed_row_is_found(bare, world, server):
    uri = target(server, "killed")
    table = f"tollgate_tokens.{seed(world, MANY)}"

    def there(what, least):
        def look():
            try:
                return rows(server, "killed", what) >= least
            except AssertionError:
                return False    # no such table yet
        return look

    def quiet():
        wait_for(lambda: server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tollgate'") == "0", 20 * SLOW, "it is gone")

    for moment in (there("tollgate.meta", 1), there(table, 1), there(table, MANY // 8), there(table, MANY // 4)):
        killed(bare, world, uri, moment)
        quiet()
    half = rows(server, "killed", table)
    assert half < MANY
    refused = on(uri, world)
    refused.start(wait=False)
    assert refused.process.wait(30 * SLOW) == 1
    assert "a migration into this store is not finished" in refused.log()
    refused.close()

    server.sql(f"UPDATE {table} SET scope = 'more' WHERE hash = (SELECT hash FROM {table} ORDER BY 1 LIMIT 1)", "killed")
    said = bare.refused("migrate", "--from", world.uri, "--to", uri)
    assert f"{table.split('.')[1]}: the row with hash = " in said and "differs" in said
    assert rows(server, "killed", table) > MANY
    quiet()
    server.sql(f"DELETE FROM {table} WHERE hash = (SELECT hash FROM {table} ORDER BY 1 LIMIT 1)", "killed")
    assert "is not in the target" in bare.refused("migrate", "--from", world.uri, "--to", uri)
    quiet()
    server.sql(f"TRUNCATE {table}", "killed")
    assert "rows are the same in both" in bare("migrate", "--from", world.uri, "--to", uri)
    with on(uri, world) as planes:
        world.check(planes)


def test_what_it_refuses(bare, world, server, tmp_path):
    uri = target(server, "refusing")
    assert "Say --from" in bare.refused("migrate", "--to", uri, expect=64)
    assert "Say --to" in bare.refused("migrate", "--from", uri, expect=64)
    assert "the same store" in bare.refused("migrate", "--from", uri, "--to", uri, expect=64)
    assert "sqlite:DIR or postgresql://" in bare.refused("migrate", "--from", "memory:a", "--to", uri)
    assert "is not there" in bare.refused("migrate", "--from", f"sqlite:{tmp_path}/nothing", "--to", uri)
    world.planes.start()
    said = bare.refused("migrate", "--from", world.uri, "--to", uri)
    assert "has it open: stop the planes first" in said
    world.planes.stop()
    with on(uri, world):
        said = bare.refused("migrate", "--from", world.uri, "--to", uri)
        assert "connections of Tollgate to it are open: stop the planes first" in said
    wait_for(lambda: server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tollgate'") == "0", 20 * SLOW, "they are gone")
    assert "the target holds data already" in bare.refused("migrate", "--from", world.uri, "--to", uri)
    other = target(server, "begun")
    bare("migrate", "--from", world.uri, "--to", other)
    server.sql("UPDATE tollgate.meta SET value = 'sqlite:/elsewhere' WHERE key = '!moving'", "begun")
    said = bare.refused("migrate", "--from", world.uri, "--to", other)
    assert "a migration from sqlite:/elsewhere into the target has begun" in said


def test_no_password_is_shown(bare, world, server):
    target(server, "secretive")
    uri = f"postgresql://admin:s3cret@127.0.0.1:{server.port}/secretive"
    done = bare.run("migrate", "--from", world.uri, "--to", uri)
    assert done.returncode == 0 and "s3cret" not in done.stdout + done.stderr, done.stderr
    back = bare.run("migrate", "--from", uri, "--to", f"sqlite:{bare.home}/back")
    assert back.returncode == 0 and "s3cret" not in back.stdout + back.stderr, back.stderr
    noted = read(f"{bare.home}/back/config.db", "SELECT * FROM meta")
    assert "s3cret" not in repr(noted)
    shutil.rmtree(f"{bare.home}/back")
