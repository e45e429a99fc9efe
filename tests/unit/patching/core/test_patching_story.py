# SPDX-License-Identifier: Apache-2.0
"""Deployments from begin to end, and every refusal on the way with its words."""
from __future__ import annotations

import pytest

from flock.core.records import replace
from patching.contract.errors import SoftwareRefused, UnknownRelease, WrongDeployState
from patching.contract.states import AgentState, Owner
from patching.contract.states import ReleaseState as R
from patching.core import events, guards
from patching.core.actions import (
    CleanUp,
    DeleteContent,
    Install,
    Phase,
    RunPrecheck,
    RunScripts,
    SetVersion,
    SpareContent,
    StopScripts,
)
from patching.core.operations.activation import INTERRUPTED
from tests.unit.patching.core.systems import System, a_release, a_system


def refused(system: System, event: events.Event) -> str:
    """The words of the refusal, which has changed nothing."""
    before = system.view
    with pytest.raises(SoftwareRefused) as told:
        system.happen(event)
    assert told.value.http == 406
    assert system.view is before
    return str(told.value)


def test_an_in_service_patch_on_one_host() -> None:
    system = System(a_system("SX", a_release("10.0.1")))
    system.start("10.0.1")
    assert (system.state, system.release("10.0.1"), system.states) == (
        "start-done", "deploying", {"controller-0": "pending"})
    assert system.view.deploy is not None
    assert system.view.deploy.commit_id == "c0ffee"
    system.install("controller-0")
    assert (system.state, system.view.hosts["controller-0"].administrative) == ("host-done", "unlocked")
    system.happen(events.Activate())
    system.scripts_end()
    system.happen(events.Complete())
    assert system.happen(events.DeleteDeploy()) == (
        CleanUp(("starlingx-10.0.1",), "10.0.0", "10.0.1"), SetVersion("10.0.1"))
    assert (system.state, system.states, system.release("10.0.1"), str(system.view.running)) == (
        None, {}, "deployed", "10.0.1")


def test_a_major_release_leaves_the_old_one_behind() -> None:
    system = System(a_system("DX", a_release("10.0.1", R.DEPLOYED), a_release("11.0.0"), a_release("10.0.2"),
                             running="10.0.1"))
    system.start("11.0.0")
    assert system.view.deploy is not None
    assert system.view.deploy.reboot_required
    assert "next is controller-1" in refused(system, events.DeployHost("controller-0"))
    system.install("controller-1")
    system.install("controller-0")
    system.happen(events.Activate())
    system.scripts_end()
    system.happen(events.Complete())
    system.happen(events.DeleteDeploy())
    assert [system.release(text) for text in ("10.0.0", "10.0.1", "10.0.2", "11.0.0")] == [
        "unavailable", "unavailable", "unavailable", "deployed"]
    assert system.happen(events.DeleteReleases(("starlingx-10.0.0",))) == (DeleteContent("starlingx-10.0.0"),)


def test_the_return_to_a_lower_release_takes_the_higher_ones_away() -> None:
    system = System(a_system("SX", a_release("10.0.1", R.DEPLOYED), a_release("10.0.2", R.DEPLOYED), running="10.0.2"))
    system.start("10.0.0")
    assert system.view.deploy is not None
    assert system.view.deploy.covers == ("starlingx-10.0.2", "starlingx-10.0.1")
    assert (system.release("10.0.1"), system.release("10.0.2")) == ("removing", "removing")
    system.install("controller-0")
    assert "cannot be aborted" in refused(system, events.Abort())
    system.happen(events.Activate())
    system.scripts_end()
    system.happen(events.Complete())
    system.happen(events.DeleteDeploy())
    assert (system.release("10.0.1"), system.release("10.0.2"), str(system.view.running)) == (
        "available", "available", "10.0.0")


@pytest.mark.parametrize("failed", [True, False])
def test_a_removal_that_touched_no_host_is_as_if_it_had_never_begun(failed: bool) -> None:
    system = System(a_system("SX", a_release("10.0.1", R.DEPLOYED), running="10.0.1"))
    before = system.view
    system.precheck("10.0.0")
    system.happen(events.Start("starlingx-10.0.0"))
    system.scripts_end("disk full" if failed else "")
    assert system.state == ("start-failed" if failed else "start-done")
    system.host("controller-0", availability="offline")
    system.happen(events.DeleteDeploy())
    system.unlock("controller-0")
    assert system.view == before


