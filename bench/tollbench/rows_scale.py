"""Many tokens and many gateways: look-ups among 50 million, checks while 10 million are cleaned up, one to four nodes on one PostgreSQL."""

import json
import os
import shutil
import subprocess
import threading

from harness import BUILD

from tollbench import tokens, wrk
from tollbench.figures import Figure, alternate, median
from tollbench.rows_issue import opaque_gateway
from tollbench.rows_store import other_node, server_of, store_of, with_server
from tollbench.servers import PATH

CONNECTIONS = 32
PARTITIONS = 20     # that `bench-scale expired` makes


def tool(*args):
    """Runs bench-scale and reads its answer; progress goes to the terminal."""
    out = subprocess.run([str(BUILD / "bench-scale"), *map(str, args)], stdout=subprocess.PIPE, text=True)
    if out.returncode:
        raise RuntimeError(f"bench-scale {args[0]} failed")
    return json.loads(out.stdout)


# ---- look-ups and issues ----

def folder(stage, name):
    path = os.path.join(stage.work, name)
    os.makedirs(path)
    return "sqlite:" + path


def database(stage, name):
    return store_of(stage, name)[1]


def filled(stage, uri, count):
    stage.say(f"  filling {count} tokens")
    return [uri, count, tool("fill", uri, count)["filledAt"]]


def compared(stage, store, many, few, required):
    figures = []
    for command, title, bound in (("look", "look-ups of 100,000 tokens spread over all partitions, warm", required), ("issue", "durable batches of new tokens", None)):
        pairs = tool(command, stage.pairs, *many, *few)["pairs"]
        ratios = [a / b for a, b in pairs]
        figures.append(Figure(f"scale-{store}", f"{store}: {title}, with {many[1]:,} tokens, to {few[1]:,}", median(ratios), bound, samples=ratios,
                              notes={"per_second": median([a for a, _ in pairs]), "per_second_of_few": median([b for _, b in pairs])}))
    return figures


def scale(stage):
    figures = []
    for store, make, required in (("PostgreSQL", database, 0.9), ("SQLite", folder, None)):
        few, many = (filled(stage, make(stage, f"tokens_{count}"), count)
                     for count in ((100_000, 200_000) if stage.quick else (1_000_000, 50_000_000)))
        figures += compared(stage, store, many, few, required)
        for uri, count, _ in (few, many):
            if store == "SQLite":
                shutil.rmtree(uri.removeprefix("sqlite:"))
            else:
                server_of(stage).sql(f"DROP DATABASE tokens_{count} WITH (FORCE)")
    return figures


# ---- checks while tokens are cleaned up ----

def known_calls(stage, gateway, name):
    """A file of calls with tokens that the gateway's cache holds."""
    made = tokens.issue_many(gateway, gateway.key, "/auth/token", min(stage.tokens, 2000), os.path.join(stage.work, name + ".answers"))
    gateway.calls = tokens.write_lines(os.path.join(stage.work, name + ".calls"), [f"GET\t/opaque{PATH}\tBearer {token}\t" for token in made])
    sent = 0
    while sent < 2 * len(made):
        sent += checks(stage, gateway).requests
    return made


def checks(stage, gateway):
    return wrk.run(gateway.url, stage.seconds, CONNECTIONS, gateway.root, calls=gateway.calls)


def settled(stage, name):
    """What filling left to be written is not the drop's doing."""
    if name == "PostgreSQL":
        server_of(stage).sql("CHECKPOINT")
    os.sync()


def slice_beside(stage, name, gateway, uri, count, age, meanwhile):
    """A slice of checks with `count` expired tokens in the store, which are dropped meanwhile, or only afterwards; and the seconds that took."""
    tool("expired", uri, count, age)
    settled(stage, name)
    told = []
    thread = threading.Thread(target=lambda: told.append(tool("drop", uri)))
    if meanwhile:
        thread.start()
    found = checks(stage, gateway)
    if not meanwhile:
        thread.start()
    thread.join()
    if tool("drop", uri)["dropped"]:
        found.errors += 1   # the first one left some
    return found, told[0]["seconds"]


