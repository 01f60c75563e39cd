"""Attacks through the real gateway, each named after the hole that it would go through."""

import base64
import hashlib
import itertools
import json
import os
import re
import socket
import time
import urllib.parse

import jwt_tools as jwt
import pytest
from cryptography.hazmat.primitives import serialization
from harness import ADMIN_PASSWORD, Backend, Planes, free_port, raw, wait_for

EVIL = {alg: jwt.new_key(alg) for alg in ("RS256", "ES256", "EdDSA")}


class World:
    """A gateway whose signing keys we know, since we uploaded them: so a test can sign what it likes, and well."""

    def __init__(self, planes):
        self.planes = planes
        planes.no_failure_limits()
        self.backend = Backend()
        self.mine = {alg: jwt.new_key(alg) for alg in ("RS256", "ES256")}
        self.kid = {}
        for alg, key in self.mine.items():
            answer = planes.manage("POST", "/environments/production/keys/upload/",
                                   {"algorithm": alg, "privateKey": jwt.pem(key), "activateNow": True})
            self.kid[alg] = answer["result"]["kid"]
        planes.proxy("open", self.backend.url)
        self.client = planes.proxy("orders", self.backend.url, policy="jwt", addUserToHeader=True)
        self.other = planes.proxy("other", self.backend.url, policy="jwt")
        self.ec = planes.proxy("ec", self.backend.url, policy="jwt", jwtSignatureAlgorithm="ES256")
        self.opaque = planes.proxy("reports", self.backend.url, policy="opaque")
        self.opaque2 = planes.proxy("reports2", self.backend.url, policy="opaque")
        self.genuine = planes.token(self.client)
        self.header, self.claims = jwt.part(self.genuine, 0), jwt.part(self.genuine, 1)
        assert self.header["kid"] == self.kid["RS256"]
        self.jwk = {k["kid"]: k for k in planes.get("/auth/.well-known/jwks.json").json()["keys"]}

    def sign(self, header=None, claims=None, key=None, alg=None, drop=()):
        """The genuine token with these changes, signed with the gateway's own key unless another is given."""
        merged = {**self.header, **(header or {})} if not isinstance(header, str) else header
        body = {k: v for k, v in {**self.claims, **(claims or {})}.items() if k not in drop} if not isinstance(claims, str) else claims
        return jwt.make(merged, body, key or self.mine["RS256"], alg or "RS256")

    def call(self, token, path="/orders/x", fields=()):
        """The answer, and what the backend got."""
        seen = len(self.backend.requests)
        token = token.encode() if isinstance(token, str) else token
        lines = [b"GET " + path.encode() + b" HTTP/1.1", b"Host: gateway"] + ([b"Authorization: Bearer " + token] if token is not None else [])
        reply = raw(self.planes.gateway_port, b"\r\n".join(lines + list(fields)) + b"\r\n\r\n")
        return reply, self.backend.requests[seen:]

    def accepted(self, token, path="/orders/x"):
        reply, got = self.call(token, path)
        assert reply.status == 200 and len(got) == 1, (reply.raw_head, reply.body)
        return got[0][0]

    def refused(self, token, path="/orders/x"):
        for _ in range(2):  # by the proof, and by what the cache remembers of it
            reply, got = self.call(token, path)
            assert got == [] and reply.status == 401, (reply.raw_head, got)
            assert reply.get("WWW-Authenticate")[0].startswith(b'Bearer error="invalid_token"')
            assert json.loads(reply.body)["error"] == "invalid_token"

    def post(self, body, fields=(), path=b"/auth/token", basic=None):
        lines = [b"POST " + path + b" HTTP/1.1", b"Host: gateway"]
        if basic:
            lines.append(b"Authorization: Basic " + base64.b64encode(":".join(basic).encode()))
        if not any(f.lower().startswith(b"content-type:") for f in fields):
            lines.append(b"Content-Type: application/x-www-form-urlencoded")
        if not any(f.lower().startswith((b"content-length:", b"transfer-encoding:")) for f in fields):
            lines.append(b"Content-Length: %d" % len(body))
        return raw(self.planes.gateway_port, b"\r\n".join(lines + list(fields)) + b"\r\n\r\n" + body)


@pytest.fixture(scope="module")
def world():
    with Planes(workers=1) as planes:
        w = World(planes)
        yield w
        w.backend.close()


def test_control_a_token_that_we_sign_ourselves_is_accepted(world):
    """Or every refusal below would prove nothing."""
    head = world.accepted(world.genuine)
    assert b"\r\nX-Authenticated-UserId: " + world.client[0].encode() in head
    world.accepted(world.sign())
    world.accepted(world.sign(claims={"jti": "A" * 22, "exp": int(time.time()) + 60}))
    world.accepted(world.sign(header={"typ": "application/at+jwt"}))
    world.accepted(world.sign(drop=["exp"]))
    world.accepted(world.sign(claims={"nbf": int(time.time()) - 5}))
    world.accepted(world.sign(claims={"exp": time.time() + 60.5}))


# ---- the signature ----

@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "none ", " none"])
@pytest.mark.parametrize("sig", ["", "AA", "kept"])
def test_alg_none(world, alg, sig):
    head, claims, good = world.genuine.split(".")
    header = jwt.b64u(json.dumps({**world.header, "alg": alg}))
    world.refused(f"{header}.{claims}.{good if sig == 'kept' else sig}")
    world.refused(f"{header}.{claims}")


def public_spellings(world):
    """Everything that a careless verifier might take as the HMAC key when it is handed an RSA public key."""
    public = world.mine["RS256"].public_key()
    jwk = world.jwk[world.kid["RS256"]]
    numbers = public.public_numbers()
    n = numbers.n.to_bytes(256, "big")
    spki, pkcs1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1
    pem = public.public_bytes(serialization.Encoding.PEM, spki)
    return {
        "modulus": n, "modulus-base64url": jwk["n"].encode(), "modulus-hex": n.hex().encode(), "modulus-signed": b"\0" + n,
        "pem": pem, "pem-stripped": pem.strip(), "pem-crlf": pem.replace(b"\n", b"\r\n"),
        "pem-pkcs1": public.public_bytes(serialization.Encoding.PEM, pkcs1),
        "der": public.public_bytes(serialization.Encoding.DER, spki), "der-pkcs1": public.public_bytes(serialization.Encoding.DER, pkcs1),
        "jwk": json.dumps(jwk).encode(), "jwk-compact": json.dumps(jwk, separators=(",", ":")).encode(),
        "kid": jwk["kid"].encode(), "empty": b"", "zeros": bytes(32),
    }


