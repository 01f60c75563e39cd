"""Taking a node out of service: asked for at the manager or by a signal, it serves on while it sends everybody elsewhere."""

import os
import signal
import socket
import subprocess
import threading
import time

import h2.connection
import pytest
import requests

from harness import BUILD, SLOW, Backend, child_environment, read_reply, wait_for
from postgres import Server
from tools import Authority, insecure_client

REQUEST = b"GET /open/x HTTP/1.1\r\nHost: api\r\n\r\n"


def readiness(planes):
    """(status, what it says)"""
    answer = requests.get(f"http://127.0.0.1:{planes.status_port}/health/ready", timeout=5 * SLOW)
    return answer.status_code, answer.json()["status"]


def nodes(planes):
    return planes.manage("GET", "/environments/production/nodes/")["resultList"]


def address(planes):
    return f"127.0.0.1:{planes.gateway_port}"


def drain(manager, node, method="POST"):
    return manager.manage(method, f"/environments/production/nodes/{node}/drain/")


def connect(planes):
    return socket.create_connection(("127.0.0.1", planes.gateway_port), timeout=10 * SLOW)


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # it ended with the one before
            pass


def exchange(sock, data=REQUEST):
    sock.sendall(data)
    return read_reply(sock)


@pytest.fixture
def served(own_planes, backend):
    planes = own_planes(workers=2)
    planes.proxy("open", backend.url)
    return planes


def test_a_node_that_drains_serves_on_and_sends_clients_elsewhere(served):
    planes = served
    row = wait_for(lambda: nodes(planes), 5)[0]
    assert (row["state"], row["drainRequested"]) == ("SERVING", False) and row["requestsInFlight"] >= 0
    assert readiness(planes) == (200, "ready")
    with connect(planes) as kept:
        assert exchange(kept).get("Connection") != [b"close"]
        answer = drain(planes, row["nodeId"])["result"]
        assert answer["nodeId"] == row["nodeId"] and answer["drainRequested"] is True
        wait_for(lambda: readiness(planes) == (503, "draining"), 5, "the node hears of it")
        reply = exchange(kept)
        assert reply.status == 200 and reply.get("Connection") == [b"close"]
        assert kept.recv(10) == b""
    assert planes.get("/open/x").headers["Connection"] == "close"
    assert planes.metrics()["tollgate_draining"] == 1
    wait_for(lambda: nodes(planes)[0]["state"] == "DRAINING", 5, "the node says so")
    assert planes.deploy("open")["success"]  # it follows deploys

    drain(planes, row["nodeId"])  # twice is once
    drain(planes, row["nodeId"], "DELETE")
    wait_for(lambda: readiness(planes) == (200, "ready"), 5, "it serves again")
    wait_for(lambda: nodes(planes)[0]["state"] == "SERVING", 5)
    assert planes.get("/open/x").headers["Connection"] == "keep-alive"


def test_a_drain_is_audited_and_of_live_nodes_only(served):
    planes = served
    node = wait_for(lambda: nodes(planes), 5)[0]["nodeId"]
    drain(planes, node)
    event = planes.manage("GET", "/auditEvents/?pageSize=1")["resultList"][0]
    assert event["what"] == f"POST /apiops/environments/production/nodes/{node}/drain/"
    assert (event["before"], event["after"]) == ({"drainRequested": False}, {"drainRequested": True})
    for method in ("POST", "DELETE"):
        planes.manage(method, "/environments/production/nodes/nobody/drain/", expect=404)
        planes.manage(method, f"/environments/nowhere/nodes/{node}/drain/", expect=404)
    planes.manage("POST", f"/environments/production/nodes/{node}/drain/", {"surprise": 1}, expect=400)


def test_a_drained_node_that_starts_again_serves(served):
    """After a stop, and after a crash that left its row behind."""
    planes = served
    node = wait_for(lambda: nodes(planes), 5)[0]["nodeId"]
    for how in ("stop", "crash"):
        drain(planes, node)
        wait_for(lambda: readiness(planes) == (503, "draining"), 5)
        if how == "stop":
            planes.stop()
        else:
            kill([planes.process.pid, *planes.nginx_pids()])
            planes.process.wait()
            wait_for(lambda: not planes.nginx_pids(), 10)
            os.unlink(planes.ready_file)
        planes.start()
        wait_for(lambda: [row["state"] for row in nodes(planes)] == ["SERVING"], 10, "its row comes back")
        assert nodes(planes)[0]["nodeId"] == node
        time.sleep(1.5 * SLOW)  # a beat, and what it would hear with it
        assert readiness(planes) == (200, "ready") and nodes(planes)[0]["drainRequested"] is False


