"""Two gateways of one environment on one store: what one hears, the other keeps to within the bound."""

import time

import pytest

from harness import SLOW

BOUND = 1.0  # propagationBoundMillis, by default
REFRESH = {"refreshTokenAllowed": True, "refreshTokenCount": 5}


@pytest.fixture
def nodes(own_planes, backend):
    """(manager and first gateway, second gateway, keys by kind of token)"""
    first = own_planes(workers=2)
    first.manage("PATCH", "/environments/production/", {"accessUrl": "https://api.example.org"})
    second = own_planes(command="gateway", workers=2, options=["--store", f"sqlite:{first.data}", "--master-key-file", f"{first.data}/master.key"])
    keys = {kind: first.proxy(kind, backend.url, policy=kind, **REFRESH) for kind in ("opaque", "jwt")}
    return first, second, keys


def statuses(node, kind, token, n=8):
    """Over new connections, so that every worker is asked."""
    return {node.get(f"/{kind}/x", token).status_code for _ in range(n)}


def refused_everywhere(node, kind, token, ended):
    """No call that was sent later than the bound is let in; polled from before it on, so that caches are warm."""
    while time.monotonic() < ended + BOUND:
        node.get(f"/{kind}/x", token)
        time.sleep(0.05)
    return statuses(node, kind, token) == {401}


def test_a_deploy_is_confirmed_by_both(nodes):
    first, second, _ = nodes
    rows = first.manage("GET", "/environments/production/nodes/")["resultList"]
    assert len(rows) == 2
    assert all(r["error"] in (None, "") for row in rows for r in row["workers"])
    result = first.deploy("opaque")
    assert result["success"]


@pytest.mark.parametrize("kind", ["opaque", "jwt"])
def test_a_token_of_one_node_is_good_at_the_other(nodes, kind):
    first, second, keys = nodes
    for here, there in ((first, second), (second, first)):
        token = here.token(keys[kind])
        assert statuses(there, kind, token) == {200}
        answer = there.token_answer(keys[kind], "/auth/introspect", token=token)
        assert answer.json()["active"] is True


@pytest.mark.parametrize("kind", ["opaque", "jwt"])
def test_a_revoked_token_is_refused_here_at_once_and_there_within_the_bound(nodes, kind):
    first, second, keys = nodes
    token = first.token(keys[kind])
    for node in (first, second):
        assert statuses(node, kind, token) == {200}  # in the caches of both
    answer = second.token_answer(keys[kind], "/auth/revoke", token=token)
    ended = time.monotonic()
    assert answer.status_code == 200
    assert statuses(second, kind, token) == {401}
    assert refused_everywhere(first, kind, token, ended)


@pytest.mark.parametrize("kind", ["opaque", "jwt"])
def test_a_new_secret_ends_tokens_at_both(nodes, kind):
    first, second, keys = nodes
    token = second.token(keys[kind])
    for node in (first, second):
        assert statuses(node, kind, token) == {200}
    first.manage("PATCH", f"/projects/shop/apiProxies/{kind}/settings/keys/", {"regenerate": True})
    ended = time.monotonic()
    for node in (first, second):
        assert refused_everywhere(node, kind, token, ended)
    refused = second.token_answer(keys[kind])
    assert refused.status_code == 401


@pytest.mark.parametrize("kind", ["opaque", "jwt"])
def test_a_refresh_at_either_node_gives_the_same_pair(nodes, kind):
    """Retried at another node, as a load balancer does it: one refresh, one pair, charged once."""
    first, second, keys = nodes
    begun = first.token_answer(keys[kind]).json()
    answers = [node.token_answer(keys[kind], grant_type="refresh_token", refresh_token=begun["refresh_token"])
               for node in (first, second, first)]
    assert [a.status_code for a in answers] == [200, 200, 200]
    assert len({(a.json()["access_token"], a.json()["refresh_token"]) for a in answers}) == 1
    pair = answers[0].json()
    for node in (second, first):
        assert statuses(node, kind, pair["access_token"]) == {200}
    if kind == "opaque":  # the one before ended with it
        time.sleep(BOUND * SLOW)
        for node in (first, second):
            assert statuses(node, kind, begun["access_token"]) == {401}
