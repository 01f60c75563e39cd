"""LDAP providers and the way to the directory: TLS, servers that hang, lie, close early or go away between two questions."""

import os
import socket
import struct
import threading
import time

import pytest

from directory import ADVANCED, PEOPLE, SIMPLE, WITH_GROUPS, dn, group, person
from probe import Refused, step
from slapd import SUFFIX, Slapd, entry, unit
from harness import free_port
from tools import Authority

BOTH = pytest.mark.parametrize("kind", [SIMPLE, ADVANCED], ids=["simple", "advanced"])
LDIF = "\n".join([unit("people"), unit("groups"), person("anna"), group("admins", "anna")])
SHORT = {"timeoutMillis": 400}


@pytest.fixture(scope="module")
def directory():
    server = Slapd(LDIF)
    yield server
    server.close()


@pytest.fixture
def own():
    """Servers that one test stops and kills: own(tls=False, ...)."""
    made = []

    def make(**kwargs):
        made.append(Slapd(LDIF, **kwargs))
        return made[-1]

    yield make
    for server in made:
        server.close()


def good(p):
    answer = p.check("anna", "password of anna")
    assert answer.get("verdict") == "ok", answer
    return answer


def unavailable(answer, where, *words):
    assert answer["error"] == "unavailable", answer
    assert answer["fault"].startswith(where + ":"), answer
    assert all(word in answer["fault"] for word in words), answer
    return answer


# ---- TLS ----

def ways(server):
    """The two ways to TLS."""
    return [{"url": server.tls_url}, {"url": server.url, "startTls": True}]


@BOTH
def test_tls_verified(probe, directory, kind):
    for way in ways(directory):
        answer = good(probe({**kind, **WITH_GROUPS, **way, "tls": {"ca": directory.authority.pem}}))
        assert answer["roles"] == ["admins"]
        names = [s["step"] for s in answer["steps"]]
        assert names.index("tls") < names.index("bind")  # no password goes ahead of it


@BOTH
def test_another_authority_is_refused(probe, directory, kind):
    for way in ways(directory):
        for ca in (Authority("Other CA").pem, ""):  # "": the system's, which do not know ours
            p = probe({**kind, **way, "tls": {"ca": ca}})
            answer = unavailable(p.check("anna", "password of anna"), "tls", "not trusted")
            assert step(answer, "bind") is None
        # of the same name, another key
        unavailable(probe({**kind, **way, "tls": {"ca": Authority("Directory CA").pem}}).check("anna", "password of anna"), "tls")


def test_one_of_several_authorities(probe, directory):
    both = Authority("Other CA").pem + directory.authority.pem
    good(probe({**SIMPLE, "url": directory.tls_url, "tls": {"ca": both}}))


@pytest.mark.parametrize("names, days", [(("directory.example.org",), 30), (("127.0.0.2",), 30), (("127.0.0.1",), -2)], ids=["host", "address", "expired"])
def test_another_host_or_time_is_refused(probe, own, names, days):
    server = own(names=names, days=days)
    for way in ways(server):
        body = {**ADVANCED, **way, "tls": {"ca": server.authority.pem}}
        answer = unavailable(probe(body).check("anna", "password of anna"), "tls")
        assert step(answer, "bind") is None
        assert good(probe({**body, "tls": {"verify": False}}))


def test_the_environment_turns_no_check_off(probe, directory, tmp_path):
    (tmp_path / ".ldaprc").write_text("TLS_REQCERT never\n")
    (tmp_path / "ldap.conf").write_text("TLS_REQCERT never\nDEREF always\n")
    env = {"LDAPTLS_REQCERT": "never", "HOME": str(tmp_path), "LDAPCONF": str(tmp_path / "ldap.conf"), "LDAPRC": str(tmp_path / "ldap.conf"),
           "LDAPTLS_CACERT": "", "LDAPURI": "ldap://127.0.0.1:1"}
    for way in ways(directory):
        p = probe({**SIMPLE, **way, "tls": {"ca": Authority("Other CA").pem}}, env=env)
        unavailable(p.check("anna", "password of anna"), "tls", "not trusted")


