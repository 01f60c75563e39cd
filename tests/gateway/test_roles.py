"""What a good token may do: roles told to the backend, access to methods and paths by roles, and from which addresses."""

import pytest

from harness import Backend, Planes, wait_for
from principals import acl_proxy, acquire, call, change, credential, refused, status_everywhere

KINDS = ["opaque", "jwt"]
ROLES = b"X-Authenticated-UserRoles"


class World:
    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        for kind in KINDS:
            acl_proxy(planes, f"told-{kind}", self.backend.url, kind, addRolesToHeader=True, addUserToHeader=True)
            acl_proxy(planes, f"named-{kind}", self.backend.url, kind, addRolesToHeader=True, rolesHeaderName="X-Roles-Of-Mine")
            acl_proxy(planes, f"untold-{kind}", self.backend.url, kind)
            acl_proxy(planes, f"guarded-{kind}", self.backend.url, kind, authorization={"enabled": True, "methodAccess": ROWS})
        self.made = 0

    def credential(self, kind, roles=(), **fields):
        self.made += 1
        access = [f"{name}-{kind}" for name in ("told", "named", "untold", "guarded")]
        return credential(self.planes, f"user-{self.made}", roles=roles, access=access, **fields)

    def token(self, kind, roles=(), scope=None, **fields):
        form = {"scope": scope} if scope is not None else {}
        return acquire(self.planes, self.credential(kind, roles, **fields), kind, **form)

    def told(self, kind, token, name="told", header=ROLES.decode(), **kwargs):
        reply = call(self.planes, f"/{name}-{kind}/x", token, **kwargs)
        assert reply.status == 200, reply.body
        return self.backend.header(header)


ROWS = [
    {"httpMethod": "GET", "path": "/items/{id}", "roles": ["read", "write"]},
    {"httpMethod": "POST", "path": "/items", "roles": ["write"]},
    {"httpMethod": "*", "path": "/admin/**", "roles": ["admin"]},
    {"httpMethod": "GET", "path": "/public/**", "roles": []},
    {"httpMethod": "GET", "path": "/", "roles": ["read"]},
    {"httpMethod": "*", "path": "/mixed/**", "roles": ["write"]},
    {"httpMethod": "GET", "path": "/mixed/secret", "roles": ["admin"]},
]


@pytest.fixture(scope="module")
def world():
    with Planes(workers=2) as planes:
        w = World(planes)
        yield w
        w.backend.close()


# ---- the header ----

@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("roles, value", [([], []), (["read"], [b"read"]), (["write", "read"], [b"write,read"]),
                                          (["a:b/c", "x.y-z", "!#[]~"], [b"a:b/c,x.y-z,!#[]~"])])
def test_roles_are_told_to_the_backend(world, kind, roles, value):
    token = world.token(kind, roles)
    assert world.told(kind, token) == value
    assert world.told(kind, token, "named", "X-Roles-Of-Mine") == value
    assert world.backend.header(ROLES.decode()) == []
    assert world.told(kind, token, "untold") == []


SPELLINGS = ["X-Authenticated-UserRoles: admin", "x-authenticated-userroles: admin", "X-AUTHENTICATED-USERROLES:admin", "X-Authenticated-UserRoles: ",
             "X-Authenticated-UserRoles: a\r\nX-Authenticated-UserRoles: b", "X-Authenticated_UserRoles: admin", "X.Authenticated.UserRoles: admin",
             "Connection: X-Authenticated-UserRoles\r\nX-Authenticated-UserRoles: admin", "X-Authenticated-UserRoles : admin"]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("roles", [[], ["read"]])
def test_spoofed_roles_never_reach_the_backend(world, spelling, roles):
    token = world.token("opaque", roles)
    for name in ("told", "untold", "named"):
        before = len(world.backend.requests)
        reply = call(world.planes, f"/{name}-opaque/x", token, headers=spelling + "\r\n")
        assert reply.status in (200, 400)
        if len(world.backend.requests) > before:
            wanted = [b"read"] if name == "told" and roles else []
            assert world.backend.header(ROLES.decode()) == wanted
            assert b"admin" not in world.backend.last


