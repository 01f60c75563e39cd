"""What must hold: tokens, families, clients and deploys as the answers so far describe them, and the checks of each new answer against that.

Time is the machine's monotonic clock, shared by all processes. A call lies between `sent`, read before its first byte goes out, and `recv`, read after its last byte
came in; what the product did lies in between. So a pause of this program can only make a check laxer, never wrong, and no slack is added to any bound:
what must have ended by a moment is judged by calls that were sent later than it, and what must still live by calls that were answered before anything that
could end it was sent. That is why an End is noted before the call that may bring it about goes out.
"""

import threading
import time

from harness import jwt_part
from windows import RECOVERY

BOUND = 1.0   # propagationBoundMillis
GRACE = 10.0  # of a refresh token, after the first use of its successor
TICK = 0.01   # the product counts in milliseconds and rounds


class End:
    """Something that ends a token: possibly from `possible` on, certainly from `certain` on (None: nobody knows), at once on the node that did it. With `until` it may
    live again after that."""

    def __init__(self, why, node=None, possible=None):
        self.why, self.node = why, node
        self.possible = time.monotonic() if possible is None else possible
        self.certain = self.until = self.back = None
        self.void = False

    def may(self, recv):
        return not self.void and self.possible <= recv

    def must(self, node, sent, recv):
        if self.void or self.certain is None or (self.until is not None and recv >= self.until):
            return False
        return sent > self.certain + (0 if node is not None and node == self.node else BOUND)


class Token:
    def __init__(self, name, raw, client, family, sent, recv, node, lifetime, access=True):
        self.name, self.raw, self.client, self.family = name, raw, client, family
        self.sent, self.recv, self.node, self.access = sent, recv, node, access
        self.jwt = not raw.startswith("tg")
        self.lives_until = sent + lifetime - TICK - (1 if self.jwt else 0)  # iat is in whole seconds
        self.dead_from = recv + lifetime + 1 + TICK  # lifetimes round up to seconds
        self.ends = []

    def may_be_refused(self, recv):
        return recv >= self.lives_until or any(end.may(recv) for end in self.ends)

    def must_be_refused(self, node, sent, recv):
        """Why, or None."""
        if sent > self.dead_from:
            return End("expired")
        for end in self.ends:
            if end.must(node, sent, recv):
                return end
        return None


class Pair:
    """One step of a family: what an acquisition or a refresh gave."""

    def __init__(self, index, access, refresh):
        self.index, self.access, self.refresh = index, access, refresh
        self.next = None         # the Pair that its refresh gave
        self.tried = False       # a refresh of it may have been done, though no answer told
        self.use_possible = None  # when its first use may have been
        self.use_certain = None

    def may_be_used(self, sent):
        if self.use_possible is None or sent < self.use_possible:
            self.use_possible = sent

    def is_used(self, recv):
        if self.use_certain is None or recv < self.use_certain:
            self.use_certain = recv


class Family:
    def __init__(self, name, client, user=None):
        self.name, self.client, self.user = name, client, user
        self.pairs = []
        self.ends = []
        self.charged_low = self.charged_high = 0  # rotation off

    @property
    def newest(self):
        return self.pairs[-1]

    def tokens(self):
        for pair in self.pairs:
            yield pair.access
            if pair.refresh:
                yield pair.refresh

    def end(self, end):
        self.ends.append(end)
        for token in self.tokens():
            token.ends.append(end)


class Client:
    """A key with its secret of now and what may have changed it."""

    def __init__(self, name, kind, path, key, prefix="/auth", count=0, lifetime=3600.0, rotation=True, previous=False, users=()):
        self.name, self.kind, self.path, self.prefix = name, kind, path, prefix
        self.client_id = key[0]
        self.secrets = [key[1]]
        self.born = [0.0]     # when each secret was known to work, at the latest
        self.count, self.lifetime, self.rotation, self.previous, self.users = count, lifetime, rotation, previous, users
        self.ends = []        # (End, up to which secret)
        self.blocked = []     # [End] of a disabled credential
        self.issues = []      # deletePrevious: [(sent, recv or None, End)]
        self.families = []
        self.lock = threading.RLock()

    @property
    def endpoint(self):
        return self.prefix + ("/jwt" if self.kind == "jwt" and self.prefix == "/credential" else "/token")

    def secret(self):
        return len(self.secrets) - 1, self.secrets[-1]

    def end_all(self, end, secret=None):
        """Ends every token that was issued under this secret or an older one."""
        with self.lock:
            self.ends.append((end, secret))
            for family in self.families:
                if secret is None or family.secret <= secret:
                    family.end(end)

    def adopt(self, family):
        """A family that was just issued: what may have ended it while it was on its way."""
        with self.lock:
            self.families.append(family)
            born = family.pairs[0].access
            for end, secret in self.ends:
                if secret is not None and secret >= family.secret:
                    family.end(end)
                elif secret is None and (end.certain is None or end.certain > born.sent):  # before it or after it
                    family.end(End(end.why, possible=end.possible))

    def may_be_refused(self, secret, sent, recv):
        """Whether a client authentication with this secret may fail."""
        with self.lock:
            return sent < self.born[secret] + BOUND or any(end.may(recv) and upto is not None and upto >= secret for end, upto in self.ends) or \
                any(end.may(recv) and (end.until is None or end.back is None or sent < end.back + BOUND) for end in self.blocked)

    def must_be_refused(self, secret, sent, recv):
        with self.lock:
            for end, upto in self.ends:
                if upto is not None and upto >= secret and end.must(None, sent, recv):
                    return end
            return next((end for end in self.blocked if end.must(None, sent, recv)), None)


