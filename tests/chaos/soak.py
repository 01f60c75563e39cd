"""Whether memory and descriptors stay flat: samples of every process of the nodes and the manager, and the slope of what each gained after the warm-up."""

import os
import threading
import time

from world import pids_below

EVERY = 5.0


def sample(pid):
    """(PSS in KiB, descriptors), or None when it has gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            pss = sum(int(line.split()[1]) for line in f if line.startswith(("Pss_Anon:",)))
        return pss, len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def slope(points):
    """Least squares: units a second."""
    n = len(points)
    mean_t, mean_v = sum(t for t, _ in points) / n, sum(v for _, v in points) / n
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return sum((t - mean_t) * (v - mean_v) for t, v in points) / spread if spread else 0.0


class Gauge(threading.Thread):
    """Samples until it is over. A process counts once it has lived for the warm-up: caches fill, threads start, pools open."""

    def __init__(self, world, seconds):
        super().__init__(daemon=True)
        self.world = world
        self.warm = min(300.0, seconds / 3)
        self.over = threading.Event()
        self.series = {}  # (process name, pid) -> [(t, kib, descriptors)]

    def run(self):
        while not self.over.wait(EVERY):
            now = time.monotonic()
            for process in self.world.nodes + [self.world.manager]:
                for pid in pids_below(process.data):
                    found = sample(pid)
                    if found:
                        self.series.setdefault((process.name, pid), []).append((now, *found))

    def report(self, history):
        """Lines for people; what grows is a violation.

        Anonymous memory alone: shared memory has its size from the start, and files are the kernel's. A leak of one 64-byte block a request shows as some KiB a second at
        any load; caches that fill to their bounds rise ever slower. So a process fails if the slope of its second half, carried on for an hour, is more than half of what it
        has and more than 32 MiB; descriptors, if they grew by more than 32 in that hour."""
        lines = []
        for (name, pid), points in sorted(self.series.items()):
            warm = [p for p in points if p[0] >= points[0][0] + self.warm]
            if len(warm) < 12:
                continue
            kib, fds = slope([(t, m) for t, m, _ in warm]) * 3600, slope([(t, d) for t, _, d in warm]) * 3600
            lines.append(f"{name} {pid}: {warm[0][1] / 1024:.1f} to {warm[-1][1] / 1024:.1f} MiB ({kib / 1024:+.1f} an hour), {warm[0][2]} to {warm[-1][2]} descriptors "
                         f"({fds:+.0f} an hour) over {warm[-1][0] - warm[0][0]:.0f} s")
            if (kib > 32 * 1024 and kib > warm[0][1] / 2) or (fds > 32 and warm[-1][2] > warm[0][2] + 16):
                history.violate("memory or descriptors grow", process=name, line=lines[-1])
        if not lines:
            history.violate("no process was measured: they did not live, or the run did not last, for the warm-up and a minute more")
        return lines
