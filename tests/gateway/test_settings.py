"""Settings that change what a client of the token endpoints sees: token management, URL parameters, regeneration of JWTs."""

import datetime
import time

import pytest
import requests
from harness import Backend, Planes, wait_for

MANAGEMENT = "/settings/token-management/"


class World:
    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.jwt = planes.proxy("orders", self.backend.url, policy="jwt", refreshTokenAllowed=True)
        self.opaque = planes.proxy("reports", self.backend.url, policy="opaque", refreshTokenAllowed=True, refreshTokenCount=3)
        self.never = planes.proxy("never", self.backend.url, policy="opaque", tokenNeverExpires=True)

    def settings(self, **settings):
        """Live at the answer: every worker confirmed it."""
        answer = self.planes.manage("PUT", MANAGEMENT, settings)
        assert answer["deploymentResult"]["success"], answer

    def acquire(self, key, **form):
        answer = self.planes.token_answer(key, **form)
        assert answer.status_code == 200, answer.text
        return answer.json()


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


def moment(text):
    assert text.endswith("Z") and len(text) == len("2026-01-01T00:00:00.000Z")
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


# ---- token management ----

def test_names_and_units(world, management):
    management(fieldNames={"access_token": "accessToken", "token_type": "", "expires_in": "ttl", "refresh_token": "refreshToken"},
               expiresInUnit="MILLISECONDS")
    for key, path in ((world.opaque, "/reports/x"), (world.jwt, "/orders/x")):
        body = world.acquire(key)
        assert set(body) == {"accessToken", "ttl", "refreshToken"} and body["ttl"] == 3600000
        assert world.planes.get(path, body["accessToken"]).status_code == 200
        again = world.acquire(key, grant_type="refresh_token", refresh_token=body["refreshToken"])
        assert set(again) == {"accessToken", "ttl", "refreshToken"}
    assert set(world.acquire(world.never)) == {"accessToken"}
    management(fieldNames={"token_type": "", "expires_in": "", "refresh_token": "", "scope": ""}, scopeNotRequestedBehavior="ALL_SCOPES")
    assert set(world.acquire(world.opaque)) == {"access_token"}


def test_errors_keep_their_names(world, management):
    management(fieldNames={"access_token": "t", "scope": "s"})
    answer = world.planes.token_answer(world.opaque, scope="read")
    assert answer.status_code == 400 and set(answer.json()) == {"error", "error_description"}


def test_extended_fields(world, management):
    management(extendedFields=True)
    first = {"access_token", "token_type", "expires_in", "X-ApplicationName", "X-ClientInfo", "X-IssuedAt", "X-ExpiresAt"}
    refresh = {"refresh_token", "X-RefreshTokenIssuedAt", "X-RefreshTokenExpiresAt", "X-RefreshCount"}
    for key, name in ((world.opaque, "reports"), (world.jwt, "orders")):
        body = world.acquire(key)
        assert set(body) == first | refresh
        assert (body["X-ApplicationName"], body["X-ClientInfo"], body["X-RefreshCount"]) == (name, key[0], 0)
        issued = moment(body["X-IssuedAt"])
        assert abs(issued - time.time()) < 30
        assert moment(body["X-ExpiresAt"]) - issued == 3600
        assert moment(body["X-RefreshTokenIssuedAt"]) == issued
        assert moment(body["X-RefreshTokenExpiresAt"]) - issued == 24 * 3600
        again = world.acquire(key, grant_type="refresh_token", refresh_token=body["refresh_token"])
        assert set(again) == first | refresh and again["X-RefreshCount"] == 1
    assert set(world.acquire(world.never)) == {"access_token", "token_type", "X-ApplicationName", "X-ClientInfo", "X-IssuedAt"}


# What an application key, which has no roles, gets: a scope, None for no scope, or "-" for 400 invalid_scope.
@pytest.mark.parametrize("settings, requested, none_requested", [
    ({}, "-", None),
    ({"scopeNotRequestedBehavior": "ALL_SCOPES"}, "-", ""),
    ({"scopeMismatchBehavior": "LENIENT"}, "", None),
    ({"scopeMismatchBehavior": "LENIENT", "rejectWhenNoRoles": True}, "-", "-"),
    ({"scopeMismatchBehavior": "STRICT", "rejectWhenNoRoles": True}, "-", "-"),
    ({"scopeMismatchBehavior": "IGNORE_REQUEST"}, "", None),
    ({"scopeMismatchBehavior": "IGNORE_REQUEST", "rejectWhenNoRoles": True, "scopeNotRequestedBehavior": "ALL_SCOPES"}, "", ""),
])
def test_scopes(world, management, settings, requested, none_requested):
    management(**settings)
    for key in (world.opaque, world.jwt):
        for form, wanted in (({"scope": "read write"}, requested), ({}, none_requested)):
            answer = world.planes.token_answer(key, **form)
            if wanted == "-":
                assert answer.status_code == 400 and answer.json()["error"] == "invalid_scope", answer.text
            else:
                assert answer.status_code == 200, answer.text
                assert answer.json().get("scope") == wanted
        assert world.planes.token_answer(key, scope='a"b').json()["error"] == "invalid_scope"
