"""Configuration as a file: `tollgate apply` of 1,000 API proxies and 10,000 credentials, and the manager's memory meanwhile."""

import json
import os
import pathlib
import re
import subprocess
import time

from tollbench import machine
from tollbench.figures import Figure
from tollbench.servers import Gateway

PROJECTS = 10
LONGEST = 600       # seconds, after which an apply is an error


def project(name, proxies, credentials):
    return {"name": name,
            "proxies": [{"apiProxyName": f"{name}-p{i}", "apiProxyCreationType": "REVERSE_PROXY",
                         "clientRoute": {"relativePathList": [f"/{name}/p{i}"]},
                         "routingInfo": {"routingAddressList": [{"address": "http://127.0.0.1:9000"}]},
                         "policies": [{"name": "auth", "policy": {"type": "policy-auth-jwt", "tokenExpiresInAmount": 1, "tokenExpiresInUnit": "HOURS"}}] if i % 2 else []}
                        for i in range(proxies)],
            "credentials": [{"username": f"{name}-u{i}", "roleNameList": ["read"],
                             "access": [{"name": f"{name}-p{i % proxies}", "type": "API_PROXY"}]} for i in range(credentials)]}


class Command:
    """The tollgate command, logged in at a manager, with a home of its own."""

    def __init__(self, stage, gateway):
        self.home = os.path.join(stage.work, "apply")
        os.makedirs(self.home)
        self.binary = gateway.argv()[0]
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home, "XDG_CONFIG_HOME": self.home, "LC_ALL": "C.UTF-8"}
        self.run("login", "--url", f"http://127.0.0.1:{gateway.manager_port}", "--name", "admin", "--password-file", gateway.password_file)

    def run(self, *args):
        """What it printed, and the seconds it took."""
        begin = time.monotonic()
        done = subprocess.run([self.binary, *args], cwd=self.home, env=self.env, capture_output=True, text=True, timeout=LONGEST)
        if done.returncode != 0:
            raise RuntimeError(f"tollgate {args[0]}: {done.stderr or done.stdout}"[:2000])
        return done.stdout, time.monotonic() - begin


def manager_pid(gateway):
    for pid in machine.tree(gateway.root):
        if pathlib.Path("/proc", str(pid), "comm").read_text().startswith("tollgate-manage"):
            return pid
    raise RuntimeError("the manager is not there")


def peak_mib(pid):
    return int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path("/proc", str(pid), "status").read_text())[1]) / 1024


def check(gateway, first, again, proxies, credentials, figure):
    """What was asked for is there, and nothing was done twice."""
    for what, kind, count in (("proxies", "apiProxies", proxies), ("credentials", "credentials", credentials)):
        answer = gateway.manage("GET", f"/projects/bench-0/{kind}/?pageSize=1")
        if answer["resultCount"] != count // PROJECTS:
            figure.problem(f"{answer['resultCount']} {what} in a project instead of {count // PROJECTS}")
    made = [len(re.findall(rf"^\+ create .* /apiops/projects/[^/]+/{kind}/[^/]+/$", first, re.M)) for kind in ("apiProxies", "credentials")]
    if made != [proxies, credentials]:
        figure.problem(f"the command said that it made {made[0]} API proxies and {made[1]} credentials")
    if again != "nothing to change\n":
        figure.problem(f"the second apply changed something: {again[:200]}")


def apply(stage):
    proxies, credentials = (20, 100) if stage.quick else (1000, 10000)
    gateway = Gateway(workers=1, command="manager")
    stage.keep(gateway)
    gateway.start()
    command = Command(stage, gateway)
    document = {"tollgate": 1, "projects": [project(f"bench-{i}", proxies // PROJECTS, credentials // PROJECTS) for i in range(PROJECTS)]}
    pathlib.Path(command.home, "config.json").write_text(json.dumps(document))
    pid = manager_pid(gateway)
    first, seconds = command.run("apply", "-f", "config.json", "--yes")
    stage.say(f"  apply: {seconds:.1f} s, {peak_mib(pid):.0f} MiB")
    again, second = command.run("apply", "-f", "config.json", "--yes")
    figures = [Figure("apply", f"`tollgate apply` of {proxies:,} API proxies and {credentials:,} credentials", seconds, 60, at_most=True, unit="s"),
               Figure("apply", "... the same again, which changes nothing", second, 10, at_most=True, unit="s"),
               Figure("apply", "... the manager's memory meanwhile, at its peak", peak_mib(pid), 256, at_most=True, unit="MiB")]
    check(gateway, first, again, proxies, credentials, figures[0])
    stage.drop(gateway)
    return figures
