# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of power and networks, in the lab: 16, 17, 19-23, 25, 26 and 28.

Where StarlingX guesses, a controller is promoted here only after a fence, by a lease, or on an operator's word.
"""
import subprocess
import sys
import time

import pytest

from devstack.virtualcloud.mainjob import PROGRAMS, boots, lab
from sm.contract.messages import Beat, Vote
from sm.transport import codec
from tests.duplex.pair import FLOATING, PATHS, answers, machine
from tests.lab.stack import REPO

pytestmark = pytest.mark.timeout(900)

DECISION_S = 12
"""0.8 s of silence, 5 s of delay, and what the board management takes to switch off and to prove it."""
ADDRESS_S, ALL_S = 60, 180
MINUTE_S = 60
ATTACKER = REPO / "tests/functional/sm/transport/attacker.py"


@pytest.fixture
def scene(pair):
    return pair.leader()


def taken_over(pair, active, standby, *, decided_s=DECISION_S, fenced=True):
    """The standby leads in time, then has the address and the database, then everything; once."""
    begun = time.monotonic()
    pair.wait(f"{standby} leads", lambda: pair.leads(standby), decided_s + 10)
    decided = pair.told(standby, "leads in term")
    print(f"decided after {decided:.1f} s")
    assert decided <= decided_s
    pair.wait(f"{FLOATING} at {standby}", lambda: pair.has(standby, FLOATING) and answers(), ADDRESS_S)
    print(f"the address answers after {time.monotonic() - begun:.1f} s")
    pair.wait("the database", lambda: pair.service_is(standby, "postgres", "enabled-active"),
              ADDRESS_S - (time.monotonic() - begun))
    pair.wait("all hosts by the API", pair.hosts_answer, ALL_S)
    print(f"host-list answers after {time.monotonic() - begun:.1f} s")
    movable = pair.movable(pair.status(standby))
    pair.wait("all groups", lambda: (known := pair.status(standby)) and {
        pair.states(known)[name, standby] for name in movable} == {"active"}, ALL_S - (time.monotonic() - begun))
    print(f"all groups are active after {time.monotonic() - begun:.1f} s")
    fences = [line.text for line in pair.lines() if line.text.startswith(f"fences {active}")]
    assert bool(fences) is fenced, fences


def paths_alarmed(pair):
    """``{(host, network)}`` of the alarms of paths."""
    found = set()
    for entity in pair.alarms("400.005"):
        parts = dict(part.split("=", 1) for part in entity.split(".") if "=" in part)
        found.add((parts.get("host"), parts.get("network")))
    return found


def test_scenario_16_the_active_controller_loses_power(pair, scene):
    active, standby = scene
    pair.begin()
    lab("power", "off", active)
    taken_over(pair, active, standby)
    # Host maintenance of the new active controller says so for as long as the host takes to come back.
    pair.wait(f"{active} is disabled", lambda: pair.told(standby, f"{active} is unlocked, disabled") is not None, 60)
    pair.wait("loss of redundancy was alarmed", lambda: pair.events("400.002", "set"), 60)
    pair.wait(f"{standby} has everything, {active} stands by", lambda: pair.redundant(standby), 240)
    pair.wait("cleared", lambda: not pair.alarms("400.002"), 60)


def test_scenario_17_without_a_proof_the_standby_waits_for_an_operator(pair, scene):
    active, standby = scene
    lab("cut", standby, "bmc")
    lab("crash", active)
    pair.holds("nobody takes over", lambda: not pair.leads(standby), 20)
    assert f"{active} is neither heard nor proven to be off" in pair.status(standby)["reason"]
    pair.sm(standby, "sm", "force-active")
    pair.wait(f"{standby} leads", lambda: pair.leads(standby), 10)
    pair.wait(f"{FLOATING} at {standby}", lambda: pair.has(standby, FLOATING) and answers(), ADDRESS_S)
    lab("heal")
    lab("power", "reset", active)
    pair.wait(f"{standby} has everything", lambda: pair.redundant(standby), 240)


def test_scenario_19_the_active_controller_loses_its_management_port(pair, scene):
    active, standby = scene
    started = boots(active)
    lab("cut", active, "mgmt")
    pair.wait(f"{standby} leads", lambda: pair.leads(standby), 60)
    pair.wait("all hosts by the API", pair.hosts_answer, 120)
    pair.wait("400.005", lambda: (active, "mgmt") in paths_alarmed(pair), 60)
    assert boots(active) == started and not any(line.text.startswith("fences") for line in pair.lines())
    lab("heal")
    pair.wait(f"{active} stands by", lambda: pair.redundant(standby), 90)
    pair.wait("cleared", lambda: not paths_alarmed(pair), 60)


def test_scenario_20_the_standby_loses_its_management_port(pair, scene):
    active, standby = scene
    lab("cut", standby, "mgmt")
    pair.holds("nothing moves", lambda: pair.leads(active), 30)
    pair.wait("400.005", lambda: paths_alarmed(pair) == {(standby, "mgmt")}, 30)
    refused = subprocess.run([str(REPO / "devstack/lab"), "exec", active, "--", f"{PROGRAMS}/sm", "swact"],
                             capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1 and "refused" in refused.stderr
    lab("heal")
    pair.wait("redundant", lambda: pair.redundant(active), 120)
    pair.wait("cleared", lambda: not paths_alarmed(pair), 60)
    assert not any(line.text.startswith("fences") for line in pair.lines())


def test_scenario_21_the_active_controller_loses_its_oam_port(pair, scene):
    active, standby = scene
    started = boots(active)
    lab("cut", active, "oam")
    pair.wait(f"{standby} leads", lambda: pair.leads(standby), 60)
    pair.wait(f"{FLOATING} at {standby}", lambda: pair.has(standby, FLOATING) and answers(), 60)
    pair.wait("400.005", lambda: paths_alarmed(pair) == {(active, "oam")}, 90)
    assert boots(active) == started and pair.status(active)
    lab("heal")
    pair.wait(f"{active} stands by", lambda: pair.redundant(standby), 90)
    pair.wait("cleared", lambda: not paths_alarmed(pair), 60)


@pytest.fixture
def direct_cables(pair, scene):
    """The controllers are told that mgmt and cluster-host are direct cables between them."""
    def mode(word):
        for host in scene:
            pair.sm(host, "sm-configure", "system", "--cpe_mode", word)
            pair.on(host, "systemctl", "restart", "flock-sm.service")
            pair.wait("redundant", lambda: pair.redundant(scene[0]), 60)
    mode("duplex-direct")
    pair.begin()
    yield
    lab("heal")
    pair.settled(scene[0])
    mode("duplex")


def test_scenario_22_the_direct_cable_is_cut(pair, scene, direct_cables):
    active, standby = scene
    started = boots(active), boots(standby)
    for network in ("mgmt", "cluster-host"):
        for host in scene:
            lab("cut", host, network)
    both = {(host, network) for host in scene for network in ("mgmt", "cluster-host")}
    pair.holds("nothing moves", lambda: pair.leads(active), 30)
    pair.wait("400.005 of both ends", lambda: paths_alarmed(pair) == both, 30)
    assert (boots(active), boots(standby)) == started
    lab("heal")
    pair.wait("redundant", lambda: pair.redundant(active), 120)


def test_scenario_23_all_paths_are_lost_and_boards_work(pair, scene):
    """The ports keep their carrier."""
    active, standby = scene
    started = boots(active), boots(standby)
    for network in PATHS:
        lab("loss", standby, network, "100")
    begun = time.monotonic()
    pair.wait(f"{standby} was reset", lambda: boots(standby) > started[1], MINUTE_S)
    pair.holds("one is active", lambda: pair.leads(active) and not pair.leads(standby),
               MINUTE_S - (time.monotonic() - begun))
    assert boots(active) == started[0] and pair.hosts_answer()
    lab("heal")
    pair.wait("redundant", lambda: pair.redundant(active), 240)


def test_scenario_25_the_isolated_active_controller_is_fenced(pair, scene):
    active, standby = scene
    pair.begin()
    for network in PATHS:
        lab("cut", active, network)
    taken_over(pair, active, standby)
    pair.holds("one is active", lambda: pair.leads(standby) and not pair.leads(active), 10)
    lab("heal")
    pair.wait(f"{active} stands by", lambda: pair.redundant(standby), 240)


def test_scenario_26_a_daemon_that_stands_still_loses_its_host(pair, scene):
    active, standby = scene
    started, pid = boots(active), pair.pid(active, "flock-sm.service")
    pair.begin()
    pair.on(active, "kill", "-STOP", str(pid))
    taken_over(pair, active, standby)
    assert boots(active) > started or machine(active)["stage"] != "up"
    pair.wait(f"{active} stands by", lambda: pair.redundant(standby), 240)


def forged(standby):
    """Beats of the standby that says that it leads in a much later term, signed with another key; and noise."""
    term = 1_000
    beat = Beat(standby, "boot", 9_000_000, 9_000_000, vote=Vote(term, standby), term=term, leading=True, claims=True)
    body, flags = codec.encode(beat)
    sealed = [codec.seal(body, flags, number, 1, b"k" * 64) for number in range(9_000_000, 9_000_020)]
    return [data.hex() for data in sealed] + [data[:-1].hex() for data in sealed] + ["00" * 200, "534d"]


def test_scenario_28_messages_with_a_wrong_digest_change_nothing(pair, scene):
    active, standby = scene
    own = {host: pair.on(host, "ip", "-br", "-4", "address", "show", "dev", "oam0").split()[2].partition("/")[0]
           for host in scene}
    device = subprocess.run([str(REPO / "devstack/lab"), "exec", "outside", "--", "ip", "-br", "-4", "address"],
                            capture_output=True, text=True, timeout=30, check=True).stdout
    device = next(line.split()[0].partition("@")[0] for line in device.splitlines() if "10.10.10.254" in line)
    with subprocess.Popen([str(REPO / "devstack/lab"), "exec", "outside", "--", sys.executable, str(ATTACKER), "send",
                           device, own[standby], own[active], "2222", "200", "75"], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE) as attacker:
        attacker.stdin.write("\n".join(forged(standby)))
        attacker.stdin.close()
        pair.holds("nothing changes", lambda: pair.redundant(active), 20)
        # What is forged is no life of the sender: its own port is cut, and the path is missed.
        lab("cut", standby, "oam")
        pair.wait("oam is missed", lambda: pair.status(active)["paths"]["oam"] == "missing-heartbeat", 10)
        pair.holds("it stays so", lambda: pair.status(active)["paths"]["oam"] == "missing-heartbeat", 5)
        lab("heal")
        pair.wait("redundant", lambda: pair.redundant(active), 60)
        pair.wait("the refusals are in the log", lambda: "oam digest" in pair.on(
            active, "journalctl", "-u", "flock-sm.service", "--since", "-3min", check=False), 90)
        attacker.kill()
    assert not any("leads" in line.text or "fences" in line.text for line in pair.lines())
