"""Users in databases, through ODBC: a PostgreSQL of the tests' own and SQLite files; injection, types, servers that stop and come back."""

import base64
import glob
import hashlib
import json
import signal
import sqlite3
import threading
import time

import postgres
import pytest
from harness import SLOW, free_port
from probe import Refused, claims, step

QUERY = "SELECT username, password, enabled, full_name, mail, age, vip, score, born FROM users WHERE username = :username"
COLUMNS = {"passwordFormat": "CLEAR", "passwordColumn": "password", "enabledColumn": "enabled", "fullNameColumn": "full_name", "emailColumn": "mail",
           "query": QUERY, "roleQuery": "SELECT role FROM roles WHERE username = :username ORDER BY role"}
LOGIN = "a;b{c}d}} e=f'\\\"%"

USERS = [
    ("anna", "p-anna", True, "Anna A.", "anna@example.org", 30, True, 1.5),
    ("bert", "p-bert", False, "Bert", None, None, None, None),
    ("ж€😀 x", "пароль😀", True, None, None, -7, False, 0),
    ("o'hara\"; --", "it's", True, None, None, 1, True, 2),
]

INJECTIONS = [
    "' OR '1'='1", "anna' --", "anna'/*", "'; DROP TABLE users; --", "anna\\", "\\' OR 1=1 --", '" OR ""="', "anna' UNION SELECT 'x','x','1','','',1,1,1,'", ":username",
    "?", "{fn user()}", "$$x$$", "%", "_nna", "anna ", " anna", "ANNA", "anna\n", "ａnna", "х" * 128, "x" * 256,
]


def driver(name):
    found = glob.glob(f"/usr/lib/*/odbc/{name}")
    assert found, f"{name} is not installed (make deps)"
    return found[0]


def quoted(text):
    return "NULL" if text is None else "'" + str(text).replace("'", "''") + "'"


def schema(boolean):
    yield f"CREATE TABLE users (username VARCHAR(200), password VARCHAR(400), enabled {boolean}, full_name VARCHAR(100), mail VARCHAR(100), age INTEGER, " \
          f"vip {boolean}, score DECIMAL(10,2), born DATE)"
    yield "CREATE TABLE roles (username VARCHAR(200), role VARCHAR(300))"
    for u in USERS:
        yield f"INSERT INTO users VALUES ({', '.join(map(quoted, u))}, '2001-02-03')".replace("'True'", "'1'").replace("'False'", "'0'")
    for role in ("reader", "admin", "not a role"):
        yield f"INSERT INTO roles VALUES ('anna', {quoted(role)})"
    yield "INSERT INTO roles VALUES ('anna', NULL)"


class Sqlite:
    def __init__(self, folder):
        self.path = folder / "users.db"
        with sqlite3.connect(self.path) as db:
            for statement in schema("BOOLEAN"):
                db.execute(statement)

    def body(self, **more):
        return {"type": "DATABASE", "connectionString": f"Driver={driver('libsqlite3odbc.so')};Database={self.path};Timeout=60000", **COLUMNS, **more}

    def sql(self, statement):
        with sqlite3.connect(self.path, timeout=30) as db:
            return [list(row) for row in db.execute(statement)]

    def close(self):
        pass


class Postgres:
    def __init__(self, server):
        self.server = server
        for statement in schema("BOOLEAN"):
            server.sql(statement)
        server.sql("CREATE ROLE svc LOGIN PASSWORD " + quoted(LOGIN))
        server.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO svc")
        with open(f"{server.data}/pg_hba.conf", encoding="utf-8") as f:
            rules = f.read()
        with open(f"{server.data}/pg_hba.conf", "w", encoding="utf-8") as f:
            f.write("host all svc 127.0.0.1/32 scram-sha-256\n" + rules)
        server.sql("SELECT pg_reload_conf()")

    def body(self, **more):
        return {"type": "DATABASE", "connectionString": f"Driver={{{driver('psqlodbcw.so')}}};Server=127.0.0.1;Port={self.server.port};Database=postgres",
                "username": "svc", "password": LOGIN, **COLUMNS, **more}

    def sql(self, statement):
        return [[c for c in line.split("|")] for line in self.server.sql(statement).splitlines()]

    def close(self):
        self.server.close()


@pytest.fixture(scope="module", params=["postgres", "sqlite"])
def database(request, tmp_path_factory):
    d = Postgres(postgres.Server()) if request.param == "postgres" else Sqlite(tmp_path_factory.mktemp("sqlite"))
    yield d
    d.close()


@pytest.fixture
def server():
    """A PostgreSQL that the test may stop."""
    d = Postgres(postgres.Server())
    yield d
    d.close()


