"""Bad input and faults: each has a clear answer and loses nothing."""

import contextlib
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time

import pytest

from harness import SLOW, Backend, Planes, free_port, wait_for
from tools import Authority, Client, Load, insecure_client, request_bytes, secret_of, token_bytes


def opaque_of(load):
    """The opaque tokens that were answered."""
    return [r[4].split(b'"access_token":"')[1].split(b'"')[0].decode() for r in list(load.records) if r[2] == 200 and b'"access_token":"tga_' in r[4]]


def error_of(answer):
    assert answer.headers["Content-Type"].startswith("application/json"), answer.headers
    body = answer.json()
    assert set(body) == {"error", "error_description"} and all(body.values()), body
    return body["error"]


# ---- backends ----

def test_unknown_path_is_404_json(planes):
    answer = planes.get("/nobody/knows")
    assert answer.status_code == 404
    assert error_of(answer) == "not_found"


def test_backend_down_is_502_and_slow_is_504(planes):
    planes.proxy("down", f"http://127.0.0.1:{free_port()}")
    answer = planes.get("/down/x")
    assert (answer.status_code, error_of(answer)) == (502, "bad_gateway")
    slow = Backend(delay=3)
    try:
        planes.proxy("slow", slow.url, connection={"readTimeoutMillis": 300})
        planes.proxy("patient", slow.url, connection={"readTimeoutMillis": 30000})
        began = time.monotonic()
        answer = planes.get("/slow/x")
        assert (answer.status_code, error_of(answer)) == (504, "gateway_timeout")
        assert 0.28 < time.monotonic() - began < 2.9
        assert planes.get("/patient/x").status_code == 200
    finally:
        slow.close()


def test_backend_that_breaks_off_or_answers_rubbish_is_502(planes):
    for i, answer in enumerate((b"", b"rubbish\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le")):
        broken = Backend(answer=answer)

        def serve_once(conn, broken=broken, one=broken._one):
            one(conn)
            return False

        broken._one = serve_once
        planes.proxy(f"broken{i}", broken.url)
        got = planes.get(f"/broken{i}/x", method="POST", data="x")
        assert (got.status_code, error_of(got)) == (502, "bad_gateway"), answer
        broken.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_next_address_is_taken_when_one_cannot_be_reached(planes, backend, method):
    name = f"two{method.lower()}"
    planes.proxy(name, [f"http://127.0.0.1:{free_port()}", backend.url])
    for i in range(8):
        assert planes.get(f"/{name}/{i}", method=method, data="body").status_code == 200
    assert [head.split(b" ")[1] for head, _ in backend.requests] == [f"/{i}".encode() for i in range(8)]
    assert all(body == b"body" for _, body in backend.requests)


def test_a_request_that_was_sent_is_not_repeated_unless_it_may_be(planes, backend):
    """The first backend takes the request and dies: a GET goes to the next address, a POST does not."""
    broken = Backend()
    broken._one = lambda conn: bool(conn.recv(65536)) and broken.requests.append(1)
    planes.proxy("pair", [broken.url, backend.url])
    statuses = {method: [planes.get("/pair/x", method=method, data="x" if method == "POST" else None).status_code for _ in range(6)] for method in ("GET", "POST")}
    assert set(statuses["GET"]) == {200}
    assert sorted(set(statuses["POST"])) == [200, 502]
    assert len(backend.requests) == 6 + statuses["POST"].count(200)
    broken.close()


def test_failover_only_addresses_serve_while_no_primary_does(planes, backend):
    primary = Backend()
    planes.proxy("failover", [{"address": primary.url}, {"address": backend.url, "addressType": "FAILOVER_ONLY"}])
    for _ in range(6):
        assert planes.get("/failover/x").status_code == 200
    assert (len(primary.requests), len(backend.requests)) == (6, 0)
    primary.close()
    for _ in range(6):
        assert planes.get("/failover/x").status_code == 200
    assert len(backend.requests) == 6
    again = Backend(port=primary.port)
    wait_for(lambda: planes.get("/failover/x").status_code == 200 and again.requests, 15, "the primary is used again", every=0.2)
    before = len(backend.requests)
    time.sleep(1.2)  # so that no worker still passes it over
    for _ in range(8):
        assert planes.get("/failover/x").status_code == 200
    assert len(backend.requests) <= before + 8
    assert len(again.requests) >= 1
    again.close()


