"""backup and restore, and the audit log of a backup."""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
import threading

import pytest
from harness_manager import Manager

MASTER = "master.key"


@pytest.fixture(scope="module")
def filled():
    with Manager() as m:
        m.project("shop")
        m.proxy("shop", "orders")
        shutil.copy(m.key_file, os.path.join(m.data, MASTER))
        yield m


@pytest.fixture
def archive(bare, filled):
    bare("backup", "--data", filled.data, "-o", "b.tar", "--with-master-key")
    return bare.home / "b.tar"


def entries(path):
    with tarfile.open(path) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar.getmembers()}


def rewrite(path, change):
    """The same archive with what `change` makes of its (name, bytes) list; sums are not made good."""
    out = path.with_name("changed.tar")
    with tarfile.open(out, "w") as tar:
        for name, data in change(list(entries(path).items())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out


def with_header(path, change, also=lambda items: items):
    def apply(items):
        header = json.loads(items[0][1])
        change(header)
        return [(items[0][0], json.dumps(header).encode())] + also(items[1:])
    return rewrite(path, apply)


def refused(bare, path, said):
    text = bare.refused("restore", path, "--data", "into")
    assert said in text, text
    assert not (bare.home / "into").exists()


def test_what_is_in_it(bare, filled, archive):
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    inside = entries(archive)
    header = json.loads(inside["tollgate-backup.json"])
    assert list(inside)[0] == "tollgate-backup.json" and header["tollgateBackup"] == 1
    assert {"config.db", "tokens.db", MASTER} <= set(inside)
    for part in header["parts"]:
        assert hashlib.sha256(inside[part["name"]]).hexdigest() == part["sha256"] and len(inside[part["name"]]) == part["size"]
    assert sorted(p.name for p in bare.home.iterdir()) == ["b.tar"]


def test_the_master_key_is_in_it_only_when_it_is_said(bare, filled):
    shown = bare("backup", "--data", filled.data, "-o", "b.tar")
    assert "The master key is not in it" in shown
    assert MASTER not in entries(bare.home / "b.tar")
    key = open(filled.key_file, "rb").read().strip()
    assert key not in (bare.home / "b.tar").read_bytes()
    assert "put it at into/master.key" in bare("restore", "b.tar", "--data", "into")


def test_a_manager_runs_on_what_was_restored(bare, filled, archive):
    bare("restore", archive, "--data", "data")
    folder = bare.home / "data"
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in folder.iterdir())
    assert {p.name for p in folder.iterdir()} >= {"config.db", "tokens.db", MASTER, "tollgate.data"}
    shutil.copy(filled.key_file, bare.home / MASTER)
    with Manager(home=str(bare.home)) as other:
        assert other.api("GET", "/projects/shop/apiProxies/orders/")["result"]["apiProxyName"] == "orders"


