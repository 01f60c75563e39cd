"""token get, refresh, introspect, revoke, inspect: a small issuer here, tokens made by another library."""

import json
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from jwcrypto import jwk
from harness_cli import USAGE, Terminal

sys.path.insert(0, str(Path(__file__).parent.parent / "gateway"))
import jwt_tools  # noqa: E402

SECRET = "s3cret/with+signs&more=1 %"


@pytest.fixture
def issuer(fake):
    fake.issuer = fake.url + "/auth"
    fake.metadata = {"issuer": fake.issuer, "token_endpoint": fake.issuer + "/token", "jwt_endpoint": fake.issuer + "/jwt",
                     "introspection_endpoint": fake.issuer + "/introspect", "revocation_endpoint": fake.issuer + "/revoke",
                     "jwks_uri": fake.issuer + "/keys"}
    fake.answers["/.well-known/oauth-authorization-server/auth"] = lambda *_: (200, fake.metadata)
    fake.answers["/auth/token"] = fake.answers["/auth/jwt"] = (200, {"access_token": "the-access-token", "refresh_token": "the-refresh-token"})
    return fake


def form(issuer):
    return {k: v[0] for k, v in parse_qs(issuer.seen[-1][4]).items()}


def test_a_token_by_discovery(bare, issuer):
    bare.write("secret", SECRET + "\n")
    assert bare("token", "get", "--gateway", issuer.url, "--client-id", "app", "--client-secret-file", "secret") == "the-access-token\n"
    assert issuer.seen[-1][:2] == ("POST", "/auth/token")
    assert form(issuer) == {"client_id": "app", "client_secret": SECRET, "grant_type": "client_credentials"}
    env = {"TOLLGATE_GATEWAY": issuer.issuer + "/", "TOLLGATE_CLIENT_ID": "app", "TOLLGATE_CLIENT_SECRET": SECRET}
    answer = json.loads(bare("token", "get", "--jwt", "--scope", "a b", "-o", "json", env=env))
    assert answer["refresh_token"] == "the-refresh-token"
    assert issuer.seen[-1][1] == "/auth/jwt" and form(issuer)["scope"] == "a b"
    bare.write("password", "users password")
    bare("token", "get", "--user", "ann", "--password-file", "password", env=env)
    assert form(issuer)["grant_type"] == "password" and form(issuer)["username"] == "ann" and form(issuer)["password"] == "users password"


def test_a_client_secret_is_asked_for_without_echo(bare, issuer):
    with Terminal(bare, "token", "get", "-g", issuer.url, "--client-id", "app") as t:
        t.expect("Client secret: ")
        while t.echoes():
            time.sleep(0.01)
        t.type("typed-secret\n")
        assert t.end() == 0 and "typed-secret" not in t.text and "the-access-token" in t.text
    assert form(issuer)["client_secret"] == "typed-secret"


def test_secrets_have_no_option(bare):
    """Not even as the beginning of an option that names a file."""
    for option in (["--client-secret", "hunter2"], ["--client-secret=hunter2"], ["--password", "hunter2"], ["--password=hunter2"], ["--secret", "hunter2"]):
        said = bare.refused("token", "get", "--user", "u", *option, expect=USAGE)
        assert "no such option here" in said and "hunter2" not in said
    assert "no such option here" in bare.refused("login", "--pass", "x", expect=USAGE)


def test_metadata_of_another_issuer_gets_no_secret(bare, issuer):
    """RFC 8414 3.3: who answers here for somebody else would be told the client's secret."""
    env = {"TOLLGATE_CLIENT_SECRET": "x"}
    issuer.metadata["issuer"] = "https://elsewhere.example/auth"
    assert "calls itself https://elsewhere.example/auth" in bare.refused("token", "get", "-g", issuer.url, "--client-id", "a", env=env)
    issuer.metadata = {"issuer": issuer.issuer}
    assert "has no token_endpoint" in bare.refused("token", "get", "-g", issuer.url, "--client-id", "a", env=env)
    issuer.metadata = {"issuer": issuer.issuer, "token_endpoint": "http://192.0.2.1/token"}
    assert "--insecure-http" in bare.refused("token", "get", "-g", issuer.url, "--client-id", "a", env=env)
    assert all(seen[0] == "GET" for seen in issuer.seen)


def test_refusals_of_the_gateway(bare, issuer):
    env = {"TOLLGATE_CLIENT_SECRET": "x", "TOLLGATE_GATEWAY": issuer.url, "TOLLGATE_CLIENT_ID": "a"}
    issuer.answers["/auth/token"] = (401, {"error": "invalid_client", "error_description": "client authentication failed"})
    assert "invalid_client: client authentication failed (status 401)" in bare.refused("token", "get", env=env)
    issuer.answers["/auth/token"] = (503, "busy")
    assert "status 503" in bare.refused("token", "get", env=env)
    assert "--gateway" in bare.refused("token", "get")
    assert "--client-id" in bare.refused("token", "get", "-g", issuer.url)


def test_refresh_introspect_revoke(bare, issuer):
    env = {"TOLLGATE_CLIENT_SECRET": "x", "TOLLGATE_GATEWAY": issuer.url, "TOLLGATE_CLIENT_ID": "a"}
    shown = bare("token", "refresh", input="old-refresh-token\n", env=env)
    assert shown == "access_token: the-access-token\nrefresh_token: the-refresh-token\n"
    assert form(issuer)["refresh_token"] == "old-refresh-token" and form(issuer)["grant_type"] == "refresh_token"
    issuer.answers["/auth/introspect"] = (200, {"active": True, "scope": "a b"})
    bare.write("token", "the-token")
    assert "active  yes" in bare("token", "introspect", "token", env=env)
    assert form(issuer)["token"] == "the-token"
    assert json.loads(bare("token", "introspect", "-", "-o", "json", input="t", env=env)) == {"active": True, "scope": "a b"}
    issuer.answers["/auth/revoke"] = (200, "")
    assert bare("token", "revoke", "token", env=env) == "revoked\n"


