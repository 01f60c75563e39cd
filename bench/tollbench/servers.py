"""The servers of the benchmark: a backend, the plain proxy, and the product."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import urllib.request

from harness import ROOT, Planes, free_port, raw, wait_for  # noqa: F401 (used by the rows)

from tollbench.machine import tree

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
BODY = '{"order":42,"state":"shipped"}'
PATH = "/items/42"

COMMON = """
daemon off;
{user}
worker_processes {workers};
pid {home}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
"""

BACKEND = COMMON + """
http {{
    access_log off;
    client_body_temp_path {home}/tmp; proxy_temp_path {home}/tmp; fastcgi_temp_path {home}/tmp;
    uwsgi_temp_path {home}/tmp; scgi_temp_path {home}/tmp;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 '{body}'; }}
    }}
    server {{
        listen 127.0.0.1:{status};
        location / {{ stub_status; }}
    }}
}}
"""

# What tollgate writes for its gateway, without tollgate: the same log with as many fields, limits, headers and pool.
PLAIN = COMMON + """
worker_shutdown_timeout 30s;
http {{
    log_format plain escape=json '{{"time":"$time_iso8601","request_id":"$request_id","client":"$remote_addr",'
        '"request":"$request","status":$status,"bytes":$bytes_sent,"seconds":$request_time,'
        '"proxy":"$server_name","client_id":"$remote_user","token":"$http_x_none","upstream":"$upstream_addr",'
        '"upstream_status":"$upstream_status","upstream_seconds":"$upstream_response_time"}}';
    access_log {home}/access.log plain buffer=64k flush=1s;
    client_body_temp_path {home}/tmp; proxy_temp_path {home}/tmp; fastcgi_temp_path {home}/tmp;
    uwsgi_temp_path {home}/tmp; scgi_temp_path {home}/tmp;
    server_tokens off;
    default_type application/octet-stream;
    keepalive_timeout 75s;
    keepalive_requests 100000;
    client_header_timeout 30s;
    client_body_timeout 60s;
    large_client_header_buffers 4 16k;
    tcp_nodelay on;
    upstream backend {{
        server 127.0.0.1:{backend};
        keepalive 512;
        keepalive_requests 100000;
        keepalive_timeout 60s;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        server_name plain;
        add_header X-Request-Id $request_id always;
{locations}    }}
}}
"""


LOCATION = """
        location /%s/ {
            client_max_body_size 0;
            proxy_pass http://backend/;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header X-Request-Id $request_id;
            proxy_request_buffering off;
            proxy_redirect off;
            proxy_next_upstream error timeout;
            proxy_max_temp_file_size 0;
        }
"""


# In the gateway's own nginx: the least that it can do with a request.
STATIC = """
server {
    listen 127.0.0.1:%d backlog=4096;
    location / { default_type application/json; return 200 '%s'; }
}
"""


class Nginx:
    """A stock nginx on a configuration of ours."""

    def __init__(self, name, work, template, workers, **values):
        self.home = os.path.join(work, name)
        self.port = free_port()
        os.makedirs(os.path.join(self.home, "tmp"))
        user = "user nobody nogroup;" if os.geteuid() == 0 else ""
        conf = os.path.join(self.home, "nginx.conf")
        pathlib.Path(conf).write_text(template.format(home=self.home, user=user, workers=workers, port=self.port, body=BODY, **values))
        self.log = open(os.path.join(self.home, "error.log"), "wb")
        # A session of its own, as the planes have: the scheduler shares the machine out by session.
        self.process = subprocess.Popen([NGINX, "-p", self.home, "-c", conf], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        wait_for(lambda: port_answers(self.port) or self.process.poll() is not None, 10, f"{name} answers")
        if self.process.poll() is not None:
            raise RuntimeError(pathlib.Path(self.home, "error.log").read_text())

    @property
    def root(self):
        return self.process.pid

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.log.close()


class BackendServer(Nginx):
    def __init__(self, work):
        self.status = free_port()
        super().__init__("backend", work, BACKEND, workers=1, status=self.status)
        self.open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def requests(self):
        """Requests that reached it so far."""
        text = self.open(f"http://127.0.0.1:{self.status}/", timeout=10).read().decode()
        return int(re.search(r"requests\n\s*\d+\s+\d+\s+(\d+)", text)[1])


def plain_proxy(work, backend, workers):
    locations = "".join(LOCATION % name for name in ("open", "opaque", "jwt"))
    return Nginx("plain", work, PLAIN, workers, backend=backend.port, locations=locations)


def port_answers(port):
    try:
        raw(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", timeout=1)
        return True
    except (OSError, EOFError):
        return False


class Gateway(Planes):
    """The product with a few more handles for the benchmark."""

    @property
    def root(self):
        return self.process.pid

    @property
    def url(self):
        return self.gateway

    def start(self, wait=True):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.ready_file)      # of an earlier start on the same data
        self._session = None
        return super().start(wait)

    def kill_all(self):
        """kill -9 of every process at once: no one gets to say goodbye, and no one to restart another."""
        pids = tree(self.process.pid)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(20)
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 10, "killed")

    def close(self):
        self.expected_log = ("",)       # losses are counted where they are felt, by the clients
        super().close()


class Stage:
    """What the rows share, started when first needed; everything is stopped at the end."""

    def __init__(self, work, workers, quick, say):
        self.work, self.workers, self.quick, self.say = work, workers, quick, say
        self.running = []
        self.made = {}

    def once(self, name, make):
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def keep(self, server):
        self.running.append(server)
        return server

    def drop(self, server):
        """Stops one before the end of the run."""
        self.running.remove(server)
        server.close()

    @property
    def backend(self):
        return self.once("backend", lambda: self.keep(BackendServer(self.work)))

    @property
    def plain(self):
        return self.once("plain", lambda: self.keep(plain_proxy(self.work, self.backend, self.workers)))

    def gateway(self, **options):
        """Another product instance, closed at the end of the run or earlier by its row."""
        server = Gateway(workers=self.workers, **options)
        self.keep(server)
        return server.start()

    @property
    def main(self):
        """The instance of the paired rows: proxies open, opaque, jwt (RS256) and es (ES256), all on one path below each."""
        return self.once("main", self._main)

    def _main(self):
        static = free_port()
        g = self.gateway(operator=STATIC % (static, BODY))
        g.static_port = static
        g.keys = {"open": g.proxy("open", self.backend.url, path="/open"),
                  "opaque": g.proxy("opaque", self.backend.url, path="/opaque", policy="opaque"),
                  "jwt": g.proxy("jwt", self.backend.url, path="/jwt", policy="jwt"),
                  "es": g.proxy("es", self.backend.url, path="/es", policy="jwt", jwtSignatureAlgorithm="ES256")}
        return g

    def close(self):
        while self.running:
            with contextlib.suppress(AssertionError, OSError, subprocess.TimeoutExpired):
                self.drop(self.running[-1])
