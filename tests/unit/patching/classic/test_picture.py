# SPDX-License-Identifier: Apache-2.0
"""What the classic interface shows of patches and hosts."""
from __future__ import annotations

import datetime
from typing import Any

import pytest

from flock.core.records import replace
from patching.classic import picture
from patching.contract.records import HostFacts
from patching.contract.states import AgentState, Owner
from patching.contract.states import DeployState as D
from patching.contract.states import HostState as H
from patching.contract.states import ReleaseState as R
from patching.contract.stored import ReleaseDetails
from patching.contract.version import Version
from patching.core.model import Deploy, HostRow, View
from patching.db.views import Seen, Stored
from tests.unit.patching.core.systems import a_release, a_system

NOW = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
ONE, TWO = "starlingx-10.0.1", "starlingx-10.0.2"


def seen(name: str = "controller-0", ago_s: float = 5, **facts: Any) -> Seen:
    told = HostFacts(name, "u", **{"version": "10.0.0", "ip": "192.168.204.2", "nodetype": "controller",
                                   "subfunctions": ["controller"], "packages": {"tool": "1"}, **facts})
    return Seen(told, NOW - datetime.timedelta(seconds=ago_s))


def stored(view: View) -> Stored:
    return Stored(view, details={name: ReleaseDetails(summary="Fix") for name in view.releases})


def a_deployment(row: H = H.PENDING, *, reboot: bool = False) -> Stored:
    view = a_system("SX", a_release("10.0.1", R.DEPLOYING))
    return stored(replace(view, hosts={}, deploy=Deploy(
        Version.parse("10.0.0"), Version.parse("10.0.1"), D.HOST, (ONE,), owner=Owner.CLASSIC, reboot_required=reboot),
        rows={"controller-0": HostRow("controller-0", row)}))


def host(found: Stored, one: Seen) -> dict[str, Any]:
    (shown,) = picture.hosts(found, {"controller-0": one}, NOW, 90)
    return shown


def test_a_host_has_every_field_that_clients_read() -> None:
    assert host(stored(a_system("SX")), seen()) == {
        "ip": "192.168.204.2", "hostname": "controller-0", "patch_current": True, "secs_since_ack": 5,
        "patch_failed": False, "stale_details": False, "installed": {"tool": "1"}, "to_remove": [], "missing_pkgs": [],
        "duplicated_pkgs": {}, "nodetype": "controller", "subfunctions": ["controller"], "sw_version": "10.0",
        "state": "idle", "requires_reboot": False, "allow_insvc_patching": True, "interim_state": False}


@pytest.mark.parametrize(("found", "one", "expected"), [
    (a_deployment(), seen(), {"patch_current": False, "interim_state": False}),
    (a_deployment(reboot=True), seen(), {"requires_reboot": True, "allow_insvc_patching": False}),
    (a_deployment(H.DEPLOYING), seen(state=AgentState.INSTALLING), {"interim_state": True, "state": "installing"}),
    (a_deployment(H.FAILED), seen(), {"patch_failed": True, "patch_current": False}),
    (a_deployment(H.DEPLOYING), seen(state=AgentState.INSTALL_FAILED), {"patch_failed": False, "interim_state": True}),
    (a_deployment(H.PENDING), seen(state=AgentState.INSTALL_FAILED), {"patch_failed": False}),
    (a_deployment(H.DEPLOYED), seen(version="10.0.1", needs_reboot=True), {
        "patch_current": True, "requires_reboot": True}),
    (stored(a_system("SX")), seen(version="9.0.0"), {"patch_current": False, "sw_version": "9.0"}),
    (stored(a_system("SX")), seen(digests={ONE: "x"}), {"patch_current": False}),
    (stored(a_system("SX")), seen(version=""), {"patch_current": True, "sw_version": ""}),
    (stored(a_system("SX")), seen(ago_s=91), {"stale_details": True, "interim_state": True, "patch_current": False}),
    (stored(a_system("SX")), seen(state=AgentState.INSTALL_FAILED), {"patch_failed": True})])
def test_states_of_a_host(found: Stored, one: Seen, expected: dict[str, Any]) -> None:
    shown = host(found, one)
    assert {name: shown[name] for name in expected} == expected


def listed(found: Stored, show: str = "all", release: str = "") -> dict[str, dict[str, Any]]:
    return picture.listed(found, picture.agent_facts(found, {"controller-0": seen()}, NOW, 90), show, release)


def test_patches_and_which_of_them() -> None:
    view = a_system("SX", a_release("10.0.1", R.DEPLOYED), a_release("10.0.2", reboot_required=True, requires=(ONE,)),
                    running="10.0.1")
    found = stored(view)
    assert listed(found)[TWO] == {
        "status": "REL", "sw_version": "10.0", "repostate": "Available", "patchstate": "Available", "summary": "Fix",
        "description": "", "install_instructions": "", "warnings": "", "reboot_required": "Y", "unremovable": "N",
        "requires": [ONE], "apply_active_release_only": ""}
    assert list(listed(found)) == [ONE, TWO]
    assert (list(listed(found, "applied")), list(listed(found, "available")), listed(found, "committed")) == (
        [ONE], [TWO], {})
    assert list(listed(found, release="10.0")) == [ONE, TWO] and list(listed(found, release="10.0.2")) == [TWO]
    assert listed(found, release="1") == {}


def test_nothing_is_known_before_an_agent_has_reported() -> None:
    assert picture.listed(a_deployment(), {}, "all", "")[ONE]["patchstate"] == "n/a"
    assert listed(a_deployment())[ONE]["patchstate"] == "Partial-Apply"