def test_an_abort_takes_back_what_two_of_three_hosts_have() -> None:
    system = System(a_system("STD", a_release("10.0.1", reboot_required=True)))
    system.happen(events.HostGone("compute-1"))
    system.happen(events.HostGone("compute-2"))
    system.start("10.0.1")
    assert "next is controller-0 or controller-1" in refused(system, events.DeployHost("compute-0"))
    system.install("controller-1")
    system.install("controller-0")
    system.happen(events.Abort())
    deploy = system.view.deploy
    assert deploy is not None
    assert (str(deploy.from_release), str(deploy.to_release), system.state) == ("10.0.1", "10.0.0", "host-rollback")
    assert system.states["compute-0"] == "rollback-deployed"
    system.install("controller-0", back=True, error="no space")
    assert (system.state, deploy.error, system.view.rows["controller-0"].error) == (
        "host-rollback-failed", "", "no space")
    system.install("controller-0", back=True)
    system.install("controller-1", back=True)
    assert system.state == "host-rollback-done"
    system.happen(events.DeleteDeploy())
    assert (system.release("10.0.1"), str(system.view.running)) == ("available", "10.0.0")
    assert {action.version for action in system.done if isinstance(action, Install)} == {"10.0.1", "10.0.0"}


@pytest.mark.parametrize("until", ["activate", "activate-failed", "activate-done", "completed"])
def test_an_abort_after_activation_takes_the_scripts_back_first(until: str) -> None:
    system = System(a_system("STG", a_release("11.0.0")))
    system.start("11.0.0")
    for name in ("controller-1", "controller-0", "storage-0", "storage-1", "compute-2", "compute-0", "compute-1"):
        system.install(name)
    system.happen(events.Activate())
    run = system.done[-1]
    assert isinstance(run, RunScripts)
    if until != "activate":
        system.scripts_end("20-restart exited with 3" if until == "activate-failed" else "")
    if until == "completed":
        system.happen(events.Complete())
    stopped = system.happen(events.Abort())
    assert stopped == ((StopScripts(run.attempt),) if until == "activate" else ())
    system.happen(events.ScriptsEnded(run.attempt))
    assert system.state == "activate-rollback-pending", "a late result changes nothing"
    assert "not possible in deploy state activate-rollback-pending" in refused(
        system, events.RollBackHost("controller-0"))
    assert system.happen(events.ActivateRollback())[0] == RunScripts(Phase.ACTIVATE_ROLLBACK, run.attempt + 2)
    system.happen(events.Restarted())
    assert (system.state, system.view.deploy and system.view.deploy.error) == ("activate-rollback-failed", INTERRUPTED)
    system.happen(events.ActivateRollback())
    system.scripts_end()
    assert "next is compute" in refused(system, events.RollBackHost("storage-1"))
    for name in ("compute-1", "compute-0", "compute-2", "storage-1", "storage-0", "controller-0", "controller-1"):
        system.install(name, back=True)
    system.happen(events.DeleteDeploy())
    assert (system.release("11.0.0"), system.release("10.0.0")) == ("available", "deployed")


def test_a_host_fails_and_is_tried_again() -> None:
    system = System(a_system("DX", a_release("10.0.1")))
    system.start("10.0.1")
    (first,) = system.happen(events.DeployHost("controller-1"))
    assert isinstance(first, Install)
    assert "controller-1 is deploying" in refused(system, events.DeployHost("controller-1"))
    assert "Hosts are installing: controller-1" in refused(system, events.Abort())
    system.happen(events.HostEnded("controller-1", first.attempt, "dpkg exited with 2"))
    assert (system.state, system.states["controller-1"]) == ("host-failed", "failed")
    (second,) = system.happen(events.DeployHost("controller-1"))
    assert isinstance(second, Install)
    assert second.attempt == first.attempt + 1
    system.happen(events.HostEnded("controller-1", first.attempt))
    assert system.states["controller-1"] == "deploying", "the result of the first attempt comes too late"
    system.now_ms += 3_600_000
    system.happen(events.Tick())
    assert system.states["controller-1"] == "failed"
    assert "no result for 3600 s" in system.view.rows["controller-1"].error
    system.happen(events.HostEnded("controller-1", second.attempt))
    assert system.states["controller-1"] == "failed"
    system.install("controller-1")
    system.install("controller-0")
    assert system.state == "host-done"


def test_a_host_that_was_deleted_holds_up_nobody() -> None:
    system = System(a_system("DX", a_release("10.0.1")))
    system.start("10.0.1")
    system.install("controller-0")
    system.happen(events.HostGone("controller-1"))
    assert system.state == "host-done"


