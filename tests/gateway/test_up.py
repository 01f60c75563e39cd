"""The tollgate command: options, what it refuses to start on, whom it runs as, what it watches, how it stops."""

import json
import os
import pwd
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import time
import warnings

import pytest
import requests

from harness import ADMIN_PASSWORD, BUILD, SLOW, Planes, child_environment, free_port, wait_for
from tools import Authority, close_all, insecure_client

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="started as root only")


def command(*args, timeout=30, **kwargs):
    """A call that ends by itself."""
    return subprocess.run([str(BUILD / "tollgate"), *args], capture_output=True, text=True, timeout=timeout * SLOW, env=child_environment(),
                          stdin=subprocess.DEVNULL, **kwargs)


def start_fails(planes, *more, status=1):
    """Starts it and expects an end with this status; what it said."""
    planes.options += more
    planes.start(wait=False)
    assert planes.process.wait(30 * SLOW) == status, planes.log()
    planes.expected_log.append("[emerg]")
    assert not os.path.exists(planes.ready_file)
    return planes.log()


@pytest.fixture
def fresh():
    """Planes that are not started yet."""
    made = []

    def make(**kwargs):
        made.append(Planes(**kwargs))
        return made[-1]

    yield make
    close_all(made)


# ---- options ----

def test_version_and_help():
    for argument in ("version", "--version"):
        assert re.fullmatch(r"tollgate \d+\.\d+\.\d+\n", command(argument).stdout)
    for arguments in (["--help"], ["help"], ["-h"]):
        answer = command(*arguments)
        assert answer.returncode == 0
        for name in ("up", "manager", "gateway", "demo", "version"):
            assert re.search(rf"^  {name} ", answer.stdout, re.M)
    common = ["--data", "--gateway", "--manager", "--environment", "--workers", "--store", "--master-key-file", "--user", "--ready-file",
              "--tls-certificate", "--tls-key"]
    own = {"up": ["--admin-password-file"], "manager": ["--admin-password-file"], "gateway": [], "demo": ["--once"]}
    for name, more in own.items():
        answer = command(name, "--help")
        assert answer.returncode == 0 and answer.stderr == ""
        for option in common + more:
            assert re.search(rf"^  {option} ", answer.stdout, re.M), (name, option)


@pytest.mark.parametrize("arguments, named", [
    ([], "Usage"),
    (["fly"], "fly: no such command"),
    (["up"], "--data"),
    (["up", "--data"], "--data: a value is missing"),
    (["up", "--data", ""], "--data"),
    (["up", "--data", "/tmp/a;b"], "--data"),
    (["up", "--data", "/tmp/x", "--bogus"], "--bogus: no such option"),
    (["up", "--data", "/tmp/x", "stray"], "stray: not an option"),
    (["up", "--data", "/tmp/x", "--once"], "--once: no such option"),
    (["gateway", "--data", "/tmp/x", "--admin-password-file", "/tmp/x"], "no such option"),
    (["up", "--data", "/tmp/x", "--workers", "0"], "--workers"),
    (["up", "--data", "/tmp/x", "--workers", "65"], "--workers"),
    (["up", "--data", "/tmp/x", "--workers", "two"], "--workers"),
    (["up", "--data", "/tmp/x", "--gateway", "127.0.0.1:99999"], "--gateway"),
    (["up", "--data", "/tmp/x", "--gateway", "::1:80"], "--gateway"),
    (["up", "--data", "/tmp/x", "--manager", "here"], "--manager"),
    (["up", "--data", "/tmp/x", "--status", "127.0.0.1:8080; evil"], "--status"),
    (["up", "--data", "/tmp/x", "--environment", "a b"], "--environment"),
    (["up", "--data", "/tmp/x", "--environment", ""], "--environment"),
    (["up", "--data", "/tmp/x", "--tls-certificate", "/tmp/x.crt"], "--tls-certificate and --tls-key go together"),
    (["up", "--data", "/tmp/x", "--tls-key", "/tmp/x.key"], "--tls-certificate and --tls-key go together"),
    (["up", "--data", "/tmp/x", "--ready-file", "/tmp/\"x"], "--ready-file"),
])
def test_each_bad_option_names_itself(arguments, named):
    answer = command(*arguments)
    assert answer.returncode == (2 if arguments and arguments[0] != "fly" else 64)
    assert named in answer.stderr and answer.stdout == ""


