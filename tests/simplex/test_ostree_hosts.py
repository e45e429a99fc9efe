# SPDX-License-Identifier: Apache-2.0
"""A host of the lab that runs from OSTree: what boots, before and after a reboot, a crash and a rollback.

The product's own back end deploys on the host, without the other services of a cloud. The lab has a state folder and a
name prefix of its own.
"""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lab.command import Lab
from tests.lab.software import Trees

# A test boots the host several times.
pytestmark = pytest.mark.timeout(900)
HOST = "controller-0"
PREFIX = f"o{os.getpid() % 100000}"
STATE = Path(f"/var/tmp/flock-{PREFIX}")
BACK_END = """
import sys
from pathlib import Path
from patching.backends import ostree, plan
from patching.backends.interface import Target
what, commit, *deltas = sys.argv[1:]
backend = ostree.Ostree(Path("/"), 300.0)
if what == "settle":
    backend.settle()
else:
    items = tuple(ostree.describe(Path(delta)) for delta in deltas)
    target = Target({}, {"ostree": commit}, items)
    print(backend.apply(plan.changes(backend, target), items, what == "in-service"))
"""


class System:
    """The host, and the changed systems that it can run."""

    def __init__(self, lab, folder):
        self.lab = lab
        root = Path(json.loads((STATE / "lab.json").read_text())["image"])
        (repo,) = root.parent.glob("ostree-*/ostree/repo")
        self.base = subprocess.run(["ostree", f"--repo={repo}", "rev-parse", "lab/base"], capture_output=True,
                                   text=True, check=True).stdout.strip()
        self.trees = Trees(folder, repo, self.base)
        self.os_release = lab.sh(HOST, "cat /etc/os-release").stdout

    def brought(self, text):
        """Bring the delta of a changed system to the host; returns its commit and the delta's place there."""
        commit, delta = self.trees.delta(text, self.os_release)
        self.lab.run("put", HOST, str(delta), f"/var/tmp/{delta.name}")
        return commit, f"/var/tmp/{delta.name}"

    def back_end(self, *words):
        done = self.lab.run("exec", HOST, "--", "/opt/flock/venv/bin/python", "-", *words, input=BACK_END, timeout=300)
        return done.stdout.strip()

    def runs(self):
        """(commit, PRETTY_NAME) of what the host runs, as OSTree and os-release tell."""
        status = self.lab.sh(HOST, "ostree admin status").stdout
        commit = next(line.split()[2].partition(".")[0] for line in status.splitlines() if line.startswith("*"))
        name = self.lab.sh(HOST, "grep PRETTY_NAME /etc/os-release").stdout.strip().partition("=")[2].strip('"')
        print(f"{status}{name}", flush=True)
        return commit, name

    def restart(self):
        self.lab.run("power", "restart", HOST, "--wait", timeout=300)


@pytest.fixture(scope="module")
def lab():
    if os.geteuid() != 0:
        pytest.skip("needs root")
    made = Lab(PREFIX)
    STATE.mkdir(mode=0o700)
    try:
        made.run("up", "aio-sx", "--ostree", "--publish", "none", "--wait", timeout=1200)
        yield made
    finally:
        made.run("down", check=False)
        shutil.rmtree(STATE, ignore_errors=True)


@pytest.fixture(scope="module")
def system(lab, tmp_path_factory):
    return System(lab, tmp_path_factory.mktemp("trees"))


def test_the_host_runs_from_a_deployment_as_ostree_has_it(lab, system):
    assert system.runs()[0] == system.base
    assert lab.host(HOST)["ostree"]
    assert lab.sh(HOST, "touch /usr/x", check=False).returncode != 0
    assert lab.sh(HOST, "touch /etc/x /var/x /root/x /opt/x && ls -d /sysroot/ostree/repo").returncode == 0
    assert lab.sh(HOST, "systemctl is-system-running", check=False).stdout.strip() in ("running", "degraded")


def test_a_deployment_is_there_after_the_reboot_and_a_rollback_boots_the_old_one(lab, system):
    before = system.runs()
    commit, delta = system.brought("10.0.1")
    assert system.back_end("next-boot", commit, delta) == "True"
    assert system.runs() == before
    lab.sh(HOST, "echo late > /etc/late; echo stored > /var/lib/stored")
    system.back_end("settle", "-")
    system.restart()
    assert system.runs() == (commit, "Edge Linux 10.0.1")
    assert lab.sh(HOST, "tool; cat /etc/late /var/lib/stored").stdout == "10.0.1\nlate\nstored\n"

    # Power that fails does not change what boots.
    lab.run("power", "reset", HOST, "--wait", timeout=300)
    assert system.runs()[0] == commit

    assert system.back_end("next-boot", system.base) == "True"
    assert system.runs()[0] == commit
    system.restart()
    assert system.runs() == before
    assert lab.sh(HOST, "cat /etc/late /var/lib/stored").stdout == "late\nstored\n"
    assert lab.sh(HOST, "tool", check=False).returncode == 127


def test_in_service_a_deployment_is_there_at_once_and_after_the_reboot(lab, system):
    commit, delta = system.brought("10.0.2")
    assert system.back_end("in-service", commit, delta) == "False"
    assert lab.sh(HOST, "tool").stdout == "10.0.2\n"
    system.restart()
    assert system.runs() == (commit, "Edge Linux 10.0.2")
    assert lab.sh(HOST, "tool").stdout == "10.0.2\n"


def test_files_reach_a_host_that_is_off_and_its_journal_is_read(lab, tmp_path):
    lab.run("power", "shutdown", HOST, "--wait")
    note = tmp_path / "note"
    note.write_text("laid\n")
    for target in ("/etc/note", "/var/lib/note"):
        lab.run("put", HOST, str(note), target)
    assert "systemd-networkd" in lab.run("logs", HOST, "systemd-networkd").stdout
    lab.run("power", "on", HOST, "--wait", timeout=300)
    assert lab.sh(HOST, "cat /etc/note /var/lib/note").stdout == "laid\nlaid\n"


def test_one_machine_can_run_from_ostree_beside_others_that_do_not(lab):
    lab.run("add", "worker-8", "--disks", "none")
    lab.run("add", "worker-9", "--disks", "none", "--ostree")
    assert (lab.host("worker-8")["ostree"], lab.host("worker-9")["ostree"]) == (False, True)
