"""The tollgate command as a person or a pipeline runs it, and a small server to point it at."""

import fcntl
import http.server
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from harness_manager import BUILD, SLOW

DONE, FAILED, CHANGES, USAGE = 0, 1, 2, 64


class Cli:
    def __init__(self, home):
        self.home = Path(home)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("TOLLGATE_") and not k.lower().endswith("_proxy") and k != "COLUMNS"}
        self.env.update(HOME=str(self.home), XDG_CONFIG_HOME=str(self.home / "config"), LC_ALL="C.UTF-8")

    @property
    def session(self):
        return self.home / "config" / "tollgate" / "session"

    def run(self, *args, input=None, env=None):
        return subprocess.run([str(BUILD / "tollgate"), *map(str, args)], input=input, capture_output=True, text=True, timeout=120 * SLOW,
                              env=dict(self.env, **(env or {})), start_new_session=True, cwd=self.home,
                              stdin=subprocess.DEVNULL if input is None else None)

    def __call__(self, *args, expect=DONE, **kwargs):
        """What it printed; it must end with `expect`."""
        answer = self.run(*args, **kwargs)
        assert answer.returncode == expect, (args, answer.returncode, answer.stdout, answer.stderr)
        return answer.stdout

    def refused(self, *args, expect=FAILED, **kwargs):
        """What it said on stderr, and that was no success; a table or an answer may stand on stdout."""
        answer = self.run(*args, **kwargs)
        assert answer.returncode == expect, (args, answer.returncode, answer.stdout, answer.stderr)
        assert answer.stderr.startswith("tollgate: "), answer.stderr
        return answer.stderr

    def json(self, *args, **kwargs):
        return json.loads(self(*args, "-o", "json", **kwargs))

    def write(self, name, text):
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class Terminal:
    """The command at a terminal of its own."""

    def __init__(self, cli, *args, env=None, size=(24, 80)):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.text = ""

        def control():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            signal.signal(signal.SIGINT, signal.SIG_DFL)    # ignored by what a shell starts in the background

        self.process = subprocess.Popen([str(BUILD / "tollgate"), *map(str, args)], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        env=dict(cli.env, **(env or {})), preexec_fn=control, cwd=cli.home)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds=0.05):
        while select.select([self.master], [], [], seconds)[0]:
            self.text += os.read(self.master, 65536).decode(errors="replace")
        return self.text

    def expect(self, part, seconds=20):
        end = time.monotonic() + seconds * SLOW
        while part not in self.read():
            assert time.monotonic() < end and self.process.poll() is None or part in self.read(), (part, self.text)
        return self.text

    def end(self, seconds=20):
        """Its exit status."""
        end = time.monotonic() + seconds * SLOW
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() < end, self.text
        self.read()
        return self.process.returncode


class Fake:
    def __init__(self):
        self.answers = {}
        self.seen = []  # (method, path, query, headers, body)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                query = {k: v[0] for k, v in parse_qs(url.query).items()}
                outer.seen.append((self.command, url.path, query, dict(self.headers), body))
                told = outer.answers.get(url.path, (404, {"status": "FAILURE", "resultMessage": "there is no such path"}))
                status, content = told(query, body) if callable(told) else told
                data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
