"""The store on PostgreSQL: how soon another node hears of a revocation, group commit, and the same work on SQLite."""

import asyncio
import os
import statistics
import time

from postgres import Server

from tollbench import client, tokens, wrk
from tollbench.figures import Figure, alternate, median
from tollbench.machine import cpu_seconds, memory_mib, tree
from tollbench.rows_issue import CONNECTIONS, SINGLE, commits, opaque_gateway
from tollbench.servers import PATH

LOST = 10.0     # seconds after which a revocation counts as not seen


def server_of(stage):
    return stage.once("postgres", lambda: stage.keep(Server(options=["-c", f"shared_buffers={memory_mib() // 4}MB"])))


def store_of(stage, name):
    """Options of planes on a new database of the run's server."""
    server = server_of(stage)
    server.sql(f"CREATE DATABASE {name}")
    return ["--store", server.uri(name)]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


# ---- revocations ----

def other_node(stage, first, store):
    return stage.gateway(command="gateway", options=[*store, "--master-key-file", os.path.join(first.data, "master.key")])


async def seconds_until_refused(here, there, revoke, check):
    """From the answer to the revocation at one node to the first refusal at the other, asked all the time."""
    status, body = await here.ask(revoke)
    ended = time.monotonic()
    if status != 200:
        raise RuntimeError(f"revocation: {status} {body[:200]!r}")
    while time.monotonic() < ended + LOST:
        status, _ = await there.ask(check)
        if status == 401:
            return time.monotonic() - ended
    return None


async def delays(first, second, key, kind, made):
    here, there = client.Connection(first.gateway_port), client.Connection(second.gateway_port)
    await here.open()
    await there.open()
    found = []
    for token in made:
        check = client.get_request(f"/{kind}{PATH}", token)
        for _ in range(2):  # in the cache of the other node
            status, body = await there.ask(check)
            if status != 200:
                raise RuntimeError(f"{kind}: {status} {body[:200]!r} before the revocation")
        revoke = client.post_form("/auth/revoke", "token=" + token, tokens.basic(key))
        found.append(await seconds_until_refused(here, there, revoke, check))
    here.close()
    there.close()
    return found


def propagation(stage):
    store = store_of(stage, "propagation")
    first = stage.gateway(options=store)
    keys = {"opaque": first.proxy("opaque", stage.backend.url, path="/opaque", policy="opaque"),
            "jwt": first.proxy("jwt", stage.backend.url, path="/jwt", policy="jwt")}
    second = other_node(stage, first, store)
    figures = []
    for kind, path in (("opaque", "/auth/token"), ("jwt", "/auth/jwt")):
        made = tokens.issue_many(first, keys[kind], path, 20 if stage.quick else 500, os.path.join(stage.work, kind + ".answers"))
        found = asyncio.run(delays(first, second, keys[kind], kind, made))
        seen = [1000 * s for s in found if s is not None] or [1000 * LOST]
        figure = Figure("propagation", f"revocation of {'an opaque token' if kind == 'opaque' else 'a JWT'} seen by another node, p99",
                        percentile(seen, 0.99), 100, at_most=True, unit="ms", errors=found.count(None), samples=seen,
                        notes={"median_ms": statistics.median(seen), "max_ms": max(seen)})
        stage.say(f"  {kind}: {len(found)} revocations, median {figure.notes['median_ms']:.1f} ms, p99 {figure.value:.1f} ms, "
                  f"most {figure.notes['max_ms']:.1f} ms, {figure.errors} not seen")
        figures.append(figure)
    stage.drop(second)
    stage.drop(first)
    return figures


# ---- group commit ----

def issue(stage, gateway):
    return tokens.issue(gateway, gateway.key, "/auth/token", stage.seconds, CONNECTIONS)


