"""What administrators do meanwhile: deploys, new secrets, credentials that are disabled and enabled, an API that is undeployed and comes back."""

import random
import threading
import time

import requests

from harness import ADMIN_PASSWORD, SLOW
from model import Client, Deploys, End
from tools import secret_of

PATIENCE = 60 * SLOW
REFRESH = {"refreshTokenAllowed": True, "refreshTokenExpiresInAmount": 1, "refreshTokenExpiresInUnit": "DAYS"}
USERS = [("ada", "a-password-of-ada"), ("bob", "a-password-of-bob")]
COUNT = 4
SHORT = 4

# name, kind of policy, fields of the policy, how the model sees it
CLIENTS = (
    ("opaque", "opaque", {**REFRESH, "refreshTokenCount": COUNT}, {"count": COUNT}),
    ("jwt", "jwt", {**REFRESH, "refreshTokenCount": COUNT, "jwtSignatureAlgorithm": "ES256"}, {"count": COUNT}),
    ("rsa", "jwt", {**REFRESH, "refreshTokenCount": COUNT}, {"count": COUNT}),
    ("same", "opaque", {**REFRESH, "refreshTokenCount": COUNT, "refreshTokenRotation": False}, {"count": COUNT, "rotation": False}),
    ("previous", "opaque", {"deletePrevious": True}, {"previous": True}),
    ("short", "opaque", {"tokenExpiresInAmount": SHORT, "tokenExpiresInUnit": "SECONDS"}, {"lifetime": float(SHORT)}),
    ("shortjwt", "jwt", {"tokenExpiresInAmount": SHORT, "tokenExpiresInUnit": "SECONDS", "jwtSignatureAlgorithm": "ES256"}, {"lifetime": float(SHORT)}),
    ("password", "opaque", {**REFRESH, "refreshTokenCount": COUNT, "grantType": "PASSWORD"}, {"count": COUNT, "users": USERS}),
    ("gone", "opaque", {**REFRESH, "refreshTokenCount": COUNT}, {"count": COUNT}),
)
CREDENTIALS = (("acl", "opaque"), ("acljwt", "jwt"))
LIFE = {"tokenExpiresInAmount": 6, "tokenExpiresInUnit": "HOURS"}


def set_up(world, when_lost):
    """The APIs and their clients: ([Client], {path: Deploys}, tokens of another environment)."""
    admin, backend = world.admin, world.backend
    admin.manage("PATCH", "/environments/production/", {"accessUrl": "https://api.example.org", "jwtWhenFeedLost": when_lost,
                                                        "failureLimits": {"perClient": {"limit": 0}, "perAddress": {"limit": 0}}})
    for user, password in USERS:
        admin.credential(user, password=password)
    clients = []
    for name, kind, policy, seen in CLIENTS:
        key = admin.proxy(name, backend + "/v1", policy=kind, **{**LIFE, **policy})
        clients.append(Client(name, kind, "/" + name, key, **{"lifetime": 6 * 3600.0, **seen}))
    for name, kind in CREDENTIALS:
        admin.proxy(name, backend + "/v1", policy=kind, managedFromThisPolicy=False, **LIFE)
        key = admin.credential(name + "-client", token={**REFRESH, "refreshTokenCount": COUNT, "jwtSignatureAlgorithm": "ES256", **LIFE}, access=[name])
        clients.append(Client(name, kind, "/" + name, key, prefix="/credential", count=COUNT, lifetime=6 * 3600.0))
    deploys = {client.path: Deploys() for client in clients}
    for deploy in deploys.values():
        deploy.possible = 1
        deploy.done(1)
    return clients, deploys, foreign_tokens(world, clients)


def foreign_tokens(world, clients):
    """Tokens of another environment, of the very same keys: good there, nothing here."""
    admin = world.admin
    admin.manage("POST", "/environments/", {"name": "elsewhere", "accessUrl": "https://api.example.org"})
    wanted = [client for client in clients if client.name in ("opaque", "jwt", "rsa")]
    for client in wanted:
        admin.manage("POST", f"/projects/shop/apiProxies/{client.name}/environments/elsewhere/")
    node = world.foreign("elsewhere")
    admin.gateway_port = node.port
    tokens = []
    for client in wanted:
        for _ in range(5):
            answer = requests.post(f"http://{node.host}:{node.port}/auth/token", data={"grant_type": "client_credentials"}, auth=(client.client_id, client.secrets[0]),
                                   timeout=20 * SLOW)
            assert answer.status_code == 200, answer.text
            tokens += [(client, answer.json()["access_token"]), (client, answer.json()["refresh_token"])]
    node.stop()
    return tokens


