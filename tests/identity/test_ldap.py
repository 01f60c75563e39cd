"""LDAP providers against a real slapd: who is let in, and with what."""

import pytest

from directory import ADVANCED, GROUPS, LDIF, ODD_NAMES, PEOPLE, SIMPLE, WITH_GROUPS, dn, group, person
from probe import Refused, claims, step
from slapd import ADMIN, PASSWORD, SUFFIX, Slapd, unit

BOTH = pytest.mark.parametrize("kind", [SIMPLE, ADVANCED], ids=["simple", "advanced"])


@pytest.fixture(scope="module")
def directory():
    server = Slapd(LDIF)
    yield server
    server.close()


@pytest.fixture
def users(probe, directory):
    return lambda kind, **more: probe({"url": directory.url, **kind, **more})


# ---- yes and no ----

@BOTH
def test_yes_and_no(users, kind):
    p = users(kind)
    good = p.check("anna", "password of anna")
    assert (good["verdict"], good["subject"], good["fullName"], good["email"]) == ("ok", "anna", "Cn anna", "anna@example.org")
    assert good["roles"] == [] and good["claims"] == {}
    assert p.check("anna", "password of ben")["verdict"] == "wrong_password"
    assert p.check("ben", "password of ben")["verdict"] == "ok"
    assert p.check("anna", "Password of anna")["verdict"] == "wrong_password"
    assert p.check("nopassword", "x")["verdict"] == "wrong_password"
    nobody = p.check("nobody", "password of anna")
    # slapd says no more of a name that is none than of a wrong password
    assert nobody["verdict"] == ("wrong_password" if kind is SIMPLE else "nobody")
    assert nobody["roles"] == [] and nobody["subject"] == ""


@BOTH
def test_an_empty_password_is_never_asked(users, kind):
    """A bind with a name and no password succeeds at many servers and proves nothing (RFC 4513 5.1.2)."""
    p = users(kind)
    for password in ("", b"", "\0", b"\0password of anna", "password of anna\0"):
        answer = p.check("anna", password)
        assert answer["verdict"] == "wrong_password"
        assert [s["step"] for s in answer["steps"]] == ["password"]


@BOTH
def test_the_directory_says_who_it_is(users, kind):
    p = users(kind, **WITH_GROUPS)
    for name in ("ANNA", "Anna", " anna "):
        answer = p.check(name, "password of anna")
        assert (answer["verdict"], answer["subject"]) == ("ok", "anna"), name
        assert sorted(answer["roles"]) == ["admins", "readers"]


def test_one_entry_is_one_user(users):
    p = users(ADVANCED)
    for name in ("first", "SECOND", "third"):
        assert p.check(name, "password of first")["subject"] == "First"


@BOTH
def test_names_that_would_be_more_in_a_name_or_a_filter(users, kind):
    """Each of these users exists: an escape too few or too many would not find it, or find somebody else."""
    p = users(kind, **WITH_GROUPS)
    for name in ODD_NAMES:
        answer = p.check(name, f"password of {name}")
        assert (answer["verdict"], answer["subject"], answer["roles"]) == ("ok", name, ["odd"]), name
        assert p.check(name, "password of anna")["verdict"] == "wrong_password", name


@pytest.mark.parametrize("name", ["*", "a*", "anna*", "anna)(uid=*", "*)(objectClass=*", "anna)(|(uid=*", "anna))(|(uid=*", "\\61nna", "anna\\", "anna\\00", "&", "|",
                                  "(uid=anna)", "anna,ou=people", "uid=anna", f"anna,{PEOPLE}", f"x,uid=anna,{PEOPLE}", "anna+cn=x", "#616e6e61", "\"anna\"",
                                  "{{username}}", "anna;", "anna<", "%61nna", "anna\n", "\u200banna", "ann\u0430", "anna\0", b"anna\xff", b"\xc0\xaf", b"\xed\xa0\x80"])
@BOTH
def test_injection_in_names(users, kind, name):
    p = users(kind)
    answer = p.check(name, "password of anna")
    assert answer["verdict"] in ("nobody", "wrong_password")
    if kind is ADVANCED:
        assert answer["verdict"] == "nobody"
    assert p.check("anna", "password of anna")["verdict"] == "ok"


@BOTH
def test_injection_in_passwords(users, kind):
    p = users(kind)
    for password in ("*", "password*", ")(uid=*", "{CLEARTEXT}password of anna", b"\xff\xfe", b"password of anna\xff", "'", "{{password}}", "x" * 4096):
        assert p.check("anna", password)["verdict"] == "wrong_password", password