@ROOT_ONLY
def test_user_that_is_not_there(fresh):
    assert "--user: there is no user nobody-knows-me" in start_fails(fresh(), "--user", "nobody-knows-me", status=2)


def test_store_of_an_unknown_kind(fresh):
    assert "--store" in start_fails(fresh(), "--store", "carrier-pigeon:/tmp")


# ---- what it refuses to start on ----

@pytest.fixture
def stopped(fresh):
    """Planes that ran once and left a data directory."""
    planes = fresh(workers=1)
    planes.start()
    planes.stop()
    return planes


def digest(folder):
    for name in ("config.db", "tokens.db"):
        with sqlite3.connect(os.path.join(folder, name)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # whoever closes it last may write back what is in the log
        db.close()
    return {name: open(os.path.join(folder, name), "rb").read() for name in ("config.db", "tokens.db", "master.key")}


def test_foreign_directory_is_refused_and_left_as_it_is(fresh):
    planes = fresh()
    os.makedirs(planes.data)
    with open(os.path.join(planes.data, "thesis.txt"), "w") as f:
        f.write("precious")
    before = os.stat(planes.data)
    assert "is not empty and is no Tollgate data directory" in start_fails(planes)
    after = os.stat(planes.data)
    assert os.listdir(planes.data) == ["thesis.txt"]
    assert (before.st_uid, before.st_mode) == (after.st_uid, after.st_mode)


def test_another_master_key_is_refused(stopped, fresh):
    other = fresh()
    other.start()
    other.stop()
    before = digest(stopped.data)
    key = os.path.join(stopped.home, "other.key")
    shutil.copy2(os.path.join(other.data, "master.key"), key)
    shutil.copystat(os.path.join(other.data, "master.key"), key)
    if os.geteuid() == 0:
        shutil.chown(key, "nobody")
    assert "is not the master key of this store" in start_fails(stopped, "--master-key-file", key)
    assert digest(stopped.data) == before


def test_missing_master_key_of_an_existing_store_is_refused_and_not_made_anew(stopped):
    key = os.path.join(stopped.data, "master.key")
    os.rename(key, key + ".away")
    assert "put that key back" in start_fails(stopped)
    assert not os.path.exists(key)
    os.rename(key + ".away", key)
    stopped.options = []
    assert stopped.start()


@pytest.mark.parametrize("content", ["", "nonsense\n", "x" * 100000], ids=["empty", "nonsense", "large"])
def test_faulty_master_key_file(stopped, content):
    key = os.path.join(stopped.data, "master.key")
    with open(key, "w") as f:
        f.write(content)
    assert "--master-key-file: " + key in start_fails(stopped)


def test_master_key_that_others_can_read_is_refused(stopped):
    os.chmod(os.path.join(stopped.data, "master.key"), 0o644)
    assert "can be read by others" in start_fails(stopped)


@pytest.mark.parametrize("name", ["config", "tokens"])
def test_newer_schema_is_refused_and_not_touched(stopped, name):
    path = os.path.join(stopped.data, name + ".db")
    with sqlite3.connect(path) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute("PRAGMA user_version = %d" % (version + 1))
    db.close()
    before = open(path, "rb").read()
    log = start_fails(stopped)
    assert f"{name}.db has schema version {version + 1}, this release knows versions up to {version}" in log
    assert open(path, "rb").read() == before


def test_port_in_use_is_named(fresh):
    for option in ("gateway", "manager", "status"):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            planes = fresh()
            setattr(planes, option + "_port", taken.getsockname()[1])
            assert f"--{option}: 127.0.0.1:{taken.getsockname()[1]} is in use" in start_fails(planes)


def test_default_port_in_use_takes_another_and_says_so(fresh):
    planes = fresh()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 9080))
            taken.listen()
        except OSError:
            pass  # somebody else has it: as good
        argv = planes.argv()
        at = argv.index("--manager")
        planes.argv = lambda: argv[:at] + argv[at + 2:]
        planes.start()
        planes.manager_port = int(ready(planes)["manager"].rsplit(":", 1)[1].split("/")[0])
        assert planes.manager_port != 9080
        assert f"port 9080 is in use; taking {planes.manager_port} for --manager" in planes.log()
        planes.project()


def test_missing_certificate_key_and_password_files(fresh):
    for option in ("--tls-certificate", "--tls-key"):
        planes = fresh()
        files = {"--tls-certificate": planes.password_file, "--tls-key": planes.password_file, option: "/nowhere/file"}
        log = start_fails(planes, *[part for pair in files.items() for part in pair])
        assert f"{option}: cannot read /nowhere/file" in log
    planes = fresh()
    planes.password_file = "/nowhere/password"
    assert "the file with the administrator's password cannot be read" in start_fails(planes)