def test_a_token_is_not_taken_from_the_command_line(bare):
    for token in ("tga_" + "A" * 48, "tgr_" + "A" * 48, "eyJ" + "x" * 80):
        assert "on the command line" in bare.refused("token", "inspect", token)


# inspect


def jwt(alg="RS256", key=None, kid="k1", **claims):
    key = key or jwt_tools.new_key(alg)
    payload = {"iss": "http://127.0.0.1/auth", "sub": "app", "iat": int(time.time()), "exp": int(time.time()) + 60, **claims}
    return jwt_tools.make({"alg": alg, "typ": "at+jwt", "kid": kid}, payload, key, alg), key


def jwks(*keys):
    return json.dumps({"keys": [dict(jwk.JWK.from_pyca(key.public_key()).export_public(as_dict=True), kid=kid, alg=alg, use="sig") for alg, key, kid in keys]})


def test_inspect_without_keys(bare):
    token, _ = jwt(exp=1700000000)
    told = json.loads(bare("token", "inspect", "-o", "json", input=token))
    assert told["header"]["alg"] == "RS256" and told["payload"]["sub"] == "app"
    assert told["expiresAt"] == "2023-11-14T22:13:20.000Z" and told["signature"] == "not checked"
    assert "payload.sub  app" in bare("token", "inspect", input=token).replace("    ", "  ").replace("   ", "  ")


@pytest.mark.parametrize("alg", ["RS256", "PS384", "ES256", "ES512", "EdDSA"])
def test_inspect_with_keys(bare, alg):
    token, key = jwt(alg)
    other, _ = jwt(alg)
    bare.write("keys.json", jwks((alg, key, "k1"), (alg, jwt_tools.new_key(alg), "k2")))
    assert json.loads(bare("token", "inspect", "--jwks", "keys.json", "-o", "json", input=token))["signature"] == "verified"
    assert "the signature is wrong" in bare.refused("token", "inspect", "--jwks", "keys.json", input=other)
    head, body, signature = token.split(".")
    changed = ".".join([head, jwt_tools.b64u(json.dumps(dict(jwt_tools.part(token, 1), sub="root"))), signature])
    answer = bare.run("token", "inspect", "--jwks", "keys.json", "-o", "json", input=changed)
    assert answer.returncode == 1 and json.loads(answer.stdout)["signature"] == "wrong"


def test_inspect_judges_times_and_issuer(bare, issuer):
    for claims, said in (({"exp": 1}, "has ended"), ({"exp": "soon"}, "has ended"), ({"nbf": int(time.time()) + 1000}, "does not begin yet"),
                         ({"iss": issuer.issuer + "x"}, "the token's issuer is")):
        token, key = jwt(**{"iss": issuer.issuer, **claims})
        issuer.answers["/auth/keys"] = (200, json.loads(jwks(("RS256", key, "k1"))))
        assert said in bare.refused("token", "inspect", "--issuer", issuer.url, input=token)
    token, key = jwt(iss=issuer.issuer)
    issuer.answers["/auth/keys"] = (200, json.loads(jwks(("RS256", key, "k1"))))
    bare("token", "inspect", "--issuer", issuer.url, input=token)
    bare("token", "inspect", "--jwks", issuer.issuer + "/keys", input=token)


def test_inspect_believes_no_header(bare):
    """alg none and HS256 with the public key as its secret: the old holes."""
    token, key = jwt()
    bare.write("keys.json", jwks(("RS256", key, "k1")))
    body = token.split(".")[1]
    none = jwt_tools.b64u('{"alg":"none"}') + "." + body + "."
    assert bare.run("token", "inspect", "--jwks", "keys.json", input=none).returncode == 1
    hs = jwt_tools.b64u('{"alg":"HS256","kid":"k1"}') + "." + body + "." + jwt_tools.b64u(b"x" * 32)
    assert "is none that may sign" in bare.refused("token", "inspect", "--jwks", "keys.json", input=hs)
    bare.write("none.json", '{"keys":[]}')
    assert "none of these keys" in bare.refused("token", "inspect", "--jwks", "none.json", input=token)


def opaque(prefix, cls, index):
    return prefix + jwt_tools.b64u(bytes([0x10 | cls]) + index.to_bytes(3, "big") + bytes(32))


def test_inspect_of_opaque_tokens(bare):
    hour = int(time.time()) // 3600
    told = json.loads(bare("token", "inspect", "-o", "json", input=opaque("tga_", 0, hour + 1)))
    assert told["kind"] == "access token" and told["bucket"] == "hour" and told["ended"] is False
    assert told["endsNotLaterThan"] == time.strftime("%Y-%m-%dT%H:00:00.000Z", time.gmtime((hour + 2) * 3600))
    told = json.loads(bare("token", "inspect", "-o", "json", input=opaque("tgr_", 1, 20000)))
    assert told["kind"] == "refresh token" and told["ended"] is True and told["endsNotLaterThan"] == "2024-10-05T00:00:00.000Z"
    assert json.loads(bare("token", "inspect", "-o", "json", input=opaque("tga_", 3, 0)))["endsNotLaterThan"] is None
    for bad in ("tga_" + "A" * 48, "tga_short", opaque("tga_", 7, 1)):
        assert "is none" in bare.refused("token", "inspect", input=bad)
    for bad in ("garbage", "a.b.c"):
        assert "neither a JWT nor" in bare.refused("token", "inspect", input=bad)
    assert "empty" in bare.refused("token", "inspect", input="")
