"""The checker itself: what it must complain of, and what it must not."""

import time

import pytest

import windows as windows_module
from calls import Call
from history import History
from model import Client, Deploys, End, Family, Model, Pair, Token


class World:
    def __init__(self, folder, refuse=False, kind="opaque"):
        self.history = History(str(folder / "history"))
        self.windows = windows_module.Windows()
        self.model = Model(self.history, self.windows, refuse)
        self.client = Client("orders", kind, "/orders", ("id", "secret"), count=2)
        self.model.deploys = {"/orders": Deploys()}
        self.model.deploys["/orders"].possible = 3
        self.now = time.monotonic()
        self.family = Family("f", self.client)
        self.family.pairs.append(self.pair(0))

    def pair(self, index):
        raw = "a.b.c" if self.client.kind == "jwt" else "tga_x"
        made = Pair(index, *(Token(n, raw, self.client, self.family, self.now - 20, self.now - 20, "node0", 3600.0) for n in "tr"))
        made.access.pair = made.refresh.pair = made
        return made

    def call(self, status, sent=0.0, op="use", body=b"/v3/x "):
        call = Call("c", op, "node1", "/orders", "f")
        call.sent, call.recv, call.status, call.body = self.now + sent, self.now + sent + 0.01, status, body
        return call

    def use(self, *args, **kwargs):
        self.model.used(self.family.newest.access, self.call(*args, **kwargs))

    def end(self, at=-5.0):
        end = End("revoked", "node0", possible=self.now + at)
        end.certain = self.now + at
        self.family.end(end)

    @property
    def rules(self):
        return [story.split(": ")[0][4:] for story in self.history.violations]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_living_token_that_is_accepted_is_no_finding(world):
    world.use(200)
    assert not world.rules


@pytest.mark.parametrize("status,rule", [(401, "a living token was refused"), (404, "a deployed proxy is not served"), (500, "answer 500"),
                                         (502, "answer 502"), (503, "503 while nothing was down")])
def test_a_living_token_that_is_not(world, status, rule):
    world.use(status)
    assert world.rules == [rule]


def test_a_revoked_token_within_the_bound_and_past_it(world):
    world.end()
    world.use(200, sent=-4.5)
    assert not world.rules
    world.use(200, sent=-3.9)
    assert world.rules == ["a token that ended was accepted"]


def test_the_node_that_revoked_has_no_bound(world):
    world.end()
    call = world.call(200, sent=-4.9)
    call.node = "node0"
    world.model.used(world.family.newest.access, call)
    assert world.rules == ["a token that ended was accepted"]


@pytest.mark.parametrize("kind,refuse,heard,found", [("opaque", False, False, True), ("jwt", True, False, True), ("jwt", False, False, False), ("jwt", False, True, True)])
def test_a_node_without_the_feed_accepts_jwts_alone_and_only_if_told_so(tmp_path, kind, refuse, heard, found):
    world = World(tmp_path, refuse, kind)
    world.windows.open("cut store", "node1").began = world.now - 10
    world.end()
    if heard:
        world.model.heard["node1"] = [(world.now - 2, world.now - 3)]
    world.use(200)
    assert bool(world.rules) == found


def test_503_is_excused_by_what_is_down_there_and_by_nothing_else(world):
    world.windows.open("cut store", "node0").began = world.now - 1
    world.use(503)
    assert world.rules == ["503 while nothing was down"]
    world.windows.open("crash", "postgres").began = world.now - 1
    world.use(503)
    assert len(world.rules) == 1


def test_an_older_version_than_the_one_that_was_confirmed(world):
    world.model.deploys["/orders"].certain.append((world.now - 1, 3))
    world.use(200)
    assert not world.rules
    world.use(200, body=b"/v2/x ")
    assert world.rules == ["a deploy that was confirmed is not served"]


def refresh(world, pair, status, access="tga_2", sent=0.0, body=b""):
    call = world.call(status, sent=sent, op="refresh", body=body)
    call.json = {"access_token": access, "refresh_token": "tga_x"}

    def make(_):
        made = world.pair(pair.index + 1)
        made.access.raw = access
        return made
    world.model.refreshed(world.family, pair, call, make)


def test_a_refresh_that_is_repeated_gives_the_same_pair(world):
    first = world.family.newest
    refresh(world, first, 200)
    refresh(world, first, 200)
    assert not world.rules
    refresh(world, first, 200, access="tga_3")
    assert world.rules == ["a repeated refresh gave another pair"]


def test_a_refresh_that_is_refused_for_no_reason_is_lost(world):
    refresh(world, world.family.newest, 400)
    assert world.rules == ["a refresh was lost"]


def test_more_refreshes_than_there_are(world):
    last = world.pair(2)
    refresh(world, last, 400, body=b"used up")
    assert not world.rules
    refresh(world, last, 200)
    assert world.rules == ["more refreshes than the acquisition gives"]


def test_a_refresh_token_after_its_grace(world):
    first = world.family.newest
    refresh(world, first, 200, sent=-15)
    first.next.is_used(world.now - 14)
    refresh(world, first, 200, sent=-5)
    assert not world.rules
    refresh(world, first, 200, sent=-3)
    assert world.rules == ["a refresh token was honoured after its grace period"]
