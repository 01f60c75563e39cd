"""The scheduler of faults: what breaks, where and for how long follows from the seed alone."""

import random
import signal
import threading
import time

from world import START, send
from windows import Windows
from harness import wait_for

PAUSE = (0.3, 7.0)  # seconds; shorter than a client's patience


class Scheduler(threading.Thread):
    """One fault at a place at a time, several places at once."""

    def __init__(self, world, windows, history, seed, gap, least=0):
        super().__init__(daemon=True, name="faults")
        self.rng = random.Random(f"{seed}/faults")
        self.world, self.windows, self.history = world, windows, history
        self.gap, self.least = gap, least
        self.over = threading.Event()
        self.running = []
        self.busy = set()
        self.done = {}
        self.error = None

    def kinds(self):
        """[(name, weight, place or None for some node, function)]"""
        found = [("kill node", 4, None, self.kill_node), ("kill master", 3, None, self.kill_master), ("kill worker", 6, None, self.kill_worker),
                 ("pause node", 4, None, self.pause_node), ("pause worker", 5, None, self.pause_worker), ("reload", 3, None, self.reload), ("upgrade", 2, None, self.upgrade),
                 ("kill manager", 3, "manager", self.kill_manager), ("pause manager", 2, "manager", self.pause_manager), ("restart manager", 1, "manager", self.restart_manager),
                 ("crash postgres", 3, "postgres", self.crash_postgres), ("stop postgres", 2, "postgres", self.stop_postgres), ("pause postgres", 3, "postgres", self.pause_postgres),
                 ("restart all", 1, "all", self.restart_all)]
        if self.world.network.can_cut:
            found += [("cut store", 7, None, self.cut_store), ("cut clients", 2, None, self.cut_clients)]
        if any(node.disk for node in self.world.nodes):
            found.append(("fill disk", 3, "disk", self.fill_disk))
        return found

    def run(self):
        try:
            while not self.over.wait(self.rng.expovariate(1 / self.gap)):
                self.one()
        except BaseException as e:
            self.error = e
            raise

    def one(self):
        kinds = self.kinds()
        name, _, place, do = self.rng.choices(kinds, [kind[1] for kind in kinds])[0]
        node = self.rng.choice(self.world.nodes)
        span, after = self.rng.uniform(*PAUSE), self.rng.random()
        if place == "disk":
            node = next(n for n in self.world.nodes if n.disk)
        if place == "all":
            self._settle()
            do(span, after)
            self.done[name] = self.done.get(name, 0) + 1
            return
        place = place if place in ("manager", "postgres") else node.name
        part = f"{place} {name}" if name in ("cut store", "cut clients") else place  # a node may break while it is cut off
        if part in self.busy:
            return
        self.busy.add(part)
        self.done[name] = self.done.get(name, 0) + 1
        thread = threading.Thread(target=self._run, args=(name, place, part, do, node, span, after), daemon=True)
        self.running = [t for t in self.running if t.is_alive()] + [thread]
        thread.start()

    def _settle(self):
        for thread in self.running:
            thread.join(4 * START)
            assert not thread.is_alive(), "a fault does not end"

    def _run(self, name, place, part, do, node, span, after):
        self.history.note("fault", name=name, place=place, span=round(span, 2))
        window = self.windows.open(name, place)
        try:
            do(node, span, after) if place == node.name else do(span, after)
        except BaseException as e:
            self.error = e
            raise
        finally:
            Windows.shut(window)
            self.history.note("fault", name=name + " is over", place=place)
            self.busy.discard(part)

    def finish(self):
        """Heals everything."""
        self.over.set()
        self.join()
        self._settle()
        if self.error:
            raise self.error

    # ---- nodes ----

    def is_ready(self, node):
        try:
            return node.process.poll() is None and node.status("/health/ready").status_code == 200
        except OSError:
            return False

    def up(self, node):
        """Also without the store: from the last snapshot on disk. One whose disk is full cannot start, and is started again."""
        def ready():
            if node.process.poll() is not None:
                if not self.windows.excuse({node.name}, time.monotonic() - START, time.monotonic(), kinds=("fill disk",)):
                    self.history.violate("a node ended by itself", node=node.name, log=node.tail(8))
                time.sleep(0.5)
                node.start(wait=False)
                return False
            return self.is_ready(node)
        wait_for(ready, START, f"{node.name} is ready", every=0.1)

    def kill_node(self, node, span, after):
        node.crash()
        time.sleep(span * after)
        node.start(wait=False)
        self.up(node)

    def kill_master(self, node, span, after):
        pid = node.master()
        if pid:
            send([pid], signal.SIGKILL)
        wait_for(lambda: node.master() not in (pid, None) or node.process.poll() is not None, START, f"{node.name} starts its nginx again")
        self.up(node)

    def kill_worker(self, node, span, after):
        workers = node.workers()
        if workers:
            send(workers if after < 0.2 else [workers[int(after * len(workers))]], signal.SIGKILL)
        time.sleep(0.2)
        self.up(node)

    def pause(self, pids, span):
        send(pids, signal.SIGSTOP)
        time.sleep(span)
        send(pids, signal.SIGCONT)

    def pause_node(self, node, span, after):
        self.pause(node.pids(), span)

    def pause_worker(self, node, span, after):
        workers = node.workers()
        self.pause(workers[:1] if after < 0.5 else workers[-1:], span)

    def reload(self, node, span, after):
        node.process.send_signal(signal.SIGHUP)
        time.sleep(span / 4)

    def upgrade(self, node, span, after):
        """A graceful stop and a start with the other build."""
        node.stop()
        node.build = self.world.upgrade if node.build != self.world.upgrade else node.build
        node.start(wait=False)
        self.up(node)

    def cut_store(self, node, span, after):
        self.world.network.cut(node.i, "back")
        time.sleep(span)
        self.world.network.mend(node.i, "back")

    def cut_clients(self, node, span, after):
        self.world.network.cut(node.i, "front")
        time.sleep(span)
        self.world.network.mend(node.i, "front")

    def fill_disk(self, node, span, after):
        node.fill()
        try:
            time.sleep(span)
            if after < 0.5:  # and a crash while it is full
                workers = node.workers()
                send(workers[:1], signal.SIGKILL)
                time.sleep(span)
        finally:
            node.unfill()
        self.up(node)

    # ---- the others ----

    def kill_manager(self, span, after):
        self.world.manager.crash()
        time.sleep(span * after)
        self.manager_up()

    def manager_up(self):
        def ready():
            if self.world.manager.process is None or self.world.manager.process.poll() is not None:
                self.world.manager.start(wait=False)
                time.sleep(0.5)
            return self.world.manager.process.poll() is None and self.world.manager.is_up()
        wait_for(ready, START, "the manager is ready", every=0.1)

    def pause_manager(self, span, after):
        self.pause(self.world.manager.pids(), span)

    def restart_manager(self, span, after):
        self.world.manager.stop()
        self.manager_up()

    def crash_postgres(self, span, after):
        self.world.postgres.crash()
        time.sleep(span * after)
        self.world.postgres.start()

    def stop_postgres(self, span, after):
        self.world.postgres.stop(signal.SIGINT if after < 0.5 else signal.SIGQUIT)
        time.sleep(span * after)
        self.world.postgres.start()

    def pause_postgres(self, span, after):
        pids = self.world.postgres.processes()
        self.pause(pids, span)

    def restart_all(self, span, after):
        """A power cut: everything ends at once, and starts in whatever order."""
        self.history.note("fault", name="restart all", place="all")
        opened = [self.windows.open("restart all", place) for place in [n.name for n in self.world.nodes] + ["manager", "postgres"]]
        for process in self.world.nodes + [self.world.manager]:
            process.crash()
        self.world.postgres.crash()
        starts = [lambda node=node: node.start(wait=False) for node in self.world.nodes] + [lambda: self.world.manager.start(wait=False), self.world.postgres.start]
        self.rng.shuffle(starts)
        for start in starts:
            start()
        self.manager_up()
        for node in self.world.nodes:
            self.up(node)
        for window in opened:
            Windows.shut(window)
        self.history.note("fault", name="restart all is over", place="all")

