"""The machine under the benchmark: CPU time of process trees, its description, OpenSSL's own figures."""

import datetime
import os
import pathlib
import platform
import re
import subprocess
import time


def tree(root):
    """The process `root` and everything below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(pid):
    """User and system time of a process, all its threads, those that have ended too; in nanosecond steps (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


class CpuMeter:
    """CPU time that a server spends inside a `with`, all its processes together. None may come or go meanwhile."""

    def __init__(self, root):
        self.root = root

    def __enter__(self):
        self.before = {pid: cpu_seconds(pid) for pid in tree(self.root)}
        return self

    def __exit__(self, *_):
        after = {pid: cpu_seconds(pid) for pid in tree(self.root)}
        self.same = after.keys() == self.before.keys()
        self.seconds = sum(after[pid] - self.before[pid] for pid in after if pid in self.before)


def filesystem(path):
    """Type of the file system below a path."""
    best = ("", "unknown")
    real = os.path.realpath(path)
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        inside = real == mount or real.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best[0]):
            best = (mount, kind)
    return best[1]


def openssl_rates(algorithm):
    """(signatures, verifications) per second of CPU time, as `openssl speed` tells them."""
    out = subprocess.run(["openssl", "speed", "-seconds", "1", "-mr", algorithm], capture_output=True, text=True, check=True).stdout
    _, _, signatures, verifications = re.search(r"^\+F[24]:(.*)$", out, re.M)[1].split(":")
    return float(signatures), float(verifications)


def memory_mib():
    return int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) // 1024


def describe():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    release = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    nginx = subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True).stderr.strip()
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.strip()
    return {"cpu": model[1].strip() if model else platform.machine(), "cores": os.cpu_count(), "memory_gib": memory_mib() // 1024,
            "system": release[1] if release else platform.system(), "kernel": platform.release(),
            "nginx": nginx.replace("nginx version: ", ""), "openssl": " ".join(openssl.split()[:2]),
            "load_at_start": os.getloadavg()[0], "date": datetime.date.today().isoformat()}
