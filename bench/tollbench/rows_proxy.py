"""Requests per CPU-second through the gateway, to those of the same nginx as a plain proxy."""

import os

from tollbench import tokens, wrk
from tollbench.figures import Figure, alternate, median
from tollbench.servers import BODY, PATH

CONNECTIONS = 32


def check_one(server, path, token=None):
    """The measured request is what it is meant to be: the backend's answer comes through."""
    import requests
    session = requests.Session()
    session.trust_env = False
    answer = session.get(server.url + path, headers={"Authorization": "Bearer " + token} if token else {}, timeout=20)
    if answer.status_code != 200 or answer.text != BODY:
        raise RuntimeError(f"{server.url}{path}: {answer.status_code} {answer.text}")


def paired(stage, row, title, required, path, seconds, options_of):
    """Alternating slices of the same requests; options_of(pair) gives wrk's options of a pair of slices."""
    gateway, plain, backend = stage.main, stage.plain, stage.backend
    current = {}

    def options(pair):
        if pair not in current:
            current.clear()
            current[pair] = options_of(pair)
        return current[pair]

    turns = {"gateway": 0, "plain": 0}

    def slice_of(server, name):
        pair = turns[name]
        turns[name] += 1
        sent = options(pair) if server is gateway else options(pair) | {"once": "0"}    # the plain one looks at no token
        return wrk.run(server.url + path, seconds, CONNECTIONS, server.root, backend, **sent)

    def say(i, ours, theirs):
        stage.say(f"  {row} {i + 1}/{stage.pairs}: {ours.per_cpu_second:.0f} to {theirs.per_cpu_second:.0f} requests per CPU-second = "
                  f"{ours.per_cpu_second / theirs.per_cpu_second:.3f}  ({ours.per_second:.0f} and {theirs.per_second:.0f} per second, "
                  f"{ours.errors + theirs.errors} errors)")

    results = alternate(stage.pairs, lambda: slice_of(gateway, "gateway"), lambda: slice_of(plain, "plain"), say)
    ratios = [a.per_cpu_second / b.per_cpu_second for a, b in results]
    return Figure(row, title, median(ratios), required, errors=sum(a.errors + b.errors for a, b in results), samples=ratios, notes={
        "gateway_requests_per_cpu_second": median([a.per_cpu_second for a, _ in results]),
        "plain_requests_per_cpu_second": median([b.per_cpu_second for _, b in results]),
        "gateway_requests": sum(a.requests for a, _ in results), "plain_requests": sum(b.requests for _, b in results),
        "gateway_p99_us": median([a.detail["p99"] for a, _ in results]), "plain_p99_us": median([b.detail["p99"] for _, b in results])})


def warm(stage, path, **options):
    for server in (stage.plain, stage.main):
        result = wrk.run(server.url + path, 1, CONNECTIONS, server.root, stage.backend, **options)
    return result


def cache_counts(gateway):
    metrics = gateway.metrics()
    return {k: metrics[f'tollgate_token_cache_total{{result="{k}"}}'] for k in ("hit", "miss")}


def cache_share(before, after, kind):
    delta = {k: after[k] - before[k] for k in before}
    return delta[kind] / max(1, sum(delta.values()))


def open_proxy(stage):
    path = "/open" + PATH
    check_one(stage.main, path)
    check_one(stage.plain, path)
    warm(stage, path)
    return [paired(stage, "open", "requests per CPU-second, open proxy, to plain nginx", 0.95, path, stage.seconds, lambda _: {})]


def seen(stage, row, title, path, made):
    """Rotating tokens that all stand in the cache before the first measured slice."""
    file = tokens.write_lines(os.path.join(stage.work, row + ".tokens"), made)
    check_one(stage.main, path, made[0])
    check_one(stage.plain, path, made[0])
    sent = 0
    while sent < len(made):
        sent += warm(stage, path, tokens=file).requests
    before = cache_counts(stage.main)
    figure = paired(stage, row, title, 0.88, path, stage.seconds, lambda _: {"tokens": file})
    figure.notes["tokens"] = len(made)
    figure.notes["cache_hits"] = cache_share(before, cache_counts(stage.main), "hit")
    if figure.notes["cache_hits"] < 0.99:
        figure.problem(f"only {figure.notes['cache_hits']:.1%} of the tokens were seen before")
    return figure


def opaque(stage):
    g = stage.main
    made = tokens.issue_many(g, g.keys["opaque"], "/auth/token", stage.tokens, os.path.join(stage.work, "opaque.answers"))
    return [seen(stage, "opaque", "... with opaque tokens that were seen before", "/opaque" + PATH, made)]


def signer(stage):
    return stage.once("signer", lambda: tokens.Signer(stage.main, stage.main.keys["jwt"], "/jwt" + PATH))


def jwt_seen(stage):
    made = signer(stage).make(stage.tokens)
    return [seen(stage, "jwt", "... with JWTs that were seen before", "/jwt" + PATH, made)]


def jwt_once(stage):
    path, sign = "/jwt" + PATH, signer(stage)
    file = os.path.join(stage.work, "once.tokens")
    used = 0

    def fresh(count):
        nonlocal used
        used += count
        return {"tokens": tokens.write_lines(file, sign.make(count)), "once": "1"}

    # Slices that do not count: seen tokens tell how many a second can use at most (a proof costs more than half of such a request), and new ones
    # touch the cache's memory for the first time. Tokens that run out make a slice shorter.
    rate = warm(stage, path, **fresh(200) | {"once": "0"}).per_second
    count = max(2000 if stage.quick else 8000, int(rate * 0.75))
    stage.say(f"  signing {count} JWTs for each of {stage.pairs} pairs of slices, every token sent once")
    warm(stage, path, **fresh(count) | {"once": "0"})
    before = cache_counts(stage.main)
    figure = paired(stage, "jwt-once", "... with JWTs that are each used once", 0.42, path, 1, lambda _: fresh(count))
    figure.notes["tokens"] = used
    figure.notes["cache_misses"] = cache_share(before, cache_counts(stage.main), "miss")
    if figure.notes["cache_misses"] < 0.99:
        figure.problem(f"only {figure.notes['cache_misses']:.1%} of the tokens were new")
    return [figure]
