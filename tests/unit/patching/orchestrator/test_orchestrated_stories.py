# SPDX-License-Identifier: Apache-2.0
"""Whole strategies over simulated clouds, from the request to the last host; crashes and failures in between."""
from __future__ import annotations

import pytest

from flock.db import Database
from patching.contract.errors import SoftwareRefused
from patching.contract.orchestration import NoStrategy, StrategyAction, StrategyBusy, StrategyExists, StrategyRefused
from patching.core.strategy.model import Result
from patching.core.strategy.parameters import Kind
from patching.core.strategy.picture import Alarm, InstanceState
from tests.unit.patching.core.systems import a_release
from tests.unit.patching.orchestrator.cloud import Cloud
from tests.unit.patching.orchestrator.driven import Driven

REBOOT = a_release("10.0.1", reboot_required=True)
IN_SERVICE = a_release("10.0.1")


def in_service(cloud: Cloud) -> bool:
    return all(host.is_in_service and not host.is_busy for host in cloud.hosts.values()) and not cloud.closed


def test_instances_are_moved_and_every_worker_is_empty_before_its_lock(database: Database) -> None:
    cloud = Cloud("STD", REBOOT)
    cloud.run("compute-0", "vm-a", apart=frozenset({"pair"}))
    cloud.run("compute-1", "vm-b", apart=frozenset({"pair"}))
    cloud.run("compute-2", "vm-c")
    one = Driven(cloud, database).create(worker_apply_type="parallel", default_instance_action="migrate")
    assert one.stages() == ["start", "controllers controller-1", "controllers controller-0",
                            "worker-hosts compute-0 compute-2", "worker-hosts compute-1", "complete"]
    one.percent.clear()
    one.apply().finish()
    assert one.state == "applied"
    assert cloud.software.state == "completed" and in_service(cloud)
    assert one.percent == sorted(one.percent) or one.percent[:-1] == sorted(one.percent[:-1])
    assert {instance.state for instance in cloud.instances.values()} == {InstanceState.RUNNING}
    assert cloud.orders("swact") == ["swact controller-0"]
    assert cloud.orders("lock", "unlock") == [f"{verb} {name}" for names in (
        ["controller-1"], ["controller-0"], ["compute-0", "compute-2"], ["compute-1"])
        for verb in ("lock", "unlock") for name in names]
    assert one.alarms[-1] == "900.201" and not one.faults.active
    assert one.faults.logs == ["900.211", "900.216"]


def test_instances_are_stopped_before_and_started_after_each_host(database: Database) -> None:
    cloud = Cloud("STD", REBOOT)
    cloud.run("compute-0", "vm-a", "vm-b")
    cloud.run("compute-1", "vm-c", state=InstanceState.STOPPED, is_locked=True)
    one = Driven(cloud, database).create().apply().finish()
    assert one.state == "applied"
    of_instances = cloud.orders("stop", "start", "lock", "unlock")
    around = of_instances[of_instances.index("stop vm-a"):]
    assert around == ["stop vm-a", "stop vm-b", "lock compute-0", "unlock compute-0", "start vm-a", "start vm-b"]
    assert cloud.instances["vm-c"].state is InstanceState.STOPPED, "it is its user's"


def test_in_service_software_touches_no_lock(database: Database) -> None:
    cloud = Cloud("STG", IN_SERVICE)
    one = Driven(cloud, database).create(Kind.PATCH, delete=True).apply().finish()
    assert (one.state, cloud.software.state) == ("applied", None)
    assert cloud.software.release("10.0.1") == "deployed"
    assert not cloud.orders("lock", "unlock", "swact")
    assert one.faults.logs == ["900.111", "900.116"]


@pytest.mark.parametrize("kind", ["SX", "DX"])
def test_controllers_that_are_workers(database: Database, kind: str) -> None:
    cloud = Cloud(kind, REBOOT, is_aio=True)
    one = Driven(cloud, database).create().apply().finish()
    assert one.state == "applied" and in_service(cloud)
    assert cloud.orders("swact") == (["swact controller-0"] if kind == "DX" else [])


def test_a_major_release_ends_where_it_began(database: Database) -> None:
    cloud = Cloud("DX", a_release("11.0.0"), is_aio=True)
    cloud.host("controller-0", is_active=False)
    cloud.host("controller-1", is_active=True)
    one = Driven(cloud, database).create(release=["starlingx-11.0.0"]).apply().finish()
    assert one.state == "applied", one.strategy.apply.reason
    assert cloud.orders("swact", "lock") == ["swact controller-1", "lock controller-1", "swact controller-0",
                                             "lock controller-0", "swact controller-1"]
    assert cloud.hosts["controller-0"].is_active


