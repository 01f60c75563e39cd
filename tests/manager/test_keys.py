"""Signing keys of an environment and application keys of proxies."""
import ctypes
import datetime
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

APPLICATION = 1  # kind of client


def keys(manager, environment="production"):
    return manager.api("GET", f"/environments/{environment}/keys/")["resultList"]


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").timestamp()


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


# ---- signing keys ----

def test_regenerate_publishes_first_and_signs_later(manager):
    manager.api("POST", "/environments/", {"name": "rotate", "jwksMaxAgeSeconds": 600})
    old = keys(manager, "rotate")[0]
    made = manager.api("POST", "/environments/rotate/keys/regenerate", {"algorithm": "RS256"})["result"]
    assert made["state"] == "published"
    assert moment(made["activateAt"]) - moment(made["createdAt"]) == pytest.approx(602, abs=1)
    listed = keys(manager, "rotate")
    assert [(k["kid"], k["state"]) for k in listed] == [(old["kid"], "active"), (made["kid"], "published")]
    assert moment(listed[0]["retireAt"]) >= moment(made["activateAt"]) and listed[1]["retireAt"] is None
    assert {k["kid"] for k in manager.snapshot("rotate")["keys"]} == {old["kid"], made["kid"]}


def test_activate_now(manager):
    manager.api("POST", "/environments/", {"name": "now"})
    old = keys(manager, "now")[0]
    made = manager.api("POST", "/environments/now/keys/regenerate", {"algorithm": "RS256", "activateNow": True})["result"]
    assert made["state"] == "active"
    assert [k["state"] for k in keys(manager, "now")][0] in ("retiring", "revoked")
    assert old["kid"] != made["kid"]


def test_an_old_key_verifies_as_long_as_its_longest_token(manager):
    manager.api("POST", "/environments/", {"name": "longest", "leewaySeconds": 7})
    for name, amount in (("short", 1), ("long", 50)):
        manager.proxy("default", "longest-" + name)
        manager.policy("default", "longest-" + name, tokenExpiresInAmount=amount)
        manager.deploy("default", "longest-" + name, "longest")
    manager.undeploy("default", "longest-long", "longest")  # its tokens may still be about
    manager.api("POST", "/environments/longest/keys/regenerate", {"activateNow": True})
    old, new = keys(manager, "longest")
    assert old["state"] == "retiring"
    assert 50 * 3600 + 7 <= moment(old["retireAt"]) - moment(new["activateAt"]) <= 50 * 3600 + 7 + 120


@pytest.mark.parametrize("rotation, hours", [(True, 30), (False, 4 * 30)])
def test_an_old_key_verifies_as_long_as_the_refresh_tokens_that_it_signed(manager, rotation, hours):
    environment = f"refresh-{rotation}".lower()
    manager.api("POST", "/environments/", {"name": environment})
    manager.proxy("default", environment)
    manager.policy("default", environment, refreshTokenAllowed=True, refreshTokenCount=3, refreshTokenExpiresInAmount=30,
                   refreshTokenExpiresInUnit="HOURS", refreshTokenRotation=rotation)
    manager.deploy("default", environment, environment)
    manager.api("POST", f"/environments/{environment}/keys/regenerate", {"activateNow": True})
    old, new = keys(manager, environment)
    assert hours * 3600 <= moment(old["retireAt"]) - moment(new["activateAt"]) <= hours * 3600 + 120


def test_behind_never_expiring_tokens_a_key_never_retires(manager):
    manager.api("POST", "/environments/", {"name": "never"})
    manager.proxy("default", "never")
    manager.policy("default", "never", tokenNeverExpires=True)
    manager.deploy("default", "never", "never")
    manager.api("POST", "/environments/never/keys/regenerate", {"activateNow": True})
    old, _ = keys(manager, "never")
    assert old["state"] == "retiring" and old["retireAt"] is None


def test_a_waiting_key_is_withdrawn_by_a_newer_one(manager):
    manager.api("POST", "/environments/", {"name": "twice"})
    first = manager.api("POST", "/environments/twice/keys/regenerate", {"algorithm": "RS256"})["result"]
    second = manager.api("POST", "/environments/twice/keys/regenerate", {"algorithm": "RS256"})["result"]
    states = {k["kid"]: k["state"] for k in keys(manager, "twice")}
    assert states[first["kid"]] == "revoked" and states[second["kid"]] == "published"
    assert sorted(states.values()) == ["active", "published", "revoked"]


