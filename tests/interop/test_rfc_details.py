"""What the RFCs ask for in a subordinate clause, and no client library tries."""

import jwt_tools as tools
import pytest
from harness import wait_for


def post(world, kind, path, **form):
    return world.session().post(world.planes.gateway + path, data=form, auth=world.keys[kind], timeout=30)


def acquire(world, kind):
    answer = post(world, kind, "/auth/token", grant_type="client_credentials")
    assert answer.status_code == 200, answer.text
    return answer.json()


def active(world, kind, token, **more):
    answer = post(world, kind, "/auth/introspect", token=token, **more)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
    return answer.json()["active"]


@pytest.mark.parametrize("kind", ["opaque", "jwt"])
def test_revocation_does_not_believe_its_hint(world, kind):
    """RFC 7009 section 2.1: a wrong hint widens the search, an unknown one is ignored."""
    for name, hint in (("access_token", "refresh_token"), ("refresh_token", "access_token"), ("access_token", "unheard_of"),
                       ("refresh_token", "unheard_of"), ("access_token", "")):
        pair = acquire(world, kind)
        assert active(world, kind, pair["access_token"])
        answer = post(world, kind, "/auth/revoke", token=pair[name], token_type_hint=hint)
        assert (answer.status_code, answer.content) == (200, b""), (name, hint)
        assert not active(world, kind, pair["access_token"]), (name, hint)


@pytest.mark.parametrize("kind", ["opaque", "jwt"])
def test_introspection_does_not_believe_its_hint(world, kind):
    """RFC 7662 section 2.1: the same of an access token."""
    token = acquire(world, kind)["access_token"]
    for hint in ("access_token", "refresh_token", "unheard_of", ""):
        assert active(world, kind, token, token_type_hint=hint), hint


def test_revocation_wants_a_client_and_a_token(world):
    token = acquire(world, "opaque")["access_token"]
    answer = post(world, "opaque", "/auth/revoke", other="x")
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request"
    session = world.session()
    for auth in (None, (world.keys["opaque"][0], "wrong")):
        answer = session.post(world.planes.gateway + "/auth/revoke", data={"token": token}, auth=auth, timeout=30)
        assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert active(world, "opaque", token)


def test_texts_of_errors_have_the_characters_that_the_rfc_allows(world):
    """RFC 6749 section 5.2: 20-21, 23-5B, 5D-7E, whatever was asked."""
    nasty = 'x"\\\r\n\u00e9\u0000'
    for form in ({}, {"grant_type": nasty}, {"grant_type": "client_credentials", "scope": nasty}, {"grant_type": "refresh_token", "refresh_token": nasty},
                 {"grant_type": "refresh_token"}, {"grant_type": "password", "username": nasty, "password": nasty}):
        answer = post(world, "opaque", "/auth/token", **form)
        assert answer.status_code == 400, form
        for text in (answer.json()["error"], answer.json()["error_description"]):
            assert text and all(c in range(0x20, 0x7f) and c not in (0x22, 0x5c) for c in text.encode()), text


def test_the_long_name_of_the_type_is_as_good(world):
    """RFC 9068 section 4: application/at+jwt; and nothing but the gateway's key makes one, so that it is made with an uploaded key."""
    private = tools.new_key("ES256")
    name = "long-type"
    key = world.planes.proxy(name, world.backend.url, policy="jwt", jwtSignatureAlgorithm="ES256")
    kid = world.planes.manage("POST", "/environments/production/keys/upload/",
                              {"algorithm": "ES256", "privateKey": tools.pem(private), "activateNow": True})["result"]["kid"]
    wait_for(lambda: tools.part(world.planes.token(key), 0)["kid"] == kid, 10, "the uploaded key signs")
    token = world.planes.token(key)
    claims = {**tools.part(token, 1), "jti": "A" * 22}
    for typ, status in (("at+jwt", 200), ("application/at+jwt", 200), ("JWT", 401)):
        made = tools.make({"alg": "ES256", "kid": kid, "typ": typ}, claims, private)
        assert world.planes.get(f"/{name}/x", made).status_code == status, typ
