"""Request ids, traces, and what the metrics, the dashboard and the alerts speak of."""

import json
import pathlib
import re

import pytest
import requests
from harness import ROOT, Backend, Planes, wait_for

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


class World:
    def __init__(self, operator=""):
        self.backend = Backend()
        self.planes = Planes(operator=operator)

    def __enter__(self):
        self.planes.start()
        self.planes.proxy("open", self.backend.url, path="/open")
        self.key = self.planes.proxy("jwt", self.backend.url, path="/jwt", policy="jwt")
        return self

    def __exit__(self, *_):
        try:
            self.planes.close()
        finally:
            self.backend.close()

    def seen(self, headers=None, path="/open/x"):
        """What the backend got of these headers, and the answer."""
        answer = self.planes.get(path, headers=headers or {})
        assert answer.status_code == 200, answer.text
        return self.backend, answer

    def logged(self, mark):
        log = pathlib.Path(self.planes.data, "gateway", "access.log")

        def rows():
            return [json.loads(line) for line in log.read_text().splitlines() if mark in line]
        wait_for(lambda: rows(), 10, "the access log")
        return rows()


@pytest.fixture(scope="module")
def world():
    with World() as w:
        yield w


# ---- request ids ----

def test_the_request_id_is_in_the_answer_the_backend_and_the_log(world):
    backend, answer = world.seen(path="/open/ids")
    made = answer.headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", made) and backend.header("X-Request-Id") == [made.encode()]
    assert world.logged("/open/ids")[0]["request_id"] == made


def test_refusals_and_token_endpoints_have_a_request_id(world):
    for answer in (world.planes.get("/nowhere"), world.planes.get("/jwt/x"), world.planes.get("/auth/token", method="POST", data={})):
        assert answer.status_code >= 400 and re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])


def test_a_request_id_of_strangers_is_not_taken(world):
    backend, answer = world.seen({"X-Request-Id": "theirs"})
    assert answer.headers["X-Request-Id"] != "theirs" and backend.header("X-Request-Id") != [b"theirs"]


def test_a_request_id_of_a_trusted_proxy_is_taken_if_it_is_sane(world):
    world.planes.manage("PATCH", "/environments/production/", {"trustedProxies": ["127.0.0.1"]})
    try:
        wait_for(lambda: world.seen({"X-Request-Id": "edge-1.a_b"})[1].headers["X-Request-Id"] == "edge-1.a_b", 10, "the settings")
        backend, _ = world.seen({"X-Request-Id": "edge-1.a_b"}, "/open/edge")
        assert backend.header("X-Request-Id") == [b"edge-1.a_b"] and world.logged("/open/edge")[0]["request_id"] == "edge-1.a_b"
        for bad in ("x" * 65, 'a"b', "a b", "a;b", "\xe4"):
            backend, answer = world.seen({"X-Request-Id": bad})
            assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"]), bad
    finally:
        world.planes.manage("PATCH", "/environments/production/", {"trustedProxies": []})


# ---- traces ----

def test_a_traceparent_is_passed_on_with_its_tracestate(world):
    backend, _ = world.seen({"traceparent": TRACE, "tracestate": "vendor=opaque, other=1"}, "/open/traced")
    assert backend.header("traceparent") == [TRACE.encode()] and backend.header("tracestate") == [b"vendor=opaque, other=1"]
    assert world.logged("/open/traced")[0]["trace"] == TRACE_ID


@pytest.mark.parametrize("bad", ["", "00-x", TRACE.upper(), TRACE + "-more", "ff" + TRACE[2:], "00-" + "0" * 32 + TRACE[35:]])
def test_a_traceparent_that_is_none_goes_no_further(world, bad):
    backend, _ = world.seen({"traceparent": bad, "tracestate": "vendor=opaque", "X-Kept": "1"}, "/open/untraced")
    assert backend.header("traceparent") == [] and backend.header("tracestate") == [] and backend.header("X-Kept") == [b"1"]


def test_without_one_none_is_made(world):
    backend, _ = world.seen({"tracestate": "vendor=opaque"}, "/open/plain")
    assert backend.header("traceparent") == [] and backend.header("tracestate") == [b"vendor=opaque"]
    assert world.logged("/open/plain")[0]["trace"] == ""


