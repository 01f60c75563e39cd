"""What a request may send, before and after its sender is known."""

import json
import re
import socket

import pytest
from harness_manager import SLOW, Manager, PASSWORD

MIB = 1 << 20
LARGE = "/apiops/import/"
MANY = str(60 * MIB)


def head(manager, method, path, *lines, token=None):
    if token:
        lines += ("Authorization: Bearer " + token,)
    host, port = manager.address.rsplit(":", 1)
    sock = socket.create_connection((host, int(port)), timeout=20 * SLOW)
    sock.sendall("\r\n".join([f"{method} {path} HTTP/1.1", "Host: manager", "Content-Type: application/json", *lines, "", ""]).encode())
    return sock


def answer_of(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        assert more, data
        data += more
    return int(data.split(b" ", 2)[1]), data


def status_of(manager, *args, **kwargs):
    """The answer to a head alone: not one byte of a body is sent."""
    with head(manager, *args, **kwargs) as sock:
        return answer_of(sock)[0]


def session(manager):
    return manager.login().json()["access_token"]


# ---- attacks ----

@pytest.mark.parametrize("method, path", [("POST", LARGE), ("POST", "/apiops/projects/default/apiProxies/file/"), ("POST", "/apiops/projects/"),
                                          ("PUT", "/apiops/projects/default/apiProxies/x/definition/")])
@pytest.mark.parametrize("how", ["Content-Length: " + MANY, "Transfer-Encoding: chunked"])
def test_attack_memory_is_filled_before_login(manager, method, path, how):
    assert status_of(manager, method, path, how) == 401
    assert status_of(manager, method, path, how, token="tgm_unknown") == 401


def test_attack_a_role_that_may_not_call_sends_a_large_body(manager):
    manager.api("POST", "/administrators/", {"name": "reader", "role": "VIEWER", "password": PASSWORD})
    token = manager.login("reader", PASSWORD).json()["access_token"]
    assert status_of(manager, "POST", LARGE, "Content-Length: " + MANY, token=token) == 403
    assert status_of(manager, "POST", LARGE, "Transfer-Encoding: chunked", token=token) == 403


def test_attack_a_large_login(manager):
    assert status_of(manager, "POST", "/apiops/auth/token", "Content-Length: " + MANY) == 413
    with head(manager, "POST", "/apiops/auth/token", "Transfer-Encoding: chunked") as sock:
        for _ in range(3):
            sock.sendall(b"80000\r\n" + b"x" * 0x80000 + b"\r\n")
        sock.sendall(b"0\r\n\r\n")
        assert answer_of(sock)[0] == 413


def test_attack_many_senders_of_large_bodies(manager):
    """What each of them could send without a login would be 60 MiB."""
    status = open(f"/proc/{manager.process.pid}/status").read()
    before = int(re.search(r"VmRSS:\s*(\d+)", status)[1])
    socks = [head(manager, "POST", LARGE, "Content-Length: " + MANY) for _ in range(50)]
    for sock in socks:
        try:
            for _ in range(64):
                sock.sendall(b"x" * 65536)
        except OSError:
            pass
    status = open(f"/proc/{manager.process.pid}/status").read()
    after = int(re.search(r"VmRSS:\s*(\d+)", status)[1])
    for sock in socks:
        sock.close()
    assert after - before < 50 * 1024 * SLOW, (before, after)


def test_a_path_that_is_not_there_takes_no_body(manager):
    assert status_of(manager, "POST", "/apiops/nowhere/", "Content-Length: " + MANY) == 404
    assert status_of(manager, "GET", LARGE, "Content-Length: " + MANY) == 405


# ---- who may ----

def test_a_large_document_after_login(manager):
    document = {"document": {"tollgate": 1, "projects": []}, "dryRun": True}
    body = json.dumps(document) + " " * (3 * MIB)
    manager_token = session(manager)
    headers = {"Content-Type": "application/json"}
    assert manager.http("POST", LARGE, token=manager_token, data=body, headers=dict(headers)).status_code == 200
    pieces = (body[i:i + 100000].encode() for i in range(0, len(body), 100000))
    assert manager.http("POST", LARGE, token=manager_token, data=pieces, headers=dict(headers)).status_code == 200


def test_what_is_no_upload_stays_small_after_login(manager):
    token = session(manager)
    assert status_of(manager, "POST", "/apiops/projects/", f"Content-Length: {MIB + 1}", token=token) == 413
    body = json.dumps({"name": "filled"})
    headers = {"Content-Type": "application/json"}
    assert manager.http("POST", "/apiops/projects/", token=token, data=body + " " * (MIB - len(body)), headers=dict(headers)).status_code == 201
    pieces = (b" " * 65536 for _ in range(17))
    assert manager.http("POST", "/apiops/projects/", token=token, data=pieces, headers=dict(headers)).status_code == 413
    assert status_of(manager, "POST", LARGE, f"Content-Length: {64 * MIB + 1}", token=token) == 413


# ---- the end of a session ----

def test_logout_ends_the_session_and_no_other(manager):
    one, other = session(manager), session(manager)
    assert manager.http("DELETE", "/apiops/auth/token", token=one).json() == {"status": "SUCCESS"}
    assert manager.http("GET", "/apiops/projects/", token=one).status_code == 401
    assert manager.http("DELETE", "/apiops/auth/token", token=one).status_code == 401
    assert manager.http("GET", "/apiops/projects/", token=other).status_code == 200


def test_logout_needs_a_session(manager):
    answer = manager.http("DELETE", "/apiops/auth/token", token=False, auth=("admin", PASSWORD))
    assert answer.status_code == 400 and "bearer token" in answer.json()["resultMessage"]
    assert manager.http("DELETE", "/apiops/auth/token", token=False).status_code == 401


# ---- request ids and the log ----

def test_each_answer_has_a_request_id(manager):
    ids = {manager.http("GET", "/health/live", token=False).headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3 and all(re.fullmatch("[0-9a-f]{32}", i) for i in ids)
    given = manager.http("GET", "/apiops/projects/", headers={"X-Request-Id": "from.here_1-2"})
    assert given.headers["X-Request-Id"] == "from.here_1-2" and "from.here_1-2" in manager.log()
    for bad in ("", "x" * 65, "with blank", 'quote"', "semi;colon"):
        made = manager.http("GET", "/health/live", token=False, headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert re.fullmatch("[0-9a-f]{32}", made), bad


def test_the_log_as_json():
    with Manager(options=["--log-format", "json"]) as m:
        m.api("GET", "/projects/?q=secret")
        m.http("GET", '/apiops/pro"jects/%22', headers={"X-Request-Id": "mine"})
        rows = [json.loads(line) for line in m.log().splitlines() if line.startswith("{")]
    listed = next(r for r in rows if r["operation"] == "projectList")
    assert listed["path"] == "/apiops/projects" and listed["status"] == 200 and listed["administrator"] == "admin" and listed["client"] == "127.0.0.1"
    assert set(listed) == {"time", "request_id", "client", "method", "path", "operation", "administrator", "status", "seconds"}
    odd = next(r for r in rows if r["request_id"] == "mine")
    assert odd["status"] == 404 and odd["operation"] == "" and "secret" not in m.log()


def test_a_log_format_that_is_none(manager):
    assert "wrong value" in Manager(options=["--log-format", "xml"]).fails_at_once()