@pytest.mark.parametrize("spelling", ["modulus", "modulus-base64url", "modulus-hex", "modulus-signed", "pem", "pem-stripped", "pem-crlf",
                                      "pem-pkcs1", "der", "der-pkcs1", "jwk", "jwk-compact", "kid", "empty", "zeros"])
def test_alg_confusion_hs256_with_the_public_key(world, spelling):
    key = public_spellings(world)[spelling]
    for alg in ("HS256", "HS384", "HS512"):
        world.refused(jwt.make({**world.header, "alg": alg}, world.claims, key))
    world.refused(jwt.make(world.header, world.claims, key, "HS256"))  # and with RS256 written in the header


@pytest.mark.parametrize("said, done", [("RS384", "RS384"), ("RS512", "RS512"), ("PS256", "PS256"), ("RS256", "PS256"), ("PS256", "RS256"),
                                        ("RS384", "RS256"), ("rs256", "RS256"), ("RS256 ", "RS256"), ("", "RS256"), ("ES256", "RS256")])
def test_alg_confusion_with_the_right_key(world, said, done):
    """The key pins its algorithm; what the header says cannot choose another."""
    world.refused(jwt.make({**world.header, "alg": said}, world.claims, world.mine["RS256"], done))


def test_alg_missing_or_no_string(world):
    for alg in (None, 256, ["RS256"], {"RS256": 1}, True):
        world.refused(world.sign(header={"alg": alg}, alg="RS256"))
    world.refused(world.sign(header=json.dumps({k: v for k, v in world.header.items() if k != "alg"})))


def jwk_of(key):
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "alg": "RS256", "use": "sig", "n": jwt.b64u(numbers.n.to_bytes(256, "big")), "e": "AQAB"}


def test_jwk_header_with_the_attackers_key(world):
    jwk = jwk_of(EVIL["RS256"])
    for kid in (world.kid["RS256"], "mine", None):
        header = {"jwk": {**jwk, "kid": kid} if kid else jwk, "kid": kid}
        if kid is None:
            header = json.dumps({"alg": "RS256", "typ": "at+jwt", "jwk": jwk})
        world.refused(world.sign(header=header, key=EVIL["RS256"]))
    world.accepted(world.sign(header={"jwk": jwk}))  # ignored: the gateway's own key counts


@pytest.mark.parametrize("name", ["jku", "x5u"])
def test_jku_header_with_the_attackers_keys(world, name):
    """Neither believed nor fetched."""
    evil = Backend(json.dumps({"keys": [{**jwk_of(EVIL["RS256"]), "kid": "evil"}]}).join(
        ["HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n", ""]).encode())
    try:
        for kid in ("evil", world.kid["RS256"]):
            world.refused(world.sign(header={name: evil.url + "/jwks.json", "kid": kid}, key=EVIL["RS256"]))
        assert evil.connections == 0
    finally:
        evil.close()


def test_x5c_header_with_the_attackers_certificate(world):
    der = EVIL["RS256"].public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    world.refused(world.sign(header={"x5c": [base64.b64encode(der).decode()], "x5t#S256": "AA"}, key=EVIL["RS256"]))


def test_wrong_kid(world):
    for kid in ("unknown", "", world.kid["RS256"] + "x", world.kid["RS256"][:-1], world.kid["ES256"], world.kid["RS256"].lower() + "A", "../../master.key",
                "/dev/null", "' OR 1=1 --", "k" * 5000, "\u0000", world.kid["RS256"] + "\u0000", None, 1, [world.kid["RS256"]]):
        world.refused(world.sign(header={"kid": kid}))
    world.refused(world.sign(header=json.dumps({k: v for k, v in world.header.items() if k != "kid"})))


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_signed_with_the_attackers_key_under_our_kid(world, alg):
    for kid in world.kid.values():
        world.refused(world.sign(header={"alg": alg, "kid": kid}, key=EVIL[alg], alg=alg))


def test_es256_signatures_that_are_none(world):
    """r = s = 0 (CVE-2022-21449), r or s above the order, ASN.1 instead of two numbers, and the token's own with a changed byte."""
    path = "/ec/x"
    good = world.planes.token(world.ec)
    world.accepted(good, path)
    data, sig = good.rsplit(".", 1)
    raw_sig = jwt.unb64u(sig)
    order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
    n = order.to_bytes(32, "big")
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    asn1 = encode_dss_signature(int.from_bytes(raw_sig[:32], "big"), int.from_bytes(raw_sig[32:], "big"))
    for bad in (bytes(64), bytes(32) + raw_sig[32:], raw_sig[:32] + bytes(32), n + n, raw_sig[:32] + n, bytes([255]) * 64, asn1, b"", raw_sig[:63],
                raw_sig + b"\0", b"\0" + raw_sig, raw_sig[32:] + raw_sig[:32], raw_sig[:63] + bytes([raw_sig[63] ^ 1])):
        world.refused(data + "." + jwt.b64u(bad), path)
    assert jwt.make(jwt.part(good, 0), jwt.part(good, 1), world.mine["ES256"])
    world.accepted(jwt.make(jwt.part(good, 0), jwt.part(good, 1), world.mine["ES256"]), path)


def test_rs256_signatures_that_are_none(world):
    data, sig = world.genuine.rsplit(".", 1)
    good = jwt.unb64u(sig)
    n = world.mine["RS256"].public_key().public_numbers().n
    for bad in (b"", bytes(256), b"\0" * 255 + b"\1", n.to_bytes(256, "big"), good[:255], good + b"\0", b"\0" + good, good[::-1],
                (int.from_bytes(good, "big") ^ 1).to_bytes(256, "big"), bytes([255]) * 256):
        world.refused(data + "." + jwt.b64u(bad))


