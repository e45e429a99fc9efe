# SPDX-License-Identifier: Apache-2.0
"""The guard before every strike: what it permits, what it refuses and in which words, and that nothing goes past it."""
import ast
from dataclasses import replace
from pathlib import Path

import pytest

import mtce
from mtce.contract.states import HostAction
from mtce.core import actions as act
from mtce.core import deadoffice
from mtce.core.events import Tick
from mtce.core.evidence import Channel, Sign, signs
from mtce.core.fsm import machine, step
from mtce.core.legal import InvariantBroken
from mtce.core.settings import Settings
from mtce.core.strike import Permit, Refusal, Wish, judge
from mtce.core.view import Level, MaintainedHost, Stage
from sysinv.contract.enums import Administrative, Availability, Operational

NOW = 1_000_000
SETTINGS = Settings()
DEAD = MaintainedHost(
    uuid="0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b70", hostname="worker-0", personality="worker", subfunctions="worker",
    mgmt_ip="192.168.204.10", cluster_host_ip="192.168.206.10", administrative=Administrative.UNLOCKED,
    operational=Operational.DISABLED, availability=Availability.FAILED, action=HostAction.RECOVERY,
    stage=Stage.RECOVERY_ALIVE, deadline_ms=NOW, boot_id="b", left_boot_id="b", monitored=True, epoch=1,
    mgmt=Level.LOSS, cluster_host=Level.LOSS, bus_ok=True, pulses_ok=True, asked_ms=NOW - 5_000,
    bus_open_ms=NOW - 60_000, bus_alive_ms=NOW - 17_000, cluster_alive_ms=NOW - 17_000, seen=True, mgmt_ms=NOW - 7_000)
"""Silent on every channel, and all of that is known."""
EVERY_WAY = "silent on management for 7 s, cluster-host, cluster-host mtcAlive for 17 s, message bus for 17 s"


def test_silence_on_every_way_permits():
    assert judge(DEAD, Wish.SILENCE, NOW, SETTINGS) == Permit(Wish.SILENCE, EVERY_WAY)


@pytest.mark.parametrize(("changes", "heard"), [
    ({"cluster_host": Level.OK}, "cluster-host"),
    ({"mgmt": Level.OK}, "management"),
    ({"mgmt": Level.OK, "cluster_host": Level.OK}, "management, cluster-host"),
    ({"bus_alive_ms": NOW - 4_000}, "message bus"),
    ({"cluster_alive_ms": NOW - 4_000}, "cluster-host mtcAlive"),
    ({"asked_ms": None, "bus_alive_ms": NOW - 8_000}, "message bus"),
])
def test_one_way_on_which_it_is_heard_refuses(changes, heard):
    refused = judge(replace(DEAD, **changes), Wish.SILENCE, NOW, SETTINGS)
    assert isinstance(refused, Refusal)
    assert refused.reason == f"alive on {heard}"
    assert refused.heard


@pytest.mark.parametrize(("changes", "unknown"), [
    ({"mgmt": Level.UNKNOWN}, "management"),
    ({"cluster_host": Level.DEGRADE}, "cluster-host, cluster-host mtcAlive"),
    ({"mgmt": Level.MINOR}, "management"),
    ({"pulses_ok": False}, "management, cluster-host, cluster-host mtcAlive"),
    ({"monitored": False}, "management, cluster-host, cluster-host mtcAlive"),
    ({"bus_ok": False}, "message bus"),
    ({"bus_open_ms": NOW - 4_999}, "message bus"),
    ({"bus_open_ms": None}, "message bus"),
    ({"asked_ms": None}, "cluster-host mtcAlive, message bus"),
    ({"asked_ms": NOW - 4_999}, "cluster-host mtcAlive, message bus"),
])
def test_what_is_not_known_is_not_held_against_the_host(changes, unknown):
    assert judge(replace(DEAD, **changes), Wish.SILENCE, NOW, SETTINGS) == Refusal(f"nothing is known from {unknown}")


def test_a_host_without_a_network_of_its_own_for_the_cluster_has_two_ways():
    view = replace(DEAD, cluster_host_ip=DEAD.mgmt_ip, cluster_host=Level.UNKNOWN)
    assert signs(view, NOW, SETTINGS) == {Channel.MGMT_PULSES: Sign.SILENT, Channel.BUS_ALIVE: Sign.SILENT}
    assert isinstance(judge(view, Wish.SILENCE, NOW, SETTINGS), Permit)


LIVES = replace(DEAD, mgmt=Level.OK, cluster_host=Level.OK)


@pytest.mark.parametrize(("changes", "wish", "verdict"), [
    ({"ordered": "reset"}, Wish.OPERATOR, Permit(Wish.OPERATOR, "operator: reset")),
    ({}, Wish.OPERATOR, Refusal("no operator asked for it")),
    ({"reported": "In-Test Failed, re-enabling"}, Wish.REPORTED,
     Permit(Wish.REPORTED, "the host reported: In-Test Failed, re-enabling")),
    ({}, Wish.REPORTED, Refusal("the host reported no failure")),
])
def test_a_wish_must_be_borne_out_by_the_view(changes, wish, verdict):
    assert judge(replace(LIVES, **changes), wish, NOW, SETTINGS) == verdict