@BOTH
def test_lengths(users, kind):
    p = users(kind)
    for n in (1, 2, 255, 256, 257, 1000, 4096, 4097, 65536):
        for byte in ("a", "*", "\\", ",", "\u00fc"):
            assert p.check(byte * n, "some secret")["verdict"] in ("nobody", "wrong_password"), (n, byte)
        assert p.check("anna", "p" * n)["verdict"] == "wrong_password", n
    assert p.check("anna", "password of anna")["verdict"] == "ok"


# ---- where users are looked for ----

def test_several_are_nobody(users):
    answer = users(ADVANCED).check("twice", "password of twice")
    assert answer["verdict"] == "nobody"
    assert step(answer, "search")["detail"] == "several entries"
    assert step(answer, "bind")["detail"] == ADMIN  # nobody's password was tried


def test_bases_are_searched_in_order(users):
    staff = f"ou=staff,{SUFFIX}"
    assert users(ADVANCED).check("staff", "password of staff")["verdict"] == "nobody"
    two = users(ADVANCED, userBaseDnList=[PEOPLE, staff])
    assert two.check("staff", "password of staff")["verdict"] == "ok"
    assert two.check("both", "password of both")["verdict"] == "ok"
    assert two.check("both", "password of staff")["verdict"] == "wrong_password"
    assert users(ADVANCED, userBaseDnList=[staff, PEOPLE]).check("both", "password of staff")["verdict"] == "ok"


def test_scopes(users):
    assert users(ADVANCED).check("deep", "password of deep")["verdict"] == "ok"
    one = users(ADVANCED, userSearchScope="ONELEVEL")
    assert one.check("deep", "password of deep")["verdict"] == "nobody"
    assert one.check("anna", "password of anna")["verdict"] == "ok"
    base = users(ADVANCED, userSearchScope="BASE", userBaseDnList=[dn("anna")])
    assert base.check("anna", "password of anna")["verdict"] == "ok"
    assert base.check("ben", "password of ben")["verdict"] == "nobody"


def test_classes_filters_and_names(users):
    assert users(ADVANCED).check("device", "password of device")["verdict"] == "nobody"
    assert users(ADVANCED, userObjectClass="*").check("device", "password of device")["verdict"] == "ok"
    extern = users(ADVANCED, userFilter="(employeeType=extern)")
    assert extern.check("anna", "password of anna")["verdict"] == "nobody"
    assert extern.check("ben", "password of ben")["verdict"] == "ok"
    either = users(ADVANCED, userFilter="(|(employeeType=extern)(title=Boss))")
    assert either.check("anna", "password of anna")["verdict"] == "ok"
    by_mail = users(ADVANCED, userNameAttribute="mail").check("ANNA@example.org", "password of anna")
    assert (by_mail["verdict"], by_mail["subject"]) == ("ok", "anna@example.org")


def test_simple_with_another_attribute(users):
    p = users(SIMPLE, userConfigurationExpression="cn={{username}}," + PEOPLE)
    assert p.check("DEVICE", "password of device")["subject"] == "device"


@pytest.mark.parametrize("more, told", [
    ({"bindPassword": "not the password"}, "bind: the service account"),
    ({"bindDn": f"cn=nobody,{SUFFIX}"}, "bind: the service account"),
    ({"userBaseDnList": [f"ou=none,{SUFFIX}"]}, "search: ou=none"),
    ({"userBaseDnList": [PEOPLE, f"ou=none,{SUFFIX}"]}, "search: ou=none"),
    ({"groupBaseDnList": [f"ou=none,{SUFFIX}"]}, "groups: ou=none"),
])
def test_what_is_configured_wrongly_is_never_a_no(users, more, told):
    name = "staff" if PEOPLE in more.get("userBaseDnList", []) else "anna"
    answer = users(ADVANCED, **more).check(name, f"password of {name}")
    assert answer["error"] == "unavailable"
    assert answer["fault"].startswith(told)


def test_an_anonymous_search(users):
    """Without a service account; this directory lets nobody search who has not bound."""
    body = {k: v for k, v in ADVANCED.items() if not k.startswith("bind")}
    answer = users(body).check("anna", "password of anna")
    assert "error" in answer or answer["verdict"] == "nobody"


def test_a_user_as_service_account_sees_what_it_may(users):
    p = users(ADVANCED, bindDn=dn("ben"), bindPassword="password of ben", userBaseDnList=[SUFFIX])
    assert p.check("anna", "password of anna")["verdict"] == "ok"
    assert p.check("hidden", "password of hidden")["verdict"] == "nobody"


