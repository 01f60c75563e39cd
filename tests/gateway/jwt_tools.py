"""JSON Web Tokens made and checked by python's cryptography: a second opinion on ours, and the attacker's workshop."""

import base64
import hashlib
import hmac
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
CURVES = {"ES256": ("P-256", ec.SECP256R1, 32), "ES384": ("P-384", ec.SECP384R1, 48), "ES512": ("P-521", ec.SECP521R1, 66)}


def b64u(data):
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def part(token, i):
    return json.loads(unb64u(token.split(".")[i]))


def _hash(alg):
    return {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[alg[2:]]()


def _pss(alg):
    return padding.PSS(mgf=padding.MGF1(_hash(alg)), salt_length=_hash(alg).digest_size)


def new_key(alg):
    if alg in CURVES:
        return ec.generate_private_key(CURVES[alg][1]())
    if alg == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def signature(alg, key, data):
    if alg.startswith("RS"):
        return key.sign(data, padding.PKCS1v15(), _hash(alg))
    if alg.startswith("PS"):
        return key.sign(data, _pss(alg), _hash(alg))
    if alg in CURVES:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(_hash(alg))))
        n = CURVES[alg][2]
        return r.to_bytes(n, "big") + s.to_bytes(n, "big")
    if alg.startswith("HS"):
        return hmac.new(key, data, {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}[alg[2:]]).digest()
    return key.sign(data)


def make(header, claims, key, alg=None):
    """header and claims as objects, or as JSON text of one's own; alg: how it is really signed."""
    as_text = [v if isinstance(v, str) else json.dumps(v, separators=(",", ":")) for v in (header, claims)]
    data = ".".join(b64u(v) for v in as_text)
    return data + "." + b64u(signature(alg or header["alg"], key, data.encode()))


def public_numbers(jwk):
    return {k: int.from_bytes(unb64u(jwk[k]), "big") for k in ("n", "e", "x", "y") if k in jwk and jwk["kty"] != "OKP"}


def public_key(jwk):
    """The key of a JWK, which must say what its kind needs and nothing private."""
    assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & set(jwk), "a private member"
    numbers = public_numbers(jwk)
    if jwk["kty"] == "RSA":
        return rsa.RSAPublicNumbers(numbers["e"], numbers["n"]).public_key()
    if jwk["kty"] == "EC":
        curve = {name: make for name, make, _ in CURVES.values()}[jwk["crv"]]
        return ec.EllipticCurvePublicNumbers(numbers["x"], numbers["y"], curve()).public_key()
    assert (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519")
    return ed25519.Ed25519PublicKey.from_public_bytes(unb64u(jwk["x"]))


def verify(token, jwks):
    """The claims, if the signature is that of the key that the header names."""
    header = part(token, 0)
    jwk, = [k for k in jwks["keys"] if k["kid"] == header["kid"]]
    alg, key = jwk["alg"], public_key(jwk)
    assert header["alg"] == alg
    data, sig = token.rsplit(".", 1)
    data, sig = data.encode(), unb64u(sig)
    try:
        if alg.startswith("RS"):
            key.verify(sig, data, padding.PKCS1v15(), _hash(alg))
        elif alg.startswith("PS"):
            key.verify(sig, data, _pss(alg), _hash(alg))
        elif alg in CURVES:
            n = CURVES[alg][2]
            assert len(sig) == 2 * n
            key.verify(encode_dss_signature(int.from_bytes(sig[:n], "big"), int.from_bytes(sig[n:], "big")), data, ec.ECDSA(_hash(alg)))
        else:
            key.verify(sig, data)
    except InvalidSignature:
        raise AssertionError("the signature is not good") from None
    return part(token, 1)