def test_changed_after_signing(world):
    head, claims, sig = world.genuine.split(".")
    changed = {**world.claims, "exp": world.claims["exp"] + 3600}
    world.refused(f"{head}.{jwt.b64u(json.dumps(changed, separators=(',', ':')))}.{sig}")
    reordered = dict(reversed(list(world.header.items())))
    world.refused(f"{jwt.b64u(json.dumps(reordered, separators=(',', ':')))}.{claims}.{sig}")


def test_other_spellings_of_a_good_token(world):
    """One token, one spelling: unused bits, padding, the other alphabet, blanks, more parts."""
    head, claims, sig = world.genuine.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(sig[-1]) ^ 1]  # 2048 bits leave four unused
    for token in (f"{head}.{claims}.{sig[:-1]}{last}", world.genuine + "=", world.genuine + "==", f"{head}.{claims}.{sig}.", f"{head}.{claims}.{sig}.AA",
                  f".{head}.{claims}.{sig}", f"{head}..{sig}", f"..{sig}", "..", ".", f"{head}.{claims}", head,
                  f"{head}.{claims}.{sig.replace('-', '+').replace('_', '/')}~", f"{head}=.{claims}.{sig}"):
        world.refused(token)


def test_jwe_and_json_serialisation(world):
    head, claims, sig = world.genuine.split(".")
    as_json = json.dumps({"payload": claims, "signatures": [{"protected": head, "signature": sig}]}, separators=(",", ":"))
    world.refused(jwt.b64u(as_json))
    world.refused(f"{head}.{claims}.{claims}.{claims}.{sig}")
    reply, got = world.call(as_json)
    assert got == [] and reply.status in (400, 401)


@pytest.mark.parametrize("member", ['"alg":"none"', '"alg":"RS256"', '"kid":"evil"', '"typ":"JWT"'])
def test_members_twice_in_the_header(world, member):
    """Parsers that take the first and parsers that take the last must not meet."""
    text = json.dumps(world.header, separators=(",", ":"))
    world.refused(world.sign(header=text[:-1] + "," + member + "}"))
    world.refused(world.sign(header="{" + member + "," + text[1:]))


# ---- the claims, correctly signed ----

def now():
    return int(time.time())


WRONG_CLAIMS = {
    "aud-other-client": {"aud": "OTHER"}, "aud-and-client-of-nobody": {"aud": "tgc_nobody", "client_id": "tgc_nobody", "sub": "tgc_nobody"},
    "aud-list": {"aud": ["CLIENT"]}, "aud-list-of-two": {"aud": ["CLIENT", "OTHER"]}, "aud-empty": {"aud": ""}, "aud-null": {"aud": None},
    "aud-number": {"aud": 1}, "aud-prefix": {"aud": "CLIENT-x"}, "client-other": {"client_id": "OTHER"}, "client-empty": {"client_id": ""},
    "sub-empty": {"sub": ""}, "sub-number": {"sub": 1}, "sub-line": {"sub": "a\r\nX-Evil: 1"}, "sub-nul": {"sub": "a\u0000b"},
    "sub-blank": {"sub": " admin"}, "sub-too-long": {"sub": "s" * 2000},
    "iss-credential": {"iss": "http://gateway/credential"}, "iss-other-path": {"iss": "http://gateway/auth/x"}, "iss-slash": {"iss": "http://gateway/auth/"},
    "iss-deeper": {"iss": "http://gateway/x/auth"}, "iss-no-host": {"iss": "http:///auth"}, "iss-path-alone": {"iss": "/auth"}, "iss-empty": {"iss": ""},
    "iss-number": {"iss": 1}, "iss-list": {"iss": ["http://gateway/auth"]}, "iss-no-path": {"iss": "http://gateway"},
    "iss-query": {"iss": "http://gateway?/auth"}, "iss-fragment": {"iss": "http://gateway#/auth"}, "iss-user": {"iss": "http://a@gateway/auth"},
    "iss-scheme": {"iss": "ftp://gateway/auth"}, "iss-case": {"iss": "http://gateway/AUTH"},
    "exp-now": {"exp": "NOW"}, "exp-past": {"exp": 1}, "exp-zero": {"exp": 0}, "exp-minus-zero": {"exp": -0.0}, "exp-minus": {"exp": -1},
    "exp-string": {"exp": "9999999999"}, "exp-1e300": {"exp": 1e300}, "exp-1e308": {"exp": 1.7e308}, "exp-minus-1e300": {"exp": -1e300},
    "exp-2^63": {"exp": 2**63}, "exp-2^64": {"exp": 2**64}, "exp-null": {"exp": None}, "exp-true": {"exp": True}, "exp-list": {"exp": [9999999999]},
    "exp-object": {"exp": {}}, "exp-tiny": {"exp": 1e-300},
    "nbf-soon": {"nbf": "SOON"}, "nbf-string": {"nbf": "0"}, "nbf-1e300": {"nbf": 1e300}, "nbf-null": {"nbf": None}, "nbf-true": {"nbf": True},
    "iat-string": {"iat": "0"}, "iat-1e300": {"iat": 1e300}, "iat-minus": {"iat": -1},
    "gen-wrong": {"tg_gen": "0000000000000001"}, "gen-zero": {"tg_gen": "0000000000000000"}, "gen-empty": {"tg_gen": ""}, "gen-number": {"tg_gen": 1},
    "gen-null": {"tg_gen": None}, "gen-short": {"tg_gen": "1"}, "gen-list": {"tg_gen": []},
    "scope-list": {"scope": ["a"]},
}


@pytest.mark.parametrize("case", list(WRONG_CLAIMS))
def test_correctly_signed_with_a_wrong_claim(world, case):
    claims = {}
    for name, value in WRONG_CLAIMS[case].items():
        as_list = value if isinstance(value, list) else [value]
        filled = [v.replace("CLIENT", world.client[0]).replace("OTHER", world.other[0]) if isinstance(v, str) else v for v in as_list]
        filled = [{"NOW": now(), "SOON": now() + 600}.get(v, v) if isinstance(v, str) else v for v in filled]
        claims[name] = filled if isinstance(value, list) else filled[0]
    world.refused(world.sign(claims=claims))


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "iat", "jti", "client_id", "tg_gen"])
def test_correctly_signed_with_a_missing_claim(world, name):
    world.refused(world.sign(drop=[name]))


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "01", "9" * 400, "0x7fffffff", "1e", "٣"])
def test_correctly_signed_with_an_exp_that_is_no_number(world, literal):
    world.refused(world.sign(claims=re.sub(r'"exp":\d+', f'"exp":{literal}', json.dumps(world.claims, separators=(",", ":")))))


