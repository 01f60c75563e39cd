"""The life of a token in both modes: refresh, introspection, revocation, through the real gateway (token-api.md)."""

import concurrent.futures
import time

import pytest
import requests

from harness import Backend, jwt_part

REFRESH = {"refreshTokenAllowed": True, "refreshTokenCount": 3, "refreshTokenExpiresInAmount": 1, "refreshTokenExpiresInUnit": "DAYS"}
ROUNDS = 12  # requests, spread over both workers


KINDS = ["opaque", "jwt", "credential-opaque", "credential-jwt"]


class Key(tuple):
    """client_id and client_secret, and where this client gets its tokens."""

    prefix, path = "/auth", "/auth/token"


class OpaqueCredential(Key):
    prefix, path = "/credential", "/credential/token"


class JwtCredential(Key):
    prefix, path = "/credential", "/credential/jwt"


@pytest.fixture(scope="module")
def api(planes):
    """Protected APIs and the clients that may call them: {"opaque": (path, key), "credential-jwt": ...}."""
    backend = Backend()
    planes.no_failure_limits()
    made = {}
    for kind, client in (("opaque", OpaqueCredential), ("jwt", JwtCredential)):
        made[kind] = f"/life-{kind}/x", Key(planes.proxy("life-" + kind, backend.url, policy=kind, **REFRESH))
        name = "life-acl-" + kind
        planes.proxy(name, backend.url, policy=kind, managedFromThisPolicy=False)
        made["credential-" + kind] = f"/{name}/x", client(planes.credential(name + "-client", token=REFRESH, access=[name]))
    yield made
    backend.close()


def post(planes, path, key, **form):
    session = requests.Session()
    session.trust_env = False
    return session.post(planes.gateway + path, data=form, auth=tuple(key), timeout=30)


def refresh(planes, key, token, **form):
    return post(planes, getattr(key, "path", Key.path), key, grant_type="refresh_token", refresh_token=token, **form)


def introspect(planes, key, token, **form):
    answer = post(planes, prefix(key) + "/introspect", key, token=token, **form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()


def revoke(planes, key, token, **form):
    answer = post(planes, prefix(key) + "/revoke", key, token=token, **form)
    assert (answer.status_code, answer.content) == (200, b"")


def prefix(key):
    return getattr(key, "prefix", Key.prefix)


def statuses(planes, path, token):
    return {planes.get(path, token).status_code for _ in range(ROUNDS)}


def acquire(planes, key):
    answer = planes.token_answer(tuple(key), getattr(key, "path", Key.path))
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer, error="invalid_grant"):
    assert answer.status_code == 400 and answer.json()["error"] == error, answer.text


# ---- refresh ----

@pytest.mark.parametrize("kind", KINDS)
def test_refresh_gives_a_new_pair(planes, api, kind):
    path, key = api[kind]
    first = acquire(planes, key)
    assert set(first) == {"access_token", "token_type", "expires_in", "refresh_token"}
    answer = refresh(planes, key, first["refresh_token"])
    assert answer.status_code == 200, answer.text
    second = answer.json()
    assert set(second) == set(first)
    assert second["access_token"] != first["access_token"] and second["refresh_token"] != first["refresh_token"]
    assert statuses(planes, path, second["access_token"]) == {200}
    # a refresh of an opaque token ends the access token in use; a JWT lives to its exp
    assert statuses(planes, path, first["access_token"]) == ({401} if kind.endswith("opaque") else {200})


@pytest.mark.parametrize("kind", KINDS)
def test_repeats_of_one_refresh_give_the_same_pair_and_are_charged_once(planes, api, kind):
    path, key = api[kind]
    first = acquire(planes, key)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refresh(planes, key, first["refresh_token"]), range(16)))
    assert {a.status_code for a in answers} == {200}, [a.text for a in answers if a.status_code != 200]

    def name(answer):
        token = answer.json()["access_token"]
        return token if kind.endswith("opaque") else tuple(jwt_part(token, 1)[c] for c in ("jti", "iat", "exp"))

    assert len({name(a) for a in answers}) == 1
    pair = answers[0].json()
    for left in (2, 1):  # three refreshes in all: one was charged for the sixteen
        answer = refresh(planes, key, pair["refresh_token"])
        assert answer.status_code == 200, (left, answer.text)
        pair = answer.json()
    refused(refresh(planes, key, pair["refresh_token"]))