def commit_postgres(stage):
    grouped = opaque_gateway(stage, options=store_of(stage, "grouped"))
    single = opaque_gateway(stage, SINGLE, options=store_of(stage, "single"))
    for g in (grouped, single):
        issue(stage, g)

    def say(i, a, b):
        stage.say(f"  commit-postgres {i + 1}/{stage.pairs}: {a.per_second:.0f} to {b.per_second:.0f} opaque tokens per second = "
                  f"{a.per_second / b.per_second:.2f}  (p99 {a.detail['p99'] / 1000:.1f} and {b.detail['p99'] / 1000:.1f} ms, {a.errors + b.errors} errors)")

    before = commits(grouped)
    results = alternate(stage.pairs, lambda: issue(stage, grouped), lambda: issue(stage, single), say)
    after = commits(grouped)
    ratios = [a.per_second / b.per_second for a, b in results]
    figure = Figure("commit-postgres", "opaque tokens issued on PostgreSQL, to a batch limit of one, 128 connections", median(ratios), 4,
                    errors=sum(a.errors + b.errors for a, b in results), samples=ratios,
                    notes={"grouped_per_second": median([a.per_second for a, _ in results]),
                           "single_per_second": median([b.per_second for _, b in results]),
                           "grouped_p99_ms": median([a.detail["p99"] for a, _ in results]) / 1000,
                           "single_p99_ms": median([b.detail["p99"] for _, b in results]) / 1000,
                           "records_per_transaction": (after[1] - before[1]) / max(1, after[0] - before[0])})
    made = tokens.issue_many(grouped, grouped.key, "/auth/token", 500, os.path.join(stage.work, "grouped.answers"))
    wrong = client.ask_each(grouped.gateway_port, [client.get_request("/opaque" + PATH, token) for token in made])
    if wrong:
        figure.problem(f"{len(wrong)} of {len(made)} tokens are refused: {wrong[:3]}")
    for g in (single, grouped):
        stage.drop(g)
    return [figure]


# ---- both stores ----

def cpu_of(root):
    """CPU time so far by process; some may come and go."""
    found = {}
    for pid in tree(root):
        try:
            found[pid] = cpu_seconds(pid)
        except OSError:
            continue
    return found


def with_server(stage, slice_of):
    """The slice with the CPU time of PostgreSQL on top."""
    root = server_of(stage).process.pid
    before = cpu_of(root)
    found = slice_of()
    found.cpu += sum(seconds - before.get(pid, 0) for pid, seconds in cpu_of(root).items())
    return found


def lookups(stage, gateway, made):
    """A slice of checks of tokens that this gateway has not seen: each is one look-up in the store."""
    count = 500 if stage.quick else 4000
    file = tokens.write_lines(os.path.join(stage.work, "lookups.calls"),
                              [f"GET\t/opaque{PATH}\tBearer {made.pop()}\t" for _ in range(count)])
    return wrk.run(gateway.url, stage.seconds, 32, gateway.root, calls=file, once="1")


def stores(stage):
    """What a token costs: written, and looked up by a gateway that was started after it was issued."""
    pairs = max(2, stage.pairs // 2)
    planes = {"postgresql": opaque_gateway(stage, options=store_of(stage, "stores")), "sqlite": opaque_gateway(stage)}
    made = {}
    for name, g in planes.items():
        issue(stage, g)
        made[name] = tokens.issue_many(g, g.key, "/auth/token", (500 if stage.quick else 4000) * pairs, os.path.join(stage.work, "stores.answers"))
        g.restart()

    def figure_of(what, title, slice_of):
        def say(i, a, b):
            stage.say(f"  stores {i + 1}/{pairs}: {what}: {a.per_cpu_second:.0f} on PostgreSQL to {b.per_cpu_second:.0f} on SQLite per CPU-second = "
                      f"{a.per_cpu_second / b.per_cpu_second:.2f}  ({a.errors + b.errors} errors)")

        results = alternate(pairs, lambda: with_server(stage, lambda: slice_of("postgresql")), lambda: slice_of("sqlite"), say)
        ratios = [a.per_cpu_second / b.per_cpu_second for a, b in results]
        return Figure("stores", title, median(ratios), None, errors=sum(a.errors + b.errors for a, b in results), samples=ratios,
                      notes={name: median([pair[i].per_cpu_second for pair in results])
                             for i, name in enumerate(("postgresql_per_cpu_second", "sqlite_per_cpu_second"))})

    figures = [figure_of("checks", "opaque tokens looked up per CPU-second on PostgreSQL (its server included), to SQLite", lambda name: lookups(stage, planes[name], made[name])),
               figure_of("issues", "... issued", lambda name: issue(stage, planes[name]))]
    for g in planes.values():
        stage.drop(g)
    return figures
