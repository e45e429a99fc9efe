# SPDX-License-Identifier: Apache-2.0
"""Orders of operators about controllers: service management takes part in each, and takes none for a death.

Each test begins and ends with both controllers in service. ``journal`` is what service management of a controller has
decided since the test began.
"""
import json
import subprocess

import pytest

from devstack.virtualcloud.cloudclient import wait_for, wait_states
from devstack.virtualcloud.mainjob import PROGRAMS, cli_environment
from tests.duplex.journals import CONTROLLERS
from tests.duplex.pair import FLOATING
from tests.lab.stack import REPO

JOURNAL = "/var/lib/sm/journal.jsonl"
IN_SERVICE = "unlocked/enabled/available"


def order(*words):
    """An operator's command; its exit status and all that it says."""
    done = subprocess.run([f"{PROGRAMS}/system", *words], capture_output=True, text=True, timeout=180, check=False,
                          env=cli_environment())
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def roles(cloud, both):
    """The active controller and the standby, in service and with the same data; they are so again at the end."""
    def settled():
        states = {host["hostname"]: f"{host['administrative']}/{host['operational']}/{host['availability']}"
                  for host in cloud.hosts()}
        return {states[name] for name in CONTROLLERS} == {IN_SERVICE} and both.redundant() and both.leader()

    def patient():
        try:
            return settled()
        except (AssertionError, subprocess.TimeoutExpired):
            return False

    yield wait_for("both controllers in service", patient, 180)
    wait_for("both controllers in service again", patient, 300)
    wait_for("no alarm of redundancy or paths", lambda: not alarms(cloud, "400.002", "400.005"), 120,
             lambda: str(alarms(cloud, "400.002", "400.005")))


def journal_of(on, host):
    return [json.loads(line)["text"] for line in on(host, "cat", JOURNAL).splitlines()]


@pytest.fixture
def journal(on, roles):
    """What a controller has decided since the test began, and nothing of it may be a fence."""
    known = {host: len(journal_of(on, host)) for host in CONTROLLERS}

    def since(host):
        return journal_of(on, host)[known[host]:]

    yield since
    for host in CONTROLLERS:
        assert not [text for text in since(host) if text.startswith("fences ")], f"{host} took an order for a death"


def alarms(cloud, *ids):
    return sorted((alarm["alarm_id"], alarm["entity_instance_id"]) for alarm in cloud.alarms()
                  if alarm["alarm_id"] in ids)


def unlocked_again(cloud, name):
    wait_states(cloud, name, "locked/disabled/online", 120)
    status, said = order("host-unlock", name)
    assert status == 0, said
    wait_states(cloud, name, IN_SERVICE, 240)


@pytest.mark.timeout(2400)  # with the lab's start
def test_the_active_controller_is_not_locked(roles, journal):
    leader, _ = roles
    status, said = order("host-lock", leader)
    assert status != 0
    assert "Can not lock an active controller" in said
    status, said = order("host-reboot", leader)
    assert status != 0
    assert "'Lock' first" in said


@pytest.mark.timeout(900)
def test_a_locked_standby_holds_nothing_up(roles, journal, cloud, both):
    """N + M groups stay standby on it, nothing waits for its data, and its boot at the unlock is nobody's death."""
    leader, other = roles
    status, said = order("host-lock", other)
    assert status == 0, said
    wait_states(cloud, other, "locked/disabled/online", 120)
    known = both.status(leader)
    movable = both.movable(known)
    wait_for("loss of redundancy",
             lambda: len(alarms(cloud, "400.002")) == len({name for name, _ in both.states(known)}), 60)
    wait_for("writes go on", lambda: "writes are acknowledged without another node" in journal(leader), 60)
    states = both.states(both.status(leader))
    assert {states[name, other] for name in movable} == {"standby"}
    status, said = order("host-swact", leader)
    assert status != 0
    assert "Standby controller must be operational enabled" in said
    unlocked_again(cloud, other)
    assert f"{other} is out: it said that it ends, with nothing active" in journal(leader)
    assert both.leads(leader)


