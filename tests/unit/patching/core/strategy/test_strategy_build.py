# SPDX-License-Identifier: Apache-2.0
"""Stages of strategies by system type, groups of hosts, and everything that stands against a strategy."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.errors import InvalidInput
from patching.core.strategy import alarms, build, grouping
from patching.core.strategy.model import Phase, StepName
from patching.core.strategy.parameters import AlarmRestrictions, ApplyType, Kind, Parameters, parse
from patching.core.strategy.picture import Alarm, Instance, Picture, PlannedHost
from tests.unit.patching.core.strategy.pictures import BODY, a_picture, asked

WORDS = {"query-alarms": "?", "start-upgrade": "start", "upgrade-hosts": "deploy", "sw-patch-hosts": "deploy",
         "swact-hosts": "swact", "lock-hosts": "lock", "unlock-hosts": "unlock", "system-stabilize": "~",
         "wait-alarms-clear": "quiet", "wait-data-sync": "sync", "activate-upgrade": "activate",
         "complete-upgrade": "complete", "migrate-instances-from-host": "migrate", "disable-host-services": "disable",
         "stop-instances": "stop", "start-instances": "begin", "reboot-hosts": "reboot", "deploy-delete": "delete",
         "sw-deploy-abort": "abort", "sw-deploy-activate-rollback": "back"}


def plan(picture: Picture, parameters: Parameters) -> list[str]:
    """Each stage in a line: name, hosts, steps."""
    phase, reasons = build.apply_phase(parameters, picture)
    assert reasons == []
    assert phase.stop_at == len(phase.stages)
    return [" ".join([stage.name.removeprefix("sw-upgrade-").removeprefix("sw-patch-"),
                      *(name.replace("controller-", "c").replace("storage-", "s").replace("compute-", "w")
                        for name in stage.hosts), ":", *(WORDS[step.name] for step in stage.steps)])
            for stage in phase.stages]


def against(picture: Picture, parameters: Parameters) -> str:
    phase, reasons = build.apply_phase(parameters, picture)
    assert phase == Phase(phase.name)
    return "; ".join(reasons)


CONTROLLER = "? swact lock deploy ~ unlock quiet"
WORKER = "? lock deploy ~ unlock quiet"
END = "complete : ? activate complete ?"


@pytest.mark.parametrize(("system", "fields", "stages"), [
    ("SX", {}, ["start : start ?", f"worker-hosts c0 : {WORKER}", END]),
    ("DX", {}, ["start : start ?", f"worker-hosts c1 : {CONTROLLER}", f"worker-hosts c0 : {CONTROLLER}", END]),
    ("DX", {"is_major": True}, [
        "start c1 : swact start ?", f"worker-hosts c1 : {CONTROLLER}", f"worker-hosts c0 : {CONTROLLER}",
        "complete c1 : swact ? activate complete ?"]),
    ("STD", {}, ["start : start ?", f"controllers c1 : {CONTROLLER}", f"controllers c0 : {CONTROLLER}",
                 *(f"worker-hosts w{number} : {WORKER}" for number in range(3)), END]),
    ("STG", {"is_major": True}, [
        "start c1 : swact start ?", f"controllers c1 : {CONTROLLER}", f"controllers c0 : {CONTROLLER}",
        *(f"storage-hosts s{number} : ? lock deploy ~ unlock sync" for number in range(2)),
        *(f"worker-hosts w{number} : {WORKER}" for number in range(3)), "complete c1 : swact ? activate complete ?"]),
    ("STD", {"reboot_required": False}, [
        "start : start ?", "controllers c1 : ? deploy", "controllers c0 : ? deploy",
        *(f"worker-hosts w{number} : ? deploy" for number in range(3)), "complete : ~ ? activate complete ?"]),
])
def test_stages_by_system(system: str, fields: dict[str, Any], stages: list[str]) -> None:
    assert plan(a_picture(system, **fields), asked()) == stages


def test_a_patch_strategy_builds_the_same_stages_and_lets_in_service_patches_settle() -> None:
    assert plan(a_picture("DX", reboot_required=False), asked(Kind.PATCH, delete=True)) == [
        "start : start ?", "worker-hosts c1 : ? deploy ~", "worker-hosts c0 : ? deploy ~",
        "complete : ~ ? activate complete ?", "sw-deploy-delete : delete"]


def test_hosts_that_are_done_are_skipped_and_an_existing_deployment_goes_on() -> None:
    picture = a_picture("STD", {"controller-1": {"is_deployed": True}, "compute-0": {"is_deployed": True}},
                        deploy_state="host-failed")
    assert plan(picture, asked(controller_apply_type="ignore", worker_apply_type="parallel")) == [
        "worker-hosts w1 w2 : ? lock deploy ~ unlock quiet", END]


def test_locked_workers_are_rebooted_and_instances_moved_or_stopped() -> None:
    picture = a_picture("STD", {"compute-1": {"administrative": "locked", "operational": "disabled"}},
                        instances=(Instance("a", "compute-0"), Instance("b", "compute-2"),
                                   Instance("c", "compute-2", is_locked=True)))
    more: dict[str, Any] = {"controller_apply_type": "ignore", "worker_apply_type": "parallel"}
    apart = Picture(picture.hosts, picture.instances, {"all": frozenset({"compute-0", "compute-1", "compute-2"})})
    assert plan(apart, asked(default_instance_action="migrate", **more)) == [
        "start : start ?", "worker-hosts w1 : ? deploy ~ reboot quiet",
        "worker-hosts w0 : ? migrate lock deploy ~ unlock quiet",
        "worker-hosts w2 : ? migrate lock deploy ~ unlock quiet", END]
    assert plan(apart, asked(**more))[2] == "worker-hosts w0 : ? stop lock deploy ~ unlock begin quiet"
    assert plan(picture, asked(**more)) == [
        "start : start ?", "worker-hosts w1 : ? deploy ~ reboot quiet",
        "worker-hosts w0 w2 : ? stop lock deploy ~ unlock begin quiet", END]
    assert "worker-hosts w0 w2 : ? disable migrate lock" in plan(
        picture, asked(**more, default_instance_action="migrate"))[2]


def test_a_rollback_goes_backwards_over_the_hosts_that_have_something_to_give_back() -> None:
    picture = a_picture("STG", {name: {"is_deployed": True} for name in (
        "controller-0", "controller-1", "storage-0", "storage-1", "compute-0")}, deploy_state="activate-done",
        was_activated=True, is_major=True)
    parameters = parse(Kind.DEPLOY, {**BODY, "release": None, "rollback": True})
    assert plan(picture, parameters) == [
        "rollback-start : ? abort back", f"worker-hosts w0 : {WORKER}",
        "storage-hosts s1 : ? lock deploy ~ unlock sync", "storage-hosts s0 : ? lock deploy ~ unlock sync",
        f"controllers c0 : {CONTROLLER}", f"controllers c1 : {CONTROLLER}", "rollback-complete : ? delete"]
    resumed = Picture(picture.hosts, deploy_state="host-rollback-failed", is_major=True)
    assert plan(resumed, parameters)[0] == f"worker-hosts w0 : {WORKER}"
    assert against(a_picture("SX"), parameters) == "there is nothing to do"


def test_a_cleanup_only_deletes() -> None:
    parameters = parse(Kind.DEPLOY, {**BODY, "release": None, "cleanup": True})
    assert plan(a_picture("SX", deploy_state="completed"), parameters) == ["sw-deploy-delete : delete"]
    assert against(a_picture("SX"), parameters) == "there is nothing to do"
    assert plan(a_picture("SX", deploy_state="completed"), asked(delete=True)) == ["sw-deploy-delete : delete"]


def test_instances_that_cannot_be_moved_are_named_before_anything_is_touched() -> None:
    picture = a_picture("STD", instances=(Instance("pod-1", "compute-0", stays="nothing starts it again"),
                                          Instance("pod-2", "compute-1", stays="nothing starts it again"),
                                          Instance("vm-1", "compute-1")))
    assert against(picture, asked(default_instance_action="migrate")) == (
        "these instances cannot be moved, because nothing starts it again: pod-1 on compute-0, pod-2 on compute-1")
    assert plan(picture, asked())


def test_all_blocking_reasons_come_at_once_with_names() -> None:
    hosts = {"controller-1": {"availability": "degraded"}, "storage-0": {"administrative": "locked",
                                                                         "operational": "disabled"},
             "compute-0": {"administrative": "locked", "operational": "disabled"},
             "compute-1": {"operational": "disabled", "availability": "failed"}}
    picture = a_picture("STG", hosts, alarms=(Alarm("100.101", "host=compute-0"), Alarm("200.001", "host=compute-0")),
                        instances=(Instance("vm-7", "compute-2", is_locked=True, apart=frozenset({"pair"})),))
    picture = Picture((*picture.hosts, PlannedHost(9, "edge-0", "edgeworker")), picture.instances,
                      alarms=picture.alarms)
    assert against(picture, asked()) == (
        "active alarms present: 100.101 host=compute-0; "
        "controller hosts must be unlocked, enabled and available; these are not: "
        "controller-1 (unlocked-enabled-degraded); "
        "storage hosts must be unlocked, enabled and available; these are not: storage-0 (locked-disabled-available); "
        "worker hosts must be unlocked, enabled and available; these are not: compute-1 (unlocked-disabled-failed); "
        "no strategy knows the personality of edge-0; "
        "locked instances of anti-affinity groups are in the way: vm-7")
    many = Picture(tuple(PlannedHost(number, f"compute-{number}", "worker", availability="failed")
                         for number in range(12)))
    assert "and 2 more" in against(many, asked())
    lonely = Picture(tuple(host for host in a_picture("STG").hosts if host.hostname != "storage-1"))
    assert "not enough storage hosts: there is 1" in against(lonely, asked())


@pytest.mark.parametrize(("restrictions", "stopping"), [
    (AlarmRestrictions.STRICT, ["100.101", "100.102"]), (AlarmRestrictions.RELAXED, ["100.101"]),
    (AlarmRestrictions.PERMISSIVE, [])])
def test_alarm_filter(restrictions: AlarmRestrictions, stopping: list[str]) -> None:
    active = [Alarm("100.101", "a"), Alarm("100.102", "b", affects_management=False), Alarm("900.001", "c")]
    assert [alarm.id for alarm in alarms.blocking(active, Kind.PATCH, restrictions)] == stopping
    assert ("900.001" in [alarm.id for alarm in alarms.blocking(active, Kind.DEPLOY, AlarmRestrictions.STRICT)])


class TestGroups:
    """Which hosts go together."""

    def test_storage_of_one_replication_group_never_goes_together(self) -> None:
        hosts = [PlannedHost(number, f"storage-{number}", "storage", replication_group=f"group-{number // 2}")
                 for number in range(6)]
        assert grouping.storage(hosts, ApplyType.PARALLEL) == [
            ("storage-0", "storage-2", "storage-4"), ("storage-1", "storage-3", "storage-5")]
        assert len(grouping.storage(hosts, ApplyType.SERIAL)) == 6

    def test_six_workers_of_one_aggregate_of_which_half_must_go_on(self) -> None:
        hosts = tuple(PlannedHost(number, f"compute-{number}", "worker") for number in range(6))
        picture = Picture(hosts, tuple(Instance(f"vm-{host.id}", host.hostname) for host in hosts),
                          {"aggregate": frozenset(host.hostname for host in hosts)})
        groups = grouping.workers(picture, hosts, ApplyType.PARALLEL, 5)
        assert [len(group) for group in groups] == [3, 3]
        empty = Picture(hosts, (), picture.aggregates)
        assert [len(group) for group in grouping.workers(empty, hosts, ApplyType.PARALLEL, 5)] == [5, 1]

    def test_members_of_an_anti_affinity_group_go_apart(self) -> None:
        hosts = tuple(PlannedHost(number, f"compute-{number}", "worker") for number in range(3))
        picture = Picture(hosts, (Instance("a", "compute-0", apart=frozenset({"pair"})), Instance("x", "compute-1"),
                                  Instance("b", "compute-2", apart=frozenset({"pair"}))))
        assert grouping.workers(picture, hosts, ApplyType.PARALLEL, 3) == [("compute-0", "compute-1"), ("compute-2",)]

    def test_serial_treats_hosts_without_instances_first(self) -> None:
        hosts = (PlannedHost(1, "controller-0", "controller", is_aio=True), PlannedHost(2, "compute-0", "worker"),
                 PlannedHost(3, "compute-1", "worker"))
        picture = Picture(hosts, (Instance("a", "compute-0"),))
        assert grouping.workers(picture, hosts, ApplyType.SERIAL, 2) == [("controller-0",), ("compute-1",),
                                                                         ("compute-0",)]

    def test_two_hundred_workers_are_grouped_in_time_that_does_not_matter(self) -> None:
        """All pairs are looked at once at most: what a group holds is counted, not searched."""
        hosts = tuple(PlannedHost(number, f"compute-{number}", "worker") for number in range(200))
        picture = Picture(hosts, tuple(Instance(f"vm-{number}", f"compute-{number % 200}", apart=frozenset(
            {f"pair-{number % 50}"})) for number in range(2_000)), {"all": frozenset(h.hostname for h in hosts)})
        groups = grouping.workers(picture, hosts, ApplyType.PARALLEL, 10)
        assert sorted(name for group in groups for name in group) == sorted(host.hostname for host in hosts)
        assert max(len(group) for group in groups) <= 10


@pytest.mark.parametrize(("fields", "words"), [
    ({"controller-apply-type": "parallel"}, "controller-apply-type: must be serial or ignore"),
    ({"controller-apply-type": None}, "controller-apply-type: must be given"),
    ({"worker-apply-type": "fast"}, "worker-apply-type: must be one of serial, parallel, ignore, not 'fast'"),
    ({"worker-apply-type": ["serial"]}, "worker-apply-type: must be one of"),
    ({"max-parallel-worker-hosts": 11}, "must be a number from 2 to 10"),
    ({"max-parallel-worker-hosts": True}, "must be a number from 2 to 10"),
    ({"max-parallel-worker-hosts": "1" * 30}, "must be a number from 2 to 10"),
    ({"rollback": True}, "release: must not be given with rollback"),
    ({"rollback": True, "release": None, "delete": True}, "delete: must not be given with rollback"),
    ({"cleanup": True}, "cleanup: must not be given with"), ({"release": []}, "release: must be given, or else"),
    ({"release": [1]}, "release: must be a release id"), ({"release": ["r"] * 101}, "at most 100"),
    ({"delete": "yes"}, "delete: must be true or false"), ({"snapshot": True}, "snapshot: is not supported"),
    ({"alarm-restrictions": "lax"}, "alarm-restrictions: must be one of strict, relaxed, permissive"),
    ({"not-before": -1}, "not-before: must be a number"),
])
def test_bad_parameters_name_the_field_and_the_rule(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as told:
        parse(Kind.DEPLOY, {**BODY, **fields})
    assert words in str(told.value)


def test_both_forms_of_release_and_numbers_as_text_are_taken() -> None:
    made = parse(Kind.PATCH, {**BODY, "release": "starlingx-10.0.1", "max-parallel-worker-hosts": "100",
                              "alarm-restrictions": None})
    assert (made.releases, made.max_parallel, made.alarms) == (("starlingx-10.0.1",), 100, AlarmRestrictions.STRICT)


def test_every_step_of_a_plan_has_a_limit() -> None:
    phase, _ = build.apply_phase(asked(delete=True), a_picture("STG", is_major=True))
    assert all(step.limit_s > 0 for stage in phase.stages for step in stage.steps)
    assert phase.limit_s == sum(stage.limit_s for stage in phase.stages) + 1
    assert {step.name for step in build.query_phase(asked()).stages[0].steps} == {
        StepName.QUERY_ALARMS, StepName.QUERY_UPGRADE, StepName.PRECHECK}