@pytest.mark.parametrize("claims", ["[]", "null", "1", '"x"', "", "{", "{}", "\ufeff{}", "[" * 3000, '{"a":' * 50 + "1" + "}" * 50])
def test_correctly_signed_claims_that_are_no_object(world, claims):
    world.refused(world.sign(claims=claims))


@pytest.mark.parametrize("member", ['"exp":99999999999', '"aud":"x"', '"tg_gen":"0000000000000000"', '"iss":"http://gateway/auth"'])
def test_correctly_signed_with_a_claim_twice(world, member):
    text = json.dumps(world.claims, separators=(",", ":"))
    world.refused(world.sign(claims=text[:-1] + "," + member + "}"))
    world.refused(world.sign(claims="{" + member + "," + text[1:]))


@pytest.mark.parametrize("typ", ["JWT", "rt+jwt", "jwt", "at+jwt ", "at", "", None, 1, "application/jwt", "application/rt+jwt", "x/at+jwt"])
def test_correctly_signed_with_a_wrong_typ(world, typ):
    world.refused(world.sign(header={"typ": typ}))


def test_correctly_signed_without_typ(world):
    world.refused(world.sign(header=json.dumps({k: v for k, v in world.header.items() if k != "typ"})))


@pytest.mark.parametrize("extension", [{"crit": ["exp"]}, {"crit": ["evil"], "evil": 1}, {"crit": []}, {"crit": "alg"}, {"crit": None}, {"crit": ["b64"], "b64": True},
                                       {"crit": ["b64"], "b64": False}, {"b64": False}])
def test_correctly_signed_with_an_unknown_crit(world, extension):
    world.refused(world.sign(header=extension))


def test_the_other_proxys_token(world):
    """Both ways, JWT and opaque, and one kind at the other kind's proxy."""
    jwt_other, opaque, opaque2 = world.planes.token(world.other), world.planes.token(world.opaque), world.planes.token(world.opaque2)
    for token, path in ((jwt_other, "/other/x"), (opaque, "/reports/x"), (opaque2, "/reports2/x")):
        world.accepted(token, path)
    for token, path in ((world.genuine, "/other/x"), (jwt_other, "/orders/x"), (opaque, "/reports2/x"), (opaque2, "/reports/x"), (opaque, "/orders/x"),
                        (world.genuine, "/reports/x"), (world.genuine, "/ec/x")):
        world.refused(token, path)


def test_the_token_of_another_key_with_this_proxys_names(world):
    """Signed by the environment, for another proxy's generation."""
    other = jwt.part(world.planes.token(world.other), 1)
    world.refused(world.sign(claims={"tg_gen": other["tg_gen"]}))
    world.refused(world.sign(claims={"client_id": world.other[0], "aud": world.other[0]}), "/other/x")


def test_the_other_environments_token(world, own_planes):
    """The same proxies, deployed in two environments over one store."""
    planes = world.planes
    planes.manage("POST", "/environments/", {"name": "test"})
    test = own_planes(command="gateway", workers=1, options=["--environment", "test", "--store", f"sqlite:{planes.data}",
                                                             "--master-key-file", os.path.join(planes.data, "master.key")])
    for name in ("orders", "reports"):
        planes.deploy(name, environment="test")
    for client, path in ((world.client, "/orders/x"), (world.opaque, "/reports/x")):
        here, there = planes.token(client), test.token(client)
        world.accepted(here, path)
        world.refused(there, path)
        assert test.get(path, there).status_code == 200
        assert test.get(path, here).status_code == 401
    assert jwt.part(planes.token(world.client), 0)["kid"] != jwt.part(test.token(world.client), 0)["kid"]
    forged = world.sign(header={"kid": jwt.part(test.token(world.client), 0)["kid"]})
    world.refused(forged)
    assert test.get("/orders/x", forged).status_code == 401


@pytest.mark.parametrize("change", ["", "x", "prefix", "version", "bucket", "random", "refresh", "case", "padding", "cut", "twice", "quoted"])
def test_opaque_tokens_that_nobody_issued(world, change):
    good = world.planes.token(world.opaque)
    world.accepted(good, "/reports/x")
    body = bytearray(jwt.unb64u(good[4:]))
    if change == "version":
        body[0] ^= 0x10
    if change == "bucket":
        body[3] ^= 1
    if change == "random":
        body[35] ^= 1
    bad = {"": "tga_", "x": "x", "prefix": good[4:], "refresh": "tgr_" + good[4:], "case": "TGA_" + good[4:], "padding": good + "=", "cut": good[:-1],
           "twice": good + good}.get(change, "tga_" + jwt.b64u(bytes(body)))
    if change == "quoted":
        reply, got = world.call(f'"{good}"', "/reports/x")
        assert got == [] and reply.status == 401
    else:
        world.refused(bad, "/reports/x")


# ---- how the token arrives ----

def test_two_tokens_at_once(world):
    good = b"Authorization: Bearer " + world.genuine.encode()
    for fields in ([good, good], [good, b"Authorization: Bearer x"], [b"Authorization: Bearer x", good], [b"Authorization: Basic eDp5", good],
                   [good, b"authorization: Basic eDp5"], [good + b", Bearer x"], [good + b"," + good[15:]]):
        seen = len(world.backend.requests)
        reply = raw(world.planes.gateway_port, b"\r\n".join([b"GET /orders/x HTTP/1.1", b"Host: gateway"] + fields) + b"\r\n\r\n")
        assert reply.status == 400 and len(world.backend.requests) == seen, fields
        assert reply.get("Content-Type") == [b"application/json"]


