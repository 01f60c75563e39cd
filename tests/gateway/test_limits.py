"""Quotas and throttling at proxied APIs: of a proxy, and of a credential's access."""

import threading
import time

import pytest

from harness import Backend, Planes, wait_for
from principals import acl_proxy, acquire, call, credential, grant, refused, revoke

KINDS = ["opaque", "jwt"]


def per_day(n):
    return {"limit": n, "intervalAmount": 1, "intervalUnit": "DAYS"}


def per_second(n, window="FIXED", amount=1):
    return {"limit": n, "intervalAmount": amount, "intervalUnit": "SECONDS", "windowType": window}


class World:
    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.made = 0
        for kind in KINDS:
            acl_proxy(planes, f"listed-{kind}", self.backend.url, kind)
            acl_proxy(planes, f"other-{kind}", self.backend.url, kind)

    def token(self, *rows, kind="opaque"):
        self.made += 1
        return acquire(self.planes, credential(self.planes, f"user-{self.made}", access=rows), kind)

    def proxy(self, limits, policy=None):
        self.made += 1
        name = f"limited-{self.made}"
        key = self.planes.proxy(name, self.backend.url, policy=policy, deploy=False)
        self.planes.manage("PUT", f"/projects/shop/apiProxies/{name}/settings/limits/", limits)
        self.planes.deploy(name)
        return name, key

    def statuses(self, n, path, token=None):
        return [call(self.planes, path, token).status for _ in range(n)]


@pytest.fixture(scope="module")
def world():
    with Planes(workers=2) as planes:
        w = World(planes)
        yield w
        w.backend.close()


def limited(reply, most):
    refused(reply, 429, "slow_down")
    assert reply.get("WWW-Authenticate") == []
    assert reply.get("Cache-Control") == [b"no-store"]
    after = int(reply.get("Retry-After")[0])
    assert 1 <= after <= most, after
    return after


# ---- of a credential's access ----

@pytest.mark.parametrize("kind", KINDS)
def test_quota_of_an_access_row(world, kind):
    rows = [{"name": f"listed-{kind}", "quota": per_day(7)}, f"other-{kind}"]
    token, neighbour = world.token(*rows, kind=kind), world.token(*rows, kind=kind)
    path = f"/listed-{kind}/x"
    before = len(world.backend.requests)
    assert world.statuses(12, path, token) == [200] * 7 + [429] * 5  # by two workers that count together
    assert len(world.backend.requests) == before + 7
    limited(call(world.planes, path, token), 86400)
    assert call(world.planes, f"/other-{kind}/x", token).status == 200
    assert call(world.planes, path, neighbour).status == 200


def test_all_tokens_of_a_credential_count_together(world):
    key = credential(world.planes, "several", access=[{"name": "listed-opaque", "quota": per_day(4)}])
    first, second = acquire(world.planes, key), acquire(world.planes, key)
    assert world.statuses(2, "/listed-opaque/x", first) + world.statuses(2, "/listed-opaque/x", second) == [200] * 4
    assert world.statuses(1, "/listed-opaque/x", first) + world.statuses(1, "/listed-opaque/x", second) == [429] * 2


def test_refused_requests_do_not_use_up_a_quota(world):
    """Those without a good token, and those that the access list does not let through."""
    token = world.token({"name": "listed-opaque", "quota": per_day(3), "disallowedMethods": ["DELETE"]})
    for _ in range(5):
        assert call(world.planes, "/listed-opaque/x", token, method="DELETE").status == 403
        assert call(world.planes, "/listed-opaque/x", token + "x").status == 401
    assert world.statuses(4, "/listed-opaque/x", token) == [200] * 3 + [429]


def test_a_limit_that_changes_is_live(world):
    key = credential(world.planes, "raised", access=[{"name": "listed-opaque", "quota": per_day(2)}])
    token = acquire(world.planes, key)
    assert world.statuses(3, "/listed-opaque/x", token) == [200, 200, 429]
    grant(world.planes, "raised", {"name": "listed-opaque", "quota": per_day(1000)})
    wait_for(lambda: call(world.planes, "/listed-opaque/x", token).status == 200, 10)
    revoke(world.planes, "raised", "listed-opaque")
    wait_for(lambda: call(world.planes, "/listed-opaque/x", token).status == 401, 10)


def at_the_start_of_a_second():
    wait_for(lambda: time.time() % 1 < 0.2, 5, every=0.005)


def test_throttling_in_fixed_windows(world):
    token = world.token({"name": "listed-opaque", "throttling": per_second(3, amount=3)})
    wait_for(lambda: time.time() % 3 < 0.5, 10, every=0.005)  # a window has just begun
    statuses = world.statuses(6, "/listed-opaque/x", token)
    assert statuses == [200] * 3 + [429] * 3, statuses
    limited(call(world.planes, "/listed-opaque/x", token), 3)
    wait_for(lambda: call(world.planes, "/listed-opaque/x", token).status == 200, 8)


