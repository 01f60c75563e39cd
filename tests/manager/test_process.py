"""Start, stop, restart, and what is refused at start."""
import os
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from harness_manager import BUILD, PASSWORD, SLOW, master_key


def test_a_generated_password_is_printed_once(own):
    manager = own(password=None).start()
    line = [line for line in manager.out().splitlines() if line]
    assert len(line) == 1 and line[0].startswith('administrator "admin", password: ')
    password = line[0].split(": ", 1)[1]
    assert len(password) >= 20
    assert manager.login(password=password).status_code == 200
    manager.stop()
    manager.start()
    assert manager.out().count("password") == 1
    assert manager.login(password=password).status_code == 200
    assert password not in manager.log()


def test_a_given_password_is_not_printed(own):
    manager = own().start()
    assert manager.out() == ""
    assert manager.login(password=PASSWORD).status_code == 200


@pytest.mark.parametrize("password, part", [("short", "12"), ("\n", "empty")])
def test_a_given_password_that_is_too_short(own, password, part):
    assert part in own(password=password).fails()


def test_the_password_file_is_needed_once(own):
    manager = own(password=None)
    manager.options = ["--admin-password-file", os.path.join(manager.home, "given")]
    assert "cannot be read" in manager.fails()
    with open(os.path.join(manager.home, "given"), "w") as f:
        f.write(PASSWORD)
    manager.start()
    manager.stop()
    os.unlink(os.path.join(manager.home, "given"))
    manager.start()
    assert manager.login(password=PASSWORD).status_code == 200


def test_a_restart_keeps_everything(own):
    manager = own().start()
    manager.project("kept")
    key = manager.proxy("kept", "orders")["applicationKey"]
    manager.policy("kept", "orders")
    manager.deploy("kept", "orders")
    paths = ["/projects/kept/", "/projects/kept/apiProxies/orders/", "/projects/kept/apiProxies/orders/policies/auth/", "/environments/production/",
             "/environments/production/keys/", "/projects/kept/apiProxies/orders/deploy-histories/", "/projects/kept/apiProxies/orders/settings/keys/"]
    before = [manager.api("GET", path) for path in paths]
    snapshot, client, token = manager.snapshot(), manager.client(key["clientId"]), manager.token
    audit = manager.api("GET", "/auditEvents/")["resultCount"]
    assert manager.stop(signal.SIGKILL) == -9
    manager.start()
    manager.token = token  # sessions too
    assert [manager.api("GET", path) for path in paths] == before
    assert (manager.snapshot(), manager.client(key["clientId"])) == (snapshot, client)
    assert manager.api("GET", "/auditEvents/")["resultCount"] == audit
    with sqlite3.connect(f"{manager.data}/config.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_second_manager_is_refused(own):
    first = own().start()
    second = own(home=first.home)
    second.log_path = os.path.join(first.home, "log2")
    second.ready_file = os.path.join(first.home, "ready2")
    assert "another manager is running" in second.fails()
    assert first.api("GET", "/projects/")
    first.stop()
    second.start()
    second.stop()


def test_another_master_key_is_refused(own):
    manager = own().start()
    manager.stop()
    with open(manager.key_file, "w") as f:
        f.write(master_key())
    assert "master key" in manager.fails()


@pytest.mark.parametrize("text, part", [("", "master key"), ("nonsense\n", "master key"), ("tollgate-master-1:AAAA\n", "master key"), (None, "cannot open")])
def test_a_bad_master_key_file(own, text, part):
    manager = own()
    os.unlink(manager.key_file)
    if text is not None:
        with open(manager.key_file, "w") as f:
            f.write(text)
    assert part in manager.fails()


@pytest.mark.parametrize("name", ["config", "tokens"])
def test_a_newer_schema_is_refused_and_not_touched(own, name):
    manager = own().start()
    manager.stop()
    path = f"{manager.data}/{name}.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 999")
    assert "999" in manager.fails()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (999,)


def test_a_port_in_use(own):
    first, second = own().start(), own()
    second.options = ["--listen", first.address]
    assert "cannot listen" in second.fails()


@pytest.mark.parametrize("arguments", [[], ["--nonsense"], ["--store", "sqlite:/tmp/x"], ["--store", "sqlite:/x", "--master-key-file", "/x", "--listen", "x"],
                                       ["--store", "sqlite:/x", "--master-key-file", "/x", "more"]])
def test_bad_options(arguments):
    out = subprocess.run([BUILD / "tollgate-manager", *arguments], capture_output=True, text=True, timeout=20 * SLOW)
    assert out.returncode == 2 and "--help" in out.stderr


def test_help_and_version():
    out = subprocess.run([BUILD / "tollgate-manager", "--help"], capture_output=True, text=True, timeout=20 * SLOW)
    assert out.returncode == 0 and "--master-key-file" in out.stdout
    out = subprocess.run([BUILD / "tollgate-manager", "--version"], capture_output=True, text=True, timeout=20 * SLOW)
    assert out.returncode == 0 and out.stdout.startswith("tollgate-manager ")


def test_an_unknown_store(own):
    manager = own()
    manager.options = ["--store", "oracle:x", "--data", manager.home]
    assert "store oracle:x" in manager.fails()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_graceful_stop_answers_what_was_begun(own, sig):
    manager = own().start()
    manager.api("GET", "/projects/")
    answers = []

    def slow():
        answers.append(manager.http("POST", "/apiops/environments/", json={"name": "while-stopping"}).status_code)  # makes an RSA key

    thread = threading.Thread(target=slow)
    thread.start()
    time.sleep(0.05)
    assert manager.stop(sig) == 0
    thread.join(20 * SLOW)
    assert answers == [201]
    manager.start()
    assert manager.api("GET", "/environments/while-stopping/")


def test_ready_fd(own):
    manager = own()
    read, write = os.pipe()
    argv = manager.argv() + ["--ready-fd", str(write)]
    manager.process = subprocess.Popen(argv, pass_fds=[write], stderr=open(manager.log_path, "ab"))
    os.close(write)
    with os.fdopen(read) as f:
        assert f.readline().startswith("127.0.0.1:")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_privileges_are_dropped(own):
    manager = own()
    os.chmod(manager.home, 0o755)
    manager.options = ["--user", "nobody"]
    manager.ready_file = os.path.join(manager.home, "data", "ready")
    os.chmod(manager.key_file, 0o600)  # root's; read before the drop
    manager.start()
    with open(f"/proc/{manager.process.pid}/status") as f:
        status = dict(line.split(":\t", 1) for line in f if ":\t" in line)
    nobody = str(os.stat(manager.data).st_uid)
    assert status["Uid"].split() == [nobody] * 4 and nobody != "0"
    assert "0" not in status["Gid"].split() and "0" not in status["Groups"].split()
    assert manager.api("GET", "/health/live".replace("/health", "/projects").replace("/live", "/"))
    manager.stop()
    manager.options = ["--user", "no-such-user-here"]
    assert "no user" in manager.fails()


def test_a_store_that_cannot_be_written_is_503_and_changes_nothing(own):
    manager = own().start()
    manager.api("GET", "/projects/")
    blocker = sqlite3.connect(f"{manager.data}/config.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    answer = manager.http("POST", "/apiops/projects/", json={"name": "blocked"})
    assert answer.status_code == 503 and answer.json()["status"] == "FAILURE" and answer.headers["Retry-After"]
    assert manager.api("GET", "/projects/?q=blocked")["resultList"] == []  # reads go on
    blocker.execute("ROLLBACK")
    blocker.close()
    manager.project("blocked")