def test_simple_where_the_own_entry_cannot_be_read(users):
    p = users(SIMPLE, userConfigurationExpression="uid={{username}},ou=secret," + SUFFIX, attributesToFetch=[{"source": "cn"}])
    answer = p.check("hidden", "password of hidden")
    assert (answer["verdict"], answer["subject"], answer["claims"]) == ("ok", "hidden", {})
    assert p.check("hidden", "password of anna")["verdict"] == "wrong_password"


@pytest.mark.parametrize("body, field", [
    ({**SIMPLE, "url": "ldap://"}, "url"),
    ({**SIMPLE, "url": "http://127.0.0.1"}, "url"),
    ({**SIMPLE, "url": "ldap://127.0.0.1/dc=x??sub"}, "url"),
    ({**SIMPLE, "url": "ldap://127.0.0.1:99999"}, "url"),
    ({**SIMPLE, "url": "ldaps://127.0.0.1", "startTls": True}, "startTls"),
    ({**SIMPLE, "url": "ldap://127.0.0.1", "userConfigurationExpression": "uid=x,dc=y"}, "userConfigurationExpression"),
    ({**ADVANCED, "url": "ldap://127.0.0.1", "bindPassword": ""}, "bindPassword"),
    ({**ADVANCED, "url": "ldap://127.0.0.1", "userFilter": "(a=b"}, "userFilter"),
    ({**ADVANCED, "url": "ldap://127.0.0.1", "userNameAttribute": "uid)(x"}, "userNameAttribute"),
])
def test_what_can_never_work_is_refused(probe, body, field):
    with pytest.raises(Refused) as refused:
        probe(body)
    assert refused.value.field == field


# ---- groups and attributes ----

@BOTH
def test_groups(users, kind):
    p = users(kind, **WITH_GROUPS)
    answer = p.check("anna", "password of anna")
    assert sorted(answer["roles"]) == ["admins", "readers"]  # "Domain Users" is no role
    assert p.check("normalad", "password of normalad")["roles"] == []
    login = users(kind, **WITH_GROUPS, groupObjectClass="posixGroup", groupMemberAttribute="memberUid", groupMemberType="LOGIN")
    assert login.check("ANNA", "password of anna")["roles"] == ["posix"]
    assert login.check("ben", "password of ben")["roles"] == []
    assert login.check("n*", "password of n*")["roles"] == ["posix"]
    special = users(kind, **WITH_GROUPS, groupFilter="(description=special)")
    assert special.check("anna", "password of anna")["roles"] == ["readers"]
    named = users(kind, **WITH_GROUPS, groupNameAttribute="description")
    assert named.check("anna", "password of anna")["roles"] == ["special"]
    base = users(kind, groupBaseDnList=[f"cn=admins,{GROUPS}", f"cn=readers,{GROUPS}"], groupSearchScope="BASE")
    assert sorted(base.check("anna", "password of anna")["roles"]) == ["admins", "readers"]


@BOTH
def test_attributes_become_claims(users, kind):
    p = users(kind, attributesToFetch=[{"source": "telephoneNumber", "claim": "phones"}, {"source": "TITLE", "claim": "title", "includeInTokenResponse": True},
                                       {"source": "description", "claim": "about", "includeInJwt": False}, {"source": "blob", "claim": "blob"},
                                       {"source": "l", "claim": "town"}])
    answer = p.check("anna", "password of anna")
    assert {**claims(answer), "phones": sorted(claims(answer)["phones"])} == {"phones": ["1", "2", "3"], "title": "Boss", "about": "\u00fc\u00e4"}
    assert answer["claims"]["title"] == {"value": "Boss", "inJwt": True, "inResponse": True}
    assert answer["claims"]["about"]["inJwt"] is False
    assert claims(p.check("ben", "password of ben")) == {}
    for name in ("talkative", "verbose"):
        answer = p.check(name, f"password of {name}")
        assert answer["error"] == "limit" and "claim" in answer["fault"]
    assert p.check("anna", "password of anna")["verdict"] == "ok"


def test_a_user_of_very_many_groups(probe):
    server = Slapd("\n".join([unit("people"), unit("groups"), person("anna"), person("ben"),
                              *[group(f"g{n}", "anna", *(["ben"] if n < 256 else [])) for n in range(300)]]))
    try:
        p = probe({"url": server.url, **ADVANCED, **WITH_GROUPS})
        answer = p.check("anna", "password of anna")
        assert answer["error"] == "limit" and "256 roles" in answer["fault"]
        assert len(p.check("ben", "password of ben")["roles"]) == 256
    finally:
        server.close()


