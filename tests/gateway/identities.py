"""Users that an identity provider keeps: an HTTP service faked here, and a gateway whose password grants ask it."""

import json
import threading
import time

import requests
from harness import Backend

REFRESH = {"refreshTokenAllowed": True, "refreshTokenCount": 5, "refreshTokenExpiresInAmount": 1, "refreshTokenExpiresInUnit": "DAYS"}
PROVIDERS = "/projects/shop/identityProviders/"
KINDS = ["opaque", "jwt"]
MODES = ["/auth", "/credential"]


def answer_of(status, body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(raw)}", "Content-Type: application/json"] + [f"{k}: {v}" for k, v in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


class Service:
    """Where users are kept: an HTTP service with names, passwords and what it tells of each. `hang` holds every answer back."""

    def __init__(self):
        self.users = {}
        self.down = False
        self.hang = threading.Event()
        self.let_go = threading.Event()
        self.delay = 0
        self.raw = None
        self.asked = []
        self.backend = Backend(answer=self.answer)
        self.port = self.backend.port

    @property
    def url(self):
        return self.backend.url + "/check"

    def user(self, name, password="a-password", roles=(), **told):
        self.users[name] = {"password": password, "roles": list(roles), **told}
        return name, password

    def answer(self, head, body):
        asked = json.loads(body)
        self.asked.append(asked)
        if self.hang.is_set():
            self.let_go.wait(60)
        if self.delay:
            time.sleep(self.delay)
        if self.raw is not None:
            return self.raw
        user = self.users.get(asked["user"])
        if user is None or ("password" in asked and user["password"] != asked["password"]):
            return answer_of(401, {"error": "no"})
        return answer_of(200, {k: v for k, v in user.items() if k != "password"})

    def stop_hanging(self):
        self.hang.clear()
        self.let_go.set()
        self.let_go = threading.Event()

    def close(self):
        self.stop_hanging()
        self.backend.close()

    def body(self, name="staff", **more):
        return {"name": name, "type": "API", "url": self.url, "bodyType": "JSON", "body": '{"user":"{{username}}","password":"{{password}}"}',
                "rolesPath": "$.roles", "pathsToFetch": [{"source": "$.dept", "claim": "dept", "includeInTokenResponse": True}],
                "timeoutMillis": 3000, **more}


class World:
    def __init__(self, planes):
        self.planes = planes
        self.backend = Backend()
        self.service = Service()
        planes.no_failure_limits()
        planes.project("shop")
        self.provider(self.service.body())
        self.clients, self.apis = {}, {}
        for kind in KINDS:
            self.apis["/auth", kind] = f"id-{kind}"
            self.clients["/auth", kind] = self.proxy(f"id-{kind}", kind)
            self.apis["/credential", kind] = f"acl-id-{kind}"
            planes.proxy(f"acl-id-{kind}", self.backend.url, policy=kind, managedFromThisPolicy=False, addUserToHeader=True, addRolesToHeader=True)
        application = planes.credential("application-of-users", token={"grantType": "PASSWORD", "identityProvider": "staff", **REFRESH},
                                        access=[self.apis["/credential", k] for k in KINDS])
        for kind in KINDS:
            self.clients["/credential", kind] = application

    def close(self):
        self.service.close()
        self.backend.close()

    def provider(self, body):
        return self.planes.manage("POST", PROVIDERS, body)

    def change(self, name, **fields):
        return self.planes.manage("PATCH", f"{PROVIDERS}{name}/", fields)

    def proxy(self, name, kind, provider="staff", **fields):
        fields = {"addUserToHeader": True, "addRolesToHeader": True, **REFRESH, **fields}
        return self.planes.proxy(name, self.backend.url, policy=kind, grantType="PASSWORD", identityProvider=provider, **fields)

    def post(self, path, key, **form):
        session = requests.Session()
        session.trust_env = False
        return session.post(self.planes.gateway + path, data=form, auth=key, timeout=60)

    def ask(self, user, mode="/auth", kind="opaque", client=None, **form):
        form = {"grant_type": "password", "username": user[0], "password": user[1], **form}
        return self.post(mode + ("/token" if kind == "opaque" else "/jwt"), client or self.clients[mode, kind], **form)

    def acquire(self, user, mode="/auth", kind="opaque", **form):
        answer = self.ask(user, mode, kind, **form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, token, mode="/auth", kind="opaque", client=None, **form):
        path = mode + ("/token" if kind == "opaque" else "/jwt")
        return self.post(path, client or self.clients[mode, kind], grant_type="refresh_token", refresh_token=token, **form)

    def call(self, token, mode="/auth", kind="opaque", api=None):
        return self.planes.get(f"/{api or self.apis[mode, kind]}/x", token)

    def introspect(self, token, mode="/auth", kind="opaque", client=None):
        answer = self.post(mode + "/introspect", client or self.clients[mode, kind], token=token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def checks(self, provider, result=None):
        label = f'project="shop",provider="{provider}"' + (f',result="{result}"' if result else "")
        return sum(v for k, v in self.planes.metrics().items() if k.startswith("tollgate_identity_checks_total") and label in k)

    def reasons(self, user):
        """What the token request log says of this user's refused requests."""
        rows = self.planes.manage("GET", "/tokenRequests/?pageSize=1000")["resultList"]
        return [row["reason"] for row in rows if row["user"] == user and row["error"]]


def error(answer, status, name):
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] == name and answer.headers["Cache-Control"] == "no-store"
    return answer