def test_weights_share_out_the_requests(planes, backend):
    heavy = Backend()
    planes.proxy("weights", [{"address": heavy.url, "weight": 4}, {"address": backend.url, "weight": 1}])
    for _ in range(50):
        assert planes.get("/weights/x").status_code == 200
    assert 36 <= len(heavy.requests) <= 44
    assert len(heavy.requests) + len(backend.requests) == 50
    heavy.close()


# ---- configuration ----

def revision(planes):
    return planes.metrics()["tollgate_snapshot_revision"]


@pytest.mark.parametrize("method, path, body, field", [
    ("POST", "url/", {"apiProxyName": "b1", "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": {"relativePathList": ["no-slash"]},
                      "routingInfo": {"routingAddressList": [{"address": "http://127.0.0.1:1"}]}}, "relativePathList"),
    ("POST", "url/", {"apiProxyName": "b2", "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": {"relativePathList": ["/b2"]},
                      "routingInfo": {"routingAddressList": [{"address": "ftp://127.0.0.1"}]}}, "address"),
    ("POST", "url/", {"apiProxyName": "b3", "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": {"relativePathList": ["/b3"]},
                      "routingInfo": {"routingAddressList": []}}, "routingAddressList"),
    ("PATCH", "good/settings/connection/", {"readTimeoutMillis": "soon"}, "readTimeoutMillis"),
    ("PATCH", "good/settings/connection/", {"readTimeoutMilis": 5}, "readTimeoutMilis"),
    ("PATCH", "good/settings/connection/", {"tlsCa": "not a certificate"}, "tlsCa"),
    ("POST", "good/policies/p/", {"operationMetadata": {"targetScope": "ALL", "targetPipeline": "REQUEST", "order": 1},
                                  "policy": {"type": "policy-auth-jwt", "jwtSignatureAlgorithm": "none"}}, "jwtSignatureAlgorithm"),
])
def test_invalid_configuration_is_400_by_name_and_changes_nothing(planes, backend, method, path, body, field):
    planes.project()
    if planes.session().get(planes.manager + "/projects/shop/apiProxies/good/").status_code == 404:
        planes.proxy("good", backend.url)
    else:
        planes.manage("PATCH", "/projects/shop/apiProxies/good/settings/addresses/", {"routingAddressList": [{"address": backend.url}]})
        planes.deploy("good")
    before = revision(planes)
    answer = planes.manage(method, "/projects/shop/apiProxies/" + path, body, expect=400)
    assert answer["status"] == "FAILURE" and field in answer["resultMessage"], answer
    assert planes.get("/good/x").status_code == 200
    assert revision(planes) == before


def test_ca_that_is_no_certificate_reaches_no_gateway(planes, backend):
    """PEM to the eye, but not to the library: neither accepted and deployed, nor in the way of the next deploy."""
    text = "-----BEGIN CERTIFICATE-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END CERTIFICATE-----\n"
    planes.proxy("fine", backend.url)
    planes.proxy("odd", backend.url, deploy=False)
    answer = planes.session().patch(planes.manager + "/projects/shop/apiProxies/odd/settings/connection/", json={"tlsCa": text})
    assert answer.status_code == 400 and "tlsCa" in answer.json()["resultMessage"], answer.text


