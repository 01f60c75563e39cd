"""A network of their own for the nodes: each in a namespace with two links, one to its clients and one to the store, that can be cut apart."""

import os
import subprocess

NET = "198.18"  # RFC 2544: for tests of networks, never routed


def run(*argv, check=True):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done


def is_possible():
    """Whether we may make namespaces and links."""
    if os.geteuid() != 0:
        return False
    name = f"tgprobe{os.getpid()}"
    if run("ip", "netns", "add", name, check=False).returncode != 0:
        return False
    link = run("ip", "link", "add", name[:13] + "a", "type", "veth", "peer", "name", name[:13] + "b", check=False).returncode == 0
    run("ip", "link", "del", name[:13] + "a", check=False)
    run("ip", "netns", "del", name, check=False)
    return link


class Loopback:
    """Without the right to make links: everything on loopback, and nothing can be cut."""

    can_cut = False
    networks = ()
    store = backend = "127.0.0.1"

    def node(self, _):
        return "127.0.0.1", []

    def close(self):
        pass


class Namespaces:
    """`store` and `backend` are addresses of the machine itself, which the nodes reach over their links."""

    can_cut = True

    def __init__(self, nodes):
        self.key = os.getpid() % 250 + 1
        while f"{NET}.{self.key}." in run("ip", "addr").stdout:
            self.key = self.key % 250 + 1
        self.networks = (f"{NET}.{self.key}.0/24",)
        self.store, self.backend = self._address(254), self._address(253)
        self.names = []
        try:
            for address in (self.store, self.backend):
                run("ip", "addr", "add", f"{address}/32", "dev", "lo")
            run("ip", "route", "add", "blackhole", self.networks[0])  # what is cut off must not be looked for, and answered, elsewhere
            for i in range(nodes):
                self._node(i)
        except BaseException:
            self.close()
            raise

    def _address(self, last):
        return f"{NET}.{self.key}.{last}"

    def _name(self, i):
        return f"tg{self.key}n{i}"

    def _link(self, i, side):
        return f"tg{self.key}{side}{i}"

    def _node(self, i):
        name = self._name(i)
        run("ip", "netns", "add", name)
        self.names.append(name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        for side, first, reached in (("front", 8 * i, self.backend), ("back", 8 * i + 4, self.store)):
            here = self._link(i, side[0])
            run("ip", "link", "add", here, "type", "veth", "peer", "name", side, "netns", name)
            run("ip", "addr", "add", f"{self._address(first + 1)}/30", "dev", here)
            run("ip", "link", "set", here, "up")
            run("ip", "-n", name, "addr", "add", f"{self._address(first + 2)}/30", "dev", side)
            run("ip", "-n", name, "link", "set", side, "up")
            run("ip", "-n", name, "route", "add", reached, "via", self._address(first + 1))

    def node(self, i):
        """(its address towards clients, what a command is run with to be inside)"""
        return self._address(8 * i + 2), ["ip", "netns", "exec", self._name(i)]

    def cut(self, i, side):
        """Silently: packets of either direction are lost, nobody is told."""
        run("ip", "link", "set", self._link(i, side[0]), "down")

    def mend(self, i, side):
        run("ip", "link", "set", self._link(i, side[0]), "up")

    def close(self):
        for name in self.names:
            run("ip", "netns", "del", name, check=False)
        run("ip", "route", "del", "blackhole", self.networks[0], check=False)
        for address in (self.store, self.backend):
            run("ip", "addr", "del", f"{address}/32", "dev", "lo", check=False)


def make(nodes, loopback):
    return Loopback() if loopback or not is_possible() else Namespaces(nodes)
