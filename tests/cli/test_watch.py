"""requests, top, completion and the manual."""

import json
import os
import re
import signal
import subprocess
import termios
import time

import pytest
from harness_cli import BUILD, USAGE, Terminal


def row(i, **more):
    return dict({"id": i, "at": f"2026-11-23T17:00:{i % 60:02}.000Z", "endpoint": "/auth/token", "clientId": f"app-{i}", "grantType": "client_credentials",
                 "status": 200, "error": None, "reason": None, "user": None, "proxyName": "orders", "address": "127.0.0.1", "durationMicros": i}, **more)


class Log:
    """/tokenRequests/ as the manager answers it: newest first, `next` is what `before` must be to go on."""

    def __init__(self, fake, n):
        self.rows = [row(i) for i in range(1, n + 1)]
        self.queries = []
        fake.answers["/apiops/tokenRequests/"] = self.answer

    def answer(self, query, _):
        self.queries.append(query)
        size = int(query.get("pageSize", 100))
        found = [r for r in reversed(self.rows) if r["id"] < int(query.get("before", 1 << 60))]
        page = found[:size]
        return 200, {"status": "SUCCESS", "resultList": page, "resultCount": len(page), "next": page[-1]["id"] if len(page) == size else None}


def env_of(fake):
    return {"TOLLGATE_URL": fake.url, "TOLLGATE_TOKEN": "x"}


def test_requests_stand_newest_last(bare, fake):
    log = Log(fake, 2500)
    told = json.loads(bare("requests", "-o", "json", env=env_of(fake)))
    assert [r["id"] for r in told] == list(range(2401, 2501))
    told = json.loads(bare("requests", "-o", "json", "-n", "2300", env=env_of(fake)))
    assert [r["id"] for r in told] == list(range(201, 2501))
    assert [q["pageSize"] for q in log.queries[-3:]] == ["1000", "1000", "300"]
    table = bare("requests", "-n", "3", env=env_of(fake)).splitlines()
    assert table[0].split()[:2] == ["AT", "STATUS"] and len(table) == 4 and "app-2500" in table[3]


def test_filters_of_requests(bare, fake):
    log = Log(fake, 1)
    bare("requests", "-e", "production", "-p", "shop", "--proxy", "a b&c", "--user", "u", "--client", "c", "--status", "400-499", "--error", "invalid_client",
         "--from", "2026-11-23T17:00:00Z", "--to", "2026-11-24", env=env_of(fake))
    assert log.queries[-1] == {"pageSize": "100", "environment": "production", "project": "shop", "proxy": "a b&c", "user": "u", "clientId": "c", "statusFrom": "400",
                               "statusTo": "499", "error": "invalid_client", "from": "2026-11-23T17:00:00Z", "to": "2026-11-24"}
    bare("requests", "--status", "401", env=env_of(fake))
    assert (log.queries[-1]["statusFrom"], log.queries[-1]["statusTo"]) == ("401", "401")
    assert "--limit: must be a number" in bare.refused("requests", "-n", "0", env=env_of(fake))


