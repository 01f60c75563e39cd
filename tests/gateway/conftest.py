import os
import shutil
import tempfile

import pytest

from harness import Backend, Planes
from tools import Disk, build_library, close_all


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
    close_all(made)


@pytest.fixture(scope="session")
def open_folder():
    """A folder that the planes, run as nobody, can reach; pytest's own are closed."""
    folder = tempfile.mkdtemp(prefix="tollgate-files-")
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def faulty_disk_library(open_folder):
    return build_library(open_folder)


@pytest.fixture
def disk(faulty_disk_library, open_folder):
    d = Disk(faulty_disk_library, open_folder)
    yield d
    d.close()


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore::urllib3.exceptions.InsecureRequestWarning")


@pytest.fixture(scope="module")
def module_planes():
    """Like own_planes, for the tests of one module together."""
    made = []

    def make(**kwargs):
        p = Planes(**kwargs)
        made.append(p)
        return p.start()

    yield make
    close_all(made)