def test_the_clients_own_copy_of_a_header_with_a_name_of_ours(world):
    token = world.token("jwt", ["read"])
    assert world.told("jwt", token, "named", "X-Roles-Of-Mine", headers="X-Roles-Of-Mine: admin\r\nx_roles_of_mine: admin\r\n") == [b"read"]
    token = world.token("jwt", [])
    assert world.told("jwt", token, "named", "X-Roles-Of-Mine", headers="X-Roles-Of-Mine: admin\r\n") == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_role_that_is_taken_away_is_gone_at_once(world, kind):
    key = world.credential(kind, ["read", "write"])
    token = acquire(world.planes, key, kind)
    assert world.told(kind, token) == [b"read,write"]
    change(world.planes, key[0], roleNameList=["write"])
    wait_for(lambda: all(world.told(kind, token) == [b"write"] for _ in range(10)), 10)
    change(world.planes, key[0], roleNameList=["write", "extra"])
    wait_for(lambda: all(world.told(kind, token) == [b"write,extra"] for _ in range(10)), 10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_of_less_scope_has_fewer_roles(world, kind):
    assert world.told(kind, world.token(kind, ["read", "write", "admin"], scope="write read")) == [b"read,write"]
    assert world.told(kind, world.token(kind, ["read", "write"], scope="read")) == [b"read"]
    assert world.told(kind, world.token(kind, ["read", "write"])) == [b"read,write"]  # NO_SCOPE: not resolved


@pytest.mark.parametrize("kind", KINDS)
def test_a_scope_that_is_longer_than_what_is_cached(world, kind):
    roles = [f"role-{i:03d}" for i in range(120)]
    key = world.credential(kind, roles)
    token = acquire(world.planes, key, kind, scope=" ".join(roles[:100]))
    for _ in range(6):
        assert world.told(kind, token) == [",".join(roles[:100]).encode()]
    change(world.planes, key[0], roleNameList=roles[90:])
    wait_for(lambda: all(world.told(kind, token) == [",".join(roles[90:100]).encode()] for _ in range(10)), 10)


@pytest.mark.parametrize("kind", KINDS)
def test_roles_of_an_application_key(world, kind):
    planes = world.planes
    key = planes.proxy(f"app-{kind}", world.backend.url, policy=kind, addRolesToHeader=True)
    planes.manage("PATCH", f"/projects/shop/apiProxies/app-{kind}/settings/keys/", {"roleNameList": ["one", "two"]})
    token = planes.token(key)
    wait_for(lambda: all(world.told(kind, token, "app") == [b"one,two"] for _ in range(10)), 10)
    planes.manage("PATCH", f"/projects/shop/apiProxies/app-{kind}/settings/keys/", {"roleNameList": []})
    wait_for(lambda: all(world.told(kind, token, "app") == [] for _ in range(10)), 10)


@pytest.mark.parametrize("kind", KINDS)
def test_roles_of_a_password_token_are_the_users(world, kind):
    key = world.credential(kind, ["of-the-client"], token={"grantType": "PASSWORD"})
    user = world.credential(kind, ["of-the-user"])
    token = acquire(world.planes, key, kind, grant_type="password", username=user[0], password=user[1])
    assert world.told(kind, token) == [b"of-the-user"]
    change(world.planes, user[0], roleNameList=["other"])
    wait_for(lambda: all(world.told(kind, token) == [b"other"] for _ in range(10)), 10)


# ---- methods and paths ----

ALLOWED = [("GET", "/items/7", ["read"]), ("GET", "/items/7", ["write"]), ("HEAD", "/items/7", ["read"]), ("POST", "/items", ["write"]),
           ("POST", "/items/", ["write"]), ("DELETE", "/admin/a/b", ["admin"]), ("GET", "/admin", ["admin"]), ("GET", "/public/x", []), ("GET", "", ["read"]),
           ("GET", "/public/a%20b", []), ("GET", "/public/a;b=c", []), ("HEAD", "/mixed/secret", ["admin"]), ("HEAD", "/mixed/x", ["write"]), ("PUT", "/mixed/secret", ["write"])]
REFUSED = [("GET", "/items/7", []), ("GET", "/items/7", ["admin"]), ("GET", "/items/7", ["READ"]), ("GET", "/items/7/x", ["read"]), ("PUT", "/items/7", ["read", "write"]),
           ("POST", "/items", ["read"]), ("GET", "/unlisted", ["read", "write", "admin"]), ("POST", "/public/x", ["write"]), ("BREW", "/public/x", ["read"]),
           ("GET", "/ADMIN/x", ["read"]), ("DELETE", "/admin", ["write"]), ("GET", "", ["write"]),
           ("GET", "/mixed/secret", ["write"])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method, path, roles", ALLOWED)
def test_methods_that_roles_open(world, kind, method, path, roles):
    reply = call(world.planes, f"/guarded-{kind}{path}", world.token(kind, roles), method=method)
    assert reply.status == 200
    assert world.backend.line.startswith(method.encode())


@pytest.mark.parametrize("kind", KINDS)
def test_head_is_no_way_around_the_row_of_get(world, kind):
    before = len(world.backend.requests)
    assert call(world.planes, f"/guarded-{kind}/mixed/secret", world.token(kind, ["write"]), method="HEAD").status == 403
    assert len(world.backend.requests) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method, path, roles", REFUSED)
def test_methods_that_no_role_opens(world, kind, method, path, roles):
    before = len(world.backend.requests)
    reply = call(world.planes, f"/guarded-{kind}{path}", world.token(kind, roles), method=method)
    refused(reply, 403, "insufficient_scope")
    assert b'error="insufficient_scope"' in reply.get("WWW-Authenticate")[0]
    assert len(world.backend.requests) == before


TRICKS = ["/public/../admin/x", "/public/%2e%2e/admin/x", "/public/..;/admin/x", "/public/..%3b/admin/x", "/public/..%5cadmin/x", "/public/..\\admin/x", "/public;/../admin/x",
          "//admin/x", "/./admin/x", "/%61dmin/x", "/admin;x/y", "/public/x;/../../admin/x", "/public/%2e%2e%2fadmin/x", "/public\\..\\admin/x", "/admin%2fx", "/admin%5cx"]


@pytest.mark.parametrize("path", TRICKS)
def test_method_access_bypass_by_another_spelling_of_the_path(world, path):
    """A token without roles may GET below /public alone, in whatever way a backend reads the path."""
    before = len(world.backend.requests)
    reply = call(world.planes, f"/guarded-opaque{path}", world.token("opaque"))
    assert reply.status in (400, 403), reply.status
    assert len(world.backend.requests) == before


def test_a_bad_token_is_told_so_before_its_roles(world):
    refused(call(world.planes, "/guarded-opaque/unlisted", "tga_nobody"), 401)
    assert call(world.planes, "/guarded-opaque/unlisted").get("WWW-Authenticate") == [b"Bearer"]


# ---- addresses ----

@pytest.fixture(scope="module")
def addresses():
    """Credentials with lists of addresses, where the policy checks them ("/checked"), where nobody does ("/free")."""
    with Planes(workers=2) as planes:
        backend = Backend()
        for kind in KINDS:
            acl_proxy(planes, f"checked-{kind}", backend.url, kind, checkClientIpAddress=True)
            acl_proxy(planes, f"free-{kind}", backend.url, kind)
        planes.backend = backend
        planes.made = 0
        yield planes
        backend.close()


def listed(planes, kind, ips, **fields):
    planes.made += 1
    return credential(planes, f"at-{planes.made}", access=[f"checked-{kind}", f"free-{kind}"], ipList=ips, **fields)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ips, inside, outside", [(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.2"]), (["127.0.0.0/30"], ["127.0.0.1", "127.0.0.3"], ["127.0.0.4"]),
                                                  (["10.0.0.1", "127.0.0.1"], ["127.0.0.1"], ["127.0.0.9"]), ([], ["127.0.0.1", "127.0.0.77"], [])])
