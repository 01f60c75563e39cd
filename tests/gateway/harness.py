"""Real processes for the gateway tests: both planes on free ports, backends that record raw bytes, raw clients."""

import base64
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import requests
import urllib3

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TG_BUILD", ROOT / "build"))
SLOW = 6 if os.environ.get("TG_VALGRIND") else 3 if os.environ.get("TG_ASAN") else 1
urllib3.disable_warnings()  # certificates of tests
ADMIN_PASSWORD = "correct horse battery staple"


def wait_for(what, seconds, message="condition", every=0.02):
    """what() until it is truthy, and that value; fails after `seconds` (longer under sanitizers)."""
    end = time.monotonic() + seconds * SLOW
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds * SLOW} s: {message}")
        time.sleep(every)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- raw HTTP ----

class Reply:
    def __init__(self, head, body):
        line, *fields = head.split(b"\r\n")
        self.status = int(line.split()[1])
        self.raw_head = head
        self.headers = [tuple(f.split(b": ", 1)) for f in fields if b": " in f]
        self.body = body

    def get(self, name):
        """Values of a header, whatever its case."""
        return [v for k, v in self.headers if k.lower() == name.lower().encode()]


def read_reply(sock, timeout=10, head_only=False):
    """One answer; head_only: it is one to HEAD, so that no body follows."""
    sock.settimeout(timeout * SLOW)
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            raise EOFError(f"connection closed before a full answer: {data!r}")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    reply = Reply(head, b"")
    if head_only:
        return reply
    length = reply.get("Content-Length")
    if length:
        while len(body) < int(length[0]):
            more = sock.recv(65536)
            if not more:
                raise EOFError("connection closed inside a body")
            body += more
    elif reply.get("Transfer-Encoding"):
        while not body.endswith(b"0\r\n\r\n"):
            more = sock.recv(65536)
            if not more:
                raise EOFError("connection closed inside a chunked body")
            body += more
    elif reply.status >= 200 and reply.status not in (204, 304):
        while True:
            more = sock.recv(65536)
            if not more:
                break
            body += more
    reply.body = body
    return reply


def raw(port, data, timeout=10, head_only=False):
    """Sends bytes to 127.0.0.1:port and reads one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout * SLOW) as s:
        s.sendall(data)
        return read_reply(s, timeout, head_only)


class Backend:
    """Answers every request with 200 and what `answer` says; keeps the raw bytes of each request head and body."""

    def __init__(self, answer=None, ssl_context=None, delay=0, port=0):
        self.requests = []      # (head bytes, body bytes)
        self.connections = 0
        self.answer = answer    # bytes of a whole answer, or a function (head, body) -> bytes
        self.delay = delay
        self.ssl_context = ssl_context
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(128)
        self.port = self.socket.getsockname()[1]
        self.open = set()
        self.closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"{'https' if self.ssl_context else 'http'}://127.0.0.1:{self.port}"

    @property
    def last(self):
        return self.requests[-1][0]

    @property
    def line(self):
        """The request line of the last request."""
        return self.last.split(b"\r\n", 1)[0]

    def header(self, name):
        """Values of a header of the last request, whatever its case."""
        found = []
        for field in self.last.split(b"\r\n")[1:]:
            key, _, value = field.partition(b":")
            if key.lower() == name.lower().encode():
                found.append(value.strip())
        return found

    def _accept(self):
        while not self.closed:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        try:
            if self.ssl_context:
                conn = self.ssl_context.wrap_socket(conn, server_side=True)
            self.open.add(conn)
            while self._one(conn):
                pass
        except (OSError, EOFError):
            pass
        finally:
            self.open.discard(conn)
            conn.close()

    def _one(self, conn):
        data = b""
        while b"\r\n\r\n" not in data:
            more = conn.recv(65536)
            if not more:
                return False
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        fields = {f.split(b":", 1)[0].lower(): f.split(b":", 1)[1].strip() for f in head.split(b"\r\n")[1:] if b":" in f}
        if b"content-length" in fields:
            while len(body) < int(fields[b"content-length"]):
                more = conn.recv(1 << 20)
                if not more:
                    return False
                body += more
        elif fields.get(b"transfer-encoding") == b"chunked":
            while not body.endswith(b"0\r\n\r\n"):
                more = conn.recv(1 << 20)
                if not more:
                    return False
                body += more
        self.requests.append((head, body))
        if self.delay:
            time.sleep(self.delay)
        answer = self.answer(head, body) if callable(self.answer) else self.answer
        if answer is None:
            answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
        conn.sendall(answer)
        return True

    def close(self):
        self.closed = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        for conn in list(self.open):
            try:
                conn.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


# ---- the product ----

def child_environment(more=None):
    """For processes of the product; `more` is set in it, and its LD_PRELOAD comes behind the sanitizers'."""
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    if os.environ.get("TG_ASAN"):
        env["LD_PRELOAD"] = os.environ.get("TG_PRELOAD", "")  # the stock nginx is not linked with the sanitizers
        env.setdefault("ASAN_OPTIONS", "detect_leaks=0:abort_on_error=1")
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    more = dict(more or {})
    if "LD_PRELOAD" in more:
        more["LD_PRELOAD"] = (env.get("LD_PRELOAD", "") + " " + more["LD_PRELOAD"]).strip()
    env.update(more)
    return env