@pytest.mark.parametrize("looks", [1, 2, 4])
def test_a_crash_in_every_step_repeats_nothing(database: Database, looks: int) -> None:
    """Killed so many looks after the begin of each step."""
    cloud = Cloud("STD", REBOOT)
    cloud.run("compute-0", "vm-a")
    one = Driven(cloud, database).create(default_instance_action="migrate").apply()
    since: dict[tuple[int, int], int] = {}

    def crash() -> None:
        place = one.strategy.apply.stage, one.strategy.apply.step
        since[place] = since.get(place, 0) + 1
        if since[place] == looks:
            one.restarted()

    one.until(lambda: one.state in ("applied", "aborted"), crash)
    assert one.state == "applied"
    once = cloud.orders("lock", "unlock", "swact", "start", "deploy-host", "activate", "complete", "move")
    assert len(once) == len(set(once)) == 1 + 5 * 3 + 1 + 1 + 1 + 1


def test_an_unlock_that_takes_too_long_aborts_and_a_new_strategy_goes_on(database: Database) -> None:
    cloud = Cloud("STD", REBOOT)
    cloud.broken = {"unlock compute-1"}
    one = Driven(cloud, database).create().apply()
    one.until(lambda: one.state == "aborting")
    cloud.broken.clear()
    one.finish()
    assert (one.state, one.strategy.apply.result) == ("aborted", Result.FAILED)
    assert one.strategy.apply.reason == ("unlock of compute-1 had no effect: it is compute-1 (locked-disabled-online)")
    assert in_service(cloud)
    assert one.stages(one.strategy.abort) == ["worker-hosts-abort compute-1"]
    assert one.faults.active == {"900.203"} and one.alarms[-3:] == ["900.201", "900.202", "900.203"]
    assert one.faults.logs == ["900.211", "900.215", "900.218", "900.221"]
    one.keeper.delete(Kind.DEPLOY, False)
    assert not one.faults.active
    cloud.pass_time(60)  # the alarms of the booted host are cleared
    before = len(cloud.log)
    one.create().apply().finish()
    assert one.state == "applied"
    assert [line for line in cloud.log[before:] if line.startswith(("lock", "deploy-host"))] == [
        "lock compute-2", "deploy-host compute-2"]


def test_a_failed_installation_is_tried_again_and_then_given_up(database: Database) -> None:
    cloud = Cloud("STD", IN_SERVICE)
    cloud.broken = {"deploy-host controller-1"}
    one = Driven(cloud, database).create().apply().finish()
    assert one.state == "aborted"
    assert one.strategy.apply.reason == "deploy-host controller-1 has failed: the disk is full"
    assert cloud.log.count("deploy-host controller-1") == 4


def test_transient_refusals_and_services_that_are_away_hold_up_and_do_not_fail(database: Database) -> None:
    cloud = Cloud("DX", REBOOT, is_aio=True)
    cloud.refusals = {"swact controller-0": ["it is not ready"] * 3, "lock controller-1": ["its disks are busy"] * 2}
    cloud.away = {"unlock controller-1"}
    one = Driven(cloud, database).create().apply()
    one.until(lambda: one.cloud.hosts["controller-1"].administrative == "locked")
    one.until(lambda: one.hands.begun[-1].startswith("unlock-hosts"))
    for _ in range(100):
        one.cloud.pass_time(5)
        one.hands.work()
    cloud.away.clear()
    assert one.finish().state == "applied"


def test_alarms_stop_a_build_as_they_are_asked_to(database: Database) -> None:
    cloud = Cloud("STD", REBOOT)
    cloud.alarms = [Alarm("100.114", "host=compute-0", affects_management=False), Alarm("900.020", "host=compute-1")]
    one = Driven(cloud, database).create()
    assert (one.state, one.strategy.build.reason) == ("build-failed", "active alarms present: 100.114 host=compute-0")
    one.keeper.delete(Kind.DEPLOY, False)
    assert one.create(alarm_restrictions="relaxed").state == "ready-to-apply"


def test_rollback_gives_every_host_back_what_it_ran(database: Database) -> None:
    cloud = Cloud("STD", REBOOT)
    cloud.broken = {"deploy-host compute-1"}
    one = Driven(cloud, database).create().apply().finish()
    assert one.state == "aborted"
    cloud.broken.clear()
    cloud.pass_time(60)  # the alarms of the booted host are cleared
    one.keeper.delete(Kind.DEPLOY, False)
    one.create(release=None, rollback=True).apply().finish()
    assert one.state == "applied", one.strategy.apply.reason
    assert cloud.software.state is None and cloud.software.release("10.0.1") == "available"
    assert in_service(cloud)


