"""Token checks of ACL mode: 1,000 proxies and 100,000 credentials, to 10 credentials."""

import json
import os
import shutil
import subprocess
import time

import requests
from harness import BUILD

from tollbench import client, tokens, wrk
from tollbench.figures import Figure, alternate, median
from tollbench.servers import PATH, Gateway

CONNECTIONS = 32
FEW = 100       # credentials whose tokens are asked for one by one
LONG = 100      # credentials whose list has every proxy; the others' have SHORT
SHORT = 10


def proxies_make(stage, manager, count):
    manager.project()
    begin = time.monotonic()
    for i in range(count):
        manager.proxy(f"p{i}", stage.backend.url, policy="opaque", deploy=False, managedFromThisPolicy=False)
        manager.deploy(f"p{i}", expect_success=False)   # no gateway runs: nobody confirms it
        if (i + 1) % 250 == 0:
            stage.say(f"  {i + 1} proxies deployed, {time.monotonic() - begin:.1f} s")
    manager.manage("PATCH", "/settings/token-management/", {"extendedFields": True})    # answers tell the client


def credentials_seed(stage, data, count):
    """[(username, secret, proxy)], written straight into the store."""
    begin = time.monotonic()
    out = subprocess.run([str(BUILD / "bench-seed"), f"sqlite:{data}", os.path.join(data, "master.key"), "shop", str(count), str(LONG), str(SHORT)],
                         capture_output=True, text=True)
    if out.returncode:
        raise RuntimeError("bench-seed: " + out.stderr)
    stage.say(f"  {count} credentials made, {time.monotonic() - begin:.1f} s")
    return [line.split("\t") for line in out.stdout.splitlines()]


def tokens_of(stage, gateway, made):
    """A token of each credential, as (token, proxy)."""
    file = os.path.join(stage.work, "acl.calls")
    answers = os.path.join(stage.work, "acl.answers")
    proxies = {name: proxy for name, _, proxy in made}
    found, left = [], made
    while len(left) > FEW:
        # wrk stops before it reaches the end of the file: the first ones stand there once more
        tokens.write_lines(file, [f"POST\t/credential/token\t{tokens.basic((name, secret))}\t{tokens.FORM}" for name, secret, _ in left + left[:FEW]])
        seconds = 1 + len(left) // 4000     # it waits for their end, also when it has nothing left to send
        result = wrk.run(gateway.url, seconds, 16, gateway.root, calls=file, once="1", record=answers)
        with open(answers) as f:
            got = {a["X-ClientInfo"]: a["access_token"] for a in map(json.loads, f)}
        if result.errors or not got:
            raise RuntimeError(f"errors while tokens were issued: {result.detail}")
        found += [(token, proxies[name]) for name, token in got.items()]
        left = [row for row in left if row[0] not in got]
    return found + [(gateway.token((name, secret), "/credential/token"), proxy) for name, secret, proxy in left]


class Side:
    """A gateway with so many credentials, and a file of requests of all of them, to all the proxies."""

    def __init__(self, stage, data, count, proxies):
        self.stage, self.count = stage, count
        made = credentials_seed(stage, data, count)
        self.gateway = stage.keep(Gateway(data=data, workers=stage.workers)).start()
        found = tokens_of(stage, self.gateway, made)
        self.tokens = len(found)
        if count < LONG:    # each may call every proxy, so that both sides are asked for as many
            found = [(found[i % count][0], f"p{i}") for i in range(proxies)]
        self.file = tokens.write_lines(os.path.join(stage.work, f"acl-{count}.calls"),
                                       [f"GET\t/{proxy}{PATH}\tBearer {token}\t" for token, proxy in found])
        self.check(found)
        sent = 0
        while sent < 2 * len(found):
            sent += self.slice().requests

    def check(self, found):
        """A sample of the requests opens the proxy that is named, and no other."""
        step = max(1, len(found) // 50)
        wrong = client.ask_each(self.gateway.gateway_port, [client.get_request(f"/{proxy}{PATH}", token) for token, proxy in found[::step]])
        if wrong:
            raise RuntimeError(f"{len(wrong)} tokens are refused: {wrong[:3]}")
        session = requests.Session()
        session.trust_env = False
        refused = session.get(f"{self.gateway.url}/{found[0][1]}{PATH}", timeout=20)
        if refused.status_code != 401:
            raise RuntimeError(f"without a token: {refused.status_code}")

    def slice(self):
        return wrk.run(self.gateway.url, self.stage.seconds, CONNECTIONS, self.gateway.root, self.stage.backend, calls=self.file)

    def counts(self):
        metrics = self.gateway.metrics()
        return {kind: [metrics[f'tollgate_{name}_total{{result="{kind}"}}'] for name in ("token_cache", "live_lookups", "access_lookups")]
                for kind in ("hit", "miss")}


def hits_check(side, before, figure):
    after = side.counts()
    for i, name in enumerate(("token_cache", "live_clients", "access_lists")):
        hit, miss = (after[kind][i] - before[kind][i] for kind in ("hit", "miss"))
        share = hit / max(1, hit + miss)
        figure.notes[f"{name}_hits_{side.count}"] = share
        if share < 0.98:
            figure.problem(f"{side.count} credentials: only {share:.1%} hits in {name}")


def acl(stage):
    proxies, many = (50, 1000) if stage.quick else (1000, 100000)
    manager = stage.keep(Gateway(command="manager", data=os.path.join(stage.work, "acl-many"))).start()
    stage.say(f"  deploying {proxies} proxies")
    proxies_make(stage, manager, proxies)
    stage.drop(manager)
    shutil.copytree(os.path.join(stage.work, "acl-many"), os.path.join(stage.work, "acl-few"))
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "--reference", os.path.join(stage.work, "acl-many"), os.path.join(stage.work, "acl-few")], check=True)
    few = Side(stage, os.path.join(stage.work, "acl-few"), 10, proxies)
    large = Side(stage, os.path.join(stage.work, "acl-many"), many, proxies)
    before = {side: side.counts() for side in (large, few)}

    def say(i, a, b):
        stage.say(f"  acl {i + 1}/{stage.pairs}: {a.per_cpu_second:.0f} to {b.per_cpu_second:.0f} requests per CPU-second = "
                  f"{a.per_cpu_second / b.per_cpu_second:.3f}  ({a.errors + b.errors} errors)")

    results = alternate(stage.pairs, large.slice, few.slice, say)
    ratios = [a.per_cpu_second / b.per_cpu_second for a, b in results]
    figure = Figure("acl", f"token check of a credential among {many:,}, to one among 10 ({proxies:,} proxies)", median(ratios), 0.95,
                    errors=sum(a.errors + b.errors for a, b in results), samples=ratios,
                    notes={"tokens": large.tokens, "requests_per_cpu_second": median([a.per_cpu_second for a, _ in results])})
    for side in (large, few):
        hits_check(side, before[side], figure)
        stage.drop(side.gateway)
    return [figure]