def test_an_old_protocol_is_refused(probe, own):
    for version, verdict in (("1.1", None), ("1.2", "ok"), ("1.3", "ok")):
        server = own(ciphers=f"NORMAL:-VERS-ALL:+VERS-TLS{version}")
        answer = probe({**SIMPLE, "url": server.tls_url, "tls": {"ca": server.authority.pem}}).check("anna", "password of anna")
        assert answer.get("verdict") == verdict, answer
        if verdict is None:
            unavailable(answer, "tls", "TLS1.1")
            assert step(answer, "bind") is None


@BOTH
def test_refused_start_tls_is_no_plain_text(probe, own, kind):
    server = own(tls=False)
    answer = probe({**kind, "url": server.url, "startTls": True}).check("anna", "password of anna")
    unavailable(answer, "tls", "refuses StartTLS")
    assert step(answer, "bind") is None


def test_plain_text_where_tls_is_meant(probe, directory):
    plain = directory.url.replace("ldap:", "ldaps:")
    unavailable(probe({**SIMPLE, **SHORT, "url": plain}).check("anna", "password of anna"), "tls")
    crypted = directory.tls_url.replace("ldaps:", "ldap:")
    assert probe({**SIMPLE, **SHORT, "url": crypted}).check("anna", "password of anna")["error"] == "unavailable"


# ---- not there ----

@BOTH
def test_nobody_listens(probe, kind):
    answer = probe({**kind, "url": f"ldap://127.0.0.1:{free_port()}"}).check("anna", "password of anna")
    unavailable(answer, "connect", "refused")


def test_no_such_host(probe):
    answer = probe({**SIMPLE, "url": "ldap://directory.invalid"}).check("anna", "password of anna")
    unavailable(answer, "resolve", "directory.invalid")


@BOTH
def test_a_stopped_server_holds_nobody(probe, own, kind):
    server = own()
    bodies = [{"url": server.url}, *[{**way, "tls": {"ca": server.authority.pem}} for way in ways(server)]]
    waiting = [probe({**kind, **SHORT, **body}) for body in bodies]
    fresh = [probe({**kind, **SHORT, **body}) for body in bodies]
    for p in waiting:
        p.check("anna", "password of anna")
    server.pause()
    for p in waiting + fresh:
        answer = p.check("anna", "password of anna")
        assert answer["error"] == "unavailable" and "in time" in answer["fault"], answer
    server.go_on()
    for body in bodies:  # a time that is not short: the machine may be slow
        good(probe({**kind, **body}))


@BOTH
def test_the_same_handle_after_a_hanging_server(probe, own, kind):
    server = own()
    p = probe({**kind, "url": server.url, "timeoutMillis": 1500})
    good(p)
    server.pause()
    assert p.check("anna", "password of anna")["error"] == "unavailable"
    server.go_on()
    good(p)


@BOTH
def test_a_server_that_was_started_again_is_no_news(probe, own, kind):
    server = own()
    for body in [{"url": server.url}, *[{**way, "tls": {"ca": server.authority.pem}} for way in ways(server)]]:
        p = probe({**kind, **body})
        good(p)
        server.kill()
        unavailable(p.check("anna", "password of anna"), "connect", "refused")
        server.start()
        good(p)
        server.stop()
        server.start()
        good(p)


class Relay:
    """Between the probe and a server; `cut`: the next bytes of the client end the connection, as servers do that are tired of idle ones."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target = port
        self.cut = self.cuts = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.carry, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.carry, args=(server, client, False), daemon=True).start()

    def carry(self, source, target, is_client):
        while True:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            if is_client and data and self.cut:
                self.cut -= 1
                self.cuts += 1
                data = b""
            try:
                if not data:
                    source.shutdown(socket.SHUT_RDWR)
                    target.shutdown(socket.SHUT_RDWR)
                    return
                target.sendall(data)
            except OSError:
                return

    def close(self):
        self.listener.close()


@BOTH
def test_a_connection_that_ends_under_a_question(probe, directory, kind):
    relay = Relay(directory.port)
    p = probe({**kind, **WITH_GROUPS, "url": f"ldap://127.0.0.1:{relay.port}"})
    good(p)
    relay.cut = 1
    answer = good(p)
    assert relay.cuts == 1 and answer["roles"] == ["admins"]
    assert [s["ok"] for s in answer["steps"]][0] is False
    relay.cut = 1000  # the connection that is new ends too: that is told
    unavailable(p.check("anna", "password of anna"), "bind")
    relay.cut = 0
    good(p)
    relay.close()


# ---- servers that lie ----

class Liar:
    """Accepts, reads something, and then does what `answer(connection)` does."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ldap://127.0.0.1:{self.listener.getsockname()[1]}"
        self.answer = answer
        self.open = True
        self.connections = 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        held = []
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                break
            self.connections += 1
            held.append(connection)
            try:
                connection.recv(65536)
                self.answer(self, connection)
            except OSError:
                pass
        for connection in held:
            connection.close()

    def close(self):
        self.open = False
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(30)