def test_key_of_another_certificate_ends_the_start(fresh, open_folder):
    authority = Authority()
    one, two = authority.issue(open_folder, "localhost"), authority.issue(open_folder, "localhost")
    log = start_fails(fresh(), "--tls-certificate", one[0], "--tls-key", two[1])
    assert "key values mismatch" in log


@ROOT_ONLY
def test_directory_that_the_user_cannot_reach(fresh):
    closed = tempfile.mkdtemp(prefix="tollgate-closed-")  # 0700
    try:
        planes = fresh(data=os.path.join(closed, "data"))
        log = start_fails(planes)
        assert f"--data: user nobody cannot reach {planes.data}" in log
    finally:
        shutil.rmtree(closed)


# ---- ready ----

def ready(planes):
    with open(planes.ready_file) as f:
        return json.load(f)


def test_ready_file_has_the_addresses_and_goes_at_the_end(fresh):
    planes = fresh(workers=1)
    planes.start()
    told = ready(planes)
    assert told == {"pid": planes.process.pid, "gateway": planes.gateway, "status": f"http://127.0.0.1:{planes.status_port}",
                    "manager": planes.manager}
    assert requests.get(told["gateway"] + "/x").status_code == 404
    assert requests.get(told["status"] + "/health/ready").status_code == 200
    planes.project()
    assert planes.stop() == 0
    assert not os.path.exists(planes.ready_file)


def test_ports_of_zero_are_taken_free_and_told(fresh):
    planes = fresh(workers=1)
    planes.gateway_port = planes.manager_port = planes.status_port = 0
    planes.start()
    told = ready(planes)
    ports = [int(re.search(r":(\d+)", told[name].split("//")[1]).group(1)) for name in ("gateway", "manager", "status")]
    assert 0 not in ports and len(set(ports)) == 3
    planes.gateway_port, planes.manager_port, planes.status_port = ports
    planes.project()
    assert planes.get("/x").status_code == 404


def test_address_everywhere_is_told_as_loopback_and_ipv6_works(fresh):
    planes = fresh(workers=1)
    argv = planes.argv()
    argv[argv.index("--gateway") + 1] = f"0.0.0.0:{planes.gateway_port}"
    argv[argv.index("--status") + 1] = f"[::1]:{planes.status_port}"
    planes.argv = lambda: argv
    if not os.path.exists("/proc/net/if_inet6") or not open("/proc/net/if_inet6").read().strip():
        pytest.skip("no IPv6 here")
    planes.start()
    assert ready(planes)["gateway"] == planes.gateway
    assert requests.get(f"http://[::1]:{planes.status_port}/health/live").status_code == 200


def test_environment_of_another_name_is_made_and_served(fresh, backend):
    planes = fresh(workers=1, options=["--environment", "test"])
    planes.start()
    assert "(environment test, 1 worker)" in planes.log()
    planes.proxy("orders", backend.url, environment="test")
    assert planes.get("/orders/x").status_code == 200


# ---- one instance, two planes ----

def test_second_instance_of_a_plane_is_refused(fresh, backend):
    planes = fresh(workers=1)
    planes.start()
    planes.proxy("orders", backend.url)
    for name, plane in (("up", "manager"), ("manager", "manager"), ("gateway", "gateway")):
        second = fresh(command=name, data=planes.data)
        assert f"a {plane} is already running on {planes.data}" in start_fails(second)
        shutil.rmtree(second.home)
    assert planes.get("/orders/x").status_code == 200
    assert planes.stop() == 0


def test_planes_apart_on_one_directory_are_restarted_apart(fresh, backend):
    manager = fresh(command="manager")
    manager.start()
    assert set(ready(manager)) == {"pid", "manager"}
    gateway = fresh(command="gateway", data=manager.data, workers=1)
    gateway.start()
    assert set(ready(gateway)) == {"pid", "gateway", "status"}
    gateway.manager_port = manager.manager_port
    key = gateway.proxy("orders", backend.url, policy="opaque")
    token = gateway.token(key)
    manager.restart()
    assert gateway.get("/orders/x", token).status_code == 200
    gateway.restart()
    assert gateway.get("/orders/x", token).status_code == 200
    gateway._session = None
    assert gateway.deploy("orders")["success"]
    assert gateway.stop() == 0
    deployed = gateway.deploy("orders", expect_success=False)  # nobody serves it
    assert not deployed["success"] and "no live gateway node" in deployed["deploymentResults"][0]["message"]
    gateway.start()
    assert gateway.get("/orders/x", token).status_code == 200


