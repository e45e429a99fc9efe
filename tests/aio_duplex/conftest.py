# SPDX-License-Identifier: Apache-2.0
"""A cloud of two all-in-one servers and nothing else."""
import subprocess

import pytest

from devstack.virtualcloud.mainjob import STATE_DIR
from tests.duplex.pair import Pair
from tests.lab.stack import REPO, api, cloud, needs_root, on

__all__ = ["api", "cloud", "needs_root", "on", "stack_output"]
STACK_TIMEOUT_S = 1500


@pytest.fixture(scope="session")
def stack_output(needs_root):
    """Output of stack.sh. A lab that ran before is used and left; one made here is removed."""
    ran_before = (STATE_DIR / "lab.sock").exists()
    done = subprocess.run([str(REPO / "devstack" / "stack.sh"), "--model", "aio-dx"], capture_output=True, text=True,
                          timeout=STACK_TIMEOUT_S, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    yield done.stdout
    if not ran_before:
        subprocess.run([str(REPO / "devstack" / "unstack.sh")], capture_output=True, text=True, timeout=180, check=True)


@pytest.fixture(scope="session")
def pair(cloud, on):
    """The two servers."""
    return Pair(on, cloud)
