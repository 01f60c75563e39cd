"""Verifiers that know an issuer: they read its JWKS and judge a JWT of ours without asking anybody."""

import os
import shutil
import socket
import subprocess
import tempfile

import pytest
import requests
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.jose.errors import BadSignatureError
from authlib.oauth2.rfc8414 import get_well_known_url
from jwcrypto import jwk, jwt
from jwcrypto.common import json_decode

from harness import free_port, wait_for

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


@pytest.fixture(scope="module")
def tokens(world):
    """{algorithm: (client id, token)}"""
    found = {}
    for alg in ALGORITHMS:
        key = world.planes.proxy("alg-" + alg.lower(), world.backend.url, policy="jwt", jwtSignatureAlgorithm=alg)
        found[alg] = (key[0], world.planes.token(key))
    return found


@pytest.fixture(scope="module")
def jwks_text(world, tokens):
    """Read once, when each algorithm has its key."""
    metadata = world.get(get_well_known_url(world.issuer, external=True))
    answer = world.session().get(metadata["jwks_uri"], timeout=30)
    assert answer.status_code == 200
    return answer.text


def changed(token):
    """The same token with one character of its signature another one."""
    data, signature = token.rsplit(".", 1)
    middle = len(signature) // 2
    return data + "." + signature[:middle] + ("A" if signature[middle] != "A" else "B") + signature[middle + 1:]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_jwcrypto(world, tokens, jwks_text, alg):
    client_id, token = tokens[alg]
    keys = jwk.JWKSet.from_json(jwks_text)
    good = jwt.JWT(jwt=token, key=keys, algs=[alg], check_claims={"iss": world.issuer, "aud": client_id, "exp": None, "jti": None})
    header = json_decode(good.header)
    assert header["alg"] == alg and header["typ"] == "at+jwt"
    assert json_decode(good.claims)["sub"] == client_id
    key = keys.get_key(header["kid"])
    assert key is not None and not key.has_private
    assert key.thumbprint() == header["kid"]  # RFC 7638, by somebody else
    with pytest.raises(jwt.JWTExpired):
        late = jwt.JWT(algs=[alg])
        late.leeway = -3601
        late.deserialize(token, keys)
    for bad, kid in ((changed(token), keys), (token, jwk.JWK.generate(**_like(key)))):
        with pytest.raises(Exception) as refused:
            jwt.JWT(jwt=bad, key=kid, algs=[alg])
        assert type(refused.value).__name__ in ("InvalidJWSSignature", "JWTMissingKey")


def _like(key):
    """What makes another key of the same kind."""
    public = key.export_public(as_dict=True)
    return {"kty": "RSA", "size": 2048} if public["kty"] == "RSA" else {"kty": public["kty"], "crv": public["crv"]}


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_authlib_jose(world, tokens, jwks_text, alg):
    client_id, token = tokens[alg]
    keys = JsonWebKey.import_key_set(json_decode(jwks_text))
    claims = JsonWebToken([alg]).decode(token, keys, claims_options={
        "iss": {"essential": True, "value": world.issuer}, "aud": {"essential": True, "value": client_id}})
    claims.validate()
    with pytest.raises(BadSignatureError):
        JsonWebToken([alg]).decode(changed(token), keys)


# ---- HAProxy ----

CONFIG = """\
global
    maxconn 64
defaults
    mode http
    timeout connect 10s
    timeout client 10s
    timeout server 10s
frontend verifiers
    bind 127.0.0.1:{port}
    http-request set-var(txn.bearer) http_auth_bearer
    http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
    http-request set-var(txn.sub) var(txn.bearer),jwt_payload_query('$.sub')
{rules}
    http-request deny deny_status 404
"""
RULE = """\
    http-request deny deny_status 401 if {{ path /{alg} }} !{{ var(txn.alg) -m str {alg} }}
    http-request deny deny_status 401 if {{ path /{alg} }} !{{ var(txn.bearer),jwt_verify(txn.alg,"{pem}") -m int 1 }}
    http-request return status 200 content-type text/plain lf-string %[var(txn.sub)] if {{ path /{alg} }}
"""
OF_HAPROXY = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]


@pytest.fixture(scope="module")
def haproxy(tokens, jwks_text):
    """The address of an HAProxy that has, at /ALG, the public key of that algorithm, as the JWKS tells it."""
    folder = tempfile.mkdtemp(prefix="tollgate-haproxy-")
    rules = []
    for key in jwk.JWKSet.from_json(jwks_text):
        alg = key.export_public(as_dict=True)["alg"]
        if alg in OF_HAPROXY:
            pem = os.path.join(folder, alg + ".pem")
            with open(pem, "wb") as f:
                f.write(key.export_to_pem())
            rules.append(RULE.format(alg=alg, pem=pem))
    assert len(rules) == len(OF_HAPROXY)
    port = free_port()
    config = os.path.join(folder, "haproxy.cfg")
    with open(config, "w") as f:
        f.write(CONFIG.format(port=port, rules="".join(rules)))
    log = open(os.path.join(folder, "log"), "w+")
    process = subprocess.Popen([shutil.which("haproxy", path="/usr/sbin:/usr/bin"), "-db", "-f", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def listens():
        if process.poll() is not None:
            log.seek(0)
            raise AssertionError(f"haproxy ended: {log.read()}")
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    try:
        wait_for(listens, 20, "haproxy listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def ask(haproxy, alg, token):
    session = requests.Session()
    session.trust_env = False
    return session.get(f"{haproxy}/{alg}", headers={"Authorization": "Bearer " + token}, timeout=30)


@pytest.mark.parametrize("alg", OF_HAPROXY)
def test_haproxy(tokens, haproxy, alg):
    client_id, token = tokens[alg]
    answer = ask(haproxy, alg, token)
    assert (answer.status_code, answer.text) == (200, client_id)
    others = [tokens[other][1] for other in ALGORITHMS if other != alg]
    for bad in (changed(token), token.rsplit(".", 1)[0] + ".", *others):
        assert ask(haproxy, alg, bad).status_code == 401