def test_gateway_waits_for_its_environment(fresh, backend):
    """Started first, on a new directory: it answers that it is not ready, and is once a manager has been there."""
    gateway = fresh(command="gateway", workers=1)
    gateway.start(wait=False)
    wait_for(lambda: alive(gateway), 15, "it answers")
    assert requests.get(f"http://127.0.0.1:{gateway.status_port}/health/ready").status_code == 503
    assert requests.get(gateway.gateway + "/x").status_code == 503
    assert not os.path.exists(gateway.ready_file)
    manager = fresh(command="manager", data=gateway.data)
    manager.start()
    wait_for(lambda: os.path.exists(gateway.ready_file), 15, "ready")
    gateway.manager_port = manager.manager_port
    gateway.proxy("orders", backend.url)
    assert gateway.get("/orders/x").status_code == 200


def alive(planes):
    try:
        return requests.get(f"http://127.0.0.1:{planes.status_port}/health/live", timeout=2).status_code == 200
    except requests.RequestException:
        return False


# ---- as root: who runs, who owns ----

def children(pid):
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(p) for p in out.split()]


def manager_pid(planes):
    for pid in children(planes.process.pid):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                if "tollgate-manager" in f.read():
                    return pid
        except OSError:
            pass  # it has just ended
    return None


def all_pids(planes):
    return [manager_pid(planes), planes.master_pid()] + planes.worker_pids()


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def check_rights(planes, user, caps="0000000000000000"):
    entry = pwd.getpwnam(user)
    for pid in all_pids(planes):
        status = status_of(pid)
        assert status["Uid"].split() == [str(entry.pw_uid)] * 4, pid
        assert status["Gid"].split() == [str(entry.pw_gid)] * 4, pid
        assert "0" not in status["Groups"].split()
        if pid != manager_pid(planes):
            assert status["CapEff"] == status["CapPrm"] == caps, pid
        else:
            assert status["CapEff"] == "0000000000000000"


@ROOT_ONLY
def test_everything_runs_as_the_user_who_owns_all_files(fresh, backend):
    planes = fresh(workers=2)
    planes.start()
    planes.token(planes.proxy("opaque", backend.url, policy="opaque"))
    check_rights(planes, "nobody")
    assert len(all_pids(planes)) == 4
    nobody = pwd.getpwnam("nobody").pw_uid
    for folder, folders, files in os.walk(planes.data):
        for name in folders + files:
            info = os.lstat(os.path.join(folder, name))
            assert info.st_uid == nobody, name
            assert info.st_mode & 0o077 == 0, (name, oct(info.st_mode))
    data = os.stat(planes.data)
    assert data.st_uid == nobody and data.st_mode & 0o027 == 0
    assert os.stat(os.path.join(planes.data, "master.key")).st_mode & 0o777 == 0o600


@ROOT_ONLY
def test_another_user(fresh, backend):
    planes = fresh(workers=1, options=["--user", "daemon"])
    planes.start()
    check_rights(planes, "daemon")
    assert os.stat(planes.data).st_uid == pwd.getpwnam("daemon").pw_uid
    assert planes.token(planes.proxy("opaque", backend.url, policy="opaque"))


@ROOT_ONLY
def test_low_port_is_bound_with_no_other_right(fresh, backend):
    planes = fresh(workers=1)
    for port in (443, 442, 445, 1023):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.2", port)) != 0:
                break
    argv = planes.argv()
    argv[argv.index("--gateway") + 1] = f"127.0.0.2:{port}"
    planes.argv = lambda: argv
    planes.start()
    planes.proxy("orders", backend.url)
    assert requests.get(f"http://127.0.0.2:{port}/orders/x").status_code == 200
    check_rights(planes, "nobody", caps="0000000000000400")  # CAP_NET_BIND_SERVICE
    old = planes.worker_pids()
    planes.process.send_signal(signal.SIGHUP)
    wait_for(lambda: not set(old) & set(planes.worker_pids()) and planes.worker_pids(), 10, "reloaded")
    assert requests.get(f"http://127.0.0.2:{port}/orders/x").status_code == 200


