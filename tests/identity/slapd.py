"""An OpenLDAP server of the tests' own: a plain process on loopback with its configuration and data in a temporary folder."""

import base64
import glob
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import SLOW, free_port, wait_for
from tools import Authority

SUFFIX = "dc=example,dc=org"
ADMIN = f"cn=admin,{SUFFIX}"
PASSWORD = "directory secret"

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.55555.1 NAME 'nsAccountLock' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.55555.2 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.55555.3 NAME 'blob' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.3.6.1.4.1.55555.4 NAME 'more' SUP top AUXILIARY MAY ( nsAccountLock $ userAccountControl $ blob ) )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile {home}/slapd.pid
argsfile {home}/slapd.args
{tls}
database mdb
suffix {suffix}
rootdn {admin}
rootpw "{password}"
directory {home}/data
maxsize 67108864
dbnosync
limits users size={size}
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=secret,{suffix}" by * none
access to * by users read by * auth
overlay ppolicy
ppolicy_default cn=default,{suffix}
ppolicy_use_lockout
"""

TREE = f"""
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
o: Example

dn: cn=default,{SUFFIX}
objectClass: pwdPolicy
objectClass: device
cn: default
pwdAttribute: userPassword

dn: cn=strict,{SUFFIX}
objectClass: pwdPolicy
objectClass: device
cn: strict
pwdAttribute: userPassword
pwdMustChange: TRUE
pwdLockout: TRUE
"""


def entry(dn, **attributes):
    """LDIF of one entry; values are str or bytes, or lists of them."""
    lines = ["dn:: " + base64.b64encode(dn.encode()).decode()]
    for name, values in attributes.items():
        for value in values if isinstance(values, list) else [values]:
            raw = value if isinstance(value, bytes) else value.encode()
            lines.append(f"{name}:: {base64.b64encode(raw).decode()}")
    return "\n".join(lines) + "\n"


def unit(name, below=SUFFIX):
    return entry(f"ou={name},{below}", objectClass="organizationalUnit", ou=name)


class Slapd:
    """`ldif`: what the directory holds from the start, beside its root. names: of its certificate. size: entries that a search of users gets."""

    def __init__(self, ldif="", names=("127.0.0.1",), tls=True, size="unlimited", days=30, ciphers="NORMAL"):
        self.port, self.tls_port = free_port(), free_port()
        self.url, self.tls_url = f"ldap://127.0.0.1:{self.port}", f"ldaps://127.0.0.1:{self.tls_port}"
        self.tls = tls
        self.process = None
        self.home = tempfile.mkdtemp(prefix="tollgate-slapd-")
        self.authority = Authority("Directory CA")
        self.log = open(os.path.join(self.home, "log"), "ab")
        try:
            self._configure(names, size, days, ciphers)
            self._load(TREE + "\n" + ldif)
            self.start()
        except BaseException:
            self.close()
            raise

    def _configure(self, names, size, days, ciphers):
        os.mkdir(os.path.join(self.home, "data"))
        lines = ""
        if self.tls:
            certificate, key = self.authority.issue(self.home, *names, days=days)
            lines = f"TLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\nTLSCipherSuite {ciphers}"
        self.configuration = os.path.join(self.home, "slapd.conf")
        with open(self.configuration, "w", encoding="utf-8") as f:
            f.write(CONFIGURATION.format(home=self.home, tls=lines, size=size, suffix=SUFFIX, admin=ADMIN, password=PASSWORD))

    def _load(self, ldif):
        got = subprocess.run(["/usr/sbin/slapadd", "-q", "-f", self.configuration], input=ldif, text=True, capture_output=True, check=False)
        assert got.returncode == 0, got.stderr

    def start(self):
        urls = self.url + (" " + self.tls_url if self.tls else "")
        self.process = subprocess.Popen(["/usr/sbin/slapd", "-h", urls, "-f", self.configuration, "-d", "0"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        wait_for(self.answers, 20 * SLOW, "slapd answers", every=0.02)

    def answers(self):
        assert self.process.poll() is None, open(self.log.name, encoding="utf-8", errors="replace").read()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def modify(self, ldif):
        """Applies changes as the administrator: LDIF with changetype."""
        got = subprocess.run(["ldapmodify", "-x", "-H", self.url, "-D", ADMIN, "-w", PASSWORD], input=ldif, text=True, capture_output=True,
                             check=False, timeout=30 * SLOW)
        assert got.returncode == 0, got.stderr

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(30 * SLOW)

    def kill(self):
        self.process.kill()
        self.process.wait(30 * SLOW)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        wait_for(self._stands_still, 10 * SLOW, "slapd is stopped")

    def _stands_still(self):
        tasks = glob.glob(f"/proc/{self.process.pid}/task/*/stat")
        return all(pathlib.Path(task).read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] == "T" for task in tasks)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.stop()
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)
