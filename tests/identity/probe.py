"""One provider, asked through build/identity-probe: what tests of the kinds of providers share."""

import base64
import json
import os
import subprocess

from harness import BUILD, SLOW


def spell(name, value):
    """str: as JSON text; bytes, and what JSON cannot have: as base64."""
    if isinstance(value, str) and "\0" not in value:
        return {name: value}
    raw = value if isinstance(value, bytes) else value.encode()
    return {name + "Bytes": base64.b64encode(raw).decode()}


class Refused(AssertionError):
    """The provider can never work as it is configured: .field, .fault."""

    def __init__(self, told):
        super().__init__(f"{told['opened']}: {told['field']}: {told['fault']}")
        self.field = told["field"]
        self.fault = told["fault"]


SECRETS = ("password", "bindPassword", "clientKey")


class Probe:
    """The answers are the dicts that the probe prints: "verdict" or "error", "roles", "claims", "steps", ... None may have a secret in it."""

    def __init__(self, body, env=None):
        options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=1"
        self.secrets = {body[name] for name in SECRETS if body.get(name)}
        self.process = subprocess.Popen([str(BUILD / "tests" / "identity-probe")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "ASAN_OPTIONS": options, **(env or {})})
        try:
            told = self._say({"provider": {"name": "users", "timeoutMillis": 5000 * SLOW, **body}})
            if told["opened"] != "ok":
                raise Refused(told)
        except BaseException:
            self.close()
            raise

    def _say(self, line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        got = self.process.stdout.readline()
        assert got, f"the probe died: {self.process.wait(10)}"
        assert not any(secret in got for secret in self.secrets), got
        return json.loads(got)

    def check(self, username, password, **more):
        if len(password) > 7 and password != username:
            self.secrets.add(password if isinstance(password, str) else password.decode(errors="replace"))
        return self._say({"ask": "check", **spell("username", username), **spell("password", password), **more})

    def look_up(self, username, **more):
        return self._say({"ask": "lookUp", **spell("username", username), **more})

    def list(self):
        return self._say({"ask": "list"})

    def close(self):
        """A crash, a leak or a report of a sanitizer fails the test."""
        self.process.stdin.close()
        try:
            status = self.process.wait(60 * SLOW)
        finally:
            self.process.kill()
            self.process.stdout.close()
        assert status == 0, f"the probe ended with {status}"


def claims(answer):
    return {name: claim["value"] for name, claim in answer["claims"].items()}


def step(answer, name):
    """The last step of that name, or None."""
    return next((s for s in reversed(answer["steps"]) if s["step"] == name), None)
