"""Password grants whose users an HTTP API keeps: what they get, who gets nothing, and providers that cannot tell."""

import time
import urllib.parse

import jwt_tools as jwt
import pytest
import requests
from harness import Planes, free_port, wait_for
from identities import KINDS, MODES, REFRESH, Service, World, answer_of, error


@pytest.fixture(scope="module")
def world():
    with Planes(workers=2) as planes:
        w = World(planes)
        yield w
        w.close()


each = pytest.mark.parametrize("mode, kind", [(m, k) for m in MODES for k in KINDS])


# ---- what a user gets ----

@each
def test_a_users_token(world, mode, kind):
    user = world.service.user("anna", roles=["reader", "writer"], dept="it", balance=3)
    body = world.acquire(user, mode, kind)
    assert body["dept"] == "it" and "scope" not in body
    assert world.call(body["access_token"], mode, kind).status_code == 200
    assert world.backend.header("X-Authenticated-UserId") == [b"anna"]
    assert world.backend.header("X-Authenticated-UserRoles") == [b"reader,writer"]
    told = world.introspect(body["access_token"], mode, kind)
    assert (told["active"], told["sub"], told["username"]) == (True, "anna", "anna") and "scope" not in told
    if kind == "jwt":
        claims = jwt.verify(body["access_token"], world.planes.get(mode + "/.well-known/jwks.json").json())
        assert (claims["sub"], claims["dept"], claims["tg_roles"]) == ("anna", "it", "reader writer")
        assert "tg_ugen" not in claims and "scope" not in claims


@each
def test_roles_are_scopes(world, mode, kind):
    user = world.service.user("carol", roles=["reader", "writer"])
    body = world.acquire(user, mode, kind, scope="reader")
    assert body["scope"] == "reader"
    assert world.call(body["access_token"], mode, kind).status_code == 200
    assert world.backend.header("X-Authenticated-UserRoles") == [b"reader"]
    error(world.ask(user, mode, kind, scope="admin"), 400, "invalid_scope")


@each
def test_refresh_needs_no_provider(world, mode, kind):
    user = world.service.user("dora", roles=["reader"], dept="law")
    first = world.acquire(user, mode, kind)
    before = len(world.service.asked)
    answers = [world.refresh(first["refresh_token"], mode, kind) for _ in range(3)]
    assert len(world.service.asked) == before
    assert [a.status_code for a in answers] == [200] * 3, answers[0].text
    pair = answers[0].json()
    assert world.call(pair["access_token"], mode, kind).status_code == 200
    assert world.backend.header("X-Authenticated-UserRoles") == [b"reader"]
    if kind == "jwt":
        parts = [jwt.part(a.json()["access_token"], 1) for a in answers]
        assert parts[0]["dept"] == "law" and parts[0]["tg_roles"] == "reader"
        assert all(p == parts[0] for p in parts), "each repeat of a refresh is the same pair"
    else:
        assert all(a.json()["access_token"] == pair["access_token"] for a in answers)
    again = world.refresh(pair["refresh_token"], mode, kind)
    assert again.status_code == 200
    if kind == "jwt":
        assert jwt.part(again.json()["access_token"], 1)["dept"] == "law"
    error(world.refresh(again.json()["refresh_token"], mode, kind, scope="reader"), 400, "invalid_scope")


def test_method_access_by_roles_of_the_provider(world):
    client = world.proxy("id-rules", "jwt", authorization={"enabled": True, "methodAccess": [{"httpMethod": "GET", "path": "/x", "roles": ["writer"]}]})
    reader, writer = world.service.user("eve", roles=["reader"]), world.service.user("frank", roles=["writer"])
    statuses = [world.call(world.acquire(u, kind="jwt", client=client)["access_token"], api="id-rules").status_code for u in (reader, writer)]
    assert statuses == [403, 200]