def test_snapshot_that_cannot_be_loaded_is_told_by_the_deploy(own_planes, backend):
    """Every snapshot is spoilt as it is written; nothing of the old one is lost, and the next good one is served."""
    planes = own_planes(workers=2)
    key = planes.proxy("orders", backend.url, policy="jwt")
    token = planes.token(key)
    planes.proxy("late", backend.url, deploy=False)
    before = revision(planes)
    spoil = "UPDATE snapshot SET document = CAST(replace(CAST(document AS TEXT), 'tollgate-snapshot/1', 'tollgate-snapshot/9') AS BLOB)"
    with sqlite3.connect(os.path.join(planes.data, "config.db"), timeout=5) as db:
        for event in ("INSERT", "UPDATE"):
            db.execute(f"CREATE TRIGGER spoil_{event} AFTER {event} ON snapshot BEGIN {spoil}; END")
    result = planes.deploy("late", expect_success=False)
    assert not result["success"]
    message = result["deploymentResults"][0]["message"]
    assert "worker" in message and "format is not tollgate-snapshot/1" in message, message
    for _ in range(6):
        assert planes.get("/orders/x", token).status_code == 200
        assert planes.get("/late/x").status_code == 404
    assert revision(planes) == before
    assert planes.token(key)
    planes.process.send_signal(signal.SIGHUP)  # new workers: only the last good one, on disk, can be served
    time.sleep(1)
    assert planes.get("/orders/x", token).status_code == 200
    with sqlite3.connect(os.path.join(planes.data, "config.db"), timeout=5) as db:
        for event in ("INSERT", "UPDATE"):
            db.execute(f"DROP TRIGGER spoil_{event}")
    assert planes.deploy("late")["success"]
    assert planes.get("/late/x").status_code == 200
    assert planes.get("/orders/x", token).status_code == 200


# ---- the disk ----

def check_what_goes_on(planes, jwt_key, jwts, opaque):
    for token in jwts:
        assert planes.get("/jwt/x", token).status_code == 200
    assert planes.get("/opaque/x", opaque).status_code == 200
    fresh = planes.token(jwt_key)
    assert planes.get("/jwt/x", fresh).status_code == 200
    assert planes.get("/open/x").status_code == 200


def check_refused(answer):
    assert answer.status_code == 503, answer.text
    assert answer.json()["error"] == "server_error" and int(answer.headers["Retry-After"]) > 0
    assert "access_token" not in answer.text


@pytest.fixture
def small_disk():
    folder = tempfile.mkdtemp(prefix="tollgate-full-")
    os.chmod(folder, 0o755)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "tmpfs", folder], capture_output=True).returncode == 0
    if not mounted:
        shutil.rmtree(folder)
        pytest.skip("no right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    shutil.rmtree(folder)


def fill(path):
    with open(path, "ab", buffering=0) as f:
        for size in (1 << 20, 4096):
            try:
                while True:
                    f.write(bytes(size))
            except OSError:
                pass


def test_disk_full_refuses_what_needs_writing_and_nothing_else(small_disk, own_planes, backend):
    planes = own_planes(workers=2, data=os.path.join(small_disk, "data"))
    planes.expected_log = ["access.log"]
    planes.proxy("open", backend.url)
    jwt_key, opaque_key = planes.proxy("jwt", backend.url, policy="jwt"), planes.proxy("opaque", backend.url, policy="opaque")
    jwts = [planes.token(jwt_key) for _ in range(3)]
    issued = [planes.token(opaque_key)]
    filler = os.path.join(small_disk, "filler")
    fill(filler)

    def refused():
        answer = planes.token_answer(opaque_key)
        if answer.status_code == 200:
            issued.append(answer.json()["access_token"])
            fill(filler)
            return None
        return [answer]  # a Response of 503 is false

    check_refused(wait_for(refused, 20, "a refusal")[0])
    for _ in range(3):
        check_refused(planes.token_answer(opaque_key))
        check_what_goes_on(planes, jwt_key, jwts, issued[0])
    failed = planes.session().post(planes.manager + "/projects/", json={"name": "x" * 64}, timeout=30)
    assert failed.status_code in (201, 503), failed.text
    assert planes.metrics()["tollgate_commit_failures_total"] > 0
    os.unlink(filler)
    issued.append(wait_for(lambda: planes.token_answer(opaque_key).json().get("access_token"), 10, "tokens are issued again"))
    assert planes.deploy("open")["success"]
    planes.restart()
    for token in issued:
        assert planes.get("/opaque/x", token).status_code == 200


def test_read_only_disk_refuses_what_needs_writing_and_nothing_else(own_planes, backend, disk):
    planes = own_planes(workers=2, env=disk.env)
    planes.expected_log = ["access.log"]
    disk.data(planes.data)
    planes.proxy("open", backend.url)
    jwt_key, opaque_key = planes.proxy("jwt", backend.url, policy="jwt"), planes.proxy("opaque", backend.url, policy="opaque")
    jwts = [planes.token(jwt_key) for _ in range(3)]
    issued = [planes.token(opaque_key)]
    disk.set(read_only=1)
    for _ in range(4):
        check_refused(planes.token_answer(opaque_key))
        check_what_goes_on(planes, jwt_key, jwts, issued[0])
    disk.set(read_only=0)
    for _ in range(4):
        issued.append(wait_for(lambda: planes.token_answer(opaque_key).json().get("access_token"), 10, "tokens are issued again"))
    assert planes.deploy("open")["success"]
    for token in issued:
        assert planes.get("/opaque/x", token).status_code == 200


def test_power_cut_loses_no_token_that_was_answered(own_planes, backend):
    planes = own_planes(workers=2)
    key = planes.proxy("opaque", backend.url, policy="opaque")
    with Load(planes.gateway_port, lambda i: (token_bytes(key), "issue"), threads=6) as load:
        wait_for(lambda: len(load.records) > 100, 60)
        workers = planes.worker_pids()
        for pid in [planes.process.pid, planes.master_pid()] + workers:
            with contextlib.suppress(ProcessLookupError):   # a worker goes with its master
                os.kill(pid, signal.SIGKILL)
        load.stopping.set()
    issued = opaque_of(load)
    assert len(issued) > 100
    planes.process.wait()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), 5)
    planes.restart()
    client = Client(planes.gateway_port)
    assert [client.send(request_bytes("/opaque/x", token)).status for token in issued] == [200] * len(issued)
    client.close()


