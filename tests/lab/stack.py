# SPDX-License-Identifier: Apache-2.0
"""One real virtual cloud for all tests of a folder: brought up by stack.sh, taken down by unstack.sh."""
import contextlib
import csv
import io
import os
import subprocess
from pathlib import Path

import pytest
import requests

from devstack.virtualcloud.cloudclient import CloudClient
from devstack.virtualcloud.mainjob import STATE_DIR, cli, lab

REPO = Path(__file__).resolve().parents[2]
STACK_TIMEOUT_S = 900
AUTHORITY = str(STATE_DIR / "ca.crt")
"""File with the certificate of the cloud's authority; the lab makes it."""


@pytest.fixture(scope="session")
def needs_root():
    if os.geteuid() != 0:
        pytest.skip("the lab needs root")


@contextlib.contextmanager
def brought_up(*arguments, timeout_s=STACK_TIMEOUT_S):
    """Output of stack.sh. A lab that ran before is used and left; one made here is removed and leaves nothing."""
    ran_before = (STATE_DIR / "lab.sock").exists()
    done = subprocess.run([str(REPO / "devstack" / "stack.sh"), *arguments], capture_output=True, text=True,
                          timeout=timeout_s, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    yield done.stdout
    if not ran_before:
        gone = subprocess.run([str(REPO / "devstack" / "unstack.sh")], capture_output=True, text=True, timeout=180,
                              check=False)
        assert gone.returncode == 0, gone.stdout + gone.stderr


@pytest.fixture(scope="session")
def stack_output(needs_root):
    """Output of stack.sh. A lab made here has one controller, since that is quicker."""
    ran_before = (STATE_DIR / "lab.sock").exists()
    with brought_up(*([] if ran_before else ["--controllers", "1"])) as output:
        yield output


@pytest.fixture(scope="session")
def cloud(stack_output):
    return CloudClient(STATE_DIR / "admin-password")


def token():
    default = {"name": "Default"}
    user = {"name": "admin", "domain": default, "password": (STATE_DIR / "admin-password").read_text().strip()}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}},
                     "scope": {"project": {"name": "admin", "domain": default}}}}
    reply = requests.post("https://127.0.0.1:5000/v3/auth/tokens", json=body, timeout=20, verify=AUTHORITY)
    assert reply.status_code == 201, reply.text
    return reply.headers["X-Subject-Token"]


@pytest.fixture(scope="module")
def api(cloud):
    """Requests to the APIs as the admin user."""
    with requests.Session() as client:
        client.headers["X-Auth-Token"] = token()
        # Authorities in the environment would replace the session's.
        client.trust_env = False
        client.verify = AUTHORITY
        yield client


@pytest.fixture(scope="session")
def on(cloud):
    """Run a command inside a host of the lab and return its output."""
    def run(host, *argv, timeout_s=90, check=True):
        done = subprocess.run([str(REPO / "devstack" / "lab"), "exec", host, "--", *argv], capture_output=True,
                              text=True, timeout=timeout_s, check=False)
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout
    return run


@pytest.fixture(scope="session")
def unmanaged(on):
    """Keep service management of controller-0 from repairing a service that a test stops."""
    @contextlib.contextmanager
    def hold(service):
        on("controller-0", "/opt/flock/venv/bin/sm-unmanage", "service", service)
        try:
            yield
        finally:
            on("controller-0", "/opt/flock/venv/bin/sm-manage", "service", service)
    return hold


@pytest.fixture
def healthy(cloud):
    """Both workers in service before a test hurts one, and again after it."""
    from devstack.virtualcloud.cloudclient import wait_states
    from devstack.virtualcloud.mainjob import IN_SERVICE

    def check():
        for name in ("controller-0", "worker-0", "worker-1"):
            wait_states(cloud, name, IN_SERVICE, 180)
    check()
    yield
    lab("heal")
    check()


def rows(*argv):
    """The rows of a list command of the operator."""
    return list(csv.DictReader(io.StringIO(cli(*argv, "-f", "csv", quiet=True))))
