# SPDX-License-Identifier: Apache-2.0
"""What one look leads to, step by step: evidence, retries, and what is no evidence."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.records import replace
from patching.contract.states import DeployState, HostState
from patching.contract.version import Version
from patching.core.model import Deploy, HostRow
from patching.core.strategy.model import Result, Step, StepName
from patching.core.strategy.picture import Alarm, Instance, InstanceState
from patching.core.strategy.work.advance import STEPS, advance
from patching.core.strategy.work.model import AGAIN, Advance, Answer, Order, Verb, Work, answered
from patching.core.strategy.work.seen import Seen, SeenHost, SeenSoftware
from patching.orchestrator.picture import picture
from tests.unit.patching.core.strategy.pictures import asked

S, V = StepName, Verb
OLD, NEW = Version.parse("10.0.0"), Version.parse("10.0.1")


def host(name: str, states: str = "unlocked-enabled-available", **fields: Any) -> SeenHost:
    administrative, operational, availability = states.split("-")
    return SeenHost(1, name, "controller" if name.startswith("controller") else "worker", administrative, operational,
                    availability, uptime_s=1_000, **fields)


class Looks:
    """The work of one step; time passes between looks."""

    def __init__(self, name: StepName, *entities: str, hosts: tuple[str, ...] = (), timeout_s: int = 0,
                 **parameters: Any) -> None:
        self.now_ms = 5_000_000
        self.work = Work(Step(name, entities, timeout_s), asked(**parameters), self.now_ms, hosts or entities)
        self.last = Advance(self.work)

    def look(self, *hosts: SeenHost, after_s: int = 5, **parts: Any) -> list[str]:
        """What is ordered after this look; every order is accepted unless the test answers it otherwise."""
        self.now_ms += after_s * 1000
        seen = Seen(hosts={one.hostname: one for one in hosts}, **parts)
        self.last = advance(self.work, seen, self.now_ms)
        self.work = self.last.work
        for order in self.last.orders:
            host, instance = seen.hosts.get(order.target), seen.instances.get(order.target)
            self.answer(order, Answer.ACCEPTED, "", host.error if host else instance.trouble if instance else "")
        return [str(order) for order in self.last.orders]

    def answer(self, order: Order, answer: Answer, reason: str = "", error_before: str = "") -> None:
        self.work = answered(self.work, order, answer, reason, self.now_ms, error_before)

    @property
    def result(self) -> Result | None:
        return self.last.result


def test_every_step_has_a_decision() -> None:
    assert set(STEPS) == set(StepName)


def test_a_lock_ends_with_an_idle_locked_host() -> None:
    one = Looks(S.LOCK, "w-0")
    assert one.look(host("w-0")) == ["lock w-0"]
    assert one.look(host("w-0", is_busy=True)) == []
    assert one.look(host("w-0", "locked-enabled-available", is_busy=True)) == [] and one.result is None
    assert one.look(host("w-0", "locked-disabled-online")) == [] and one.result is Result.SUCCESS


def test_the_only_controller_need_not_be_disabled() -> None:
    one = Looks(S.LOCK, "controller-0")
    one.look(host("controller-0", "locked-enabled-available", is_active=True), host("w-0"))
    assert one.result is Result.SUCCESS
    two = Looks(S.LOCK, "controller-0")
    two.look(host("controller-0", "locked-enabled-available", is_active=True), host("controller-1"))
    assert two.result is None


def test_an_action_that_is_under_way_is_not_ordered_again() -> None:
    """It may be the very same, from before a crash, or one whose answer was lost."""
    one = Looks(S.LOCK, "w-0")
    assert one.look(host("w-0", is_busy=True)) == []
    assert one.look(host("w-0")) == ["lock w-0"]
    one.answer(Order(V.LOCK, "w-0"), Answer.NOT_SENT, "the API is away")
    assert one.look(host("w-0", is_busy=True), after_s=60) == []
    assert one.look(host("w-0")) == ["lock w-0"]


def test_an_order_is_given_again_after_a_new_error_only() -> None:
    one = Looks(S.LOCK, "w-0")
    one.look(host("w-0", error="it did not boot last year"))
    assert one.look(host("w-0", error="it did not boot last year"), after_s=5) == []
    again = AGAIN[V.LOCK]
    for _ in range(again.times):
        assert one.look(host("w-0", error="its disks are busy"), after_s=1) == []
        assert one.look(host("w-0", error="its disks are busy"), after_s=again.pause_ms // 1000) == ["lock w-0"]
        one.work = replace(one.work, tried={order: replace(tried, error_before="")
                                            for order, tried in one.work.tried.items()})
    one.look(host("w-0", error="its disks are busy"))
    assert (one.result, one.last.reason) == (Result.FAILED, "lock of w-0 has failed: its disks are busy")


def test_a_service_that_is_away_costs_no_try() -> None:
    one = Looks(S.LOCK, "w-0")
    one.look(host("w-0"))
    for _ in range(50):
        one.answer(Order(V.LOCK, "w-0"), Answer.NOT_SENT, "the API is away")
        assert one.look(host("w-0")) == ["lock w-0"]
    assert one.result is None


def test_an_unlocked_host_is_opened_for_instances() -> None:
    one = Looks(S.UNLOCK, "w-0")
    assert one.look(host("w-0", "locked-disabled-online")) == ["unlock w-0"]
    assert one.look(host("w-0", "unlocked-disabled-offline")) == []
    assert one.look(host("w-0", "unlocked-enabled-degraded")) == ["open-host w-0"]
    one.look(host("w-0", "unlocked-enabled-degraded"))
    assert one.result is Result.SUCCESS


def test_a_host_that_was_deleted_holds_up_nobody() -> None:
    """It ended the whole strategy, and its abort too."""
    for kind in (S.LOCK, S.UNLOCK):
        one = Looks(kind, "w-0")
        one.look(host("w-1"))
        assert one.result is Result.SUCCESS
    one = Looks(S.DEPLOY_HOSTS, "w-0", "w-1")
    assert one.look(host("w-1"), software=software(DeployState.HOST_DONE, {"w-1": HostState.DEPLOYED})) == []
    assert one.result is Result.SUCCESS


def test_a_host_that_was_added_since_has_no_part_in_the_deployment() -> None:
    """It was locked, could not be installed, and ended every strategy."""
    hosts = {name: host(name) for name in ("w-0", "w-1", "w-9")}
    states = {"w-0": HostState.DEPLOYED, "w-1": HostState.PENDING}
    for found, planned in ((software(DeployState.HOST, states), ["w-1"]), (software(None), ["w-0", "w-1", "w-9"])):
        made = picture(Seen(hosts=hosts, software=found), asked())
        assert [one.hostname for one in made.hosts if not one.is_deployed] == planned


def test_swact() -> None:
    one = Looks(S.SWACT, "controller-0")
    active, standby = host("controller-0", is_active=True), host("controller-1")
    assert one.look(active, standby) == ["swact controller-0"]
    assert one.look(host("controller-0"), standby) == [] and one.result is None, "nobody is active meanwhile"
    one.look(host("controller-0"), host("controller-1", is_active=True))
    assert one.result is Result.SUCCESS
    assert Looks(S.SWACT, "controller-1").look(active, standby) == []


@pytest.mark.parametrize(("uptime_s", "after_s", "result"), [
    (1_030, 30, None), (20, 90, Result.SUCCESS), (1_000, 1_200, Result.SUCCESS), (1_050, 1_100, None)])
def test_a_reboot_needs_evidence(uptime_s: int, after_s: int, result: Result | None) -> None:
    one = Looks(S.REBOOT, "w-0")
    assert one.look(host("w-0", "locked-disabled-online")) == ["reboot w-0"]
    one.look(replace(host("w-0", "locked-disabled-online"), uptime_s=uptime_s), after_s=after_s)
    assert one.result is result


def test_hosts_that_change_by_themselves_are_not_stable() -> None:
    one = Looks(S.STABILIZE, hosts=("w-0",), timeout_s=15)
    one.look(host("w-0"), host("w-1"))
    one.look(host("w-0"), host("w-1", "unlocked-disabled-failed"))
    assert one.result is None, "it is no host of the stage"
    one.look(host("w-0", "unlocked-disabled-failed"))
    assert one.result is Result.FAILED and "w-0 (unlocked-disabled-failed) was w-0" in one.last.reason
    two = Looks(S.STABILIZE, hosts=("w-0",), timeout_s=15)
    two.look(host("w-0"), after_s=14)
    assert two.result is None
    two.look(host("w-0"), after_s=1)
    assert two.result is Result.SUCCESS


def test_alarms_must_stay_away_for_a_while() -> None:
    one = Looks(S.WAIT_ALARMS_CLEAR)
    alarm = (Alarm("200.004", "host=w-0"), Alarm("900.201", "orchestration=sw-deploy"))
    one.look(after_s=0)
    one.look(after_s=50, alarms=alarm)
    one.look(after_s=50, alarms=alarm[1:])
    one.look(after_s=59)
    assert one.result is None
    one.look(after_s=1)
    assert one.result is Result.SUCCESS
    data = Looks(S.WAIT_DATA_SYNC, "storage-0")
    data.look(alarms=(Alarm("800.001", "cluster=x"),))
    data.look(alarms=alarm)
    data.look(after_s=60, alarms=alarm)
    assert data.result is Result.SUCCESS


def software(state: DeployState | None, rows: dict[str, HostState] | None = None, error: str = "") -> SeenSoftware:
    deploy = None if state is None else Deploy(OLD, NEW, state, ("starlingx-10.0.1",), error=error)
    return SeenSoftware(OLD, {}, deploy, {name: HostRow(name, row, error=error) for name, row in (rows or {}).items()})


@pytest.mark.parametrize(("name", "before", "going", "done"), [
    (S.START, None, "start", "start-done"), (S.ACTIVATE, "host-done", "activate", "activate-done"),
    (S.COMPLETE, "activate-done", None, "completed"), (S.DELETE, "completed", None, None),
    (S.ABORT_DEPLOY, "host", None, "host-rollback"),
    (S.ACTIVATE_ROLLBACK, "activate-rollback-pending", "activate-rollback", "activate-rollback-done")])
def test_operations_on_the_deployment(name: StepName, before: str | None, going: str | None, done: str | None) -> None:
    def state(text: str | None) -> SeenSoftware:
        return software(DeployState(text) if text else None)

    one = Looks(name)
    assert len(one.look(software=state(before))) == 1 and one.result is None
    if going:
        assert one.look(software=state(going)) == [] and one.result is None
        assert Looks(name).look(software=state(going)) == [], "it was begun before a crash"
    one.look(software=state(done))
    assert one.result is Result.SUCCESS
    again = Looks(name)
    assert again.look(software=state(done)) == [] and again.result is Result.SUCCESS


def test_an_activation_that_fails_is_tried_again() -> None:
    one = Looks(S.ACTIVATE)
    one.look(software=software(DeployState.HOST_DONE))
    failed = software(DeployState.ACTIVATE_FAILED, error="10-restart has failed")
    for _ in range(3):
        assert one.look(software=failed, after_s=30) == ["activate"]
    one.look(software=failed, after_s=30)
    assert (one.result, one.last.reason) == (Result.FAILED, "activate has failed: 10-restart has failed")


def test_an_order_without_any_effect_is_no_success() -> None:
    one = Looks(S.COMPLETE)
    one.look(software=software(DeployState.ACTIVATE_DONE))
    one.look(software=software(DeployState.ACTIVATE_DONE))
    assert one.result is None
    one.look(software=software(DeployState.ACTIVATE_DONE), after_s=20)
    assert (one.result, one.last.reason) == (
        Result.FAILED, "complete had no effect: the deployment is activate-done")


def test_installations_there_and_back() -> None:
    states = {"w-0": HostState.PENDING, "w-1": HostState.DEPLOYED}
    one = Looks(S.DEPLOY_HOSTS, "w-0", "w-1")
    assert one.look(software=software(DeployState.HOST, states)) == ["deploy-host w-0"]
    one.look(software=software(DeployState.HOST, {**states, "w-0": HostState.DEPLOYING}), after_s=900)
    assert one.result is None
    one.look(software=software(DeployState.HOST_DONE, {**states, "w-0": HostState.DEPLOYED}))
    assert one.result is Result.SUCCESS
    back = Looks(S.DEPLOY_HOSTS, "w-0", "w-9", release=None, rollback=True)
    assert back.look(software=software(DeployState.HOST_ROLLBACK, {"w-0": HostState.ROLLBACK_PENDING})) == [
        "rollback-host w-0"]
    back.look(software=software(DeployState.HOST_ROLLBACK_DONE, {"w-0": HostState.ROLLBACK_DEPLOYED}))
    assert back.result is Result.SUCCESS
    gone = Looks(S.DEPLOY_HOSTS, "w-0")
    gone.look(software=software(None))
    assert gone.last.reason == "there is no deployment any more"


def instances(*found: Instance) -> dict[str, Instance]:
    return {one.id: one for one in found}


def test_instances_leave_one_after_the_other() -> None:
    one = Looks(S.MIGRATE, "w-0")
    a, b = Instance("a", "w-0"), Instance("b", "w-0")
    stopped = Instance("c", "w-0", is_locked=True, state=InstanceState.STOPPED)
    assert one.look(instances=instances(a, b, stopped)) == ["close-host w-0"]
    assert one.look(instances=instances(a, b, stopped)) == ["move a"]
    assert one.look(instances=instances(replace(a, state=InstanceState.MOVING), b, stopped)) == []
    assert one.look(instances=instances(replace(a, host="w-1"), b, stopped)) == ["move b"]
    moved = replace(b, host="w-1", state=InstanceState.MOVED)
    assert one.look(instances=instances(replace(a, host="w-1"), moved, stopped)) == ["confirm-move b"]
    one.look(instances=instances(replace(a, host="w-1"), replace(moved, state=InstanceState.RUNNING), stopped))
    assert one.result is Result.SUCCESS


@pytest.mark.parametrize("state", [InstanceState.RUNNING, InstanceState.MOVING])
def test_an_instance_that_does_not_leave_in_time(state: InstanceState) -> None:
    one = Looks(S.MIGRATE, "w-0")
    stays = instances(Instance("a", "w-0", move_limit_s=200))
    one.look(instances=stays)
    one.look(instances=stays)
    one.look(instances=instances(Instance("a", "w-0", state=state, move_limit_s=200)), after_s=199)
    assert one.result is None
    one.look(instances=instances(Instance("a", "w-0", state=state, move_limit_s=200)), after_s=1)
    assert (one.result, one.last.reason) == (Result.FAILED, "instance a did not leave w-0 within 200 s")


def test_a_broken_instance_is_said_and_a_budget_that_does_not_allow_it_is_waited_for() -> None:
    one = Looks(S.MIGRATE, "w-0")
    broken = instances(Instance("a", "w-0", state=InstanceState.FAILED))
    one.look(instances=broken)
    one.look(instances=broken)
    assert one.last.reason == "instance a on w-0 is broken and cannot be moved"
    two = Looks(S.MIGRATE, "w-0")
    kept = instances(Instance("a", "w-0"))
    two.look(instances=kept)
    for _ in range(100):
        assert two.look(instances=kept) == ["move a"]
        two.answer(Order(V.MOVE, "a"), Answer.REFUSED, "it would violate the budget")
    assert two.result is None


def test_an_instance_that_can_never_be_moved_fails_at_once() -> None:
    one = Looks(S.MIGRATE, "w-0")
    alone = instances(Instance("a", "w-0", stays="nothing starts it again"))
    one.look(instances=alone)
    one.look(instances=alone)
    assert one.last.reason == "instance a on w-0 cannot be moved, because nothing starts it again"


def test_a_move_that_was_begun_and_failed_is_begun_three_times_and_its_reason_told() -> None:
    one = Looks(S.MIGRATE, "w-0")
    old = instances(Instance("a", "w-0", trouble="of last week"))
    assert one.look(instances=old) == ["close-host w-0"]
    for number in range(3):
        before = instances(Instance("a", "w-0", trouble=f"no valid host ({number})" if number else "of last week"))
        assert one.look(instances=before, after_s=10) == ["move a"]
        assert one.look(instances=before, after_s=10) == []
    one.look(instances=instances(Instance("a", "w-0", trouble="no valid host (3)")))
    assert (one.result, one.last.reason) == (Result.FAILED, "instance a cannot be moved from w-0: no valid host (3)")


def test_instances_are_stopped_and_started() -> None:
    one = Looks(S.STOP_INSTANCES, "a", "gone")
    assert one.look(instances=instances(Instance("a", "w-0"))) == ["stop-instance a"]
    one.look(instances=instances(Instance("a", "w-0", state=InstanceState.STOPPED)))
    assert one.result is Result.SUCCESS
    two = Looks(S.START_INSTANCES, "a")
    assert two.look(instances=instances(Instance("a", "w-0", state=InstanceState.STOPPED))) == ["start-instance a"]
    two.look(instances=instances(Instance("a", "w-0")))
    assert two.result is Result.SUCCESS
