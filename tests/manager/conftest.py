import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness_manager import Manager  # noqa: E402


@pytest.fixture(scope="module")
def manager():
    """One manager for the tests of a module: each test makes things of its own names."""
    with Manager() as m:
        yield m


@pytest.fixture
def own():
    """Makes managers that belong to one test: own(password=None, ...), not started."""
    made = []

    def make(**kwargs):
        made.append(Manager(**kwargs))
        return made[-1]

    yield make
    for m in made:
        m.close()
