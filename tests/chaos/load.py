"""The steady load: actors, each with families of tokens of its own that it takes through their life on all nodes, and tokens of the others that it calls with."""

import base64
import hashlib
import json
import random
import threading
import time

from calls import Call, Connections, get_bytes, post_bytes
from model import GRACE, End, Family, Pair, Token

KEPT = 60  # families of an actor


class Shared:
    """What all actors know: clients, nodes, tokens to call with, tokens that nobody issued."""

    def __init__(self, world, model, history, clients, foreign):
        self.world, self.model, self.history, self.clients, self.foreign = world, model, history, clients, foreign
        self.seen = {}
        self.recent = []  # tokens, alive or not
        self.lock = threading.Lock()

    def publish(self, token):
        with self.lock:
            self.recent.append(token)
            if len(self.recent) > 1500:
                del self.recent[:500]

    def some_token(self, rng):
        with self.lock:
            return rng.choice(self.recent) if self.recent else None


class Actor(threading.Thread):
    def __init__(self, shared, seed, i, rate):
        super().__init__(daemon=True, name=f"actor{i}")
        self.rng = random.Random(f"{seed}/actor/{i}")
        self.shared, self.model, self.history = shared, shared.model, shared.history
        self.nodes = shared.world.nodes
        self.rate = rate
        self.connections = Connections(shared.history)
        self.families = []
        self.over = threading.Event()
        self.error = None
        self.steps = [(self.issue, 14), (self.use_own, 22), (self.use_other, 26), (self.refresh, 14), (self.repeat, 8), (self.refresh_together, 4), (self.introspect, 6),
                      (self.revoke_access, 3), (self.revoke_refresh, 2), (self.forge, 5), (self.wrong_secret, 1)]

    def run(self):
        doing, weights = zip(*self.steps)
        try:
            while not self.over.is_set():
                self.rng.choices(doing, weights)[0]()
                self.over.wait(self.rng.expovariate(self.rate))
        except BaseException as e:  # a checker that died must not look like a run without findings
            self.error = e
            raise
        finally:
            self.connections.close()

    # ---- sending ----

    def node(self):
        return self.rng.choice(self.nodes)

    def call(self, op, node, path, data, family=None):
        made = Call(self.model.name("c"), op, node.name, path, family.name if family else None)
        return made, node, data

    def send(self, op, node, path, data, family=None):
        return self.connections.send([self.call(op, node, path, data, family)])[0]

    def post(self, op, client, form, family=None, node=None, endpoint=None, secret=None):
        """(the call, the secret's number) of a client-authenticated call."""
        number, value = client.secret() if secret is None else secret
        call = self.send(op, node or self.node(), client.path, post_bytes(endpoint or client.endpoint, client.client_id, value, form), family)
        return call, number

    # ---- what comes back ----

    def token(self, raw, client, family, call, access=True):
        token = Token(self.model.name("t" if access else "r"), raw, client, family, call.sent, call.recv, call.node, client.lifetime if access else 86400.0, access)
        self.history.note("token", token=token.name, family=family.name, client=client.name, sha=hashlib.sha256(raw.encode()).hexdigest()[:12], of=call.name)
        return token

    def pair(self, family, index, answer, call):
        refresh = answer.get("refresh_token")
        pair = Pair(index, self.token(answer["access_token"], family.client, family, call), self.token(refresh, family.client, family, call, False) if refresh else None)
        for token in (pair.access, pair.refresh):
            if token:
                token.pair = pair
        return pair

    def served(self, call, wanted):
        return self.model.served(call, wanted)

    # ---- steps ----

    def issue(self):
        client = self.rng.choice(self.shared.clients)
        family = Family(self.model.name("f"), client)
        form = {"grant_type": "client_credentials"}
        if client.users:
            user, password = self.rng.choice(client.users)
            form = {"grant_type": "password", "username": user, "password": password}
        issued = self._issue_begins(client) if client.previous else None
        call, secret = self.post("issue", client, form, family)
        if not self.served(call, (200, 401) + ((400,) if self.may_be_undeployed(client, call) else ())) and self.model.authenticated(call, client, secret) and call.status == 200:
            self._issued(client, family, call, secret, issued)
        if issued and issued[1] is None:
            issued[1] = call.recv + 10  # a commit that was on its way to a store that sleeps

    def may_be_undeployed(self, client, call):
        deploys = self.model.deploys.get(client.path)
        return deploys and deploys.undeploys and self.model.may_be_missing(call)

    def _issue_begins(self, client):
        """deletePrevious: whatever was issued before may end from now on."""
        with client.lock:
            issued = [time.monotonic(), None, End("an issue that ends the ones before")]
            client.issues.append(issued)
            del client.issues[:-200]
            for family in client.families[-200:]:
                family.end(issued[2])
        return issued

    def _issued(self, client, family, call, secret, issued):
        family.secret = secret
        family.pairs.append(self.pair(family, 0, call.json, call))
        self.model.unique(self.shared.seen, call, family.newest.access.raw, family.newest.refresh and family.newest.refresh.raw)
        client.adopt(family)
        if issued:
            self._previous(client, family, call, issued)
        self.shared.publish(family.newest.access)
        self.families.append(family)
        if len(self.families) > KEPT:
            self.families.pop(self.rng.randrange(KEPT))

    def _previous(self, client, family, call, issued):
        with client.lock:
            issued[2].node, issued[2].certain, issued[1] = call.node, call.recv, call.recv
            for sent, recv, end in client.issues:
                if end is issued[2] or (recv is not None and recv < call.sent):
                    continue
                family.end(end if sent > call.recv else End("an issue at the same time", possible=sent))

    def own(self, test=lambda family: True):
        found = [family for family in self.families if test(family)]
        return self.rng.choice(found) if found else None

    def use(self, token, node=None, family=None):
        node = node or self.node()
        if token.pair:
            token.pair.may_be_used(time.monotonic())
        call = self.send("use", node, token.client.path, get_bytes(token.client.path + "/x", token.raw), token.family)
        self.model.used(token, call)
        return call

    def use_own(self):
        family = self.own()
        if family:
            pair = family.newest if self.rng.random() < 0.7 else self.rng.choice(family.pairs)
            node = self.node()
            for _ in range(self.rng.choice((1, 1, 2, 3))):
                self.use(pair.access, node)

    def use_other(self):
        token = self.shared.some_token(self.rng)
        if token:
            self.use(token)

    def introspect(self):
        token = self.shared.some_token(self.rng)
        if token is None:
            return
        token.pair.may_be_used(time.monotonic())
        call, secret = self.post("introspect", token.client, {"token": token.raw}, token.family, endpoint=token.client.prefix + "/introspect")
        if call.status == 401:
            self.model.authenticated(call, token.client, secret)
        elif call.status == 200:
            self.model.used(token, call)
        else:
            self.served(call, (200, 400) if self.may_be_undeployed(token.client, call) else (200,))

    # ---- refresh ----

    def refresh(self):
        family = self.own(lambda f: f.newest.refresh)
        if family:
            self.do_refresh(family, family.newest, 1)

    def refresh_together(self):
        """The same one at several nodes at once, as a client does that loses patience behind a load balancer."""
        family = self.own(lambda f: f.newest.refresh and f.client.rotation)
        if family:
            self.do_refresh(family, family.newest, self.rng.choice((2, 3)))

    def repeat(self):
        """One that was refreshed before: retried, or stolen."""
        family = self.own(lambda f: len(f.pairs) > 1 and f.client.rotation)
        if family:
            self.do_refresh(family, self.rng.choice(family.pairs[:-1]), 1)

    def do_refresh(self, family, pair, copies):
        if not family.client.rotation:
            return self.refresh_same(family)
        number, secret = family.client.secret()
        ends = self._refresh_begins(family, pair)
        data = post_bytes(family.client.endpoint, family.client.client_id, secret, {"grant_type": "refresh_token", "refresh_token": pair.refresh.raw})
        calls = self.connections.send([self.call("refresh", self.node(), family.client.path, data, family) for _ in range(copies)])
        for call in calls:
            self._refresh_answered(family, pair, call, number)
        self._refresh_ends(pair, calls, ends)

    def _refresh_begins(self, family, pair):
        """What it may end, noted before it goes out."""
        now = time.monotonic()
        made = {}
        if pair.index > 0:
            pair.may_be_used(now)
        if pair.next is None and not pair.access.jwt and not any(end.why == "refreshed" for end in pair.access.ends):
            made["access"] = End("refreshed")
            pair.access.ends.append(made["access"])
        if pair.next is not None:
            used = pair.next.use_possible
            if used is not None:  # it may come too late: then the family ends
                made["family"] = End("late reuse")
                family.end(made["family"])
        return made

    def _refresh_answered(self, family, pair, call, number):
        wanted = (200, 400, 401)
        if self.served(call, wanted):
            pair.tried = True
            return
        if self.model.authenticated(call, family.client, number):
            before = pair.next
            self.model.refreshed(family, pair, call, lambda answer: self.pair(family, pair.index + 1, answer, call))
            if pair.next is not before:
                self.shared.publish(pair.next.access)
                self.model.unique(self.shared.seen, call, pair.next.access.raw, pair.next.refresh.raw)

    def _refresh_ends(self, pair, calls, ends):
        refused = all(call.status in (400, 401) for call in calls)
        access, family = ends.get("access"), ends.get("family")
        if access and refused and pair.next is None and not pair.tried:
            access.void = True
        if access and access.certain is not None and len(calls) == 1 and not pair.tried:
            access.node = calls[0].node
        if not family:
            return
        used = pair.next.use_certain
        given = [call for call in calls if call.status == 200]
        if given and len(given) == len(calls) or all(call.status == 401 for call in calls):
            family.void = True
        late = [call for call in calls if call.status == 400 and used is not None and call.sent > used + GRACE + 0.01]
        if late and not any(end.may(late[0].recv) for end in pair.refresh.ends if end is not family):
            family.certain, family.node = min(call.recv for call in late), late[0].node

    def refresh_same(self, family):
        """Rotation off: one refresh token, and each refresh is charged, also one whose answer was lost."""
        pair = family.newest
        end = End("refreshed")
        pair.access.ends.append(end)
        family.charged_high += 1
        call, number = self.post("refresh", family.client, {"grant_type": "refresh_token", "refresh_token": pair.refresh.raw}, family)
        if self.served(call, (200, 400, 401)):
            return
        if call.status == 200:
            self._same_given(family, pair, call, number, end)
            return
        family.charged_high -= 1
        end.void = True
        if self.model.authenticated(call, family.client, number) and family.charged_high < family.client.count and not pair.refresh.may_be_refused(call.recv):
            self.history.violate("a refresh was lost", family.name, call=call.story())

    def _same_given(self, family, pair, call, number, end):
        self.model.authenticated(call, family.client, number)
        gone = self.model.ended(pair.refresh, call.node, call.sent, call.recv)
        if gone:
            self.history.violate("a refresh token that ended was honoured", family.name, end=gone.why, call=call.story())
        if family.charged_low >= family.client.count:
            self.history.violate("more refreshes than the acquisition gives", family.name, call=call.story())
        if call.json["refresh_token"] != pair.refresh.raw:
            self.history.violate("rotation is off and the refresh token changed", family.name, call=call.story())
        family.charged_low += 1
        if family.charged_high == family.charged_low:
            end.certain, end.node = call.recv, call.node
        else:
            end.certain = call.recv
        access = self.token(call.json["access_token"], family.client, family, call)
        self.model.unique(self.shared.seen, call, access.raw)
        following = Pair(pair.index + 1, access, pair.refresh)
        access.pair = following
        access.ends.extend(family.ends)
        self.shared.publish(access)
        family.pairs.append(following)

    # ---- revocation ----

    def revoke_access(self):
        family = self.own()
        if not family:
            return
        pair, end = family.newest, End("revoked")
        tokens = [pair.access] if pair.access.jwt or not pair.refresh else [pair.access, pair.refresh]
        for token in tokens:
            token.ends.append(end)
        self._revoke(family, pair.access.raw, {}, end)

    def revoke_refresh(self):
        family = self.own(lambda f: f.newest.refresh)
        if family:
            end = End("family revoked")
            family.end(end)
            self._revoke(family, family.newest.refresh.raw, {"token_type_hint": "refresh_token"}, end)

    def _revoke(self, family, raw, form, end):
        call, number = self.post("revoke", family.client, {"token": raw, **form}, family, endpoint=family.client.prefix + "/revoke")
        if self.served(call, (200, 401, 400) if self.may_be_undeployed(family.client, call) else (200, 401)):
            return
        if self.model.authenticated(call, family.client, number) and call.status == 200:
            # a client whose secret was just changed is told 200, as for any token that is no longer its own
            end.node, end.certain = call.node, call.recv
        elif call.status == 401:
            end.void = True

    # ---- what must never open ----

    def forge(self):
        token = self.rng.choice((self._mutated, self._foreign, self._invented))()
        if token:
            client, raw = token
            if self.rng.random() < 0.7:
                self.model.forged(self.send("forged", self.node(), client.path, get_bytes(client.path + "/x", raw)))
            else:
                call, number = self.post("introspect", client, {"token": raw}, endpoint=client.prefix + "/introspect")
                if call.status == 401:
                    self.model.authenticated(call, client, number)
                elif not (call.status == 400 and self.may_be_undeployed(client, call)):
                    self.model.forged(call)

    def _mutated(self):
        token = self.shared.some_token(self.rng)
        if token is None:
            return None
        raw = token.raw
        if token.jwt and self.rng.random() < 0.5:
            return token.client, self._resigned(raw)
        at = self.rng.randrange(len(raw) - 4)  # the last characters of base64url have bits that say nothing
        other = self.rng.choice([c for c in "ABCDEFGHabcdefgh01234" if c != raw[at]])
        return token.client, raw[:at] + other + raw[at + 1:]

    def _resigned(self, raw):
        """Without a signature, or with one that anybody can make."""
        head, claims, signature = raw.split(".")
        alg = self.rng.choice(("none", "HS256"))
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        header["alg"] = alg
        head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
        return f"{head}.{claims}." + ("" if alg == "none" else signature)

    def _foreign(self):
        return self.rng.choice(self.shared.foreign) if self.shared.foreign else None

    def _invented(self):
        client = self.rng.choice(self.shared.clients)
        token = self.shared.some_token(self.rng)
        if token is None or token.jwt:
            return None
        tail = base64.urlsafe_b64encode(self.rng.randbytes(32)).decode().rstrip("=")
        return client, token.raw[:len(token.raw) - len(tail)] + tail  # a bucket that exists, and random bits of our own

    def wrong_secret(self):
        client = self.rng.choice(self.shared.clients)
        call, _ = self.post("wrong secret", client, {"grant_type": "client_credentials"}, secret=(0, "x" * 43))
        if not self.served(call, (401,)):
            assert call.status == 401

