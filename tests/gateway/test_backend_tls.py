"""TLS towards backends: who may answer there is decided for each proxy by itself, and a connection is reused only where the same was decided."""

import random
import threading
import time

import pytest

from harness import Backend, wait_for
from tools import Authority, Client, request_bytes


@pytest.fixture(scope="module")
def one(module_planes):
    """One worker, so that every request meets the same pool of connections."""
    return module_planes(workers=1)


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def server(authority, open_folder):
    """server("name", ...) -> a backend with a certificate for these names; .sni has the name of each handshake."""
    made = []

    def make(*names, days=30, by=None, answer=None):
        seen = []
        backend = Backend(ssl_context=(by or authority).server(open_folder, *names, days=days, seen=seen), answer=answer)
        backend.sni = seen
        made.append(backend)
        return backend

    yield make
    for backend in made:
        backend.close()


def called(planes, name, **kwargs):
    return planes.get(f"/{name}/x", **kwargs).status_code


# ---- who is let in ----

def test_backend_is_verified_by_the_proxys_own_ca(one, server, authority):
    backend = server("127.0.0.1")
    one.proxy("by-address", backend.url, connection={"tlsCa": authority.pem})
    assert called(one, "by-address") == 200
    assert backend.sni == [None]  # RFC 6066 3: an address is no server name
    assert backend.header("Host") == [f"127.0.0.1:{backend.port}".encode()]
    backend = server("api.test", "*.wild.test")
    one.proxy("by-name", backend.url, connection={"tlsCa": authority.pem, "tlsServerName": "api.test"})
    one.proxy("by-wildcard", backend.url, connection={"tlsCa": authority.pem, "tlsServerName": "a.wild.test"})
    assert called(one, "by-name") == 200 and called(one, "by-wildcard") == 200
    assert backend.sni == ["api.test", "a.wild.test"]
    one.proxy("by-url", f"https://localhost:{server('localhost').port}", connection={"tlsCa": authority.pem})
    assert called(one, "by-url") == 200


def test_several_cas_may_stand_in_one_text(one, server, authority):
    one.proxy("two-cas", server("127.0.0.1").url, connection={"tlsCa": Authority("Another").pem + authority.pem})
    assert called(one, "two-cas") == 200


@pytest.mark.parametrize("case, names, days, settings", [
    ("unknown-ca", ["127.0.0.1"], 30, {}),
    ("other-ca", ["127.0.0.1"], 30, {"tlsCa": "other"}),
    ("same-name-other-key", ["127.0.0.1"], 30, {"tlsCa": "twin"}),
    ("wrong-address", ["127.0.0.2"], 30, {"tlsCa": "ours"}),
    ("wrong-name", ["other.test"], 30, {"tlsCa": "ours", "tlsServerName": "api.test"}),
    ("name-of-a-parent", ["test"], 30, {"tlsCa": "ours", "tlsServerName": "api.test"}),
    ("wildcard-two-labels", ["*.test"], 30, {"tlsCa": "ours", "tlsServerName": "a.b.test"}),
    ("name-for-an-address", ["api.test"], 30, {"tlsCa": "ours"}),
    ("expired", ["127.0.0.1"], -1, {"tlsCa": "ours"}),
])
def test_backend_that_is_not_the_right_one_sees_no_request(one, server, authority, case, names, days, settings):
    backend = server(*names, days=days)
    cas = {"ours": authority.pem, "other": Authority("Other").pem, "twin": Authority("Test CA").pem}
    settings = {key: cas.get(value, value) for key, value in settings.items()}
    one.proxy(case, backend.url, connection=settings)
    for _ in range(2):
        assert called(one, case) == 502
        assert called(one, case, method="POST", data="secret") == 502
    assert backend.connections >= 1
    assert backend.requests == []


def test_unverified_backend_is_used_where_the_proxy_says_so(one, server):
    backend = server("whatever.test", days=-1)
    one.proxy("unverified", backend.url, connection={"tlsVerify": False, "tlsServerName": "api.test"})
    assert called(one, "unverified") == 200
    assert backend.sni == ["api.test"]


def test_plain_backend_behind_https_and_tls_backend_behind_http_are_refused(one, server, backend):
    one.proxy("plain-as-tls", backend.url.replace("http:", "https:"), connection={"tlsVerify": False, "connectTimeoutMillis": 300})
    assert called(one, "plain-as-tls") == 504  # it waits for the rest of what it takes for a request
    assert backend.requests == []
    tls = server("127.0.0.1")
    one.proxy("tls-as-plain", tls.url.replace("https:", "http:"))
    assert called(one, "tls-as-plain") == 502
    assert tls.requests == []


# ---- whose connection it is ----