MID_BOOT = replace(DEAD, dead_office=True, seen=False, resumed_ms=NOW - 60_000)


@pytest.mark.parametrize(("changes", "wish", "permitted"), [
    ({}, Wish.SILENCE, False),
    ({"reported": "In-Test Failed"}, Wish.REPORTED, False),
    ({"ordered": "unlock", "ordered_ms": NOW - 90_000}, Wish.OPERATOR, False),
    ({"ordered": "unlock", "ordered_ms": NOW - 30_000}, Wish.OPERATOR, True),
    ({"ordered": "reset", "ordered_ms": NOW - 90_000}, Wish.OPERATOR, True),
    ({"seen": True}, Wish.SILENCE, True),
    ({"dead_office": False}, Wish.SILENCE, True),
])
def test_dead_office_spares_hosts_that_were_not_heard_since(changes, wish, permitted):
    assert isinstance(judge(replace(MID_BOOT, **changes), wish, NOW, SETTINGS), Permit) is permitted


@pytest.mark.parametrize(("uptime_s", "hosts", "on"), [
    (0, 0, True), (1_199, 0, True), (1_200, 0, False), (1_299, 100, True), (1_300, 100, False), (90_000, 1_000, False)])
def test_dead_office_lasts_while_the_controller_itself_has_just_booted(uptime_s, hosts, on):
    assert deadoffice.is_on(uptime_s, hosts, SETTINGS) is on


def test_half_of_the_hosts_up_is_half_of_the_hosts_watched_as_ever(story):
    """The site lost its power: one host is up before the controller's conductor judges, the other boots slowly."""
    slow, quick = (story(bmc=True).enabled().forget_story() for _ in range(2))
    for s in (slow, quick):
        s.machine.dead_office = True
        s.machine.boots = False
        s.power_off().restart_conductor(controller_boot="controller-boot-2")
        s.machine.power = True  # power is back; the firmware takes its time
    quick.machine.boots = True
    quick.power_on().run_s(30).until_states("unlocked-enabled-available", 200)
    quick.hang().run_s(420)
    assert quick.machine.resets == 1
    slow.run_s(900)
    assert (slow.machine.resets, slow.machine.reboot_commands, slow.machine.power_ons) == (0, 0, 0)
    assert slow.view.withheld == "dead office recovery: the host may still be booting"
    assert "dead office" in slow.view.task
    slow.machine.dead_office = False
    slow.run_s(420)
    assert slow.machine.resets == 1


def test_a_strike_without_a_permit_cannot_be_made():
    with pytest.raises(ValueError, match="without a permit"):
        act.Bmc("c-1", "reset")
    with pytest.raises(ValueError, match="without a permit"):
        act.Bmc("c-1", "power-off")
    assert act.Bmc("c-1", "power-on").permit is None


@pytest.mark.parametrize("action", [
    act.SendReboot("c", "b", 0, Permit(Wish.SILENCE, EVERY_WAY)),
    act.Bmc("c", "reset", permit=Permit(Wish.SILENCE, EVERY_WAY)),
    act.Bmc("c", "power-off", permit=Permit(Wish.OPERATOR, "operator: power-off"))])
def test_a_step_with_a_strike_that_its_view_does_not_permit_is_not_accepted(monkeypatch, action):
    def strike(draft, event):
        draft.wait_again(1_000)
        draft.do(action)

    monkeypatch.setitem(machine._ADVANCE, HostAction.RECOVERY, strike)
    with pytest.raises(InvariantBroken, match="is not permitted"):
        step(LIVES, Tick(bus_open_ms=1), NOW, SETTINGS)


def test_strikes_are_made_in_one_place_only():
    """Over the source tree: who builds a permit, a reboot command or a BMC command."""
    root = Path(mtce.__file__).parent
    found = {"Permit": set(), "SendReboot": set(), "Bmc": set()}
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in found and (name != "Bmc" or path.is_relative_to(root / "core")):
                    found[name].add(path.relative_to(root).as_posix())
    assert found == {"Permit": {"core/strike.py"}, "SendReboot": {"core/fsm/guard.py"}, "Bmc": {"core/fsm/guard.py"}}


def test_the_history_reads_why():
    permit = Permit(Wish.SILENCE, "silent on management")
    actions = (act.Log("1", "x"), act.SendReboot("c", "b", 0, permit), act.Bmc("c", "reset", permit=permit),
               act.Withheld("alive on cluster-host"))
    assert act.reasons(actions) == ("reboot: silent on management; reset: silent on management; "
                                    "withheld: alive on cluster-host")
    assert act.reasons((act.RequestAlive(),)) == ""
