"""Failed authentications: what a flood of them costs others, and what their time tells."""

import asyncio
import math
import os
import random
import threading
import time

from tollbench import client, tokens, wrk
from tollbench.figures import Figure, alternate, median
from tollbench.rows_token import PASSWORD, credential
from tollbench.servers import PATH

CONNECTIONS = 32
FLOOD_CONNECTIONS = 512
UNLIMITED = {"failureLimits": {"perClient": {"limit": 0}, "perAddress": {"limit": 0}}}


def wrong_secret(rng):
    """Of the length of a generated one."""
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=43))


def gateway_make(stage):
    """Without failure limits, so that every wrong secret is looked at."""
    g = stage.gateway()
    g.manage("PATCH", "/environments/production/", UNLIMITED)
    g.key = g.proxy("opaque", stage.backend.url, path="/opaque", policy="opaque")
    g.generated = credential(g, "generated")
    g.chosen = credential(g, "chosen", PASSWORD)
    g.off = credential(g, "off")
    g.manage("PATCH", "/projects/shop/credentials/off/", {"enabled": False})
    return g


# ---- proxied requests beside a flood ----

class Flood:
    """wrk in the background, with wrong secrets of both kinds from many connections; ends by itself."""

    def __init__(self, gateway, file, seconds):
        self.thread = threading.Thread(target=self._run, args=(gateway, file, seconds))

    def _run(self, gateway, file, seconds):
        self.result = wrk.run(gateway.url, seconds, FLOOD_CONNECTIONS, gateway.root, calls=file, expect="401,429,503")

    def __enter__(self):
        self.thread.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.thread.join()


def flood(stage):
    g = gateway_make(stage)
    rng = random.Random(1)
    clients = [g.generated[0], g.chosen[0], g.key[0]]
    file = tokens.write_lines(os.path.join(stage.work, "flood.calls"), [
        f"POST\t{'/auth' if name == g.key[0] else '/credential'}/token\t{tokens.basic((name, wrong_secret(rng)))}\t{tokens.FORM}"
        for name in clients for _ in range(500)])
    made = tokens.issue_many(g, g.key, "/auth/token", min(stage.tokens, 1000), os.path.join(stage.work, "flood.answers"))
    seen = tokens.write_lines(os.path.join(stage.work, "flood.tokens"), made)
    floods = []

    def requests():
        return wrk.run(g.url + "/opaque" + PATH, stage.seconds, CONNECTIONS, g.root, stage.backend, tokens=seen)

    def flooded():
        with Flood(g, file, stage.seconds + 1) as running:
            result = requests()
        floods.append(running.result)
        return result

    def say(i, a, b):
        stage.say(f"  flood {i + 1}/{stage.pairs}: {a.per_second:.0f} to {b.per_second:.0f} requests per second = "
                  f"{a.per_second / b.per_second:.3f}  ({a.errors + b.errors} errors, {floods[-1].per_second:.0f} wrong secrets per second)")

    requests()
    flooded()
    results = alternate(stage.pairs, flooded, requests, say)
    ratios = [a.per_second / b.per_second for a, b in results]
    metrics = g.metrics()
    figure = Figure("flood", "proxied requests per second while the token endpoint is flooded with wrong passwords, to the same without",
                    median(ratios), 0.6, errors=sum(a.errors + b.errors for a, b in results) + sum(f.errors for f in floods), samples=ratios,
                    notes={"wrong_secrets_per_second": median([f.per_second for f in floods]), "flood_connections": FLOOD_CONNECTIONS,
                           "argon2id_checked": metrics['tollgate_pool_tasks_total{pool="argon",result="posted"}'],
                           "argon2id_refused": metrics['tollgate_pool_tasks_total{pool="argon",result="busy"}'],
                           "p99_us": median([a.detail["p99"] for a, _ in results]), "p99_us_without": median([b.detail["p99"] for _, b in results])})
    if not figure.notes["argon2id_checked"]:
        figure.problem("no wrong password reached argon2id")
    stage.drop(g)
    return [figure]


# ---- what the time of a failure tells ----

KINDS = ("unknown client", "wrong generated secret", "wrong argon2id secret", "disabled client")
TIMING_CONNECTIONS = 8


def mann_whitney(a, b):
    """Two-sided p by the normal approximation, with ties."""
    order = sorted([(v, 0) for v in a] + [(v, 1) for v in b])
    n, m, rank_sum, ties, i = len(a), len(b), 0.0, 0, 0
    while i < len(order):
        j = i
        while j < len(order) and order[j][0] == order[i][0]:
            j += 1
        rank_sum += (i + j + 1) / 2 * sum(1 for _, side in order[i:j] if side == 0)
        ties += (j - i) ** 3 - (j - i)
        i = j
    u = rank_sum - n * (n + 1) / 2
    total = n + m
    deviation = math.sqrt(n * m / 12 * (total + 1 - ties / (total * (total - 1))))
    return math.erfc(abs(u - n * m / 2) / deviation / math.sqrt(2)) if deviation else 1.0


async def times_take(port, requests):
    """(kind, seconds, status) of each; the connections take the next one in turn."""
    found = []
    queue = iter(requests)

    async def run():
        connection = client.Connection(port)
        for kind, data in queue:
            if connection.writer is None:
                await connection.open()
            begin = time.perf_counter()
            status, body = await asyncio.wait_for(connection.ask(data), client.ANSWER_TIMEOUT)
            found.append((kind, time.perf_counter() - begin, status, body))
        connection.close()

    await asyncio.gather(*(run() for _ in range(TIMING_CONNECTIONS)))
    return found


def failures(g, count):
    """`count` of each kind, shuffled together; every secret is another one."""
    rng = random.Random(2)
    requests = []
    for _ in range(count):
        keys = ((wrong_secret(rng)[:24], wrong_secret(rng)), (g.generated[0], wrong_secret(rng)), (g.chosen[0], wrong_secret(rng)), g.off)
        requests += [(kind, client.post_form("/credential/token", tokens.FORM, tokens.basic(key))) for kind, key in zip(KINDS, keys)]
    rng.shuffle(requests)
    return requests


def timing(stage):
    count = 50 if stage.quick else 2000
    g = gateway_make(stage)
    asyncio.run(times_take(g.gateway_port, failures(g, 10)))
    found = asyncio.run(times_take(g.gateway_port, failures(g, count)))
    taken = {kind: [seconds * 1e6 for k, seconds, _, _ in found if k == kind] for kind in KINDS}
    smallest = 1.0
    figure = Figure("timing", f"failed authentications: least p of the six Mann-Whitney tests between four kinds, {count:,} each, times six", 0, 0.01,
                    errors=sum(status != 401 for _, _, status, _ in found))
    for kind in KINDS:
        figure.notes[f"median_us {kind}"] = median(taken[kind])
        stage.say(f"  timing: {kind}: median {median(taken[kind]):.0f} us")
    for i, one in enumerate(KINDS):
        for other in KINDS[i + 1:]:
            p = mann_whitney(taken[one], taken[other])
            smallest = min(smallest, p)
            figure.notes[f"p {one} / {other}"] = p
            stage.say(f"  timing: {one} / {other}: p = {p:.3f}, medians differ by {median(taken[one]) - median(taken[other]):.0f} us")
    if len({body for _, _, _, body in found}) != 1:
        figure.problem("the answers differ")
    figure.value = min(1.0, 6 * smallest)      # six looks at the data (Bonferroni)
    stage.drop(g)
    return [figure]
