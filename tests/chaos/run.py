#!/usr/bin/python3
"""Breaks a Tollgate of several nodes again and again under load, and holds every answer against a model (docs/testing.md).

    run.py --seconds 120 --seed 7 --when-lost refuse
"""

import argparse
import os
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import world as worlds  # noqa: E402
from admin import Administrator, set_up  # noqa: E402
from calls import Call, Connections, get_bytes  # noqa: E402
from faults import Scheduler  # noqa: E402
from harness import SLOW, wait_for  # noqa: E402
from history import History  # noqa: E402
from load import Actor, Shared  # noqa: E402
from model import Model  # noqa: E402
from soak import Gauge  # noqa: E402
from windows import RECOVERY, Stalls, Windows  # noqa: E402


class Listener(threading.Thread):
    """Asks each node how far it has read the feed: from then on it has no excuse."""

    def __init__(self, nodes, model):
        super().__init__(daemon=True)
        self.nodes, self.model = nodes, model
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(0.3):
            for node in self.nodes:
                self.ask(node)

    def ask(self, node):
        sent = time.monotonic()
        try:
            text = node.status("/metrics", timeout=1).text
        except OSError:
            return
        age = next((float(line.split()[1]) for line in text.splitlines() if line.startswith("tollgate_feed_age_seconds ")), None)
        if age is not None:
            heard = self.model.heard.setdefault(node.name, [])
            heard.append((time.monotonic(), sent - age - 0.001))
            del heard[:-1000]