def test_token_in_the_wrong_place(world):
    """Another scheme, another header, the query, the body, a cookie: no token."""
    token = world.genuine.encode()
    for target, fields in ((b"/orders/x", [b"Authorization: " + token]), (b"/orders/x", [b"Authorization: Basic " + token]),
                           (b"/orders/x", [b"Authorization: Bearer" + token]), (b"/orders/x", [b"Authorization: JWT " + token]),
                           (b"/orders/x", [b"Proxy-Authorization: Bearer " + token]), (b"/orders/x", [b"X-Authorization: Bearer " + token]),
                           (b"/orders/x", [b"Cookie: access_token=" + token]), (b"/orders/x", [b"Authorization:"]), (b"/orders/x", [b"Authorization: Bearer"]),
                           (b"/orders/x?access_token=" + token, []), (b"/orders/x?Authorization=Bearer%20" + token, []),
                           (b"/orders/x", [b"Authorization_: Bearer " + token])):
        seen = len(world.backend.requests)
        reply = raw(world.planes.gateway_port, b"\r\n".join([b"GET " + target + b" HTTP/1.1", b"Host: gateway"] + fields) + b"\r\n\r\n")
        assert reply.status == 401 and len(world.backend.requests) == seen, fields
    form = b"access_token=" + token
    reply = raw(world.planes.gateway_port, b"POST /orders/x HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                b"Content-Length: %d\r\n\r\n" % len(form) + form)
    assert reply.status == 401 and len(world.backend.requests) == seen


def test_a_token_as_large_as_the_gateway_reads(world):
    world.refused("a" * 15000)
    world.refused(jwt.b64u(json.dumps({**world.header, "x": "y" * 9000})) + ".e30.AA")
    reply, got = world.call("a" * 20000)
    assert reply.status == 400 and got == []


def test_spoofed_identity_headers_with_a_good_token(world):
    evil = [b"X-Authenticated-UserId: admin", b"x-authenticated-userid: admin", b"X_Authenticated_UserId: admin", b"X-Authenticated-UserRoles: root",
            b"Connection: X-Authenticated-UserId"]
    for fields in [[e] for e in evil] + [evil, evil[::-1]]:
        reply, got = world.call(world.genuine, fields=fields)
        assert reply.status == 200
        users = [line for line in got[0][0].split(b"\r\n") if re.match(rb"(?i)x.authenticated", line)]
        assert users == [b"X-Authenticated-UserId: " + world.client[0].encode()], fields


def test_spoofed_identity_headers_where_the_policy_adds_none(world):
    for token, path in ((None, "/open/x"), (world.planes.token(world.other), "/other/x")):
        reply, got = world.call(token, path, [b"X-Authenticated-UserId: admin", b"x-AUTHENTICATED-userroles: root", b"X_Authenticated_UserId: admin"])
        assert reply.status == 200 and b"uthenticated" not in got[0][0] and b"admin" not in got[0][0]


def test_spoofed_identity_headers_of_ones_own_names(world):
    client = world.planes.proxy("named", world.backend.url, policy="jwt", addUserToHeader=True, userHeaderName="X-Who", rolesHeaderName="X-May")
    token = world.planes.token(client)
    reply, got = world.call(token, "/named/x", [b"X-Who: admin", b"x-WHO: admin", b"X_Who: admin", b"X-May: all", b"X.Who: admin",
                                                b"X-Authenticated-UserId: admin", b"Connection: x-who"])
    assert reply.status == 200
    assert [line for line in got[0][0].split(b"\r\n") if re.match(rb"(?i)x.(who|may|auth)", line)] == [b"X-Who: " + client[0].encode()]


# ---- the path ----

class Paths:
    """An open proxy for everything and a protected one below /shut, each with its own backend and with paths as they come."""

    def __init__(self, planes):
        self.planes = planes
        self.public, self.secret, self.based = Backend(), Backend(), Backend()
        planes.project()
        self.port = planes.gateway_port
        for name, route, backend, base in (("everything", "/", self.public, ""), ("shut", "/shut", self.secret, ""), ("based", "/based", self.based, "/app")):
            planes.manage("POST", "/projects/shop/apiProxies/url/", {
                "apiProxyName": name, "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": {"relativePathList": [route], "stripPath": name == "based"},
                "routingInfo": {"routingAddressList": [{"address": backend.url + base}]}})
            if name == "shut":
                planes.policy("shut", "jwt")
            planes.deploy(name)

    def close(self):
        for backend in (self.public, self.secret, self.based):
            backend.close()


@pytest.fixture(scope="module")
def paths():
    with Planes(workers=1) as planes:
        p = Paths(planes)
        yield p
        p.close()


def resolved(target, parameters=False, backslash=False):
    """The path as a backend may understand it: decoded, slashes and dots taken away; some servers cut ';...' off each segment, and some
    take '\\' for '/'."""
    path = urllib.parse.unquote_to_bytes(target.split(b"?")[0])
    path = path.replace(b"\\", b"/") if backslash else path
    out = []
    for segment in path.split(b"/"):
        segment = segment.split(b";")[0] if parameters else segment
        if segment == b"..":
            out = out[:-1]
        elif segment not in (b"", b"."):
            out.append(segment)
    return out


def hostile_paths(name):
    escaped = "".join(f"%{ord(c):02x}" for c in name)
    before = ["/", "//", "///", "/./", "/x/../", "/%2e/", "/x/%2e%2e/", "/x/.%2E/", "/x/%2e./", "%2f", "/%2f", "%2F%2f", "/.//", "/x/..//", "/x/%2e%2e%2f", "/x//../",
              "/x/y/../../", "/;/", "/;x=1/", "/x/..;/", "/x/..;a=b/", "/.;/", "/x/%2e%2e%3b/", "\\", "/\\", "%5c", "/x\\..\\", "/x/..\\", "/x/..%5c", "/x%5c..%5c",
              "/%252e%252e/", "/%252f", "/%c0%af", "/x/%c0%ae%c0%ae/"]
    middle = [name, escaped, f"%{ord(name[0]):02X}{name[1:]}", name.upper(), name + ";x", name + "%3bx", name + ".", name + "%20", name + "%23", name + "%3f", name + "%2500",
              name + "%ff"]
    after = ["", "/", "//", "/a", "/./a", "//a", "%2fa", "/x/../a", "/x/%2e%2e/a", f"/../{name}/a", f"/%2e%2e/{name}/a", ";/a", "/;/a", "?a", f"/..;/{name}", "\\a", "%5ca"]
    return [(b + m + a).encode() for b, m, a in itertools.product(before, middle, after)]


class Pipe:
    """Many requests over one connection."""

    def __init__(self, port):
        self.port = port
        self.socket = None

    def get(self, target):
        for _ in range(2):
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=20)
                self.file = self.socket.makefile("rb")
            self.socket.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: gateway\r\n\r\n")
            line = self.file.readline()
            if line:
                break
            self.close()
        length, closing = 0, False
        while (field := self.file.readline()) not in (b"\r\n", b""):
            name, value = field.lower().split(b":", 1)
            length = int(value) if name == b"content-length" else length
            closing = closing or (name == b"connection" and b"close" in value)
        self.file.read(length)
        if closing:
            self.close()
        return int(line.split()[1])

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None