# ---- users ----


def test_a_user(probe, database):
    got = probe(database.body(columnsToFetch=[
        {"source": "age"}, {"source": "vip", "claim": "isVip", "includeInTokenResponse": True}, {"source": "score"}, {"source": "BORN", "claim": "born"}, {"source": "username", "claim": "login"},
    ])).check("anna", "p-anna")
    assert got["verdict"] == "ok" and got["subject"] == "anna" and got["fullName"] == "Anna A." and got["email"] == "anna@example.org"
    assert got["roles"] == ["admin", "reader"]
    told = claims(got)
    assert (told["age"], told["isVip"], told["born"], told["login"]) == (30, True, "2001-02-03", "anna")
    assert float(told["score"]) == 1.5
    assert [s["step"] for s in got["steps"]] == ["connect", "query", "roles", "password"] and all(s["ok"] for s in got["steps"])


def test_nobody_wrong_and_disabled(probe, database):
    p = probe(database.body(columnsToFetch=[{"source": "age"}]))
    assert p.check("anna", "p-bert")["verdict"] == "wrong_password"
    assert p.check("nobody", "x")["verdict"] == "nobody"
    assert p.check("bert", "p-bert")["verdict"] == "disabled"
    assert p.check("bert", "wrong")["verdict"] == "wrong_password"
    assert p.check("anna", "")["verdict"] == "wrong_password"
    assert p.look_up("anna")["roles"] == ["admin", "reader"]
    assert p.look_up("bert")["verdict"] == "disabled"
    assert p.look_up("nobody")["verdict"] == "nobody"
    assert p.check("ж€😀 x", "пароль😀")["subject"] == "ж€😀 x"
    assert p.check("o'hara\"; --", "it's")["subject"] == "o'hara\"; --"


def test_the_name_is_as_the_database_has_it(probe, database):
    p = probe(database.body(query=QUERY.replace("username = :username", "lower(username) = lower(:username)")))
    got = p.check("ANNA", "p-anna")
    assert got["verdict"] == "ok" and got["subject"] == "anna"


def test_several_rows_are_nobody(probe, database):
    p = probe(database.body(query=QUERY.replace("username = :username", "username = :username OR username = 'bert'")))
    assert p.check("anna", "p-anna")["verdict"] == "nobody"
    assert p.check("bert", "p-bert")["verdict"] == "disabled"
    assert p.look_up("anna")["verdict"] == "nobody"


def test_a_query_that_has_the_password(probe, database):
    p = probe(database.body(passwordFormat="QUERY", passwordColumn=None, query="SELECT username, enabled, full_name, mail FROM users WHERE password = :password AND username = :username"))
    assert p.check("anna", "p-anna")["verdict"] == "ok"
    assert p.check("anna", "' OR '1'='1")["verdict"] == "wrong_password"
    assert p.check("nobody", "x")["verdict"] == "wrong_password"
    assert p.check("bert", "p-bert")["verdict"] == "disabled"
    assert p.look_up("anna")["error"] == "invalid"


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_name_or_password_is_read_as_sql(probe, database, text):
    p = probe(database.body())
    assert p.check(text, "p-anna")["verdict"] == "nobody"
    assert p.check("anna", text)["verdict"] == "wrong_password"
    q = probe(database.body(passwordFormat="QUERY", passwordColumn=None, query=QUERY + " AND password = :password"))
    assert q.check(text, text)["verdict"] == "wrong_password"
    assert q.check("anna", text)["verdict"] == "wrong_password"
    assert q.check("anna", "p-anna")["verdict"] == "ok"
    assert len(database.sql("SELECT username FROM users")) >= len(USERS)


def test_names_and_passwords_of_any_length_and_bytes(probe, database):
    p = probe(database.body())
    for name in ("n", "n" * 256, "n" * 257, "n" * 65536, "", b"anna\0", b"\xff", b"\xed\xa0\x80", b"\xc0\xaf"):
        assert p.check(name, "x")["verdict"] == "nobody"
    for password in ("p" * 4096, "p" * 4097, "p" * 65536, b"p-anna\0", b"\xff"):
        assert p.check("anna", password)["verdict"] == "wrong_password"
    assert p.check("anna", "p-anna")["verdict"] == "ok"


def test_a_name_that_the_column_cannot_have_is_nobody(probe, database):
    """A name that is no number is an answer, and no failure of the database: it must not open a circuit breaker."""
    p = probe(database.body(query=QUERY.replace("username = :username", "age = :username")))
    assert p.check("30", "p-anna")["subject"] == "anna"
    assert p.check("anna", "p-anna")["verdict"] == "nobody"
    assert p.check("30", "p-anna")["verdict"] == "ok"