def test_traces_are_begun_where_the_operator_says_so():
    with World("tollgate_traceparent make;\n") as w:
        made = []
        for _ in range(2):
            backend, _ = w.seen(path="/open/begun")
            made += backend.header("traceparent")
        assert len(set(made)) == 2 and all(re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-01", m) for m in made)
        assert {r["trace"].encode() for r in w.logged("/open/begun")} <= {m[3:35] for m in made}
        backend, _ = w.seen({"traceparent": TRACE})
        assert backend.header("traceparent") == [TRACE.encode()]
        backend, _ = w.seen({"traceparent": "rubbish"})
        assert len(backend.header("traceparent")) == 1 and backend.header("traceparent") != [b"rubbish"]


# ---- metrics ----

def exported(text):
    """Names with their types, as /metrics says."""
    found = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    for name in re.findall(r"^([a-z_]+)(?:\{| )", text, re.M):
        base = re.sub("_(bucket|sum|count)$", "", name)
        assert name in found or found.get(base) in ("histogram", "summary"), name
    return found


@pytest.fixture(scope="module")
def metrics(world):
    world.planes.token(world.key, "/auth/jwt")
    return "".join(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text for port in (world.planes.status_port, world.planes.manager_port))


def test_the_text_is_what_prometheus_reads(metrics):
    seen = set()
    for line in metrics.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge|histogram|summary))", line), line
            continue
        match = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"\\]*"(?:,[a-z]+="[^"\\]*")*\})? (\S+)', line)
        assert match, line
        float(match[3])
        assert (match[1], match[2]) not in seen, line
        seen.add((match[1], match[2]))


def test_histograms_grow_and_agree(metrics, world):
    before = world.planes.metrics()
    world.planes.token(world.key, "/auth/jwt")
    world.planes.get("/jwt/x")
    after = world.planes.metrics()

    def rose(name):
        return after[name] - before[name]
    assert rose('tollgate_token_request_seconds_count{endpoint="jwt"}') == rose('tollgate_token_requests_total{endpoint="jwt",result="ok"}') == 1
    assert rose('tollgate_token_request_seconds_sum{endpoint="jwt"}') > 0 and rose('tollgate_tokens_refused_total{reason="none"}') == 1
    for kind in ("client", "feed", "snapshot", "node"):
        assert after[f'tollgate_store_call_seconds_count{{call="{kind}"}}'] > 0, kind
        buckets = [v for k, v in after.items() if k.startswith(f'tollgate_store_call_seconds_bucket{{call="{kind}"')]
        assert buckets == sorted(buckets) and buckets[-1] == after[f'tollgate_store_call_seconds_count{{call="{kind}"}}']
    assert 0 <= after['tollgate_signing_key_age_seconds{algorithm="RS256"}'] < 3600


def test_refusals_of_token_endpoints_are_counted(world):
    before = world.planes.metrics()
    assert world.planes.token_answer(("a", "b")).status_code == 401
    after = world.planes.metrics()
    name = 'tollgate_token_requests_total{endpoint="token",result="invalid_client"}'
    assert after[name] - before[name] == 1


# ---- what speaks of them ----

def names_in(text):
    return {re.sub("_(bucket|sum|count)$", "", n) if re.search("_seconds_(bucket|sum|count)$", n) else n for n in re.findall(r"\btollgate_[a-z_]+", text)}


def test_the_manual_has_every_metric_and_no_other(metrics):
    manual = pathlib.Path(ROOT, "docs", "observability.md").read_text()
    rows = dict(re.findall(r"^\| `(tollgate_[a-z_]+)` \| (\w+) \|", manual, re.M))
    assert rows == exported(metrics)


@pytest.mark.parametrize("file", ["deploy/grafana/tollgate.json", "deploy/prometheus/alerts.yml"])
def test_dashboard_and_alerts_speak_of_metrics_that_are_there(metrics, file):
    text = pathlib.Path(ROOT, file).read_text()
    if file.endswith(".json"):
        text = "\n".join(target["expr"] for panel in json.loads(text)["panels"] for target in panel.get("targets", []))
    else:
        text = "\n".join(re.findall(r"^\s*expr: (.*)$", text, re.M))
    used = names_in(text)
    assert len(used) > 10 and used <= set(exported(metrics)), used - set(exported(metrics))
    for name, labels in re.findall(r"\b(tollgate_[a-z_]+)\{([^}]*)\}", text):
        for label, operator, value in re.findall(r'([a-z]+)(=~?|!=)"([^"]*)"', labels):
            if label == "instance":     # Prometheus says it
                continue
            for one in value.split("|") if operator == "=~" else [value]:
                assert re.search(rf'^{name}\{{[^}}]*{label}="{one}"', metrics, re.M) or operator == "!=", (name, label, one)


def test_each_alert_has_a_runbook(metrics):
    text = pathlib.Path(ROOT, "deploy", "prometheus", "alerts.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)\n(.*?)(?=\n *- alert:|\Z)", text, re.S)
    manual = pathlib.Path(ROOT, "docs", "observability.md").read_text()
    assert len(alerts) >= 12
    for name, body in alerts:
        assert re.search(r"severity: (page|ticket)", body) and re.search(r"summary: \S", body), name
        assert f"runbook: docs/observability.md#{name.lower()}" in body and f"\n### {name}\n" in manual, name
