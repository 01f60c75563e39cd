import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "manager"))

from harness_cli import Cli, Fake  # noqa: E402
from harness_manager import PASSWORD, Manager  # noqa: E402


@pytest.fixture(scope="module")
def manager():
    with Manager() as m:
        yield m


@pytest.fixture
def bare(tmp_path):
    """The command with a home of its own, logged in nowhere."""
    return Cli(tmp_path)


@pytest.fixture
def cli(bare, manager):
    """The command, logged in at the module's manager."""
    (bare.home / "password").write_text(PASSWORD + "\n")
    bare("login", "--url", manager.root, "--name", "admin", "--password-file", bare.home / "password")
    return bare


@pytest.fixture
def fake():
    """A server that answers as it is told: fake.answers[path] = (status, object or text)."""
    with Fake() as f:
        yield f