class Deploys:
    """Versions of one proxy, in rising order: the newest that must be served, and the newest that may."""

    def __init__(self):
        self.lock = threading.Lock()
        self.certain = []  # (moment, version)
        self.possible = 0
        self.undeploys = []

    def must(self, sent):
        with self.lock:
            return max((version for moment, version in self.certain if moment < sent), default=0)

    def done(self, version):
        with self.lock:
            self.certain.append((time.monotonic(), version))


class Model:
    """The checks. Each call of the load ends in exactly one of them."""

    def __init__(self, history, windows, refuse):
        self.history, self.windows, self.refuse = history, windows, refuse
        self.deploys = {}
        self.heard = {}  # node -> [(moment of the answer, the feed had been read as of)]
        self.lock = threading.Lock()
        self.names = 0

    def name(self, letter):
        with self.lock:
            self.names += 1
            return f"{letter}{self.names}"

    # ---- what is excused ----

    def excused(self, node, sent, recv, after=RECOVERY):
        return self.windows.excuse({node, "postgres", "machine"}, sent, recv, after=after)

    def fed(self, node, moment, sent):
        """Whether the node said, before `sent`, that it had read the feed as of later than `moment`."""
        return any(at < sent and read > moment for at, read in list(self.heard.get(node, ()))[-400:])

    def ended(self, token, node, sent, recv):
        """The End that this node must know of, or None. JWTs under `accept`: only what the feed can have told (token-api.md "Revocation")."""
        for end in token.ends:
            if not end.must(node, sent, recv):
                continue
            if token.jwt and not self.refuse and end.node != node and not self.fed(node, end.certain, sent) and self.excused(node, end.certain, recv):
                continue
            return end
        return End("expired") if sent > token.dead_from else None

    # ---- answers ----

    def served(self, call, wanted):
        """An answer that is none of the call's own: True if it was dealt with here."""
        if call.status is None:
            if call.lost and not self.windows.excuse({call.node, "machine"}, call.sent, call.recv):
                self.history.violate("a call was lost while its node was well", call.family, call=call.story())
            return True
        if call.status in wanted:
            return False
        if call.status == 503:
            if not self.excused(call.node, call.sent, call.recv):
                self.history.violate("503 while nothing was down", call.family, call=call.story())
        else:
            self.history.violate(f"answer {call.status}", call.family, call=call.story())
        return True

    def used(self, token, call):
        """A call of the API, or an introspection (call.active), with a token that was issued."""
        if self.served(call, (200, 401, 404)):
            return
        pair = token.pair
        if call.status == 404:
            if not self.may_be_missing(call):
                self.history.violate("a deployed proxy is not served", call.family, call=call.story())
            return
        if call.status == 200 and call.op == "use":
            self.version(token.client.path, call)
        if call.status == 200 and call.active is not False:
            end = self.ended(token, call.node, call.sent, call.recv)
            if end:
                self.history.violate("a token that ended was accepted", call.family, token=token.name, end=end.why, certain=self.history.at(end.certain or 0),
                                     by=end.node, call=call.story())
            if not token.jwt and pair and call.op == "use" and not self.excused(call.node, call.sent, call.recv):
                pair.is_used(call.recv)
        elif not token.may_be_refused(call.recv) and not self.may_lag(token, call):
            self.history.violate("a living token was refused", call.family, token=token.name, call=call.story())

    def may_lag(self, token, call):
        """A client that was enabled again or given a new secret so short ago that the node need not know yet: the bound, and JWTs as long as the feed is lost."""
        changed = [end.back if end.until is not None else end.certain for end in list(token.client.blocked) + [e for e, _ in token.client.ends]]
        moments = [moment if moment is not None else call.recv for moment in changed]
        if any(call.sent <= moment + BOUND for moment in moments if moment > token.sent - BOUND):
            return True
        return token.jwt and any(self.excused(call.node, moment, call.recv) and not self.fed(call.node, moment, call.sent) for moment in moments)

    def forged(self, call):
        if call.status == 404 and self.may_be_missing(call):
            return
        if self.served(call, (200, 401)):
            return
        if call.status == 200 and call.active is not False:
            self.history.violate("a token that nobody issued was accepted", call=call.story())

    def version(self, path, call):
        deploys = self.deploys[path]
        found = int(call.body.split(b" ")[0].split(b"/")[1][1:])
        must = deploys.must(call.sent)
        if found > deploys.possible or (found < must and not self.may_be_behind(call)):
            self.history.violate("a deploy that was confirmed is not served", path=path, found=found, must=must, possible=deploys.possible, call=call.story())

    def may_be_behind(self, call):
        """A node that was down, cut off or asleep was not among those that confirmed; it follows when it is back."""
        return self.windows.excuse({call.node, "postgres", "machine"}, call.sent - BOUND, call.recv)

    def may_be_missing(self, call):
        deploys = self.deploys[call.path]
        with deploys.lock:
            return any(began <= call.recv and (back is None or call.sent <= back) for began, back in deploys.undeploys) or \
                (bool(deploys.undeploys) and self.may_be_behind(call))

    # ---- token endpoint ----

    def authenticated(self, call, client, secret):
        """False: the client was refused, and whether that was right has been looked at."""
        if call.status == 401:
            away = self.may_be_missing(call)  # a key of nothing that is deployed here
            if not away and not client.may_be_refused(secret, call.sent, call.recv) and not self.excused(call.node, call.sent, call.recv):
                self.history.violate("a client with the right secret was refused", call.family, client=client.name, secret=secret, call=call.story())
            return False
        end = client.must_be_refused(secret, call.sent, call.recv)
        if end and call.status == 200 and self.fed(call.node, end.certain, call.sent):
            self.history.violate("a client was let in with what had ended", call.family, client=client.name, end=end.why, call=call.story())
        return True

    def unique(self, seen, call, *tokens):
        for token in tokens:
            if token and seen.setdefault(token, call.name) != call.name:
                self.history.violate("a token was given out twice", call=call.story(), first=seen[token])

    def refreshed(self, family, pair, call, make):
        """An answer to a refresh of `pair` (rotation on). make(body) -> the Pair that it gives."""
        if call.status == 200:
            self._refresh_given(family, pair, call, make)
        elif call.status == 400:
            self._refresh_refused(family, pair, call)
        else:
            pair.tried = True

    def _refresh_given(self, family, pair, call, make):
        end = self.ended(pair.refresh, call.node, call.sent, call.recv)
        if end:
            self.history.violate("a refresh token that ended was honoured", call.family, end=end.why, call=call.story())
        if pair.index >= family.client.count:
            self.history.violate("more refreshes than the acquisition gives", call.family, call=call.story())
        if pair.next is None:
            pair.next = make(call.json)
            self._adopt(family, pair, call)
        elif not same_pair(pair.next, call.json):
            self.history.violate("a repeated refresh gave another pair", call.family, first=pair.next.access.name, call=call.story())
        if pair.next.use_certain is not None and call.sent > pair.next.use_certain + GRACE + TICK:
            self.history.violate("a refresh token was honoured after its grace period", call.family, used=self.history.at(pair.next.use_certain), call=call.story())
        if pair.index > 0:
            pair.is_used(call.recv)
        if not pair.access.jwt:
            end = next((e for e in pair.access.ends if e.why == "refreshed"), None)
            if end and (end.certain is None or call.recv < end.certain):
                end.certain = call.recv

    def _adopt(self, family, pair, call):
        """A pair that is known by now has the ends that came over its family while it was not."""
        family.pairs.append(pair.next)
        for token in (pair.next.access, pair.next.refresh):
            token.ends.extend(family.ends)

    def _refresh_refused(self, family, pair, call):
        late = pair.next is not None and pair.next.use_possible is not None and call.recv >= pair.next.use_possible + GRACE - TICK
        used_up = pair.index >= family.client.count
        if used_up and b"used up" not in call.body and not pair.refresh.may_be_refused(call.recv):
            self.history.violate("a refresh token that is used up was refused for another reason", call.family, call=call.story())
        gone = any(p.refresh.may_be_refused(call.recv) for p in family.pairs[pair.index:])
        if not (used_up or late or gone):
            self.history.violate("a refresh was lost", call.family, pair=pair.index, call=call.story())


def same_pair(pair, answer):
    """RFC 7519: signatures of some algorithms differ each time; what they sign does not."""
    def key(raw):
        return tuple(jwt_part(raw, 1).get(c) for c in ("jti", "iat", "exp")) if not raw.startswith("tg") else raw
    return key(pair.access.raw) == key(answer["access_token"]) and key(pair.refresh.raw) == key(answer["refresh_token"])
