"""Access lists, groups and the users of password grants at proxied APIs: who gets through, and who no more, at once and on every worker."""

import datetime
import json
import os
import threading
import time

import pytest

from harness import SLOW, Backend, Planes, wait_for
from principals import (acl_path, acl_proxy, acquire, call, change, credential, grant, group, post, refused, revoke, status_everywhere, CREDENTIALS)
from tools import forget

KINDS = ["opaque", "jwt"]


class World:
    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        for kind in KINDS:
            acl_proxy(planes, f"listed-{kind}", self.backend.url, kind, addUserToHeader=True)
            acl_proxy(planes, f"other-{kind}", self.backend.url, kind)
            setattr(self, kind, planes.proxy(f"managed-{kind}", self.backend.url, policy=kind))
        self.made = 0

    def credential(self, kind, *rows, **fields):
        """With access to the listed proxy of this kind, if no other rows are given."""
        self.made += 1
        return credential(self.planes, f"user-{self.made}", access=rows or [f"listed-{kind}"], **fields)

    def token(self, key, kind, **form):
        return acquire(self.planes, key, kind, **form)

    def get(self, kind, token, proxy="listed", **kwargs):
        return call(self.planes, f"/{proxy}-{kind}/x", token, **kwargs)

    def ends(self, kind, token, proxy="listed"):
        status_everywhere(self.planes, f"/{proxy}-{kind}/x", token, 401)
        return refused(self.get(kind, token, proxy))


@pytest.fixture(scope="module")
def world():
    with Planes(workers=2) as planes:
        w = World(planes)
        yield w
        w.backend.close()