@pytest.mark.parametrize("kind", KINDS)
def test_used_up_says_so_and_revokes_nothing(planes, api, kind):
    path, key = api[kind]
    pair = acquire(planes, key)
    for _ in range(3):
        pair = refresh(planes, key, pair["refresh_token"]).json()
    answer = refresh(planes, key, pair["refresh_token"])
    refused(answer)
    assert "used up" in answer.json()["error_description"]
    assert statuses(planes, path, pair["access_token"]) == {200}


@pytest.mark.parametrize("kind", KINDS)
def test_reuse_after_the_grace_period_ends_the_family(planes, api, kind):
    path, key = api[kind]
    first = acquire(planes, key)
    second = refresh(planes, key, first["refresh_token"]).json()
    third = refresh(planes, key, second["refresh_token"]).json()  # first use of the successor
    assert refresh(planes, key, first["refresh_token"]).status_code in (200, 400)  # within grace: a repeat, or what came of it has ended
    time.sleep(11)
    assert statuses(planes, path, third["access_token"]) == {200}
    refused(refresh(planes, key, first["refresh_token"]))
    assert statuses(planes, path, third["access_token"]) == {401}
    refused(refresh(planes, key, third["refresh_token"]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ["refresh_token", "access_token"])
def test_a_repeat_of_an_old_refresh_gives_nothing_once_the_line_was_revoked(planes, api, kind, what):
    """Its pair was refreshed on, and what came of that was revoked: the repeat would be a success that opens nothing."""
    path, key = api[kind]
    first = acquire(planes, key)
    second = refresh(planes, key, first["refresh_token"]).json()
    third = refresh(planes, key, second["refresh_token"]).json()
    revoke(planes, key, third[what])
    answer = refresh(planes, key, first["refresh_token"])
    if what == "access_token" and kind.endswith("jwt"):  # its jti alone: the family lives
        assert answer.status_code == 200, answer.text
        return
    refused(answer)
    refused(refresh(planes, key, second["refresh_token"]))


def test_a_repeat_after_a_restart_gives_the_same_pair(own_planes):
    planes = own_planes(workers=1)
    backend = Backend()
    key = planes.proxy("again", backend.url, policy="opaque", **REFRESH)
    first = acquire(planes, key)
    second = refresh(planes, key, first["refresh_token"]).json()
    planes.stop()
    planes.start()
    answer = refresh(planes, key, first["refresh_token"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["access_token"] == second["access_token"] and answer.json()["refresh_token"] == second["refresh_token"]
    backend.close()


def test_rotation_off_gives_the_same_refresh_token_again(planes):
    backend = Backend()
    key = planes.proxy("life-same", backend.url, policy="opaque", refreshTokenRotation=False, **REFRESH)
    pair = acquire(planes, key)
    seen = {pair["access_token"]}
    for _ in range(3):
        answer = refresh(planes, key, pair["refresh_token"])
        assert answer.status_code == 200, answer.text
        assert answer.json()["refresh_token"] == pair["refresh_token"]
        last = answer.json()["access_token"]
        assert last not in seen
        seen.add(last)
        assert statuses(planes, "/life-same/x", last) == {200}
    refused(refresh(planes, key, pair["refresh_token"]))
    assert statuses(planes, "/life-same/x", last) == {200}
    backend.close()


def test_refresh_of_another_client(planes, api):
    _, opaque_key = api["opaque"]
    _, jwt_key = api["jwt"]
    refused(refresh(planes, jwt_key, acquire(planes, opaque_key)["refresh_token"]))
    refused(refresh(planes, opaque_key, acquire(planes, jwt_key)["refresh_token"]))


@pytest.mark.parametrize("kind", KINDS)
def test_one_token_as_the_other(planes, api, kind):
    path, key = api[kind]
    pair = acquire(planes, key)
    assert statuses(planes, path, pair["refresh_token"]) == {401}
    refused(refresh(planes, key, pair["access_token"]))
    refused(refresh(planes, key, "tgr_nonsense"))
    refused(post(planes, key.path, key, grant_type="refresh_token"), "invalid_request")
    refused(refresh(planes, key, pair["refresh_token"], scope="more"), "invalid_scope")


def test_refresh_that_is_not_open(planes):
    backend = Backend()
    key = planes.proxy("life-closed", backend.url, policy="opaque")
    assert "refresh_token" not in acquire(planes, key)
    refused(refresh(planes, key, "tgr_x"), "unauthorized_client")
    backend.close()


def test_delete_previous_ends_what_came_before(planes):
    backend = Backend()
    key = planes.proxy("life-one", backend.url, policy="opaque", deletePrevious=True)
    tokens = [planes.token(key) for _ in range(3)]
    for old in tokens[:-1]:
        assert statuses(planes, "/life-one/x", old) == {401}
    assert statuses(planes, "/life-one/x", tokens[-1]) == {200}
    newest = planes.token(key)  # the one before is in the cache by now
    assert statuses(planes, "/life-one/x", tokens[-1]) == {401}
    assert statuses(planes, "/life-one/x", newest) == {200}
    backend.close()


# ---- introspection ----

@pytest.mark.parametrize("kind", KINDS)
def test_introspection_of_a_living_token(planes, api, kind):
    _, key = api[kind]
    answer = introspect(planes, key, acquire(planes, key)["access_token"])
    assert answer["active"] is True and answer["token_type"] == "Bearer"
    assert answer["client_id"] == answer["sub"] == answer["aud"] == key[0]
    assert answer["iss"] == planes.gateway + key.prefix
    assert answer["exp"] - answer["iat"] == 3600
    assert ("jti" in answer) == (kind.endswith("jwt"))


def test_introspection_tells_nothing_else(planes, api):
    _, key = api["opaque"]
    _, other = api["jwt"]
    pair = acquire(planes, key)
    jwt = acquire(planes, other)
    tampered = jwt["access_token"][:-3] + ("AAA" if not jwt["access_token"].endswith("AAA") else "BBB")
    for who, token in ((other, pair["access_token"]), (key, jwt["access_token"]), (key, pair["refresh_token"]), (other, jwt["refresh_token"]),
                       (other, tampered), (key, "tga_unknown"), (key, "x"), (key, "a.b.c"), (key, pair["access_token"][:-1] + "A" * 2)):
        assert introspect(planes, who, token) == {"active": False}, token
    hinted = introspect(planes, key, pair["refresh_token"], token_type_hint="refresh_token")
    assert hinted["active"] is True and "token_type" not in hinted
    assert introspect(planes, other, jwt["refresh_token"], token_type_hint="refresh_token") == {"active": False}


def test_introspection_wants_a_client_and_a_token(planes, api):
    _, key = api["opaque"]
    refused(post(planes, "/auth/introspect", key, other="x"), "invalid_request")
    answer = post(planes, "/auth/introspect", (key[0], "wrong"), token="x")
    assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"
    assert requests.get(planes.gateway + "/auth/introspect", timeout=30).status_code == 405


# ---- revocation ----

@pytest.mark.parametrize("kind", KINDS)
def test_revoked_means_refused_by_every_worker_at_once(planes, api, kind):
    path, key = api[kind]
    for _ in range(5):
        token = acquire(planes, key)["access_token"]
        assert statuses(planes, path, token) == {200}  # every worker has it in its cache
        revoke(planes, key, token)
        assert statuses(planes, path, token) == {401}
        assert introspect(planes, key, token) == {"active": False}
        revoke(planes, key, token)  # a second time changes nothing


@pytest.mark.parametrize("kind", KINDS)
def test_revoking_the_refresh_token_ends_the_family(planes, api, kind):
    path, key = api[kind]
    first = acquire(planes, key)
    second = refresh(planes, key, first["refresh_token"]).json()
    assert statuses(planes, path, second["access_token"]) == {200}
    revoke(planes, key, second["refresh_token"], token_type_hint="refresh_token")
    assert statuses(planes, path, second["access_token"]) == {401}
    assert statuses(planes, path, first["access_token"]) == {401}
    refused(refresh(planes, key, second["refresh_token"]))


@pytest.mark.parametrize("kind", KINDS)
def test_revoking_an_old_refresh_token_ends_what_came_of_it(planes, api, kind):
    path, key = api[kind]
    first = acquire(planes, key)
    second = refresh(planes, key, first["refresh_token"]).json()
    assert statuses(planes, path, second["access_token"]) == {200}
    revoke(planes, key, first["refresh_token"])
    assert statuses(planes, path, second["access_token"]) == {401}


def test_another_clients_token_stays(planes, api):
    path, key = api["opaque"]
    jwt_path, jwt_key = api["jwt"]
    opaque, jwt = acquire(planes, key), acquire(planes, jwt_key)
    revoke(planes, jwt_key, opaque["access_token"])
    revoke(planes, jwt_key, opaque["refresh_token"])
    revoke(planes, key, jwt["access_token"])
    revoke(planes, key, jwt["refresh_token"])
    revoke(planes, key, "tga_unknown")
    assert statuses(planes, path, opaque["access_token"]) == {200}
    assert statuses(planes, jwt_path, jwt["access_token"]) == {200}


def test_early_revocations_outlive_a_restart(own_planes):
    planes = own_planes(workers=2)
    backend = Backend()
    key = planes.proxy("gone", backend.url, policy="jwt", **REFRESH)
    revoked, family, lives = acquire(planes, key), acquire(planes, key), acquire(planes, key)
    revoke(planes, key, revoked["access_token"])
    revoke(planes, key, family["refresh_token"])
    for _ in range(2):
        assert statuses(planes, "/gone/x", revoked["access_token"]) == {401}
        assert statuses(planes, "/gone/x", family["access_token"]) == {401}
        assert statuses(planes, "/gone/x", lives["access_token"]) == {200}
        planes.stop()
        planes.start()
    backend.close()


def test_a_changed_secret_ends_refresh_tokens_too(planes):
    backend = Backend()
    key = planes.proxy("life-key", backend.url, policy="opaque", **REFRESH)
    pair = acquire(planes, key)
    fresh = planes.manage("PATCH", "/projects/shop/apiProxies/life-key/settings/keys/", {"regenerate": True})["applicationKey"]
    new_key = (fresh["clientId"], fresh["clientSecret"])
    end = time.monotonic() + 10
    while planes.token_answer(new_key).status_code != 200 and time.monotonic() < end:
        time.sleep(0.05)
    refused(refresh(planes, new_key, pair["refresh_token"]))
    assert introspect(planes, new_key, pair["access_token"]) == {"active": False}
    backend.close()


def test_rotation_off_answers_the_very_refresh_jwt(planes):
    backend = Backend()
    key = planes.proxy("life-same-jwt", backend.url, policy="jwt", refreshTokenRotation=False, **REFRESH)
    pair = acquire(planes, key)
    for _ in range(2):
        answer = refresh(planes, key, pair["refresh_token"])
        assert answer.status_code == 200, answer.text
        assert answer.json()["refresh_token"] == pair["refresh_token"]
    backend.close()


def test_delete_previous_in_parallel_leaves_the_last_one(planes):
    backend = Backend()
    key = planes.proxy("life-race", backend.url, policy="opaque", deletePrevious=True)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: planes.token(key), range(16)))
    living = [t for t in tokens if planes.get("/life-race/x", t).status_code == 200]
    assert len(living) == 1
    backend.close()
