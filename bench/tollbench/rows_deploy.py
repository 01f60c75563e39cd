"""What a deploy, a reload, a stop and a start cost clients: losses under load, and times with 1,000 proxies."""

import os
import pathlib
import signal
import socket
import time

from tollbench import client, tokens
from tollbench.figures import Figure, median
from tollbench.servers import BODY, PATH, Gateway, raw, wait_for

LOAD_CONNECTIONS = 16


# ---- requests lost ----

def load_calls(gateway, key):
    """Open calls, calls with a token, and token requests that must become durable."""
    token = gateway.token(key)
    return [("open", client.get_request("/open" + PATH), 200), ("opaque", client.get_request("/opaque" + PATH, token), 200),
            ("issue", client.post_form("/auth/token", tokens.FORM, tokens.basic(key)), 200)]


def deploys_run(stage, gateway, load, count, figure):
    """New proxies, changed ones that are under load, and undeploys, in turns; each must be live when the call has returned."""
    seconds = []
    for i in range(count):
        name = f"extra-{i}"
        begin = time.monotonic()
        if i % 2:
            gateway.manage("PATCH", "/projects/shop/apiProxies/open/", {"apiProxyDescription": f"revision {i}"})
            gateway.deploy("open")
        else:
            gateway.proxy(name, stage.backend.url)
            if gateway.get(f"/{name}/x").text != BODY:
                figure.problem(f"{name} did not answer when its deploy had returned")
        seconds.append(time.monotonic() - begin)
        if i % 4 == 0:
            gateway.undeploy(name)
        if (i + 1) % 10 == 0:
            stage.say(f"  deploys {i + 1}/{count}: {load.counts['answered']} answered, {load.counts['lost']} lost")
    figure.notes["deploys"] = count
    figure.notes["deploy_seconds_median"] = median(seconds)


def reload_run(gateway):
    """SIGHUP; returns when other workers serve and the old ones have gone."""
    before = set(gateway.worker_pids())
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(set(gateway.worker_pids()) - before) == gateway.workers, 20, "new workers after SIGHUP")
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in before), 40, "old workers gone after SIGHUP")


def deploys(stage):
    gateway = stage.gateway()
    gateway.proxy("open", stage.backend.url)
    key = gateway.proxy("opaque", stage.backend.url, policy="opaque")
    figure = Figure("deploys", "requests lost during 50 deploys under load, a reload and a graceful stop", 0, 0, at_most=True, unit="requests")
    load = client.Load(gateway.gateway_port, load_calls(gateway, key), LOAD_CONNECTIONS).start()
    time.sleep(0.5)
    deploys_run(stage, gateway, load, 6 if stage.quick else 50, figure)
    reload_run(gateway)
    time.sleep(0.5)
    stage.say(f"  reload: {load.counts['answered']} answered, {load.counts['lost']} lost, {load.counts['retried']} retried")
    load.stopping = True
    gateway.stop()
    counts = load.finish()
    stage.say(f"  stop: {dict(counts)}")
    figure.value = counts["lost"]
    figure.errors = counts["unexpected"]
    figure.notes["requests"] = dict(counts)
    figure.notes["examples"] = load.examples[:5]
    if counts["answered"] < 500:
        figure.problem(f"only {counts['answered']} requests were answered: hardly a load")
    gateway.start()
    gone = client.ask_each(gateway.gateway_port, [client.get_request("/opaque" + PATH, token) for token in load.tokens[-500:]])
    if gone:
        figure.problem(f"{len(gone)} of the last tokens before the stop are gone")
    stage.drop(gateway)
    return [figure]


# ---- 1,000 proxies ----

def proxies_make(stage, manager, count):
    """`count` deployed proxies, half of them with a policy: made while no gateway runs, so that no call waits for one."""
    manager.project()
    begin = time.monotonic()
    for i in range(count):
        manager.proxy(f"p{i}", stage.backend.url, policy="opaque" if i % 2 else None, deploy=False)
        manager.deploy(f"p{i}", expect_success=False)
        if (i + 1) % 250 == 0:
            stage.say(f"  {i + 1} proxies deployed, {time.monotonic() - begin:.1f} s")