def test_metadata_goes_before_claims(world):
    planes = world.planes
    show = {"includeInJwt": True, "includeInTokenResponse": True}
    key = planes.credential("with-metadata", token={"grantType": "PASSWORD", "identityProvider": "staff", **REFRESH},
                            metadata=[{"key": "dept", "value": "of the client", **show}])
    body = world.acquire(world.service.user("greta", dept="of the provider"), "/credential", "jwt", client=key)
    assert body["dept"] == "of the client" and jwt.part(body["access_token"], 1)["dept"] == "of the client"


def test_the_answer_of_a_service_beside_the_token(world):
    world.provider(world.service.body("telling", includeInTokenResponse=True))
    client = world.proxy("id-telling", "opaque", "telling")
    body = world.acquire(world.service.user("hugo", roles=["a"], balance={"eur": 3}), client=client)
    assert body["X-ApiResponse"] == {"roles": ["a"], "balance": {"eur": 3}}


def test_a_subject_as_the_provider_writes_it(world):
    world.provider(world.service.body("subjects", subjectPath="$.known_as"))
    client = world.proxy("id-subjects", "opaque", "subjects")
    user = world.service.user("IDA", known_as="ida")
    token = world.acquire(user, client=client)["access_token"]
    assert world.introspect(token, client=client)["sub"] == "ida"
    for known_as in ("x" * 300, "a\0b"):
        answer = world.ask(world.service.user("JIM", known_as=known_as), client=client)
        error(answer, 503, "server_error")


def test_the_name_of_the_client_is_no_users(world):
    """Such a token would be the client's own, with its roles."""
    user = world.service.user("application-of-users", roles=["admin"])
    error(world.ask(user, "/credential", "opaque"), 400, "invalid_grant")


# ---- who gets nothing ----

@each
def test_one_answer_for_every_failure(world, mode, kind):
    good = world.service.user("karl")
    answers = [world.ask(u, mode, kind) for u in [("nobody-of-this-name", "x-password"), ("karl", "wrong-password"), ("k\u00e4rl", "x"), ("x" * 257, "x")]]
    for answer in answers:
        error(answer, 400, "invalid_grant")
        assert answer.content == answers[0].content and "Retry-After" not in answer.headers
        assert answer.elapsed.total_seconds() >= 0.1
    assert world.ask(good, mode, kind).status_code == 200