def test_one_strategy_at_a_time_and_its_refusals(database: Database) -> None:
    cloud = Cloud("STD", REBOOT)
    one = Driven(cloud, database).create()
    with pytest.raises(StrategyExists, match="sw-upgrade and ready-to-apply"):
        one.create(Kind.PATCH)
    with pytest.raises(NoStrategy):
        one.keeper.act(Kind.PATCH, StrategyAction.APPLY_ALL, None)
    with pytest.raises(StrategyRefused, match="not the next one"):
        one.act(StrategyAction.APPLY_STAGE, 2)
    with pytest.raises(StrategyRefused, match="needs the id"):
        one.act(StrategyAction.APPLY_STAGE)
    with pytest.raises(StrategyRefused, match="only one that is applying"):
        one.act(StrategyAction.ABORT_STAGE)
    one.apply()
    one.until(lambda: one.hands.begun[-1].startswith("lock-hosts controller-1"))
    with pytest.raises(StrategyRefused, match=r"Stage 1 \(sw-upgrade-controllers\) cannot be aborted"):
        one.act(StrategyAction.ABORT_STAGE)
    with pytest.raises(StrategyRefused, match="stage 1 is the current one"):
        one.act(StrategyAction.ABORT_STAGE, 3)
    with pytest.raises(StrategyBusy):
        one.keeper.delete(Kind.DEPLOY, False)
    one.keeper.delete(Kind.DEPLOY, True)
    assert one.keeper.current() is None and not one.faults.active


def test_aborted_in_a_worker_stage(database: Database) -> None:
    cloud = Cloud("STD", REBOOT)
    cloud.run("compute-0", "vm-a")
    one = Driven(cloud, database).create(default_instance_action="migrate").apply()
    one.until(lambda: "lock compute-0" in cloud.log)
    one.act(StrategyAction.ABORT_STAGE).finish()
    assert (one.state, one.strategy.apply.result) == ("aborted", Result.ABORTED)
    assert in_service(cloud) and not one.faults.active
    assert one.faults.logs == ["900.211", "900.217", "900.218", "900.221"]


def test_stage_by_stage_with_a_pause(database: Database) -> None:
    cloud = Cloud("STD", IN_SERVICE)
    one = Driven(cloud, database).create()
    one.act(StrategyAction.APPLY_STAGE, 0)
    one.until(lambda: one.strategy.apply.stage == 1)
    one.act(StrategyAction.APPLY_ALL).act(StrategyAction.PAUSE)
    stopped = len(cloud.log)
    for _ in range(50):
        cloud.pass_time(5)
        one.hands.work()
        one.keeper.tick()
    assert one.strategy.apply.stage == 2 and len(cloud.log) == stopped + 1, "the stage that ran was finished"
    assert one.act(StrategyAction.RESUME).finish().state == "applied"


def test_a_preview_stores_nothing(database: Database) -> None:
    cloud = Cloud("STD", REBOOT)
    one = Driven(cloud, database)
    from_body = one.create(worker_apply_type="parallel").strategy
    one.keeper.delete(Kind.DEPLOY, False)
    seen = one.keeper.preview(from_body.parameters)
    assert seen.apply.stages == from_body.apply.stages and seen.state == "ready-to-apply"
    assert one.keeper.current() is None and one.store.load() is None
    cloud.alarms = [Alarm("100.101", "host=compute-0")]
    assert one.keeper.preview(from_body.parameters).state == "build-failed"


def test_what_the_software_service_lacks_is_said_at_build(database: Database) -> None:
    cloud = Cloud("STD", IN_SERVICE, a_release("10.0.2", requires=("starlingx-10.0.1",)), a_release("10.0.3"))
    one = Driven(cloud, database)
    for asked, reason in (
            ({"release": ["starlingx-10.0.9"]}, "releases do not exist: starlingx-10.0.9"),
            ({"release": "starlingx-10.0.0"}, "the system runs 10.0.0 already"),
            ({"release": ["starlingx-10.0.1", "starlingx-10.0.3"]},
             "starlingx-10.0.1 would not come with starlingx-10.0.3, which does not require it"),
            ({"release": None, "rollback": True}, "there is no deployment")):
        refused = one.create(**asked).strategy
        assert refused.build.reason == reason
        one.keeper.delete(Kind.DEPLOY, False)
        preview = one.keeper.preview(refused.parameters)
        assert (preview.state, preview.build.reason) == ("build-failed", reason), "a dry run says the same"
    assert one.create(release=["starlingx-10.0.1", "starlingx-10.0.2"]).apply().finish().state == "applied"
    assert cloud.software.release("10.0.1") == "deploying", "until the deployment is deleted"
    with pytest.raises(SoftwareRefused):
        cloud.software.start("10.0.3")
    one.keeper.delete(Kind.DEPLOY, False)
    assert one.create(release=["starlingx-10.0.3"]).strategy.build.reason == (
        "another deployment is under way, to 10.0.2")
    one.keeper.delete(Kind.DEPLOY, False)
    assert one.create(release=None, cleanup=True).apply().finish().state == "applied"
    assert cloud.software.state is None
