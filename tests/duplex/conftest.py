# SPDX-License-Identifier: Apache-2.0
"""A cloud with two controllers, which the tests of this folder take over from each other."""
import pytest

from tests.duplex.pair import Pair
from tests.lab.stack import api, brought_up, cloud, needs_root, on

__all__ = ["api", "cloud", "needs_root", "on", "stack_output"]
STACK_TIMEOUT_S = 1500


@pytest.fixture(scope="session")
def stack_output(needs_root, request):
    """Output of stack.sh with two controllers. The upgrade has two workers."""
    workers = "2" if any(item.path.name == "test_upgrade_itself.py" for item in request.session.items) else "1"
    with brought_up("--controllers", "2", "--workers", workers, timeout_s=STACK_TIMEOUT_S) as output:
        yield output


@pytest.fixture(scope="session")
def both(cloud, on):
    """The two controllers as they are."""
    return Pair(on, cloud)


@pytest.fixture(scope="session")
def controllers(both):
    """The two controllers, with the services of the scenarios in their configuration."""
    both.repair()
    both.settled()
    both.install_probes()
    yield both
    both.remove_probes()


@pytest.fixture
def pair(controllers):
    """The two controllers in service before a scenario; repaired and looked at after it, also when it has failed."""
    controllers.settled()
    controllers.begin()
    yield controllers
    controllers.repair()
    controllers.settled()
    controllers.check()


def pytest_collection_modifyitems(items):
    """What looks at the pairing runs before a test that starts controller-0 again."""
    items.sort(key=lambda item: "test_pairing" not in item.nodeid)
