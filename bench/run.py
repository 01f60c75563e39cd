#!/usr/bin/python3
"""The benchmark: every figure is a ratio within one run, or a bound that a user would notice.

    bench/run.py [--quick] [--only ROW[,ROW]] [--json FILE] [--workers N] [--pairs N] [--work DIR]

Both planes (build/ or $TG_BUILD), a stock nginx as a plain proxy and a backend run side by side on loopback; slices alternate, and of the paired ratios
the median counts. Errors are counted and must be zero. docs/benchmarks.md explains each row.
"""

import argparse
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "gateway")]

from tollbench import machine, rows_acl, rows_apply, rows_auth, rows_deploy, rows_identity, rows_issue, rows_proxy, rows_scale, rows_store, rows_token  # noqa: E402
from tollbench.figures import table  # noqa: E402
from tollbench.servers import Stage  # noqa: E402

ROWS = {
    "open": rows_proxy.open_proxy,
    "opaque": rows_proxy.opaque,
    "jwt": rows_proxy.jwt_seen,
    "jwt-once": rows_proxy.jwt_once,
    "rs256": rows_issue.rs256,
    "es256": rows_issue.es256,
    "commit": rows_issue.group_commit,
    "commit-postgres": rows_store.commit_postgres,
    "stores": rows_store.stores,
    "propagation": rows_store.propagation,
    "nodes": rows_scale.nodes,
    "cleanup": rows_scale.cleanup,
    "introspect": rows_token.introspect,
    "refresh": rows_token.refresh,
    "chosen": rows_token.chosen,
    "password": rows_token.password,
    "identity": rows_identity.identity,
    "identity-hang": rows_identity.hang,
    "acl": rows_acl.acl,
    "flood": rows_auth.flood,
    "timing": rows_auth.timing,
    "deploys": rows_deploy.deploys,
    "thousand": rows_deploy.thousand,
    "apply": rows_apply.apply,
    "scale": rows_scale.scale,
}

ASKED_FOR = {"scale"}      # half an hour, and 40 GB of the disk: only with --only


def arguments():
    parser = argparse.ArgumentParser(description="Benchmark of Tollgate", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short slices, to see that everything runs; the figures mean nothing")
    parser.add_argument("--only", help="rows, separated by commas: " + ", ".join(ROWS))
    parser.add_argument("--json", metavar="FILE", help="all figures with their samples")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of the gateway and of the plain nginx")
    parser.add_argument("--pairs", type=int, default=13, help="paired slices of each ratio, of a second each")
    parser.add_argument("--work", default="/var/tmp", help="where the data directories are made; a real disk")
    args = parser.parse_args()
    args.rows = args.only.split(",") if args.only else [row for row in ROWS if row not in ASKED_FOR]
    unknown = [row for row in args.rows if row not in ROWS]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)} (there are {', '.join(ROWS)})")
    if args.pairs < 7 and not args.quick:
        parser.error("--pairs: at least 7")
    return args


def say(text):
    print(text, flush=True)


def stage_make(args, work):
    stage = Stage(work, args.workers, args.quick, say)
    stage.pairs = 2 if args.quick else args.pairs
    stage.seconds = 1
    stage.tokens = 500 if args.quick else 10000
    return stage


def rows_run(args, stage):
    figures = []
    for row in args.rows:
        begin = time.monotonic()
        say(f"{row}:")
        found = ROWS[row](stage)
        for figure in found:
            say(f"  {figure.title}: {figure.show(figure.value)} ({'ok' if figure.ok else 'NOT REACHED'}; {time.monotonic() - begin:.0f} s)")
            for problem in figure.problems:
                say(f"  problem: {problem}")
        figures += found
    return figures


def commit():
    result = subprocess.run(["git", "-C", str(HERE.parent), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return result.stdout.strip()


def report(args, about, figures, seconds):
    command = "bench/run.py " + shlex.join(sys.argv[1:])
    print(f"\n{about['date']}, {about['system']}, {about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB, {about['nginx']}, {about['openssl']}")
    print(f"{command.strip()}: {args.workers} workers, {seconds:.0f} s, load average before {about['load_at_start']:.1f}\n")
    print(table(figures))
    if args.json:
        document = {"machine": about, "command": command.strip(), "commit": commit(), "seconds": round(seconds), "workers": args.workers,
                    "quick": args.quick, "figures": [f.as_json() for f in figures]}
        pathlib.Path(args.json).write_text(json.dumps(document, indent=2) + "\n")


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # what was started is stopped then too
    about = machine.describe()
    work = tempfile.mkdtemp(prefix="tollgate-bench-", dir=args.work)
    os.chmod(work, 0o755)
    tempfile.tempdir = work     # the planes' data too
    stage = stage_make(args, work)
    begin = time.monotonic()
    try:
        figures = rows_run(args, stage)
    finally:
        stage.close()
        shutil.rmtree(work, ignore_errors=True)
    report(args, about, figures, time.monotonic() - begin)
    broken = any(f.errors or f.problems for f in figures)
    return 1 if broken or (not args.quick and not all(f.ok for f in figures)) else 0


if __name__ == "__main__":
    sys.exit(main())