def test_throttling_in_sliding_windows(world):
    """Whatever three seconds one looks at, about the limit got through; fixed windows let twice as many pass around their edges."""
    token = world.token({"name": "listed-opaque", "throttling": per_second(6, "SLIDING", 3), "countingMode": "ACCEPTED"})
    accepted = []
    end = time.monotonic() + 9
    while time.monotonic() < end:
        if call(world.planes, "/listed-opaque/x", token).status == 200:
            accepted.append(time.monotonic())
        time.sleep(0.01)
    most = max(sum(1 for t in accepted if at <= t < at + 2.9) for at in accepted)
    assert most <= 9, accepted  # a weighted count errs by less than half
    assert len(accepted) >= 12, accepted


def test_all_counts_refused_requests_and_accepted_does_not(world):
    """A throttled request is refused; under ALL it uses up the quota nevertheless."""
    limits = {"quota": per_day(4), "throttling": per_second(1, amount=2)}
    every = world.token({"name": "listed-opaque", **limits, "countingMode": "ALL"})
    good = world.token({"name": "listed-opaque", **limits, "countingMode": "ACCEPTED"})
    for token in (every, good):
        at_the_start_of_a_second()
        assert world.statuses(6, "/listed-opaque/x", token).count(200) <= 2  # a window may end meanwhile
    assert limited(call(world.planes, "/listed-opaque/x", every), 86400) > 2 or time.time() % 86400 > 86390
    wait_for(lambda: call(world.planes, "/listed-opaque/x", good).status == 200, 8)
    time.sleep(2.1)
    assert call(world.planes, "/listed-opaque/x", every).status == 429


def test_who_does_not_stop_asking_is_let_in_again_only_if_refusals_do_not_count(world):
    """In a sliding window, where refused requests fill the window as well as others."""
    let_in = {}
    for mode in ("ALL", "ACCEPTED"):
        token = world.token({"name": "other-opaque", "throttling": per_second(2, "SLIDING", 2), "countingMode": mode})
        end = time.monotonic() + 7
        let_in[mode] = 0
        while time.monotonic() < end:
            let_in[mode] += call(world.planes, "/other-opaque/x", token).status == 200
            time.sleep(0.01)
    assert let_in["ALL"] <= 3 and let_in["ACCEPTED"] >= 5, let_in


def test_a_limit_of_nothing_is_none(world):
    token = world.token({"name": "listed-opaque", "quota": {"limit": 0}})
    assert set(world.statuses(30, "/listed-opaque/x", token)) == {200}


# ---- of a proxy ----

def test_quota_of_an_open_proxy(world):
    name, _ = world.proxy({"quota": per_day(5)})
    assert world.statuses(8, f"/{name}/x") == [200] * 5 + [429] * 3
    reply = call(world.planes, f"/{name}/x")
    limited(reply, 86400)


@pytest.mark.parametrize("kind", KINDS)
def test_quota_of_a_proxy_with_a_policy(world, kind):
    name, key = world.proxy({"quota": per_day(5)}, policy=kind)
    token = world.planes.token(key)
    assert world.statuses(9, f"/{name}/x") == [401] * 9  # strangers do not use it up
    assert world.statuses(8, f"/{name}/x", token) == [200] * 5 + [429] * 3
    limited(call(world.planes, f"/{name}/x", token), 86400)


def test_limits_of_proxy_and_access_hold_both(world):
    planes = world.planes
    planes.proxy("both", world.backend.url, policy="opaque", managedFromThisPolicy=False, deploy=False)
    planes.manage("PUT", "/projects/shop/apiProxies/both/settings/limits/", {"quota": per_day(5), "countingMode": "ACCEPTED"})
    planes.deploy("both")
    small, large = world.token({"name": "both", "quota": per_day(2), "countingMode": "ACCEPTED"}), world.token({"name": "both", "quota": per_day(50), "countingMode": "ACCEPTED"})
    assert world.statuses(6, "/both/x", small) == [200] * 2 + [429] * 4  # refused by its own: the proxy's has 3 left
    assert world.statuses(5, "/both/x", large) == [200] * 3 + [429] * 2


def test_a_quota_is_never_exceeded_by_requests_at_once(world):
    name, _ = world.proxy({"quota": per_day(50), "countingMode": "ACCEPTED"})
    statuses = []

    def caller():
        for _ in range(20):
            statuses.append(call(world.planes, f"/{name}/x").status)

    threads = [threading.Thread(target=caller) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(200) == 50 and statuses.count(429) == 110, statuses


def test_a_refusal_is_not_remembered_beyond_its_window(world):
    """A 429 is told with no-store, and the next window lets the very same request through."""
    name, _ = world.proxy({"throttling": per_second(1, amount=2)})
    seen = set()

    def both():
        seen.add(call(world.planes, f"/{name}/x").status)
        return seen == {200, 429}

    wait_for(both, 10)
    wait_for(lambda: call(world.planes, f"/{name}/x").status == 200, 10)


def test_limits_are_counted_in_the_metrics(world):
    before = world.planes.metrics()
    name, _ = world.proxy({"quota": per_day(1)})
    world.statuses(3, f"/{name}/x")
    quota = 'tollgate_limited_total{limit="quota"}'
    wait_for(lambda: world.planes.metrics()[quota] == before[quota] + 2, 5)