# ---- stored passwords ----


def test_formats_of_stored_passwords(probe, database):
    salted = hashlib.sha256(b"saltpw").hexdigest()
    rows = [
        ("DIGEST", salted.upper(), {"passwordDigest": "SHA256", "saltColumn": "full_name"}),
        ("BCRYPT", "$2b$05$abcdefghijklmnopqrstuuHIrMEWpUCQe2YqFR3sXwQ75u4od..9q", {}),
        ("PBKDF2", "pbkdf2_sha256$1000$salt$" + base64.b64encode(hashlib.pbkdf2_hmac("sha256", b"pw", b"salt", 1000)).decode(), {}),
    ]
    for i, (name, stored, more) in enumerate(rows):
        database.sql(f"INSERT INTO users (username, password, enabled, full_name) VALUES ('format{i}', {quoted(stored)}, '1', 'salt')")
        p = probe(database.body(passwordFormat=name, **more))
        assert p.check(f"format{i}", "pw")["verdict"] == "ok", name
        assert p.check(f"format{i}", "pW")["verdict"] == "wrong_password"
        got = p.check("anna", "p-anna")  # whose password is no such string
        assert got["verdict"] == "wrong_password" and "what is stored" in step(got, "password")["detail"]
        assert "p-anna" not in json.dumps(got)
        assert p.check("nobody", "x")["verdict"] == "nobody"


# ---- bounds and faults ----


def test_the_list(probe, database):
    for i in range(150):
        database.sql(f"INSERT INTO users (username, password, enabled) VALUES ('listed{i}', 'x', '{i % 2}')")
    p = probe(database.body(listQuery="SELECT username, full_name, mail, enabled, age FROM users ORDER BY username", columnsToFetch=[{"source": "age"}]))
    got = {u["subject"]: u for u in p.list()["users"]}
    assert {f"listed{i}" for i in range(150)} | {u[0] for u in USERS} <= set(got)
    assert got["listed1"]["verdict"] == "ok" and got["listed0"]["verdict"] == "disabled" and got["anna"]["email"] == "anna@example.org"
    assert claims(got["anna"]) == {"age": 30} and got["anna"]["roles"] == []
    assert p.check("anna", "p-anna")["verdict"] == "ok" and len(p.list()["users"]) == len(got)
    assert probe(database.body()).list()["error"] == "invalid"


def test_what_is_too_much(probe, database):
    database.sql("INSERT INTO users (username, password, enabled) VALUES ('many', 'x', '1')")
    for i in range(257):
        database.sql(f"INSERT INTO roles VALUES ('many', 'r{i}')")
    p = probe(database.body())
    assert p.check("many", "x")["error"] == "limit"
    assert p.check("anna", "p-anna")["verdict"] == "ok"
    wide = "replace(hex(zeroblob(5000)), '00', 'xx')" if isinstance(database, Sqlite) else "repeat('x', 10000)"
    q = probe(database.body(query=QUERY.replace("SELECT ", f"SELECT {wide} AS wide, "), columnsToFetch=[{"source": "wide"}]))
    assert q.check("anna", "p-anna")["error"] == "limit"


def test_long_cells_come_whole(probe, database):
    wide = "replace(hex(zeroblob(1500)), '00', char(1078, 223))" if isinstance(database, Sqlite) else "repeat('жß', 1500)"
    p = probe(database.body(query=QUERY.replace("SELECT ", f"SELECT {wide} AS wide, "), columnsToFetch=[{"source": "wide"}]))
    assert claims(p.check("anna", "p-anna"))["wide"] == "жß" * 1500


def test_statements_that_cannot_be(probe, database):
    for more in ({"query": QUERY.replace("users", "absent")}, {"query": "SELECT username FROM users WHERE username = :username"}, {"passwordColumn": "nope"},
                 {"roleQuery": "SELECT nope FROM roles WHERE username = :username"}, {"columnsToFetch": [{"source": "nope"}]}):
        got = probe(database.body(**more)).check("anna", "p-anna")
        assert got["error"] in ("invalid", "unavailable") and got["fault"]
        assert "p-anna" not in json.dumps(got)
    for query in ("DELETE FROM users WHERE username = :username", QUERY + "; DROP TABLE users", QUERY.replace(":username", "?"), QUERY + " -- x", "SELECT 1"):
        with pytest.raises(Refused):
            probe(database.body(query=query))


