"""What the directory of the tests holds, and providers that ask it."""

from slapd import ADMIN, PASSWORD, SUFFIX, entry, unit

PEOPLE, GROUPS = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}"
ODD_NAMES = ["a,b", "c+uid=anna", 'd"e"', "f\\g", "h<i>;j", "#k", "l=m", "n*", "o)(uid=*", "(p)", "q\\2a", "r\ts", "J\u00f6rg \U0001f600"]


def escape(value):
    """RFC 4514, every byte: what the directory is filled with must not lean on what is tested."""
    return "".join(f"\\{byte:02x}" for byte in value.encode())


def person(name, below=PEOPLE, **more):
    return entry(f"uid={escape(name)},{below}",
                 **{"objectClass": ["inetOrgPerson", "more"], "uid": name, "cn": f"Cn {name}", "sn": "S", "userPassword": f"password of {name}", **more})


def group(name, *members, **more):
    return entry(f"cn={escape(name)},{GROUPS}", **{"objectClass": "groupOfUniqueNames", "cn": name, "uniqueMember": [dn(m) for m in members], **more})


def dn(name, below=PEOPLE):
    return f"uid={escape(name)},{below}"


LDIF = "\n".join([
    unit("people"), unit("groups"), unit("staff"), unit("secret"), unit("deep", PEOPLE), unit("robots", PEOPLE),
    person("anna", mail="anna@example.org", telephoneNumber=["1", "2", "3"], title="Boss", description="\u00fc\u00e4", blob=[b"\xff\xfe", b"\x00"]),
    person("ben", employeeType="extern"),
    person("deep", f"ou=deep,{PEOPLE}"),
    person("twice", f"ou=deep,{PEOPLE}"), person("twice", f"ou=robots,{PEOPLE}"),
    person("both", pwdPolicySubentry=f"cn=strict,{SUFFIX}"), person("both", f"ou=staff,{SUFFIX}", userPassword="password of staff"),
    person("staff", f"ou=staff,{SUFFIX}"),
    person("hidden", f"ou=secret,{SUFFIX}"),
    person("first", uid=["second", "First", "third"]),
    person("nopassword", userPassword=[]),
    person("locked389", nsAccountLock="TRUE"), person("lockedad", userAccountControl="514"), person("normalad", userAccountControl="512"),
    person("talkative", telephoneNumber=[str(n) for n in range(65)]), person("verbose", description="x" * 9000),
    entry(f"cn=device,{PEOPLE}", objectClass=["device", "uidObject", "simpleSecurityObject"], cn="device", uid="device", userPassword="password of device"),
    *[person(name) for name in ODD_NAMES],
    group("admins", "anna", "ben"), group("readers", "anna", description="special"), group("Domain Users", "anna"),
    group("odd", *ODD_NAMES),
    entry(f"cn=posix,{GROUPS}", objectClass="posixGroup", cn="posix", gidNumber="7", memberUid=["anna", *[n for n in ODD_NAMES if n.isascii()]]),
])

SIMPLE = {"type": "LDAP", "authenticationType": "SIMPLE", "userConfigurationExpression": "uid={{username}}," + PEOPLE}
ADVANCED = {"type": "LDAP", "authenticationType": "ADVANCED", "bindDn": ADMIN, "bindPassword": PASSWORD, "userBaseDnList": [PEOPLE]}
WITH_GROUPS = {"groupBaseDnList": [GROUPS]}
