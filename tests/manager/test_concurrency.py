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


def statuses(answers):
    return sorted(a.status_code for a in answers)


def test_access_rows_of_many_writers_are_all_granted(manager):
    manager.project("grants")
    manager.api("POST", "/projects/grants/credentials/", {"username": "granted"})
    for i in range(WRITERS):
        manager.proxy("grants", f"grants-{i}")
    path = "/apiops/projects/grants/credentials/granted/access/"
    answers = together(lambda i: manager.http("PUT", path, json={"credentialAccessList": [{"name": f"grants-{i}", "type": "API_PROXY"}]}))
    assert {a.status_code for a in answers} == {200}
    assert manager.api("GET", "/projects/grants/credentials/granted/access/")["resultCount"] == WRITERS


def versioned(manager, name):
    """Objects of each kind, with a body of PUT that makes another of it."""
    manager.project(name)
    manager.proxy(name, name)
    manager.policy(name, name)
    manager.api("POST", f"/projects/{name}/credentials/", {"username": name})
    manager.api("POST", f"/projects/{name}/credential-organizations/", {"name": name})
    manager.api("POST", f"/projects/{name}/apiProxyGroups/", {"name": name})
    manager.api("POST", "/environments/", {"name": name})
    policy = {"policy": {"type": "policy-auth-jwt", "description": ""}}
    return {
        f"/projects/{name}/": {"description": ""}, f"/projects/{name}/apiProxies/{name}/": proxy_body(name),
        f"/projects/{name}/apiProxies/{name}/policies/auth/": policy, f"/projects/{name}/credentials/{name}/": {"description": ""},
        f"/projects/{name}/credential-organizations/{name}/": {"description": ""}, f"/projects/{name}/apiProxyGroups/{name}/": {"description": ""},
        f"/environments/{name}/": {"description": ""}}


def with_text(body, text):
    if "policy" in body:
        return {"policy": dict(body["policy"], description=text)}
    return dict(body, **{"apiProxyDescription" if "apiProxyName" in body else "description": text})


def text_of(result):
    return result["policy"]["description"] if "policy" in result else result.get("description", result.get("apiProxyDescription"))


def test_of_many_puts_with_one_etag_one_is_written_of_every_kind(manager):
    for path, body in versioned(manager, "etags").items():
        got = manager.http("GET", "/apiops" + path)
        etag, version = got.headers["ETag"], got.json()["metadata"]["version"]
        answers = together(lambda i: manager.http("PUT", "/apiops" + path, json=with_text(body, f"writer {i}"), headers={"If-Match": etag}))
        assert statuses(answers) == [200] + [409] * (WRITERS - 1), path
        winner = next(i for i, a in enumerate(answers) if a.status_code == 200)
        after = manager.api("GET", path)
        assert after["metadata"]["version"] == version + 1 and text_of(after["result"]) == f"writer {winner}", path


def test_puts_without_an_etag_are_all_written_and_the_last_stays(manager):
    for path, body in versioned(manager, "lasts").items():
        version = manager.api("GET", path)["metadata"]["version"]
        answers = together(lambda i: manager.http("PUT", "/apiops" + path, json=with_text(body, f"writer {i}")))
        assert {a.status_code for a in answers} == {200}, path
        after = manager.api("GET", path)
        assert after["metadata"]["version"] == version + WRITERS, path
        last = max(answers, key=lambda a: int(a.headers["ETag"].strip('"')))
        assert text_of(after["result"]) == text_of(last.json()["result"]), path
        assert len({a.headers["ETag"] for a in answers}) == WRITERS


def test_one_thing_is_deleted_once(manager):
    manager.api("POST", "/projects/default/credentials/", {"username": "deleted"})
    assert statuses(together(lambda i: manager.http("DELETE", "/apiops/projects/default/credentials/deleted/"))) == [200] + [404] * (WRITERS - 1)


def test_one_username_is_taken_once_in_all_projects(manager):
    for i in range(4):
        manager.project(f"takers-{i}")
    answers = together(lambda i: manager.http("POST", f"/apiops/projects/takers-{i % 4}/credentials/", json={"username": "taken"}))
    assert statuses(answers) == [201] + [409] * (WRITERS - 1)


def test_imports_at_once_of_different_things_all_count(manager):
    manager.project("imports")
    before = manager.snapshot()["revision"]

    def work(i):
        doc = {"tollgate": 1, "projects": [{"name": "imports", "proxies": [dict(proxy_body(f"imports-{i}"), environments=["production"])],
                                            "credentials": [{"username": f"imports-{i}", "access": [{"name": f"imports-{i}", "type": "API_PROXY"}]}]}]}
        return manager.http("POST", "/apiops/import", json={"document": doc})

    answers = together(work)
    assert {a.status_code for a in answers} == {200}, {a.text for a in answers}
    assert manager.api("GET", "/projects/imports/apiProxies/")["resultCount"] == WRITERS
    assert manager.api("GET", "/projects/imports/credentials/")["resultCount"] == WRITERS
    assert manager.snapshot()["revision"] == before + WRITERS


def test_of_many_imports_of_one_document_one_changes_something(manager):
    doc = {"tollgate": 1, "projects": [{"name": "same", "proxies": [proxy_body("same")], "credentials": [{"username": "same", "password": "correct-horse"}]}]}
    answers = together(lambda i: manager.http("POST", "/apiops/import", json={"document": doc}))
    assert {a.status_code for a in answers} == {200}
    assert sorted(len(a.json()["result"]["changes"]) for a in answers) == [0] * (WRITERS - 1) + [3]
    assert len([a for a in answers if a.json()["result"]["secrets"]]) == 1
