# SPDX-License-Identifier: Apache-2.0
"""Rules of hosts' file systems with their texts, and what a run of Puppet leaves behind."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flock.wire.errors import BadPatch
from sysinv.config.model import Outcome
from sysinv.contract.enums import FilesystemState as State
from sysinv.contract.enums import Personality
from sysinv.model.filesystem import Wanted, parse_capabilities, parse_size, parse_update
from sysinv.model.host import HostMustBeLocked, HostRefused
from sysinv.resources.hostfilesystem import hiera, intake, rules
from sysinv.resources.hostfilesystem.report import FilesystemReport, tells_more
from sysinv.resources.hostfilesystem.rules import FilesystemBusy, FilesystemExists, FilesystemView, HostFacts
from tests.unit.sysinv.resources.test_partition_rules import host

LOCKED, UNLOCKED = host(administrative="locked"), host(administrative="unlocked")
CONTROLLER = host(administrative="unlocked", personality="controller", subfunctions="controller",
                  hostname="controller-0")
SCRATCH = FilesystemView("scratch", 16, State.IN_USE, 16 * 1024)
DOCKER = FilesystemView("docker", 40, State.IN_USE, 40 * 1024)
INSTANCES = FilesystemView("instances", 10, State.READY, 10 * 1024)
WORKER = HostFacts(UNLOCKED, (SCRATCH, DOCKER), 30 * 1024)
AWAY = HostFacts(LOCKED, (SCRATCH, DOCKER), 30 * 1024)
ROOK = replace(WORKER, backends=("ceph-rook",))
MON = FilesystemView("ceph", 20, State.READY, 20 * 1024, ("monitor",))


def grow(facts: HostFacts, **sizes: int) -> list[FilesystemView]:
    return rules.check_update(facts, [Wanted(name, size) for name, size in sizes.items()])


@pytest.mark.parametrize(("request_", "kind", "reason"), [
    (lambda: rules.check_add(replace(WORKER, host=host(personality=None)), "instances", 1), HostRefused,
     "Host worker-0 has no personality yet; its file systems can not be changed."),
    (lambda: rules.check_add(WORKER, "scratch", 1), HostRefused,
     "name: file system scratch exists on every worker and can not be added."),
    (lambda: rules.check_add(WORKER, "backup", 1), HostRefused,
     "name: file system backup is one of controllers and can not be added."),
    (lambda: rules.check_add(WORKER, "data", 1), HostRefused,
     "name: file system data is not supported; use one of image-conversion, instances, ceph."),
    (lambda: rules.check_add(WORKER, "image-conversion", 1), HostRefused,
     "File system image-conversion can only be added on controllers."),
    (lambda: rules.check_add(replace(WORKER, host=CONTROLLER), "instances", 1), HostRefused,
     "File system instances can only be added on hosts with worker function."),
    (lambda: rules.check_add(WORKER, "instances", 1), HostMustBeLocked,
     "Host must be locked to change file system instances."),
    (lambda: rules.check_add(replace(AWAY, groups=("nova-local",)), "instances", 1), HostRefused,
     "File system instances can not be added: host worker-0 has volume group nova-local, which serves the same "
     "purpose."),
    (lambda: rules.check_add(WORKER, "ceph", 1), HostRefused,
     "File system ceph needs a storage backend of type ceph-rook, which this system does not have."),
    (lambda: rules.check_add(replace(ROOK, host=host(personality="storage", subfunctions="storage")), "ceph", 1),
     HostRefused, "File system ceph can only be added on controllers and workers."),
    (lambda: rules.check_add(replace(ROOK, monitors=5), "ceph", 1), HostRefused,
     "The system has 5 Ceph monitors; more than 5 are not supported."),
    (lambda: rules.check_add(replace(AWAY, present=(INSTANCES,)), "instances", 1), FilesystemExists,
     "File system instances already exists on host worker-0."),
    (lambda: rules.check_add(replace(AWAY, changing="Host worker-0 is being unlocked."), "instances", 1),
     FilesystemBusy, "Host worker-0 is being unlocked. Retry when that has ended."),
    (lambda: rules.check_add(replace(AWAY, free_mib=None), "instances", 1), HostRefused,
     "Host worker-0 has no volume group cgts-vg: there is no space for file systems of their own."),
    (lambda: rules.check_add(AWAY, "instances", 31), HostRefused,
     "size: 31 GiB more are asked for, but volume group cgts-vg of host worker-0 has 30 GiB free."),
    (lambda: rules.check_add(replace(AWAY, present=(replace(SCRATCH, size_gib=20, state=State.MODIFYING),)),
                             "instances", 27), HostRefused,
     "size: 27 GiB more are asked for, but volume group cgts-vg of host worker-0 has 30 GiB free, of which 4 GiB are "
     "for changes that have not ended."),
    (lambda: grow(WORKER, data=1), HostRefused,
     "name: host worker-0 has no file system data; it has docker, scratch."),
    (lambda: grow(WORKER, scratch=16), HostRefused,
     "size: file system scratch has 16 GiB and can only grow, not change to 16 GiB."),
    (lambda: grow(WORKER, docker=39), HostRefused,
     "size: file system docker has 40 GiB and can only grow, not change to 39 GiB."),
    (lambda: grow(WORKER, docker=60, scratch=27), HostRefused,
     "size: 31 GiB more are asked for, but volume group cgts-vg of host worker-0 has 30 GiB free."),
    (lambda: grow(replace(WORKER, free_mib=1500), docker=42), HostRefused,
     "size: 2 GiB more are asked for, but volume group cgts-vg of host worker-0 has 1.46 GiB free."),
    (lambda: grow(replace(WORKER, present=(replace(SCRATCH, state=State.MODIFYING),)), scratch=20), FilesystemBusy,
     "File system scratch of host worker-0 is in state Modifying. Retry when that has ended."),
    (lambda: grow(replace(WORKER, present=(replace(SCRATCH, present_mib=None),)), scratch=20), HostRefused,
     "File system scratch can not be changed: host worker-0 has not reported its file systems. Its software may be "
     "older than that of this controller."),
    (lambda: grow(replace(WORKER, present=(replace(SCRATCH, present_mib=0),)), scratch=20), HostRefused,
     "File system scratch can not be changed: host worker-0 reports no logical volume scratch-lv in cgts-vg; the file "
     "system is a directory there."),
    (lambda: grow(replace(WORKER, changing="Partition /dev/sdb1 of host worker-0 is being changed."), scratch=20),
     FilesystemBusy, "Partition /dev/sdb1 of host worker-0 is being changed. Retry when that has ended."),
    (lambda: rules.check_update(WORKER, [Wanted("scratch", None, {"functions": ["monitor"]})]), HostRefused,
     "capabilities: function monitor is for file system ceph, not for scratch."),
    (lambda: rules.check_update(WORKER, [Wanted("scratch", None, {"functions": ["osd"]})]), HostRefused,
     'capabilities: must be {"functions": ["monitor"]} or {"functions": []}.'),
    (lambda: rules.check_update(replace(WORKER, present=(replace(MON, functions=()),), monitors=5),
                                [Wanted("ceph", None, {"functions": ["monitor"]})]), HostRefused,
     "The system has 5 Ceph monitors; more than 5 are not supported."),
    (lambda: rules.check_delete(WORKER, "scratch", force=True), HostRefused,
     "File system scratch exists on every worker and can not be deleted."),
    (lambda: rules.check_delete(replace(WORKER, present=(INSTANCES,)), "instances", force=True), HostMustBeLocked,
     "Host must be locked to change file system instances."),
    (lambda: rules.check_delete(replace(AWAY, present=(replace(INSTANCES, state=State.IN_USE),)), "instances",
                                force=False), HostRefused,
     "File system instances of host worker-0 is in state In-Use; it can be deleted in states Creating (on unlock), "
     "Error, Ready, in others with --force."),
    (lambda: rules.check_delete(replace(AWAY, present=(INSTANCES,), changing="Volume group cgts-vg of host worker-0 is "
                                        "being changed."), "instances", force=False), FilesystemBusy,
     "Volume group cgts-vg of host worker-0 is being changed. Retry when that has ended."),
])
def test_refusals_name_the_rule(request_: Callable[[], object], kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind) as caught:
        request_()
    assert str(caught.value) == reason


def test_a_locked_host_stages_and_one_in_service_changes_at_once() -> None:
    assert rules.check_add(AWAY, "instances", 30) is State.CREATING_ON_UNLOCK
    controller = replace(WORKER, host=CONTROLLER)
    assert rules.check_add(controller, "image-conversion", 30) is State.CREATING
    assert rules.check_add(ROOK, "ceph", 30) is State.CREATING
    assert grow(WORKER, scratch=20) == [replace(SCRATCH, size_gib=20, state=State.MODIFYING)]
    staged = FilesystemView("instances", 10, State.CREATING_ON_UNLOCK, 0)
    away = replace(AWAY, present=(staged,))
    assert grow(away, instances=30) == [replace(staged, size_gib=30)]
    assert rules.check_delete(away, "instances", force=False) is None
    assert rules.check_delete(replace(AWAY, present=(INSTANCES,)), "instances", force=False) is State.DELETING_ON_UNLOCK
    conversion = FilesystemView("image-conversion", 10, State.READY, 10 * 1024)
    assert rules.check_delete(replace(controller, present=(conversion,)), "image-conversion",
                              force=False) is State.DELETING
    in_use = replace(INSTANCES, state=State.IN_USE)
    assert rules.check_delete(replace(AWAY, present=(in_use,)), "instances", force=True) is State.DELETING_ON_UNLOCK


def test_what_failed_is_tried_again_with_the_same_size() -> None:
    failed = replace(SCRATCH, size_gib=20, state=State.ERROR)
    assert grow(replace(WORKER, present=(failed,)), scratch=20) == [replace(failed, state=State.MODIFYING)]
    never = FilesystemView("instances", 10, State.ERROR, 0)
    assert grow(replace(WORKER, present=(never,)), instances=10) == [replace(never, state=State.CREATING)]
    assert grow(replace(AWAY, present=(never,)), instances=10) == [replace(never, state=State.CREATING_ON_UNLOCK)]
    with pytest.raises(HostRefused, match="can only grow"):
        grow(replace(WORKER, present=(failed,)), scratch=19)


def test_functions_of_a_monitor() -> None:
    cloud = replace(WORKER, present=(MON,), monitors=5)
    kept = rules.check_update(cloud, [Wanted("ceph", None, {"functions": ["monitor"]})])
    assert kept == [MON]
    assert rules.check_update(cloud, [Wanted("ceph", None, {"functions": []})]) == [replace(MON, functions=())]


@pytest.mark.parametrize(("body", "reason"), [
    ({}, "The body must be a non-empty list of JSON patches, one for each file system."),
    ([], "The body must be a non-empty list of JSON patches, one for each file system."),
    ([[]] * 65, "A request may change at most 64 file systems."),
    ([{}], "The body must be a non-empty list of JSON-patch operations."),
    ([[{"op": "replace", "path": "/size", "value": "1"}]], "name: each patch must name its file system in '/name'."),
    ([[{"op": "replace", "path": "/name", "value": "scratch"}]],
     "The patch of file system scratch changes nothing: give /size or /capabilities."),
    ([[{"op": "replace", "path": "/name", "value": "a"}, {"op": "replace", "path": "/size", "value": "1.5"}]],
     "size: that of file system a must be a number of whole GiB from 0 to 2097151, not '1.5'."),
    ([[{"op": "replace", "path": "/name", "value": "a"}, {"op": "replace", "path": "/size/x", "value": "1"}]],
     "'/size/x' is not an attribute that can be updated"),
    ([[{"op": "replace", "path": "/name", "value": "a"}, {"op": "replace", "path": "/name", "value": "b"}]],
     "'/name' is given twice for one file system."),
    ([[{"op": "replace", "path": "/name", "value": "a"}, {"op": "replace", "path": "/state", "value": "Ready"}]],
     "'/state' is not an attribute that can be updated"),
    ([[{"op": "replace", "path": "/name", "value": "a"}, {"op": "remove", "path": "/size"}]],
     "'/size' is a mandatory attribute and can not be removed"),
    ([[{"op": "replace", "path": "/name", "value": "a"}, {"op": "replace", "path": "/size", "value": "1"}]] * 2,
     "name: file system a is given twice."),
    ([[{"op": "replace", "path": "/name", "value": "a"}, {"op": "replace", "path": "/capabilities", "value": "{"}]],
     "capabilities: must be a JSON object."),
])
def test_bodies_that_are_no_update(body: Any, reason: str) -> None:
    with pytest.raises(BadPatch) as caught:
        parse_update(body, ("size", "capabilities"))
    assert str(caught.value) == reason


def test_a_body_as_clients_send_it() -> None:
    ops = [{"op": "replace", "path": "/name", "value": "ceph"},
           {"op": "replace", "path": "/capabilities", "value": '{"functions": ["monitor"]}'}]
    assert parse_update([ops, [{**ops[0], "value": "scratch"}, {"op": "replace", "path": "/size", "value": "20"}]],
                        ("size", "capabilities")) == [
        Wanted("ceph", None, {"functions": ["monitor"]}), Wanted("scratch", 20)]
    assert parse_capabilities({"functions": []}) == {"functions": []}
    assert parse_size(7, "a") == 7


@pytest.mark.parametrize("value", [True, "", None, "-1", "1e3", 2**21, [], "٣x"])
def test_what_is_no_size(value: Any) -> None:
    with pytest.raises(BadPatch, match="size: that of file system a must be a number of whole GiB"):
        parse_size(value, "a")


@pytest.mark.parametrize("personality", list(rules.ALWAYS))
def test_a_host_has_the_file_systems_of_its_personality_once(personality: Personality) -> None:
    found = intake.missing(personality, ())
    assert {one["name"] for one in found} == {"docker", "kubelet", "scratch", "log", "var", "root"} | (
        {"backup"} if personality == "controller" else set())
    assert {one["name"]: one["size"] for one in found}["docker"] == 40
    assert intake.missing(personality, [one["name"] for one in found]) == []
    assert intake.missing(None, ()) == []


def row(name: str = "docker", **changes: Any) -> dict[str, Any]:
    return {"id": 7, "name": name, "size": 40, "logical_volume": f"{name}-lv", "state": "In-Use", "error": None,
            "present_mib": None, "free_mib": None, "mounted": None, **changes}


def changes_of(stored: dict[str, Any], *reported: FilesystemReport, installing: bool = False, has_group: bool = True,
               partial: bool = False) -> dict[str, Any]:
    change = intake.reported_change([stored], reported, installing=installing, has_group=has_group, partial=partial)
    assert (change.insert, change.delete) == ([], [])
    return change.update.get(7, {})


def test_the_size_follows_the_host_unless_it_is_going_to_change() -> None:
    there = FilesystemReport("docker-lv", 50 * 1024 + 7, True, 900)
    assert changes_of(row(), there) == {"size": 50, "present_mib": 50 * 1024 + 7, "free_mib": 900, "mounted": True}
    assert "size" not in changes_of(row(state="Modifying"), there)
    assert changes_of(row(present_mib=0, mounted=False), FilesystemReport("other-lv", 5)) == {}
    assert changes_of(row(size=40), FilesystemReport("docker-lv", 3))["size"] == 1
    assert changes_of(row(present_mib=9, mounted=True), partial=True) == {}


def test_a_new_installation_makes_what_its_group_lacks_but_never_what_it_runs_from() -> None:
    assert changes_of(row(), installing=True)["state"] == "Creating (on unlock)"
    assert changes_of(row("instances", state="Ready"), installing=True)["state"] == "Creating (on unlock)"
    assert "state" not in changes_of(row("var"), installing=True)
    assert "state" not in changes_of(row(), installing=True, has_group=False)
    assert "state" not in changes_of(row())
    assert "state" not in changes_of(row(state="Deleting (on unlock)"), installing=True)


def test_files_that_come_and_go_are_no_news() -> None:
    old = FilesystemReport("docker-lv", 1000, True, 500)
    assert not tells_more(old, replace(old, free_mib=460))
    assert tells_more(old, replace(old, free_mib=440))
    assert tells_more(old, replace(old, mounted=False))


def test_an_unlock_needs_space_for_what_is_staged() -> None:
    staged = FilesystemView("instances", 31, State.CREATING_ON_UNLOCK, 0)
    assert rules.space_refusal(replace(AWAY, present=(SCRATCH, replace(staged, size_gib=30)))) is None
    assert rules.space_refusal(replace(AWAY, present=(staged,))) == (
        "its file systems need 31 GiB more in volume group cgts-vg, which has 30 GiB free")
    assert rules.space_refusal(replace(AWAY, free_mib=None)) is None


@pytest.mark.parametrize(("name", "state", "error", "after"), [
    ("scratch", State.MODIFYING, None, State.IN_USE), ("image-conversion", State.CREATING, None, State.READY),
    ("instances", State.MODIFYING, None, State.READY), ("instances", State.DELETING, None, None),
    ("instances", State.DELETING, "busy", State.ERROR), ("scratch", State.MODIFYING, "no space", State.ERROR)])
def test_what_a_run_leaves(name: str, state: State, error: str | None, after: State | None) -> None:
    assert rules.after_run(FilesystemView(name, 1, state), error) is after


def test_only_a_boot_settles_what_waits_for_it() -> None:
    for state in State:
        view = FilesystemView("instances", 1, state)
        waits = state in (State.CREATING_ON_UNLOCK, State.DELETING_ON_UNLOCK)
        changing = state in rules.CHANGING or state is State.ERROR
        assert rules.is_due(view, whole=False) is changing
        assert rules.is_due(view, whole=True) is (changing or waits)


def test_the_error_of_a_class_is_that_of_its_file_system_only() -> None:
    outcome = Outcome(frozenset({"a", "b"}), {"a": "no space"})
    assert (outcome.error_of("a"), outcome.error_of("b"), outcome.error_of("c")) == ("no space", "", None)
    assert Outcome(frozenset({"a"}), {"": "killed"}).error_of("a") == "killed"


def test_hiera_says_what_may_be_made() -> None:
    data = hiera.data([row(), row("var", state="Error"), row("kubelet", state="Creating (on unlock)"),
                       row("image-conversion", state="Ready", logical_volume="conversion-lv"),
                       row("instances", state="Deleting (on unlock)")])
    assert {key.split("::")[2]: value for key, value in data.items() if key.endswith("ensure")} == {
        "docker": "grown", "var": "grown", "kubelet": "present", "image_conversion": "present", "instances": "absent"}
    assert data["platform::filesystem::image_conversion::params::lv_name"] == "conversion-lv"
    assert data["platform::filesystem::docker::params::lv_size"] == 40
