"""The password grant: users are credentials (identity provider SECRET_MANAGER), at /auth by a policy and at /credential by a credential's settings."""

import jwt_tools as jwt
import pytest
import requests
from harness import Backend, Planes, told, wait_for

REFRESH = {"refreshTokenAllowed": True, "refreshTokenCount": 3, "refreshTokenExpiresInAmount": 1, "refreshTokenExpiresInUnit": "DAYS"}
PASSWORD = {"grantType": "PASSWORD", **REFRESH}
KINDS = ["opaque", "jwt"]
MODES = ["/auth", "/credential"]
SECRET = "a-password-of-the-user"
MANAGEMENT = "/settings/token-management/"


class World:
    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.names = 0
        planes.no_failure_limits()
        self.clients, self.apis = {}, {}
        for kind in KINDS:
            self.apis["/auth", kind] = f"pw-{kind}"
            self.clients["/auth", kind] = planes.proxy(f"pw-{kind}", self.backend.url, policy=kind, addUserToHeader=True, **PASSWORD)
            self.apis["/credential", kind] = f"acl-pw-{kind}"
            planes.proxy(f"acl-pw-{kind}", self.backend.url, policy=kind, managedFromThisPolicy=False, addUserToHeader=True)
        backend_for_users = planes.credential("backend-for-users", token=PASSWORD, access=[self.apis["/credential", k] for k in KINDS])
        for kind in KINDS:
            self.clients["/credential", kind] = backend_for_users

    def user(self, project="shop", **fields):
        self.names += 1
        fields.setdefault("password", SECRET)
        return self.planes.credential(f"user{self.names}", project=project, **fields)

    def post(self, path, key, **form):
        session = requests.Session()
        session.trust_env = False
        return session.post(self.planes.gateway + path, data=form, auth=key, timeout=30)

    def ask(self, mode, kind, user, client=None, **form):
        form = {"grant_type": "password", "username": user[0], "password": user[1], **form}
        path = mode + ("/token" if kind == "opaque" else "/jwt")
        return self.post(path, client or self.clients[mode, kind], **form)

    def acquire(self, mode, kind, user, **form):
        answer = self.ask(mode, kind, user, **form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, mode, kind, token):
        return self.post(mode + ("/token" if kind == "opaque" else "/jwt"), self.clients[mode, kind], grant_type="refresh_token", refresh_token=token)

    def introspect(self, mode, kind, token):
        answer = self.post(mode + "/introspect", self.clients[mode, kind], token=token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def opens(self, mode, kind, token):
        return {self.planes.get(f"/{self.apis[mode, kind]}/x", token).status_code for _ in range(6)}

    def change(self, user, **fields):
        self.planes.manage("PATCH", f"/projects/shop/credentials/{user[0]}/", fields)


@pytest.fixture(scope="module")
def world():
    with Planes(workers=2) as planes:
        w = World(planes)
        yield w
        w.backend.close()


each = pytest.mark.parametrize("mode, kind", [(m, k) for m in MODES for k in KINDS])


def error(answer, status, name):
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] == name and answer.headers["Cache-Control"] == "no-store"


# ---- what a user gets ----

@each
def test_a_users_token(world, mode, kind):
    user = world.user()
    for _ in range(3):  # argon2id, then remembered
        body = world.acquire(mode, kind, user)
        assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert world.opens(mode, kind, body["access_token"]) == {200}
    assert world.backend.header("X-Authenticated-UserId") == [user[0].encode()]
    told = world.introspect(mode, kind, body["access_token"])
    client = world.clients[mode, kind][0]
    assert (told["active"], told["sub"], told["username"], told["client_id"], told["aud"]) == (True, user[0], user[0], client, client)
    if kind == "jwt":
        claims = jwt.verify(body["access_token"], world.planes.get(mode + "/.well-known/jwks.json").json())
        assert (claims["sub"], claims["client_id"], claims["aud"]) == (user[0], client, client)
        assert claims["iss"] == world.planes.gateway + mode


@each
def test_a_generated_password_of_a_user(world, mode, kind):
    name, secret = world.user(password=None)
    assert world.ask(mode, kind, (name, secret)).status_code == 200
    error(world.ask(mode, kind, (name, secret + "x")), 400, "invalid_grant")


@each
def test_refresh_of_a_users_token(world, mode, kind):
    user = world.user()
    first = world.acquire(mode, kind, user)
    answer = world.refresh(mode, kind, first["refresh_token"])
    assert answer.status_code == 200, answer.text
    second = answer.json()
    assert world.opens(mode, kind, second["access_token"]) == {200}
    told = world.introspect(mode, kind, second["access_token"])
    assert (told["active"], told["sub"], told["username"]) == (True, user[0], user[0])


