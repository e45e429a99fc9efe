# SPDX-License-Identifier: Apache-2.0
"""The agent's decisions, one table each."""
from __future__ import annotations

import pytest

from patching.agent import decide
from patching.agent.decide import Verdict
from patching.agent.memory import Memory
from patching.content.manifest import Current
from patching.contract.records import Content, InstallOrder, InstallResult
from patching.contract.states import AgentState


def order(deploy_id: str = "d", attempt: int = 1, reboot_required: bool = False) -> InstallOrder:
    return InstallOrder(deploy_id, "worker-0", attempt, "10.0.1", [], reboot_required)


def result(attempt: int = 1, error: str = "", deploy_id: str = "d") -> InstallResult:
    return InstallResult(deploy_id, "worker-0", attempt, error, "10.0.1")


def content(number: int, digest: str = "a") -> Content:
    return Content(f"starlingx-10.0.{number}", f"10.0.{number}", f"starlingx-10.0.{number}", digest, "fake")


@pytest.mark.parametrize(("memory", "asked", "is_locked", "expected"), [
    (Memory(), order(), False, Verdict.INSTALL),
    (Memory(result=result()), order(), False, Verdict.REPEAT),
    (Memory(result=result(error="x")), order(), False, Verdict.REPEAT),
    (Memory(result=result(2)), order(attempt=1), False, Verdict.IGNORE),
    (Memory(result=result(1, "x")), order(attempt=2), False, Verdict.INSTALL),
    (Memory(result=result(5, deploy_id="older")), order(), False, Verdict.INSTALL),
    (Memory(order=order()), order(), False, Verdict.IGNORE),
    (Memory(order=order(attempt=2)), order(attempt=1), False, Verdict.IGNORE),
    (Memory(order=order(attempt=1)), order(attempt=2), False, Verdict.INSTALL),
    (Memory(order=order("older")), order(), False, Verdict.INSTALL),
    (Memory(), order(reboot_required=True), False, Verdict.REJECT),
    (Memory(), order(reboot_required=True), True, Verdict.INSTALL),
    (Memory(result=result()), order(reboot_required=True), False, Verdict.REPEAT),
])
def test_what_becomes_of_an_order(memory: Memory, asked: InstallOrder, is_locked: bool, expected: Verdict) -> None:
    assert decide.verdict(memory, asked, is_locked) is expected


def test_an_order_that_was_interrupted_has_failed() -> None:
    found = decide.after_start(Memory(order=order(attempt=3)), "boot", True)
    assert found.order is None
    assert found.result is not None and (found.result.attempt, found.result.error) == (3, decide.INTERRUPTED)


@pytest.mark.parametrize(("boot_id", "runs_newest", "expected"), [
    ("one", True, (True, "10.0.0")), ("two", False, (True, "10.0.0")), ("two", True, (False, "10.0.1"))])
def test_a_boot_into_what_was_installed_ends_the_wait_for_it(boot_id: str, runs_newest: bool,
                                                             expected: tuple[bool, str]) -> None:
    waiting = Memory(version="10.0.1", running="10.0.0", boot_id="one", needs_reboot=True)
    found = decide.after_start(waiting, boot_id, runs_newest)
    assert (found.needs_reboot, found.running) == expected


@pytest.mark.parametrize(("memory", "is_locked", "age_s", "expected"), [
    (Memory(), False, 0, AgentState.IDLE),
    (Memory(order=order(), result=result(error="x")), False, 0, AgentState.INSTALLING),
    (Memory(result=result()), False, 0, AgentState.IDLE),
    (Memory(result=result(error="x")), False, 1e9, AgentState.INSTALL_FAILED),
    (Memory(result=result(error="x"), rejected=True), False, 59, AgentState.INSTALL_REJECTED),
    (Memory(result=result(error="x"), rejected=True), False, 60, AgentState.IDLE),
    (Memory(result=result(error="x"), rejected=True), True, 0, AgentState.IDLE),
])
def test_the_state_of_the_agent(memory: Memory, is_locked: bool, age_s: float, expected: AgentState) -> None:
    assert decide.state(memory, is_locked, age_s, 60) is expected


def test_which_releases_come_and_go() -> None:
    one, two, three = content(1), content(2), content(3)
    assert decide.moves([], [one, two]) == decide.Moves((one, two), ())
    assert decide.moves([one, two, three], [one]) == decide.Moves((), (three, two))
    assert decide.moves([one], [one]) == decide.Moves((), ())
    changed = content(1, "b")
    assert decide.moves([one], [changed]) == decide.Moves((changed,), ())


@pytest.mark.parametrize(("installed", "offered", "expected"), [
    ("", "10.0.1", True), ("10.0.1", "10.0.1", False), ("10.0.2", "10.0.1", False), ("10.0.9", "10.0.10", True)])
def test_at_a_boot_a_host_catches_up_but_never_goes_back(installed: str, offered: str, expected: bool) -> None:
    found = decide.catch_up(Memory(version=installed), Current(offered, []), "10.0.0", "worker-0", 60)
    assert (found is not None) is expected
    if found is not None:
        assert found.version == offered


def test_at_a_boot_an_interrupted_order_goes_on() -> None:
    begun = order(attempt=2)
    assert decide.catch_up(Memory(order=begun), Current("10.0.9", []), "10.0.0", "worker-0", 60) is begun
    assert decide.catch_up(Memory(), None, "10.0.0", "worker-0", 60) is None