def moment(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


# ---- which proxies ----

@pytest.mark.parametrize("kind", KINDS)
def test_a_token_opens_the_proxies_in_the_list_and_no_other(world, kind):
    key = world.credential(kind)
    token = world.token(key, kind)
    assert world.get(kind, token).status == 200
    assert world.backend.header("X-Authenticated-UserId") == [key[0].encode()]
    before = len(world.backend.requests)
    refused(world.get(kind, token, "other"))
    refused(world.get(kind, token, "managed"))
    assert len(world.backend.requests) == before


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_of_application_keys_do_not_open_proxies_in_acl_mode(world, kind):
    token = world.planes.token(getattr(world, kind))
    assert world.get(kind, token, "managed").status == 200
    refused(world.get(kind, token))


@pytest.mark.parametrize("kind, other", [("opaque", "jwt"), ("jwt", "opaque")])
def test_the_other_type_of_token_is_refused(world, kind, other):
    key = world.credential(kind, f"listed-{kind}", f"listed-{other}")
    token = world.token(key, other)
    assert world.get(other, token).status == 200
    refused(world.get(kind, token))


def test_a_credential_of_another_project_is_refused(world):
    planes = world.planes
    planes.project("elsewhere")
    made = planes.manage("POST", "/projects/elsewhere/credentials/", {"username": "stranger"})
    token = world.token((made["clientId"], made["clientSecret"]), "opaque")
    refused(world.get("opaque", token))


# ---- live, without a deploy ----

@pytest.mark.parametrize("kind", KINDS)
def test_revoked_access_ends_at_once_and_comes_back(world, kind):
    key = world.credential(kind, f"listed-{kind}", f"other-{kind}")
    bystander = world.token(world.credential(kind), kind)
    token = world.token(key, kind)
    status_everywhere(world.planes, f"/listed-{kind}/x", token, 200)
    revoke(world.planes, key[0], f"listed-{kind}")
    world.ends(kind, token)
    assert world.get(kind, token, "other").status == 200
    assert world.get(kind, bystander).status == 200
    grant(world.planes, key[0], f"listed-{kind}")
    status_everywhere(world.planes, f"/listed-{kind}/x", token, 200)


@pytest.mark.parametrize("kind", KINDS)
def test_access_that_comes_after_a_refusal(world, kind):
    """The refusal was remembered; the grant is a new version."""
    key = world.credential(kind, f"other-{kind}")
    token = world.token(key, kind)
    status_everywhere(world.planes, f"/listed-{kind}/x", token, 401)
    grant(world.planes, key[0], f"listed-{kind}")
    status_everywhere(world.planes, f"/listed-{kind}/x", token, 200)


@pytest.mark.parametrize("kind", KINDS)
def test_access_that_expires(world, kind):
    key = world.credential(kind, {"name": f"listed-{kind}", "expireTime": moment(2.5)}, f"other-{kind}")
    token = world.token(key, kind)
    assert world.get(kind, token).status == 200
    world.ends(kind, token)
    assert world.get(kind, token, "other").status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_disallowed_methods(world, kind):
    key = world.credential(kind, {"name": f"listed-{kind}", "disallowedMethods": ["POST", "DELETE"]})
    token = world.token(key, kind)
    for method in ("GET", "PUT"):
        assert world.get(kind, token, method=method, body=b"x").status == 200
    before = len(world.backend.requests)
    for method in ("POST", "DELETE"):
        reply = world.get(kind, token, method=method)
        refused(reply, 403, "insufficient_scope")
        assert b'error="insufficient_scope"' in reply.get("WWW-Authenticate")[0]
    assert world.get(kind, token, method="BREW").status == 403  # a method that nobody has named, where some are disallowed
    assert len(world.backend.requests) == before
    grant(world.planes, key[0], f"listed-{kind}")
    status_everywhere(world.planes, f"/listed-{kind}/x", token, 200, method="POST")


@pytest.mark.parametrize("kind", KINDS)
def test_head_is_disallowed_with_get(world, kind):
    key = world.credential(kind, {"name": f"listed-{kind}", "disallowedMethods": ["GET"]})
    token = world.token(key, kind)
    for method in ("GET", "HEAD"):
        assert world.get(kind, token, method=method).status == 403
    assert world.get(kind, token, method="POST").status == 200


def test_settings_of_an_environment_hold_there_alone(world):
    planes = world.planes
    planes.manage("POST", "/environments/", {"name": "elsewhere"}, expect=(201, 409))
    key = world.credential("opaque", {"name": "listed-opaque", "settings": [{"environmentName": "elsewhere", "disallowedMethods": ["GET"]}]},
                           {"name": "other-opaque", "settings": [{"environmentName": "production", "disallowedMethods": ["GET"]}]})
    token = world.token(key, "opaque")
    assert world.get("opaque", token).status == 200
    assert world.get("opaque", token, "other").status == 403


# ---- what ends every token of a credential ----

def disabled(planes, name):
    change(planes, name, enabled=False)


def expired(planes, name):
    change(planes, name, expireDate=moment(1.5))


def deleted(planes, name):
    planes.manage("DELETE", f"{CREDENTIALS}{name}/")


def another_password(planes, name):
    planes.manage("PUT", f"{CREDENTIALS}{name}/password/", {"password": "another-password"})


def password_of_the_environment(planes, name):
    planes.manage("PUT", f"{CREDENTIALS}{name}/password/", {"password": "one-of-its-own", "environmentName": "production"})


def tokens_ended(planes, name):
    planes.manage("DELETE", f"{CREDENTIALS}{name}/tokens/")


ENDS = [disabled, expired, deleted, another_password, password_of_the_environment, tokens_ended]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ENDS)
def test_what_ends_the_tokens_of_a_credential(world, kind, end):
    key = world.credential(kind)
    bystander = world.token(world.credential(kind), kind)
    tokens = [world.token(key, kind) for _ in range(2)]
    assert world.get(kind, tokens[0]).status == 200
    end(world.planes, key[0])
    for token in tokens:
        world.ends(kind, token)
    assert world.get(kind, bystander).status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_of_a_disabled_credential_do_not_come_back_with_it(world, kind):
    key = world.credential(kind)
    token = world.token(key, kind)
    disabled(world.planes, key[0])
    world.ends(kind, token)
    change(world.planes, key[0], enabled=True)
    fresh = wait_for(lambda: post(world.planes, acl_path(kind), key, grant_type="client_credentials").json().get("access_token"), 10)
    status_everywhere(world.planes, f"/listed-{kind}/x", fresh, 200)
    status_everywhere(world.planes, f"/listed-{kind}/x", token, 401)  # ended for good


