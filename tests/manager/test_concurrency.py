"""Many writers at once lose nothing."""
import sqlite3
import threading
import time

from harness_manager import SLOW, proxy_body

WRITERS = 32


def together(work):
    """Runs work(i) in WRITERS threads that start at one moment; what each returned."""
    gate, out = threading.Barrier(WRITERS), [None] * WRITERS

    def run(i):
        gate.wait()
        out[i] = work(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(WRITERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120 * SLOW)
    assert None not in out
    return out


def test_one_name_is_made_once(manager):
    manager.api("GET", "/projects/")
    statuses = together(lambda i: manager.http("POST", "/apiops/projects/", json={"name": "one"}).status_code)
    assert sorted(statuses) == [201] + [409] * (WRITERS - 1)


def test_different_names_are_all_made(manager):
    manager.project("many")
    base = "/apiops/projects/many/apiProxies/url/"
    answers = together(lambda i: manager.http("POST", base, json=proxy_body(f"many-{i}")))
    assert {a.status_code for a in answers} == {201}
    assert manager.api("GET", "/projects/many/apiProxies/")["resultCount"] == WRITERS
    assert len({a.json()["applicationKey"]["clientId"] for a in answers}) == WRITERS


def test_a_version_is_changed_once(manager):
    manager.project("version")
    path = "/apiops/projects/version/"
    statuses = together(lambda i: manager.http("PATCH", path, json={"description": str(i)}, headers={"If-Match": '"1"'}).status_code)
    assert sorted(statuses) == [200] + [409] * (WRITERS - 1)
    assert manager.api("GET", "/projects/version/")["metadata"]["version"] == 2


def test_read_change_write_with_etags_loses_no_update(manager):
    manager.project("counter")

    def work(i):
        for _ in range(400):
            got = manager.http("GET", "/apiops/projects/counter/")
            names = got.json()["result"]["description"] + f" {i}"
            answer = manager.http("PATCH", "/apiops/projects/counter/", json={"description": names}, headers={"If-Match": got.headers["ETag"]})
            if answer.status_code == 200:
                return True
            assert answer.status_code == 409
        return False

    assert all(together(work))
    result = manager.api("GET", "/projects/counter/")
    assert sorted(map(int, result["result"]["description"].split())) == list(range(WRITERS))
    assert result["metadata"]["version"] == WRITERS + 1


def test_patches_of_different_fields_without_etags_all_stay(manager):
    manager.proxy("default", "fields")
    fields = [("clientRoute", "stripPath", False), ("connection", "readTimeoutMillis", 123), ("connection", "connectTimeoutMillis", 456),
              ("routingInfo", "routingEnabled", False)]

    def work(i):
        part, name, value = fields[i % len(fields)]
        return manager.http("PATCH", "/apiops/projects/default/apiProxies/fields/", json={part: {name: value}}).status_code

    assert set(together(work)) == {200}
    result = manager.api("GET", "/projects/default/apiProxies/fields/")
    for part, name, value in fields:
        assert result["result"][part][name] == value
    assert result["metadata"]["version"] == WRITERS + 1


def test_deploys_at_once_are_all_in_the_snapshot(manager):
    manager.project("rush")
    for i in range(WRITERS):
        manager.proxy("rush", f"rush-{i}")
    before = manager.snapshot()["revision"]
    results = together(lambda i: manager.deploy("rush", f"rush-{i}")["deploymentResults"][0]["revision"])
    assert sorted(results) == list(range(before + 1, before + 1 + WRITERS))
    snapshot = manager.snapshot()
    assert snapshot["revision"] == before + WRITERS
    names = {p["proxy"]["apiProxyName"] for p in snapshot["proxies"]}
    assert {f"rush-{i}" for i in range(WRITERS)} <= names


def test_the_feed_has_no_gap(manager):
    numbers = [seq for seq, _, _, _ in manager.feed()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_deploy_among_a_thousand_is_quick(own):
    """The manager's part of it; what the gateways add is measured with them."""
    with own() as manager:
        manager.project("thousand")
        manager.proxy("thousand", "p0")
        manager.policy("thousand", "p0")
        manager.deploy("thousand", "p0")
        manager.stop()
        # 999 more of the same, written straight into the store
        with sqlite3.connect(f"{manager.data}/config.db") as db:
            project, proxy_id, doc = db.execute("SELECT parent, id, doc FROM resource WHERE kind = 3").fetchone()
            environment, frozen = db.execute("SELECT environment_id, doc FROM deployment_history").fetchone()
            for i in range(1, 1000):
                new = 1000000 + i
                db.execute("INSERT INTO resource (id, kind, parent, name, version, created_at, updated_at, doc) VALUES (?, 3, ?, ?, 1, 0, 0, ?)",
                           (new, project, f"p{i}", doc.replace("p0", f"p{i}")))
                copy = frozen.replace('"p0"', f'"p{i}"').replace('"/p0"', f'"/p{i}"').replace(f'"id":{proxy_id}', f'"id":{new}')
                assert copy.count(f"p{i}") == 2 and f'"id":{new}' in copy
                db.execute("INSERT INTO deployment_history VALUES (?, ?, ?, 2, 0, 'admin', '', 0, ?)", (new, environment, new, copy))
                db.execute("INSERT INTO deployment VALUES (?, ?, ?)", (environment, new, new))
        manager.start()
        manager.api("PATCH", "/projects/thousand/apiProxies/p0/", {"apiProxyDescription": "new"})
        seconds = []
        for _ in range(3):
            begun = time.monotonic()
            manager.deploy("thousand", "p0")
            seconds.append(time.monotonic() - begun)
        assert len(manager.snapshot()["proxies"]) == 1000
        assert min(seconds) < 0.4 * SLOW, seconds
        print("deploy among 1,000:", seconds)
        manager.proxy("thousand", "rival", "/p777")
        assert "p777" in manager.refused(409, "POST", "/projects/thousand/apiProxies/rival/environments/production/")