@pytest.mark.parametrize("name", ["x", "y" * 256, "z" * 257, "w" * 65000, "nul\0byte", b"\xff\xfe", b"a\xc3", 'q"uo\\te', "{{password}}", "a\r\nX-Evil: 1", "&x=%00", "*)(uid=*", "' OR 1=1 --"])
def test_names_of_any_bytes(world, name):
    """Asked for exactly as they are, or not at all."""
    raw = name if isinstance(name, bytes) else name.encode()
    before = len(world.service.asked)
    form = b"grant_type=password&password=p%22%5C%0D%0A&username=" + urllib.parse.quote_from_bytes(raw, safe="").encode()
    if len(form) > 65536:
        pytest.skip("no such request")
    client = world.clients["/auth", "opaque"]
    answer = requests.post(world.planes.gateway + "/auth/token", data=form, auth=client, timeout=60, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400 and answer.json()["error"] in ("invalid_grant", "invalid_request")
    assert answer.headers.get("X-Evil") is None
    asked = world.service.asked[before:]
    if len(raw) > 256 or b"\0" in raw or isinstance(name, bytes):
        assert asked == []
    else:
        assert asked == [{"user": name, "password": 'p"\\\r\n'}]


def test_an_empty_password_is_never_asked_about(world):
    world.service.user("lara", password="")
    before = len(world.service.asked)
    error(world.ask(("lara", "")), 400, "invalid_request")
    assert len(world.service.asked) == before


def test_failure_limits_count(world):
    world.planes.environment(failureLimits={"perClient": {"limit": 3, "intervalAmount": 1, "intervalUnit": "MINUTES"}, "perAddress": {"limit": 0}})
    try:
        statuses = [world.ask((name, "wrong")).status_code for name in ("mona", "MONA", "Mona", "mona", "mOna")]
        assert statuses == [400] * 3 + [429] * 2
        assert world.ask(world.service.user("nina")).status_code == 200
    finally:
        world.planes.no_failure_limits()


def test_the_log_has_the_true_reason(world):
    world.service.user("reasoned")
    world.ask(("reasoned", "wrong"))
    world.ask(("unreasoned", "wrong"))
    world.service.raw = b""
    try:
        world.ask(("reasoned", "a-password"))
    finally:
        world.service.raw = None
    wait_for(lambda: (sorted(set(world.reasons("reasoned"))), world.reasons("unreasoned")) == (["unavailable", "wrong_password"], ["wrong_password"]), 10, "the log")


# ---- providers that cannot tell ----

@pytest.mark.parametrize("raw", [answer_of(500, {}), answer_of(302, {}, Location="http://127.0.0.1:1/"), b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{}",
                                 b"not http at all\r\n\r\n", b"", answer_of(200, b"[" * 100000), answer_of(200, b" " * 70000)], ids=range(7))
def test_nonsense_is_never_a_yes(world, raw):
    user = world.service.user("olga")
    world.service.raw = raw
    try:
        answer = world.ask(user)
        assert answer.status_code in (400, 503), answer.text
        if answer.status_code == 503:
            error(answer, 503, "server_error")
            assert int(answer.headers["Retry-After"]) >= 1
    finally:
        world.service.raw = None
        world.change("staff", description=str(time.time()))  # another version: its breaker is closed
    wait_for(lambda: [world.ask(user).status_code for _ in range(6)] == [200] * 6, 10, "it goes on")


def test_a_provider_that_is_not_reached(world):
    world.provider({**world.service.body("dead", circuitBreaker={"failures": 2, "openMillis": 60000}), "url": f"http://127.0.0.1:{free_port()}/"})
    client = world.proxy("id-dead", "opaque", "dead")
    for _ in range(8):
        answer = error(world.ask(("anna", "a-password"), client=client), 503, "server_error")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert world.checks("dead", "unavailable") <= 4 and world.checks("dead", "circuit_open") >= 4
    assert world.ask(world.service.user("anna")).status_code == 200, "other providers do not care"


def test_a_disabled_provider(world):
    world.provider(world.service.body("off"))
    client = world.proxy("id-off", "opaque", "off")
    user = world.service.user("paul")
    assert world.ask(user, client=client).status_code == 200
    world.change("off", enabled=False)
    for _ in range(4):
        error(world.ask(user, client=client), 503, "server_error")
    world.change("off", enabled=True)
    assert [world.ask(user, client=client).status_code for _ in range(4)] == [200] * 4


def test_a_change_is_live_without_a_deploy(world):
    second = Service()
    try:
        world.provider(world.service.body("moving"))
        client = world.proxy("id-moving", "opaque", "moving")
        user = world.service.user("quinn")
        assert world.ask(user, client=client).status_code == 200
        second.user("quinn", password="the-other-password")
        world.change("moving", url=second.url)
        for _ in range(6):
            error(world.ask(user, client=client), 400, "invalid_grant")
            assert world.ask(("quinn", "the-other-password"), client=client).status_code == 200
    finally:
        second.close()


# ---- the breaker ----

def test_the_breaker_opens_and_closes(own_planes):
    planes = own_planes(workers=1)
    world = World(planes)
    try:
        user = world.service.user("rosa")
        world.change("staff", circuitBreaker={"failures": 3, "openMillis": 1000})
        world.service.raw = b""
        for _ in range(3):
            error(world.ask(user), 503, "server_error")
        asked = len(world.service.asked)
        assert planes.metrics()['tollgate_identity_breaker_state{project="shop",provider="staff"}'] == 1
        refused = error(world.ask(user), 503, "server_error")
        assert refused.headers["Retry-After"] == "1" and len(world.service.asked) == asked
        time.sleep(1.1)
        error(world.ask(user), 503, "server_error")  # the probe
        assert len(world.service.asked) >= asked + 1
        error(world.ask(user), 503, "server_error")
        world.service.raw = None
        wait_for(lambda: world.ask(user).status_code == 200, 10, "a probe closes it", every=0.2)
        assert [world.ask(user).status_code for _ in range(5)] == [200] * 5
        for _ in range(10):  # wrong passwords are answers
            error(world.ask(("rosa", "wrong")), 400, "invalid_grant")
        assert world.ask(user).status_code == 200
        assert planes.metrics()['tollgate_identity_breaker_state{project="shop",provider="staff"}'] == 0
    finally:
        world.close()


# ---- the cache ----

def test_checks_are_remembered_only_where_it_is_set(world):
    user = world.service.user("sven", roles=["reader"], dept="it")
    world.provider(world.service.body("short", cacheSeconds=60))
    client = world.proxy("id-short", "jwt", "short")
    before = len(world.service.asked)
    bodies = [world.acquire(user, kind="jwt", client=client) for _ in range(10)]
    assert 1 <= len(world.service.asked) - before <= 2, "one for each worker at most"
    assert {(b["dept"], jwt.part(b["access_token"], 1)["tg_roles"]) for b in bodies} == {("it", "reader")}
    assert world.checks("short", "cached") >= 8
    before = len(world.service.asked)
    error(world.ask(("sven", "wrong"), kind="jwt", client=client), 400, "invalid_grant")
    error(world.ask(("sven", "wrong"), kind="jwt", client=client), 400, "invalid_grant")
    assert len(world.service.asked) == before + 2, "what is wrong is asked again"
    world.service.user("sven", password="a-new-password")
    world.change("short", description="another version")
    for _ in range(4):
        error(world.ask(user, kind="jwt", client=client), 400, "invalid_grant")
    before = len(world.service.asked)
    world.service.user("tess")
    for _ in range(3):
        assert world.ask(("tess", "a-password")).status_code == 200
    assert len(world.service.asked) == before + 3, "off by default"


# ---- regenerate ----

def test_regenerate_keeps_what_was_told(world):
    user = world.service.user("uma", roles=["reader"], dept="it")
    token = world.acquire(user, kind="jwt")["access_token"]
    key = world.clients["/auth", "jwt"]
    for _ in range(2):
        answer = requests.post(world.planes.gateway + "/auth/jwt/regenerate", headers={"Authorization": "Bearer " + token},
                               data={"client_id": key[0], "client_secret": key[1]}, timeout=60)
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        claims = jwt.part(token, 1)
        assert (claims["sub"], claims["dept"], claims["tg_roles"]) == ("uma", "it", "reader")
    assert world.call(token, kind="jwt").status_code == 200
    assert world.backend.header("X-Authenticated-UserRoles") == [b"reader"]


def test_a_service_that_regenerates(world):
    world.provider({**world.service.body("renewing", includeInTokenResponse=True), "body": '{"user":"{{username}}"}'})
    key = world.proxy("id-renewing", "jwt", regenerate={"enabled": True, "identityProvider": "renewing"})
    user = world.service.user("vera", dept="before")
    token = world.acquire(user, kind="jwt", client=key)["access_token"]

    def regenerate():
        return requests.post(world.planes.gateway + "/auth/jwt/regenerate", headers={"Authorization": "Bearer " + token},
                             data={"client_id": key[0], "client_secret": key[1]}, timeout=60)

    world.service.user("vera", dept="after")
    answer = regenerate()
    assert answer.status_code == 200, answer.text
    assert jwt.part(answer.json()["access_token"], 1)["dept"] == "after"
    assert answer.json()["X-ApiResponse"]["dept"] == "after" and answer.json()["dept"] == "after"
    del world.service.users["vera"]
    error(regenerate(), 400, "invalid_grant")
    world.service.raw = b""
    try:
        error(regenerate(), 503, "server_error")
    finally:
        world.service.raw = None