READINGS = {"rfc3986": {}, "path-parameters-cut": {"parameters": True}, "backslash-as-slash": {"backslash": True}, "both": {"parameters": True, "backslash": True}}


@pytest.fixture(scope="module")
def walked(paths):
    """Every hostile path once, without a token: (path, status, target that the open backend got or None)."""
    pipe, rows = Pipe(paths.port), []
    for path in hostile_paths("shut"):
        seen = len(paths.public.requests)
        status = pipe.get(path)
        got = [head.split(b" ")[1] for head, _ in paths.public.requests[seen:]]
        rows.append((path, status, got[0] if got else None))
    pipe.close()
    return rows


def test_path_bypass_to_the_protected_backend(paths, walked):
    assert paths.secret.requests == []
    assert {status for _, status, _ in walked} == {200, 400, 401}
    assert sum(status == 401 for _, status, _ in walked) > 500
    assert sum(status == 200 for _, status, _ in walked) > 500


@pytest.mark.parametrize("reading", list(READINGS))
def test_path_bypass_by_way_of_the_open_proxy(walked, reading):
    """What the open proxy forwards is, whichever way its backend reads paths, not the protected part."""
    leaks = [(path, target) for path, _, target in walked if target and resolved(target, **READINGS[reading])[:1] == [b"shut"]]
    assert leaks == []


@pytest.mark.parametrize("reading", list(READINGS))
def test_path_bypass_of_the_base_path(paths, reading):
    """Nobody climbs out of the part of the backend that is published."""
    pipe, leaks = Pipe(paths.port), []
    steps = ["/..", "/%2e%2e", "/.%2e", "/..;", "/..;x", "/%2e%2e%3b", "/..\\..", "/..%5c..", "\\..", "%5c..", "%5C%2e%2e", "/x\\..\\..", "/x/..;/..;", "/./..", "/;/..", "//..", "%2f.."]
    for step, times, tail in itertools.product(steps, (1, 2, 3), ("", "/", "/admin", "\\admin", "%2fadmin", ";/admin")):
        seen = len(paths.based.requests)
        target = b"/based" + (step * times + tail).encode()
        pipe.get(target)
        for head, _ in paths.based.requests[seen:]:
            got = head.split(b" ")[1]
            if resolved(got, **READINGS[reading])[:1] != [b"app"]:
                leaks.append((target, got))
    pipe.close()
    assert leaks == []


# ---- the token endpoint ----

def error(reply, status, name):
    assert reply.status == status, (reply.raw_head, reply.body)
    body = json.loads(reply.body)
    assert set(body) == {"error", "error_description"} and body["error"] == name, body
    assert reply.get("Cache-Control") == [b"no-store"] and reply.get("Pragma") == [b"no-cache"]
    assert reply.get("Content-Type") == [b"application/json"]


GRANT = b"grant_type=client_credentials"


def test_token_body_too_large(world):
    filler = b"&x=" + b"a" * 65536
    error(world.post(GRANT + filler, basic=world.client), 413, "invalid_request")
    fits = b"&x=" + b"a" * (65536 - len(GRANT) - 3)
    assert world.post(GRANT + fits, basic=world.client).status == 200


def chunked(body, size=1000):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def test_token_body_chunked(world):
    te = [b"Transfer-Encoding: chunked"]
    assert world.post(chunked(GRANT, 3), te, basic=world.client).status == 200
    error(world.post(chunked(GRANT + b"&x=" + b"a" * 65536), te, basic=world.client), 413, "invalid_request")
    assert world.post(b"5\r\nabc\r\n0\r\n\r\n", te, basic=world.client).status == 400


def test_token_body_truncated(world):
    """A client that hangs up in the middle of its body gets nothing, and nobody else notices."""
    basic = base64.b64encode(":".join(world.opaque).encode())
    before = world.planes.metrics()
    for framing, body in ((b"Content-Length: 100", GRANT), (b"Transfer-Encoding: chunked", b"40\r\n" + GRANT), (b"Transfer-Encoding: chunked", chunked(GRANT)[:-2])):
        with socket.create_connection(("127.0.0.1", world.planes.gateway_port), timeout=10) as s:
            s.sendall(b"POST /auth/token HTTP/1.1\r\nHost: gateway\r\nAuthorization: Basic " + basic +
                      b"\r\nContent-Type: application/x-www-form-urlencoded\r\n" + framing + b"\r\n\r\n" + body)
            s.shutdown(socket.SHUT_WR)
            assert b"access_token" not in b"".join(iter(lambda: s.recv(65536), b""))
    after = world.planes.metrics()
    issued = [name for name in after if "issued" in name]
    assert issued and all(after[name] == before[name] for name in issued)
    assert world.planes.token(world.opaque)


@pytest.mark.parametrize("body", [GRANT + b"&grant_type=client_credentials", b"grant_type=password&" + GRANT, GRANT + b"&grant%5ftype=client_credentials",
                                  GRANT + b"&scope=a&scope=b", GRANT + b"&x=1&x=1", GRANT + b"&client_id=ID&client_id=ID", GRANT + b"&x&x"], ids=repr)
def test_parameters_repeated_in_the_body(world, body):
    error(world.post(body.replace(b"ID", world.client[0].encode()), basic=world.client), 400, "invalid_request")