@each
def test_scope_and_metadata_are_the_users(world, mode, kind):
    show = {"includeInJwt": True, "includeInTokenResponse": True}
    user = world.user(roleNameList=["reader", "writer"], metadata=[{"key": "team", "value": "blue", **show},
                                                                  {"key": "pin", "value": "user-secret-pin", "secret": True, "includeInTokenResponse": True}])
    body = world.acquire(mode, kind, user, scope="reader")
    assert (body["scope"], body["team"], body["pin"]) == ("reader", "blue", "user-secret-pin")
    error(world.ask(mode, kind, user, scope="admin"), 400, "invalid_scope")
    if kind == "jwt":
        claims = jwt.part(body["access_token"], 1)
        assert (claims["scope"], claims["team"]) == ("reader", "blue") and "pin" not in claims
    world.change(user, metadata=[{"key": "team", "value": "red", **show}])
    wait_for(lambda: {world.acquire(mode, kind, user)["team"] for _ in range(4)} == {"red"}, 5, "the change on every worker")
    fresh = world.refresh(mode, kind, body["refresh_token"]).json()
    assert (fresh["team"], fresh["scope"]) == ("red", "reader") and "pin" not in fresh


# ---- who gets nothing ----

@each
def test_one_answer_for_every_failure(world, mode, kind):
    good, disabled, expired, foreign = world.user(), world.user(), world.user(), world.user(project="other")
    world.change(disabled, enabled=False)
    world.change(expired, expireDate="2020-01-01T00:00:00Z")
    asked = [("nobody-of-this-name", SECRET), (good[0], "wrong-password-here"), (good[0], good[1][:-1]), disabled, expired, foreign]
    answers = [world.ask(mode, kind, user) for user in asked]
    for answer in answers:
        error(answer, 400, "invalid_grant")
        assert answer.content == answers[0].content
        assert told(answer) == told(answers[0])
        assert answer.elapsed.total_seconds() >= 0.1
    assert world.ask(mode, kind, good).status_code == 200


@each
def test_malformed_requests(world, mode, kind):
    client, user = world.clients[mode, kind], world.user()
    path = mode + ("/token" if kind == "opaque" else "/jwt")
    error(world.post(path, client, grant_type="password", username=user[0]), 400, "invalid_request")
    error(world.post(path, client, grant_type="password", password=user[1]), 400, "invalid_request")
    error(world.post(path, client, grant_type="client_credentials"), 400, "unauthorized_client")
    error(world.ask(mode, kind, user, client=(client[0], "wrong")), 401, "invalid_client")
    in_url = requests.post(world.planes.gateway + path + f"?username={user[0]}&password={user[1]}", data={"grant_type": "password"}, auth=client, timeout=30)
    error(in_url, 400, "invalid_request")


def test_the_grant_is_open_only_where_the_settings_say(world):
    user = world.user()
    closed = world.planes.proxy("pw-closed", world.backend.url, policy="opaque")
    error(world.ask("/auth", "opaque", user, client=closed), 400, "unauthorized_client")
    error(world.ask("/credential", "opaque", user, client=world.user()), 400, "unauthorized_client")


# ---- what ends a user's tokens ----

@each
@pytest.mark.parametrize("change", ["password", "disabled", "expired", "deleted"])
def test_what_ends_a_users_tokens(world, mode, kind, change):
    user, other = world.user(), world.user()
    pair, untouched = world.acquire(mode, kind, user), world.acquire(mode, kind, other)
    assert world.opens(mode, kind, pair["access_token"]) == {200}
    assert world.introspect(mode, kind, pair["access_token"])["active"] is True
    if change == "password":
        world.change(user, password="another-password-of-the-user")
    elif change == "disabled":
        world.change(user, enabled=False)
    elif change == "expired":
        world.change(user, expireDate="2020-01-01T00:00:00Z")
    else:
        world.planes.manage("DELETE", f"/projects/shop/credentials/{user[0]}/")
    wait_for(lambda: world.opens(mode, kind, pair["access_token"]) == {401}, 5, "the token ends")
    assert world.introspect(mode, kind, pair["access_token"]) == {"active": False}
    error(world.refresh(mode, kind, pair["refresh_token"]), 400, "invalid_grant")
    assert world.opens(mode, kind, untouched["access_token"]) == {200}


def test_regenerate_follows_the_user(world):
    for mode in MODES:
        user = world.user()
        client = world.clients[mode, "jwt"]
        token = world.acquire(mode, "jwt", user)["access_token"]

        def regenerate():
            return requests.post(world.planes.gateway + mode + "/jwt/regenerate", headers={"Authorization": "Bearer " + token},
                                 data={"client_id": client[0], "client_secret": client[1]}, timeout=30)

        fresh = regenerate()
        assert fresh.status_code == 200, fresh.text
        assert jwt.part(fresh.json()["access_token"], 1)["sub"] == user[0]
        assert world.introspect(mode, "jwt", fresh.json()["access_token"])["username"] == user[0]
        world.change(user, enabled=False)
        wait_for(lambda: regenerate().status_code == 400, 5, "a disabled user gets no new token")
        error(regenerate(), 400, "invalid_grant")
        assert world.introspect(mode, "jwt", fresh.json()["access_token"]) == {"active": False}


