"""ACL mode as a client sees it: the token endpoints below /credential, whose settings, roles and metadata a credential carries (token-api.md)."""

import concurrent.futures
import json
import sqlite3

import jwt_tools as jwt
import pytest
import requests
from harness import Backend, Planes, told, wait_for

REFRESH = {"refreshTokenAllowed": True, "refreshTokenCount": 3, "refreshTokenExpiresInAmount": 1, "refreshTokenExpiresInUnit": "DAYS"}
MANAGEMENT = "/settings/token-management/"
KINDS = ["opaque", "jwt"]
ENDPOINT = {"opaque": "/credential/token", "jwt": "/credential/jwt"}
API = {"opaque": "acl-opaque", "jwt": "acl-jwt"}


class World:
    """One proxy of each token type in ACL mode, and credentials that may call both."""

    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.names = 0
        planes.no_failure_limits()
        for kind, name in API.items():
            planes.proxy(name, self.backend.url, policy=kind, managedFromThisPolicy=False)

    def credential(self, token=None, **fields):
        self.names += 1
        return self.planes.credential(f"client{self.names}", token={**REFRESH} if token is None else token, access=API.values(), **fields)

    def acquire(self, key, kind, **form):
        answer = self.planes.token_answer(key, ENDPOINT[kind], **form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path, key, **form):
        session = requests.Session()
        session.trust_env = False
        return session.post(self.planes.gateway + path, data=form, auth=key, timeout=30)

    def refresh(self, key, kind, token, **form):
        return self.post(ENDPOINT[kind], key, grant_type="refresh_token", refresh_token=token, **form)

    def introspect(self, key, token, **form):
        answer = self.post("/credential/introspect", key, token=token, **form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def revoke(self, key, token, **form):
        answer = self.post("/credential/revoke", key, token=token, **form)
        assert (answer.status_code, answer.content) == (200, b"")

    def opens(self, kind, token):
        """On every worker: each request is a new connection."""
        return {self.planes.get(f"/{API[kind]}/x", token).status_code for _ in range(6)}

    def change(self, key, **fields):
        self.planes.manage("PATCH", f"/projects/shop/credentials/{key[0]}/", fields)

    def settings(self, **settings):
        answer = self.planes.manage("PUT", MANAGEMENT, settings)
        assert answer["deploymentResult"]["success"], answer


@pytest.fixture(scope="module")
def world():
    with Planes(workers=2) as planes:
        w = World(planes)
        yield w
        w.backend.close()


@pytest.fixture
def management(world):
    """Sets the token management settings; back to the defaults afterwards."""
    yield world.settings
    world.settings()


def error(answer, status, name):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error", "error_description"} and body["error"] == name and body["error_description"]
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"


# ---- issue ----

@pytest.mark.parametrize("secret", ["generated", "chosen"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_gets_tokens_of_both_types(world, kind, secret):
    key = world.credential(**({} if secret == "generated" else {"password": "chosen-by-hand-24-bytes"}))
    body = world.acquire(key, kind)
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["access_token"].startswith("tga_") == (kind == "opaque")
    assert world.opens(kind, body["access_token"]) == {200}
    other = "jwt" if kind == "opaque" else "opaque"
    assert world.opens(other, body["access_token"]) == {401}  # a token opens only what is for its type


def test_claims_of_a_jwt(world):
    key = world.credential()
    token = world.acquire(key, "jwt")["access_token"]
    claims = jwt.verify(token, world.planes.get("/credential/.well-known/jwks.json").json())
    assert claims["iss"] == world.planes.gateway + "/credential"
    assert claims["sub"] == claims["aud"] == claims["client_id"] == key[0]
    assert set(claims) == {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "tg_gen", "tg_fam"}


def test_keys_of_one_mode_are_unknown_in_the_other(world):
    application = world.planes.proxy("acl-other", world.backend.url, policy="opaque")
    credential = world.credential()
    error(world.planes.token_answer(application, "/credential/token"), 401, "invalid_client")
    error(world.planes.token_answer(credential, "/auth/token"), 401, "invalid_client")
    assert world.planes.token_answer(application).status_code == 200


def test_application_key_of_a_proxy_in_acl_mode_gets_nothing(world):
    key = world.planes.proxy("acl-closed", world.backend.url, policy="opaque", managedFromThisPolicy=False)
    error(world.planes.token_answer(key), 400, "unauthorized_client")


def test_settings_of_a_credential_are_live_at_once(world):
    key = world.credential(token={"tokenExpiresInAmount": 90, "tokenExpiresInUnit": "SECONDS"})
    body = world.acquire(key, "opaque")
    assert body["expires_in"] == 90 and "refresh_token" not in body
    error(world.refresh(key, "opaque", "tgr_x"), 400, "unauthorized_client")
    world.planes.credential_token(key[0], tokenExpiresInAmount=1500, tokenExpiresInUnit="MILLI_SECONDS", **REFRESH, jwtSignatureAlgorithm="ES256")
    wait_for(lambda: world.acquire(key, "opaque")["expires_in"] == 2, 5, "the new settings")
    body = wait_for(lambda: (lambda b: b if "refresh_token" in b else None)(world.acquire(key, "jwt")), 5, "on all workers")
    assert jwt.part(body["access_token"], 0)["alg"] == "ES256"


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_that_never_expire(world, kind):
    key = world.credential(token={"tokenNeverExpires": True})
    body = world.acquire(key, kind)
    assert set(body) == {"access_token", "token_type"}
    assert "exp" not in world.introspect(key, body["access_token"])
    assert world.opens(kind, body["access_token"]) == {200}
    if kind == "jwt":
        assert "exp" not in jwt.part(body["access_token"], 1)
    world.revoke(key, body["access_token"])
    assert world.opens(kind, body["access_token"]) == {401}


@pytest.mark.parametrize("kind", KINDS)
def test_url_parameters_only_where_they_are_allowed(world, kind):
    open_key, closed = world.credential(token={"allowUrlParameters": True}), world.credential()

    def get(key):
        return requests.get(world.planes.gateway + ENDPOINT[kind], timeout=30,
                            params={"grant_type": "client_credentials", "client_id": key[0], "client_secret": key[1]})

    assert get(open_key).status_code == 200
    answer = get(closed)
    error(answer, 405, "invalid_request")
    assert answer.headers["Allow"] == "POST, OPTIONS"


# ---- what ends the tokens of a credential ----

@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["password", "disabled", "expired", "deleted", "tokens", "access"])
def test_what_ends_a_token(world, kind, change):
    key = world.credential()
    token = world.acquire(key, kind)["access_token"]
    assert world.opens(kind, token) == {200}
    path = f"/projects/shop/credentials/{key[0]}/"
    if change == "password":
        world.change(key, password="another-one-of-24-bytes.")
    elif change == "disabled":
        world.change(key, enabled=False)
    elif change == "expired":
        world.change(key, expireDate="2020-01-01T00:00:00Z")
    elif change == "deleted":
        world.planes.manage("DELETE", path)
    elif change == "tokens":
        world.planes.manage("DELETE", path + "tokens/")
    else:
        world.planes.manage("DELETE", path + "access/", {"credentialAccessList": [{"name": API[kind], "type": "API_PROXY"}]})
    wait_for(lambda: world.opens(kind, token) == {401}, 5, "the token ends")
    if change in ("tokens", "access"):
        assert world.planes.token_answer(key, ENDPOINT[kind]).status_code == 200
    else:
        wait_for(lambda: world.planes.token_answer(key, ENDPOINT[kind]).status_code == 401, 5, "the client too")


# ---- refresh ----

@pytest.mark.parametrize("kind", KINDS)
def test_refresh_with_rotation(world, kind):
    key = world.credential()
    first = world.acquire(key, kind)
    answers = [world.refresh(key, kind, first["refresh_token"]) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 200], answers[0].text
    second = answers[0].json()
    assert set(second) == set(first) and second["refresh_token"] != first["refresh_token"]
    if kind == "opaque":
        assert second == {**answers[1].json(), "expires_in": second["expires_in"]}
    assert world.opens(kind, second["access_token"]) == {200}
    assert world.opens(kind, first["access_token"]) == ({401} if kind == "opaque" else {200})
    for _ in range(2):
        second = world.refresh(key, kind, second["refresh_token"]).json()
    last = world.refresh(key, kind, second["refresh_token"])
    error(last, 400, "invalid_grant")
    assert "used up" in last.json()["error_description"]


@pytest.mark.parametrize("kind", KINDS)
def test_refresh_without_rotation(world, kind):
    key = world.credential(token={**REFRESH, "refreshTokenRotation": False})
    first = world.acquire(key, kind)
    for _ in range(3):
        answer = world.refresh(key, kind, first["refresh_token"])
        assert answer.status_code == 200, answer.text
        assert answer.json()["refresh_token"] == first["refresh_token"]
        assert world.opens(kind, answer.json()["access_token"]) == {200}
    error(world.refresh(key, kind, first["refresh_token"]), 400, "invalid_grant")


def test_the_token_endpoint_alone_refreshes_both(world):
    """A library knows one token endpoint: it may refresh there what it got from the other."""
    key = world.credential()
    for kind in KINDS:
        answer = world.refresh(key, "opaque", world.acquire(key, kind)["refresh_token"])
        assert answer.status_code == 200, answer.text
        assert answer.json()["access_token"].startswith("tga_") == (kind == "opaque")
    error(world.refresh(key, "jwt", world.acquire(key, "opaque")["refresh_token"]), 400, "invalid_grant")


@pytest.mark.parametrize("kind", KINDS)
def test_refresh_of_another_client(world, kind):
    key, other = world.credential(), world.credential()
    pair = world.acquire(key, kind)
    error(world.refresh(other, kind, pair["refresh_token"]), 400, "invalid_grant")
    error(world.refresh(key, kind, pair["access_token"]), 400, "invalid_grant")
    assert world.refresh(key, kind, pair["refresh_token"]).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_password_ends_refresh_tokens(world, kind):
    key = world.credential()
    pair = world.acquire(key, kind)
    world.change(key, password="a-new-one-of-22-bytes.")
    fresh = (key[0], "a-new-one-of-22-bytes.")
    wait_for(lambda: world.planes.token_answer(fresh, ENDPOINT[kind]).status_code == 200, 5, "the new password")
    error(world.refresh(fresh, kind, pair["refresh_token"]), 400, "invalid_grant")
    assert world.introspect(fresh, pair["access_token"]) == {"active": False}


def test_delete_previous_ends_what_came_before(world):
    key, other = world.credential(token={"deletePrevious": True}), world.credential()
    untouched = world.acquire(other, "opaque")["access_token"]
    tokens = [world.acquire(key, "opaque")["access_token"] for _ in range(3)]
    assert [world.opens("opaque", t) for t in tokens] == [{401}, {401}, {200}]
    newest = world.acquire(key, "opaque")["access_token"]
    assert [world.opens("opaque", t) for t in (tokens[-1], newest, untouched)] == [{401}, {200}, {200}]


# ---- introspection, revocation, regeneration ----

@pytest.mark.parametrize("kind", KINDS)
def test_introspection(world, kind):
    key, other = world.credential(), world.credential()
    pair = world.acquire(key, kind)
    for _ in range(2):  # asked of the store, then from the cache
        answer = world.introspect(key, pair["access_token"])
        assert answer["active"] is True and answer["token_type"] == "Bearer"
        assert answer["client_id"] == answer["sub"] == answer["aud"] == key[0]
        assert answer["iss"] == world.planes.gateway + "/credential"
        assert answer["exp"] - answer["iat"] == 3600 and "username" not in answer
        assert ("jti" in answer) == (kind == "jwt")
    assert world.introspect(other, pair["access_token"]) == {"active": False}
    assert world.introspect(key, pair["refresh_token"]) == {"active": False}
    assert world.introspect(key, pair["refresh_token"], token_type_hint="refresh_token")["active"] is (kind == "opaque")


def test_introspection_does_not_know_tokens_of_the_other_mode(world):
    key = world.credential()
    application = world.planes.proxy("acl-mode", world.backend.url, policy="opaque")
    token = world.planes.token(application)
    assert world.introspect(key, token) == {"active": False}
    answer = world.post("/auth/introspect", application, token=world.acquire(key, "opaque")["access_token"])
    assert answer.json() == {"active": False}
    world.revoke(key, token)
    assert world.planes.get("/acl-mode/x", token).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_revoked_means_refused_by_every_worker_at_once(world, kind):
    key = world.credential()
    for which in ("access_token", "refresh_token"):
        pair = world.acquire(key, kind)
        assert world.opens(kind, pair["access_token"]) == {200}
        world.revoke(key, pair[which])
        assert world.opens(kind, pair["access_token"]) == {401}
        assert world.introspect(key, pair["access_token"]) == {"active": False}
    error(world.refresh(key, kind, pair["refresh_token"]), 400, "invalid_grant")


@pytest.mark.parametrize("kind", KINDS)
def test_revoking_another_clients_token_changes_nothing(world, kind):
    key, other = world.credential(), world.credential()
    pair = world.acquire(key, kind)
    world.revoke(other, pair["access_token"])
    world.revoke(other, pair["refresh_token"])
    assert world.opens(kind, pair["access_token"]) == {200}
    assert world.refresh(key, kind, pair["refresh_token"]).status_code == 200


def regenerate(world, key, token, prefix="/credential"):
    return requests.post(world.planes.gateway + prefix + "/jwt/regenerate", timeout=30, headers={"Authorization": "Bearer " + token},
                         data={"client_id": key[0], "client_secret": key[1]})


def test_regenerate(world):
    key, other = world.credential(), world.credential()
    pair = world.acquire(key, "jwt")
    answer = regenerate(world, key, pair["access_token"])
    assert answer.status_code == 200, answer.text
    fresh = answer.json()["access_token"]
    old, new = jwt.part(pair["access_token"], 1), jwt.part(fresh, 1)
    assert new["jti"] != old["jti"] and (new["sub"], new["tg_fam"], new["iss"]) == (old["sub"], old["tg_fam"], old["iss"])
    assert world.opens("jwt", fresh) == {200}
    error(regenerate(world, other, pair["access_token"]), 400, "invalid_grant")
    error(regenerate(world, key, world.acquire(key, "opaque")["access_token"]), 400, "invalid_grant")
    world.revoke(key, pair["refresh_token"])  # the family goes, what was regenerated included
    assert world.opens("jwt", fresh) == {401}
    error(regenerate(world, key, fresh), 400, "invalid_grant")


# ---- scopes: the roles of the credential ----

@pytest.mark.parametrize("settings, requested, scope", [
    ({}, "read", "read"), ({}, None, None), ({}, "read delete", "-"),
    ({"scopeMismatchBehavior": "LENIENT"}, "read delete", "read"), ({"scopeMismatchBehavior": "LENIENT"}, "delete", ""),
    ({"scopeMismatchBehavior": "IGNORE_REQUEST"}, "delete", "read write"),
    ({"scopeNotRequestedBehavior": "ALL_SCOPES"}, None, "read write"),
    ({"scopeNotRequestedBehavior": "ALL_SCOPES"}, "write", "write"),
])
def test_scopes_are_roles(world, management, settings, requested, scope):
    management(**settings)
    key = world.credential(roleNameList=["read", "write"])
    for kind in KINDS:
        answer = world.planes.token_answer(key, ENDPOINT[kind], **({"scope": requested} if requested else {}))
        if scope == "-":
            error(answer, 400, "invalid_scope")
            continue
        body = answer.json()
        assert answer.status_code == 200, answer.text
        assert sorted((body.get("scope") or "").split()) == sorted((scope or "").split()) and ("scope" in body) == (scope is not None)
        told = world.introspect(key, body["access_token"])
        assert told["active"] is True and told.get("scope") == body.get("scope")
        if kind == "jwt":
            assert jwt.part(body["access_token"], 1).get("scope") == body.get("scope")


@pytest.mark.parametrize("kind", KINDS)
def test_a_refresh_may_narrow_the_scope_and_never_widen_it(world, management, kind):
    key = world.credential(roleNameList=["read", "write"])
    pair = world.acquire(key, kind, scope="read")
    error(world.refresh(key, kind, pair["refresh_token"], scope="read write"), 400, "invalid_scope")
    both = world.acquire(key, kind, scope="read write")
    assert world.refresh(key, kind, both["refresh_token"], scope="read").json()["scope"] == "read"


def test_a_credential_without_roles(world, management):
    management(rejectWhenNoRoles=True)
    for kind in KINDS:
        error(world.planes.token_answer(world.credential(), ENDPOINT[kind]), 400, "invalid_scope")


# ---- metadata ----

def entry(key, value, **more):
    return {"key": key, "value": value, **more}


@pytest.fixture(scope="module")
def organization(world):
    world.planes.manage("POST", "/projects/shop/credential-organizations/", {"name": "acme", "metadata": [
        entry("tier", "basic", includeInJwt=True, includeInTokenResponse=True),
        entry("region", "eu", includeInJwt=True, includeInTokenResponse=True)]})
    return "acme"


def test_metadata_in_tokens_and_responses(world, organization):
    key = world.credential(organization=organization, metadata=[
        entry("tier", "gold", includeInJwt=True, includeInTokenResponse=True, jwtClaimName="customer_tier"),
        entry("seats", 7, includeInJwt=True), entry("vip", True, includeInTokenResponse=True),
        entry("apikey", "s3cr3t-of-the-metadata", secret=True, includeInTokenResponse=True), entry("hidden", "nobody sees it")])
    body = world.acquire(key, "jwt")
    claims = jwt.part(body["access_token"], 1)
    assert (claims["customer_tier"], claims["seats"], claims["region"]) == ("gold", 7, "eu")
    assert not {"tier", "vip", "apikey", "hidden"} & set(claims)
    assert (body["tier"], body["vip"], body["region"], body["apikey"]) == ("gold", True, "eu", "s3cr3t-of-the-metadata")
    assert not {"seats", "hidden"} & set(body)
    assert world.opens("jwt", body["access_token"]) == {200}
    opaque = world.acquire(key, "opaque")
    assert (opaque["tier"], opaque["region"], opaque["apikey"]) == ("gold", "eu", "s3cr3t-of-the-metadata")
    regenerated = regenerate(world, key, body["access_token"]).json()
    assert jwt.part(regenerated["access_token"], 1)["customer_tier"] == "gold" and regenerated["tier"] == "gold"


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_is_read_afresh_at_each_refresh(world, kind):
    show = {"includeInJwt": True, "includeInTokenResponse": True}
    key = world.credential(metadata=[entry("plan", "small", **show)])
    pair = world.acquire(key, kind)
    assert pair["plan"] == "small"
    world.change(key, metadata=[entry("plan", "large", **show)])
    wait_for(lambda: {world.acquire(key, kind)["plan"] for _ in range(4)} == {"large"}, 5, "the change on every worker")
    fresh = world.refresh(key, kind, pair["refresh_token"]).json()
    assert fresh["plan"] == "large"
    if kind == "jwt":
        assert jwt.part(fresh["access_token"], 1)["plan"] == "large"


def test_defaults_of_the_organization_change_what_its_members_have(world):
    planes = world.planes
    planes.manage("POST", "/projects/shop/credential-organizations/", {"name": "later", "metadata": [
        entry("site", "one", includeInTokenResponse=True)]})
    key = world.credential(organization="later")
    assert world.acquire(key, "opaque")["site"] == "one"
    planes.manage("PATCH", "/projects/shop/credential-organizations/later/", {"metadata": [entry("site", "two", includeInTokenResponse=True)]})
    wait_for(lambda: {world.acquire(key, "opaque")["site"] for _ in range(4)} == {"two"}, 5, "the new default")


def apikey(value, **more):
    return entry("apikey", value, secret=True, includeInTokenResponse=True, **more)


def details(world, key):
    with sqlite3.connect(f"{world.planes.data}/config.db", timeout=20) as db:
        return json.loads(db.execute("SELECT details FROM client WHERE client_id = ?", (key[0],)).fetchone()[0])


def details_write(world, key, text):
    """Past the manager, before a gateway has read them."""
    with sqlite3.connect(f"{world.planes.data}/config.db", timeout=20) as db:
        db.execute("UPDATE client SET details = ? WHERE client_id = ?", (json.dumps(text), key[0]))


def goes_without(world, key, **others):
    """The tokens of both types, without the secret; the log says so, and not what it is."""
    for kind in KINDS:
        body = world.acquire(key, kind)
        assert "apikey" not in body and {k: body[k] for k in others} == others
        assert world.opens(kind, body["access_token"]) == {200}
    log = world.planes.log()
    assert f'the secret metadata "apikey" of "{key[0]}" cannot be opened' in log
    assert "Secret-" not in log


@pytest.mark.parametrize("kind", KINDS)
def test_secret_metadata_of_an_organization_reaches_its_members(world, kind):
    name = f"vault-{kind}"
    world.planes.manage("POST", "/projects/shop/credential-organizations/", {"name": name, "metadata": [apikey("Secret-Of-All")]})
    member = world.credential(organization=name)
    other = world.credential(organization=name, metadata=[apikey("Secret-Of-One")])
    assert (world.acquire(member, kind)["apikey"], world.acquire(other, kind)["apikey"]) == ("Secret-Of-All", "Secret-Of-One")
    world.planes.manage("PATCH", f"/projects/shop/credential-organizations/{name}/", {"metadata": [apikey("Secret-Of-All-2")]})
    wait_for(lambda: {world.acquire(member, kind)["apikey"] for _ in range(4)} == {"Secret-Of-All-2"}, 5, "the change on every worker")
    assert world.acquire(other, kind)["apikey"] == "Secret-Of-One"


def test_a_sealed_value_changed_in_the_database(world):
    key = world.credential(metadata=[apikey("Secret-Changed"), entry("tier", "gold", includeInTokenResponse=True)])
    text = details(world, key)
    seal = text["metadata"][0]["sealed"]
    text["metadata"][0]["sealed"] = seal[:24] + ("A" if seal[24] != "A" else "B") + seal[25:]
    details_write(world, key, text)
    goes_without(world, key, tier="gold")


def test_a_sealed_value_moved_to_another_credential(world):
    owner = world.credential(metadata=[apikey("Secret-Moved")])
    thief = world.credential(metadata=[entry("tier", "tin", includeInTokenResponse=True)])
    text = details(world, thief)
    text["metadata"] += details(world, owner)["metadata"]
    details_write(world, thief, text)
    goes_without(world, thief, tier="tin")
    assert world.acquire(owner, "opaque")["apikey"] == "Secret-Moved"


def test_a_sealed_value_moved_to_another_key(world):
    key = world.credential(metadata=[apikey("Secret-Shown"), entry("hidden", "Secret-Hidden", secret=True)])
    text = details(world, key)
    shown, hidden = text["metadata"]
    shown["sealed"], hidden["sealed"] = hidden["sealed"], shown["sealed"]
    details_write(world, key, text)
    goes_without(world, key)


def test_a_sealed_value_marked_for_the_jwt(world):
    """No details that say so are read: the credential gets no token rather than one that everybody can read."""
    key = world.credential(metadata=[apikey("Secret-In-Jwt")])
    text = details(world, key)
    text["metadata"][0]["includeInJwt"] = True
    details_write(world, key, text)
    answer = world.planes.token_answer(key, ENDPOINT["jwt"])
    error(answer, 503, "server_error")
    assert "Secret-In-Jwt" not in answer.text + world.planes.log()


def test_too_much_metadata_makes_no_token(world):
    """A JWT that no header line can carry is not issued; an opaque token of the same credential is."""
    many = [entry(f"k{i}", "x" * 2000, includeInJwt=True) for i in range(8)]
    key = world.credential(metadata=many)
    error(world.planes.token_answer(key, "/credential/jwt"), 503, "server_error")
    assert world.planes.token_answer(key, "/credential/token").status_code == 200


# ---- addresses ----

def test_the_address_list_of_a_credential(world):
    inside = world.credential(ipList=["127.0.0.0/8"])
    outside = world.credential(ipList=["192.0.2.1", "2001:db8::/32"])
    for path in ("/credential/token", "/credential/jwt"):
        assert world.planes.token_answer(inside, path).status_code == 200
        refusal = world.planes.token_answer(outside, path)
        error(refusal, 401, "invalid_client")
        wrong = world.planes.token_answer((inside[0], "wrong"), path)
        assert refusal.content == wrong.content
        assert told(refusal) == told(wrong)
    for path in ("/credential/introspect", "/credential/revoke"):
        error(world.post(path, outside, token="x"), 401, "invalid_client")


def test_the_address_behind_a_trusted_proxy(own_planes):
    planes = own_planes(workers=1)
    key = planes.credential("behind", ipList=["198.51.100.7"])

    def ask(forwarded):
        return requests.post(planes.gateway + "/credential/token", data={"grant_type": "client_credentials"}, auth=key,
                             headers={"X-Forwarded-For": forwarded} if forwarded else {}, timeout=30).status_code

    assert ask("198.51.100.7") == 401  # nobody is trusted
    planes.environment(trustedProxies=["127.0.0.1"], forwardedIp={"enabled": True, "xffOrder": "LAST"})
    assert ask("198.51.100.7") == 200
    assert ask("198.51.100.7, 203.0.113.9") == 401
    assert ask("203.0.113.9, 198.51.100.7") == 200
    assert ask("") == 401
    assert ask("not an address") == 400


def test_a_password_and_addresses_of_one_environment_replace_the_general_ones(own_planes):
    planes = own_planes(workers=1)
    name = "per-environment"
    general = planes.credential(name, password="general-password", ipList=["192.0.2.1"],
                                environments=[{"environmentName": "production", "password": "production-password", "ipList": ["127.0.0.1"]}])
    error(planes.token_answer(general, "/credential/token"), 401, "invalid_client")
    assert planes.token_answer((name, "production-password"), "/credential/token").status_code == 200


# ---- public documents, preflight ----

def test_metadata_document(world):
    documents = [world.planes.get(path).json() for path in
                 ("/credential/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/credential")]
    assert documents[0] == documents[1]
    base = world.planes.gateway + "/credential"
    wanted = {"issuer": base, "token_endpoint": base + "/token", "jwt_endpoint": base + "/jwt", "introspection_endpoint": base + "/introspect",
              "revocation_endpoint": base + "/revoke", "jwks_uri": base + "/.well-known/jwks.json"}
    assert {name: documents[0][name] for name in wanted} == wanted
    assert sorted(documents[0]["grant_types_supported"]) == ["client_credentials", "password", "refresh_token"]
    assert world.planes.get("/credential/.well-known/jwks.json").json() == world.planes.get("/auth/.well-known/jwks.json").json()


def test_password_is_advertised_below_auth_once_a_policy_opens_it(own_planes):
    planes = own_planes(workers=1)
    backend = Backend()

    def grants():
        return sorted(planes.get("/auth/.well-known/oauth-authorization-server").json()["grant_types_supported"])

    planes.proxy("plain", backend.url, policy="opaque")
    assert grants() == ["client_credentials", "refresh_token"]
    planes.proxy("people", backend.url, policy="opaque", grantType="PASSWORD")
    assert grants() == ["client_credentials", "password", "refresh_token"]
    backend.close()


@pytest.mark.parametrize("path", ["/credential/token", "/credential/jwt", "/credential/jwt/regenerate", "/credential/introspect", "/credential/revoke"])
def test_other_methods(world, path):
    for method in ("PUT", "DELETE", "PATCH"):
        answer = world.planes.get(path, method=method)
        error(answer, 405, "invalid_request")
        assert answer.headers["Allow"] == "POST, OPTIONS"
    answer = world.planes.get(path, method="OPTIONS")
    assert (answer.status_code, answer.headers["Allow"], answer.content) == (204, "POST, OPTIONS", b"")


# ---- many at once ----

def test_many_credentials_at_once(world):
    keys = [world.credential() for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: world.planes.token_answer(keys[i % 8], ENDPOINT[KINDS[i % 2]]), range(64)))
    assert {a.status_code for a in answers} == {200}
    for i, answer in enumerate(answers):
        assert world.introspect(keys[i % 8], answer.json()["access_token"])["client_id"] == keys[i % 8][0]


# ---- the early revocation list ----

def test_a_full_revocation_list_is_503(own_planes):
    planes = own_planes(workers=2)
    backend = Backend()
    planes.proxy("full", backend.url, policy="jwt", managedFromThisPolicy=False)
    key = planes.credential("filler", access=["full"], token=REFRESH)
    first, second = (planes.token_answer(key, "/credential/jwt").json() for _ in range(2))

    def revoke(token):
        return requests.post(planes.gateway + "/credential/revoke", data={"token": token}, auth=key, timeout=30)

    assert revoke(first["access_token"]).status_code == 200
    full(planes)
    answer = revoke(second["access_token"])
    error(answer, 503, "server_error")
    assert answer.headers["Retry-After"] == "1"
    assert planes.get("/full/x", second["access_token"]).status_code == 200
    assert planes.get("/full/x", first["access_token"]).status_code == 401
    assert planes.metrics()["tollgate_revocations_refused_total"] >= 1
    backend.close()


def full(planes):
    """The counters say that this client has its tenth of a million."""
    with sqlite3.connect(f"{planes.data}/tokens.db", timeout=10) as db:
        assert db.execute("SELECT entries FROM revocation_client WHERE client_id = 'filler'").fetchall() == [(1,)]
        db.execute("UPDATE revocation_client SET entries = 100000 WHERE client_id = 'filler'")
