import threading
import time

from harness_manager import SLOW, Node, wait_for


def test_a_frozen_revision(manager):
    manager.proxy("default", "frozen")
    first = manager.deploy("default", "frozen")["deploymentResults"][0]["revision"]
    manager.api("PATCH", "/projects/default/apiProxies/frozen/", {"apiProxyDescription": "later"})

    def deployed():
        return next(p for p in manager.snapshot()["proxies"] if p["proxy"]["apiProxyName"] == "frozen")

    assert deployed()["proxy"]["apiProxyDescription"] == "" and deployed()["revision"] == first
    manager.api("POST", "/environments/production/keys/redeploy")
    assert deployed()["proxy"]["apiProxyDescription"] == "" and deployed()["revision"] == first
    second = manager.deploy("default", "frozen")["deploymentResults"][0]["revision"]
    assert second > first
    assert deployed()["proxy"]["apiProxyDescription"] == "later" and deployed()["revision"] == second


def test_the_same_route_is_refused_and_names_the_other(manager):
    manager.project("rival")
    manager.proxy("default", "mine", "/contested")
    manager.proxy("rival", "theirs", "/contested")
    manager.deploy("default", "mine")
    before = manager.snapshot()
    message = manager.refused(409, "POST", "/projects/rival/apiProxies/theirs/environments/production/")
    assert "mine" in message and "default" in message and "/contested" in message
    assert manager.snapshot() == before
    manager.deploy("default", "mine")  # its own route is no conflict
    manager.api("PATCH", "/projects/rival/apiProxies/theirs/settings/client-route/", {"hostList": ["other.example.org"]})
    manager.deploy("rival", "theirs")


def test_undeploy_ends_the_tokens_of_the_key_there(manager):
    key = manager.proxy("default", "ends")["applicationKey"]
    manager.deploy("default", "ends")
    head = manager.feed()[-1][0]
    environment = manager.environment_id()
    answer = manager.undeploy("default", "ends")
    rows = [(kind, where, ref) for seq, kind, where, ref in manager.feed() if seq > head]
    assert (2, environment, "1:" + key["clientId"]) in rows
    assert any(kind == 1 and where == environment and ref == str(answer["deploymentResults"][0]["revision"]) for kind, where, ref in rows)
    assert "ends" not in [p["proxy"]["apiProxyName"] for p in manager.snapshot()["proxies"]]
    assert "not deployed" in manager.refused(409, "DELETE", "/projects/default/apiProxies/ends/environments/production/")


def test_a_deployed_proxy_is_not_deleted(manager):
    manager.proxy("default", "kept")
    manager.deploy("default", "kept")
    assert "production" in manager.refused(409, "DELETE", "/projects/default/apiProxies/kept/")
    manager.undeploy("default", "kept")
    manager.api("DELETE", "/projects/default/apiProxies/kept/")


def test_status_and_histories(manager):
    manager.proxy("default", "told")
    status = manager.api("GET", "/projects/default/apiProxies/told/environments/production/deploy-status/")["result"]
    assert status["deployed"] is False
    manager.api("POST", "/projects/default/apiProxies/told/environments/production/", {"description": "why"})
    status = manager.api("GET", "/projects/default/apiProxies/told/environments/production/deploy-status/")["result"]
    assert status["deployed"] is True and status["description"] == "why" and status["deployedBy"] == "admin"
    manager.undeploy("default", "told")
    rows = manager.api("GET", "/projects/default/apiProxies/told/deploy-histories/")["resultList"]
    assert [(r["action"], r["environmentName"], r["description"]) for r in rows] == [("UNDEPLOY", "production", ""), ("DEPLOY", "production", "why")]
    assert "nothing" in manager.refused(400, "POST", "/projects/default/apiProxies/told/environments/production/", {"nothing": 1})
    manager.refused(404, "POST", "/projects/default/apiProxies/told/environments/nowhere/")
    manager.refused(404, "POST", "/projects/default/apiProxies/nothing/environments/production/")


# ---- waiting for gateways ----

def deploy_in_thread(manager, name):
    out = {}

    def run():
        begun = time.monotonic()
        out["result"] = manager.deploy("default", name)
        out["seconds"] = time.monotonic() - begun

    thread = threading.Thread(target=run)
    thread.start()
    return thread, out


def test_success_once_every_worker_of_every_node_serves(manager):
    manager.proxy("default", "waited")
    revision = manager.snapshot()["revision"]
    a, b = Node(manager, "node-a"), Node(manager, "node-b")
    a.say([revision, revision])
    b.say([revision, revision])
    thread, out = deploy_in_thread(manager, "waited")
    time.sleep(0.3)
    a.say([revision + 1, revision + 1])
    b.say([revision + 1, revision])
    time.sleep(0.3)
    assert thread.is_alive()  # one worker is missing
    b.say([revision + 1, revision + 1])
    thread.join(10 * SLOW)
    assert out["result"]["success"] is True
    assert "2 nodes" in out["result"]["deploymentResults"][0]["message"]
    a.leave()
    b.leave()