# ---- the manager down ----

def test_manager_down_the_gateway_goes_on_and_restarts_without_it(backend):
    with Planes(command="manager") as manager:
        with Planes(command="gateway", data=manager.data) as gateway:
            gateway.manager_port = manager.manager_port
            jwt_key, opaque_key = gateway.proxy("jwt", backend.url, policy="jwt"), gateway.proxy("opaque", backend.url, policy="opaque")
            gateway.proxy("open", backend.url)
            jwt, opaque = gateway.token(jwt_key), gateway.token(opaque_key)
            assert manager.stop() == 0
            for _ in range(2):
                check_what_goes_on(gateway, jwt_key, [jwt], opaque)
                assert gateway.get("/opaque/x", gateway.token(opaque_key)).status_code == 200
                time.sleep(BEYOND_THE_BOUND)
                assert gateway.metrics()["tollgate_feed_fresh"] == 1
                gateway.restart()
            manager.start()
            gateway._session = None
            changed = gateway.manage("PATCH", "/projects/shop/apiProxies/opaque/settings/keys/", {"regenerate": True})
            wait_for(lambda: gateway.get("/opaque/x", opaque).status_code == 401, 2, "the change arrives")
            assert secret_of(changed)
            assert gateway.deploy("open")["success"]


BEYOND_THE_BOUND = 1.2


# ---- stop and reload under load ----