def test_a_host_that_is_not_known_has_no_part_in_the_deployment() -> None:
    system = System(a_system("DX", a_release("10.0.1")))
    system.start("10.0.1")
    assert "Host compute-7 has no part in the deployment" in refused(system, events.DeployHost("compute-7"))


def test_the_conductor_restarts_while_scripts_run() -> None:
    system = System(a_system("SX", a_release("10.0.1")))
    system.precheck("10.0.1")
    system.happen(events.Start("starlingx-10.0.1"))
    system.happen(events.Restarted())
    assert system.state == "start-failed"
    system.happen(events.DeleteDeploy())
    assert system.release("10.0.1") == "available"
    system.start("10.0.1")
    assert system.happen(events.DeployHost("controller-0"))
    system.happen(events.Restarted())
    assert system.states == {"controller-0": "deploying"}, "the agent goes on, and tells its result"


def test_reboot_required_needs_a_locked_host() -> None:
    system = System(a_system("SX", a_release("10.0.1", reboot_required=True)))
    system.start("10.0.1")
    assert refused(system, events.DeployHost("controller-0")) == (
        "Host controller-0 must be locked and online, since the deployment needs a reboot; it is unlocked and "
        "available.")
    system.lock("controller-0")
    assert system.happen(events.DeployHost("controller-0")) == (Install("controller-0", "10.0.1", 1, True),)
    system.happen(events.HostEnded("controller-0", 1))
    assert "unlocked, enabled and available; these are not: controller-0" in refused(system, events.Activate())


def test_an_agent_that_does_not_answer_holds_up_its_host_at_once() -> None:
    system = System(a_system("SX", a_release("10.0.1")))
    system.start("10.0.1")
    system.host("controller-0", agent=None)
    assert "agent of host controller-0 does not answer" in refused(system, events.DeployHost("controller-0"))
    assert system.states == {"controller-0": "pending"}


class TestStart:
    """Who may begin what."""

    def test_needs_a_precheck_that_still_counts(self) -> None:
        system = System(a_system("SX", a_release("10.0.1")))
        order = events.Start("starlingx-10.0.1")
        assert system.happen(order) == (RunPrecheck("starlingx-10.0.1", False),)
        assert system.view.deploy is None
        system.precheck("10.0.0")
        assert system.happen(order) == (RunPrecheck("starlingx-10.0.1", False),)
        system.precheck("10.0.1", relaxed=True)
        assert system.happen(order) == (RunPrecheck("starlingx-10.0.1", False),)
        system.precheck("10.0.1")
        system.now_ms += 300_000
        assert system.happen(order) == (RunPrecheck("starlingx-10.0.1", False),)
        system.precheck("10.0.1")
        assert system.happen(order) == (RunScripts(Phase.START, 1),)

    def test_force_counts_for_patches_only_and_ignores_alarms_only(self) -> None:
        system = System(a_system("SX", a_release("10.0.1"), a_release("11.0.0")))
        system.precheck("10.0.1", is_healthy=False, words="No alarms: [Fail]")
        assert "issues prevent the deployment of starlingx-10.0.1:\nNo alarms: [Fail]" in refused(
            system, events.Start("starlingx-10.0.1"))
        order = events.Start("starlingx-10.0.1", force=True)
        assert system.happen(order) == (RunPrecheck("starlingx-10.0.1", True),)
        system.precheck("10.0.1", is_healthy=False, relaxed=True, words="No alarms: [Fail]")
        assert "[Fail]" in refused(system, order)
        assert system.happen(events.Start("starlingx-11.0.0", force=True)) == (RunPrecheck("starlingx-11.0.0", False),)
        system.precheck("10.0.1", relaxed=True)
        assert system.happen(order) == (RunScripts(Phase.START, 1),)

    def test_refuses_what_cannot_be_deployed(self) -> None:
        system = System(a_system(
            "DX", a_release("10.0.2", requires=("starlingx-10.0.1",)), a_release("10.0.3", R.UPLOAD_FAILED),
            a_release("9.0.0"), a_release("9.0.1", R.UNAVAILABLE),
            a_release("11.0.0", requires=("starlingx-10.0.5",)), a_release("10.0.5"), a_release("12.0.0")))
        system.precheck("10.0.2")
        for text, words in (
                ("10.0.2", "starlingx-10.0.1 is missing; upload it first"), ("10.0.3", "is upload-failed"),
                ("9.0.0", "is older than the running 10.0.0"), ("9.0.1", "is unavailable"),
                ("10.0.0", "The system runs starlingx-10.0.0 already"),
                ("11.0.0", "starlingx-10.0.5 is available, and must be deployed first")):
            assert words in refused(system, events.Start(f"starlingx-{text}")), text
        with pytest.raises(UnknownRelease, match=r"Release starlingx-8\.0\.0 does not exist"):
            system.happen(events.Start("starlingx-8.0.0"))
        system.view = replace(system.view, active="controller-1")
        assert "starts with controller-0 active; now controller-1 is" in refused(
            system, events.Start("starlingx-12.0.0"))
        system.view = replace(system.view, active="controller-0", in_sync=False)
        assert "does not hold the same releases" in refused(system, events.Start("starlingx-12.0.0"))
        system.host("controller-1", agent=AgentState.INSTALLING)
        assert "installing software: controller-1" in refused(system, events.Start("starlingx-10.0.5"))
        system.view = replace(system.view, hosts={})
        assert "no host" in refused(system, events.Start("starlingx-10.0.5"))

    def test_covers_what_the_release_requires(self) -> None:
        system = System(a_system("SX", a_release("10.0.1", reboot_required=True),
                                 a_release("10.0.2", requires=("starlingx-10.0.1",))))
        system.start("10.0.2")
        assert system.view.deploy is not None
        assert system.view.deploy.covers == ("starlingx-10.0.1", "starlingx-10.0.2")
        assert system.view.deploy.reboot_required, "one of them needs it"

    def test_there_is_one_deployment(self) -> None:
        system = System(a_system("SX", a_release("10.0.1")))
        system.start("10.0.1", owner=Owner.CLASSIC)
        assert "A deployment from 10.0.0 to 10.0.1 exists (state start-done)" in refused(
            system, events.Start("starlingx-10.0.1"))
        guards.no_other_owner(system.view, Owner.CLASSIC)
        with pytest.raises(SoftwareRefused, match="started with sw-patch; only sw-patch can go on"):
            guards.no_other_owner(system.view, Owner.USM)


