# SPDX-License-Identifier: Apache-2.0
"""A cloud of two all-in-one servers and nothing else."""
import pytest

from tests.duplex.pair import Pair
from tests.lab.stack import api, brought_up, cloud, needs_root, on

__all__ = ["api", "cloud", "needs_root", "on", "stack_output"]
STACK_TIMEOUT_S = 1500


@pytest.fixture(scope="session")
def stack_output(needs_root):
    """Output of stack.sh with two all-in-one servers."""
    with brought_up("--model", "aio-dx", timeout_s=STACK_TIMEOUT_S) as output:
        yield output


@pytest.fixture(scope="session")
def pair(cloud, on):
    """The two servers."""
    return Pair(on, cloud)