@pytest.mark.parametrize("algorithm", ["RS384", "PS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_every_algorithm(manager, algorithm):
    made = manager.api("POST", "/environments/production/keys/regenerate", {"algorithm": algorithm, "activateNow": True})["result"]
    assert made["publicKey"]["alg"] == algorithm and made["publicKey"]["kid"] == made["kid"]
    assert "d" not in made["publicKey"]


@pytest.mark.parametrize("algorithm, key", [
    ("RS256", rsa.generate_private_key(65537, 2048)), ("ES256", ec.generate_private_key(ec.SECP256R1())),
    ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
])
def test_upload(manager, algorithm, key):
    made = manager.api("POST", "/environments/production/keys/upload", {"algorithm": algorithm, "privateKey": pem(key), "activateNow": True})
    assert made["result"]["state"] == "active"
    assert pem(key).splitlines()[1] not in json.dumps(made)
    assert "there already" in manager.refused(409, "POST", "/environments/production/keys/upload", {"algorithm": algorithm, "privateKey": pem(key)})
    with manager.config() as db:
        assert pem(key).splitlines()[1] not in "".join(str(r) for r in db.execute("SELECT * FROM audit"))


@pytest.mark.parametrize("body, field", [
    ({"algorithm": "RS256"}, "privateKey"),
    ({"algorithm": "RS256", "privateKey": "x"}, "privateKey"),
    ({"algorithm": "HS256", "privateKey": "x"}, "algorithm"),
    ({"algorithm": "none", "privateKey": "x"}, "algorithm"),
    ({"privateKey": "x"}, "algorithm"),
    ({"algorithm": "RS256", "privateKey": pem(rsa.generate_private_key(65537, 1024))}, "privateKey"),
    ({"algorithm": "ES256", "privateKey": pem(rsa.generate_private_key(65537, 2048))}, "privateKey"),
    ({"algorithm": "ES256", "privateKey": pem(ec.generate_private_key(ec.SECP384R1()))}, "privateKey"),
    ({"algorithm": "RS256", "privateKey": 5}, "privateKey"),
    ({"algorithm": "RS256", "privateKey": "x" * 20000}, "privateKey"),
])
def test_bad_uploads(manager, body, field):
    before = keys(manager)
    assert field in manager.refused(400, "POST", "/environments/production/keys/upload", body)
    assert [k["kid"] for k in keys(manager)] == [k["kid"] for k in before]


def test_revoke_makes_another_signer_at_once(manager):
    manager.api("POST", "/environments/", {"name": "emergency"})
    old = keys(manager, "emergency")[0]
    answer = manager.api("POST", f"/environments/emergency/keys/{old['kid']}/revoke")
    assert answer["result"]["state"] == "revoked"
    listed = keys(manager, "emergency")
    assert [k["state"] for k in listed] == ["revoked", "active"]
    assert [k["kid"] for k in manager.snapshot("emergency")["keys"]] == [listed[1]["kid"]]
    manager.refused(404, "POST", "/environments/emergency/keys/nothing/revoke")


def test_redeploy_is_a_new_revision(manager):
    before = manager.snapshot()["revision"]
    answer = manager.api("POST", "/environments/production/keys/redeploy")
    assert answer["deploymentResult"]["deploymentResults"][0]["revision"] == before + 1 == manager.snapshot()["revision"]


def test_a_deploy_makes_the_key_that_a_policy_needs(manager):
    manager.api("POST", "/environments/", {"name": "needs"})
    manager.proxy("default", "needs-es")
    manager.policy("default", "needs-es", jwtSignatureAlgorithm="ES256")
    manager.deploy("default", "needs-es", "needs")
    assert [(k["algorithm"], k["state"]) for k in keys(manager, "needs")] == [("RS256", "active"), ("ES256", "active")]
    assert len(manager.snapshot("needs")["keys"]) == 2


def test_a_deploy_takes_the_uploaded_key_that_waits(manager):
    manager.api("POST", "/environments/", {"name": "waits"})
    made = manager.api("POST", "/environments/waits/keys/upload",
                       {"algorithm": "ES256", "privateKey": pem(ec.generate_private_key(ec.SECP256R1()))})["result"]
    assert made["state"] == "published"
    manager.proxy("default", "waits-es")
    manager.policy("default", "waits-es", jwtSignatureAlgorithm="ES256")
    manager.deploy("default", "waits-es", "waits")
    es = [k for k in keys(manager, "waits") if k["algorithm"] == "ES256"]
    assert [(k["kid"], k["state"]) for k in es] == [(made["kid"], "active")]


# ---- application keys ----

def change(manager, proxy, body):
    return manager.api("PATCH", f"/projects/default/apiProxies/{proxy}/settings/keys/", body)["applicationKey"]


def test_generated_keys_are_plain_characters(manager):
    key = manager.proxy("default", "chars")["applicationKey"]
    for value in key.values():
        assert set(value) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
    assert len(key["clientSecret"]) >= 43  # 256 bits
    row = manager.client(key["clientId"])
    assert (row["kind"], row["secret_kind"], len(row["secret"])) == (APPLICATION, 1, 32)


def test_a_chosen_secret_is_under_argon2id(manager):
    key = manager.proxy("default", "chosen")["applicationKey"]
    before = manager.client(key["clientId"])
    head = manager.feed()[-1][0]
    assert change(manager, "chosen", {"secretKey": "my-own-secret-1"}) == {"clientId": key["clientId"]}
    row = manager.client(key["clientId"])
    assert row["secret_kind"] == 2
    secret = row["secret"].decode() if isinstance(row["secret"], bytes) else row["secret"]
    assert secret.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert row["generation"] != before["generation"]
    assert [(kind, ref) for seq, kind, _, ref in manager.feed() if seq > head] == [(2, f"1:{key['clientId']}")]


def test_a_new_client_id_tells_of_both(manager):
    key = manager.proxy("default", "renamed")["applicationKey"]
    before = manager.client(key["clientId"])
    head = manager.feed()[-1][0]
    assert change(manager, "renamed", {"publicKey": "renamed-app"}) == {"clientId": "renamed-app"}
    assert {ref for seq, kind, _, ref in manager.feed() if seq > head} == {"1:renamed-app", f"1:{key['clientId']}"}
    assert manager.client(key["clientId"]) is None
    row = manager.client("renamed-app")
    assert row["key_id"] == before["key_id"] and row["generation"] != before["generation"]
    # the generated secret still is the secret
    lib = ctypes.CDLL("libargon2.so.1")
    encoded = row["secret"] if isinstance(row["secret"], bytes) else row["secret"].encode()
    secret = key["clientSecret"].encode()
    assert lib.argon2id_verify(encoded, secret, len(secret)) == 0
    assert lib.argon2id_verify(encoded, b"another", 7) != 0


def test_regenerate_and_set_again(manager):
    key = manager.proxy("default", "again")["applicationKey"]
    generations = {manager.client(key["clientId"])["generation"]}
    new = change(manager, "again", {"regenerate": True})
    assert new["clientId"] == key["clientId"] and new["clientSecret"] != key["clientSecret"]
    generations.add(manager.client(key["clientId"])["generation"])
    both = change(manager, "again", {"publicKey": "again-app", "regenerate": True})
    assert both["clientId"] == "again-app" and both["clientSecret"] not in (new["clientSecret"], key["clientSecret"])
    generations.add(manager.client("again-app")["generation"])
    assert change(manager, "again", {"publicKey": "again-app"}) == {"clientId": "again-app"}  # as it is already
    generations.add(manager.client("again-app")["generation"])
    assert len(generations) == 3
    assert manager.api("GET", "/projects/default/apiProxies/again/settings/keys/")["applicationKey"] == {"clientId": "again-app", "roleNameList": []}


@pytest.mark.parametrize("body, field", [
    ({}, "publicKey"), ({"publicKey": ""}, "publicKey"), ({"publicKey": "a:b"}, "publicKey"), ({"publicKey": "a b"}, "publicKey"),
    ({"publicKey": "x" * 257}, "publicKey"), ({"publicKey": 5}, "publicKey"), ({"secretKey": "short"}, "secretKey"),
    ({"secretKey": "with space inside"}, "secretKey"), ({"secretKey": "x" * 513}, "secretKey"), ({"regenerate": "yes"}, "regenerate"),
    ({"regenerate": True, "secretKey": "both-at-once"}, "secretKey"), ({"regenerate": False}, "regenerate"), ({"secret": "x"}, "secret"),
])
def test_bad_key_settings(manager, body, field):
    if manager.http("GET", "/apiops/projects/default/apiProxies/badkeys/").status_code == 404:
        manager.proxy("default", "badkeys")
    message = manager.refused(400, "PATCH", "/projects/default/apiProxies/badkeys/settings/keys/", body)
    assert field in message
    for value in body.values():
        if isinstance(value, str) and len(value) > 6:
            assert value not in message


def test_a_client_id_is_taken_once(manager):
    manager.proxy("default", "owner")
    manager.proxy("default", "thief")
    change(manager, "owner", {"publicKey": "owned"})
    assert "owned" in manager.refused(409, "PATCH", "/projects/default/apiProxies/thief/settings/keys/", {"publicKey": "owned"})
    manager.refused(404, "PATCH", "/projects/default/apiProxies/nobody/settings/keys/", {"regenerate": True})


def test_keys_are_in_no_revision(manager):
    key = manager.proxy("default", "norevision")["applicationKey"]
    manager.deploy("default", "norevision")
    before = manager.snapshot()
    assert key["clientId"] not in json.dumps(before)
    change(manager, "norevision", {"regenerate": True})
    assert manager.snapshot() == before
