"""A short chaos run of a fixed seed: the whole of it is `make chaos` (docs/testing.md)."""

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(bool(os.environ.get("TG_ASAN")), reason="too slow to say anything")
def test_nothing_is_lost_or_wrongly_accepted_in_a_short_run(tmp_path):
    run = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.py")
    done = subprocess.run([sys.executable, run, "--loopback", "--seconds", "25", "--seed", "11", "--when-lost", "refuse", "--history", str(tmp_path / "history")],
                          capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-20000:]
    assert "  0 violations" in done.stdout
