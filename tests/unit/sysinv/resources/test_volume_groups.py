# SPDX-License-Identifier: Apache-2.0
"""``/v1/ilvgs`` and ``/v1/ipvs``: rules with their texts, and the way from a request over the unlock to the report."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from flock.db import DuplicateEntry
from sysinv.contract.enums import PartitionStatus
from sysinv.contract.records import StorageOrder, StorageResult
from sysinv.hosts.discovery import new_host_values
from sysinv.model.host import HostMustBeLocked, HostRefused
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host import store as hosts
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.physicalvolume import rules as volumes
from sysinv.resources.physicalvolume.report import PhysicalVolumeReport
from sysinv.resources.physicalvolume.rules import GroupView
from sysinv.resources.physicalvolume.table import I_PV
from sysinv.resources.volumegroup import rules as groups
from sysinv.resources.volumegroup.report import VolumeGroupReport
from sysinv.resources.volumegroup.rules import GroupExists
from tests.unit.sysinv.resources.test_partition_rules import BOTH, DISK, LAST, PATH, host
from tests.unit.sysinv.resources.test_partitions import SDB, Storage, reported

LOCKED = host(administrative="locked")
CSI = {"lvm_function": "lvm-csi", "lvm_type": "thin"}
NOVA = GroupView("nova-local", "adding")


@pytest.mark.parametrize(("request_", "reason"), [
    (lambda: groups.check_add(host(personality="storage"), "nova-local", {}, ()),
     "Volume groups can only be added on controller and worker hosts."),
    (lambda: groups.check_add(LOCKED, "cgts-vg", {}, ()),
     "Volume group cgts-vg exists on every host and can not be added."),
    (lambda: groups.check_add(LOCKED, "data", {}, ()),
     "Volume group data is not supported: use nova-local, cinder-volumes, or any name with lvm_function lvm-csi."),
    (lambda: groups.check_add(LOCKED, "nova-local", CSI, ()),
     "Volume group nova-local can not have lvm_function lvm-csi."),
    (lambda: groups.check_add(LOCKED, "data", {"lvm_function": "lvm-csi"}, ()),
     "lvm_type: a group for lvm-csi needs one of thick, thin."),
    (lambda: groups.check_add(LOCKED, "cinder-volumes", {}, ()),
     "Volume group cinder-volumes can only be added on controllers."),
    (lambda: groups.check_add(host(personality="controller", subfunctions="controller", administrative="locked"),
                              "nova-local", {}, ()),
     "Volume group nova-local can only be added on hosts with worker function."),
    (lambda: groups.check_delete(LOCKED, "cgts-vg", "provisioned"), "Volume group cgts-vg can not be deleted."),
    (lambda: groups.check_delete(LOCKED, "nova-local", "removing"), "Volume group nova-local is being removed."),
    (lambda: groups.check_delete(LOCKED, "nova-local", "provisioning"),
     "Volume group nova-local is being provisioned."),
    (lambda: volumes.check_add(host(personality="storage"), NOVA, DISK, (), None),
     "Physical volumes can only be changed on controller and worker hosts."),
    (lambda: volumes.check_add(LOCKED, replace(NOVA, state="removing"), DISK, (), None),
     "Volume group nova-local is being removed."),
    (lambda: volumes.check_add(LOCKED, NOVA, replace(DISK, is_rootfs=True), (), None),
     f"Cannot use {PATH} as a physical volume: its disk holds the root file system."),
    (lambda: volumes.check_add(LOCKED, NOVA, replace(DISK, is_rootfs=True), BOTH, LAST),
     f"Cannot use {PATH}-part2 as a physical volume: its disk holds the root file system."),
    (lambda: volumes.check_add(LOCKED, NOVA, replace(DISK, has_osd=True), (), None),
     f"Cannot use {PATH} as a physical volume: its disk is used by an OSD."),
    (lambda: volumes.check_add(LOCKED, NOVA, replace(DISK, has_volume=True), (), None),
     f"Cannot use {PATH} as a physical volume: the whole disk is one already."),
    (lambda: volumes.check_add(LOCKED, NOVA, DISK, BOTH, None),
     f"Cannot use {PATH} as a physical volume: the disk has partitions."),
    (lambda: volumes.check_add(LOCKED, NOVA, DISK, BOTH, replace(LAST, has_volume=True)),
     f"Cannot use {PATH}-part2 as a physical volume: the partition is one already."),
    (lambda: volumes.check_add(LOCKED, NOVA, DISK, BOTH, replace(LAST, status=PartitionStatus.CREATING)),
     f"Cannot use {PATH}-part2 as a physical volume: the partition is not Ready."),
    (lambda: volumes.check_add(LOCKED, GroupView("cinder-volumes", "adding"), DISK, (), None),
     "Volume group cinder-volumes can only have a partition as its physical volume."),
    (lambda: volumes.check_add(LOCKED, GroupView("cinder-volumes", "adding", 1), DISK, BOTH, LAST),
     "Volume group cinder-volumes can only have one physical volume."),
    (lambda: volumes.check_delete(LOCKED, GroupView("cgts-vg", "provisioned"), "provisioned"),
     "Physical volumes of volume group cgts-vg can not be removed."),
    (lambda: volumes.check_delete(LOCKED, NOVA, "removing"), "The physical volume is being removed."),
])
def test_refusals_name_the_rule(request_: Callable[[], object], reason: str) -> None:
    with pytest.raises(HostRefused) as caught:
        request_()
    assert str(caught.value) == reason


@pytest.mark.parametrize("name", ["", "-x", ".", "..", "a b", "a/b", "x" * 65, "é", "a\n"])
def test_names_are_those_that_lvm_takes(name: str) -> None:
    with pytest.raises(HostRefused, match="lvm_vg_name: letters, digits"):
        groups.check_add(LOCKED, name, CSI, ())


def test_a_partition_that_was_added_on_the_root_disk_may_join_a_group() -> None:
    volumes.check_add(LOCKED, NOVA, replace(DISK, is_rootfs=True), BOTH, replace(LAST, made_here=True))


def test_instances_use_their_group_while_the_host_is_unlocked() -> None:
    unlocked = host(administrative="unlocked")
    for request in (lambda: groups.check_add(unlocked, "nova-local", {}, ()),
                    lambda: groups.check_delete(unlocked, "nova-local", "provisioned"),
                    lambda: volumes.check_add(unlocked, NOVA, DISK, BOTH, LAST),
                    lambda: volumes.check_delete(unlocked, NOVA, "provisioned")):
        with pytest.raises(HostMustBeLocked, match="Host must be locked to change volume group nova-local"):
            request()
    groups.check_add(unlocked, "data", CSI, ())
    with pytest.raises(GroupExists, match="already exists on host worker-0"):
        groups.check_add(LOCKED, "nova-local", {}, ("nova-local",))


class Volumes(Storage):
    """An all-in-one controller, locked, with two disks and a partition that it has made."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.part = self.made()
        cloud.inventory.store(host_uuid=self.host, kind="memory", records=[
            MemoryReport(0, 64000, 60000, 60000, 0, 0, 0, 0, 0, 1, supports_1g=False)])
        cloud.inventory.inventory_completed(host_uuid=self.host)
        self.lock()

    def lock(self) -> None:
        self.cloud.state("controller-0", administrative="locked", operational="disabled", availability="online")

    def unlock(self) -> None:
        reply = self.cloud.patch("/v1/ihosts/controller-0", action="force-unlock")
        assert reply.status == 200, reply.fault

    def group(self, name: str = "nova-local", **more: Any) -> Any:
        return self.cloud.post("/v1/ilvgs", {"ihost_uuid": self.host, "lvm_vg_name": name, **more})

    def volume(self, group: dict[str, Any], device: str) -> Any:
        return self.cloud.post("/v1/ipvs", {"ihost_uuid": self.host, "ilvg_uuid": group["uuid"], "pv_type": "disk",
                                            "disk_or_part_uuid": device})

    def children(self, collection: str) -> list[dict[str, Any]]:
        return list(self.cloud.get(f"/v1/ihosts/controller-0/{collection}").body[collection])

    def states(self) -> tuple[list[str], list[str]]:
        return ([one["vg_state"] for one in self.children("ilvgs")], [one["pv_state"] for one in self.children("ipvs")])

    def report_lvm(self, *pairs: tuple[str, str], partial: bool = False) -> None:
        """Groups and their volumes as the host has them."""
        names = dict.fromkeys(group for group, _ in pairs)
        self.cloud.inventory.store(host_uuid=self.host, kind="lvg", partial=partial, records=[
            VolumeGroupReport(name, "vg-1", "writeable", 0, 1, 0, 1, str(2**40), "12345", 25, 5) for name in names])
        self.cloud.inventory.store(host_uuid=self.host, kind="pv", partial=partial, records=[
            PhysicalVolumeReport(node, group, f"pv-{node}", str(2**33), 25, 20) for group, node in pairs])

    def provisioned(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """nova-local on the partition, in service on a locked host."""
        group = self.group().body
        volume = self.volume(group, self.part["uuid"]).body
        self.unlock()
        self.carry_out()
        self.report_lvm(("nova-local", "/dev/sdb1"))
        self.lock()
        return group, volume


@pytest.fixture
def storage(simplex: Any) -> Volumes:
    return Volumes(simplex)


def test_a_group_becomes_provisioned_at_the_unlock(storage: Volumes) -> None:
    group = storage.group()
    assert (group.status, group.body["vg_state"], group.body["lvm_vg_size"]) == (200, "adding", 0)
    volume = storage.volume(group.body, storage.part["uuid"])
    assert (volume.status, volume.body["pv_state"], volume.body["pv_type"]) == (200, "adding", "partition")
    assert volume.body["disk_or_part_device_node"] == "/dev/sdb1"
    assert volume.body["disk_or_part_device_path"] == f"{SDB}-part1"
    assert storage.listed()[0]["ipv_uuid"] == volume.body["uuid"]
    assert storage.orders() == []
    storage.unlock()
    assert storage.states() == (["provisioning"], ["adding"])
    order = storage.carry_out()
    assert (order.change, order.device_path, order.part_guid, order.vg_name) == (
        "extend", SDB, storage.part["uuid"], "nova-local")
    assert storage.states() == (["provisioned"], ["provisioned"])
    storage.report_lvm(("nova-local", "/dev/sdb1"))
    (row,), (part,) = storage.children("ilvgs"), storage.children("ipvs")
    (self_link, _) = storage.cloud.get(f"/v1/ilvgs/{row['uuid']}").body["ipvs"]
    assert self_link["href"].endswith(f"/v1/ilvgs/{row['uuid']}/ipvs")
    assert storage.cloud.get(f"/v1/ilvgs/{row['uuid']}/ipvs").body["ipvs"] == [part]
    assert storage.cloud.get("/v1/ilvgs/nova-local/ipvs").status == 404
    assert (row["lvm_vg_size"], row["lvm_vg_access"], row["lvm_cur_pv"]) == (2**40, "writeable", 1)
    assert (part["lvm_pv_name"], part["lvm_pv_size"], part["lvm_vg_name"]) == ("/dev/sdb1", 2**33, "nova-local")


def test_what_a_volume_uses_is_not_changed(storage: Volumes) -> None:
    group = storage.group().body
    storage.volume(group, storage.part["uuid"])
    part, disk = f"/v1/partitions/{storage.part['uuid']}", storage.disk()["uuid"]
    assert storage.cloud.delete(part).fault == f"Can not delete partition {SDB}-part1. It is in use."
    assert storage.cloud.patch(part, size_mib=500).status == 400
    assert storage.cloud.patch(f"/v1/idisks/{disk}", partition_table="gpt").fault == (
        f"Cannot wipe disk {SDB}: it has a physical volume.")
    assert storage.volume(group, storage.part["uuid"]).status == 400
    assert storage.volume(group, disk).status == 400
    storage.report()
    storage.cloud.inventory.store(host_uuid=storage.host, kind="disk", records=[])
    assert (len(storage.listed()), len(storage.children("idisks"))) == (1, 1)  # gone from the host, but not forgotten


def test_a_volume_that_cannot_join_has_failed_with_the_reason(storage: Volumes) -> None:
    group = storage.group().body
    volume = storage.volume(group, storage.part["uuid"]).body
    storage.unlock()
    storage.carry_out("pvcreate failed with status 5: no device")
    assert storage.states() == (["adding"], ["failed"])
    assert storage.children("ipvs")[0]["error"] == "pvcreate failed with status 5: no device"
    storage.lock()
    assert storage.cloud.delete(f"/v1/ipvs/{volume['uuid']}").status == 204
    assert storage.states() == (["adding"], [])
    assert storage.cloud.delete(f"/v1/ilvgs/{group['uuid']}").status == 204
    assert storage.states() == ([], [])


def test_a_deleted_group_vanishes_when_its_last_volume_has_left(storage: Volumes) -> None:
    group, _ = storage.provisioned()
    assert storage.cloud.delete(f"/v1/ilvgs/{group['uuid']}").status == 204
    assert storage.states() == (["removing"], ["removing"])
    assert storage.cloud.delete(f"/v1/ilvgs/{group['uuid']}").fault == "Volume group nova-local is being removed."
    storage.report_lvm()  # it is not there any more, but nobody has carried out the order
    assert storage.states() == (["removing"], ["removing"])
    storage.unlock()
    assert storage.carry_out().change == "reduce"
    assert storage.states() == ([], [])
    assert storage.listed()[0]["ipv_uuid"] is None


def test_a_volume_that_cannot_leave_tries_again_at_the_next_unlock(storage: Volumes) -> None:
    _, volume = storage.provisioned()
    assert storage.cloud.delete(f"/v1/ipvs/{volume['uuid']}").status == 204
    storage.unlock()
    storage.carry_out("Volume group nova-local has logical volumes.")
    assert storage.states() == (["provisioned"], ["removing"])
    assert storage.children("ipvs")[0]["error"] == "Volume group nova-local has logical volumes."
    storage.lock()
    storage.unlock()
    assert storage.carry_out().change == "reduce"
    assert storage.states() == (["provisioned"], [])


def test_what_a_host_never_had_is_deleted_at_once(storage: Volumes) -> None:
    group = storage.group().body
    assert storage.volume(group, storage.part["uuid"]).status == 200
    assert storage.cloud.delete(f"/v1/ilvgs/{group['uuid']}").status == 204
    assert storage.states() == ([], [])
    assert storage.cloud.delete(f"/v1/ilvgs/{group['uuid']}").status == 404


def test_a_whole_disk_without_partitions_can_be_a_volume(storage: Volumes) -> None:
    storage.cloud.delete(f"/v1/partitions/{storage.part['uuid']}")
    storage.carry_out()
    group = storage.group("data", capabilities=CSI)
    assert (group.body["lvm_function"], group.body["lvm_type"]) == ("lvm-csi", "thin")
    volume = storage.volume(group.body, storage.disk()["uuid"]).body
    assert (volume["pv_type"], volume["disk_or_part_device_node"]) == ("disk", "/dev/sdb")
    assert storage.disk()["ipv_uuid"] == volume["uuid"]
    assert storage.add(10).fault == (f"Partitions of disk {SDB} can not be changed: the whole disk is a physical "
                                     "volume.")
    assert storage.volume(group.body, storage.disk("/dev/sda")["uuid"]).status == 400


def test_what_a_host_has_already_is_stored_as_provisioned(storage: Volumes) -> None:
    storage.report_lvm(("cgts-vg", "/dev/sdb1"), ("other", "/dev/md7"))
    assert [(one["lvm_vg_name"], one["vg_state"]) for one in storage.children("ilvgs")] == [
        ("cgts-vg", "provisioned"), ("other", "provisioned")]
    assert [(one["lvm_vg_name"], one["pv_state"]) for one in storage.children("ipvs")] == [
        ("cgts-vg", "provisioned")]
    group = storage.children("ilvgs")[0]["uuid"]
    assert storage.cloud.delete(f"/v1/ilvgs/{group}").fault == "Volume group cgts-vg can not be deleted."
    storage.report_lvm(partial=True)
    assert len(storage.children("ilvgs")) == 2
    storage.report_lvm()
    assert storage.states() == ([], [])


def test_a_platform_group_without_volume_keeps_its_host_locked(storage: Volumes) -> None:
    storage.cloud.inventory.store(host_uuid=storage.host, kind="lvg", records=[
        VolumeGroupReport("cgts-vg", "u", "writeable", 0, 0, 0, 0, "0", "0", 0, 0)])
    reply = storage.cloud.patch("/v1/ihosts/controller-0", action="force-unlock")
    assert (reply.status, reply.fault) == (
        400, "Cannot unlock host controller-0: volume group cgts-vg has no physical volume.")
    # One that is on something that no list shows counts too.
    storage.report_lvm(("cgts-vg", "/dev/md7"))
    storage.unlock()


def test_what_a_host_is_changing_is_not_taken_back(storage: Volumes) -> None:
    group = storage.group("data", **CSI).body
    volume = storage.volume(group, storage.part["uuid"]).body
    storage.unlock()
    assert storage.cloud.delete(f"/v1/ipvs/{volume['uuid']}").fault == "Volume group data is being provisioned."
    with storage.cloud.db.writer() as conn:
        conn.execute(sa.text("UPDATE i_lvg SET vg_state = 'provisioned'"))
    for path in (f"/v1/ipvs/{volume['uuid']}", f"/v1/ilvgs/{group['uuid']}"):
        reply = storage.cloud.delete(path)
        assert (reply.status, "is being changed" in reply.fault) == (409, True)
    assert storage.states() == (["provisioned"], ["adding"])


def test_a_disk_that_is_being_wiped_does_not_become_a_volume(storage: Volumes) -> None:
    storage.cloud.delete(f"/v1/partitions/{storage.part['uuid']}")
    storage.carry_out()
    storage.cloud.patch(f"/v1/idisks/{storage.disk()['uuid']}", partition_table="gpt")
    assert storage.volume(storage.group().body, storage.disk()["uuid"]).status == 409
    storage.carry_out()
    assert storage.volume(storage.children("ilvgs")[0], storage.disk()["uuid"]).status == 200


@pytest.mark.parametrize("size", ["", "x", "-1", "²", "1e9", "9" * 5000])
def test_numbers_of_lvm_may_be_anything(storage: Volumes, size: str) -> None:
    storage.cloud.inventory.store(host_uuid=storage.host, kind="lvg", records=[
        VolumeGroupReport("x" * 300, "u" * 300, "\0", -1, 2**70, 0, 0, size, size, 0, 0)])
    (row,) = storage.children("ilvgs")
    assert (row["lvm_vg_name"], row["lvm_vg_size"], row["lvm_cur_lv"]) == ("x" * 64, 0, 2**31 - 1)


@pytest.mark.parametrize(("values", "status", "reason"), [
    ({"lvm_vg_name": "a b"}, 400, "lvm_vg_name"), ({"lvm_vg_name": None}, 400, "lvm_vg_name"),
    ({"ihost_uuid": "7c2bb7d0-0000-4000-8000-000000000000"}, 404, "could not be found"),
    ({"lvm_vg_name": "data", "lvm_function": "other"}, 400, "lvm_function"), ({"vg_state": "x"}, 400, "vg_state")])
def test_wrong_groups_are_refused(storage: Volumes, values: dict[str, Any], status: int, reason: str) -> None:
    reply = storage.cloud.post("/v1/ilvgs", {"ihost_uuid": storage.host, "lvm_vg_name": "nova-local", **values})
    assert (reply.status, reason in reply.fault) == (status, True)
    assert storage.children("ilvgs") == []


def test_wrong_volumes_are_refused(storage: Volumes) -> None:
    group, nothing = storage.group().body, "7c2bb7d0-0000-4000-8000-000000000000"
    assert storage.group().status == 409
    assert storage.volume(group, nothing).status == 404
    assert storage.volume({"uuid": nothing}, storage.part["uuid"]).status == 404
    with storage.cloud.db.writer() as conn:
        other = hosts.insert(conn, new_host_values(conn, "08:00:27:00:00:77"))
        foreign = "7c2bb7d0-0000-4000-8000-000000000001"
        conn.execute(sa.insert(I_IDISK).values(uuid=foreign, device_node="/dev/sda", forihostid=other["id"]))
    assert storage.volume(group, foreign).fault == (
        "disk_or_part_uuid: the disk or partition belongs to another host.")
    assert storage.children("ipvs") == []


def test_the_database_holds_one_volume_of_a_partition(storage: Volumes) -> None:
    storage.volume(storage.group().body, storage.part["uuid"])
    with storage.cloud.db.reader() as conn:
        row = dict(conn.execute(sa.select(I_PV)).mappings().one())
    with pytest.raises(DuplicateEntry), storage.cloud.db.writer() as conn:
        conn.execute(sa.insert(I_PV).values(**{**row, "id": 99, "uuid": "other"}))


def test_a_partition_and_its_volume_are_made_at_one_unlock(fresh: Any) -> None:
    storage = Storage(fresh)
    cloud = fresh
    part = storage.add(100).body
    group = cloud.post("/v1/ilvgs", {"ihost_uuid": storage.host, "lvm_vg_name": "data", **CSI}).body
    assert cloud.post("/v1/ipvs", {"ihost_uuid": storage.host, "ilvg_uuid": group["uuid"],
                                   "disk_or_part_uuid": part["uuid"]}).status == 200
    cloud.inventory.inventory_completed(host_uuid=storage.host)
    cloud.state("controller-0", administrative="locked", operational="disabled", availability="online")
    assert cloud.patch("/v1/ihosts/controller-0", action="unlock").status == 200
    orders: list[StorageOrder] = storage.orders()
    assert [(order.change, order.part_guid) for order in orders] == [
        ("create", part["uuid"]), ("extend", part["uuid"])]
    for order in orders:
        cloud.storage.storage_done(host_uuid=storage.host, result=StorageResult(order.order_uuid))
    storage.end()
    storage.report(reported(part))
    assert cloud.get("/v1/ipvs").body["ipvs"][0]["pv_state"] == "provisioned"