def test_orders_out_of_turn_name_the_states_in_which_they_are_possible() -> None:
    system = System(a_system("SX", a_release("10.0.1")))
    assert "there is no deployment" in refused(system, events.Activate())
    system.start("10.0.1")
    with pytest.raises(WrongDeployState) as told:
        system.happen(events.Activate())
    assert str(told.value) == ("deploy activate is not possible in deploy state start-done. It is possible in: "
                               "host-done, activate-failed.")


class TestReleases:
    """Deleted or made permanent."""

    def test_deleted_all_or_none(self) -> None:
        system = System(a_system("SX", a_release("10.0.1"), a_release("10.0.2", requires=("starlingx-10.0.1",)),
                                 a_release("10.0.3", unremovable=True)))
        assert refused(system, events.DeleteReleases(("starlingx-10.0.0", "starlingx-10.0.1", "starlingx-10.0.3"))) == (
            "Release starlingx-10.0.0 is deployed; only available, unavailable, upload-failed ones can be deleted; "
            "Release starlingx-10.0.1 is required by starlingx-10.0.2; Release starlingx-10.0.3 is unremovable.")
        system.happen(events.DeleteReleases(("starlingx-10.0.1", "starlingx-10.0.2")))
        assert sorted(system.view.releases) == ["starlingx-10.0.0", "starlingx-10.0.3"]

    def test_committed_with_all_that_they_require(self) -> None:
        system = System(a_system("SX", a_release("10.0.1", R.DEPLOYED, requires=("starlingx-10.0.0",)),
                                 a_release("10.0.2"), running="10.0.1"))
        assert "starlingx-10.0.2 is available, not deployed" in refused(system, events.Commit(("starlingx-10.0.2",)))
        assert system.happen(events.Commit(("starlingx-10.0.1",))) == (SpareContent(),)
        assert system.happen(events.Commit(("starlingx-10.0.1",))) == ()
        assert (system.release("10.0.0"), system.release("10.0.1")) == ("committed", "committed")
        system.precheck("10.0.0")
        assert "starlingx-10.0.1 is committed" in refused(system, events.Start("starlingx-10.0.0"))

    def test_what_requires_itself_is_refused(self) -> None:
        system = System(a_system("SX", a_release("10.0.1", requires=("starlingx-10.0.2",)),
                                 a_release("10.0.2", requires=("starlingx-10.0.1",))))
        assert "in a circle: starlingx-10.0.1 requires starlingx-10.0.2 requires starlingx-10.0.1" in refused(
            system, events.Start("starlingx-10.0.1"))