def test_addresses_of_a_credential(addresses, kind, ips, inside, outside):
    planes = addresses
    token = acquire(planes, listed(planes, kind, ips), kind)
    for source in inside:
        assert call(planes, f"/checked-{kind}/x", token, source=source).status == 200
    for source in outside:
        reply = call(planes, f"/checked-{kind}/x", token, source=source)
        refused(reply, 403, "access_denied")
        assert reply.get("WWW-Authenticate") == [b"Bearer"]
        assert call(planes, f"/free-{kind}/x", token, source=source).status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_the_credentials_own_setting_checks_its_addresses(addresses, kind):
    planes = addresses
    token = acquire(planes, listed(planes, kind, ["127.0.0.1"], token={"checkClientIpAddress": True}), kind)
    assert call(planes, f"/free-{kind}/x", token).status == 200
    refused(call(planes, f"/free-{kind}/x", token, source="127.0.0.2"), 403, "access_denied")


@pytest.mark.parametrize("kind", KINDS)
def test_addresses_that_change_are_live(addresses, kind):
    planes = addresses
    key = listed(planes, kind, ["127.0.0.1"])
    token = acquire(planes, key, kind)
    status_everywhere(planes, f"/checked-{kind}/x", token, 200)
    change(planes, key[0], ipList=["127.0.0.2"])
    status_everywhere(planes, f"/checked-{kind}/x", token, 403)
    status_everywhere(planes, f"/checked-{kind}/x", token, 200, source="127.0.0.2")