class Administrator(threading.Thread):
    def __init__(self, world, model, history, windows, clients, seed, pace):
        super().__init__(daemon=True, name="administrator")
        self.rng = random.Random(f"{seed}/administrator")
        self.world, self.model, self.history, self.windows, self.clients = world, model, history, windows, clients
        self.pace = pace
        self.base = f"http://127.0.0.1:{world.admin.manager_port}/apiops"
        self.session = requests.Session()
        self.session.trust_env = False
        self.over = threading.Event()
        self.error = None
        self.steps = [(self.deploy_route, 6), (self.deploy_policy, 3), (self.new_secret, 2), (self.toggle, 2), (self.undeploy, 1), (self.look, 1)]

    def run(self):
        doing, weights = zip(*self.steps)
        try:
            while not self.over.wait(self.rng.expovariate(1 / self.pace)):
                self.rng.choices(doing, weights)[0]()
        except BaseException as e:
            self.error = e
            raise

    # ---- calls ----

    def manage(self, method, path, body=None):
        """(status or None, the answer's JSON)"""
        if "Authorization" not in self.session.headers and not self.log_in():
            return None, {}
        status, answer = self._call(method, path, json=body)
        if status == 401:
            del self.session.headers["Authorization"]
        return status, answer

    def log_in(self):
        form = {"grant_type": "client_credentials", "client_id": "admin", "client_secret": ADMIN_PASSWORD}
        status, answer = self._call("POST", "/auth/token", data=form)
        if status == 200:
            self.session.headers["Authorization"] = "Bearer " + answer["access_token"]
        return status == 200

    def _call(self, method, path, **kwargs):
        sent = time.monotonic()
        try:
            answer = self.session.request(method, self.base + path, timeout=PATIENCE, **kwargs)
            status, why, found = answer.status_code, answer.text[:300], answer.json() if answer.status_code < 300 else {}
        except requests.RequestException as e:
            status, why, found = None, repr(e), {}
        recv = time.monotonic()
        self.history.note("manage", method=method, path=path, status=status, sent=sent, recv=recv, result=found.get("deploymentResult"), **({} if status in (200, 201) else {"why": why}))
        excuse = self.windows.excuse({"manager", "postgres", "machine"}, sent, recv)
        if status in (None, 503) and not excuse:
            self.history.violate("the manager did not answer while nothing was down", path=path, status=status, why=why)
        elif status not in (None, 200, 201, 401, 503):
            self.history.violate("the manager refused", path=path, status=status, why=why)
        return status, found

    def confirmed(self, status, answer, sent):
        """Whether every live node confirmed; a refusal to say so wants a reason."""
        result = answer.get("deploymentResult", {})
        if status in (200, 201) and not result.get("success"):
            names = {node.name for node in self.world.nodes} | {"manager", "postgres", "machine"}
            if not self.windows.excuse(names, sent, time.monotonic()):
                self.history.violate("a deploy was not confirmed while nothing was down", result=result)
        return status in (200, 201) and bool(result.get("success"))

    # ---- steps ----

    def proxy(self, client):
        return f"/projects/shop/apiProxies/{client.name}/"

    def deploy_route(self):
        client = self.rng.choice([c for c in self.clients if not self.is_away(c)])
        deploys = self.model.deploys[client.path]
        version = deploys.possible + 1
        deploys.possible = version
        status, _ = self.manage("PATCH", self.proxy(client) + "settings/addresses/", {"routingAddressList": [{"address": f"{self.world.backend}/v{version}"}]})
        if status == 200:
            deploys.described = version
        self.deploy(client)

    def deploy_policy(self):
        client = self.rng.choice([c for c in self.clients if not self.is_away(c)])
        self.manage("PATCH", self.proxy(client) + "policies/auth/", {"policy": {"addUserToHeader": self.rng.random() < 0.5, "description": f"{self.rng.random()}"}})
        self.deploy(client)

    def is_away(self, client):
        return bool(self.model.deploys[client.path].undeploys) and self.model.deploys[client.path].undeploys[-1][1] is None

    def deploy(self, client):
        deploys = self.model.deploys[client.path]
        described = getattr(deploys, "described", 1)
        sent = time.monotonic()
        status, answer = self.manage("POST", self.proxy(client) + "environments/production/")
        if self.confirmed(status, answer, sent):
            deploys.done(described)
            return True
        return False

    def new_secret(self):
        client = self.rng.choice([c for c in self.clients if c.prefix == "/auth"])
        old = len(client.secrets) - 1
        for _ in range(40):
            end = End("a new secret")
            client.end_all(end, old)
            self.history.note("client", name=client.name, doing="new secret")
            status, answer = self.manage("PATCH", self.proxy(client) + "settings/keys/", {"regenerate": True})
            if status == 200:
                with client.lock:
                    end.certain = time.monotonic()
                    client.born.append(end.certain)
                    client.secrets.append(secret_of(answer))
                return
            if self.over.wait(1):
                return

    def toggle(self):
        """Disabled for a while; what may have been done must be undone."""
        client = self.rng.choice([c for c in self.clients if c.prefix == "/credential"])
        path = f"/projects/shop/credentials/{client.client_id}/"
        end = End("disabled")
        with client.lock:
            client.blocked.append(end)
        client.end_all(end)
        status, _ = self.manage("PATCH", path, {"enabled": False})
        if status == 200:
            end.certain = time.monotonic()
            self.over.wait(self.rng.uniform(0.5, 4))
        end.until = time.monotonic()
        while self.manage("PATCH", path, {"enabled": True})[0] != 200:
            if self.over.wait(1):
                return
        end.back = time.monotonic()

    def undeploy(self):
        """It ends the tokens of the proxy's own key for good; those that come after the next deploy live."""
        client = next(c for c in self.clients if c.name == "gone")
        deploys = self.model.deploys[client.path]
        end, gone = End("undeployed"), [time.monotonic(), None]
        with deploys.lock:
            deploys.undeploys.append(gone)
        client.end_all(end)
        status, _ = self.manage("DELETE", self.proxy(client) + "environments/production/")
        if status == 200:
            end.certain = time.monotonic()
            self.over.wait(self.rng.uniform(0.2, 3))
        while not self.deploy(client):
            if self.over.wait(1):
                return
        gone[1] = time.monotonic()

    def look(self):
        self.manage("GET", "/environments/production/nodes/")

    def finish(self):
        """At the end all is on again, and everything is deployed."""
        for client in self.clients:
            for end in client.blocked:
                while end.back is None and self.manage("PATCH", f"/projects/shop/credentials/{client.client_id}/", {"enabled": True})[0] != 200:
                    time.sleep(0.5)
                end.back = end.back or time.monotonic()
        for client in self.clients:
            if self.is_away(client):
                assert self.deploy(client), "the last deploy"
                self.model.deploys[client.path].undeploys[-1][1] = time.monotonic()
