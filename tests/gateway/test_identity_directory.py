"""A directory behind the password grant: groups as roles, look-ups at each refresh, credentials that are synchronised from it."""

import sys

import jwt_tools as jwt
import pytest
import requests
from harness import ROOT, Planes, wait_for
from identities import KINDS, PROVIDERS, World, error

sys.path.insert(0, str(ROOT / "tests" / "identity"))

from directory import ADVANCED, LDIF, SIMPLE, WITH_GROUPS, dn, group, person  # noqa: E402
from slapd import Slapd  # noqa: E402

CLAIMS = [{"source": "mail", "claim": "mail"}, {"source": "cn", "claim": "name", "includeInTokenResponse": True}]


@pytest.fixture(scope="module")
def directory():
    server = Slapd(LDIF)
    yield server
    server.close()


@pytest.fixture(scope="module")
def world(directory):
    with Planes(workers=2) as planes:
        w = World(planes)
        w.provider({"name": "people", "type": "LDAP", "url": directory.url, **ADVANCED, **WITH_GROUPS, "attributesToFetch": CLAIMS})
        w.provider({"name": "strict", "type": "LDAP", "url": directory.url, **ADVANCED, **WITH_GROUPS, "attributesToFetch": CLAIMS, "checkAtRefresh": True,
                    "timeoutMillis": 1000, "circuitBreaker": {"failures": 0}})
        w.provider({"name": "bound", "type": "LDAP", "url": directory.url, **SIMPLE})
        w.people = {kind: w.proxy(f"id-people-{kind}", kind, "people") for kind in KINDS}
        w.strict = {kind: w.proxy(f"id-strict-{kind}", kind, "strict") for kind in KINDS}
        w.bound = w.proxy("id-bound", "opaque", "bound")
        yield w
        w.close()


@pytest.fixture
def own(directory, request):
    """A user of one test alone, in two groups."""
    name = request.node.name.replace("[", "-").replace("]", "").replace("_", "-")[-40:].strip("-").lower()
    directory.modify(add(person(name, mail=f"{name}@example.org")) + add(group(f"red-{name}", name)) + add(group(f"blue-{name}", name)))
    return name, f"password of {name}"


def add(entry):
    lines = entry.strip().split("\n")
    return "\n".join([lines[0], "changetype: add", *lines[1:]]) + "\n\n"


def remove(name):
    return f"dn: {name}\nchangetype: delete\n\n"


def groups_of(name):
    return {f"red-{name}", f"blue-{name}"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_of_the_directory(world, kind):
    client = world.people[kind]
    body = world.acquire(("Anna", "password of anna"), kind=kind, client=client)
    assert body["name"] == "Cn anna"
    assert world.call(body["access_token"], api=f"id-people-{kind}").status_code == 200
    assert world.backend.header("X-Authenticated-UserId") == [b"anna"], "as the directory writes it"
    assert set(world.backend.header("X-Authenticated-UserRoles")[0].decode().split(",")) == {"admins", "readers"}
    if kind == "jwt":
        claims = jwt.part(body["access_token"], 1)
        assert (claims["sub"], claims["mail"], claims["name"]) == ("anna", "anna@example.org", "Cn anna")
    for user in [("anna", "password of ben"), ("anna", ""), ("nobody", "password of anna"), ("*", "password of anna"), ("anna)(uid=*", "password of anna")]:
        assert world.ask(user, kind=kind, client=client).status_code == 400, user


def test_one_that_binds_as_the_user(world):
    assert world.ask(("anna", "password of anna"), client=world.bound).status_code == 200
    error(world.ask(("anna", "password of ben"), client=world.bound), 400, "invalid_grant")


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_that_is_left_counts_at_the_refresh(world, directory, own, kind):
    client, name = world.strict[kind], own[0]
    first = world.acquire(own, kind=kind, client=client, scope=" ".join(sorted(groups_of(name))))
    assert set(first["scope"].split()) == groups_of(name)
    directory.modify(remove(f"cn=red-{name},ou=groups,dc=example,dc=org"))
    directory.modify(f"dn: {dn(name)}\nchangetype: modify\nreplace: mail\nmail: new@example.org\n\n")
    second = world.refresh(first["refresh_token"], kind=kind, client=client)
    assert second.status_code == 200, second.text
    pair = second.json()
    assert pair["scope"] == f"blue-{name}" and pair["name"] == f"Cn {name}"
    assert world.call(pair["access_token"], api=f"id-strict-{kind}").status_code == 200
    assert world.backend.header("X-Authenticated-UserRoles") == [f"blue-{name}".encode()]
    repeat = world.refresh(first["refresh_token"], kind=kind, client=client).json()
    assert repeat["scope"] == f"blue-{name}"
    if kind == "jwt":
        one, two = (jwt.part(p["access_token"], 1) for p in (pair, repeat))
        assert one["mail"] == "new@example.org" and one == two
    else:
        assert repeat["access_token"] == pair["access_token"]
    lax = world.acquire(own, kind=kind, client=world.people[kind], scope=f"blue-{name}")
    directory.modify(remove(f"cn=blue-{name},ou=groups,dc=example,dc=org"))
    assert world.refresh(lax["refresh_token"], kind=kind, client=world.people[kind]).json()["scope"] == f"blue-{name}", "off by default"
    third = world.refresh(pair["refresh_token"], kind=kind, client=client).json()
    assert third["scope"] == ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["deleted", "locked"])
