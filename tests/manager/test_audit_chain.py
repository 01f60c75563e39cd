"""The audit log: append-only, a chain of hashes (docs/decisions/0014-audit-chain.md), with what was refused."""
import datetime
import hashlib
import json
import pathlib
import re
import sqlite3
import threading

import pytest

from harness_manager import ROOT

BROKEN = {"changed": "UPDATE audit SET who = 'nobody' WHERE seq = {0}", "changed after": "UPDATE audit SET state_after = '{{}}' WHERE seq = {0}",
          "moved in time": "UPDATE audit SET at = at + 1 WHERE seq = {0}", "of another project": "UPDATE audit SET project = 'x' WHERE seq = {0}",
          "removed": "DELETE FROM audit WHERE seq = {0}", "hash made anew": "UPDATE audit SET who = 'nobody', hash = zeroblob(32) WHERE seq = {0}",
          "put in": "INSERT INTO audit SELECT -1, at, who, what, project, state_before, state_after, previous, hash FROM audit WHERE seq = {0};"
                    "UPDATE audit SET seq = seq + 1000000 WHERE seq > {0}; UPDATE audit SET seq = {0} + 1 WHERE seq = -1;"
                    "UPDATE audit SET seq = seq - 999999 WHERE seq > 1000000",
          "changed places": "UPDATE audit SET seq = -1 WHERE seq = {0}; UPDATE audit SET seq = {0} WHERE seq = {0} + 1; UPDATE audit SET seq = {0} + 1 WHERE seq = -1"}
FREE = "DROP TRIGGER audit_not_changed; DROP TRIGGER audit_not_removed;"


def netstring(value):
    data = str(value).encode()
    return b"%d:%s," % (len(data), data)


def number(value):
    out = "%.17g" % value
    mantissa, mark, exponent = out.partition("e")
    return out + ".0" if not mark and "." not in out else mantissa + ("e%d" % int(exponent) if mark else "")


def text(document):
    """tg_json_write, by the words of the decision."""
    if isinstance(document, dict):
        return "{" + ",".join(f"{text(k)}:{text(document[k])}" for k in sorted(document, key=str.encode)) + "}"
    if isinstance(document, list):
        return "[" + ",".join(text(v) for v in document) + "]"
    if isinstance(document, float):
        return number(document)
    out = json.dumps(document, ensure_ascii=False)
    return re.sub(r"\\u00[0-9a-f]{2}", lambda m: "\\u" + m[0][2:].upper(), out)


def hash_of(row):
    at = round(datetime.datetime.fromisoformat(row["at"]).timestamp() * 1000)
    fields = (row["id"], at, row["who"], row["what"], row["project"] or "", *("" if row[side] is None else text(row[side]) for side in ("before", "after")))
    return hashlib.sha256(bytes.fromhex(row["previousHash"]) + b"".join(netstring(f) for f in fields)).hexdigest()


def walk(manager, query=""):
    """All events, newest first, by `before`."""
    rows, before = [], ""
    while True:
        answer = manager.api("GET", f"/auditEvents/?pageSize=7{before}{query}")
        rows += answer["resultList"]
        if answer["next"] is None:
            return rows
        before = f"&before={answer['next']}"


def first_fault(rows):
    """What a check says of rows, oldest first; None: the chain holds."""
    previous, seq = "0" * 64, 1
    for row in sorted(rows, key=lambda r: r["id"]):
        if row["id"] != seq or row["previousHash"] != previous or row["hash"] != hash_of(row):
            return row["id"]
        previous, seq = row["hash"], seq + 1
    return None


def written(manager):
    manager.project("sh-op")
    manager.api("PATCH", "/projects/sh-op/", {"description": "sch\u00f6n, \"quoted\" \\ and\na line \u2603 \U0001f6aa"})
    manager.proxy("sh-op", "p")
    manager.policy("sh-op", "p")
    manager.deploy("sh-op", "p")
    manager.api("POST", "/projects/sh-op/credentials/", {"username": "n-u", "metadata": [{"key": "f", "value": 0.1}, {"key": "g", "value": 1e300}]})
    manager.api("DELETE", "/projects/sh-op/credentials/n-u/")