# ---- accounts that have ended ----

@BOTH
def test_accounts_that_the_directory_locks(users, directory, kind):
    p = users(kind)
    assert p.check("normalad", "password of normalad")["verdict"] == "ok"
    for name in ("locked389", "lockedad"):
        assert p.check(name, f"password of {name}")["verdict"] == "disabled", name
        assert p.check(name, "password of anna")["verdict"] == "wrong_password", name
    name = "both"
    directory.modify(f"dn: {dn(name)}\nchangetype: modify\nreplace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n")
    assert p.check(name, f"password of {name}")["verdict"] == "disabled"
    directory.modify(f"dn: {dn(name)}\nchangetype: modify\ndelete: pwdAccountLockedTime\n")
    directory.modify(f"dn: {dn(name)}\nchangetype: modify\nreplace: pwdReset\npwdReset: TRUE\n")
    assert p.check(name, f"password of {name}")["verdict"] == "disabled"  # the password must be changed first
    directory.modify(f"dn: {dn(name)}\nchangetype: modify\ndelete: pwdReset\n")
    assert p.check(name, f"password of {name}")["verdict"] == "ok"


def test_look_up(users):
    p = users(ADVANCED, **WITH_GROUPS, attributesToFetch=[{"source": "title"}])
    answer = p.look_up("Anna")
    assert (answer["verdict"], answer["subject"], sorted(answer["roles"]), claims(answer)) == ("ok", "anna", ["admins", "readers"], {"title": "Boss"})
    assert p.look_up("locked389")["verdict"] == "disabled"
    for name in ("nobody", "*", "twice", "an\0na", ""):
        assert p.look_up(name)["verdict"] == "nobody", name
    assert users(SIMPLE).look_up("anna")["error"] == "invalid"


def test_a_change_in_the_directory_counts_at_once(users, directory):
    p = users(ADVANCED, **WITH_GROUPS)
    assert "admins" in p.check("ben", "password of ben")["roles"]
    directory.modify(f"dn: cn=admins,{GROUPS}\nchangetype: modify\ndelete: uniqueMember\nuniqueMember: {dn('ben')}\n")
    assert p.check("ben", "password of ben")["roles"] == []
    assert p.look_up("ben")["roles"] == []
    directory.modify(f"dn: {dn('ben')}\nchangetype: modify\nreplace: userPassword\nuserPassword: another one\n")
    assert p.check("ben", "password of ben")["verdict"] == "wrong_password"
    assert p.check("ben", "another one")["verdict"] == "ok"
    directory.modify(f"dn: {dn('ben')}\nchangetype: modify\nreplace: userPassword\nuserPassword: password of ben\n")
    directory.modify(f"dn: cn=admins,{GROUPS}\nchangetype: modify\nadd: uniqueMember\nuniqueMember: {dn('ben')}\n")


# ---- all of them ----

def test_list(users):
    told = users(ADVANCED, **WITH_GROUPS, userBaseDnList=[PEOPLE, f"ou=staff,{SUFFIX}"]).list()["users"]
    by_name = {u["subject"]: u for u in told}
    assert {"anna", "ben", "deep", "staff", "First", *ODD_NAMES} <= set(by_name)
    assert "device" not in by_name
    assert sorted(by_name["anna"]["roles"]) == ["admins", "readers"] and by_name["anna"]["email"] == "anna@example.org"
    assert {u["subject"] for u in told if u["verdict"] == "disabled"} == {"locked389", "lockedad"}
    assert sorted(u["subject"] for u in told).count("both") == 2
    assert users(SIMPLE).list()["error"] == "invalid"


def test_list_in_pages(probe):
    names = [f"user{n:04}" for n in range(1001)]
    server = Slapd("\n".join([unit("people"), unit("groups"), *map(person, names), group("all", *names)]))
    try:
        p = probe({"url": server.url, **ADVANCED, **WITH_GROUPS})
        got = p.list()
        assert sorted(u["subject"] for u in got["users"]) == names
        assert all(u["roles"] == ["all"] for u in got["users"])
        assert sum(s["step"] == "search" for s in got["steps"]) == 6
        # and the connection is as good as before
        assert p.check("user0007", "password of user0007")["verdict"] == "ok"
    finally:
        server.close()


def test_no_secret_is_told(users):
    """Probe looks for passwords in every answer; here that it would see one."""
    p = users(ADVANCED, bindPassword="wrong service secret")
    p.secrets.add("the service account")
    with pytest.raises(AssertionError):
        p.check("anna", "password of anna")
    assert PASSWORD not in p.secrets