def test_a_user_who_is_gone_ends_the_family(world, directory, own, kind, how):
    client, name = world.strict[kind], own[0]
    first = world.acquire(own, kind=kind, client=client)
    second = world.refresh(first["refresh_token"], kind=kind, client=client).json()
    assert world.call(second["access_token"], api=f"id-strict-{kind}").status_code == 200
    if how == "deleted":
        directory.modify(remove(dn(name)))
    else:
        directory.modify(f"dn: {dn(name)}\nchangetype: modify\nadd: nsAccountLock\nnsAccountLock: TRUE\n\n")
    error(world.refresh(second["refresh_token"], kind=kind, client=client), 400, "invalid_grant")
    wait_for(lambda: {world.call(second["access_token"], api=f"id-strict-{kind}").status_code for _ in range(6)} == {401}, 5, "its tokens end")
    assert world.introspect(second["access_token"], client=client) == {"active": False}
    error(world.refresh(second["refresh_token"], kind=kind, client=client), 400, "invalid_grant")


@pytest.mark.parametrize("kind", KINDS)
def test_a_directory_that_is_down_charges_nothing(world, directory, own, kind):
    client = world.strict[kind]
    token = world.acquire(own, kind=kind, client=client)["refresh_token"]
    directory.pause()
    try:
        for _ in range(3):
            assert int(error(world.refresh(token, kind=kind, client=client), 503, "server_error").headers["Retry-After"]) >= 1
        error(world.ask(own, kind=kind, client=client), 503, "server_error")
    finally:
        directory.go_on()
    for _ in range(5):  # refreshTokenCount
        answer = world.refresh(token, kind=kind, client=client)
        assert answer.status_code == 200, answer.text
        token = answer.json()["refresh_token"]
    error(world.refresh(token, kind=kind, client=client), 400, "invalid_grant")


@pytest.mark.parametrize("kind", KINDS)
def test_a_synchronised_credential_stands_for_its_user(world, own, kind):
    client, name = world.people[kind], own[0]
    world.planes.manage("POST", f"{PROVIDERS}people/sync/")
    pair = world.acquire(own, kind=kind, client=client)
    api = f"id-people-{kind}"
    assert world.call(pair["access_token"], api=api).status_code == 200
    assert set(world.backend.header("X-Authenticated-UserRoles")[0].decode().split(",")) == groups_of(name)
    world.planes.manage("PATCH", f"/projects/shop/credentials/{name}/", {"enabled": False})
    wait_for(lambda: {world.call(pair["access_token"], api=api).status_code for _ in range(6)} == {401}, 5, "its tokens end")
    error(world.refresh(pair["refresh_token"], kind=kind, client=client), 400, "invalid_grant")
    error(world.ask(own, kind=kind, client=client), 400, "invalid_grant")
    world.planes.manage("PATCH", f"/projects/shop/credentials/{name}/", {"enabled": True})
    wait_for(lambda: [world.ask(own, kind=kind, client=client).status_code for _ in range(4)] == [200] * 4, 5, "it is let in again")


def test_a_credential_of_its_own_does_not(world, own):
    """The name is all that they have in common."""
    world.planes.credential(own[0], password="a-password-of-its-own", enabled=False, roleNameList=["admin"])
    token = world.acquire(own, client=world.people["opaque"])["access_token"]
    assert world.call(token, api="id-people-opaque").status_code == 200
    assert set(world.backend.header("X-Authenticated-UserRoles")[0].decode().split(",")) == groups_of(own[0])


def test_regenerate_follows_nobody_else(world, own):
    client = world.people["jwt"]
    token = world.acquire(own, kind="jwt", client=client)["access_token"]
    answer = requests.post(world.planes.gateway + "/auth/jwt/regenerate", headers={"Authorization": "Bearer " + token},
                           data={"client_id": client[0], "client_secret": client[1]}, timeout=60)
    assert answer.status_code == 200 and jwt.part(answer.json()["access_token"], 1)["mail"] == f"{own[0]}@example.org"