class Run:
    def __init__(self, options):
        self.o = options
        self.history = History(options.history)
        self.windows = Windows()

    def go(self):
        began = time.monotonic()
        disk = 64 + int(self.o.seconds * 0.05)
        with worlds.World(nodes=self.o.nodes, workers=self.o.workers, disk=disk, upgrade=self.o.upgrade, loopback=self.o.loopback) as world:
            self.world = world
            clients, deploys, foreign = set_up(world, self.o.when_lost)
            self.model = Model(self.history, self.windows, self.o.when_lost == "refuse")
            self.model.deploys = deploys
            self.shared = Shared(world, self.model, self.history, clients, foreign)
            print(f"  set up in {time.monotonic() - began:.1f} s; {self.o.nodes} nodes of {self.o.workers} workers, "
                  f"{'each in a network of its own' if world.network.can_cut else 'on loopback, where no network can be cut'}", flush=True)
            self.under_load(clients)
            self.at_the_end(clients)
            for process in world.nodes + [world.manager]:
                for line in process.broken():
                    self.history.violate("a process broke", process=process.name, line=line)
        return self.verdict()

    def under_load(self, clients):
        helpers = [Stalls(self.windows, self.history), Listener(self.world.nodes, self.model)]
        actors = [Actor(self.shared, self.o.seed, i, self.o.rate / self.o.actors) for i in range(self.o.actors)]
        admin = Administrator(self.world, self.model, self.history, self.windows, clients, self.o.seed, self.o.pace)
        self.scheduler = Scheduler(self.world, self.windows, self.history, self.o.seed, self.o.gap)
        self.gauge = Gauge(self.world, self.o.seconds) if self.o.gauge else None
        threads = helpers + actors + [admin] + ([] if self.o.calm else [self.scheduler]) + ([self.gauge] if self.gauge else [])
        for thread in threads:
            thread.start()
        end = time.monotonic() + self.o.seconds
        while time.monotonic() < end and len(self.history.violations) < self.o.stop_after and not any(getattr(t, "error", None) for t in threads):
            time.sleep(0.2)
        if not self.o.calm:
            self.scheduler.finish()
        for thread in actors + [admin]:
            thread.over.set()
        for thread in actors + [admin]:
            thread.join(90 * SLOW)
            assert not thread.is_alive(), f"{thread.name} hangs"
            if thread.error:
                raise thread.error
        if self.gauge:
            self.gauge.over.set()
            self.gauge.join()
        self.admin = admin
        self.helpers = helpers

    # ---- at the end ----

    def at_the_end(self, clients):
        """All is healed: ready within a bound; then every token at every node."""
        wait_for(lambda: all(self.scheduler.is_ready(node) for node in self.world.nodes), 2 * RECOVERY, "all nodes are ready", every=0.1)
        time.sleep(RECOVERY)
        self.admin.finish()
        time.sleep(1.5)
        healed = time.monotonic()
        tokens = [pair.access for client in clients for family in client.families for pair in family.pairs]
        random.Random(self.o.seed).shuffle(tokens)
        tokens = tokens[:self.o.tokens]
        print(f"  healed; {len(tokens)} tokens at {len(self.world.nodes)} nodes", flush=True)
        self.counts = {"alive": 0, "dead": 0, "either": 0}
        threads = [threading.Thread(target=self._look, args=(node, tokens)) for node in self.world.nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for helper in self.helpers:
            helper.over.set()
        for node in self.world.nodes:
            self._deploys(node, healed)

    def _look(self, node, tokens):
        connections = Connections(self.history)
        for token in tokens:
            call = Call(self.model.name("c"), "use", node.name, token.client.path, token.family.name)
            connections.send([(call, node, get_bytes(token.client.path + "/x", token.raw))])
            self.model.used(token, call)
            if node is self.world.nodes[0]:
                must = token.must_be_refused(node.name, call.sent, call.recv)
                self.counts["dead" if must else "either" if token.may_be_refused(call.recv) else "alive"] += 1
        connections.close()

    def _deploys(self, node, healed):
        """Nobody excuses a node that is behind now."""
        connections = Connections(self.history)
        for client in self.shared.clients:
            token = next((f.newest.access for f in reversed(client.families) if not f.newest.access.may_be_refused(time.monotonic())), None)
            if token is None:
                continue
            call = Call(self.model.name("c"), "use", node.name, client.path, token.family.name)
            connections.send([(call, node, get_bytes(client.path + "/x", token.raw))])
            found = int(call.body.split(b" ")[0].split(b"/")[1][1:]) if call.status == 200 else None
            if found is None or found < self.model.deploys[client.path].must(healed):
                self.history.violate("healed, and a deploy is not served", path=client.path, found=found, call=call.story())
        connections.close()

    def verdict(self):
        counts = self.history.counts
        calls = {status: n for status, n in sorted(((k.split()[1], n) for k, n in counts.items() if k.startswith("call ")), key=lambda x: -x[1])}
        print(f"  {sum(calls.values())} calls {calls}; {counts['token']} tokens; management {sum(n for k, n in counts.items() if k.startswith('manage'))}", flush=True)
        print(f"  faults {dict(sorted(self.scheduler.done.items()))}; stalls of the machine {counts['stall']}", flush=True)
        print(f"  at the end: {self.counts['alive']} tokens alive on every node, {self.counts['dead']} refused by every node, {self.counts['either']} of unknown outcome", flush=True)
        if self.gauge:
            for line in self.gauge.report(self.history):
                print("  " + line, flush=True)
        return self.history.violations


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120, help="of load and faults, for each value of jwtWhenFeedLost")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--when-lost", choices=("accept", "refuse", "both"), default="both")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="of each node")
    parser.add_argument("--actors", type=int, default=8)
    parser.add_argument("--rate", type=float, default=120, help="steps a second, of all actors")
    parser.add_argument("--gap", type=float, default=1.5, help="seconds between faults, on average")
    parser.add_argument("--pace", type=float, default=1.5, help="seconds between management steps, on average")
    parser.add_argument("--tokens", type=int, default=20000, help="looked at in the end, at most")
    parser.add_argument("--upgrade", type=pathlib.Path, default=None, help="another build folder, for upgrades (default: the same)")
    parser.add_argument("--history", default=None, help="file of what happened, JSON lines")
    parser.add_argument("--loopback", action="store_true", help="no networks of their own: nothing is cut")
    parser.add_argument("--calm", action="store_true", help="no faults")
    parser.add_argument("--gauge", action="store_true", help="memory and descriptors must stay flat")
    parser.add_argument("--stop-after", type=int, default=5, help="violations")
    return parser.parse_args(argv)


def main(argv=None):
    o = arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever is told to stop cleans up
    o.seed = random.SystemRandom().randrange(1 << 32) if o.seed is None else o.seed
    given = o.history
    failed = False
    for when in ("accept", "refuse") if o.when_lost == "both" else (o.when_lost,):
        o.when_lost = when
        o.history = f"{given or f'/tmp/tollgate-chaos-{o.seed}'}-{when}.jsonl"
        print(f"jwtWhenFeedLost={when} seed={o.seed} for {o.seconds:.0f} s, history in {o.history}", flush=True)
        violations = Run(o).go()
        for story in violations:
            print(story)
        print(f"  {len(violations)} violations" + (f"; replay: tests/chaos/run.py --seed {o.seed} --seconds {o.seconds:.0f} --when-lost {when}" if violations else ""), flush=True)
        failed = failed or bool(violations)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
