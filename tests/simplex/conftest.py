# SPDX-License-Identifier: Apache-2.0
"""A cloud of one all-in-one server that runs from a deployment of OSTree."""
import pytest

from tests.lab.software import Operator
from tests.lab.stack import brought_up, cloud, needs_root, on

__all__ = ["cloud", "needs_root", "on", "stack_output"]


@pytest.fixture(scope="session")
def stack_output(needs_root):
    """Output of stack.sh with one server that has OSTree."""
    with brought_up("--model", "aio-sx", "--ostree") as output:
        yield output


@pytest.fixture(scope="session")
def operator(cloud, on, tmp_path_factory):
    """An operator with a key that the cloud trusts."""
    return Operator(cloud, on, tmp_path_factory.mktemp("software"))
