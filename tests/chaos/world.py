"""The processes of a chaos run: PostgreSQL, a manager, gateways in networks of their own, a backend that echoes, and a gateway of another environment."""

import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import requests

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "gateway"))

import network  # noqa: E402
from harness import ADMIN_PASSWORD, BUILD, SLOW, Planes, child_environment, free_port, wait_for  # noqa: E402
from postgres import Server  # noqa: E402

START = 60 * SLOW  # a start on a busy machine
BACKEND = """daemon off; master_process off; pid {home}/pid; error_log stderr error; worker_rlimit_nofile 8192;
events {{ worker_connections 2048; }}
http {{ access_log off; keepalive_requests 100000; client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
server {{ listen {address}; location / {{ default_type text/plain; return 200 "$request_uri $http_x_authenticated_userid"; }} }} }}
"""


def pids_below(folder):
    """Processes that have a file below this folder open: also those whose parent was killed."""
    found = []
    for fd in glob.glob("/proc/[0-9]*/fd"):
        pid = int(fd.split("/")[2])
        try:
            if pid != os.getpid() and any(os.readlink(os.path.join(fd, n)).startswith(folder + "/") for n in os.listdir(fd)):
                found.append(pid)
        except OSError:
            continue
    return found


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Process:
    """One plane of the product on a data directory of its own."""

    def __init__(self, world, name, command, options, wrap=(), data=None):
        self.world, self.name, self.command = world, name, command
        self.wrap = list(wrap)
        self.options = options
        self.build = BUILD
        self.home = tempfile.mkdtemp(prefix=f"tollgate-chaos-{name}-")
        os.chmod(self.home, 0o755)
        self.data = data or os.path.join(self.home, "data")
        self.ready_file = os.path.join(self.home, "ready")
        self.log_path = os.path.join(self.home, "log")
        self.process = None

    def start(self, wait=True):
        if os.path.exists(self.ready_file):
            os.unlink(self.ready_file)
        argv = self.wrap + [str(self.build / "tollgate"), self.command, "--data", self.data, "--ready-file", self.ready_file,
                            "--store", self.world.uri] + self.options
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=child_environment(), start_new_session=True)
        if wait:
            wait_for(self.is_up, START, f"{self.name} is ready")
        return self

    def is_up(self):
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}:\n{self.tail()}"
        return os.path.exists(self.ready_file)

    def pids(self):
        return sorted(set(pids_below(self.data) + ([self.process.pid] if self.process and self.process.poll() is None else [])))

    def crash(self):
        """kill -9 of every process of it."""
        for _ in range(20):
            pids = self.pids()
            send(pids, signal.SIGKILL)
            if not pids:
                break
            time.sleep(0.05)
        if self.process:
            self.process.wait(60)

    def stop(self):
        """As a service manager would: ask, wait, then kill."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(45 * SLOW)
            except subprocess.TimeoutExpired:
                self.crash()
                return False
        return True

    def tail(self, lines=60):
        try:
            with open(self.log_path, errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except FileNotFoundError:
            return ""

    def broken(self):
        """Lines of the log that no fault excuses."""
        with open(self.log_path, errors="replace") as f:
            return [line for line in f if any(mark in line for mark in ("AddressSanitizer", "runtime error:", "exited on signal 11", "exited on signal 6", "SIGSEGV"))]

    def close(self):
        send(self.pids(), signal.SIGCONT)
        self.crash()
        shutil.rmtree(self.home, ignore_errors=True)


class Node(Process):
    def __init__(self, world, i, workers, disk=0, environment="production"):
        self.i = i
        self.host, wrap = world.network.node(i)
        self.port, self.status_port = (8080, 9081) if world.network.can_cut else (free_port(), free_port())
        options = ["--gateway", f"{self.host}:{self.port}", "--status", f"{self.host}:{self.status_port}", "--workers", str(workers),
                   "--master-key-file", os.path.join(world.manager.data, "master.key"), "--environment", environment]
        super().__init__(world, f"node{i}", "gateway", options, wrap)
        self.disk = 0
        if disk and os.geteuid() == 0:
            folder = os.path.join(self.home, "disk")
            os.mkdir(folder)
            if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk}m,mode=755", "tmpfs", folder], check=False, capture_output=True).returncode == 0:
                self.disk, self.mount, self.data = disk, folder, os.path.join(folder, "data")

    def fill(self):
        with open(os.path.join(self.mount, "filler"), "ab", buffering=0) as f:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        f.write(bytes(size))
                except OSError:
                    pass

    def unfill(self):
        os.unlink(os.path.join(self.mount, "filler"))

    def master(self):
        try:
            with open(os.path.join(self.data, "gateway", "nginx.pid")) as f:
                return int(f.read())
        except (FileNotFoundError, ValueError):
            return None

    def workers(self):
        master = self.master()
        out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(master)], capture_output=True, text=True, check=False).stdout if master else ""
        return sorted(int(line.split()[0]) for line in out.splitlines() if "worker process" in line and "shutting down" not in line)

    def status(self, path, timeout=5):
        session = requests.Session()
        session.trust_env = False
        return session.get(f"http://{self.host}:{self.status_port}{path}", timeout=timeout)

    def close(self):
        super().close()
        if self.disk:
            subprocess.run(["umount", "-l", self.mount], check=False)
            shutil.rmtree(self.home, ignore_errors=True)


class World:
    """Use as a context manager. `admin` has the management calls of the gateway tests' harness."""

    def __init__(self, nodes=3, workers=2, disk=0, upgrade=None, loopback=False):
        self.closing = []
        self.upgrade = upgrade or BUILD
        try:
            self._start(nodes, workers, disk, loopback)
        except BaseException:
            self.close()
            raise

    def _keep(self, thing):
        self.closing.append(thing)
        return thing

    def _start(self, nodes, workers, disk, loopback):
        self.network = self._keep(network.make(nodes + 1, loopback))
        self.postgres = self._keep(Server(self.network.networks, address=self.network.store))
        self.postgres.sql("CREATE DATABASE chaos")
        self.uri = self.postgres.uri("chaos").replace("127.0.0.1", self.network.store)
        self._backend()
        self.password_file = os.path.join(self.backend_home, "password")
        with open(self.password_file, "w") as f:
            f.write(ADMIN_PASSWORD)
        os.chmod(self.password_file, 0o644)
        self.admin = Planes(data="/nowhere")  # for its calls; never started
        options = ["--manager", f"127.0.0.1:{self.admin.manager_port}", "--admin-password-file", self.password_file]
        self.manager = self._keep(Process(self, "manager", "manager", options))
        self.manager.start()
        self.nodes = [self._keep(Node(self, i, workers, disk if i == nodes - 1 else 0)) for i in range(nodes)]
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            wait_for(node.is_up, START, f"{node.name} is ready")

    def _backend(self):
        self.backend_home = tempfile.mkdtemp(prefix="tollgate-chaos-backend-")
        os.chmod(self.backend_home, 0o755)
        port = free_port()
        self.backend = f"http://{self.network.backend}:{port}"
        conf = os.path.join(self.backend_home, "conf")
        with open(conf, "w") as f:
            f.write(BACKEND.format(home=self.backend_home, address=f"{self.network.backend}:{port}"))
        with open(os.path.join(self.backend_home, "log"), "ab") as log:
            self.backend_process = subprocess.Popen(["/usr/sbin/nginx", "-p", self.backend_home, "-c", conf, "-e", "stderr"],
                                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def foreign(self, environment):
        """A gateway of another environment on the same store."""
        node = self._keep(Node(self, len(self.nodes), 1, environment=environment))
        return node.start()

    def close(self):
        for thing in reversed(self.closing):
            try:
                thing.close()
            except (OSError, AssertionError, subprocess.SubprocessError) as e:
                print(f"closing: {e!r}", file=sys.stderr)
        self.closing = []
        if getattr(self, "backend_process", None):
            self.backend_process.kill()
            self.backend_process.wait()
            shutil.rmtree(self.backend_home, ignore_errors=True)
        if getattr(self, "admin", None):
            shutil.rmtree(self.admin.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
