"""A PostgreSQL of the tests' own, in a temporary folder, as postgres or nobody when we are root (the server refuses root)."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

from harness import SLOW, free_port, wait_for

BIN = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1:]


def user():
    """Whom the server runs as; None: as who we are."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


class Server:
    def __init__(self, networks=(), options=(), address="127.0.0.1"):
        """networks: besides loopback, those that may come, at this address of the machine."""
        assert BIN, "PostgreSQL is not installed (make deps)"
        self.bin = BIN[0]
        self.port = free_port()
        self.process = None
        self.options = list(options)
        self.addresses = ",".join(sorted({"127.0.0.1", address}))
        self.home = tempfile.mkdtemp(prefix="tollgate-postgres-")
        self.data = os.path.join(self.home, "data")
        self.log = open(os.path.join(self.home, "log"), "ab")
        if user():
            shutil.chown(self.home, user())
        try:
            self._run("initdb", "-D", self.data, "-U", "admin", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").wait(60 * SLOW)
            with open(os.path.join(self.data, "pg_hba.conf"), "a") as f:
                f.writelines(f"host all all {network} trust\n" for network in networks)
            self.start()
        except BaseException:
            self.close()
            raise

    def _run(self, program, *args):
        return subprocess.Popen([os.path.join(self.bin, program), *args], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                cwd=self.home, user=user(), extra_groups=[] if user() else None, start_new_session=True)

    def start(self):
        self.process = self._run("postgres", "-D", self.data, "-k", self.home, "-p", str(self.port), "-c", f"listen_addresses={self.addresses}",
                                 "-c", "max_connections=200", "-c", "shared_buffers=64MB", *self.options)
        wait_for(self.answers, 30 * SLOW, "PostgreSQL answers", every=0.05)

    def answers(self):
        return subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode == 0

    def uri(self, database, role="admin"):
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement, database="postgres", role="admin"):
        """The rows as text, one a line, or an AssertionError with what the server says."""
        got = subprocess.run([os.path.join(self.bin, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.uri(database, role), "-c", statement],
                             capture_output=True, text=True, timeout=60 * SLOW, check=False)
        assert got.returncode == 0, got.stderr
        return got.stdout.strip()

    def processes(self):
        """The postmaster and its children."""
        pids = [self.process.pid]
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(stat) as f:
                    text = f.read()
            except OSError:
                continue
            if int(text.rsplit(")", 1)[1].split()[1]) == self.process.pid:
                pids.append(int(stat.split("/")[2]))
        return pids

    def signal_all(self, number):
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def stop(self, number=signal.SIGINT):
        """SIGINT: connections are cut, what was committed is on disk; SIGQUIT: at once, as a crash."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60 * SLOW)

    def crash(self):
        """kill -9 of every process."""
        self.signal_all(signal.SIGKILL)
        self.process.wait(60 * SLOW)
        os.unlink(os.path.join(self.data, "postmaster.pid"))  # its pid may be another process by now

    def close(self):
        if self.process and self.process.poll() is None:
            self.signal_all(signal.SIGCONT)
            self.stop()
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)