def test_stop_under_load_finishes_requests_and_queued_writes(own_planes):
    slow = Backend(delay=0.7)
    planes = own_planes(workers=2)
    key = planes.proxy("opaque", slow.url, policy="opaque")
    jwt_key = planes.proxy("jwt", slow.url, policy="jwt")
    token = planes.token(key)
    under_way = []

    def make(i):
        if i % 4 == 0:
            return request_bytes("/opaque/x", token), "use"
        return token_bytes(jwt_key if i % 4 == 1 else key), "issue"

    load = Load(planes.gateway_port, make, threads=16, until_refused=True)
    with load:
        wait_for(lambda: len(opaque_of(load)) > 60, 60)
        wait_for(lambda: slow.requests, 5)
        calls = [threading.Thread(target=lambda: under_way.append(planes.get("/opaque/last", token).status_code)) for _ in range(4)]
        for call in calls:
            call.start()
        wait_for(lambda: sum(b"/last" in head for head, _ in slow.requests) == 4, 5, "requests under way")
        assert planes.stop() == 0
        for call in calls:
            call.join(20)
    slow.close()
    assert under_way == [200] * 4
    assert load.statuses() == {200: len(load.records)}
    # what was never read can only be turned away; a reset inside an answer or after a request was taken is a loss
    lost = [l for l in load.lost if "new connection" not in l[1] and "no connection" not in l[1]]
    assert not lost, lost
    assert len(load.lost) <= 16
    issued = opaque_of(load)
    with sqlite3.connect(os.path.join(planes.data, "tokens.db"), timeout=5) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'token_%'")]
        written = {row[0] for table in tables for row in db.execute(f"SELECT hash FROM {table}")}
    assert all(hashlib.sha256(t.encode()).digest() in written for t in issued), "an answered token is not there"
    assert hashlib.sha256(token.encode()).digest() in written
    assert len(set(issued)) == len(issued)


def certificate_of(port):
    import socket as sockets
    with sockets.create_connection(("127.0.0.1", port), timeout=10) as s, insecure_client().wrap_socket(s, server_hostname="localhost") as tls:
        return tls.getpeercert(binary_form=True)


def test_reload_under_load_loses_nothing_and_reads_certificates_anew(own_planes, backend, open_folder):
    authority = Authority()
    live = os.path.join(open_folder, "live")
    os.makedirs(live)
    pairs = [authority.issue(open_folder, "localhost") for _ in range(3)]

    def put(pair):
        for source, name in zip(pair, ("crt", "key")):
            shutil.copyfile(source, os.path.join(live, name))
        os.chmod(os.path.join(live, "key"), 0o600)  # root's alone: nobody cannot read it

    put(pairs[0])
    planes = own_planes(workers=2, options=["--tls-certificate", os.path.join(live, "crt"), "--tls-key", os.path.join(live, "key")])
    key = planes.proxy("opaque", backend.url, policy="opaque")
    token = planes.token(key)
    seen = [certificate_of(planes.gateway_port)]

    def make(i):
        if i % 3 == 0:
            return token_bytes(key), "issue"
        return request_bytes("/opaque/x", token), "use"

    with Load(planes.gateway_port, make, threads=6, tls=insecure_client()) as load:
        for pair in pairs[1:]:
            before = len(load.records)
            wait_for(lambda: len(load.records) > before + 100, 20)
            old = set(planes.worker_pids())
            put(pair)
            planes.process.send_signal(signal.SIGHUP)
            wait_for(lambda: len(planes.worker_pids()) == 2 and not old & set(planes.worker_pids()), 15, "new workers")
            wait_for(lambda: certificate_of(planes.gateway_port) not in seen, 5, "the new certificate")
            seen.append(certificate_of(planes.gateway_port))
        before = len(load.records)
        wait_for(lambda: len(load.records) > before + 100, 20)
    assert not load.lost, load.lost
    assert load.statuses() == {200: len(load.records)}
    assert len(set(seen)) == 3


def test_reload_with_faulty_operator_file_is_refused_and_the_old_one_stays(own_planes, backend):
    planes = own_planes(operator="add_header X-Operator first;")
    planes.proxy("open", backend.url)
    assert planes.get("/open/x").headers["X-Operator"] == "first"
    workers = planes.worker_pids()
    for faulty in ("no_such_directive on;", "server {", "tollgate_zone nonsense;"):
        planes.write_operator(faulty)
        seen = planes.log().count("reload refused")
        planes.process.send_signal(signal.SIGHUP)
        wait_for(lambda: planes.log().count("reload refused") > seen, 10, faulty)
        assert planes.get("/open/x").headers["X-Operator"] == "first"
        assert planes.worker_pids() == workers
    planes.expected_log = ["[emerg]"]
    planes.write_operator("add_header X-Operator second;")
    planes.process.send_signal(signal.SIGHUP)
    wait_for(lambda: planes.get("/open/x").headers["X-Operator"] == "second", 10, "the file of now")