@pytest.mark.parametrize("kind", KINDS)
def test_client_and_user_of_a_password_token_both_count(addresses, kind):
    planes = addresses
    client = listed(planes, kind, ["127.0.0.0/30"], token={"grantType": "PASSWORD"})
    user = listed(planes, kind, ["127.0.0.1", "127.0.0.9"])
    token = acquire(planes, client, kind, grant_type="password", username=user[0], password=user[1])
    assert call(planes, f"/checked-{kind}/x", token).status == 200
    refused(call(planes, f"/checked-{kind}/x", token, source="127.0.0.2"), 403, "access_denied")
    refused(call(planes, f"/checked-{kind}/x", token, source="127.0.0.9"), 403, "access_denied")


def test_addresses_of_a_user_in_policy_mode(addresses):
    planes = addresses
    key = planes.proxy("people", planes.backend.url, policy="opaque", grantType="PASSWORD", checkClientIpAddress=True)
    user = credential(planes, "person", ipList=["127.0.0.1"])
    token = planes.token(key, grant_type="password", username=user[0], password=user[1])
    assert call(planes, "/people/x", token).status == 200
    refused(call(planes, "/people/x", token, source="127.0.0.2"), 403, "access_denied")


# ---- forwarded addresses ----

@pytest.fixture(scope="module")
def forwarded():
    with Planes(workers=1) as planes:
        backend = Backend()
        planes.environment(trustedProxies=["127.0.0.1"], forwardedIp={"enabled": True, "headerName": "X-Forwarded-For", "xffOrder": "LAST"})
        acl_proxy(planes, "checked", backend.url, checkClientIpAddress=True)
        token = acquire(planes, credential(planes, "plain", access=["checked"]))
        assert call(planes, "/checked/x", token).status == 200
        planes.backend = backend
        planes.made = 0
        yield planes
        backend.close()


def from_behind(planes, ips):
    """A token of a credential with this list, got before the list was set."""
    planes.made += 1
    key = credential(planes, f"behind-{planes.made}", access=["checked"])
    token = acquire(planes, key)
    change(planes, key[0], ipList=ips)
    status_everywhere(planes, "/checked/x", token, 403, source="127.0.0.3")  # the list is known
    return token


