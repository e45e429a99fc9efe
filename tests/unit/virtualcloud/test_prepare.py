# SPDX-License-Identifier: Apache-2.0
"""prepare.sh with programs of the test in place of apt-get and systemctl: what it leaves behind however it ends."""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]
APT = """#!/bin/sh
[ "$1" = install ] || exit 0
echo "$@" >> {root}/installed
cp {root}/policy-rc.d {root}/policy-then
touch {root}/begun
{apt}
"""
# A shell in the background starts its children with these ignored, and a shell cannot trap what it was told to ignore.
DEFAULT_SIGNALS = ("env", "--default-signal=INT,TERM,HUP")


class Machine:
    """A copy of the script whose fixed paths lie below ``root``."""

    def __init__(self, root, apt="true", present=""):
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        text = (REPO / "devstack/prepare.sh").read_text()
        text = text.replace("/usr/sbin/policy-rc.d", f"{root}/policy-rc.d")
        text = text.replace("/etc/postgresql-common", f"{root}/postgresql-common")
        self.script = root / "devstack/prepare.sh"
        self.script.parent.mkdir()
        self.script.write_text(text)
        (root / "devstack/virtualcloud").symlink_to(REPO / "devstack/virtualcloud")
        (root / "devstack/__init__.py").touch()
        self.program("apt-get", APT.format(root=root, apt=apt))
        self.program("dpkg-query", f'#!/bin/sh\ncase " {present} " in *" $4 "*) echo "install ok installed" ;; esac\n')
        self.program("systemctl", f'#!/bin/sh\necho "$@" >> {root}/systemctl\n')
        self.program("id", "#!/bin/sh\necho 0\n")

    def program(self, name, text):
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def start(self, option="--packages"):
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "FLOCK_HOME": str(self.root / "home")}
        return subprocess.Popen([*DEFAULT_SIGNALS, "bash", str(self.script), option], env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def run(self, option="--packages"):
        with self.start(option) as running:
            said = running.communicate(timeout=60)[0]
        return running.returncode, said

    @property
    def disabled(self):
        path = self.root / "systemctl"
        return set(re.findall(r"disable (\S+)", path.read_text())) if path.exists() else set()

    @property
    def left(self):
        return [path for path in (self.root / "policy-rc.d",
                                  self.root / "postgresql-common/createcluster.d/flock.conf") if path.exists()]


@pytest.fixture(autouse=True)
def root_only():
    if os.geteuid() != 0:
        pytest.skip("the script asks for root")


def test_nothing_starts_now_or_at_the_next_boot(tmp_path):
    machine = Machine(tmp_path)
    assert machine.run()[0] == 0
    assert "exit 101" in (tmp_path / "policy-then").read_text()
    assert machine.left == []
    assert {"rabbitmq-server.service", "memcached.service", "postgresql.service"} <= machine.disabled


@pytest.mark.parametrize(("option", "chosen"), [("--bench", True), ("--test", False)])
def test_comparable_programs_are_installed_for_benchmarks_only_and_not_started(tmp_path, option, chosen):
    machine = Machine(tmp_path, apt="exit 100")  # goes no further than the packages
    assert machine.run(option)[0] == 1
    installed = (tmp_path / "installed").read_text().split()
    assert ("snmpd" in installed, {"pacemaker", "corosync", "keepalived"} <= {*installed}) == (True, chosen)
    peers = {"pacemaker.service", "corosync.service", "keepalived.service"}
    assert peers & machine.disabled == (peers if chosen else set())


def test_what_builds_kubernetes_is_installed_for_scenarios_only_and_etcd_is_not_started(tmp_path):
    for option, chosen in (("--scenarios", True), ("--test", False)):
        (tmp_path / option).mkdir()
        machine = Machine(tmp_path / option, apt="exit 100")  # goes no further than the packages
        assert machine.run(option)[0] == 1
        installed = (tmp_path / option / "installed").read_text().split()
        assert ("snmpd" in installed, {"golang-go", "etcd-server"} <= {*installed}) == (True, chosen)
        assert ("etcd.service" in machine.disabled) == chosen


def test_what_was_there_before_stays_as_it_was(tmp_path):
    machine = Machine(tmp_path, present="rabbitmq-server memcached")
    (tmp_path / "policy-rc.d").write_text("#!/bin/sh\nexit 0\n")
    assert machine.run()[0] == 0
    assert (tmp_path / "policy-rc.d").read_text() == "#!/bin/sh\nexit 0\n"
    assert "postgresql.service" in machine.disabled
    assert not {"rabbitmq-server.service", "memcached.service"} & machine.disabled
    assert "memcached" not in (tmp_path / "installed").read_text().split()


def test_a_failed_installation_leaves_nothing(tmp_path):
    machine = Machine(tmp_path, apt="echo no space left; exit 100")
    status, said = machine.run()
    assert status == 1 and "no space left" in said and "could not install" in said
    assert machine.left == [] and "memcached.service" in machine.disabled


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_installation_leaves_nothing(tmp_path, number):
    machine = Machine(tmp_path, apt="exec sleep 60")
    with machine.start() as running:
        end = time.monotonic() + 30
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < end and running.poll() is None
            time.sleep(0.02)
        os.killpg(running.pid, number)  # as a terminal or a service manager does
        assert running.wait(10) > 0
        running.stdout.close()
    assert machine.left == [] and "memcached.service" in machine.disabled


def test_orders_of_a_killed_run_are_taken_back_by_the_next(tmp_path):
    machine = Machine(tmp_path, apt="exec sleep 60")
    with machine.start() as running:
        end = time.monotonic() + 30
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < end and running.poll() is None
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGKILL)
        running.stdout.close()
    assert len(machine.left) == 2
    machine.program("dpkg-query", "#!/bin/sh\necho install ok installed\n")
    assert machine.run()[0] == 0
    assert machine.left == []
