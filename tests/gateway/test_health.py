"""What operators see: health, metrics in Prometheus' text format, the access log."""

import json
import os
import re
import socket
import threading
import time

import pytest
import requests

from harness import Backend, free_port, raw, wait_for
from tools import request_bytes


@pytest.fixture(scope="module")
def world(planes):
    """An open, an opaque and a JWT proxy in front of one backend."""
    backend = Backend()

    class World:
        pass

    w = World()
    w.planes, w.backend = planes, backend
    planes.proxy("open", backend.url)
    w.keys = {kind: planes.proxy(kind, backend.url, policy=kind) for kind in ("opaque", "jwt")}
    planes.proxy("down", f"http://127.0.0.1:{free_port()}")
    yield w
    backend.close()


def status_get(planes, path, method="GET"):
    return requests.request(method, f"http://127.0.0.1:{planes.status_port}{path}", timeout=10)


# ---- health ----

def test_live_and_ready(world):
    planes = world.planes
    live = status_get(planes, "/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "live"})
    ready = status_get(planes, "/health/ready")
    body = ready.json()
    assert ready.status_code == 200
    assert re.fullmatch(r"[0-9a-f]{32}", body.pop("node")) and body.pop("revision") >= 1
    assert body == {"status": "ready", "environment": "production", "feed": "fresh"}
    for answer in (live, ready):
        assert answer.headers["Content-Type"] == "application/json" and answer.headers["Cache-Control"] == "no-store"
    head = status_get(planes, "/health/ready", method="HEAD")
    assert (head.status_code, head.content) == (200, b"")
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert status_get(planes, path, method="POST").status_code == 405
        assert status_get(planes, path + "/").status_code == 404


def test_the_status_port_and_the_gateway_keep_to_their_own(world):
    for path in ("/health/live", "/health/ready", "/metrics", "/apiops/projects/"):
        answer = world.planes.get(path)
        assert answer.status_code == 404 and answer.json()["error"] == "not_found"
    for path in ("/", "/open/x", "/auth/token", "/auth/.well-known/jwks.json", "/apiops/"):
        assert status_get(world.planes, path).status_code == 404


def test_ready_says_that_it_is_stopping(own_planes):
    backend = Backend(delay=3)
    planes = own_planes(workers=1)
    planes.proxy("slow", backend.url)
    with socket.create_connection(("127.0.0.1", planes.status_port)) as s:
        s.sendall(b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in s.recv(65536)
        call = threading.Thread(target=lambda: planes.get("/slow/x"))
        call.start()
        wait_for(lambda: backend.requests, 5)
        stopper = threading.Thread(target=planes.stop)
        stopper.start()
        try:
            time.sleep(0.3)
            s.sendall(b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = s.recv(65536)
        except OSError:
            answer = b""
        # an idle connection may be closed by then; an answer must not say ready
        assert answer == b"" or (b" 503 " in answer and b'"stopping"' in answer)
        call.join()
        stopper.join()
    assert planes.process.returncode == 0
    backend.close()


# ---- metrics ----

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|\+Inf|-Inf))")


def parse_metrics(text):
    """Strictly, by the text format 0.0.4: {(name, labels): value} and {name: type}."""
    assert text.endswith("\n") and "\r" not in text
    values, types, helps, closed, current = {}, {}, {}, set(), None
    for line in text[:-1].split("\n"):
        described = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        if described:
            kind, name, rest = described.groups()
            if name != current:
                assert name not in closed, f"{name} stands in two places"
                closed.add(current)
                current = name
            table = helps if kind == "HELP" else types
            assert name not in table, f"{kind} of {name} twice"
            assert kind == "HELP" or rest in ("counter", "gauge", "histogram", "summary")
            table[name] = rest
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, f"no sample: {line!r}"
        name, labels, value = sample.groups()
        family = re.sub("_(bucket|sum|count)$", "", name) if types.get(current) in ("histogram", "summary") else name
        assert family == current and family in types and family in helps, line
        key = (name, tuple(sorted(re.findall(LABEL, labels or ""))))
        assert key not in values, f"{line} twice"
        values[key] = float(value)
        if types[family] == "counter":
            assert name.endswith("_total") and values[key] >= 0
        else:
            assert not name.endswith("_total")
    assert set(types) == set(helps)
    return values, types


def metrics(planes):
    answer = status_get(planes, "/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parse_metrics(answer.text)


def sample(values, text):
    found = SAMPLE.fullmatch(text + " 0")
    return values[(found.group(1), tuple(sorted(re.findall(LABEL, found.group(2) or ""))))]


def test_metrics_are_in_the_text_format(world):
    values, types = metrics(world.planes)
    assert len(types) > 20
    assert sample(values, "tollgate_feed_fresh") == 1
    assert sample(values, "tollgate_feed_age_seconds") < 1
    assert sample(values, "tollgate_snapshot_revision") == sample(values, "tollgate_snapshot_target_revision") >= 1
    revisions = {key: value for key, value in values.items() if key[0] == "tollgate_worker_revision"}
    assert {f'pid="{pid}"' for pid in world.planes.worker_pids()} == {key[1][0] for key in revisions}
    assert set(revisions.values()) == {sample(values, "tollgate_snapshot_revision")}
    assert 0 <= sample(values, "tollgate_token_cache_entries") <= sample(values, "tollgate_token_cache_entries_max")
    assert 0 < sample(values, "tollgate_live_clients_max")


def test_manager_metrics_are_in_the_text_format(world):
    answer = requests.get(f"http://127.0.0.1:{world.planes.manager_port}/metrics", timeout=10)
    assert answer.status_code == 200
    values, _ = parse_metrics(answer.text)
    assert values


def test_every_counter_in_the_operators_guide_is_there(world):
    guide = open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "operations.md")).read()
    values, types = metrics(world.planes)
    named = set(re.findall(r"`(tollgate_[a-z_]+)(?:\{[^`]*\})?`", guide))
    directives = set(re.findall(r"`(tollgate_(?:zone|threads|auth_failure_delay|batch_limit|traceparent)) ", guide))
    assert named - directives and named - directives <= set(types), named - directives - set(types)