def cleanup_of(stage, name, options, uri):
    g = opaque_gateway(stage, options=options)
    uri = uri or "sqlite:" + g.data
    known_calls(stage, g, "cleanup")
    count = (20_000 if stage.quick else 10_000_000) // stage.pairs
    ages = iter(range(0, 1_000_000, PARTITIONS))
    seconds = []

    def with_drop():
        found, took = slice_beside(stage, name, g, uri, count, next(ages), True)
        seconds.append(took)
        return found

    def without():
        return slice_beside(stage, name, g, uri, count, next(ages), False)[0]

    def say(i, a, b):
        stage.say(f"  cleanup {name} {i + 1}/{stage.pairs}: {a.per_second:.0f} to {b.per_second:.0f} checks per second = {a.per_second / b.per_second:.3f}"
                  f"  (dropped in {seconds[i]:.2f} s, {a.errors + b.errors} errors)")

    results = alternate(stage.pairs, with_drop, without, say)
    ratios = [a.per_second / b.per_second for a, b in results]
    stage.drop(g)
    return Figure("cleanup", f"{name}: checks per second while {count * stage.pairs:,} expired tokens are cleaned up, to the same without", median(ratios), 0.95,
                  errors=sum(a.errors + b.errors for a, b in results), samples=ratios, notes={"drop_seconds": median(seconds)})


def cleanup(stage):
    options = store_of(stage, "cleanup")
    return [cleanup_of(stage, "PostgreSQL", options, options[1]), cleanup_of(stage, "SQLite", [], None)]


# ---- more gateways ----

def together(stage, gateways, slice_of):
    """One slice at each of them, all at the same time, as one."""
    found = [None] * len(gateways)

    def run(i):
        found[i] = slice_of(gateways[i])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(gateways))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = found[0]
    for part in found[1:]:
        whole.requests += part.requests
        whole.cpu += part.cpu
        whole.errors += part.errors
    return whole


def nodes(stage):
    """What a request costs when more gateways share the machine and one PostgreSQL: CPU-seconds, since two cores show no more."""
    store = store_of(stage, "nodes")
    first = opaque_gateway(stage, options=store)
    gateways = [first] + [other_node(stage, first, store) for _ in range(3)]
    for i, g in enumerate(gateways):
        g.key = first.key
        known_calls(stage, g, f"nodes{i}")
    figures = []
    for what, title, slice_of in (("checks", "checks", lambda g: checks(stage, g)),
                                  ("issues", "opaque tokens issued", lambda g: tokens.issue(g, g.key, "/auth/token", stage.seconds, CONNECTIONS))):
        for n in (2, 4):
            def say(i, a, b, n=n, what=what):
                stage.say(f"  nodes {i + 1}/{stage.pairs}: {what}: {a.per_cpu_second:.0f} with {n} gateways to {b.per_cpu_second:.0f} with one per CPU-second = "
                          f"{a.per_cpu_second / b.per_cpu_second:.3f}  ({a.errors + b.errors} errors)")

            results = alternate(stage.pairs, lambda n=n, s=slice_of: with_server(stage, lambda: together(stage, gateways[:n], s)),
                                lambda s=slice_of: with_server(stage, lambda: s(first)), say)
            ratios = [a.per_cpu_second / b.per_cpu_second for a, b in results]
            figures.append(Figure("nodes", f"{title} per CPU-second (PostgreSQL included) of {n} gateways, to one", median(ratios), None,
                                  errors=sum(a.errors + b.errors for a, b in results), samples=ratios,
                                  notes={"per_cpu_second": median([a.per_cpu_second for a, _ in results]),
                                         "per_cpu_second_of_one": median([b.per_cpu_second for _, b in results])}))
    for g in reversed(gateways):
        stage.drop(g)
    return figures
