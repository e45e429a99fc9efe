# SPDX-License-Identifier: Apache-2.0
"""Which action is refused when, with which sentence."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sysinv.actions.facts import ActionFacts
from sysinv.actions.gate import parse_action, plan_action
from sysinv.contract.enums import OperatorAction
from sysinv.model.host import HostRefused, InventoryHost
from sysinv.model.system import SystemView
from sysinv.resources.address.checks import AddressFacts
from sysinv.resources.device.checks import DeviceFacts
from sysinv.resources.hostfilesystem.rules import HostFacts
from sysinv.resources.interface.checks import InterfaceFacts
from sysinv.resources.memory.checks import MemoryFacts, NodeMemory
from sysinv.resources.osd.checks import StorFacts
from sysinv.resources.partition.checks import PartitionFacts
from sysinv.resources.ptpinstance.checks import PtpFacts
from sysinv.resources.storagebackend.checks import BackendFacts
from sysinv.resources.volumegroup.checks import GroupFacts

SYSTEM = SystemView(1, "s", "cloud", "Standard", "duplex", "1.0")
SIMPLEX = SystemView(1, "s", "cloud", "All-in-one", "simplex", "1.0")
HOST = InventoryHost(
    id=1, uuid="u1", hostname="worker-0", personality="worker", subfunctions="worker", subfunction_oper="disabled",
    subfunction_avail="not-installed", administrative="locked", operational="disabled", availability="online",
    invprovision="unprovisioned", inv_state="inventoried", action_state="reinstalled", install_state="completed",
    ihost_action=None, mtce_action=None, action_text=None, mgmt_mac="08:00:27:be:6e:25", bm_type=None,
    bm_ip=None, bm_username=None,
    bm_secret=None, vim_progress_status=None, config_applied=None, config_target=None, mtce_sequence=0, revision=1)
UNLOCKED = {"administrative": "unlocked", "operational": "enabled", "availability": "available"}
MEMORY = (NodeMemory(numa_node=0, node_memtotal_mib=32000, platform_reserved_mib=7000),)
PEER = replace(HOST, uuid="u2", hostname="controller-1", personality="controller", subfunctions="controller",
               **UNLOCKED)
CONTROLLER = replace(HOST, hostname="controller-0", personality="controller", subfunctions="controller", **UNLOCKED)


def facts(host: InventoryHost = HOST, system: SystemView = SYSTEM, **changes: Any) -> ActionFacts:
    own = {
        MemoryFacts: MemoryFacts(changes.pop("memory", MEMORY), physical_cores=16),
        AddressFacts: AddressFacts(changes.pop("has_oam", True)),
        InterfaceFacts: InterfaceFacts(), PtpFacts: PtpFacts(),
        DeviceFacts: DeviceFacts(changes.pop("image_update", False)),
        HostFacts: HostFacts(host, (), None), StorFacts: StorFacts(), BackendFacts: BackendFacts(),
        PartitionFacts: PartitionFacts(), GroupFacts: GroupFacts(changes.pop("groups", ()))}
    return ActionFacts(host=host, system=system, resources=own, **{"active_controller": "controller-0", **changes})


def refusal(given: ActionFacts, action: str) -> str:
    with pytest.raises(HostRefused) as caught:
        plan_action(given, OperatorAction(action))
    return str(caught.value)


def host(**changes: Any) -> InventoryHost:
    return replace(HOST, **changes)


@pytest.mark.parametrize(("action", "task", "mtce_action"), [
    ("unlock", "Unlocking", "unlock"), ("force-unlock", "Force Unlocking", "unlock"), ("reset", "Resetting", "reset"),
    ("reboot", "Rebooting", "reboot"), ("power-on", "Powering-on", "power-on"),
    ("power-off", "Powering-off", "power-off"), ("reinstall", "Reinstalling", "reinstall")])
def test_what_a_locked_host_accepts(action: str, task: str, mtce_action: str) -> None:
    plan = plan_action(facts(), OperatorAction(action))
    assert (plan.task, plan.mtce_action) == (task, mtce_action)


@pytest.mark.parametrize(("action", "task", "mtce_action"), [
    ("lock", "Locking", "lock"), ("force-lock", "Force Locking", "force-lock"),
    ("force-unsafe-lock", "Unsafely Force Locking", "force-lock")])
def test_what_an_unlocked_host_accepts(action: str, task: str, mtce_action: str) -> None:
    plan = plan_action(facts(host(**UNLOCKED)), OperatorAction(action))
    assert (plan.task, plan.mtce_action, plan.tells_vim) == (task, mtce_action, True)


@pytest.mark.parametrize(("changes", "words"), [
    ({"install_state": "failed"}, "failed to install"), ({"administrative": "unlocked"}, "already 'unlocked'"),
    ({"ihost_action": "lock"}, "lock is still in progress"), ({"availability": "power-off"}, "powered-off"),
    ({"availability": "offline"},
     "Host worker-0 is not online. Wait for 'online' availability status and then 'unlock'"),
    ({"subfunctions": None}, "without subfunctions"), ({"action_state": "reinstalling"}, "undergoing reinstall"),
    ({"inv_state": None}, "not completed initial inventory"), ({"inv_state": "reinstalling"}, "initial inventory")])
def test_unlock_is_refused(changes: dict[str, Any], words: str) -> None:
    assert words in refusal(facts(host(**changes)), "unlock")


def test_force_unlock_skips_readiness_only() -> None:
    given = host(availability="offline", action_state="reinstalling")
    assert plan_action(facts(given), OperatorAction.FORCE_UNLOCK).task == "Force Unlocking"
    assert "initial inventory" in refusal(facts(replace(given, inv_state=None)), "force-unlock")


def test_unlock_counts_memory() -> None:
    short = replace(MEMORY[0], platform_reserved_mib=2000)
    assert "less than the required 6000 MiB" in refusal(facts(memory=(short,)), "unlock")
    greedy = replace(MEMORY[0], pending_1g=26)
    assert refusal(facts(memory=(greedy,)), "unlock").startswith("Processor 0:")
    assert "without memory inventory" in refusal(facts(memory=()), "unlock")
    tiny = NodeMemory(numa_node=0, node_memtotal_mib=6000, platform_reserved_mib=4000)
    assert plan_action(facts(memory=(tiny,)), OperatorAction.UNLOCK).mtce_action == "unlock"


def test_a_controller_needs_oam_before_it_is_unlocked() -> None:
    locked = replace(CONTROLLER, administrative="locked", operational="disabled", availability="online")
    assert "without an oam interface" in refusal(facts(locked, has_oam=False), "unlock")


def test_the_active_controller_is_never_locked() -> None:
    for action in ("lock", "force-lock", "force-unsafe-lock"):
        assert refusal(facts(CONTROLLER), action) == (
            "controller-0 : Rejected: Can not lock an active controller.")
    assert plan_action(facts(CONTROLLER, active_controller="controller-1"), OperatorAction.LOCK).task == "Locking"
    assert plan_action(facts(CONTROLLER, SIMPLEX), OperatorAction.LOCK).task == "Locking"


def test_lock_waits_for_a_device_image_update_unless_forced() -> None:
    given = facts(host(**UNLOCKED), image_update=True)
    assert "device image update" in refusal(given, "lock")
    assert plan_action(given, OperatorAction.FORCE_LOCK).mtce_action == "force-lock"


@pytest.mark.parametrize(("action", "words"), [
    ("lock", "Avoiding lock action on already 'locked' host worker-0"), ("swact", "non controller host worker-0")])
def test_what_a_locked_worker_refuses(action: str, words: str) -> None:
    assert words in refusal(facts(), action)


@pytest.mark.parametrize(("action", "sentence"), [
    ("reset", "Can not 'Reset' an 'unlocked' host worker-0; Please 'Lock' first"),
    ("reboot", "Can not 'Reboot' an 'unlocked' host worker-0; Please 'Lock' first"),
    ("power-off", "Can not 'Power-Off' an 'unlocked' host worker-0; Please 'Lock' first"),
    ("reinstall", "Can not 'Reinstall' an 'unlocked' host worker-0; Please 'Lock' first"),
    ("power-on", "Can not 'Power-On' an already Powered-on and 'unlocked' host worker-0")])
def test_unlocked_hosts_are_not_power_cycled(action: str, sentence: str) -> None:
    assert refusal(facts(host(**UNLOCKED)), action) == sentence


@pytest.mark.parametrize(("action", "sentence"), [
    ("reset", "Can not 'Reset' a simplex system"), ("reboot", "Rebooting a simplex system is not allowed."),
    ("power-off", "Can not 'Power-Off' a simplex system via system commands"),
    ("reinstall", "Reinstalling a simplex system is not allowed.")])
def test_a_simplex_keeps_its_only_host(action: str, sentence: str) -> None:
    assert refusal(facts(CONTROLLER, SIMPLEX), action) == sentence


def test_an_offline_host_is_reinstalled_only_through_its_board() -> None:
    offline = host(availability="offline")
    assert "board management controller is not provisioned" in refusal(facts(offline), "reinstall")
    with_board = replace(offline, bm_type="redfish", bm_ip="10.10.20.101")
    assert plan_action(facts(with_board), OperatorAction.REINSTALL).extra["inv_state"] == "reinstalling"


@pytest.mark.parametrize(("peer", "words"), [
    (None, "Standby controller must be operational enabled"),
    (replace(PEER, operational="disabled"), "controller-1 is not enabled"),
    (replace(PEER, ihost_action="lock"), "being locked"), (replace(PEER, availability="failed"), "must be available"),
    (replace(PEER, subfunctions="controller,worker"), "subfunction is not enabled"),
    (replace(PEER, config_target="a", config_applied="b"), "not yet applied")])
def test_swact_needs_a_peer_that_can_take_over(peer: InventoryHost | None, words: str) -> None:
    assert words in refusal(facts(CONTROLLER, peer=peer), "swact")


def test_swact_of_a_locked_controller() -> None:
    locked = replace(CONTROLLER, administrative="locked")
    assert refusal(facts(locked, peer=PEER), "swact") == "Controller is Locked ; No services to Swact"
    assert plan_action(facts(CONTROLLER, peer=PEER), OperatorAction.SWACT).task == "Swacting"


def test_force_swact_still_needs_an_enabled_peer() -> None:
    degraded = replace(PEER, availability="failed")
    assert plan_action(facts(CONTROLLER, peer=degraded), OperatorAction.FORCE_SWACT).task == "Force-Swacting"
    assert "enabled" in refusal(facts(CONTROLLER, peer=replace(PEER, operational="disabled")), "force-swact")


def test_an_unknown_action_is_named() -> None:
    with pytest.raises(HostRefused, match="'explode' is not a supported maintenance action"):
        parse_action("explode")


def test_the_platform_group_needs_a_volume() -> None:
    with pytest.raises(HostRefused) as refused:
        plan_action(facts(groups=(("cgts-vg", 0), ("nova-local", 2))), OperatorAction.FORCE_UNLOCK)
    assert str(refused.value).endswith(": volume group cgts-vg has no physical volume.")
    assert plan_action(facts(groups=(("cgts-vg", 1), ("nova-local", 0))), OperatorAction.UNLOCK).task == "Unlocking"
