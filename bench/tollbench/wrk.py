"""Slices of load by wrk: requests, errors, and the CPU time of the server meanwhile."""

import dataclasses
import json
import pathlib
import subprocess

from tollbench.machine import CpuMeter

SCRIPT = pathlib.Path(__file__).with_name("calls.lua")


@dataclasses.dataclass
class Slice:
    requests: int
    seconds: float
    cpu: float
    errors: int
    detail: dict

    @property
    def per_second(self):
        return self.requests / self.seconds

    @property
    def per_cpu_second(self):
        return self.requests / self.cpu


def run(url, seconds, connections, root, backend=None, **options):
    """One slice against the server whose processes stand below `root`. With `backend`, every request must have reached it."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT), url, "--"]
    command += [f"{name}={value}" for name, value in options.items()]
    before = backend.requests() if backend else 0
    with CpuMeter(root) as meter:
        out = subprocess.run(command, capture_output=True, text=True)
    found = [line for line in out.stdout.splitlines() if line.startswith("RESULT ")]
    if out.returncode != 0 or not found:
        raise RuntimeError(f"wrk failed: {out.stdout}{out.stderr}")
    result = json.loads(found[0][7:])
    errors = sum(result[k] for k in ("connect", "read", "write", "status", "timeout", "reused"))
    if not meter.same:
        errors += 1
        result["processes"] = "changed"
    if backend and backend.requests() - before < result["requests"]:
        errors += 1
        result["backend"] = "was asked less often than answers were counted"
    return Slice(result["requests"], result["microseconds"] / 1e6, meter.seconds, errors, result)
