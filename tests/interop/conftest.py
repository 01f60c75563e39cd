"""Other people's clients and verifiers against the real gateway. It serves HTTPS, because they insist on it, and they are told its issuer
and their key: the rest they have to find out."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gateway"))

from harness import Backend, Planes  # noqa: E402
from tools import Authority  # noqa: E402

REFRESH = {"refreshTokenAllowed": True, "refreshTokenCount": 5}


class World:
    def __init__(self, planes, ca):
        self.planes = planes
        self.ca = ca
        self.issuer = planes.gateway + "/auth"
        self.backend = Backend()
        self.keys = {kind: planes.proxy("api-" + kind, self.backend.url, policy=kind, **REFRESH) for kind in ("opaque", "jwt")}

    def api(self, kind):
        return f"{self.planes.gateway}/api-{kind}/x"

    def session(self):
        session = requests.Session()
        session.trust_env = False
        session.verify = self.ca
        return session

    def get(self, url):
        answer = self.session().get(url, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def world():
    folder = tempfile.mkdtemp(prefix="tollgate-interop-")
    os.chmod(folder, 0o755)
    authority = Authority()
    ca = os.path.join(folder, "ca.pem")
    with open(ca, "w") as f:
        f.write(authority.pem)
    certificate, key = authority.issue(folder, "127.0.0.1")
    os.chmod(key, 0o644)  # the planes run as nobody
    try:
        with Planes(workers=2, options=["--tls-certificate", certificate, "--tls-key", key]) as planes:
            w = World(planes, ca)
            try:
                yield w
            finally:
                w.backend.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore::urllib3.exceptions.InsecureRequestWarning")  # of the harness itself