# ---- the users of password grants ----

@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ENDS)
def test_what_ends_the_tokens_of_a_user(world, kind, end):
    planes = world.planes
    key = world.credential(kind, token={"grantType": "PASSWORD"})
    user = world.credential(kind)
    token = world.token(key, kind, grant_type="password", username=user[0], password=user[1])
    assert world.get(kind, token).status == 200
    assert world.backend.header("X-Authenticated-UserId") == [user[0].encode()]
    end(planes, user[0])
    world.ends(kind, token)


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_in_policy_mode(world, kind):
    planes = world.planes
    key = planes.proxy(f"people-{kind}", world.backend.url, policy=kind, grantType="PASSWORD", addUserToHeader=True)
    user = credential(planes, f"person-{kind}")
    token = planes.token(key, grant_type="password", username=user[0], password=user[1])
    status_everywhere(planes, f"/people-{kind}/x", token, 200)
    assert world.backend.header("X-Authenticated-UserId") == [user[0].encode()]
    disabled(planes, user[0])
    world.ends(kind, token, "people")


def test_the_access_log_names_client_and_user(world):
    planes = world.planes
    key = world.credential("opaque", token={"grantType": "PASSWORD"})
    user = world.credential("opaque")
    token = world.token(key, "opaque", grant_type="password", username=user[0], password=user[1])
    path = "/listed-opaque/logged"
    assert call(planes, path, token).status == 200

    def entry():
        with open(os.path.join(planes.data, "gateway", "access.log")) as f:
            lines = [json.loads(line) for line in f]
        return [line for line in lines if line["request"] == f"GET {path}"]

    found = wait_for(entry, 5, "the log is flushed")[0]
    assert (found["client_id"], found["user"], found["token"]) == (key[0], user[0], "ok")


# ---- groups ----

def test_a_group_in_the_access_list(world):
    planes = world.planes
    for name in ("inside-1", "inside-2", "outside"):
        acl_proxy(planes, name, world.backend.url, deploy=False)
    group(planes, "apiProxyGroups", "team", ["inside-1", "inside-2"])
    for name in ("inside-1", "inside-2", "outside"):
        planes.deploy(name)
    key = credential(planes, "grouped", access=[{"name": "team", "type": "API_PROXY_GROUP"}])
    token = acquire(planes, key)
    for name in ("inside-1", "inside-2"):
        assert call(planes, f"/{name}/x", token).status == 200
    refused(call(planes, "/outside/x", token))
    revoke(planes, "grouped", {"name": "team", "type": "API_PROXY_GROUP"})
    for name in ("inside-1", "inside-2"):
        status_everywhere(planes, f"/{name}/x", token, 401)


def test_the_row_of_the_proxy_comes_before_that_of_its_group(world):
    planes = world.planes
    acl_proxy(planes, "both", world.backend.url, deploy=False)
    group(planes, "policyGroups", "both-team", ["both"])
    planes.deploy("both")
    key = credential(planes, "twice", access=[{"name": "both-team", "type": "POLICY_GROUP"}, {"name": "both", "disallowedMethods": ["GET"]}])
    token = acquire(planes, key)
    assert call(planes, "/both/x", token).status == 403
    revoke(planes, "twice", "both")
    status_everywhere(planes, "/both/x", token, 200)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sort", ["apiProxyGroups", "policyGroups"])