class Planes:
    """`tollgate up` (or one plane) on a data directory of its own. Use as a context manager."""

    def __init__(self, command="up", data=None, workers=2, operator="", options=(), gateway_port=0, env=None):
        self.home = tempfile.mkdtemp(prefix="tollgate-test-")
        os.chmod(self.home, 0o755)
        self.data = str(data or os.path.join(self.home, "data"))
        self.command = command
        self.workers = workers
        self.options = list(options)
        self.gateway_port = gateway_port or free_port()
        self.manager_port = free_port()
        self.status_port = free_port()
        self.ready_file = os.path.join(self.home, "ready")
        self.log_path = os.path.join(self.home, "log")
        self.password_file = os.path.join(self.home, "password")
        with open(self.password_file, "w") as f:
            f.write(ADMIN_PASSWORD)
        os.chmod(self.password_file, 0o644)
        self.operator = operator
        self.env = env
        self.expected_log = []  # lines of the log that have one of these in them are no failure
        self.process = None
        self._session = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def argv(self):
        argv = [str(BUILD / "tollgate"), self.command, "--data", self.data, "--ready-file", self.ready_file,
                "--gateway", f"127.0.0.1:{self.gateway_port}", "--manager", f"127.0.0.1:{self.manager_port}",
                "--status", f"127.0.0.1:{self.status_port}", "--workers", str(self.workers)]
        if self.command != "gateway":
            argv += ["--admin-password-file", self.password_file]
        return argv + self.options

    def start(self, wait=True):
        if self.operator:
            self.write_operator(self.operator)
        log = open(self.log_path, "ab")
        wrap = shlex.split(os.environ.get("TG_WRAP", ""))  # valgrind
        self.process = subprocess.Popen(wrap + self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=child_environment(self.env),
                                        start_new_session=True)
        log.close()
        if wait:
            end = time.monotonic() + 30 * SLOW
            while not os.path.exists(self.ready_file) and self.process.poll() is None:
                assert time.monotonic() < end, f"not ready:\n{self.log()}"
                time.sleep(0.02)
            if self.process.poll() is not None:
                raise AssertionError(f"tollgate {self.command} ended with {self.process.returncode}:\n{self.log()}")
        return self

    def write_operator(self, text):
        """The operator's own nginx directives; before the first start the directory is made as tollgate would."""
        os.makedirs(self.data, exist_ok=True)
        marker = os.path.join(self.data, "tollgate.data")
        path = os.path.join(self.data, "operator.conf")
        for name, content in ((marker, "tollgate data directory\n"), (path, text)):
            with open(name, "w") as f:
                f.write(content)
        if os.geteuid() == 0:
            for name in (self.data, marker, path):
                shutil.chown(name, "nobody", "nogroup")

    def stop(self, sig=signal.SIGTERM, seconds=40):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(seconds * SLOW)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                raise AssertionError(f"not stopped within {seconds * SLOW} s:\n{self.log()}")
        return self.process.returncode if self.process else None

    def restart(self, sig=signal.SIGTERM):
        self.stop(sig)
        if os.path.exists(self.ready_file):  # the supervisor was killed
            os.unlink(self.ready_file)
        return self.start()

    def close(self):
        try:
            self.stop()
            self.check_log()
        finally:
            for pid in self.nginx_pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            shutil.rmtree(self.home, ignore_errors=True)

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def check_log(self):
        """Sanitizer reports, crashes and nginx alerts fail the test that caused them."""
        log = self.log()
        valgrind = [line for line in log.splitlines() if line.startswith("==")]
        assert not valgrind, "valgrind says:\n" + "\n".join(valgrind[:400])
        lines = [line for line in log.splitlines() if not any(expected in line for expected in self.expected_log)]
        for mark in ("AddressSanitizer", "runtime error:", "SIGSEGV", "exited on signal 11", "exited on signal 6", "[emerg]", "[alert]"):
            found = [line for line in lines if mark in line]
            if found:
                raise AssertionError(f"{mark} in the log:\n" + "\n".join(found[:20] + ["..."] + lines[-60:]))

    # processes

    def master_pid(self):
        try:
            with open(os.path.join(self.data, "gateway", "nginx.pid")) as f:
                return int(f.read())
        except (FileNotFoundError, ValueError):
            return None

    def worker_pids(self):
        master = self.master_pid()
        if not master:
            return []
        out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(master)], capture_output=True, text=True).stdout
        return [int(line.split()[0]) for line in out.splitlines() if "worker process" in line and "shutting down" not in line]

    def nginx_pids(self):
        master = self.master_pid()
        return ([master] if master and os.path.exists(f"/proc/{master}") else []) + self.worker_pids()

    def metrics(self):
        text = requests.get(f"http://127.0.0.1:{self.status_port}/metrics", timeout=10 * SLOW).text
        values = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    # manager

    @property
    def manager(self):
        return f"http://127.0.0.1:{self.manager_port}/apiops"

    @property
    def tls(self):
        return "--tls-certificate" in self.options

    @property
    def gateway(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.gateway_port}"

    def session(self):
        if self._session is None:
            self._session = requests.Session()
            self._session.trust_env = False
            answer = self._session.post(self.manager + "/auth/token", timeout=20 * SLOW, data={
                "grant_type": "client_credentials", "client_id": "admin", "client_secret": ADMIN_PASSWORD})
            assert answer.status_code == 200, answer.text
            self._session.headers["Authorization"] = "Bearer " + answer.json()["access_token"]
        return self._session

    def manage(self, method, path, body=None, expect=(200, 201)):
        """One call of the management API; its JSON."""
        answer = self.session().request(method, self.manager + path, json=body, timeout=20 * SLOW)
        expect = (expect,) if isinstance(expect, int) else expect
        assert answer.status_code in expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def project(self, name="shop"):
        self.manage("POST", "/projects/", {"name": name}, expect=(201, 409))

    def proxy(self, name, addresses, path=None, hosts=(), policy=None, deploy=True, project="shop", connection=None, environment="production", **policy_fields):
        """A proxy, with a policy ("jwt", "opaque" or None), deployed. Returns (client_id, client_secret)."""
        self.project(project)
        addresses = [addresses] if isinstance(addresses, (str, dict)) else addresses
        body = {"apiProxyName": name, "apiProxyCreationType": "REVERSE_PROXY",
                "clientRoute": {"relativePathList": [path or "/" + name]},
                "routingInfo": {"routingAddressList": [{"address": a} if isinstance(a, str) else a for a in addresses]}}
        if hosts:
            body["clientRoute"]["hostList"] = list(hosts)
        made = self.manage("POST", f"/projects/{project}/apiProxies/url/", body)
        if connection:
            self.manage("PATCH", f"/projects/{project}/apiProxies/{name}/settings/connection/", connection)
        if policy:
            self.policy(name, policy, project=project, **policy_fields)
        if deploy:
            self.deploy(name, project=project, environment=environment)
        key = made["applicationKey"]
        return key["clientId"], key["clientSecret"]

    def policy(self, proxy, kind, project="shop", **fields):
        policy = {"type": "policy-auth-jwt" if kind == "jwt" else "policy-auth-oauth2", "tokenExpiresInAmount": 1,
                  "tokenExpiresInUnit": "HOURS", "grantType": "CLIENT_CREDENTIALS"}
        policy.update(fields)
        return self.manage("POST", f"/projects/{project}/apiProxies/{proxy}/policies/auth/",
                           {"operationMetadata": {"targetScope": "ALL", "targetPipeline": "REQUEST", "order": 1}, "policy": policy})

    def deploy(self, name, project="shop", environment="production", expect_success=True):
        answer = self.manage("POST", f"/projects/{project}/apiProxies/{name}/environments/{environment}/")
        result = answer["deploymentResult"]
        if expect_success:
            assert result["success"], answer
        return result

    def undeploy(self, name, project="shop", environment="production"):
        return self.manage("DELETE", f"/projects/{project}/apiProxies/{name}/environments/{environment}/")["deploymentResult"]

    def credential(self, username, project="shop", token=None, access=(), **fields):
        """A credential: its client_id and its secret, which is generated unless a password is given. access: names of proxies, or rows."""
        self.project(project)
        made = self.manage("POST", f"/projects/{project}/credentials/", {"username": username, **fields})
        if token is not None:
            self.credential_token(username, project=project, **token)
        if access:
            self.access(username, *access, project=project)
        return username, fields.get("password") or made["clientSecret"]

    def credential_token(self, username, project="shop", **settings):
        body = {"grantType": "CLIENT_CREDENTIALS", "tokenExpiresInAmount": 1, "tokenExpiresInUnit": "HOURS"}
        body.update(settings)
        return self.manage("PUT", f"/projects/{project}/credentials/{username}/token/", body)

    def access(self, username, *rows, project="shop"):
        rows = [{"name": row, "type": "API_PROXY"} if isinstance(row, str) else row for row in rows]
        return self.manage("PUT", f"/projects/{project}/credentials/{username}/access/", {"credentialAccessList": rows})

    def environment(self, name="production", **settings):
        """Changes settings of an environment; live at the answer."""
        return self.manage("PATCH", f"/environments/{name}/", settings)

    def no_failure_limits(self):
        """For tests that fail to authenticate more often than strangers may."""
        off = {"limit": 0}
        self.environment(failureLimits={"perClient": off, "perAddress": off})

    # clients

    def token_answer(self, key, path="/auth/token", **form):
        data = {"grant_type": "client_credentials"}
        data.update(form)
        s = requests.Session()
        s.trust_env = False
        s.verify = False
        return s.post(self.gateway + path, data=data, auth=key, timeout=20 * SLOW)

    def token(self, key, path="/auth/token", **form):
        answer = self.token_answer(key, path, **form)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return answer.json()["access_token"]

    def get(self, path, token=None, headers=None, method="GET", **kwargs):
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + token
        s = requests.Session()
        s.trust_env = False
        s.verify = False
        return s.request(method, self.gateway + path, headers=headers, timeout=20 * SLOW, **kwargs)

    def raw(self, data):
        return raw(self.gateway_port, data)


def told(answer):
    """The headers of an answer (of requests), but for what every answer has anew."""
    return {k: v for k, v in answer.headers.items() if k not in ("Date", "X-Request-Id")}


def jwt_part(token, i):
    part = token.split(".")[i]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