def first_answer(gateway, path):
    """Seconds from the start of the command to a proxied answer."""
    begin = time.monotonic()
    gateway.start(wait=False)
    while time.monotonic() - begin < 30:
        try:
            reply = raw(gateway.gateway_port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(), timeout=5)
            if reply.status == 200 and reply.body == BODY.encode():
                return time.monotonic() - begin
        except (OSError, EOFError):
            pass
        time.sleep(0.002)
    raise RuntimeError(f"no answer within 30 s:\n{gateway.log()}")


def owner(sock, pids):
    """The worker that holds the other end of a connection."""
    here, there = sock.getsockname()[1], sock.getpeername()[1]
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == there and int(fields[2].split(":")[1], 16) == here:
            link = f"socket:[{fields[9]}]"
            for pid in pids:
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    try:
                        if os.readlink(f"/proc/{pid}/fd/{fd}") == link:
                            return pid
                    except OSError:
                        pass
    return None


class Workers:
    """An open connection to every worker of a gateway."""

    def __init__(self, gateway):
        self.by_pid = {}
        pids = gateway.worker_pids()
        spare = []
        for _ in range(200):
            batch = [socket.create_connection(("127.0.0.1", gateway.gateway_port)) for _ in range(8)]
            for sock in batch:
                ask(sock, "/p0" + PATH)
                pid = owner(sock, pids)
                if pid and pid not in self.by_pid:
                    self.by_pid[pid] = sock
                else:
                    spare.append(sock)      # kept open: the next one goes to another worker
            if len(self.by_pid) == len(pids):
                break
        for sock in spare:
            sock.close()
        if len(self.by_pid) != gateway.workers:
            raise RuntimeError(f"reached {len(self.by_pid)} of {gateway.workers} workers")

    def statuses(self, path):
        return {pid: ask(sock, path) for pid, sock in self.by_pid.items()}

    def close(self):
        for sock in self.by_pid.values():
            sock.close()


def ask(sock, path):
    """Status of one request on an open connection."""
    sock.settimeout(10)
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += sock.recv(65536)
    return int(head.split()[1])


def deploy_times(stage, manager, gateway, count, figure):
    for i in range(count):
        name = f"new{i}"
        manager.proxy(name, stage.backend.url, deploy=False)
        workers = Workers(gateway)
        path = f"/{name}{PATH}"
        if set(workers.statuses(path).values()) != {404}:
            figure.problem(f"{name} answered before its deploy")
        begin = time.monotonic()
        manager.deploy(name)
        figure.samples.append(time.monotonic() - begin)
        late = {pid: status for pid, status in workers.statuses(path).items() if status != 200}
        if late:
            figure.problem(f"workers {late} did not serve {name} when its deploy had returned")
        workers.close()
        stage.say(f"  deploy {i + 1}/{count}: live on all {gateway.workers} workers after {figure.samples[-1]:.3f} s")


def thousand(stage):
    count = 50 if stage.quick else 1000
    times = 2 if stage.quick else 7
    manager = stage.keep(Gateway(command="manager")).start()
    stage.say(f"  deploying {count} proxies")
    proxies_make(stage, manager, count)
    gateway = stage.keep(Gateway(command="gateway", data=manager.data, workers=stage.workers))
    start = Figure("start-1000", f"start of the gateway to its first answer, {count} proxies (slowest of {times})", 0, 1, at_most=True, unit="s")
    for i in range(times):
        start.samples.append(first_answer(gateway, f"/p{(count - 1) // 2 * 2}{PATH}"))
        stage.say(f"  start {i + 1}/{times}: first answer after {start.samples[-1]:.3f} s")
        if i < times - 1:
            gateway.stop()
    deploy = Figure("deploy-1000", f"a deploy of one proxy among {count} is live on all workers (slowest of {times})", 0, 1, at_most=True, unit="s")
    wait_for(lambda: os.path.exists(gateway.ready_file), 20, "the gateway is ready")
    deploy_times(stage, manager, gateway, times, deploy)
    for figure in (start, deploy):
        figure.value = max(figure.samples)
        figure.notes["median"] = median(figure.samples)
    stage.drop(gateway)
    stage.drop(manager)
    return [deploy, start]