def ber(tag, *parts):
    body = b"".join(parts)
    return bytes([tag]) + (bytes([len(body)]) if len(body) < 128 else b"\x84" + struct.pack(">I", len(body))) + body


def message(number, *parts):
    return ber(0x30, ber(0x02, bytes([number])), *parts)


def result(tag, code=0, text=b""):
    return ber(tag, ber(0x0A, bytes([code])), ber(0x04), ber(0x04, text))


BOUND = message(1, result(0x61))
FOUND = message(2, ber(0x64, ber(0x04, b"uid=anna"), ber(0x30, ber(0x30, ber(0x04, b"uid"), ber(0x31, ber(0x04, b"anna"))))))


def says(data, then_close=False):
    def answer(_, connection):
        connection.sendall(data)
        if then_close:
            connection.close()
    return answer


def drips(data, every=0.05):
    """A byte now and then, for ever."""
    def answer(liar, connection):
        while liar.open:
            for i in range(len(data)):
                connection.sendall(data[i:i + 1])
                time.sleep(every)
                if not liar.open:
                    return
    return answer


def floods(first, data):
    def answer(liar, connection):
        connection.sendall(first)
        connection.recv(65536)
        while liar.open:
            connection.sendall(data * 64)
    return answer


LIES = {
    "nothing": says(b""),
    "closes": says(b"", True),
    "half an answer": says(BOUND[:5]),
    "half an answer and closes": says(BOUND[:5], True),
    "garbage": says(b"\xff" * 4096),
    "HTTP": says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "a length of 4 GiB": says(b"\x30\x84\xff\xff\xff\xff" + b"x" * 65536),
    "a length of 1 GiB": says(b"\x30\x84\x40\x00\x00\x00\x02\x01\x01" + b"x" * 65536),
    "an endless length": says(b"\x30\x80" + b"\0" * 100),
    "drips an answer of a megabyte": drips(b"\x30\x83\x0f\xff\xff\x02\x01\x01\x61"),
    "drips other answers": drips(message(77, result(0x61)), 0.001),
    "another number": says(message(5, result(0x61))),
    "a search result to a bind": says(message(1, result(0x65))),
    "a bind without a result": says(message(1, ber(0x61))),
    "disconnects": says(message(0, ber(0x78, ber(0x0A, b"\x34"), ber(0x04), ber(0x04), ber(0x8A, b"1.3.6.1.4.1.1466.20036")))),
    "a notice of nothing": says(message(0, ber(0x78, ber(0x0A, b"\x34"), ber(0x04), ber(0x04), ber(0x8A)))),
    "a notice of something": says(message(0, ber(0x78, ber(0x0A, b"\x00"), ber(0x04), ber(0x04), ber(0x8A, b"1.2.3"), ber(0x8B, b"x")))),
    "busy": says(message(1, result(0x61, 51))),
    "refers": says(message(1, ber(0x61, ber(0x0A, b"\x0a"), ber(0x04), ber(0x04), ber(0xA3, ber(0x04, b"ldap://127.0.0.1:1/"))))),
    "wants a mechanism": says(message(1, result(0x61, 14))),
    "no result that there is": says(message(1, result(0x61, 99))),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_server_that_lies_at_the_bind(probe, lie):
    liar = Liar(LIES[lie])
    for kind in (SIMPLE, ADVANCED):
        answer = probe({**kind, "timeoutMillis": 200, "url": liar.url}).check("anna", "password of anna")
        assert answer["error"] == "unavailable", answer
    liar.close()


@pytest.mark.parametrize("flood", [FOUND, message(2, ber(0x73, ber(0x04, b"ldap://127.0.0.1:1/"))), message(9, result(0x65))], ids=["entries", "references", "others"])
def test_a_server_that_never_ends(probe, flood):
    liar = Liar(floods(BOUND, flood))
    for kind in (SIMPLE, ADVANCED):
        answer = probe({**kind, **SHORT, **WITH_GROUPS, "url": liar.url}).check("anna", "password of anna")
        assert answer.get("error") in ("unavailable", "limit") or answer.get("verdict") == "nobody", answer
    liar.close()


def test_words_of_the_server_are_not_passed_on(probe):
    """What a server puts into its messages may be anything, the password included."""
    liar = Liar(says(message(1, result(0x61, 51, b"you sent: password of anna\r\nX: y"))))
    unavailable(probe({**SIMPLE, **SHORT, "url": liar.url}).check("anna", "password of anna"), "bind")
    liar.close()


def test_referrals_are_not_followed(probe):
    elsewhere = Liar(says(b""))
    ldif = LDIF + "\n" + entry(f"ou=far,{PEOPLE}", objectClass=["referral", "extensibleObject"], ou="far", ref=f"{elsewhere.url}/ou=people,{SUFFIX}")
    server = Slapd(ldif)
    try:
        p = probe({"url": server.url, **ADVANCED})
        good(p)
        assert p.check("nobody", "password of anna")["verdict"] == "nobody"
        assert len(p.list()["users"]) == 1
        answer = probe({"url": server.url, **ADVANCED, "userBaseDnList": [f"ou=x,ou=far,{PEOPLE}"]}).check("anna", "password of anna")
        unavailable(answer, "search", "Referral")
        simple = {**SIMPLE, "userConfigurationExpression": f"uid={{{{username}}}},ou=far,{PEOPLE}"}
        assert probe({"url": server.url, **simple}).check("anna", "password of anna").get("verdict") != "ok"
        assert elsewhere.connections == 0
    finally:
        server.close()
        elsewhere.close()


def test_aliases_are_not_followed(probe):
    ldif = LDIF + "\n" + unit("far") + "\n" + person("far", f"ou=far,{SUFFIX}") + "\n" + \
        entry(f"ou=alias,{PEOPLE}", objectClass=["alias", "extensibleObject"], ou="alias", aliasedObjectName=f"ou=far,{SUFFIX}")
    server = Slapd(ldif)
    try:
        assert probe({"url": server.url, **ADVANCED}).check("far", "password of far")["verdict"] == "nobody"
    finally:
        server.close()


def test_a_server_with_a_limit_of_its_own(probe):
    """Part of the groups, or of the users, is none of them."""
    server = Slapd("\n".join([unit("people"), unit("groups"), *[person(f"u{n}") for n in range(50)], *[group(f"g{n}", "u1") for n in range(50)]]),
                   size=20)
    try:
        p = probe({"url": server.url, **ADVANCED, "bindDn": dn("u2"), "bindPassword": "password of u2", **WITH_GROUPS})
        assert p.check("u3", "password of u3")["verdict"] == "ok"
        assert p.check("u1", "password of u1")["error"] == "limit"
        assert p.list()["error"] == "limit"
    finally:
        server.close()


def test_what_is_written_into_certificates_must_be_certificates(probe, directory):
    for ca in ("nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        try:
            p = probe({**SIMPLE, "url": directory.tls_url, "tls": {"ca": ca}})
        except Refused as refused:
            assert refused.field == "tls.ca"
            continue
        assert "error" in p.check("anna", "password of anna")


def test_handles_leave_no_descriptor_behind(probe, own):
    server = own()
    p = probe({**ADVANCED, "url": server.tls_url, "tls": {"ca": server.authority.pem}, **SHORT})

    def descriptors():
        return len(os.listdir(f"/proc/{p.process.pid}/fd"))

    before = descriptors()
    p.check("anna", "password of anna")
    server.pause()
    for _ in range(5):
        assert p.check("anna", "password of anna")["error"] == "unavailable"
    server.go_on()
    server.kill()
    for _ in range(20):
        assert p.check("anna", "password of anna")["error"] == "unavailable"
    assert descriptors() == before
