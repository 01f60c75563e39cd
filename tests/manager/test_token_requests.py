"""/tokenRequests/: rows that gateways wrote, told with names and times."""
import datetime
import sqlite3

import pytest

from harness_manager import ROOT
from test_credentials import role

AT = 1700000000000


def moment(at):
    return datetime.datetime.fromtimestamp(at / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (at % 1000)


class Log:
    """The log as a gateway keeps it."""

    def __init__(self, manager):
        self.db = sqlite3.connect(f"{manager.data}/requests.db", timeout=20)
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA application_id=0x54477271; PRAGMA user_version=1;")
        self.db.executescript((ROOT / "migrations/sqlite/requests/0001_initial.sql").read_text())
        self.seq = 0

    def add(self, **row):
        self.seq += 1
        row = {"seq": self.seq, "at": AT + self.seq * 1000, "environment_id": 0, "project_id": 0, "status": 200, "duration_us": 1500, "proxy": "", "client_id": "c",
               "user": "", "error": "", "reason": "", "node": "n1", "endpoint": "/auth/token", "address": "192.0.2.1", "grant_type": "client_credentials", **row}
        self.db.execute(f"INSERT INTO request ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
        self.db.execute("INSERT INTO request_block VALUES (?, ?, ?, ?, ?) ON CONFLICT (block, environment_id) DO UPDATE SET last = excluded.last,"
                        " at_from = min(at_from, excluded.at_from), at_to = max(at_to, excluded.at_to)",
                        (self.seq // 1024, row["environment_id"], self.seq, row["at"], row["at"]))
        self.db.commit()


@pytest.fixture(scope="module")
def log(manager):
    manager.project("logged")
    project, production = manager.api("GET", "/projects/logged/")["metadata"]["id"], manager.environment_id()
    manager.api("POST", "/environments/", {"name": "other"})
    assert manager.api("GET", "/tokenRequests/")["resultList"] == []  # no gateway wrote anything yet
    log = Log(manager)
    log.add(environment_id=production, project_id=project, proxy="orders", client_id="app")
    log.add(environment_id=production, project_id=project, client_id="cred", user="anna", grant_type="password", endpoint="/credential/token")
    log.add(environment_id=production, client_id="cred", status=401, error="invalid_client", reason="wrong secret")
    log.add(environment_id=manager.environment_id("other"), client_id="app", status=503, error="server_error", reason="store")
    log.add(environment_id=999999, status=400, error="invalid_request")
    return log


def ids(manager, query=""):
    return [r["id"] for r in manager.api("GET", "/tokenRequests/" + query)["resultList"]]


def test_a_row(manager, log):
    answer = manager.api("GET", "/tokenRequests/?user=anna")
    assert answer["resultCount"] == 1 and answer["next"] is None
    assert answer["resultList"] == [{
        "id": 2, "at": moment(AT + 2000), "environmentName": "production", "projectName": "logged", "nodeId": "n1", "endpoint": "/credential/token", "clientId": "cred",
        "proxyName": None, "user": "anna", "address": "192.0.2.1", "grantType": "password", "status": 200, "error": None, "reason": None, "durationMicros": 1500}]


@pytest.mark.parametrize("query, wanted", [
    ("", [5, 4, 3, 2, 1]), ("?environment=production", [3, 2, 1]), ("?environment=other", [4]), ("?project=logged", [2, 1]), ("?proxy=orders", [1]), ("?clientId=app", [4, 1]),
    ("?error=invalid_client", [3]), ("?statusFrom=400", [5, 4, 3]), ("?statusTo=400", [5, 2, 1]), ("?statusFrom=401&statusTo=499", [3]), ("?clientId=none-such", []),
    (f"?from={moment(AT + 2000)}&to={moment(AT + 4000)}", [3, 2]), ("?environment=production&clientId=cred&statusTo=299", [2]),
])
def test_what_is_asked_for(manager, log, query, wanted):
    assert ids(manager, query) == wanted


def test_pages_newest_first(manager, log):
    answer = manager.api("GET", "/tokenRequests/?pageSize=2")
    assert [r["id"] for r in answer["resultList"]] == [5, 4] and answer["next"] == 4
    answer = manager.api("GET", "/tokenRequests/?pageSize=2&before=4")
    assert [r["id"] for r in answer["resultList"]] == [3, 2] and answer["next"] == 2
    assert ids(manager, "?pageSize=2&before=2") == [1] and manager.api("GET", "/tokenRequests/?pageSize=2&before=2")["next"] is None


def test_what_is_gone_has_no_name(manager, log):
    row = manager.api("GET", "/tokenRequests/?statusFrom=400&statusTo=400")["resultList"][0]
    assert row["environmentName"] is None and row["projectName"] is None


@pytest.mark.parametrize("query, field", [
    ("environment=none-such", "environment"), ("project=none-such", "project"), ("statusFrom=x", "statusFrom"), ("statusFrom=99", "statusFrom"), ("statusTo=600", "statusTo"),
    ("from=yesterday", "from"), ("to=5", "to"), ("before=0", "before"), ("before=x", "before"), ("pageSize=0", "pageSize"), ("pageSize=1001", "pageSize"), ("status=200", "status"),
    ("user=a&user=b", "user"),
])
def test_bad_queries(manager, query, field):
    assert field in manager.refused(400, "GET", "/tokenRequests/?" + query)


def test_viewers_read(manager, log):
    viewer = role(manager, "vera-log", "VIEWER")
    assert manager.api("GET", "/tokenRequests/?pageSize=1", token=viewer)["resultCount"] == 1
    manager.refused(401, "GET", "/tokenRequests/", token=False)