@pytest.mark.timeout(900)
def test_a_locked_standby_is_reset_and_rebooted_by_order(roles, journal, cloud, on):
    leader, other = roles
    assert order("host-lock", other)[0] == 0
    for action in ("host-reset", "host-reboot"):
        wait_states(cloud, other, "locked/disabled/online", 180)
        before = boot_of(on, other)
        status, said = order(action, other)
        assert status == 0, said
        wait_for(f"another boot by {action}", lambda old=before: boot_of(on, other) not in ("", old), 180)
    unlocked_again(cloud, other)
    assert not alarms(cloud, "400.005")


@pytest.mark.timeout(900)
def test_scenario_18_root_reboots_the_standby(roles, journal, cloud, on, both):
    leader, other = roles
    before = boot_of(on, other)
    on(other, "systemctl", "--no-block", "reboot")
    wait_for("its last words", lambda: f"{other} is out: it said that it ends, with nothing active" in journal(leader),
             120)
    wait_for("another boot", lambda: boot_of(on, other) not in ("", before), 180)
    wait_states(cloud, other, IN_SERVICE, 240)
    assert both.leads(leader)
    assert both.has(leader, FLOATING)


@pytest.mark.timeout(900)
def test_root_reboots_the_active_controller(roles, journal, cloud, on, both):
    """The other one has everything before the host goes down."""
    leader, other = roles
    before = boot_of(on, leader)
    on(leader, "systemctl", "--no-block", "reboot")
    wait_for("its last words", lambda: f"{leader} is out: it said that it ends, with nothing active" in journal(other),
             150)
    said = journal(other)
    led = next(number for number, text in enumerate(said) if text.startswith("leads in term"))
    assert led < said.index(f"{leader} is out: it said that it ends, with nothing active")
    wait_for("another boot", lambda: boot_of(on, leader) not in ("", before), 180)
    wait_states(cloud, leader, IN_SERVICE, 300)
    assert both.leads(other)


@pytest.mark.timeout(900)
def test_a_dead_standby_is_switched_off_by_service_management_only(roles, cloud, on, both):
    """Not by mtce at the same time, which recovers it when it is back."""
    leader, other = roles
    known = len(journal_of(on, leader))
    began = on(leader, "date", "+%Y-%m-%d %H:%M:%S").strip()
    subprocess.run([str(REPO / "devstack/lab"), "crash", other], check=True, timeout=60, capture_output=True)
    wait_for("its fence", lambda: f"{other} is out: it is switched off" in journal_of(on, leader)[known:], 60)
    wait_for("mtce's notice", lambda: cloud.host(other)["operational"] == "disabled", 60)
    wait_for("its boot", lambda: both.is_up(other) and boot_of(on, other) != "", 180)
    wait_states(cloud, other, IN_SERVICE, 300)
    told = on(leader, "journalctl", "-u", "flock-mtce-conductor", "--since", began, "--no-pager", "-o", "cat")
    assert not [line for line in told.splitlines() if f"{other}: reboot:" in line or f"{other}: reset:" in line]
    assert sum(text.startswith(f"fences {other}") for text in journal_of(on, leader)[known:]) == 1


def boot_of(on, host):
    """The boot of a host, empty while it has none."""
    try:
        return on(host, "cat", "/run/boot-of-this-test", check=False).strip() or marked(on, host)
    except (AssertionError, subprocess.TimeoutExpired):
        return ""


def marked(on, host):
    """The hosts of a lab share the kernel's boot id, so each boot gets a mark of its own: /run does not outlive it."""
    on(host, "sh", "-c", "cat /proc/sys/kernel/random/uuid > /run/boot-of-this-test")
    return on(host, "cat", "/run/boot-of-this-test").strip()
