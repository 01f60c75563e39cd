"""Tokens issued: signatures to OpenSSL's own speed, ES256 to RS256, group commit to single commits, and what survives kill -9."""

import os
import pathlib
import re
import shutil
import signal
import time

from tollbench import client, machine, tokens
from tollbench.figures import Figure, alternate, median
from tollbench.servers import PATH

CONNECTIONS = 128
SIGN_CONNECTIONS = 32


def issue_jwt(stage, name, record=None, seconds=None):
    g = stage.main
    return tokens.issue(g, g.keys[name], "/auth/jwt", seconds or stage.seconds, SIGN_CONNECTIONS, record=record)


def check_sample(stage, name, figure):
    """One more slice of the same load, whose every answer is kept and looked at."""
    file = os.path.join(stage.work, name + ".answers")
    extra = issue_jwt(stage, name, record=file, seconds=1)
    made = tokens.recorded(file)
    figure.errors += extra.errors
    figure.problems += tokens.check_issued(stage.main, made)
    figure.notes[f"tokens_checked_{name}"] = len(made)


def rs256(stage):
    issue_jwt(stage, "jwt", seconds=1)

    def say(i, ours, signs):
        stage.say(f"  rs256 {i + 1}/{stage.pairs}: {ours.per_cpu_second:.0f} tokens per CPU-second to {signs:.0f} signatures = "
                  f"{ours.per_cpu_second / signs:.3f}  ({ours.per_second:.0f} per second, {ours.errors} errors)")

    results = alternate(stage.pairs, lambda: issue_jwt(stage, "jwt"), lambda: machine.openssl_rates("rsa2048")[0], say)
    ratios = [a.per_cpu_second / signs for a, signs in results]
    figure = Figure("rs256", "RS256 tokens per CPU-second, to `openssl speed rsa2048` signatures", median(ratios), 0.85,
                    errors=sum(a.errors for a, _ in results), samples=ratios,
                    notes={"tokens_per_cpu_second": median([a.per_cpu_second for a, _ in results]),
                           "openssl_signatures_per_second": median([signs for _, signs in results])})
    check_sample(stage, "jwt", figure)
    return [figure]


def es256(stage):
    issue_jwt(stage, "es", seconds=1)

    def say(i, es, rs):
        stage.say(f"  es256 {i + 1}/{stage.pairs}: {es.per_second:.0f} ES256 to {rs.per_second:.0f} RS256 tokens per second = "
                  f"{es.per_second / rs.per_second:.3f}; per CPU-second {es.per_cpu_second:.0f} to {rs.per_cpu_second:.0f} = "
                  f"{es.per_cpu_second / rs.per_cpu_second:.3f}  ({es.errors + rs.errors} errors)")

    results = alternate(stage.pairs, lambda: issue_jwt(stage, "es"), lambda: issue_jwt(stage, "jwt"), say)
    ratios = [es.per_second / rs.per_second for es, rs in results]
    figure = Figure("es256", "ES256 tokens issued, to RS256 tokens issued", median(ratios), 4, errors=sum(a.errors + b.errors for a, b in results),
                    samples=ratios, notes={"es256_per_second": median([es.per_second for es, _ in results]),
                                           "rs256_per_second": median([rs.per_second for _, rs in results]),
                                           "ratio_per_cpu_second": median([es.per_cpu_second / rs.per_cpu_second for es, rs in results])})
    check_sample(stage, "es", figure)
    return [figure]


# ---- group commit ----

SINGLE = "tollgate_batch_limit 1;\n"


def opaque_gateway(stage, operator="", **options):
    g = stage.gateway(operator=operator, **options)
    g.key = g.proxy("opaque", stage.backend.url, path="/opaque", policy="opaque")
    return g


def commits(gateway):
    metrics = gateway.metrics()
    return metrics["tollgate_commits_total"], metrics["tollgate_committed_records_total"]


