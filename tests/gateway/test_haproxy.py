"""The example for HAProxy with a real one: two gateways on one store behind it, one taken out under load."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import pytest
import requests

from harness import ROOT, SLOW, free_port, wait_for
from tools import Authority

EXAMPLE = ROOT / "deploy" / "haproxy" / "haproxy.cfg"


def configuration(folder, port, gateways):
    """The example with the addresses of this test."""
    crt, key = Authority().issue(folder, "api.test", "127.0.0.1")
    pem = os.path.join(folder, "api.pem")
    with open(pem, "w") as f:
        f.write(open(crt).read() + open(key).read())
    text = EXAMPLE.read_text().replace("bind :443", f"bind 127.0.0.1:{port}").replace("/etc/haproxy/api.pem", pem)
    for i, planes in enumerate(gateways, 1):
        text, n = re.subn(rf"server gateway-{i} \S+ port \d+", f"server gateway-{i} 127.0.0.1:{planes.gateway_port} port {planes.status_port}", text)
        assert n == 1
    path = os.path.join(folder, "haproxy.cfg")
    with open(path, "w") as f:
        f.write(text)
    return path


@pytest.fixture
def fleet(own_planes, backend):
    """(first gateway with the manager, second gateway, URL of the load balancer)"""
    first = own_planes(workers=1)
    first.environment(trustedProxies=["127.0.0.1"])
    second = own_planes(command="gateway", workers=1,
                        options=["--store", f"sqlite:{first.data}", "--master-key-file", f"{first.data}/master.key", "--drain-seconds", "5"])
    key = first.proxy("api", backend.url, policy="jwt")
    folder = tempfile.mkdtemp(prefix="tollgate-haproxy-")
    port = free_port()
    path = configuration(folder, port, (first, second))
    assert subprocess.run(["haproxy", "-c", "-q", "-f", path], check=False).returncode == 0
    process = subprocess.Popen(["haproxy", "-db", "-f", path], stderr=subprocess.DEVNULL)
    yield first, second, f"https://127.0.0.1:{port}", key
    process.terminate()
    process.wait(30 * SLOW)
    shutil.rmtree(folder)


def client():
    session = requests.Session()
    session.trust_env = False
    session.verify = False
    return session


def ready(url, key):
    try:
        return client().post(url + "/auth/token", data={"grant_type": "client_credentials"}, auth=key, timeout=10 * SLOW).status_code == 200
    except requests.RequestException:
        return False


class Load:
    """Calls with a token until it is stopped; whatever is no 200 is kept."""

    def __init__(self, url, key, n=4):
        self.url, self.key, self.bad, self.good, self.end = url, key, [], 0, threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(n)]
        for thread in self.threads:
            thread.start()

    def run(self):
        session = client()
        while not self.end.is_set():
            try:
                token = session.post(self.url + "/auth/token", data={"grant_type": "client_credentials"}, auth=self.key, timeout=20 * SLOW)
                answer = session.get(self.url + "/api/x", headers={"Authorization": "Bearer " + token.json()["access_token"]}, timeout=20 * SLOW)
                if (token.status_code, answer.status_code) != (200, 200):
                    self.bad.append((token.status_code, answer.status_code))
                self.good += 1
            except (requests.RequestException, KeyError, ValueError) as e:
                self.bad.append(repr(e))

    def stop(self):
        self.end.set()
        for thread in self.threads:
            thread.join(60 * SLOW)


def requests_of(planes):
    return sum(1 for line in open(os.path.join(planes.data, "gateway", "access.log")) if '"request":"GET /api/x' in line)


def test_a_gateway_is_taken_out_and_back_under_load_and_nothing_is_lost(fleet, backend):
    first, second, url, key = fleet
    wait_for(lambda: ready(url, key), 20, "the load balancer serves")
    load = Load(url, key)
    try:
        wait_for(lambda: min(requests_of(first), requests_of(second)) > 20, 30, "both gateways are called")
        assert backend.header("X-Forwarded-Proto") == [b"https"]
        second.process.send_signal(signal.SIGTERM)  # drains, then stops
        assert second.process.wait(60 * SLOW) == 0
        alone = load.good
        wait_for(lambda: load.good > alone + 20, 30, "the first one serves alone")
        before = requests_of(second)
        second.start()
        wait_for(lambda: requests_of(second) > before + 20, 30, "it is back")
        row = next(r for r in first.manage("GET", "/environments/production/nodes/")["resultList"] if r["address"].endswith(f":{first.gateway_port}"))
        first.manage("POST", f"/environments/production/nodes/{row['nodeId']}/drain/")
        wait_for(lambda: first.metrics()["tollgate_draining"] == 1, 10)
        time.sleep(3 * SLOW)  # two checks and what was sent before them
        quiet = requests_of(first)
        time.sleep(1.5)
        assert requests_of(first) == quiet, "a node that drains is not called any more"
    finally:
        load.stop()
    assert load.bad == [] and load.good > 100
