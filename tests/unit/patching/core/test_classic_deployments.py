# SPDX-License-Identifier: Apache-2.0
"""Deployments that were begun with sw-patch: without precheck, of several patches, and going on by themselves."""
from __future__ import annotations

import pytest

from flock.core.records import replace
from patching.contract.errors import SoftwareRefused
from patching.contract.states import Owner
from patching.contract.states import ReleaseState as R
from patching.core import classic, events
from patching.core.actions import Phase, RunPrecheck, RunScripts
from tests.unit.patching.core.systems import System, a_release, a_system

ONE, TWO, THREE = "starlingx-10.0.1", "starlingx-10.0.2", "starlingx-10.0.3"


def begin(system: System, release: str, **fields: object) -> None:
    system.happen(events.Start(release, owner=Owner.CLASSIC, **fields))  # type: ignore[arg-type]
    system.scripts_end()


def go_on(system: System) -> None:
    """Take the steps for which there is no verb, until one waits for the operator."""
    while (event := classic.onward(system.view)) is not None:
        system.happen(event)
        if system.state in ("activate", "activate-rollback"):
            system.scripts_end()


def test_the_classic_model_has_no_precheck() -> None:
    system = System(a_system("SX", a_release("10.0.1")))
    assert system.happen(events.Start(ONE, owner=Owner.CLASSIC)) == (RunScripts(Phase.START, 1),)
    other = System(a_system("SX", a_release("10.0.1")))
    assert other.happen(events.Start(ONE)) == (RunPrecheck(ONE, False),)


def test_several_patches_come_together() -> None:
    system = System(a_system("SX", a_release("10.0.1"), a_release("10.0.2"), a_release("10.0.3", requires=(TWO,))))
    begin(system, THREE, others=(ONE,))
    assert system.view.deploy is not None and system.view.deploy.covers == (ONE, TWO, THREE)
    system.install("controller-0")
    go_on(system)
    assert (system.state, system.release("10.0.1"), system.release("10.0.3")) == (None, "deployed", "deployed")
    assert str(system.view.running) == "10.0.3"


def test_what_comes_along_must_be_older() -> None:
    system = System(a_system("SX", a_release("10.0.1"), a_release("10.0.2")))
    with pytest.raises(SoftwareRefused, match="older than starlingx-10.0.2"):
        begin(system, ONE, others=(TWO,))


def test_a_major_release_is_no_patch() -> None:
    system = System(a_system("SX", a_release("11.0.0")))
    with pytest.raises(SoftwareRefused, match="only 'software' deploys a major release"):
        begin(system, "starlingx-11.0.0")


def test_unremovable_patches_go_only_when_that_is_said() -> None:
    system = System(a_system("SX", a_release("10.0.1", R.DEPLOYED, unremovable=True), running="10.0.1"))
    with pytest.raises(SoftwareRefused, match="unremovable"):
        begin(system, "starlingx-10.0.0")
    begin(system, "starlingx-10.0.0", keep_none=True)
    assert system.release("10.0.1") == "removing"


def test_a_removal_goes_on_by_itself_too() -> None:
    system = System(a_system("DX", a_release("10.0.1", R.DEPLOYED), running="10.0.1"))
    begin(system, "starlingx-10.0.0")
    system.install("controller-0")
    assert classic.onward(system.view) is None
    system.install("controller-1")
    go_on(system)
    assert (system.state, system.release("10.0.1")) == (None, "available")


def test_what_was_activated_is_taken_back_too() -> None:
    system = System(a_system("SX", a_release("10.0.1")))
    begin(system, ONE)
    system.install("controller-0")
    system.happen(events.Activate())
    system.scripts_end(error="no")
    assert classic.onward(system.view) is None
    system.happen(events.Abort())
    go_on(system)
    assert system.states == {"controller-0": "rollback-pending"}
    system.install("controller-0", back=True)
    go_on(system)
    assert (system.state, system.release("10.0.1")) == (None, "available")


def test_a_deployment_of_software_waits_for_its_operator() -> None:
    system = System(a_system("SX", a_release("10.0.1")))
    system.start("10.0.1")
    system.install("controller-0")
    assert system.state == "host-done" and classic.onward(system.view) is None
    assert classic.onward(replace(system.view, deploy=None, rows={})) is None
