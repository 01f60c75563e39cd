"""Credentials, access lists and groups by way of the management API, for gateway tests."""

import socket

import requests

from harness import SLOW, read_reply, wait_for
from tools import request_bytes

CREDENTIALS = "/projects/shop/credentials/"


def credential(planes, name, roles=(), access=(), token=None, **fields):
    """A credential with these roles, access list and token settings: (client_id, its secret)."""
    return planes.credential(name, token=token, access=rows_of(access), roleNameList=list(roles), **fields)


def change(planes, name, **fields):
    return planes.manage("PATCH", f"{CREDENTIALS}{name}/", fields)


def rows_of(rows):
    return [{"name": row, "type": "API_PROXY"} if isinstance(row, str) else dict({"type": "API_PROXY"}, **row) for row in rows]


def grant(planes, name, *rows):
    planes.access(name, *rows_of(rows))


def revoke(planes, name, *rows):
    planes.manage("DELETE", f"{CREDENTIALS}{name}/access/", {"credentialAccessList": rows_of(rows)})


def acl_proxy(planes, name, address, kind="opaque", **policy):
    """A proxy whose tokens are managed from the access lists of credentials."""
    return planes.proxy(name, address, policy=kind, managedFromThisPolicy=False, **policy)


def group(planes, kind, name, members, policy=None, deploy=True, **fields):
    """kind: apiProxyGroups or policyGroups. With its members, its policy ("jwt", "opaque") with these fields, deployed: (client_id, secret)."""
    base = f"/projects/shop/{kind}/"
    made = planes.manage("POST", base, {"name": name})
    for member in members:
        planes.manage("PUT", f"{base}{name}/apiProxies/{member}/", None)
    if policy:
        body = {"type": "policy-auth-jwt" if policy == "jwt" else "policy-auth-oauth2", "grantType": "CLIENT_CREDENTIALS"}
        body.update(fields)
        planes.manage("POST", f"{base}{name}/policies/auth/", {"policy": body})
    if deploy:
        answer = planes.manage("POST", f"{base}{name}/environments/production/")
        assert answer["deploymentResult"]["success"], answer
    return made["applicationKey"]["clientId"], made["applicationKey"]["clientSecret"]


def acl_path(kind):
    return "/credential/jwt" if kind == "jwt" else "/credential/token"


def acquire(planes, key, kind="opaque", **form):
    return planes.token(key, path=acl_path(kind), **form)


def call(planes, path, token=None, source="127.0.0.1", method="GET", headers="", body=b""):
    """From this address of the loopback network, over a connection of its own."""
    with socket.create_connection(("127.0.0.1", planes.gateway_port), timeout=20 * SLOW, source_address=(source, 0)) as s:
        s.sendall(request_bytes(path, token, method=method, headers=headers, body=body))
        return read_reply(s, 20, head_only=method == "HEAD")


def status_everywhere(planes, path, token, status, times=12, **kwargs):
    """Soon, and then again and again, so that every worker says so."""
    wait_for(lambda: all(call(planes, path, token, **kwargs).status == status for _ in range(times)), 10, f"{path} answers {status} at every worker")


def refused(reply, status=401, error="invalid_token"):
    assert reply.status == status, (reply.status, reply.body)
    assert (f'"error":"{error}"').encode() in reply.body, reply.body
    return True


def post(planes, path, key=None, **form):
    return requests.post(planes.gateway + path, data=form, auth=key, timeout=20 * SLOW)