def test_a_drain_outlives_a_reload(served):
    planes = served
    node = wait_for(lambda: nodes(planes), 5)[0]["nodeId"]
    drain(planes, node)
    wait_for(lambda: readiness(planes) == (503, "draining"), 5)
    before = set(planes.worker_pids())
    planes.process.send_signal(signal.SIGHUP)
    wait_for(lambda: not before & set(planes.worker_pids()), 20, "new workers")
    assert readiness(planes) == (503, "draining")
    wait_for(lambda: [row["state"] for row in nodes(planes)] == ["DRAINING"], 5)


def test_requests_under_way_are_counted_and_waited_for(served, own_planes):
    planes = served
    gate = threading.Event()
    slow = Backend(answer=lambda head, body: (gate.wait(30 * SLOW), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")[1])
    planes.proxy("slow", slow.url)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(planes.get("/slow/x").status_code)) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_for(lambda: nodes(planes)[0]["requestsInFlight"] == 3, 5, "three are under way")
    env = child_environment({"TOLLGATE_URL": planes.manager, "TOLLGATE_TOKEN": planes.session().headers["Authorization"].split()[1]})
    argv = [str(BUILD / "tollgate"), "drain", address(planes)]
    hurried = subprocess.run([*argv, "--wait", "1"], env=env, capture_output=True, text=True, timeout=60 * SLOW, check=False)
    assert hurried.returncode == 1 and "3 requests are under way" in hurried.stderr
    waiting = subprocess.Popen([*argv, "--wait", "60", "-o", "json"], env=env, stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    assert waiting.poll() is None
    gate.set()
    out, _ = waiting.communicate(timeout=60 * SLOW)
    assert waiting.returncode == 0 and '"DRAINING"' in out
    for thread in threads:
        thread.join(30 * SLOW)
    assert answers == [200, 200, 200]
    done = subprocess.run([*argv[:2], nodes(planes)[0]["nodeId"][:8], "--cancel", "--wait", "30"], env=env, capture_output=True, text=True,
                          timeout=60 * SLOW, check=False)
    assert done.returncode == 0 and "SERVING" in done.stdout
    assert readiness(planes)[0] == 200
    unknown = subprocess.run([*argv[:2], "127.0.0.1:1"], env=env, capture_output=True, text=True, timeout=60 * SLOW, check=False)
    assert unknown.returncode == 1 and "there is no such live node" in unknown.stderr
    slow.close()


def test_a_killed_worker_takes_its_count_along(served):
    planes = served
    gate = threading.Event()
    slow = Backend(answer=lambda head, body: (gate.wait(30 * SLOW), b"")[1])
    planes.proxy("slow", slow.url)
    planes.expected_log.append("exited on signal 9")
    with connect(planes) as hanging:
        hanging.sendall(b"GET /slow/x HTTP/1.1\r\nHost: api\r\n\r\n")
        wait_for(lambda: nodes(planes)[0]["requestsInFlight"] == 1, 5)
        kill(planes.worker_pids())
        wait_for(lambda: nodes(planes) and nodes(planes)[0]["requestsInFlight"] == 0, 10, "nothing is under way any more")
    gate.set()
    slow.close()


def frames(data):
    """(type, flags, stream, payload) of each HTTP/2 frame."""
    found = []
    while data:
        length, kind, flags = int.from_bytes(data[:3], "big"), data[3], data[4]
        found.append((kind, flags, int.from_bytes(data[5:9], "big"), data[9:9 + length]))
        data = data[9 + length:]
    return found


def test_http2_connections_are_told_to_go(own_planes, backend, open_folder):
    """The next request of a connection is answered, with GOAWAY, and then the server closes it."""
    certificate, key = Authority().issue(open_folder, "gateway.test", "127.0.0.1")
    planes = own_planes(workers=1, options=["--tls-certificate", certificate, "--tls-key", key])
    planes.proxy("open", backend.url)
    node = wait_for(lambda: nodes(planes), 5)[0]["nodeId"]
    context = insecure_client()
    context.set_alpn_protocols(["h2"])
    headers = [(":method", "GET"), (":path", "/open/x"), (":scheme", "https"), (":authority", "api")]
    with context.wrap_socket(socket.create_connection(("127.0.0.1", planes.gateway_port), timeout=10 * SLOW)) as sock:
        client = h2.connection.H2Connection()
        client.initiate_connection()
        received = b""

        def ask(stream):
            client.send_headers(stream, headers, end_stream=True)
            sock.sendall(client.data_to_send())

        def answered(stream):
            return any(kind == 0 and flags & 1 and of == stream for kind, flags, of, _ in frames(received))

        ask(1)
        while not answered(1):
            received += sock.recv(65536)
        drain(planes, node)
        wait_for(lambda: readiness(planes) == (503, "draining"), 5)
        ask(3)  # told with the one after
        while not answered(3):
            received += sock.recv(65536)
        ask(5)
        while more := sock.recv(65536):
            received += more
        assert answered(5)
        assert [(payload[:4], payload[4:8]) for kind, _, _, payload in frames(received) if kind == 7][0] == (b"\0\0\0\5", b"\0\0\0\0")


def test_a_stop_drains_first(own_planes, backend):
    planes = own_planes(workers=2, options=["--drain-seconds", "3"])
    planes.proxy("open", backend.url)
    begun = time.monotonic()
    with connect(planes) as kept:
        exchange(kept)
        planes.process.send_signal(signal.SIGTERM)
        wait_for(lambda: readiness(planes) == (503, "draining"), 2, "it drains")
        reply = exchange(kept)
        assert reply.status == 200 and reply.get("Connection") == [b"close"]
    assert planes.get("/open/x").status_code == 200
    assert planes.process.wait(40 * SLOW) == 0
    assert time.monotonic() - begun >= 3
    assert "draining for 3 s" in planes.log()
    planes.start()
    assert readiness(planes) == (200, "ready")
    planes.process.send_signal(signal.SIGTERM)
    wait_for(lambda: planes.log().count("draining for 3 s") == 2, 5)
    planes.process.send_signal(signal.SIGTERM)  # whoever asks twice does not want to wait
    assert planes.process.wait(40 * SLOW) == 0


@pytest.mark.parametrize("value", ["-1", "3601", "soon", ""])
def test_drain_seconds_are_checked(value):
    answer = subprocess.run([str(BUILD / "tollgate"), "gateway", "--data", "/tmp/x", "--drain-seconds", value], capture_output=True, text=True, check=False,
                            timeout=30 * SLOW, env=child_environment())
    assert answer.returncode == 2 and "--drain-seconds" in answer.stderr


def test_a_node_starts_with_its_last_snapshot_while_postgresql_is_down(own_planes, backend):
    """A gateway of its own, started by its command; what needs no store is served, and it follows again when the server is back."""
    server = Server()
    try:
        server.sql("CREATE DATABASE fleet")
        options = ["--store", server.uri("fleet")]
        first = own_planes(workers=1, options=options)
        first.proxy("open", backend.url)
        key = first.proxy("jwt", backend.url, policy="jwt")
        token = first.token(key)
        planes = own_planes(command="gateway", workers=1, options=[*options, "--master-key-file", f"{first.data}/master.key"])
        wait_for(lambda: "/jwt" in open(os.path.join(planes.data, "gateway", "snapshot-production.json")).read(), 5, "the newest snapshot on disk")
        planes.stop()
        server.stop()
        planes.start()
        assert "starting without the store, with the last snapshot" in planes.log()
        assert readiness(planes) == (200, "ready")
        assert planes.get("/open/x").status_code == 200
        other = own_planes(command="up", workers=1)  # its data directory never saw that environment of that store
        other.stop()
        other.command, other.options = "gateway", [*options, "--environment", "elsewhere"]
        other.start(wait=False)
        assert other.process.wait(60 * SLOW) == 1 and "--store" in other.log()
        server.start()
        wait_for(lambda: planes.get("/jwt/x", token).status_code == 200, 20, "clients can be looked up again")
        wait_for(lambda: len(nodes(first)) == 2, 20, "both nodes are there")
        assert first.deploy("open")["success"]
    finally:
        server.close()


def test_the_service_manager_is_told(open_folder, own_planes):
    """sd_notify(3), as systemd listens to it; planes that it starts do not hear of the socket."""
    path = os.path.join(open_folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        os.chmod(path, 0o777)
        listener.settimeout(20 * SLOW)
        planes = own_planes(workers=1, env={"NOTIFY_SOCKET": path})
        assert listener.recv(1000).startswith(b"READY=1\n")
        for pid in planes.nginx_pids():
            assert b"NOTIFY_SOCKET" not in open(f"/proc/{pid}/environ", "rb").read()
        planes.process.send_signal(signal.SIGHUP)
        assert listener.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert listener.recv(1000) == b"READY=1"
        planes.stop()
        assert listener.recv(1000).startswith(b"STOPPING=1\n")