def test_connection_that_was_not_verified_never_serves_a_proxy_that_verifies(one, server, authority):
    """The hole of a pool by address: /lax opens the connection, /strict would ride on it."""
    backend = server("impostor.test")
    one.proxy("lax", backend.url, connection={"tlsVerify": False, "tlsServerName": "api.test"})
    one.proxy("strict", backend.url, connection={"tlsCa": authority.pem, "tlsServerName": "api.test"})
    for _ in range(4):
        assert called(one, "lax") == 200
        assert called(one, "strict") == 502
    assert len(backend.requests) == 4
    assert backend.sni.count("api.test") == len(backend.sni) == backend.connections


def test_connection_verified_for_one_proxy_never_serves_another_with_other_settings(one, server, authority):
    backend = server("a.test", "b.test", "127.0.0.1")
    settings = {
        "name-a": {"tlsCa": authority.pem, "tlsServerName": "a.test"},
        "name-b": {"tlsCa": authority.pem, "tlsServerName": "b.test"},
        "address": {"tlsCa": authority.pem},
        "more-cas": {"tlsCa": authority.pem + Authority("More").pem, "tlsServerName": "a.test"},
        "lax-a": {"tlsVerify": False, "tlsServerName": "a.test"},
    }
    for name, connection in settings.items():
        one.proxy(name, backend.url, connection=connection)
    for _ in range(5):
        for name in settings:
            assert called(one, name) == 200
    assert len(backend.requests) == 25
    assert backend.connections == len(settings), "one connection for each identity, kept alive"
    assert sorted(map(str, backend.sni)) == sorted(["a.test", "b.test", "None", "a.test", "a.test"])


def test_proxies_with_the_same_settings_share_connections(one, server, authority):
    backend = server("a.test")
    for name in ("same-1", "same-2"):
        one.proxy(name, backend.url, connection={"tlsCa": authority.pem, "tlsServerName": "a.test"})
    for _ in range(6):
        assert called(one, "same-1") == 200 and called(one, "same-2") == 200
    assert backend.connections == 1


def test_settings_that_become_stricter_leave_no_old_connection_behind(one, server, authority):
    backend = server("impostor.test")
    one.proxy("tightened", backend.url, connection={"tlsVerify": False})
    assert called(one, "tightened") == 200
    one.manage("PATCH", "/projects/shop/apiProxies/tightened/settings/connection/", {"tlsVerify": True, "tlsCa": authority.pem})
    assert called(one, "tightened") == 200  # not deployed yet
    one.deploy("tightened")
    for _ in range(3):
        assert called(one, "tightened") == 502
    assert len(backend.requests) == 2


def test_session_of_an_unverified_connection_is_not_resumed_for_a_verified_one(one, server, authority):
    """A resumed handshake shows no certificate."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    backend = server("impostor.test", answer=answer)
    one.proxy("lax-session", backend.url, connection={"tlsVerify": False, "tlsServerName": "api.test"})
    one.proxy("strict-session", backend.url, connection={"tlsCa": authority.pem, "tlsServerName": "api.test"})
    for _ in range(3):
        assert called(one, "lax-session") == 200
        assert called(one, "strict-session") == 502
    assert len(backend.requests) == 3


# ---- idle connections ----

class Closing(Backend):
    """Says that it keeps the connection, and closes it a moment after each answer."""

    pause = 0.0

    def _one(self, conn):
        if super()._one(conn):
            time.sleep(self.pause)
        return False


@pytest.mark.parametrize("tls", [False, True])
def test_idle_connections_closed_by_the_backend_cost_no_request(one, authority, open_folder, tls):
    name = f"closing-{'tls' if tls else 'plain'}"
    backend = Closing(ssl_context=authority.server(open_folder, "127.0.0.1") if tls else None)
    one.proxy(name, backend.url, connection={"tlsCa": authority.pem} if tls else None)
    rng = random.Random(3)
    client = Client(one.gateway_port)
    for pause in (0.0, 0.003, 0.02):
        backend.pause = pause
        for i in range(60):
            assert client.send(request_bytes(f"/{name}/{i}")).status == 200
            time.sleep(rng.choice((0, pause, pause * 1.1)))
    client.close()
    assert len(backend.requests) == 180
    backend.close()


def test_post_on_a_connection_that_was_closed_long_ago_goes_out_on_a_new_one(one):
    backend = Closing()
    one.proxy("closing-post", backend.url)
    for i in range(10):
        assert called(one, "closing-post", method="POST", data="x" * 1000) == 200
        time.sleep(0.05)
    assert len(backend.requests) == 10
    assert all(body == b"x" * 1000 for _, body in backend.requests)
    backend.close()


def test_many_at_once_then_one_after_the_other_use_few_connections(one, backend):
    one.proxy("burst", backend.url)
    backend.delay = 0.2
    threads = [threading.Thread(target=called, args=(one, "burst")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert backend.connections == 8
    backend.delay = 0
    for _ in range(20):
        assert called(one, "burst") == 200
    assert backend.connections == 8
    reused = one.metrics()['tollgate_backend_connections_total{source="reused"}']
    assert called(one, "burst") == 200
    wait_for(lambda: one.metrics()['tollgate_backend_connections_total{source="reused"}'] == reused + 1, 5)
