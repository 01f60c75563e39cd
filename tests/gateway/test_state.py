"""The node's own state: snapshots, the change feed, the shared memory, the row that tells the manager what is served."""

import copy
import json
import os
import signal
import sqlite3
import time

import requests

from harness import SLOW, wait_for

CONFIG = ("config.db", "config.db-wal", "config.db-shm")


def status(planes, path, token=None):
    return planes.get(path, token).status_code


def node(planes):
    nodes = planes.manage("GET", "/environments/production/nodes/")["resultList"]
    return nodes[0] if nodes else None


def database(planes, name="config.db"):
    return sqlite3.connect(os.path.join(planes.data, name), timeout=5)


def put_snapshot(planes, change):
    """Makes another snapshot, as a manager of another release might; returns its revision."""
    with database(planes) as db:
        environment, revision, document = db.execute("SELECT environment_id, revision, document FROM snapshot").fetchone()
        document = json.loads(document)
        document["revision"] = revision = revision + 100
        change(document)
        db.execute("UPDATE snapshot SET revision = ?, document = ?", (revision, json.dumps(document).encode()))
        db.execute("INSERT INTO change_log (kind, environment_id, ref) VALUES (1, ?, ?)", (environment, str(revision)))
    return revision


def test_deploy_is_confirmed_by_each_worker_and_names_the_one_that_is_stopped(own_planes, backend):
    planes = own_planes(workers=2)
    planes.proxy("orders", backend.url)
    stopped = planes.worker_pids()[0]
    os.kill(stopped, signal.SIGSTOP)
    try:
        result = planes.deploy("orders", expect_success=False)
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert not result["success"]
    assert str(stopped) in result["deploymentResults"][0]["message"]
    wait_for(lambda: {w["revision"] for w in node(planes)["workers"]} == {node(planes)["wantedRevision"]}, 5, "the worker catches up")
    assert planes.deploy("orders")["success"]


def test_snapshot_that_cannot_be_loaded_leaves_the_old_one_and_says_why(own_planes, backend):
    planes = own_planes()
    key = planes.proxy("orders", backend.url, policy="opaque")
    token = planes.token(key)
    served = node(planes)["workers"][0]["revision"]
    put_snapshot(planes, lambda document: document["environment"].update(surprise=1))
    wait_for(lambda: all(w["error"] for w in node(planes)["workers"]), 5, "the reason in the node's row")
    for worker in node(planes)["workers"]:
        assert "surprise" in worker["error"]
        assert worker["revision"] == served
    assert status(planes, "/orders/x", token) == 200
    good = put_snapshot(planes, lambda document: document["environment"].pop("surprise"))
    wait_for(lambda: {w["revision"] for w in node(planes)["workers"]} == {good}, 5, "the next good snapshot")
    assert not any(w["error"] for w in node(planes)["workers"])


def test_killed_workers_are_replaced_and_their_counts_stay(own_planes, backend):
    planes = own_planes(workers=2)
    planes.expected_log.append("exited on signal 9")
    key = planes.proxy("orders", backend.url, policy="opaque")
    token = planes.token(key)
    calls = 0
    for _ in range(6):
        old = planes.worker_pids()
        os.kill(old[0], signal.SIGKILL)
        wait_for(lambda: len(planes.worker_pids()) == 2 and old[0] not in planes.worker_pids(), 10, "another worker")
        for _ in range(4):
            assert wait_for(lambda: try_status(planes, token), 10, "an answer") == 200
            calls += 1
    assert planes.deploy("orders")["success"]
    assert {w["pid"] for w in node(planes)["workers"]} == set(planes.worker_pids())
    metrics = planes.metrics()
    assert metrics['tollgate_token_checks_total{type="opaque",result="ok"}'] >= calls
    assert metrics['tollgate_tokens_issued_total{type="opaque"}'] == 1


def try_status(planes, token):
    try:
        return status(planes, "/orders/x", token)
    except requests.ConnectionError:
        return None


def test_leader_killed_the_feed_goes_on(own_planes, backend):
    planes = own_planes(workers=2)
    planes.expected_log.append("exited on signal 9")
    key = planes.proxy("orders", backend.url, policy="opaque")
    for _ in range(3):
        token = planes.token(key)
        assert status(planes, "/orders/x", token) == 200
        for pid in planes.worker_pids():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: try_status(planes, token) == 200, 10, "the workers are back")
        made = planes.manage("PATCH", "/projects/shop/apiProxies/orders/settings/keys/", {"regenerate": True})
        wait_for(lambda: status(planes, "/orders/x", token) == 401, 1, "the changed key ends the token", every=0.01)
        key = (key[0], find_secret(made))


def find_secret(answer):
    for part in (answer, answer.get("result") or {}, answer.get("applicationKey") or {}):
        for name in ("clientSecret", "secretKey"):
            if part.get(name):
                return part[name]
    raise AssertionError(answer)