def test_parameters_repeated_between_query_and_body(world):
    error(world.post(GRANT, path=b"/auth/token?grant_type=client_credentials", basic=world.client), 400, "invalid_request")
    error(world.post(GRANT, path=b"/auth/token?a=1&a=2", basic=world.client), 400, "invalid_request")


def test_parameters_in_the_query_alone(world):
    client_id, secret = world.client
    query = f"/auth/token?grant_type=client_credentials&client_id={client_id}&client_secret={secret}".encode()
    error(world.post(b"", path=query), 400, "invalid_request")
    error(world.post(b"", path=b"/auth/token?grant_type=client_credentials", basic=world.client), 400, "invalid_request")
    error(world.post(GRANT, path=f"/auth/token?client_secret={secret}".encode(), basic=world.client), 400, "invalid_request")


@pytest.mark.parametrize("body", [b"grant_type", b"grant_type=", b"", b"&", b"=client_credentials", b"grant_type=%63lient_credentials%00", b"grant_type=client_credentials%"])
def test_malformed_body(world, body):
    reply = world.post(body, basic=world.client)
    assert reply.status == 400 and json.loads(reply.body)["error"] in ("invalid_request", "unsupported_grant_type")


@pytest.mark.parametrize("kind", [b"application/json", b"text/plain", b"multipart/form-data; boundary=x", b"application/x-www-form-urlencoded-x", b"", b"x"])
def test_wrong_content_type(world, kind):
    error(world.post(GRANT, [b"Content-Type: " + kind], basic=world.client), 400, "invalid_request")


def test_content_type_with_a_charset_and_in_any_case(world):
    for kind in (b"application/x-www-form-urlencoded; charset=UTF-8", b"Application/X-WWW-Form-Urlencoded;charset=utf-8"):
        assert world.post(GRANT, [b"Content-Type: " + kind], basic=world.client).status == 200


def test_both_client_authentication_methods_at_once(world):
    client_id, secret = (s.encode() for s in world.client)
    error(world.post(GRANT + b"&client_id=" + client_id + b"&client_secret=" + secret, basic=world.client), 400, "invalid_request")
    error(world.post(GRANT + b"&client_secret=" + secret, basic=world.client), 400, "invalid_request")
    error(world.post(GRANT + b"&client_id=" + world.other[0].encode(), basic=world.client), 400, "invalid_request")
    assert world.post(GRANT + b"&client_id=" + client_id, basic=world.client).status == 200  # an equal client_id alone is fine


def test_two_authorization_headers_at_the_token_endpoint(world):
    line = b"Authorization: Basic " + base64.b64encode(":".join(world.client).encode())
    assert world.post(GRANT, [line, line]).status == 400
    assert world.post(GRANT, [b"Authorization: Bearer x", line]).status == 400


def basic_header(text):
    return [b"Authorization: Basic " + base64.b64encode(text if isinstance(text, bytes) else text.encode())]


def failures(world):
    """Every way in which a client authentication can fail, as the fields and body of a request."""
    client_id, secret = world.client
    return {
        "unknown client": (basic_header(f"nobody:{secret}"), GRANT),
        "wrong secret": (basic_header(f"{client_id}:wrong"), GRANT),
        "secret of another": (basic_header(f"{client_id}:{world.other[1]}"), GRANT),
        "one character missing": (basic_header(f"{client_id}:{secret[:-1]}"), GRANT),
        "one character more": (basic_header(f"{client_id}:{secret}x"), GRANT),
        "other case": (basic_header(f"{client_id}:{secret.swapcase()}"), GRANT),
        "no secret": (basic_header(f"{client_id}:"), GRANT),
        "no colon": (basic_header(client_id), GRANT),
        "no base64": ([b"Authorization: Basic !!!"], GRANT),
        "nothing": ([b"Authorization: Basic"], GRANT),
        "nul": (basic_header(f"{client_id}\0:{secret}"), GRANT),
        "in the body, wrong": ([], GRANT + f"&client_id={client_id}&client_secret=wrong".encode()),
        "in the body, unknown": ([], GRANT + b"&client_id=nobody&client_secret=wrong"),
        "in the body, no secret": ([], GRANT + f"&client_id={client_id}".encode()),
        "in the body, a dash": ([], GRANT + f"&client_id={client_id}&client_secret=-".encode()),
        "none at all": ([], GRANT),
        "other scheme": ([b"Authorization: Bearer " + world.genuine.encode()], GRANT),
        "a very long id": (basic_header("i" * 3000 + ":x"), GRANT),
        "not deployed": (basic_header(":".join(world.undeployed)), GRANT),
        "wrong, of a chosen secret": (basic_header(f"{world.chosen[0]}:wrong-wrong"), GRANT),
        "no grant either": (basic_header(f"{client_id}:wrong"), b"grant_type=x"),
    }


@pytest.fixture(scope="module")
def fails(world):
    planes = world.planes
    world.undeployed = planes.proxy("undeployed", world.backend.url, policy="jwt", deploy=False)
    world.chosen = ("chosen-client", "a secret that somebody chose".replace(" ", "-"))
    planes.proxy("chosen", world.backend.url, policy="jwt")
    planes.manage("PATCH", "/projects/shop/apiProxies/chosen/settings/keys/", {"publicKey": world.chosen[0], "secretKey": world.chosen[1]})
    assert wait_for(lambda: planes.token_answer(world.chosen).status_code == 200, 5)
    answers = {}
    for name, (fields, body) in failures(world).items():
        start = time.monotonic()
        reply = world.post(body, fields)
        answers[name] = (reply, time.monotonic() - start)
    return answers


def test_failed_client_authentication_says_nothing_of_the_reason(fails):
    """One body, one set of headers, but for what every answer has anew."""
    seen = {(r.status, r.body, tuple(h for h in r.headers if h[0] not in (b"Date", b"X-Request-Id"))) for r, _ in fails.values()}
    assert len(seen) == 1, seen
    reply, _ = next(iter(fails.values()))
    error(reply, 401, "invalid_client")
    assert [v.split(b" ")[0] for v in reply.get("WWW-Authenticate")] == [b"Basic"]
    assert re.fullmatch(rb'Basic realm="[^"]+"', reply.get("WWW-Authenticate")[0])