def test_a_backup_while_others_write_is_of_one_moment(bare, filled):
    """Each write makes a project and its audit row in one transaction: a copy has both or neither."""
    filled.login()
    filled.api("GET", "/projects/")
    stop = threading.Event()
    made = []

    def write():
        while not stop.is_set():
            name = f"w{len(made)}"
            filled.project(name)
            made.append(name)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for i in range(5):
            bare("backup", "--data", filled.data, "-o", f"{i}.tar")
    finally:
        stop.set()
        writer.join()
    counts = []
    for i in range(5):
        bare("restore", f"{i}.tar", "--data", f"into{i}")
        with sqlite3.connect(bare.home / f"into{i}" / "config.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            projects = {row[0] for row in db.execute("SELECT name FROM resource WHERE name GLOB 'w[0-9]*'")}
            told = {json.loads(row[0])["name"] for row in db.execute("SELECT state_after FROM audit WHERE what = 'POST /apiops/projects/' AND state_after LIKE '%\"w%'")}
            assert projects == told
            counts.append(len(projects))
    assert counts == sorted(counts) and len(made) > 0


def test_an_older_backup_is_replaced_whole(bare, filled, archive):
    before = archive.read_bytes()
    assert "no data directory" in bare.refused("backup", "--data", "nowhere", "-o", archive)
    assert archive.read_bytes() == before
    bare("backup", "--data", filled.data, "-o", archive)
    assert MASTER not in entries(archive)


def test_a_directory_that_is_not_empty_is_left_alone(bare, archive):
    bare.write("into/mine", "precious")
    assert "is not empty" in bare.refused("restore", archive, "--data", "into")
    assert [p.name for p in (bare.home / "into").iterdir()] == ["mine"]


def test_damage_is_found(bare, archive):
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    (bare.home / "flipped.tar").write_bytes(data)
    refused(bare, "flipped.tar", "damaged")
    for keep in (0, 100, 512, 2000, len(data) // 2, len(data) - 30000):
        (bare.home / "cut.tar").write_bytes(archive.read_bytes()[:keep])
        text = bare.refused("restore", "cut.tar", "--data", "into")
        assert "is no backup" in text or "damaged" in text or "cut off" in text
        assert not (bare.home / "into").exists()
    refused(bare, "missing.tar", "cannot read")


def test_an_archive_can_write_nowhere_else(bare, archive):
    """Names are those of a backup's parts and nothing else: no path, no link, nothing twice, nothing unnamed."""
    for name in ("../evil", "/tmp/evil", "config.db/../../evil", "tollgate.data", "operator.conf"):
        refused(bare, rewrite(archive, lambda items: items + [(name, b"x")]), "does not name")
        refused(bare, with_header(archive, lambda h: h["parts"].append(dict(h["parts"][0], name=name))), "none of a backup")
    refused(bare, rewrite(archive, lambda items: items + [items[1]]), "stands twice")
    refused(bare, with_header(archive, lambda h: h["parts"].append(h["parts"][0])), "names a part twice")
    refused(bare, rewrite(archive, lambda items: items[:-1]), "is missing")
    refused(bare, rewrite(archive, lambda items: items[1:]), "is no backup")
    link = bare.home / "link.tar"
    with tarfile.open(link, "w") as tar:
        inside = entries(archive)
        info = tarfile.TarInfo("tollgate-backup.json")
        info.size = len(inside["tollgate-backup.json"])
        tar.addfile(info, io.BytesIO(inside["tollgate-backup.json"]))
        info = tarfile.TarInfo("config.db")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    refused(bare, link, "is no file")


def test_other_versions_are_refused_by_name(bare, archive):
    refused(bare, with_header(archive, lambda h: h.update(tollgateBackup=2)), "format 2; this release reads format 1")
    bare("restore", archive, "--data", "work")
    path = bare.home / "work" / "config.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("PRAGMA user_version=999")
    newer = path.read_bytes()

    def change(header):
        header["parts"][0].update(sha256=hashlib.sha256(newer).hexdigest(), size=len(newer))

    assert json.loads(entries(archive)["tollgate-backup.json"])["parts"][0]["name"] == "config.db"
    refused(bare, with_header(archive, change, lambda items: [("config.db", newer)] + items[1:]), "schema version 999")


# the audit log


def test_the_audit_log_of_a_backup(bare, filled, archive):
    told = json.loads(bare("audit", "verify", archive, "-o", "json"))
    assert told["whole"] is True and told["rows"] == told["head"] and told["rows"] > 2 and told["firstBad"] is None
    head = f"{told['head']}:{told['hash']}"
    assert f"head {head}\n" in bare("audit", "verify", archive, "--head", head)
    assert "is another one than was kept" in bare.refused("audit", "verify", archive, "--head", f"{told['head']}:{'0' * 64}")
    assert "is missing" in bare.refused("audit", "verify", archive, "--head", f"{told['head'] + 1}:{told['hash']}")
    assert "must be SEQ:HASH" in bare.refused("audit", "verify", archive, "--head", "x")


@pytest.mark.parametrize("change,row,why", [
    ("UPDATE audit SET who = 'nobody' WHERE seq = 2", 2, "its hash is not"),
    ("UPDATE audit SET state_after = '{}' WHERE seq = 1", 1, "its hash is not"),
    ("DELETE FROM audit WHERE seq = 2", 3, "the row before it is missing"),
    ("DELETE FROM audit WHERE seq = 1", 2, "the row before it is missing"),
    ("UPDATE audit SET at = at + 1 WHERE seq = 2; UPDATE audit SET who = 'x' WHERE seq = 3", 2, "its hash is not"),
])
def test_an_audit_log_that_was_changed(bare, archive, change, row, why):
    bare("restore", archive, "--data", "work")
    with sqlite3.connect(bare.home / "work" / "config.db") as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        db.executescript(change)
    bare("backup", "--data", "work", "-o", "changed.tar")
    answer = bare.run("audit", "verify", "changed.tar", "-o", "json")
    assert answer.returncode == 1 and json.loads(answer.stdout)["firstBad"] == row
    assert f"broken at row {row}: " in answer.stderr and why in answer.stderr


def test_the_audit_log_of_a_manager(bare, filled):
    token = filled.login().json()["access_token"]
    env = {"TOLLGATE_URL": filled.root, "TOLLGATE_TOKEN": token}
    told = json.loads(bare("audit", "verify", "-o", "json", env=env))
    assert told["whole"] is True and told["rows"] == told["head"] > 2
    filled.project("later")
    assert "whole: " in bare("audit", "verify", "--head", f"{told['head']}:{told['hash']}", env=env)


def test_the_chain_as_the_decision_writes_it(bare, fake):
    """The two rows of docs/decisions/0014-audit-chain.md, as the management API shows them."""
    doc = {"name": "shop", "description": ""}
    first = {"id": 1, "at": "2026-03-20T09:46:40.000Z", "who": "admin", "what": "POST /apiops/projects/", "project": "shop", "before": None, "after": doc,
             "previousHash": "0" * 64, "hash": "1f7c06bf45b3c89aaf228884b5e26c1e685c5ee8cd02daa5590750b9c39cd38b"}
    second = {"id": 2, "at": "2026-03-20T09:46:40.001Z", "who": "admin", "what": "DELETE /apiops/projects/shop/", "project": "shop", "before": doc, "after": None,
              "previousHash": first["hash"], "hash": "091f4ddca22eadcf08f6166ba24cd994466091257e3ffd6d15f109cee8e82e78"}
    env = {"TOLLGATE_URL": fake.url, "TOLLGATE_TOKEN": "x"}

    def shows(*rows):
        fake.answers["/apiops/auditEvents/"] = (200, {"status": "SUCCESS", "resultList": list(rows), "resultCount": len(rows)})

    shows(second, first)
    assert f"whole: 2 rows\nhead 2:{second['hash']}\n" == bare("audit", "verify", env=env)
    for rows, row, why in (([second], 2, "the row before it is missing"), ([second, dict(first, who="x")], 1, "its hash is not"),
                           ([dict(second, previousHash="1" * 64), first], 2, "previousHash"), ([second, dict(first, project=None)], 1, "its hash is not"),
                           ([second, dict(first, hash="2" * 64)], 1, "its hash is not")):
        shows(*rows)
        said = bare.refused("audit", "verify", env=env)
        assert f"broken at row {row}: " in said and why in said, said
    shows(first, second)
    assert "out of order" in bare.refused("audit", "verify", env=env)
    shows({k: v for k, v in first.items() if k != "hash"})
    assert "no chain of hashes" in bare.refused("audit", "verify", env=env)