def test_a_worker_that_does_not_follow_is_named(manager):
    manager.proxy("default", "stuck")
    revision = manager.snapshot()["revision"]
    node = Node(manager, "node-stuck", pids=(4711, 4712))
    stop = threading.Event()

    def beat():
        while not stop.wait(0.2):
            node.say([revision + 1, revision])

    node.say([revision, revision])
    heart = threading.Thread(target=beat)
    heart.start()
    thread, out = deploy_in_thread(manager, "stuck")
    thread.join(20 * SLOW)
    stop.set()
    heart.join()
    node.leave()
    message = out["result"]["deploymentResults"][0]["message"]
    assert out["result"]["success"] is False
    assert "node-stuck" in message and "4712" in message and "4711" not in message
    assert 4.5 <= out["seconds"] <= 6 * SLOW


def test_the_reason_of_a_worker_is_passed_on(manager):
    manager.proxy("default", "reason")
    revision = manager.snapshot()["revision"]
    node = Node(manager, "node-reason")
    node.say([revision, revision])
    thread, out = deploy_in_thread(manager, "reason")
    time.sleep(0.2)
    node.say([revision, revision], wanted=revision + 1, errors=["proxies[0]: the format is of tomorrow"] * 2)
    thread.join(20 * SLOW)
    node.leave()
    assert out["result"]["success"] is False
    assert "the format is of tomorrow" in out["result"]["deploymentResults"][0]["message"]


def test_every_node_that_lags_is_named(manager):
    manager.proxy("default", "named")
    revision = manager.snapshot()["revision"]
    good, slow, bare = Node(manager, "node-good"), Node(manager, "node-slow", pids=(11, 12)), Node(manager, "node-bare", pids=())
    crowd = [Node(manager, f"node-x{i}", pids=(21,)) for i in range(7)]

    def beat(stop):
        while not stop.wait(0.2):
            good.say([revision + 1] * 2)
            slow.say([revision, revision], wanted=revision + 1, errors=["", "no memory"])
            bare.say([])
            for one in crowd:
                one.say([revision])

    stop = threading.Event()
    heart = threading.Thread(target=beat, args=(stop,))
    heart.start()
    wait_for(lambda: len(manager.api("GET", "/environments/production/nodes/")["resultList"]) == 10, 5, "ten nodes")
    message = manager.deploy("default", "named")["deploymentResults"][0]["message"]
    stop.set()
    heart.join()
    for node in (good, slow, bare, *crowd):
        node.leave()
    assert "node-good" not in message
    assert f"node node-slow: worker 12 does not serve revision {revision + 1}: no memory" in message
    assert f"node node-bare has no worker that serves revision {revision + 1}" in message
    assert "node node-x0: worker 21" in message and message.endswith("; and 1 more")


def test_dead_nodes_and_other_environments_are_not_waited_for(manager):
    manager.proxy("default", "alone")
    manager.api("POST", "/environments/", {"name": "elsewhere"})
    dead, other = Node(manager, "node-dead"), Node(manager, "node-other", "elsewhere")
    dead.say([1, 1], age_ms=4000)
    other.say([1, 1])
    begun = time.monotonic()
    result = manager.deploy("default", "alone")
    assert result["success"] is False and "no live gateway node" in result["deploymentResults"][0]["message"]
    assert time.monotonic() - begun < 2 * SLOW
    assert [n["nodeId"] for n in manager.api("GET", "/environments/elsewhere/nodes/")["resultList"]] == ["node-other"]
    assert manager.api("GET", "/environments/production/nodes/")["resultList"] == []
    dead.leave()
    other.leave()


def test_a_node_that_dies_while_we_wait(manager):
    manager.proxy("default", "dies")
    revision = manager.snapshot()["revision"]
    node, survivor = Node(manager, "node-dies"), Node(manager, "node-lives")
    node.say([revision, revision], age_ms=1500)
    survivor.say([revision + 1, revision + 1])
    result = manager.deploy("default", "dies")
    node.leave()
    survivor.leave()
    assert result["success"] is True


def test_nodes_are_listed(manager):
    node = Node(manager, "node-list", pids=(7, 8))
    node.say([3, 2], wanted=3, errors=["", "why"])
    row = next(n for n in manager.api("GET", "/environments/production/nodes/")["resultList"] if n["nodeId"] == "node-list")
    node.leave()
    assert row["revision"] == 2 and row["wantedRevision"] == 3 and row["environmentName"] == "production"
    assert row["workers"] == [{"pid": 7, "revision": 3, "error": None}, {"pid": 8, "revision": 2, "error": "why"}]
