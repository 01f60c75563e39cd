"""A real tollgate-manager on a data directory of its own and a free port, and gateway nodes that are rows in the token store."""

import base64
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TG_BUILD", ROOT / "build"))
SLOW = 6 if os.environ.get("TG_VALGRIND") else 3 if os.environ.get("TG_ASAN") else 1
PASSWORD = "correct horse battery staple"


def wait_for(what, seconds, message, every=0.01):
    end = time.monotonic() + seconds * SLOW
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds * SLOW} s: {message}")
        time.sleep(every)


def master_key():
    return "tollgate-master-1:" + base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=") + "\n"


class Manager:
    """Use as a context manager, or start() and stop()."""

    def __init__(self, home=None, environment="production", password=PASSWORD, options=()):
        self.home = home or tempfile.mkdtemp(prefix="tollgate-manager-test-")
        self.own_home = home is None
        self.data = os.path.join(self.home, "data")
        self.key_file = os.path.join(self.home, "master.key")
        self.ready_file = os.path.join(self.home, "ready")
        self.log_path = os.path.join(self.home, "log")
        self.out_path = os.path.join(self.home, "out")
        self.environment = environment
        self.password = password
        self.options = list(options)
        self.process = None
        self.address = None
        self.token = None
        if not os.path.exists(self.key_file):
            with open(self.key_file, "w") as f:
                f.write(master_key())

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def argv(self):
        argv = [str(BUILD / "tollgate-manager"), "--store", "sqlite:" + self.data, "--master-key-file", self.key_file,
                "--listen", "127.0.0.1:0", "--ready-file", self.ready_file]
        if self.environment:
            argv += ["--environment", self.environment]
        if self.password:
            path = os.path.join(self.home, "password")
            with open(path, "w") as f:
                f.write(self.password + "\n")
            argv += ["--admin-password-file", path]
        return argv + self.options

    def spawn(self):
        if os.path.exists(self.ready_file):
            os.unlink(self.ready_file)
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        with open(self.log_path, "ab") as log, open(self.out_path, "ab") as out:
            self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=env)
        return self.process

    def start(self):
        self.spawn()
        wait_for(lambda: os.path.exists(self.ready_file) or self.process.poll() is not None, 30, "ready file")
        assert self.process.poll() is None, self.log()
        with open(self.ready_file) as f:
            self.address = f.read().strip()
        self.token = None
        return self

    def fails(self):
        """Starts one that must refuse; what it says."""
        self.spawn()
        assert self.process.wait(30 * SLOW) == 1
        return self.log()

    def fails_at_once(self):
        """Starts one whose command line must be refused; what it says."""
        self.spawn()
        assert self.process.wait(30 * SLOW) == 2
        log = self.log()
        self.close()
        return log

    def stop(self, sig=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(30 * SLOW)
        return self.process.returncode

    def close(self):
        code = self.stop() if self.process else 0
        log = self.log()
        if self.own_home:
            shutil.rmtree(self.home, ignore_errors=True)
        for mark in ("AddressSanitizer", "runtime error:", "LeakSanitizer"):
            assert mark not in log, log[-6000:]
        assert code in (0, 1, 2, -9), (code, log[-4000:])

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def out(self):
        with open(self.out_path) as f:
            return f.read()

    # calls

    @property
    def root(self):
        return "http://" + self.address

    def login(self, name="admin", password=None):
        return self.http("POST", "/apiops/auth/token", token=False, data={
            "grant_type": "client_credentials", "client_id": name, "client_secret": password or self.password})

    def http(self, method, path, token=None, **kwargs):
        """One request at a path of the server; token: None logs in as admin, False sends none."""
        headers = kwargs.pop("headers", {})
        if token is None:
            if self.token is None:
                answer = self.login()
                assert answer.status_code == 200, answer.text
                self.token = answer.json()["access_token"]
            token = self.token
        if token:
            headers["Authorization"] = "Bearer " + token
        with requests.Session() as s:
            s.trust_env = False
            return s.request(method, self.root + path, headers=headers, timeout=30 * SLOW, **kwargs)

    def api(self, method, path, body=None, expect=None, **kwargs):
        """A call below /apiops; its JSON. `expect`: a status, or None for success."""
        answer = self.http(method, "/apiops" + path, json=body, **kwargs)
        if expect is None:
            assert answer.status_code in (200, 201), f"{method} {path}: {answer.status_code} {answer.text}"
            assert answer.json()["status"] == "SUCCESS"
        else:
            assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
            if expect >= 400:
                assert set(answer.json()) == {"status", "resultMessage"}, answer.text
                assert answer.json()["status"] == "FAILURE"
        return answer.json()

    def refused(self, status, method, path, body=None, **kwargs):
        """The message of a call that must fail."""
        return self.api(method, path, body, expect=status, **kwargs)["resultMessage"]

    # things

    def project(self, name):
        return self.api("POST", "/projects/", {"name": name})

    def proxy(self, project, name, path=None, **more):
        return self.api("POST", f"/projects/{project}/apiProxies/url/", proxy_body(name, path, **more))

    def policy(self, project, proxy, kind="jwt", name="auth", **fields):
        return self.api("POST", f"/projects/{project}/apiProxies/{proxy}/policies/{name}/", policy_body(kind, **fields))

    def deploy(self, project, proxy, environment="production"):
        return self.api("POST", f"/projects/{project}/apiProxies/{proxy}/environments/{environment}/")["deploymentResult"]

    def undeploy(self, project, proxy, environment="production"):
        return self.api("DELETE", f"/projects/{project}/apiProxies/{proxy}/environments/{environment}/")["deploymentResult"]

    # what a thief of the files, or a gateway, would see

    def bytes_at_rest(self):
        return b"".join(path.read_bytes() for path in sorted(pathlib.Path(self.data).glob("*.db*")))

    def config(self):
        return sqlite3.connect(f"file:{self.data}/config.db?mode=ro", uri=True)

    def snapshot(self, environment="production"):
        with self.config() as db:
            row = db.execute("SELECT s.document FROM snapshot s JOIN resource r ON r.id = s.environment_id WHERE r.name = ? AND r.kind = 2",
                             (environment,)).fetchone()
        return json.loads(row[0])

    def client(self, client_id):
        with self.config() as db:
            db.row_factory = sqlite3.Row
            row = db.execute("SELECT * FROM client WHERE client_id = ?", (client_id,)).fetchone()
        return dict(row) if row else None

    def feed(self):
        with self.config() as db:
            return db.execute("SELECT seq, kind, environment_id, ref FROM change_log ORDER BY seq").fetchall()

    def environment_id(self, name="production"):
        return self.api("GET", f"/environments/{name}/")["metadata"]["id"]


class Node:
    """A gateway node as the manager sees it: a row that says which revision each worker serves."""

    def __init__(self, manager, node_id, environment="production", pids=(101, 102)):
        self.manager = manager
        self.node_id = node_id
        self.environment = environment
        self.environment_id = manager.environment_id(environment)
        self.pids = list(pids)

    def say(self, revisions, wanted=0, errors=None, age_ms=0):
        workers = [{"pid": pid, "revision": revision, "error": error}
                   for pid, revision, error in zip(self.pids, revisions, errors or [""] * len(self.pids))]
        now = int(time.time() * 1000)
        with sqlite3.connect(f"{self.manager.data}/tokens.db", timeout=20) as db:
            db.execute("INSERT OR REPLACE INTO node (node_id, environment_id, environment, address, version, started_at, seen_at, wanted, workers)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       (self.node_id, self.environment_id, self.environment, "127.0.0.1:8080", "test", now - 60000, now - age_ms, wanted,
                        json.dumps(workers)))

    def leave(self):
        with sqlite3.connect(f"{self.manager.data}/tokens.db", timeout=20) as db:
            db.execute("DELETE FROM node WHERE node_id = ?", (self.node_id,))


def proxy_body(name, path=None, **more):
    body = {"apiProxyName": name, "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": {"relativePathList": [path or "/" + name]},
            "routingInfo": {"routingAddressList": [{"address": "http://127.0.0.1:9000"}]}}
    body.update(more)
    return body


def policy_body(kind="jwt", metadata=None, **fields):
    policy = {"type": "policy-auth-jwt" if kind == "jwt" else "policy-auth-oauth2", "tokenNeverExpires": False, "tokenExpiresInAmount": 1,
              "tokenExpiresInUnit": "HOURS", "grantType": "CLIENT_CREDENTIALS", "addUserToHeader": True}
    if kind == "jwt":
        policy["jwtSignatureAlgorithm"] = "RS256"
    policy.update(fields)
    return {"operationMetadata": dict({"targetScope": "ALL", "targetPipeline": "REQUEST", "order": 1}, **(metadata or {})), "policy": policy}
