import pytest

from harness import Backend, Planes


@pytest.fixture(scope="module")
def planes():
    """Both planes, shared by the tests of one module: each test describes proxies of its own names."""
    with Planes() as p:
        yield p


@pytest.fixture
def backend():
    b = Backend()
    yield b
    b.close()


@pytest.fixture
def own_planes():
    """Makes planes that belong to one test alone: own_planes(workers=1, ...)."""
    made = []

    def make(**kwargs):
        p = Planes(**kwargs)
        made.append(p)
        return p.start()

    yield make
    for p in made:
        p.close()