def grown(world, what):
    """What each counter grew by while what() ran."""
    before, _ = metrics(world.planes)
    what()
    after, types = metrics(world.planes)
    assert all(after[key] >= value for key, value in before.items() if types.get(key[0]) != "gauge"), "a counter went back"
    return lambda text: sample(after, text) - sample(before, text)


def test_counters_of_requests_move(world):
    planes = world.planes
    token = planes.token(world.keys["jwt"])

    def calls():
        for _ in range(3):
            assert planes.get("/open/x").status_code == 200
            assert planes.get("/jwt/x", token).status_code == 200
        for _ in range(2):
            assert planes.get("/jwt/x").status_code == 401
            assert planes.get("/jwt/x", "bad").status_code == 401
            assert planes.get("/nowhere").status_code == 404
        assert raw(planes.gateway_port, request_bytes("/open/%00")).status == 400
        assert planes.get("/down/x").status_code == 502

    by = grown(world, calls)
    assert by('tollgate_requests_total{result="forwarded"}') == 7
    assert by('tollgate_requests_total{result="refused"}') == 4
    assert by('tollgate_requests_total{result="no_route"}') == 2
    assert by('tollgate_requests_total{result="bad_request"}') in (0, 1)  # nginx itself may refuse it
    assert by('tollgate_token_checks_total{type="jwt",result="ok"}') == 3
    assert by('tollgate_token_checks_total{type="jwt",result="refused"}') == 2
    assert by('tollgate_token_checks_total{type="none",result="refused"}') == 2
    assert by("tollgate_backend_failures_total") >= 1
    assert by('tollgate_backend_connections_total{source="new"}') + by('tollgate_backend_connections_total{source="reused"}') == 7


def test_counters_of_tokens_move(world):
    planes = world.planes
    issued = []

    def issue():
        for kind, key in world.keys.items():
            issued.extend((kind, planes.token(key)) for _ in range(3))
        assert planes.token_answer((world.keys["jwt"][0], "wrong")).status_code == 401
        assert planes.token_answer(world.keys["jwt"], grant_type="nonsense").status_code == 400

    by = grown(world, issue)
    assert by('tollgate_tokens_issued_total{type="opaque"}') == 3
    assert by('tollgate_tokens_issued_total{type="jwt"}') == 3
    assert by('tollgate_token_requests_refused_total{reason="invalid_client"}') == 1
    assert by('tollgate_token_requests_refused_total{reason="other"}') == 1
    assert by("tollgate_committed_records_total") == 3
    assert 1 <= by("tollgate_commits_total") <= 3
    assert by('tollgate_pool_tasks_total{pool="crypto",result="posted"}') == 3
    opaque = [token for kind, token in issued if kind == "opaque"]

    def use():
        for token in opaque * 2:
            assert planes.get("/opaque/x", token).status_code == 200

    by = grown(world, use)
    assert by('tollgate_token_checks_total{type="opaque",result="ok"}') == 6
    looked_up = sum(by(f'tollgate_token_cache_total{{result="{result}"}}') for result in ("hit", "miss"))
    assert looked_up == 6 and by('tollgate_token_cache_total{result="hit"}') >= 3
    unknown = opaque[0][:-10] + "AAAAAAAAAA"
    by = grown(world, lambda: [planes.get("/opaque/x", unknown) for _ in range(4)])
    assert by('tollgate_token_checks_total{type="opaque",result="refused"}') == 4
    assert 1 <= by('tollgate_store_lookups_total{result="answered"}') <= 4


