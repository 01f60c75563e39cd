"""Tokens for the benchmark: issued by the gateway, or signed here in bulk with a key that the manager was given; and their verification."""

import base64
import concurrent.futures
import json
import multiprocessing
import os
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from harness import jwt_part, wait_for

from tollbench import wrk

FORM = "grant_type=client_credentials"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def basic(key):
    return "Basic " + base64.b64encode(":".join(key).encode()).decode()


def issue(gateway, key, path, seconds, connections, record=None):
    """One slice of token requests; with `record`, the answers go into that file."""
    options = {"method": "POST", "body": FORM, "authorization": basic(key)}
    if record:
        options["record"] = record
    return wrk.run(gateway.url + path, seconds, connections, gateway.root, **options)


def recorded(path):
    with open(path) as f:
        return [json.loads(line)["access_token"] for line in f]


def issue_many(gateway, key, path, count, file):
    """At least `count` tokens from the gateway; fails on any error or repetition."""
    tokens = []
    while len(tokens) < count:
        part = issue(gateway, key, path, 1, 64, record=file)
        if part.errors:
            raise RuntimeError(f"errors while tokens were issued: {part.detail}")
        tokens += recorded(file)
    if len(set(tokens)) != len(tokens):
        raise RuntimeError("the gateway issued one token twice")
    return tokens[:count]


# ---- signing in bulk ----

_signer = {}


def _sign(count):
    """`count` tokens with the claims of the sample and a fresh jti each."""
    key = serialization.load_pem_private_key(_signer["pem"], None)
    head, claims = _signer["head"], dict(_signer["claims"])
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    made = []
    for _ in range(count):
        claims["jti"] = b64(os.urandom(16)).decode()
        text = head + b"." + b64(json.dumps(claims, separators=(",", ":")).encode())
        made.append((text + b"." + b64(key.sign(text, scheme, digest))).decode())
    return made


class Signer:
    """An RS256 key, uploaded to the manager beside the signing one, and the claims that the gateway itself gives to a client."""

    def __init__(self, gateway, client, path):
        key = rsa.generate_private_key(65537, 2048)
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        before = {k["kid"] for k in gateway.manage("GET", "/environments/production/keys/")["resultList"]}
        gateway.manage("POST", "/environments/production/keys/upload", {"algorithm": "RS256", "privateKey": pem.decode(), "activateNow": False})
        after = {k["kid"] for k in gateway.manage("GET", "/environments/production/keys/")["resultList"]}
        kid, = after - before
        sample = gateway.token(client, "/auth/jwt")
        self.state = {"pem": pem, "claims": jwt_part(sample, 1),
                      "head": b64(json.dumps(dict(jwt_part(sample, 0), kid=kid), separators=(",", ":")).encode())}
        first = self.make(1)[0]
        wait_for(lambda: gateway.get(path, token=first).status_code == 200, 10, "the uploaded key verifies")

    def make(self, count):
        _signer.update(self.state)
        cores = os.cpu_count() or 1
        chunk = max(1, min(1000, count // cores))
        counts = [chunk] * (count // chunk) + ([count % chunk] if count % chunk else [])
        if count < 50:
            return _sign(count)
        with concurrent.futures.ProcessPoolExecutor(cores, multiprocessing.get_context("fork")) as pool:
            return [token for part in pool.map(_sign, counts) for token in part]


def write_lines(path, tokens):
    with open(path, "w") as f:
        f.writelines(token + "\n" for token in tokens)
    return path


# ---- verification ----

def public_keys(gateway):
    """kid -> public key, from the gateway's JWKS."""
    found = {}
    for jwk in gateway.get("/auth/.well-known/jwks.json").json()["keys"]:
        number = {name: int.from_bytes(unb64(jwk[name]), "big") for name in ("n", "e", "x", "y") if name in jwk}
        if jwk["kty"] == "RSA":
            found[jwk["kid"]] = rsa.RSAPublicNumbers(number["e"], number["n"]).public_key()
        elif jwk["kty"] == "EC" and jwk["crv"] == "P-256":
            found[jwk["kid"]] = ec.EllipticCurvePublicNumbers(number["x"], number["y"], ec.SECP256R1()).public_key()
    return found


def verifies(token, keys):
    """Whether a JWT is signed by one of the keys, with the algorithm of that key, and not expired."""
    text, _, signature = token.rpartition(".")
    head, claims, signature = jwt_part(token, 0), jwt_part(token, 1), unb64(signature)
    key = keys.get(head["kid"])
    try:
        if isinstance(key, rsa.RSAPublicKey) and head["alg"] == "RS256":
            key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey) and head["alg"] == "ES256" and len(signature) == 64:
            r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            key.verify(utils.encode_dss_signature(r, s), text.encode(), ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return claims["exp"] > time.time()


def check_issued(gateway, tokens, sample=200):
    """Problems with issued JWTs: repetitions among all, bad signatures in a sample."""
    problems = []
    if len(set(tokens)) != len(tokens) or len({jwt_part(t, 1)["jti"] for t in tokens}) != len(tokens):
        problems.append("tokens repeat")
    keys = public_keys(gateway)
    step = max(1, len(tokens) // sample)
    bad = sum(not verifies(token, keys) for token in tokens[::step])
    if bad or not tokens:
        problems.append(f"{bad} of {len(tokens[::step])} issued tokens do not verify through the JWKS")
    return problems