# ---- addresses ----

def test_addresses_of_users(world):
    """Always at /credential; at /auth only with checkClientIpAddress."""
    planes = world.planes
    inside, outside = world.user(ipList=["127.0.0.1"]), world.user(ipList=["192.0.2.0/24"])
    strict = planes.proxy("pw-strict", world.backend.url, policy="opaque", checkClientIpAddress=True, **PASSWORD)
    assert world.ask("/auth", "opaque", outside).status_code == 200
    error(world.ask("/auth", "opaque", outside, client=strict), 400, "invalid_grant")
    assert world.ask("/auth", "opaque", inside, client=strict).status_code == 200
    error(world.ask("/credential", "opaque", outside), 400, "invalid_grant")
    assert world.ask("/credential", "opaque", inside).status_code == 200


@pytest.mark.parametrize("mode", MODES)
def test_a_users_new_tokens_are_for_its_addresses_too(world, mode):
    """Whoever has the tokens of a user elsewhere gets no others for them."""
    for kind in KINDS:
        client = world.clients[mode, kind]
        if mode == "/auth":
            client = world.planes.proxy(f"pw-near-{kind}", world.backend.url, policy=kind, checkClientIpAddress=True, **PASSWORD)
        user = world.user()
        pair = world.ask(mode, kind, user, client=client).json()
        form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}

        def regenerate():
            return requests.post(world.planes.gateway + mode + "/jwt/regenerate", headers={"Authorization": "Bearer " + pair["access_token"]},
                                 data={"client_id": client[0], "client_secret": client[1]}, timeout=30)

        assert kind != "jwt" or regenerate().status_code == 200
        world.change(user, ipList=["192.0.2.0/24"])
        wait_for(lambda: world.ask(mode, kind, user, client=client).status_code == 400, 5, "the list is known")
        error(world.post(mode + "/token", client, **form), 400, "invalid_grant")
        if kind == "jwt":
            error(regenerate(), 400, "invalid_grant")
        world.change(user, ipList=["127.0.0.1"])
        wait_for(lambda: world.ask(mode, kind, user, client=client).status_code == 200, 5, "the list is known")
        assert world.post(mode + "/token", client, **form).status_code == 200
        assert kind != "jwt" or regenerate().status_code == 200


# ---- clients without a secret ----

@pytest.fixture(scope="module")
def public(world):
    return {kind: world.planes.proxy(f"pw-public-{kind}", world.backend.url, policy=kind, clientSecretRequired=False, **PASSWORD) for kind in KINDS}


@pytest.mark.parametrize("secret", ["absent", "-", "right"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_needs_no_secret(world, public, kind, secret):
    name, own = public[kind]
    user = world.user()
    client = {"client_id": name, **({} if secret == "absent" else {"client_secret": "-" if secret == "-" else own})}
    path = "/auth/token"
    answer = world.post(path, None, grant_type="password", username=user[0], password=user[1], **client)
    assert answer.status_code == 200, answer.text
    pair = answer.json()
    rotated = world.post(path, None, grant_type="refresh_token", refresh_token=pair["refresh_token"], **client)
    assert rotated.status_code == 200 and rotated.json()["refresh_token"] != pair["refresh_token"]
    assert world.post("/auth/revoke", None, token=rotated.json()["access_token"], **client).status_code == 200
    assert world.planes.get(f"/pw-public-{kind}/x", rotated.json()["access_token"]).status_code == 401


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_is_never_optional_elsewhere(world, public, kind):
    name, own = public[kind]
    user = world.user()
    token = world.post("/auth/token", None, grant_type="password", username=user[0], password=user[1], client_id=name).json()["access_token"]
    for client in ({"client_id": name}, {"client_id": name, "client_secret": "-"}):
        error(world.post("/auth/introspect", None, token=token, **client), 401, "invalid_client")
        answer = requests.post(world.planes.gateway + "/auth/jwt/regenerate", data=client, headers={"Authorization": "Bearer " + token}, timeout=30)
        error(answer, 401, "invalid_client")
        error(world.post("/auth/token", None, grant_type="client_credentials", **client), 401, "invalid_client")
    wrong = {"client_id": name, "client_secret": "wrong-secret"}
    error(world.post("/auth/token", None, grant_type="password", username=user[0], password=user[1], **wrong), 401, "invalid_client")
    assert world.post("/auth/introspect", (name, own), token=token).json()["active"] is True


def test_a_secret_is_required_unless_the_policy_says_otherwise(world):
    name, _ = world.clients["/auth", "opaque"]
    user = world.user()
    for more in ({}, {"client_secret": "-"}):
        error(world.post("/auth/token", None, grant_type="password", username=user[0], password=user[1], client_id=name, **more), 401, "invalid_client")
