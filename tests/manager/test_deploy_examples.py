"""The examples of deploy/: what they name is there, and they parse."""

import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = list(yaml.safe_load_all((ROOT / "deploy/kubernetes/tollgate.yaml").read_text()))


def options(plane):
    from harness_manager import BUILD
    text = subprocess.run([str(BUILD / "tollgate"), plane, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    return set(re.findall(r"^  (--[a-z-]+)", text, re.M))


@pytest.mark.parametrize("plane", ["manager", "gateway"])
def test_options_of_units_images_and_pods_are_there(plane):
    used = (ROOT / f"deploy/debian/{plane}.conf").read_text() + (ROOT / f"deploy/systemd/tollgate-{plane}.service").read_text()
    entry = next(line for line in (ROOT / f"deploy/container/Containerfile.{plane}").read_text().splitlines() if line.startswith("ENTRYPOINT"))
    pod = next(d for d in DOCUMENTS if d["kind"] == "Deployment" and d["metadata"]["name"] == f"tollgate-{plane}")
    args = pod["spec"]["template"]["spec"]["containers"][0]["args"]
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", used + entry + " ".join(args))) - {"--help"}
    assert named and named <= options(plane)


def test_a_rolling_update_takes_no_gateway_away_before_its_drain_is_over():
    pod = next(d for d in DOCUMENTS if d["kind"] == "Deployment" and d["metadata"]["name"] == "tollgate-gateway")["spec"]
    assert pod["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    container = pod["template"]["spec"]["containers"][0]
    drain = int(next(a for a in container["args"] if a.startswith("--drain-seconds=")).split("=")[1])
    probe = container["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] < drain
    assert pod["template"]["spec"]["terminationGracePeriodSeconds"] >= drain + 35


def test_every_selector_finds_a_pod():
    labels = [d["spec"]["template"]["metadata"]["labels"] for d in DOCUMENTS if d["kind"] == "Deployment"]
    for d in DOCUMENTS:
        spec = d.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector") or {}
        wanted = selector.get("matchLabels", selector)
        if wanted:
            assert any(wanted.items() <= has.items() for has in labels), d["metadata"]["name"]
