"""Signing keys are renewed while clients and verifiers go on: nobody notices."""

import threading
import time

import pytest
import requests
from jwcrypto import jwk, jwt

from harness import SLOW, jwt_part, wait_for

MAX_AGE = 2  # seconds that a JWKS may be cached


class Verifier:
    """Somebody else's service: it keeps the JWKS as long as Cache-Control lets it, and never asks again before that."""

    def __init__(self, planes):
        self.url = planes.gateway + "/auth/.well-known/jwks.json"
        self.until = 0
        self.reads = 0

    def keys(self):
        now = time.monotonic()
        if now >= self.until:
            answer = requests.get(self.url, timeout=20 * SLOW)
            assert answer.status_code == 200
            fields = dict(f.strip().partition("=")[::2] for f in answer.headers["Cache-Control"].split(","))
            self.set = jwk.JWKSet.from_json(answer.text)
            self.until = now + int(fields["max-age"])
            self.reads += 1
        return self.set

    def verify(self, token):
        jwt.JWT(jwt=token, key=self.keys(), algs=["RS256", "ES256"])


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_a_verifier_that_caches_the_jwks_never_meets_an_unknown_key(own_planes, backend, alg):
    planes = own_planes(workers=2)
    planes.manage("PATCH", "/environments/production/", {"jwksMaxAgeSeconds": MAX_AGE})
    key = planes.proxy("orders", backend.url, policy="jwt", jwtSignatureAlgorithm=alg)
    verifiers = [Verifier(planes) for _ in range(4)]
    issued, wrong, stop = [], [], threading.Event()

    def client():
        session = requests.Session()
        session.trust_env = False
        while not stop.is_set():
            answer = session.post(planes.gateway + "/auth/token", data={"grant_type": "client_credentials"}, auth=key, timeout=20 * SLOW)
            if answer.status_code != 200:
                wrong.append(("token", answer.status_code, answer.text))
                return
            issued.append((time.monotonic(), answer.json()["access_token"]))
            time.sleep(0.01)

    def judge(verifier, offset):
        time.sleep(offset)  # so that their copies end at different moments
        seen = 0
        while not stop.is_set():
            for _, token in issued[seen:]:
                try:
                    verifier.verify(token)
                except Exception as e:  # whatever a verifier may say
                    wrong.append(("verifier", type(e).__name__, str(e), jwt_part(token, 0)["kid"]))
                    return
                seen += 1
            time.sleep(0.005)

    def call():
        session = requests.Session()
        session.trust_env = False
        while not stop.is_set():
            if issued:
                for _, token in (issued[0], issued[-1]):  # the oldest and the newest one
                    answer = session.get(planes.gateway + "/orders/x", headers={"Authorization": "Bearer " + token}, timeout=20 * SLOW)
                    if answer.status_code != 200:
                        wrong.append(("call", answer.status_code, answer.text))
                        return
            time.sleep(0.01)

    threads = [threading.Thread(target=client), threading.Thread(target=call)]
    threads += [threading.Thread(target=judge, args=(v, i * 0.37)) for i, v in enumerate(verifiers)]
    for thread in threads:
        thread.start()
    try:
        before = wait_for(lambda: issued and jwt_part(issued[-1][1], 0)["kid"], 20, "a token")
        planes.manage("POST", "/environments/production/keys/regenerate/", {"algorithm": alg, "activateNow": False})
        wait_for(lambda: wrong or jwt_part(issued[-1][1], 0)["kid"] != before, 20, "the new key signs")
        time.sleep(MAX_AGE)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30 * SLOW)
    assert not wrong, wrong[:5]
    assert len({jwt_part(token, 0)["kid"] for _, token in issued}) == 2
    assert all(v.reads >= 2 for v in verifiers)


def test_activate_now_is_known_to_the_gateway_at_once(own_planes, backend):
    """Verifiers elsewhere may meet a kid that they do not know yet: that is what activateNow is for."""
    planes = own_planes(workers=2)
    key = planes.proxy("orders", backend.url, policy="jwt")
    old = planes.token(key)
    result = planes.manage("POST", "/environments/production/keys/regenerate/", {"algorithm": "RS256", "activateNow": True})
    assert result["deploymentResult"]["success"]
    new = planes.token(key)
    assert jwt_part(old, 0)["kid"] != jwt_part(new, 0)["kid"]
    for _ in range(10):
        assert planes.get("/orders/x", old).status_code == 200
        assert planes.get("/orders/x", new).status_code == 200