@ROOT_ONLY
def test_started_by_somebody_else_it_runs_as_who_that_is(open_folder):
    home = tempfile.mkdtemp(prefix="tollgate-other-")
    shutil.chown(home, "daemon", "daemon")
    ready_file = os.path.join(home, "ready")
    argv = [str(BUILD / "tollgate"), "up", "--data", os.path.join(home, "data"), "--ready-file", ready_file, "--workers", "1", "--user", "root",
            "--gateway", "127.0.0.1:0", "--manager", "127.0.0.1:0", "--status", "127.0.0.1:0"]
    process = subprocess.Popen(argv, user="daemon", group="daemon", extra_groups=[], env=child_environment(), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    try:
        wait_for(lambda: os.path.exists(ready_file) or process.poll() is not None, 20, "ready")
        daemon = str(pwd.getpwnam("daemon").pw_uid)
        for pid in [process.pid] + children(process.pid):
            assert set(status_of(pid)["Uid"].split()) == {daemon}
    finally:
        process.terminate()
        said = process.communicate(timeout=30 * SLOW)[0]
        shutil.rmtree(home)
    assert process.returncode == 0, said
    assert "--user is only for root" in said


# ---- TLS ----

def test_tls_serves_http1_and_http2_and_nothing_older_than_tls12(fresh, backend, open_folder):
    authority = Authority()
    pair = authority.issue(open_folder, "gateway.test", "127.0.0.1")
    os.chmod(pair[1], 0o600)  # root's alone
    planes = fresh(workers=1, options=["--tls-certificate", pair[0], "--tls-key", pair[1]])
    planes.start()
    assert ready(planes)["gateway"].startswith("https://")
    ca = os.path.join(open_folder, "up-ca.crt")
    with open(ca, "w") as f:
        f.write(authority.pem)
    planes.proxy("orders", backend.url)
    assert requests.get(planes.gateway + "/orders/x", verify=ca).status_code == 200
    for offered in ("h2", "http/1.1"):
        context = ssl.create_default_context(cafile=ca)
        context.set_alpn_protocols([offered])
        with context.wrap_socket(socket.create_connection(("127.0.0.1", planes.gateway_port)), server_hostname="gateway.test") as s:
            assert s.selected_alpn_protocol() == offered and s.version() in ("TLSv1.2", "TLSv1.3")
    old = insecure_client()
    warnings.simplefilter("ignore", DeprecationWarning)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(socket.create_connection(("127.0.0.1", planes.gateway_port)))
    assert requests.get(f"http://127.0.0.1:{planes.gateway_port}/orders/x").status_code == 400
    copy = os.path.join(planes.data, "gateway", "tls-key.pem")
    if os.geteuid() == 0:
        assert os.stat(copy).st_mode & 0o777 == 0o600


# ---- children that die ----

def test_killed_manager_is_said_and_started_again_with_a_growing_pause(fresh):
    planes = fresh(workers=1)
    planes.start()
    for pause in ("0.2", "0.4", "0.8"):
        old = manager_pid(planes)
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: manager_pid(planes) not in (None, old), 10, "another manager")
        assert f"the manager (pid {old}) was ended by signal 9" in planes.log()
        assert f"the manager is started again in {pause} s" in planes.log()
    planes._session = None
    wait_for(lambda: manager_answers(planes), 10, "the manager answers")
    planes.project()
    assert planes.get("/x").status_code == 404


def manager_answers(planes):
    try:
        return requests.get(f"http://127.0.0.1:{planes.manager_port}/health/ready", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def test_killed_nginx_is_said_and_started_again(fresh, backend):
    planes = fresh(workers=2)
    planes.start()
    key = planes.proxy("orders", backend.url, policy="opaque")
    token = planes.token(key)
    for _ in range(2):
        old, workers = planes.master_pid(), planes.worker_pids()
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: planes.master_pid() not in (None, old) and len(planes.worker_pids()) == 2, 15, "another nginx")
        assert f"the gateway (pid {old}) was ended by signal 9" in planes.log()
        wait_for(lambda: answers(planes, "/orders/x", token) == 200, 10, "an answer")
        wait_for(lambda: not any(is_running(pid) for pid in workers), 10, "the workers of before are gone")
        for _ in range(10):
            assert planes.get("/orders/x", token).status_code == 200
            # the last worker of before did not take the row of the new nginx with it
            assert planes.manage("GET", "/environments/production/nodes/")["resultList"]
    assert planes.deploy("orders")["success"]
    assert planes.stop() == 0


def answers(planes, path, token):
    try:
        return planes.get(path, token).status_code
    except requests.RequestException:
        return None


