# SPDX-License-Identifier: Apache-2.0
"""Profiles of local storage: the volume group of instances, on another host with the same disks, or nothing of it."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flock.core.errors import FlockError
from sysinv.contract.enums import PartitionStatus
from sysinv.db.lookup import host_row
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.partition import service as partition_service
from sysinv.resources.partition.rules import DiskView, PartitionView
from sysinv.resources.physicalvolume import service as volume_service
from sysinv.resources.profile import storage
from sysinv.resources.profile.body import BODY, Body, ProfileDisk
from sysinv.resources.profile.storage import HostDisk, HostStorage, NewVolume
from tests.unit.sysinv.resources.test_partition_rules import host
from tests.unit.sysinv.resources.test_profiles import NOTHING, apply, provision, take

LOCKED = host(administrative="locked")
PATHS = {"a": "/dev/disk/by-path/a", "b": "/dev/disk/by-path/b", "c": "/dev/disk/by-path/c"}


def part(number: int, start: int, size: int, **more: Any) -> PartitionView:
    return PartitionView(f"u{number}", number, start, start + size, size, size, PartitionStatus.READY,
                         f"{PATHS['b']}-part{number}", **more)


def disk(letter: str, size: int = 1000, **more: Any) -> HostDisk:
    number = ord(letter)
    view = DiskView(f"/dev/sd{letter}", PATHS[letter], size, size - 2, is_rootfs=letter == "a")
    return HostDisk(number, view, **more)


BARE = HostStorage((disk("a"), disk("b"), disk("c")), frozenset({"cgts-vg"}))
RICH = HostStorage(
    (disk("a"),
     disk("b", partitions=(part(1, 1, 100), part(2, 101, 200, has_volume=True), part(3, 301, 50, has_volume=True)),
          joined=frozenset({"u2", "u3"})),
     disk("c", whole=True)), frozenset({"cgts-vg", "nova-local"}))


def body(source: HostStorage = RICH) -> tuple[ProfileDisk, ...]:
    """The disks of a profile as they come back from the database."""
    found: Body = BODY.from_document(BODY.to_document(Body(disks=storage.taken(source))))
    return found.disks


def planned(target: HostStorage, wanted: tuple[ProfileDisk, ...] | None = None, **more: Any) -> tuple[NewVolume, ...]:
    return storage.planned("p1", body() if wanted is None else wanted, replace(LOCKED, **more), target)


def test_a_profile_has_the_volumes_of_instances_only() -> None:
    assert body() == (ProfileDisk(PATHS["b"], "/dev/sdb", 1000, (200, 50)), ProfileDisk(PATHS["c"], "/dev/sdc", 1000))
    assert storage.taken(BARE) == ()


def test_partitions_come_behind_those_that_are_there() -> None:
    found = planned(BARE)
    assert [(one.document(), one.place and (one.place.number, one.place.start_mib, one.place.end_mib))
            for one in found] == [
        ({"lvm_vg_name": "nova-local", "device_node": "/dev/sdb1", "size_mib": 200}, (1, 1, 201)),
        ({"lvm_vg_name": "nova-local", "device_node": "/dev/sdb2", "size_mib": 50}, (2, 201, 251)),
        ({"lvm_vg_name": "nova-local", "device_node": "/dev/sdc", "size_mib": 1000}, None)]
    used = replace(BARE, disks=(BARE.disks[0], disk("b", partitions=(part(1, 1, 300),)), BARE.disks[2]))
    assert [one.place.number for one in planned(used) if one.place] == [2, 3]


def test_a_host_that_has_it_is_not_changed() -> None:
    assert planned(RICH) == ()
    moved = replace(RICH, disks=tuple(replace(one, view=replace(one.view, size_mib=2000)) for one in RICH.disks))
    assert planned(moved) == ()


def test_the_same_volumes_on_another_disk_are_not_the_same() -> None:
    wanted = storage.taken(HostStorage((disk("c", whole=True),)))
    other = HostStorage((disk("b", whole=True), disk("c")), frozenset({"nova-local"}))
    with pytest.raises(FlockError, match="already exists on host worker-0"):
        planned(other, wanted)
    assert planned(HostStorage((disk("b"), disk("c", whole=True)), frozenset({"nova-local"})), wanted) == ()


def test_a_disk_is_found_by_path_and_else_by_node() -> None:
    other = replace(BARE, disks=tuple(replace(one, view=replace(one.view, device_path=one.view.device_path + "x"))
                                      for one in BARE.disks))
    assert [one.disk_id for one in planned(other)] == [ord("b"), ord("b"), ord("c")]
    renamed = replace(BARE, disks=tuple(replace(one, view=replace(one.view, device_node=one.view.device_node + "x"))
                                        for one in BARE.disks))
    assert [one.disk_id for one in planned(renamed)] == [ord("b"), ord("b"), ord("c")]


def with_disk(new: HostDisk) -> HostStorage:
    return replace(BARE, disks=tuple(new if one.id == new.id else one for one in BARE.disks))


@pytest.mark.parametrize(("target", "words"), [
    (replace(BARE, disks=BARE.disks[:2]), f"Profile p1 needs disk {PATHS['c']}; host worker-0 has none there."),
    (with_disk(disk("b", size=999)),
     f"Profile p1 needs 1000 MiB on disk {PATHS['b']}; that of host worker-0 has 999 MiB."),
    (with_disk(disk("b", partitions=(part(1, 1, 760),))), "The partition would end at 1011 MiB"),
    (with_disk(replace(disk("b"), view=replace(disk("b").view, available_mib=220))),
     "Requested size 50 MiB is larger than the 20 MiB available."),
    (with_disk(replace(disk("c"), view=replace(disk("c").view, has_volume=True))), "the whole disk is one already"),
    (with_disk(disk("c", partitions=(part(1, 1, 10),))), "the disk has partitions"),
    (with_disk(replace(disk("b"), view=replace(disk("b").view, is_rootfs=True))), "holds the root file system"),
    (replace(BARE, groups=frozenset({"nova-local"})), "Volume group nova-local already exists on host worker-0."),
    (replace(BARE, changing=1), "A disk of host worker-0 is being changed.")])
def test_a_host_that_cannot_have_it_is_refused(target: HostStorage, words: str) -> None:
    with pytest.raises(FlockError) as caught:
        planned(target)
    assert words in str(caught.value)


def test_local_storage_is_of_workers_and_of_separate_disks() -> None:
    with pytest.raises(FlockError, match="has no worker function, which a localstg profile needs"):
        planned(BARE, personality="controller", subfunctions="controller")
    twice = (*body(), replace(body()[1], device_path="/dev/disk/by-path/gone"))
    with pytest.raises(FlockError, match="has two disks that are one on host worker-0"):
        planned(BARE, twice)


def worker(cloud: Any, number: int, size_mib: int = 1003) -> str:
    uuid = str(cloud.discover(f"08:00:27:be:7{number}:00"))
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname=f"worker-{number}").status == 200
    cloud.settle()
    cloud.inventory.store(host_uuid=uuid, kind="disk", records=[
        DiskReport("/dev/sda", 2048, "SSD", None, PATHS["a"], None, 5000, 3000, "0", f"A{number}", None, True),
        DiskReport("/dev/sdb", 2064, "SSD", None, PATHS["b"], None, size_mib, 1000, "0", f"B{number}", None),
        DiskReport("/dev/sdc", 2080, "SSD", None, PATHS["c"], None, 1003, 1000, "0", f"C{number}", None)])
    return uuid


def stored(cloud: Any, name: str) -> tuple[Any, ...]:
    def items(collection: str) -> list[dict[str, Any]]:
        return list(cloud.get(f"/v1/ihosts/{name}/{collection}").body[collection])

    return ([(one["lvm_vg_name"], one["vg_state"]) for one in items("ilvgs")],
            sorted((one["device_node"], one["size_mib"], one["status"]) for one in items("partitions")),
            sorted((one["disk_or_part_device_node"], one["pv_type"], one["pv_state"]) for one in items("ipvs")))


@pytest.fixture
def source(cloud: Any) -> str:
    """worker-0 with nova-local on a partition of the second disk and on the third one; provisioned."""
    uuid = worker(cloud, 0)
    disks = {one["device_node"]: one["uuid"] for one in cloud.get(f"/v1/ihosts/{uuid}/idisks").body["idisks"]}
    made = cloud.post("/v1/partitions", {"ihost_uuid": uuid, "idisk_uuid": disks["/dev/sdb"], "size_mib": 300})
    group = cloud.post("/v1/ilvgs", {"ihost_uuid": uuid, "lvm_vg_name": "nova-local"}).body["uuid"]
    for holder in (made.body["uuid"], disks["/dev/sdc"]):
        reply = cloud.post("/v1/ipvs", {"ihost_uuid": uuid, "ilvg_uuid": group, "disk_or_part_uuid": holder})
        assert reply.status == 200
    provision(cloud, uuid)
    return uuid


def test_a_profile_of_local_storage_over_http(cloud: Any, source: str) -> None:
    worker(cloud, 1)
    made = take(cloud, "disks", "stor").body
    assert made["profiletype"] == "localstg"
    path = f"/v1/iprofile/{made['uuid']}"
    found = {name: cloud.get(f"{path}/{name}").body[name] for name in ("idisks", "partitions", "ilvgs", "ipvs")}
    assert found["ilvgs"] == [{"lvm_vg_name": "nova-local"}]
    assert found["partitions"] == [{"device_node": "/dev/sdb1", "device_path": f"{PATHS['b']}-part1", "size_mib": 300}]
    assert [(one["pv_type"], one["disk_or_part_device_node"]) for one in found["ipvs"]] == [
        ("disk", "/dev/sdc"), ("partition", "/dev/sdb1")]
    assert cloud.get("/v1/iprofile/storprofiles_list").body == [{
        "uuid": made["uuid"], "profilename": "disks", "profiletype": "localstg", "disks": found["idisks"],
        "partitions": found["partitions"], "stors": [], "lvgs": found["ilvgs"], "pvs": found["ipvs"]}]
    assert cloud.get(f"{path}/istors").body == {"istors": []}
    before = stored(cloud, "worker-1")
    assert len(apply(cloud, "worker-1", made["uuid"], "?dry_run=true").body["profile_plan"]["storage"]) == 2
    assert stored(cloud, "worker-1") == before
    assert apply(cloud, "worker-1", made["uuid"]).status == 200
    assert stored(cloud, "worker-1") == stored(cloud, "worker-0") != before
    assert apply(cloud, "worker-1", made["uuid"]).body["profile_plan"] == NOTHING


def test_everything_waits_for_the_unlock_also_on_a_host_that_was_in_service(cloud: Any, source: str) -> None:
    uuid = worker(cloud, 1)
    provision(cloud, uuid)
    assert apply(cloud, "worker-1", take(cloud, "disks", "localstg").body["uuid"]).status == 200
    groups, partitions, volumes = stored(cloud, "worker-1")
    assert groups == [("nova-local", "adding")]
    assert [status for _, _, status in partitions] == [int(PartitionStatus.CREATING_ON_UNLOCK)]
    assert {state for _, _, state in volumes} == {"adding"}
    assert cloud.storage.storage_orders(host_uuid=uuid) == []
    with cloud.db.writer() as conn:
        row = host_row(conn, uuid, lock=True)
        for service in (partition_service, volume_service):
            service.at_unlock(conn, row, cloud.work)
    assert [(one.change, one.device_path, one.size_mib, one.vg_name)
            for one in cloud.storage.storage_orders(host_uuid=uuid)] == [
        ("create", PATHS["b"], 300, ""), ("extend", PATHS["b"], 0, "nova-local"),
        ("extend", PATHS["c"], 0, "nova-local")]


def test_a_smaller_disk_is_refused_and_nothing_of_a_role_profile_is_applied(cloud: Any, source: str) -> None:
    worker(cloud, 1, size_mib=1002)
    before = stored(cloud, "worker-1")
    reply = apply(cloud, "worker-1", take(cloud, "all", "role").body["uuid"])
    assert (reply.status, reply.fault) == (400, (
        f"Profile all needs 1003 MiB on disk {PATHS['b']}; that of host worker-1 has 1002 MiB."))
    assert stored(cloud, "worker-1") == before


def test_osds_and_hosts_without_volumes_have_no_profile(cloud: Any) -> None:
    uuid = worker(cloud, 0)
    provision(cloud, uuid)
    provision(cloud, "controller-0")
    assert take(cloud, "p1", "stor").fault == "Host worker-0 has no physical volumes in volume group nova-local."
    assert take(cloud, "p1", "localstg", "controller-0").fault == (
        "Host controller-0 has no worker function, which a localstg profile needs.")
    assert take(cloud, "p1", "stor", "controller-0").fault == "Host controller-0 has no OSDs and no journals."
    assert cloud.get("/v1/iprofile").body == {"iprofiles": []}