def test_follow_shows_each_row_once(bare, fake):
    log = Log(fake, 3)
    process = subprocess.Popen([str(BUILD / "tollgate"), "requests", "--follow", "-o", "json"], stdout=subprocess.PIPE, text=True, env=dict(bare.env, **env_of(fake)))
    try:
        assert [json.loads(process.stdout.readline())["id"] for _ in range(3)] == [1, 2, 3]
        log.rows += [row(i) for i in range(4, 1500)]  # more than a page between two looks
        assert [json.loads(process.stdout.readline())["id"] for _ in range(1496)] == list(range(4, 1500))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def test_follow_ends_when_nobody_reads(bare, fake):
    log = Log(fake, 1)
    process = subprocess.Popen([str(BUILD / "tollgate"), "requests", "--follow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(bare.env, **env_of(fake)))
    process.stdout.readline()
    process.stdout.close()
    log.rows.append(row(2))
    assert process.wait(30) == 1


# top


class Gateway:
    def __init__(self, fake, path="/metrics"):
        self.n = 0
        fake.answers[path] = self.answer

    def answer(self, *_):
        self.n += 1
        return 200, (f'tollgate_requests_total{{result="forwarded"}} {self.n * 1000}\ntollgate_token_cache_total{{result="hit"}} {self.n * 30}\n'
                     f'tollgate_token_cache_total{{result="miss"}} {self.n * 10}\ntollgate_pool_store_pending 7\n')


def test_top_once(bare, fake):
    Gateway(fake)
    Gateway(fake, "/other/metrics")
    told = json.loads(bare("top", "--once", "--interval", "1", "-o", "json", "--status", f"{fake.url},{fake.url}/other/"))
    assert told["nodes"] == told["reached"] == 2 and round(told["cacheHitPercent"], 6) == 75 and told["queueStore"] == 14
    assert 0 < told["requests"] <= 2000
    table = bare("top", "--once", "--interval", "1", env={"TOLLGATE_STATUS": fake.url})
    assert re.search(r"^token cache hits +75\.0%$", table, re.M) and re.search(r"^queue: store +7\.0$", table, re.M)


def test_top_of_what_is_no_gateway(bare, fake):
    assert "status 404" in bare.refused("top", "--once", "--status", fake.url)
    fake.answers["/metrics"] = (200, "<html>")
    assert "no metrics" in bare.refused("top", "--once", "--status", fake.url)
    assert "--interval" in bare.refused("top", "--interval", "0")


@pytest.mark.parametrize("end", ["q", signal.SIGTERM, signal.SIGHUP, "\x03"])
def test_top_leaves_the_terminal_as_it_was(bare, fake, end):
    Gateway(fake)
    with Terminal(bare, "top", "--interval", "1", "--status", fake.url) as t:
        before = termios.tcgetattr(t.slave)
        t.expect("requests/s")
        assert "\x1b[?1049h" in t.text and not t.echoes()
        if isinstance(end, str):
            t.type(end)
        else:
            t.process.send_signal(end)
        assert t.end() == 0
        assert t.text.rstrip().endswith("\x1b[?25h\x1b[?1049l")
        assert termios.tcgetattr(t.slave) == before


# shell


def complete(bare, *words):
    bare.write("completion", bare("completion", "bash"))
    script = 'source completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tollgate; printf "%s\\n" "${COMPREPLY[@]}"'
    answer = subprocess.run(["bash", "-c", script, "bash", "tollgate", *words], cwd=bare.home, capture_output=True, text=True, check=True)
    assert answer.stderr == ""
    return answer.stdout.split()


def test_completion(bare):
    assert {"get", "token", "apply", "up", "keys", "audit"} <= set(complete(bare, ""))
    assert complete(bare, "comp") == ["completion"]
    assert complete(bare, "get", "pol") == ["policies", "policygroups"]
    assert set(complete(bare, "token", "")) == {"get", "refresh", "inspect", "introspect", "revoke"}
    assert complete(bare, "token", "inspect", "--i") == ["--issuer", "--insecure-http"] or set(complete(bare, "token", "inspect", "--i")) == {"--issuer", "--insecure-http"}
    assert complete(bare, "get", "proxies", "-o", "j") == ["json"]
    assert complete(bare, "keys", "rotate", "production", "--alg", "ES2") == ["ES256"]
    assert "--admin-password-file" in complete(bare, "up", "--a") and complete(bare, "gateway", "--admin") == []
    bare.write("doc.yaml", "")
    assert complete(bare, "apply", "-f", "doc") == ["doc.yaml"]
    assert bare("completion", "zsh").startswith("#compdef tollgate\n")
    assert bare.run("completion", "fish").returncode == USAGE


def commands(bare):
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", bare("help"), re.M)


def test_every_command_has_help_and_a_manual(bare):
    names = commands(bare)
    assert {"login", "token get", "audit verify", "restore", "up"} <= set(names)
    manual = bare("man")
    for name in names:
        if name != "version":
            assert "Usage: tollgate " + name in bare(*name.split(), "--help")
            assert re.search(rf"^\.B {name}\b", manual, re.M), name
    for group in re.findall(r"tollgate\\-(\w+)\(1\)", manual):
        page = bare("man", group)
        assert page.startswith(f".TH TOLLGATE-{group.upper()} 1 ") and ".SS tollgate " in page
    assert bare.run("man", "nothing").returncode == USAGE


def test_the_manual_is_built(bare):
    built = {p.name for p in (BUILD / "docs").iterdir() if p.suffix == ".1"}
    assert built == {"tollgate.1"} | {f"tollgate-{g}.1" for g in re.findall(r"tollgate\\-(\w+)\(1\)", bare("man"))}