def is_running(pid):
    try:
        return status_of(pid)["State"][0] != "Z"
    except FileNotFoundError:
        return False


def test_killed_supervisor_takes_its_children_with_it(fresh, backend):
    planes = fresh(workers=2)
    planes.start()
    planes.proxy("orders", backend.url)
    pids = all_pids(planes)
    planes.process.kill()
    planes.process.wait()
    wait_for(lambda: not any(is_running(pid) for pid in pids), 10, "all of them end")
    os.unlink(planes.ready_file)
    planes.start()
    assert planes.get("/orders/x").status_code == 200


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_stop_is_graceful_and_leaves_nothing(fresh, sig):
    planes = fresh(workers=2)
    planes.start()
    pids = all_pids(planes)
    assert planes.stop(sig) == 0
    assert "tollgate: stopped" in planes.log()
    assert not any(is_running(pid) for pid in pids)
    for port in (planes.gateway_port, planes.manager_port, planes.status_port):
        with socket.socket() as s:
            assert s.connect_ex(("127.0.0.1", port)) != 0


def test_stop_asked_twice_does_not_wait_for_requests(fresh, backend):
    backend.delay = 20
    planes = fresh(workers=1)
    planes.start()
    planes.proxy("slow", backend.url)
    with socket.create_connection(("127.0.0.1", planes.gateway_port)) as s:
        s.sendall(b"GET /slow/x HTTP/1.1\r\nHost: gateway\r\n\r\n")
        wait_for(lambda: backend.requests, 5)
        planes.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert planes.process.poll() is None  # the request is under way
        began = time.monotonic()
        planes.expected_log = ["left in connection", "aborting"]  # nginx's words for a stop inside a graceful one
        assert planes.stop() == 0
        assert time.monotonic() - began < 5 * SLOW


# ---- demo ----

def test_demo_once_prints_each_step_and_stops_all_of_it():
    answer = command("demo", "--once", "--gateway", "127.0.0.1:0", "--manager", "127.0.0.1:0", "--status", "127.0.0.1:0", timeout=60)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    steps = [line for line in answer.stdout.splitlines() if line.startswith("==> ")]
    assert len(steps) >= 3, answer.stdout
    assert re.search(r"Token acquired: status 200, a JWT", answer.stdout)
    called = re.search(r"API called: GET (\S+) -> status 200\n\s+(\{.*\})", answer.stdout)
    seen = json.loads(called.group(2))
    assert seen["method"] == "GET" and seen["path"] == called.group(1).replace("/orders", "", 1) and seen["caller"]
    work = re.search(r"/tmp/tollgate-demo\.\w+", answer.stdout + answer.stderr)
    assert work is None or not os.path.exists(work.group(0))


def test_demo_prints_curl_commands_that_work():
    """What it says to try next is tried, as it stands."""
    process = subprocess.Popen([str(BUILD / "tollgate"), "demo", "--gateway", "127.0.0.1:0", "--manager", "127.0.0.1:0", "--status", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=child_environment(), start_new_session=True)
    try:
        said = ""
        while "Ctrl-C stops everything" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        script = said.split("Try next, in another terminal:")[1].split("Ctrl-C")[0]
        ran = subprocess.run(["sh", "-e"], input=script, capture_output=True, text=True, timeout=60 * SLOW,
                             env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")})
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.count('"access_token"') == 2
        assert '"backend":"sample"' in ran.stdout and "401" in ran.stdout and '"keys"' in ran.stdout and '"token_endpoint"' in ran.stdout
        assert '"path":"/world"' in ran.stdout, ran.stdout
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60 * SLOW)[0]
    assert process.returncode == 0, said + rest


def test_generated_password_is_printed_once_and_works(fresh):
    planes = fresh(workers=1)
    argv = [part for part in planes.argv() if part not in ("--admin-password-file", planes.password_file)]
    planes.argv = lambda: argv
    planes.start()
    found = re.findall(r"password\S*\s+(?:is )?(\S{12,})", planes.log())
    assert len(found) == 1, planes.log()
    login = {"grant_type": "client_credentials", "client_id": "admin", "client_secret": found[0].strip("\"'.,")}
    assert requests.post(planes.manager + "/auth/token", data=login).status_code == 200
    assert requests.post(planes.manager + "/auth/token", data={**login, "client_secret": ADMIN_PASSWORD}).status_code == 401
    planes.restart()
    assert planes.log().count(found[0]) == 1
