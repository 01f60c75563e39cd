"""The benchmark runs, every request of it is answered as it should be, and it says so. Its figures are not looked at: a busy machine has none."""

import json
import os
import subprocess

import pytest
from harness import BUILD, ROOT, SLOW


def bench(tmp_path, *options):
    report = tmp_path / "figures.json"
    done = subprocess.run(["/usr/bin/python3", str(ROOT / "bench" / "run.py"), "--quick", "--json", str(report), *options], capture_output=True,
                          text=True, timeout=240 * SLOW, env=dict(os.environ, TG_BUILD=str(BUILD)))
    return done, json.loads(report.read_text())["figures"] if report.exists() else []


@pytest.mark.parametrize("rows, expected", [
    ("open,opaque", {"open", "opaque"}), ("es256,deploys", {"es256", "deploys"}), ("introspect,refresh", {"introspect", "introspect-miss", "refresh"}),
    ("chosen,password,acl", {"chosen", "password", "acl"}), ("flood,apply", {"flood", "apply"}),
    ("propagation,commit-postgres,stores", {"propagation", "commit-postgres", "stores"})])
def test_quick_run_has_figures_and_no_errors(tmp_path, rows, expected):
    done, figures = bench(tmp_path, "--only", rows)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {f["row"] for f in figures} == expected
    for figure in figures:
        assert figure["errors"] == 0 and figure["problems"] == [], figure
        assert figure["figure"] in done.stdout
    assert all(f["measured"] > 0 for f in figures if f["row"] != "deploys")
    assert all(f["measured"] == 0 for f in figures if f["row"] == "deploys"), figures


def test_unknown_row_and_too_few_pairs_are_refused():
    for options, said in ((["--only", "nonsense"], "no such row: nonsense"), (["--pairs", "3"], "--pairs: at least 7")):
        done = subprocess.run(["/usr/bin/python3", str(ROOT / "bench" / "run.py"), *options], capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and said in done.stderr, done.stderr