def test_counters_of_deploys_move_and_survive_a_reload(world):
    planes = world.planes
    by = grown(world, lambda: planes.deploy("open"))
    assert by("tollgate_feed_changes_total") >= 1
    assert by('tollgate_snapshot_loads_total{result="loaded"}') == 2  # two workers
    assert by("tollgate_snapshot_revision") == 1
    old = set(planes.worker_pids())

    def reload():
        planes.process.send_signal(1)
        wait_for(lambda: len(planes.worker_pids()) == 2 and not old & set(planes.worker_pids()), 15, "new workers")
        wait_for(lambda: planes.get("/open/x").status_code == 200, 5)

    grown(world, reload)


# ---- the access log ----

FIELDS = {"time", "request_id", "trace", "client", "request", "status", "bytes", "seconds", "proxy", "client_id", "user", "token", "upstream", "upstream_status",
          "upstream_seconds"}


def log_lines(planes):
    with open(os.path.join(planes.data, "gateway", "access.log"), "rb") as f:
        lines = f.read().split(b"\n")
    assert lines.pop() == b""
    parsed = []
    for line in lines:
        entry = json.loads(line.decode("utf-8"), object_pairs_hook=pairs)
        assert set(entry) == FIELDS, entry
        parsed.append(entry)
    return parsed


def pairs(found):
    assert len({name for name, _ in found}) == len(found), "a name twice"
    return dict(found)


def logged(planes, mark):
    """The lines whose request has this in it, once they are written."""
    return wait_for(lambda: [entry for entry in log_lines(planes) if mark in entry["request"]], 10, f"a line about {mark}")


def test_access_log_has_the_request_id_that_the_backend_saw(world):
    planes = world.planes
    ids = []
    for i in range(20):
        assert planes.get(f"/open/id-{i}-").status_code == 200
        assert len(world.backend.header("X-Request-Id")) == 1
        ids.append(world.backend.header("X-Request-Id")[0].decode())
    assert len(set(ids)) == 20 and all(re.fullmatch(r"[0-9a-f]{32}", i) for i in ids)
    for i, request_id in enumerate(ids):
        entry, = logged(planes, f"/open/id-{i}-")
        assert entry["request_id"] == request_id


def test_request_id_of_the_client_is_not_taken(world):
    answer = world.planes.get("/open/forged", headers={"X-Request-Id": "forged-id"})
    assert answer.status_code == 200
    assert [re.fullmatch(rb"[0-9a-f]{32}", value) is not None for value in world.backend.header("X-Request-Id")] == [True]
    assert logged(world.planes, "/open/forged")[0]["request_id"].encode() == world.backend.header("X-Request-Id")[0]


def test_access_log_line_tells_what_happened(world):
    planes = world.planes
    key = world.keys["opaque"]
    token = planes.token(key)
    assert planes.get("/opaque/told", token).status_code == 200
    entry, = logged(planes, "/opaque/told")
    assert entry["request"].startswith("GET /opaque/told")
    assert (entry["status"], entry["proxy"], entry["client_id"], entry["token"]) == (200, "opaque", key[0], "ok")
    assert entry["upstream"] == f"127.0.0.1:{world.backend.port}" and entry["upstream_status"] == "200"
    assert entry["client"] == "127.0.0.1" and entry["bytes"] > 100 and 0 <= entry["seconds"] < 10
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", entry["time"])
    planes.get("/opaque/refused", "bad")
    entry, = logged(planes, "/opaque/refused")
    assert (entry["status"], entry["proxy"], entry["upstream"]) == (401, "opaque", "") and entry["token"] not in ("", "ok")
    planes.get("/nowhere/told")
    assert logged(planes, "/nowhere/told")[0]["status"] == 404
    planes.get("/down/told")
    assert (logged(planes, "/down/told")[0]["status"], logged(planes, "/down/told")[0]["upstream_status"]) == (502, "502")
    planes.token_answer((key[0], "wrong"))
    entry = wait_for(lambda: [e for e in logged(planes, "/auth/token") if e["status"] == 401], 10, "the line of the refusal")[-1]
    assert entry["token"] == "invalid_client" or entry["token"], entry


@pytest.mark.parametrize("target", [
    b'/open/quote"back\\slash', b"/open/\x80\xff\xc3", b"/open/%22%0a%5c", b"/open/<script>?a=\"b\"", b'/open/{"json":1}', b"/open/%c3%28",
])
def test_access_log_stays_json_whatever_is_asked(world, target):
    planes = world.planes
    raw(planes.gateway_port, b"GET " + target + b"?mark-" + target.hex().encode() + b" HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
    assert logged(planes, "mark-" + target.hex())


def test_access_log_of_garbage_is_json(world):
    planes = world.planes
    before = len(log_lines(planes))
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b'GET "\\\r\n\r\n', b"GET / HTTP/9.9\r\n\r\n", b"\xff\xfe\r\n\r\n"):
        try:
            raw(planes.gateway_port, data, timeout=3)
        except (EOFError, OSError, ValueError, IndexError):
            pass  # whatever the answer: the log is what this is about
    planes.get("/open/after-garbage")
    assert logged(planes, "after-garbage")
    assert len(log_lines(planes)) > before
