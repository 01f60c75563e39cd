import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "gateway"))

from probe import Probe  # noqa: E402


@pytest.fixture
def probe():
    """Opens providers that are closed with the test: probe({"type": "LDAP", ...})."""
    opened = []

    def make(body, **kwargs):
        opened.append(Probe(body, **kwargs))
        return opened[-1]

    yield make
    for p in opened:
        p.close()