def test_a_groups_key_opens_every_member_but_one_with_a_policy_of_its_own(world, sort, kind):
    planes = world.planes
    stem = f"{sort[:3]}-{kind}"
    names = [f"{stem}-{i}" for i in range(3)]
    keys = [planes.proxy(name, world.backend.url, deploy=False) for name in names]
    planes.policy(names[2], kind)
    key = group(planes, sort, stem, names, kind)
    for name in names:
        planes.deploy(name)
    token = planes.token(key)
    for name in names[:2]:
        assert call(planes, f"/{name}/x", token).status == 200
        assert call(planes, f"/{name}/x").status == 401
    refused(call(planes, f"/{names[2]}/x", token))
    own = planes.token(keys[2])
    assert call(planes, f"/{names[2]}/x", own).status == 200
    refused(call(planes, f"/{names[0]}/x", own))
    assert post(planes, "/auth/token", keys[0], grant_type="client_credentials").status_code in (400, 401)
    planes.undeploy(names[0])
    assert wait_for(lambda: call(planes, f"/{names[0]}/x", token).status == 404, 10)
    assert call(planes, f"/{names[1]}/x", token).status == 200


# ---- without the store ----

@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_known_is_unavailable_and_never_a_false_yes(own_planes, backend, disk, kind):
    planes = own_planes(workers=1, env=disk.env)
    for name in ("known", "unknown", "forbidden"):
        acl_proxy(planes, name, backend.url, kind)
    key = credential(planes, "caller", access=["known", "unknown"])
    token = acquire(planes, key, kind)
    assert call(planes, "/known/x", token).status == 200
    disk.know_feed()
    disk.set(config_lost=1)
    before = len(backend.requests)
    for name in ("unknown", "forbidden"):
        reply = call(planes, f"/{name}/x", token)
        assert reply.status == 503 and reply.get("Retry-After"), reply.body
    assert len(backend.requests) == before
    disk.set(config_lost=0)
    wait_for(lambda: call(planes, "/unknown/x", token).status == 200, 10)
    wait_for(lambda: call(planes, "/forbidden/x", token).status == 401, 10)


@pytest.mark.parametrize("kind", KINDS)
def test_roles_that_cannot_be_read_are_no_roles_to_guess(own_planes, backend, disk, kind):
    planes = own_planes(workers=1, env=disk.env)
    acl_proxy(planes, "plain", backend.url, kind)
    acl_proxy(planes, "guarded", backend.url, kind, addRolesToHeader=True)
    key = credential(planes, "caller", roles=["read"], access=["plain", "guarded"])
    token = acquire(planes, key, kind)
    assert call(planes, "/plain/x", token).status == 200
    disk.know_feed()
    disk.set(config_lost=1)
    assert call(planes, "/guarded/x", token).status == 503
    disk.set(config_lost=0)
    wait_for(lambda: call(planes, "/guarded/x", token).status == 200, 10)
    assert backend.header("X-Authenticated-UserRoles") == [b"read"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_look_up_does_not_outlive_the_access(own_planes, backend, disk, kind):
    """The store is asked, the row goes, and only then the store answers, with what was true before."""
    planes = own_planes(workers=2, env=disk.env)
    acl_proxy(planes, "slow", backend.url, kind)
    key = credential(planes, "caller", access=["slow"])
    token = acquire(planes, key, kind)
    disk.know_feed()
    for _ in range(40):  # so that every thread has opened the store before: the pause is to be within a look-up
        forget(planes, "2:caller")
        assert {call(planes, "/slow/x", token).status for _ in range(4)} == {200}
    forget(planes, "2:caller")
    disk.slow(1900)
    answers = []

    def ask():
        answers.append((call(planes, "/slow/x", token).status, time.monotonic()))

    callers = [threading.Thread(target=ask)]
    callers[0].start()
    wait_for(lambda: disk.get("slowed") > 0, 5, "a look-up in flight")
    revoke(planes, "caller", "slow")
    ended = time.monotonic()
    while time.monotonic() < ended + 1.6:
        time.sleep(0.1)
        callers.append(threading.Thread(target=ask))
        callers[-1].start()
    for caller in callers:
        caller.join(20 * SLOW)
    accepted = [round(at - ended, 2) for status, at in answers if status == 200 and at > ended + 1.0]
    assert len(answers) == len(callers)
    assert not accepted, f"accepted so many seconds after the access was revoked: {accepted}"
    disk.set(slow_ms=0)
    status_everywhere(planes, "/slow/x", token, 401)
