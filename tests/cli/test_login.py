"""Logging in, and where the token goes afterwards."""

import json
import os
import signal
import stat
import time

from harness_cli import USAGE, Terminal
from harness_manager import PASSWORD


def test_a_login_is_kept_for_its_owner_alone(cli, manager):
    assert stat.S_IMODE(cli.session.stat().st_mode) == 0o600
    assert stat.S_IMODE(cli.session.parent.stat().st_mode) == 0o700
    kept = json.loads(cli.session.read_text())
    assert kept["url"] == manager.root + "/apiops" and kept["name"] == "admin"
    assert PASSWORD not in cli.session.read_text()
    assert "default" in cli("get", "projects")


def test_a_session_that_others_can_read_is_refused(cli):
    for mode in (0o644, 0o640, 0o400, 0o4600):
        cli.session.chmod(mode)
        said = cli.refused("get", "projects")
        assert f"mode {mode:03o}" in said and "0600" in said
    cli.session.chmod(0o600)
    cli("get", "projects")


def test_a_session_behind_a_link_is_refused(cli):
    elsewhere = cli.home / "elsewhere"
    cli.session.rename(elsewhere)
    cli.session.symlink_to(elsewhere)
    assert "cannot read" in cli.refused("get", "projects")


def test_a_broken_session_is_told(cli):
    for text in ("", "{", "{}", '{"url":"x","name":"y","token":1,"expiresAt":1}'):
        cli.session.write_text(text)
        assert "is no session" in cli.refused("get", "projects")


def test_a_session_that_has_ended_is_told(cli):
    kept = json.loads(cli.session.read_text())
    kept["expiresAt"] = int(time.time() * 1000) - 1
    cli.session.write_text(json.dumps(kept))
    assert "your login has ended" in cli.refused("get", "projects")


def test_logout(cli):
    assert "logged out" in cli("logout")
    assert not cli.session.exists()
    assert "not logged in" in cli.refused("get", "projects")
    assert "not logged in" in cli("logout")


def test_logout_ends_the_session_at_the_manager(cli, manager):
    token = json.loads(cli.session.read_text())["token"]
    assert manager.http("GET", "/apiops/projects/", token=token).status_code == 200
    cli("logout")
    assert manager.http("GET", "/apiops/projects/", token=token).status_code == 401


def test_logout_where_the_manager_does_not_answer(cli):
    kept = json.loads(cli.session.read_text())
    kept["url"] = "http://127.0.0.1:1/apiops"
    cli.session.write_text(json.dumps(kept))
    answer = cli.run("logout")
    assert answer.returncode == 0 and "logged out" in answer.stdout and "until it expires" in answer.stderr and not cli.session.exists()


def test_a_wrong_password(bare, manager):
    bare.write("password", "wrong password here\n")
    assert "name or password is wrong" in bare.refused("login", "--url", manager.root, "--name", "nobody", "--password-file", "password")
    assert not bare.session.exists()


def test_the_password_is_not_echoed(bare, manager):
    with Terminal(bare, "login", "--url", manager.root, "--name", "admin") as t:
        t.expect("Password of admin: ")
        while t.echoes():
            time.sleep(0.01)
        t.type(PASSWORD + "\n")
        assert t.end() == 0
        assert PASSWORD not in t.text and "logged in" in t.text
        assert t.echoes()


def test_echo_is_on_again_after_an_interrupt(bare, manager):
    with Terminal(bare, "login", "--url", manager.root, "--name", "admin") as t:
        t.expect("Password of admin: ")
        while t.echoes():
            time.sleep(0.01)
        t.type("\x03")
        assert t.end() == -signal.SIGINT
        assert t.echoes()


def test_a_password_from_the_environment_is_a_file(bare, manager):
    bare.write("password", PASSWORD)
    env = {"TOLLGATE_PASSWORD_FILE": "password", "TOLLGATE_NAME": "admin", "TOLLGATE_URL": manager.root + "/apiops/"}
    bare("login", env=env)
    assert "default" in bare("get", "projects")


def test_a_token_for_a_pipeline(bare, manager):
    token = manager.login().json()["access_token"]
    assert "default" in bare("get", "projects", env={"TOLLGATE_URL": manager.root, "TOLLGATE_TOKEN": token})
    bare.write("token", token + "\n")
    assert "default" in bare("get", "projects", "--url", manager.root, "--token-file", "token")
    assert "default" in bare("get", "projects", "--url", manager.root, "--token-file", "-", input=token)
    assert "unknown or has expired" in bare.refused("get", "projects", env={"TOLLGATE_URL": manager.root, "TOLLGATE_TOKEN": "other"})


def test_a_token_goes_only_to_the_manager_that_gave_it(cli, fake):
    assert "another manager" in cli.refused("get", "projects", "--url", fake.url)
    assert "another manager" in cli.refused("get", "projects", env={"TOLLGATE_URL": fake.url})
    assert fake.seen == []


def test_a_redirect_is_not_followed(bare, fake):
    fake.answers["/apiops/projects/"] = (307, "")
    assert "status 307" in bare.refused("get", "projects", "--url", fake.url, env={"TOLLGATE_TOKEN": "x"})
    assert len(fake.seen) == 1


def test_plain_http_stays_on_this_machine(bare):
    env = {"TOLLGATE_TOKEN": "x"}
    for url in ("http://192.0.2.1", "http://example.invalid:9080", "http://127.0.0.1.example.invalid"):
        said = bare.refused("get", "projects", "--url", url, env=env)
        assert "https" in said and "--insecure-http" in said
    for url in ("ftp://127.0.0.1", "file:///etc/passwd", "127.0.0.1:9080", "http://a:b@127.0.0.1", "http://127.0.0.1/?x=1"):
        assert bare.refused("get", "projects", "--url", url, env=env)


def test_certificates_are_verified(bare, tmp_path):
    """A server whose certificate nobody signed gets neither token nor password."""
    import ssl
    import subprocess
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-out", tmp_path / "c", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            seen.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.send_header("Content-Length", "36")
            self.end_headers()
            self.wfile.write(b'{"status":"SUCCESS","resultList":[]}')

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://127.0.0.1:{server.server_address[1]}"
    env = {"TOLLGATE_TOKEN": "x", "TOLLGATE_URL": url}
    assert "ertificate" in bare.refused("get", "projects", env=env)
    assert seen == []
    bare("get", "projects", "--ca-file", tmp_path / "c", env=env)
    assert seen == ["Bearer x"]
    server.shutdown()
    server.server_close()


def test_status(cli, manager):
    assert "UP" in cli("status")
    told = cli.json("status")
    assert told["url"] == manager.root + "/apiops" and told["health"]["status"] == "UP"
    assert [e["name"] for e in told["environments"]] == ["production"]


def test_the_command_line(bare):
    assert "did you mean login" in bare.refused("logn", expect=USAGE)
    assert "did you mean --project" in bare.refused("get", "proxies", "--projct", "x", expect=USAGE)
    assert "a value is missing" in bare.refused("get", "proxies", "-p", expect=USAGE)
    assert "stands twice" in bare.refused("get", "proxies", "-p", "a", "-p", "b", expect=USAGE)
    assert "usage: tollgate get" in bare.refused("get", expect=USAGE)
    assert "did you mean keys rotate" in bare.run("keys", "rotat").stderr
    for words in (["help"], ["get", "--help"], ["keys", "rotate", "-h"], ["token", "--help"]):
        assert bare.run(*words).returncode == 0
    assert os.listdir(bare.home) == []
