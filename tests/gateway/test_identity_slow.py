"""A provider that hangs costs its own password grants and nothing else; ends of workers, changes and clients that leave while checks hang."""

import os
import signal
import socket
import threading
import time

import pytest
import requests
from harness import SLOW, read_reply, wait_for
from identities import Service, World, error
from tools import Load, request_bytes


class Hanging:
    """A world of its own whose provider hangs: poolSize 2, queueSize 4."""

    def __init__(self, planes, timeout=4000):
        self.world = World(planes)
        self.slow = Service()
        body = self.slow.body("slow", timeoutMillis=timeout, poolSize=2, queueSize=4, circuitBreaker={"failures": 0})
        self.world.provider(body)
        self.client = self.world.proxy("id-slow", "opaque", "slow")
        self.user = self.slow.user("wim")
        assert self.world.ask(self.user, client=self.client).status_code == 200
        self.slow.hang.set()
        self.statuses = []
        self.threads = []

    def start(self, n):
        for _ in range(n):
            thread = threading.Thread(target=self._one, daemon=True)
            thread.start()
            self.threads.append(thread)

    def _one(self):
        try:
            self.statuses.append(self.world.ask(self.user, client=self.client).status_code)
        except requests.RequestException as e:
            self.statuses.append(repr(e))

    def join(self):
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()

    def close(self):
        self.slow.close()
        self.world.close()


@pytest.fixture
def hanging(own_planes):
    made = []

    def make(**kwargs):
        planes = own_planes(**kwargs)
        planes.expected_log = ["exited on signal 9"]
        made.append(Hanging(planes))
        return planes, made[-1]

    yield make
    for h in made:
        h.close()


def test_a_hung_provider_costs_its_own_grants_alone(hanging):
    planes, h = hanging(workers=1)
    world = h.world
    user = world.service.user("xena", roles=["reader"])
    token = world.acquire(user)["access_token"]
    h.start(10)
    wait_for(lambda: planes.metrics()['tollgate_identity_pool_waiting{project="shop",provider="slow"}'] == 4, 10, "the queue is full")
    assert planes.metrics()['tollgate_identity_pool_busy{project="shop",provider="slow"}'] == 2
    deadline = time.monotonic() + 2
    with Load(planes.gateway_port, lambda n: (request_bytes("/id-opaque/x", token), "call"), threads=2) as load:
        while time.monotonic() < deadline:
            assert world.ask(user).status_code == 200
            assert world.introspect(token)["active"] is True
            error(world.ask(h.user, client=h.client), 503, "server_error")  # full
    assert load.statuses().keys() == {200} and not load.lost
    h.join()
    assert h.statuses == [503] * 10
    assert world.checks("slow", "queue_full") >= 4 and world.checks("slow", "timed_out") + world.checks("slow", "unavailable") >= 6
    h.slow.stop_hanging()
    wait_for(lambda: world.ask(h.user, client=h.client).status_code == 200, 10, "it is asked again")


def test_clients_that_leave_early(hanging):
    planes, h = hanging(workers=1)
    body = f"grant_type=password&client_id={h.client[0]}&client_secret={h.client[1]}&username=wim&password=a-password".encode()
    data = request_bytes("/auth/token", method="POST", body=body, headers="Content-Type: application/x-www-form-urlencoded\r\n")
    for _ in range(40):
        with socket.create_connection(("127.0.0.1", planes.gateway_port), timeout=20) as s:
            s.sendall(data)
            time.sleep(0.005)
    assert h.world.ask(h.world.service.user("yann")).status_code == 200
    h.slow.stop_hanging()
    wait_for(lambda: h.world.ask(h.user, client=h.client).status_code == 200, 20, "places are given back")
    wait_for(lambda: planes.metrics()['tollgate_identity_pool_waiting{project="shop",provider="slow"}'] == 0, 10, "nothing waits")


def test_a_change_while_checks_hang(hanging):
    planes, h = hanging(workers=1)
    h.start(5)
    wait_for(lambda: planes.metrics()['tollgate_identity_pool_busy{project="shop",provider="slow"}'] == 2, 10, "checks hang")
    second = Service()
    try:
        second.user("wim")
        h.world.change("slow", url=second.url)
        assert [h.world.ask(h.user, client=h.client).status_code for _ in range(4)] == [200] * 4
        h.slow.stop_hanging()
        h.join()
        assert h.statuses == [200] * 5, "those that began before it are answered by the old one"
    finally:
        second.close()


@pytest.mark.parametrize("how", ["stop", "reload", "killed worker"])
def test_the_end_of_a_worker_while_checks_hang(hanging, how):
    planes, h = hanging(workers=1)
    user = h.world.service.user("zoe")
    h.start(5)
    wait_for(lambda: planes.metrics()['tollgate_identity_pool_busy{project="shop",provider="slow"}'] == 2, 10, "checks hang")
    began = time.monotonic()
    if how == "stop":
        planes.stop()
        assert time.monotonic() - began < 20 * SLOW, "a hung provider holds no worker beyond its deadline"
        return
    worker = planes.worker_pids()[0]
    os.kill(worker if how == "killed worker" else planes.master_pid(), signal.SIGKILL if how == "killed worker" else signal.SIGHUP)
    wait_for(lambda: planes.worker_pids() and worker not in planes.worker_pids(), 10, "another worker")
    assert wait_for(lambda: h.world.ask(user).status_code == 200, 10, "it serves")
    wait_for(lambda: not os.path.exists(f"/proc/{worker}"), 30, "the old one is gone")
    h.join()
    if how == "reload":
        assert set(h.statuses) == {503}, "pending work is waited for"


def test_many_providers_stay_bounded(own_planes):
    planes = own_planes(workers=1)
    world = World(planes)
    slow = Service()
    try:
        slow.hang.set()
        clients = []
        for i in range(6):
            world.provider(slow.body(f"many{i}", poolSize=64, queueSize=64, timeoutMillis=3000, circuitBreaker={"failures": 0}))
            clients.append(world.proxy(f"id-many{i}", "opaque", f"many{i}"))
        body = "grant_type=password&client_id={}&client_secret={}&username=u&password=p-word"
        socks = []
        for client in clients:
            data = request_bytes("/auth/token", method="POST", body=body.format(*client).encode(), headers="Content-Type: application/x-www-form-urlencoded\r\n")
            for _ in range(64):
                s = socket.create_connection(("127.0.0.1", planes.gateway_port), timeout=30)
                s.sendall(data)
                socks.append(s)
        pid = planes.worker_pids()[0]
        wait_for(lambda: len(os.listdir(f"/proc/{pid}/task")) >= 250, 10, "threads")
        assert len(os.listdir(f"/proc/{pid}/task")) <= 256 + 20
        assert world.ask(world.service.user("anna")).status_code in (200, 503)
        assert {read_reply(s, 30).status for s in socks} == {503}
        slow.stop_hanging()
        for s in socks:
            s.close()
        wait_for(lambda: world.ask(("anna", "a-password")).status_code == 200, 20, "threads are given back")
    finally:
        slow.close()
        world.close()