V6 = ["2001:db8::/32"]
SEEN = [
    (["10.1.2.3"], "X-Forwarded-For: 10.1.2.3\r\n", 200), (["10.1.2.3"], "X-Forwarded-For: 10.1.2.4\r\n", 403), (["10.0.0.0/8"], "x-forwarded-for: 10.250.0.1\r\n", 200),
    (["10.1.2.3"], "X-Forwarded-For: 10.1.2.3, 192.0.2.1\r\n", 403), (["10.1.2.3"], "X-Forwarded-For: 192.0.2.1, 10.1.2.3\r\n", 200),
    (["10.1.2.3"], "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.1.2.3\r\n", 200), (["10.1.2.3"], "X-Forwarded-For: 10.1.2.3\r\nX-Forwarded-For: 192.0.2.1\r\n", 403),
    (V6, "X-Forwarded-For: 2001:db8::7\r\n", 200), (V6, "X-Forwarded-For: [2001:DB8::7]:4711\r\n", 200), (V6, "X-Forwarded-For: 2001:db9::7\r\n", 403),
    (["10.1.2.3"], "X-Forwarded-For: 10.1.2.3:4711\r\n", 200), (["10.1.2.3"], "X-Forwarded-For: ::ffff:10.1.2.3\r\n", 200), (["127.0.0.1"], "", 200),
    (["10.1.2.3"], "", 403), (["10.1.2.3"], "X-Forwarded-For: unknown\r\n", 400), (["10.1.2.3"], "X-Forwarded-For: 10.1.2\r\n", 400),
    (["10.1.2.3"], "X-Forwarded-For: " + "10.1.2.3, " * 600 + "10.1.2.3\r\n", 400), (["127.0.0.1"], "X-Real-IP: 10.1.2.3\r\nForwarded: for=10.1.2.3\r\n", 200),
]


@pytest.mark.parametrize("ips, headers, status", SEEN, ids=range(len(SEEN)))
def test_what_a_trusted_proxy_says_of_the_address(forwarded, ips, headers, status):
    token = from_behind(forwarded, ips)
    assert call(forwarded, "/checked/x", token, headers=headers).status == status


def test_what_a_stranger_says_of_his_address_counts_for_nothing(forwarded):
    token = from_behind(forwarded, ["10.1.2.3"])
    assert call(forwarded, "/checked/x", token, headers="X-Forwarded-For: 10.1.2.3\r\n").status == 200
    refused(call(forwarded, "/checked/x", token, source="127.0.0.2", headers="X-Forwarded-For: 10.1.2.3\r\n"), 403, "access_denied")
    own = from_behind(forwarded, ["127.0.0.2"])
    assert call(forwarded, "/checked/x", own, source="127.0.0.2", headers="X-Forwarded-For: garbage\r\n").status == 200


def test_in_policy_mode_the_proxys_settings_count(forwarded):
    planes = forwarded
    key = planes.proxy("own", planes.backend.url, policy="opaque", grantType="PASSWORD", checkClientIpAddress=True, deploy=False)
    planes.manage("PUT", "/projects/shop/apiProxies/own/settings/forwarded-ip-header/", {"enabled": True, "headerName": "X-Client", "xffOrder": "FIRST"})
    planes.deploy("own")
    user = credential(planes, "own-user")
    token = planes.token(key, grant_type="password", username=user[0], password=user[1])
    change(planes, "own-user", ipList=["10.1.2.3"])
    status_everywhere(planes, "/own/x", token, 403, source="127.0.0.3")  # the list is known
    assert call(planes, "/own/x", token, headers="X-Client: 10.1.2.3, 192.0.2.1\r\n").status == 200
    refused(call(planes, "/own/x", token, headers="X-Forwarded-For: 10.1.2.3\r\n"), 403, "access_denied")
    refused(call(planes, "/own/x", token, headers="X-Client: 192.0.2.1, 10.1.2.3\r\n"), 403, "access_denied")