def test_failed_client_authentication_takes_its_time(fails):
    """100 ms after the arrival at the soonest, whatever the reason; a good one does not wait. (The clock of an nginx worker may be some
    milliseconds behind.)"""
    assert {name: t for name, (_, t) in fails.items() if t < 0.09} == {}


def test_failed_client_authentications_at_once_do_not_wait_for_each_other(world, fails):
    """A timer, not a sleep: a hundred at once are answered, and a good request among them too."""
    request = (b"POST /auth/token HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" % len(GRANT) +
               basic_header("nobody:wrong")[0] + b"\r\n\r\n" + GRANT)
    connections = [socket.create_connection(("127.0.0.1", world.planes.gateway_port), timeout=20) for _ in range(100)]
    try:
        for s in connections:
            s.sendall(request)
        assert world.planes.token(world.client)
        for s in connections:
            assert s.recv(65536).startswith(b"HTTP/1.1 401 ")
    finally:
        for s in connections:
            s.close()


# ---- what is written down ----

def test_secrets_and_tokens_are_written_nowhere(own_planes):
    """Not in the access log, the error log, the output, the databases, the snapshots: the bytes of the data directory."""
    planes = own_planes(workers=1)
    backend = Backend()
    dead = f"http://127.0.0.1:{free_port()}"
    signing = jwt.new_key("RS256")
    planes.manage("POST", "/environments/production/keys/upload/", {"algorithm": "RS256", "privateKey": jwt.pem(signing), "activateNow": True})
    clients = {"jwt": planes.proxy("a", backend.url, policy="jwt"), "opaque": planes.proxy("b", backend.url, policy="opaque")}
    planes.proxy("dead", dead)
    planes.proxy("c", backend.url, policy="opaque")
    chosen = "chosen-secret-7c1f9a"
    planes.manage("PATCH", "/projects/shop/apiProxies/c/settings/keys/", {"publicKey": "somebody", "secretKey": chosen})
    regenerated = planes.manage("PATCH", "/projects/shop/apiProxies/a/settings/keys/", {"regenerate": True})["applicationKey"]
    clients["regenerated"] = (regenerated["clientId"], regenerated["clientSecret"])
    clients["chosen"] = ("somebody", chosen)
    old = clients.pop("jwt")
    tokens = {name: planes.token(client) for name, client in clients.items()}
    for token, path in ((tokens["regenerated"], "/a/x"), (tokens["opaque"], "/b/x"), (tokens["chosen"], "/c/x")):
        assert planes.get(path, token).status_code == 200
        assert planes.get(path, token + "x").status_code == 401
        for name in ("access_token", "ACCESS_TOKEN", "%61ccess_token", "x_token", "client_secret", "password", "jwt"):
            for target in (f"/dead/x?a=b&{name}={token}", f"/nowhere?{name}={token}&c", f"/b?{name}={token}", f"/auth/token?{name}={token}", f"/dead?{name}={token}&{name}="):
                planes.get(target, headers={"Referer": f"http://site/?{name}={token}"})
    wrong = "wrong-guess-5e1d0b"
    assert planes.token_answer((clients["opaque"][0], wrong)).status_code == 401
    assert planes.token_answer(None, client_id="somebody", client_secret=wrong).status_code == 401
    for secret in [s for _, s in clients.values()] + [chosen]:
        planes.token_answer(None, path=f"/auth/token?client_secret={secret}")
        planes.get(f"/dead/x?client_secret={secret}&password={secret}")
    # what nginx itself complains of, with the request line at hand
    raw(planes.gateway_port, f"GET /dead/a?access_token={tokens['opaque']}\x01 HTTP/1.1\r\nHost: g\r\n\r\n".encode())
    raw(planes.gateway_port, f"GET /dead/a?access_token={tokens['opaque']} HTTP/1.1\r\nHost: g\r\nContent-Length: x\r\n\r\n".encode())
    raw(planes.gateway_port, f"GET /dead/a?access_token={tokens['opaque']} HTTP/1.1\r\nHost: g\r\nX-A: {'a' * 17000}\r\n\r\n".encode())
    backend.close()
    assert planes.get(f"/b/x?access_token={tokens['opaque']}", tokens["opaque"]).status_code == 502

    access_log = os.path.join(planes.data, "gateway", "access.log")
    wait_for(lambda: b'"request":"GET /b/x?access_token=***"' in open(access_log, "rb").read(), 10, "the last line of the access log")
    files = {planes.log_path: open(planes.log_path, "rb").read()}
    for folder, _, names in os.walk(planes.data):
        files.update({os.path.join(folder, n): open(os.path.join(folder, n), "rb").read() for n in names})
    assert {"config.db", "tokens.db", "access.log"} <= {os.path.basename(f) for f in files}
    assert b"access_token=***" in files[access_log] and b"client_secret=***" in files[access_log]
    assert b"access_token=***" in files[planes.log_path]  # nginx's complaints about the dead backend

    numbers = signing.private_numbers()
    needles = {"admin password": ADMIN_PASSWORD, "wrong guess": wrong, "old secret": old[1], "pem line": jwt.pem(signing).splitlines()[3],
               "private exponent": numbers.d.to_bytes(256, "big"), "prime": numbers.p.to_bytes(128, "big"), "prime in JWK": jwt.b64u(numbers.p.to_bytes(128, "big")),
               "session": planes.session().headers["Authorization"].split()[1]}
    needles.update({f"secret of {name}": secret for name, (_, secret) in clients.items()})
    for name, token in tokens.items():
        needles[f"token of {name}"] = token
        needles[f"end of the token of {name}"] = token[-24:]
        needles[f"bytes of the token of {name}"] = jwt.unb64u(token[4:])[4:] if token.startswith("tga_") else jwt.unb64u(token.split(".")[2])
    found = []
    for what, needle in needles.items():
        needle = needle if isinstance(needle, bytes) else needle.encode()
        spellings = {needle, base64.b64encode(needle), needle.hex().encode()}
        found += [(what, os.path.relpath(f, planes.home)) for f, data in files.items() for s in spellings if s in data]
    assert found == []
    # and what may be there is: of an opaque token its SHA-256
    assert any(hashlib.sha256(tokens["opaque"].encode()).digest() in data for data in files.values())