def test_the_chain_holds_and_has_a_head(own):
    with own() as m:
        written(m)
        rows = walk(m)
        assert len(rows) > 8 and first_fault(rows) is None
        assert m.api("GET", "/auditEvents/head")["result"] == {"seq": rows[0]["id"], "hash": rows[0]["hash"]}
        kept = m.api("GET", "/auditEvents/head/")["result"]
        m.project("later")
        rows = walk(m)
        assert first_fault(rows) is None and next(r for r in rows if r["id"] == kept["seq"])["hash"] == kept["hash"]


@pytest.mark.parametrize("how", BROKEN)
def test_whatever_was_done_to_a_row_shows(own, how):
    m = own()
    m.start()
    written(m)
    assert first_fault(walk(m)) is None
    with sqlite3.connect(f"{m.data}/config.db", timeout=20) as db:
        db.executescript(FREE + BROKEN[how].format(5))
    assert first_fault(walk(m)) in (5, 6)


def test_a_row_taken_off_the_end_shows_with_the_head_or_the_next_row(own):
    m = own()
    m.start()
    written(m)
    head = m.api("GET", "/auditEvents/head")["result"]
    with sqlite3.connect(f"{m.data}/config.db", timeout=20) as db:
        db.executescript(FREE + f"DELETE FROM audit WHERE seq = {head['seq']}")
    assert m.api("GET", "/auditEvents/head")["result"]["seq"] < head["seq"]
    m.project("next")
    assert first_fault(walk(m)) == head["seq"] + 1


def test_the_table_refuses_changes(own):
    with own() as m:
        with sqlite3.connect(f"{m.data}/config.db", timeout=20) as db:
            for statement in ("UPDATE audit SET who = 'x'", "DELETE FROM audit", "UPDATE audit SET seq = seq + 1", "REPLACE INTO audit SELECT * FROM audit"):
                with pytest.raises(sqlite3.IntegrityError, match="append-only|UNIQUE"):
                    db.execute("PRAGMA recursive_triggers=ON")
                    db.execute(statement)


def test_rows_know_their_project(own):
    with own() as m:
        written(m)
        assert {r["project"] for r in walk(m, "&project=sh-op")} == {"sh-op"}
        whats = [r["what"] for r in walk(m, "&project=sh-op")]
        assert "POST /apiops/projects/" in whats and "POST /apiops/projects/sh-op/apiProxies/url/" in whats
        m.api("PATCH", "/projects/sh%2Dop/", {"description": "by another spelling"})
        assert walk(m, "&project=sh-op")[0]["after"]["description"] == "by another spelling"
        m.api("POST", "/import", {"document": {"tollgate": 1, "projects": [{"name": "imported"}]}})
        assert walk(m, "&project=imported")
        assert first_fault(walk(m)) is None


def test_paging_by_before(own):
    with own() as m:
        written(m)
        everything = m.api("GET", "/auditEvents/?pageSize=1000")
        assert everything["next"] is None and everything["resultCount"] == len(everything["resultList"])
        assert walk(m) == everything["resultList"]
        for bad in ("before=0", "before=x", "before=5&page=2", "before=-1"):
            m.refused(400, "GET", "/auditEvents/?" + bad)


# ---- what was refused ----


def refusals(manager):
    return [r for r in walk(manager) if r["after"] and "refused" in r["after"]]


