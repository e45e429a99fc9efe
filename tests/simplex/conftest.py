# SPDX-License-Identifier: Apache-2.0
"""A cloud of one all-in-one server that runs from a deployment of OSTree."""
import subprocess

import pytest

from devstack.virtualcloud.mainjob import STATE_DIR
from tests.lab.software import Operator
from tests.lab.stack import REPO, cloud, needs_root, on

__all__ = ["cloud", "needs_root", "on", "stack_output"]
STACK_TIMEOUT_S = 900


@pytest.fixture(scope="session")
def stack_output(needs_root):
    """Output of stack.sh. A lab that ran before is used and left; one made here is removed."""
    ran_before = (STATE_DIR / "lab.sock").exists()
    done = subprocess.run([str(REPO / "devstack" / "stack.sh"), "--model", "aio-sx", "--ostree"], capture_output=True,
                          text=True, timeout=STACK_TIMEOUT_S, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    yield done.stdout
    if not ran_before:
        subprocess.run([str(REPO / "devstack" / "unstack.sh")], capture_output=True, text=True, timeout=180, check=True)


@pytest.fixture(scope="session")
def operator(cloud, on, tmp_path_factory):
    """An operator with a key that the cloud trusts."""
    return Operator(cloud, on, tmp_path_factory.mktemp("software"))