def fsync_check(stage, operator, figure, name):
    """The same binary once more under strace: each transaction of the group commit must have flushed the log of tokens.db."""
    if not shutil.which("strace"):
        figure.problem("fsync not verified: strace is missing")
        return
    trace = os.path.join(stage.work, f"fsync-{name}")
    os.environ["TG_WRAP"] = f"strace -f --seccomp-bpf -y -e trace=fsync,fdatasync -o {trace}"
    try:
        g = opaque_gateway(stage, operator)
    finally:
        del os.environ["TG_WRAP"]
    load = tokens.issue(g, g.key, "/auth/token", 1, CONNECTIONS)
    time.sleep(0.2)
    batches, records = commits(g)
    os.kill(machine.tree(g.root)[1], signal.SIGTERM)    # tollgate itself; strace keeps signals from its children
    g.process.wait(60)
    stage.drop(g)
    flushed = len(re.findall(r"f(?:data)?sync\(\d+<[^>]*tokens\.db-wal>\)\s*= 0|<\.\.\. fdatasync resumed>\)\s*= 0",
                             pathlib.Path(trace).read_text()))
    figure.errors += load.errors
    figure.notes[f"fsync_{name}"] = {"transactions": batches, "records": records, "flushes_of_the_log": flushed}
    if not batches or flushed < batches:
        figure.problem(f"{name}: {flushed} flushes for {batches:.0f} transactions")


def survivors_check(stage, gateway, figure):
    """kill -9 of everything under load; after the restart each token that a client had read must work."""
    load = client.Load(gateway.gateway_port, [("issue", client.post_form("/auth/token", tokens.FORM, tokens.basic(gateway.key)), 200)], 64).start()
    time.sleep(1 if stage.quick else 2)
    load.stopping = True
    gateway.kill_all()
    counts = load.finish()
    gateway.start()
    # Some answers broke off in the kill: those clients never read a token. All that did are held to it.
    last = load.tokens[-1000:]
    sample = last + load.tokens[:-1000:max(1, len(load.tokens) // 500)]
    broken = client.ask_each(gateway.gateway_port, [client.get_request("/opaque" + PATH, token) for token in sample])
    figure.notes["after_kill"] = {"issued": len(load.tokens), "checked": len(sample), "broken_off_by_the_kill": counts["lost"], "refused": len(broken)}
    if broken or not sample:
        figure.problem(f"{len(broken)} of {len(sample)} tokens are gone after kill -9: {broken[:3]}")
    if counts["unexpected"]:
        figure.errors += counts["unexpected"]
        figure.problem(load.examples[0])


def group_commit(stage):
    grouped, single = opaque_gateway(stage), opaque_gateway(stage, SINGLE)
    for g in (grouped, single):
        tokens.issue(g, g.key, "/auth/token", 1, CONNECTIONS)

    def one(g):
        return tokens.issue(g, g.key, "/auth/token", stage.seconds, CONNECTIONS)

    def say(i, a, b):
        stage.say(f"  commit {i + 1}/{stage.pairs}: {a.per_second:.0f} to {b.per_second:.0f} opaque tokens per second = "
                  f"{a.per_second / b.per_second:.2f}  (p99 {a.detail['p99'] / 1000:.1f} and {b.detail['p99'] / 1000:.1f} ms, {a.errors + b.errors} errors)")

    before = commits(grouped)
    results = alternate(stage.pairs, lambda: one(grouped), lambda: one(single), say)
    after = commits(grouped)
    ratios = [a.per_second / b.per_second for a, b in results]
    figure = Figure("commit", "opaque tokens issued with group commit, to a batch limit of one, 128 connections", median(ratios), 5,
                    errors=sum(a.errors + b.errors for a, b in results), samples=ratios,
                    notes={"grouped_per_second": median([a.per_second for a, _ in results]),
                           "single_per_second": median([b.per_second for _, b in results]),
                           "grouped_p99_ms": median([a.detail["p99"] for a, _ in results]) / 1000,
                           "single_p99_ms": median([b.detail["p99"] for _, b in results]) / 1000,
                           "records_per_transaction": (after[1] - before[1]) / max(1, after[0] - before[0]),
                           "filesystem": machine.filesystem(grouped.data)})
    if figure.notes["filesystem"] in ("tmpfs", "ramfs", "unknown"):
        figure.problem(f"the data stands on {figure.notes['filesystem']}: no fsync there")
    stage.drop(single)
    made = tokens.issue_many(grouped, grouped.key, "/auth/token", 500, os.path.join(stage.work, "grouped.answers"))
    figure.notes["tokens_checked"] = len(made)
    survivors_check(stage, grouped, figure)
    stage.drop(grouped)
    fsync_check(stage, "", figure, "grouped")
    fsync_check(stage, SINGLE, figure, "single")
    return [figure]
