# SPDX-License-Identifier: Apache-2.0
"""What the classic model says while a patch comes and goes."""
from __future__ import annotations

from patching.contract.states import ReleaseState as R
from patching.core import classic, events
from patching.core.actions import Install
from patching.core.classic import AgentFacts, Current, PatchState, RepoState
from tests.unit.patching.core.systems import System, a_release, a_system

AGENTS = {name: AgentFacts(name) for name in ("controller-0", "controller-1")}


def told(system: System, text: str) -> tuple[RepoState, PatchState]:
    release = system.view.releases[f"starlingx-{text}"]
    return classic.repo_state(system.view, release), classic.patch_state(system.view, release, AGENTS)


def test_a_patch_comes_and_goes() -> None:
    system = System(a_system("DX", a_release("10.0.1")))
    assert told(system, "10.0.1") == (RepoState.AVAILABLE, PatchState.AVAILABLE)
    system.start("10.0.1")
    assert told(system, "10.0.1") == (RepoState.APPLIED, PatchState.PARTIAL_APPLY)
    assert classic.current(system.view, AGENTS["controller-0"]) is Current.NO
    (begun,) = system.happen(events.DeployHost("controller-0"))
    assert isinstance(begun, Install)
    assert classic.current(system.view, AGENTS["controller-0"]) is Current.PENDING
    system.happen(events.HostEnded("controller-0", begun.attempt, "no"))
    assert classic.current(system.view, AGENTS["controller-0"]) is Current.FAILED
    system.install("controller-0")
    assert classic.current(system.view, AGENTS["controller-0"]) is Current.YES
    assert told(system, "10.0.1")[1] is PatchState.PARTIAL_APPLY
    system.install("controller-1")
    assert told(system, "10.0.1") == (RepoState.APPLIED, PatchState.APPLIED)
    system.happen(events.Activate())
    system.scripts_end()
    system.happen(events.Complete())
    system.happen(events.DeleteDeploy())
    assert told(system, "10.0.1") == (RepoState.APPLIED, PatchState.APPLIED)
    system.start("10.0.0")
    assert told(system, "10.0.1") == (RepoState.AVAILABLE, PatchState.PARTIAL_REMOVE)
    for name in AGENTS:
        system.install(name)
    assert told(system, "10.0.1") == (RepoState.AVAILABLE, PatchState.AVAILABLE)


def test_an_aborted_patch_is_on_the_way_back() -> None:
    system = System(a_system("DX", a_release("10.0.1", reboot_required=True)))
    system.start("10.0.1")
    assert classic.reboot_required(system.view, AGENTS["controller-0"])
    system.install("controller-0")
    assert not classic.reboot_required(system.view, AGENTS["controller-0"])
    system.happen(events.Abort())
    assert told(system, "10.0.1") == (RepoState.AVAILABLE, PatchState.PARTIAL_REMOVE)
    system.install("controller-0", back=True)
    assert told(system, "10.0.1") == (RepoState.AVAILABLE, PatchState.AVAILABLE)


def test_what_agents_say_counts_when_there_is_no_deployment() -> None:
    system = System(a_system("SX", a_release("10.0.1", R.DEPLOYED), a_release("10.0.2", R.COMMITTED), running="10.0.1"))
    patch = system.view.releases["starlingx-10.0.1"]
    old = AgentFacts("controller-0", is_out_of_date=True)
    assert classic.patch_state(system.view, patch, {}) is PatchState.UNKNOWN
    assert classic.patch_state(system.view, patch, {"controller-0": old}) is PatchState.PARTIAL_APPLY
    assert told(system, "10.0.2") == (RepoState.COMMITTED, PatchState.COMMITTED)
    assert classic.current(system.view, old) is Current.NO
    assert classic.current(system.view, AgentFacts("controller-0", is_answering=False)) is Current.PENDING
    assert classic.current(system.view, AgentFacts("controller-0", has_failed=True)) is Current.FAILED
    assert classic.reboot_required(system.view, AgentFacts("controller-0", needs_reboot=True))
    assert not classic.is_patch(system.view.releases["starlingx-10.0.0"])
    assert classic.is_patch(patch)
    assert not classic.is_patch(a_release("10.0.3", R.UNAVAILABLE))