def test_no_secret_in_steps_and_faults(probe, server):
    body = server.body(passwordFormat="QUERY", passwordColumn=None, query=QUERY + " AND age = :password")
    got = probe(body).check("anna", "hunter2")  # which PostgreSQL would quote: invalid input syntax for type integer
    assert got["verdict"] == "wrong_password" and "hunter2" not in json.dumps(got)
    got = probe({**body, "password": "another-secret"}).check("anna", "x")
    assert got["error"] == "unavailable" and "another-secret" not in json.dumps(got) and "authentication failed" in got["fault"]


def test_drivers_and_servers_that_are_not_there(probe, server):
    got = probe(server.body(connectionString="Driver=/usr/lib/nope.so;Server=x")).check("anna", "x")
    assert got["error"] == "invalid" and "nope.so" in got["fault"]
    got = probe(server.body(connectionString="DSN=absent")).check("anna", "x")
    assert got["error"] == "invalid"
    got = probe(server.body(connectionString=f"Driver={driver('psqlodbcw.so')};Server=127.0.0.1;Port={free_port()};Database=x")).check("anna", "x")
    assert got["error"] == "unavailable" and not step(got, "connect")["ok"]
    got = probe(server.body(connectionString=server.body()["connectionString"].replace("psqlodbcw", "psqlodbca"))).check("anna", "x")
    assert got["error"] == "invalid" and "Unicode" in got["fault"]


# ---- servers that stop, hang and come back ----


def test_a_connection_is_kept_and_made_anew_once(probe, server):
    p = probe(server.body())
    assert step(p.check("anna", "p-anna"), "connect")
    assert step(p.check("anna", "p-anna"), "connect") is None
    server.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'svc'")
    got = p.check("anna", "p-anna")
    assert got["verdict"] == "ok" and step(got, "connect")["ok"]


def test_a_server_that_starts_again(probe, server):
    p = probe(server.body())
    assert p.check("anna", "p-anna")["verdict"] == "ok"
    server.server.stop()
    assert p.check("anna", "p-anna")["error"] == "unavailable"
    server.server.start()
    assert p.check("anna", "p-anna")["verdict"] == "ok"


def test_a_server_that_is_stopped_holds_nobody(probe, server):
    """SIGSTOP: connections stay and nothing answers. Every question ends at its deadline, and when the server goes on, all is as before."""
    p = probe(server.body(timeoutMillis=500))
    assert p.check("anna", "p-anna")["verdict"] == "ok"
    server.server.signal_all(signal.SIGSTOP)
    try:
        for _ in range(7):  # more than threads may be lost
            got = p.check("anna", "p-anna")
            assert got["error"] == "unavailable" and got["fault"]
    finally:
        server.server.signal_all(signal.SIGCONT)
    end = time.monotonic() + 60 * SLOW
    while p.check("anna", "p-anna").get("verdict") != "ok":
        assert time.monotonic() < end
        time.sleep(0.2)
    assert p.check("anna", "p-bert")["verdict"] == "wrong_password"


def test_a_probe_ends_while_its_server_is_stopped(probe, server):
    p = probe(server.body(timeoutMillis=300))
    assert p.check("anna", "p-anna")["verdict"] == "ok"
    server.server.signal_all(signal.SIGSTOP)
    try:
        assert p.check("anna", "p-anna")["error"] == "unavailable"
        p.close()
    finally:
        server.server.signal_all(signal.SIGCONT)


def test_a_query_that_takes_too_long(probe, server):
    p = probe(server.body(timeoutMillis=400, query=QUERY.replace("username = :username", "username = :username AND (username <> 'anna' OR pg_sleep(30) IS NOT NULL)")))
    assert p.check("anna", "p-anna")["error"] == "unavailable"
    assert p.check("ж€😀 x", "пароль😀")["verdict"] == "ok"


def test_a_locked_sqlite_file_holds_nobody(probe, tmp_path):
    d = Sqlite(tmp_path)
    p = probe(d.body(timeoutMillis=300))
    lock = sqlite3.connect(d.path, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    assert p.check("anna", "p-anna")["error"] == "unavailable"
    lock.execute("COMMIT")
    lock.close()
    assert p.check("anna", "p-anna")["verdict"] == "ok"


def test_one_that_is_stopped_does_not_slow_another(probe, server, tmp_path):
    d = Sqlite(tmp_path)
    stuck, fine = probe(server.body(timeoutMillis=3000)), probe(d.body())
    assert stuck.check("anna", "p-anna")["verdict"] == "ok"
    server.server.signal_all(signal.SIGSTOP)
    try:
        waiting = threading.Thread(target=stuck.check, args=("anna", "p-anna"))
        waiting.start()
        for _ in range(20):
            assert fine.check("anna", "p-anna")["verdict"] == "ok"
        waiting.join()
    finally:
        server.server.signal_all(signal.SIGCONT)
