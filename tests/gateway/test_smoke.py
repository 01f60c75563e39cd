"""The whole way once: describe, deploy, get tokens, call, be refused, change, undeploy, reload, stop. Also run under valgrind."""

import signal

from harness import raw, wait_for


def call(planes, path, token=None):
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return raw(planes.gateway_port, f"GET {path} HTTP/1.1\r\nHost: gateway\r\n{authorization}Connection: close\r\n\r\n".encode(), 20)


def test_smoke(own_planes, backend):
    planes = own_planes(workers=1)
    planes.proxy("open", backend.url)
    jwt_key = planes.proxy("orders", backend.url, policy="jwt")
    opaque_key = planes.proxy("reports", backend.url, policy="opaque")

    assert call(planes, "/nowhere").status == 404
    assert call(planes, "/open/a?b=c").status == 200
    assert backend.line == b"GET /a?b=c HTTP/1.1"

    for path, key in (("/orders", jwt_key), ("/reports", opaque_key)):
        seen = len(backend.requests)
        assert call(planes, path).status == 401
        assert call(planes, path, "wrong").status == 401
        assert planes.token_answer((key[0], "wrong")).status_code == 401
        assert len(backend.requests) == seen
        tokens = [planes.token(key) for _ in range(3)]
        assert len(set(tokens)) == 3
        for token in tokens * 2:
            assert call(planes, path + "/x", token).status == 200
        assert len(backend.requests) == seen + 6
    assert call(planes, "/orders", planes.token(opaque_key)).status == 401
    assert call(planes, "/reports", planes.token(jwt_key)).status == 401

    token = planes.token(jwt_key)
    planes.undeploy("orders")
    assert call(planes, "/orders", token).status == 404
    planes.process.send_signal(signal.SIGHUP)
    wait_for(lambda: call(planes, "/open/again").status == 200, 20, "an answer after a reload")
    assert call(planes, "/reports", planes.token(opaque_key)).status == 200
    assert planes.stop() == 0