def test_failed_logins_and_missing_roles_are_events(own):
    with own() as m:
        m.api("POST", "/administrators/", {"name": "vera", "role": "VIEWER", "password": "password of vera"})
        token = m.login("vera", "password of vera").json()["access_token"]
        m.login("vera", "wrong password")
        m.login("my own password, typed in the wrong field", "x")
        m.refused(403, "POST", "/projects/", {"name": "by-vera"}, token=token)
        m.http("GET", "/apiops/projects/", token=False, headers={"Authorization": "Basic dmVyYTp4"})
        m.http("GET", "/apiops/projects/", token=False)  # nobody failed to log in here
        m.refused(404, "GET", "/projects/nothing/", token=token)
        rows = refusals(m)[::-1]
        assert [(r["who"], r["what"], r["after"]["refused"]["status"]) for r in rows] == [
            ("vera", "POST /apiops/auth/token/", 401), ("", "POST /apiops/auth/token/", 401), ("vera", "POST /apiops/projects/", 403),
            ("vera", "GET /apiops/projects/", 401)]
        assert all(r["before"] is None and r["after"]["refused"]["address"] == "127.0.0.1" for r in rows)
        assert "typed in the wrong" not in json.dumps(walk(m)) and first_fault(walk(m)) is None
        m.api("PATCH", "/administrators/vera/", {"role": None, "projects": [{"name": "default", "role": "VIEWER"}]})
        m.refused(404, "GET", "/projects/guessed/", token=token)
        assert refusals(m)[0]["project"] == "guessed" and refusals(m)[0]["after"]["refused"]["status"] == 404


def test_a_flood_is_bounded_and_hides_nothing_else(own):
    with own() as m:
        m.api("POST", "/administrators/", {"name": "vera", "role": "VIEWER", "password": "password of vera"})
        token = m.login("vera", "password of vera").json()["access_token"]
        for _ in range(100):
            m.refused(403, "POST", "/projects/", {"name": "x"}, token=token)
        assert 60 <= len(refusals(m)) < 75
        m.login("vera", "wrong password")
        assert refusals(m)[0]["after"]["refused"] == {"address": "127.0.0.1", "status": 401, "omitted": 0}
        assert first_fault(walk(m)) is None


# ---- databases of before ----


def database_of_version_2(path, admin):
    db = sqlite3.connect(path)
    for step in ("0001_initial", "0002_principals"):
        db.executescript((pathlib.Path(ROOT) / "migrations/sqlite/config" / (step + ".sql")).read_text())
    db.executescript("PRAGMA journal_mode=WAL; PRAGMA application_id=1413964646; PRAGMA user_version=2")
    db.execute("INSERT INTO resource VALUES (1, 10, NULL, 'admin', 1, 1, 1, ?)", (json.dumps({"role": "ADMIN", "enabled": True, "password": admin}),))
    for seq, what in ((2, "POST /apiops/projects/"), (3, "PUT /apiops/projects/shop/"), (7, "DELETE /apiops/environments/shop/")):
        db.execute("INSERT INTO audit VALUES (?, ?, 'admin', ?, '', '{\"a\":1}')", (seq, 1774000000000 + seq, what))
    db.commit()
    db.close()


def test_a_database_of_before_goes_on(own):
    first = own()
    first.start()
    with first.config() as db:
        password = json.loads(db.execute("SELECT doc FROM resource WHERE kind = 10").fetchone()[0])["password"]
    first.stop()
    m = own()
    pathlib.Path(m.data).mkdir()
    database_of_version_2(f"{m.data}/config.db", password)
    m.start()
    rows = walk(m)
    assert first_fault(rows) is None
    old = [r for r in rows if r["at"].startswith("2026-03-20T")]
    assert [(r["id"], r["what"], r["project"]) for r in old] == [
        (3, "DELETE /apiops/environments/shop/", None), (2, "PUT /apiops/projects/shop/", "shop"), (1, "POST /apiops/projects/", None)]
    m.api("POST", "/administrators/admin/tokens/", {"name": "new"})
    assert first_fault(walk(m)) is None


def test_many_writers_keep_one_chain(own):
    with own() as m:
        m.api("GET", "/projects/")

        def work(name):
            for i in range(15):
                m.project(f"{name}-{i}")
                m.login("nobody", "guess")

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        rows = walk(m)
        assert first_fault(rows) is None and len([r for r in rows if r["what"] == "POST /apiops/projects/"]) == 60