def test_feed_stopped_with_its_leader_is_taken_over(own_planes, backend):
    planes = own_planes(workers=2)
    key = planes.proxy("orders", backend.url, policy="opaque")
    token = planes.token(key)
    for stopped in planes.worker_pids():
        os.kill(stopped, signal.SIGSTOP)
        try:
            reads = 'tollgate_feed_reads_total{result="read"}'
            before = wait_for(lambda: some_metrics(planes), 10)[reads]
            wait_for(lambda: some_metrics(planes).get(reads, 0) > before + 3, 5, "the feed is read by the other worker")
        finally:
            os.kill(stopped, signal.SIGCONT)
    assert status(planes, "/orders/x", token) == 200


def some_metrics(planes):
    """From a worker that answers: the one that is stopped may hold the connection."""
    try:
        text = requests.get(f"http://127.0.0.1:{planes.status_port}/metrics", timeout=0.3 * SLOW).text
    except requests.RequestException:
        return {}
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def test_node_starts_with_the_last_good_snapshot_when_the_store_is_gone(own_planes, backend):
    planes = own_planes(workers=1)
    planes.proxy("open", backend.url)
    key = planes.proxy("orders", backend.url, policy="opaque")
    token = planes.token(key)
    identity = node(planes)["nodeId"]
    wait_for(lambda: os.path.exists(os.path.join(planes.data, "gateway", "snapshot-production.json")), 5)
    wait_for(lambda: "/orders" in open(os.path.join(planes.data, "gateway", "snapshot-production.json")).read(), 5, "the newest snapshot on disk")
    planes.expected_log.append("exited on signal 9")
    for name in CONFIG:
        if os.path.exists(os.path.join(planes.data, name)):
            os.rename(os.path.join(planes.data, name), os.path.join(planes.data, "away-" + name))
    os.kill(planes.worker_pids()[0], signal.SIGKILL)
    wait_for(lambda: try_open(planes) == 200, 10, "the open proxy from the disk's snapshot")
    wait_for(lambda: status(planes, "/orders/x", token) == 503, 5, "an opaque token cannot be checked without the store")
    for name in CONFIG:
        if os.path.exists(os.path.join(planes.data, "away-" + name)):
            os.rename(os.path.join(planes.data, "away-" + name), os.path.join(planes.data, name))
    wait_for(lambda: status(planes, "/orders/x", token) == 200, 5, "the store is back")
    wait_for(lambda: node(planes), 5)
    assert node(planes)["nodeId"] == identity


def try_open(planes):
    try:
        return status(planes, "/open/x")
    except requests.ConnectionError:
        return None


def test_reload_keeps_caches_counts_and_deploys(own_planes, backend):
    planes = own_planes(workers=2)
    key = planes.proxy("orders", backend.url, policy="opaque")
    token = planes.token(key)
    assert status(planes, "/orders/x", token) == 200
    lookups = 'tollgate_store_lookups_total{result="answered"}'
    before = planes.metrics()[lookups]
    old = set(planes.worker_pids())
    planes.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(planes.worker_pids()) == 2 and not old & set(planes.worker_pids()), 10, "new workers")
    assert status(planes, "/orders/x", token) == 200
    assert planes.metrics()[lookups] == before
    assert planes.deploy("orders")["success"]
    assert {w["pid"] for w in node(planes)["workers"]} == set(planes.worker_pids())


def test_stop_takes_the_nodes_row_away_and_a_new_start_has_the_same_id(own_planes, backend):
    planes = own_planes()
    planes.proxy("open", backend.url)
    identity = node(planes)["nodeId"]
    assert planes.stop() == 0
    assert database(planes, "tokens.db").execute("SELECT count(*) FROM node").fetchone() == (0,)
    planes.start()
    wait_for(lambda: node(planes), 5)
    assert node(planes)["nodeId"] == identity


def test_thousand_proxies_are_live_on_all_workers_within_a_second(own_planes, backend):
    planes = own_planes(workers=2)
    planes.proxy("open", backend.url)

    def multiply(document):
        for i in range(999):
            more = copy.deepcopy(document["proxies"][0])
            more["id"], more["keyId"] = 100000 + i, 200000 + i
            more["proxy"]["apiProxyName"] = f"p{i}"
            more["proxy"]["clientRoute"]["relativePathList"] = [f"/p{i}"]
            document["proxies"].append(more)

    put_snapshot(planes, multiply)
    wait_for(lambda: {w["revision"] for w in node(planes)["workers"]} == {node(planes)["wantedRevision"]} != {1}
             and status(planes, "/p998/x") == 200, 5, "the large snapshot")
    revision = put_snapshot(planes, lambda document: None)
    began = time.monotonic()
    wait_for(lambda: {w["revision"] for w in node(planes)["workers"]} == {revision}, 5)
    assert time.monotonic() - began < 1 * SLOW
