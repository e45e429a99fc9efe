# SPDX-License-Identifier: Apache-2.0
"""Scenarios 30 of hosts and 15 of the system through real daemons: partitions, volume groups, file systems."""
from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flock.rpc import client
from sysinv.contract.records import ConfigurationResult, StorageOrder, StorageResult, WantedConfiguration
from sysinv.contract.rpc import HostConfiguration, HostStorage
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.hostfilesystem.report import FilesystemReport
from sysinv.resources.partition.report import PartitionReport
from sysinv.resources.partition.rules import LVM_GUID
from sysinv.resources.physicalvolume.report import PhysicalVolumeReport
from sysinv.resources.volumegroup.report import VolumeGroupReport
from tests.functional.sysinv.test_sysinv_hosts import new_worker, report

GIB, GIB_MIB = 2**30, 1024
ROOT_DISK, DISK = "/dev/disk/by-path/a", "/dev/disk/by-path/b"


class Host:
    """A worker as its agent is on the bus: takes orders and reports what its disks have then."""

    def __init__(self, sysinv: Any, name: str) -> None:
        self.sysinv, self.path = sysinv, f"/v1/ihosts/{name}"
        self.uuid, mac = new_worker(sysinv, name)
        bus = sysinv.bus()
        self.storage, self.configuration = client(HostStorage, bus), client(HostConfiguration, bus)
        self.parts: list[PartitionReport] = []
        self.groups: dict[str, list[str]] = {"cgts-vg": []}
        report(sysinv, self.uuid, mac)
        self.report(
            "disk", DiskReport("/dev/sda", 2048, "SSD", None, ROOT_DISK, None, 500_000, 0, "0", "A", None, True),
            DiskReport("/dev/sdb", 2064, "SSD", None, DISK, None, 102_400, 102_000, "0", "B", None))
        self.report_storage()
        self.report("host_filesystems", FilesystemReport("scratch-lv", 16 * GIB_MIB, True, 9000))

    def unlock(self) -> None:
        reply = self.sysinv.patch(self.path, action="unlock")
        assert reply.status == 200, reply.text

    def state(self, administrative: str, operational: str, availability: str) -> None:
        self.sysinv.state(self.uuid, administrative=administrative, operational=operational, availability=availability,
                          task="")

    def boot(self) -> None:
        """Take the whole configuration and come up."""
        wanted = self.fetch()
        self.state("unlocked", "enabled", "available")
        self.configuration.configuration_applied(host_uuid=self.uuid, result=ConfigurationResult(
            wanted.boot_uuids, whole=True, uptime_s=0))

    def filesystems(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.children("host_fs")}

    def report(self, kind: str, *records: Any) -> None:
        self.sysinv.reports.report(host_uuid=self.uuid, kind=kind, items=[asdict(one) for one in records])

    def report_storage(self) -> None:
        self.report("partition", *self.parts)
        self.report("lvg", *(VolumeGroupReport(name, f"vg-{name}", "writeable", 0, 1, 0, 1, str(200 * GIB),
                                               str(50 * GIB), 25, 5) for name in self.groups))
        self.report("pv", *(PhysicalVolumeReport(node, group, f"pv-{node}", str(8 * GIB), 25, 20)
                            for group, nodes in self.groups.items() for node in nodes))

    def order(self) -> StorageOrder:
        """The order that it has now, waited for."""
        found: list[StorageOrder] = []

        def look() -> bool:
            found.extend(self.storage.storage_orders(host_uuid=self.uuid))
            return bool(found)

        self.sysinv.wait(look, "an order for the host's disks")
        return found[0]

    def carry_out(self, order: StorageOrder) -> None:
        self.storage.storage_done(host_uuid=self.uuid, result=StorageResult(order.order_uuid, ""))

    def has(self, number: int, start_mib: int, order: StorageOrder) -> None:
        self.parts.append(PartitionReport(
            disk_path=DISK, number=number, device_node=f"/dev/sdb{number}", device_path=f"{DISK}-part{number}",
            start_mib=start_mib, end_mib=start_mib + order.size_mib, size_mib=order.size_mib, type_guid=LVM_GUID,
            type_name="LVM Physical Volume", part_guid=order.part_guid, in_use=False))

    def fetch(self) -> WantedConfiguration:
        found: WantedConfiguration = self.configuration.wanted_configuration(
            host_uuid=self.uuid, certificate_pem="", uptime_s=9)
        return found

    def children(self, collection: str) -> list[dict[str, Any]]:
        return list(self.sysinv.get(f"{self.path}/{collection}").body[collection])

    def disk(self, node: str) -> str:
        return str(next(one["uuid"] for one in self.children("idisks") if one["device_node"] == node))

    def add(self, gib: int) -> Any:
        return self.sysinv.call("POST", "/v1/partitions", {
            "ihost_uuid": self.uuid, "idisk_uuid": self.disk("/dev/sdb"), "size_mib": gib * GIB_MIB,
            "type_guid": LVM_GUID, "type_name": "LVM Physical Volume"})

    def made(self, gib: int) -> dict[str, Any]:
        """A partition that the host has made."""
        reply = self.add(gib)
        assert (reply.status, reply.body["status"]) == (200, 2), reply.text
        order = self.order()
        assert (order.change, order.size_mib, order.device_path) == ("create", gib * GIB_MIB, DISK)
        self.has(len(self.parts) + 1, 1 + sum(part.size_mib for part in self.parts), order)
        self.carry_out(order)
        self.report_storage()
        uuid = reply.body["uuid"]
        self.sysinv.wait(lambda: self.sysinv.get(f"/v1/partitions/{uuid}").body["status"] == 0, "partition Ready")
        return dict(self.sysinv.get(f"/v1/partitions/{uuid}").body)


def test_30_partitions_groups_and_wipes(sysinv: Any) -> None:
    host = Host(sysinv, "worker-30")
    assert host.filesystems()["kubelet"] == "In-Use"
    host.unlock()
    host.boot()
    first, second = host.made(10), host.made(20)
    assert (first["size_mib"], second["device_path"]) == (10 * GIB_MIB, f"{DISK}-part2")
    shrunk = sysinv.patch(f"/v1/partitions/{second['uuid']}", size_mib=str(5 * GIB_MIB))
    middle = sysinv.call("DELETE", f"/v1/partitions/{first['uuid']}")
    wiped = sysinv.patch(f"/v1/idisks/{host.disk('/dev/sda')}", partition_table="gpt", skip_formatting="False")
    assert [shrunk.status, middle.status, wiped.status] == [400, 400, 400]

    host.state("locked", "disabled", "online")
    group = sysinv.call("POST", "/v1/ilvgs", {"ihost_uuid": host.uuid, "lvm_vg_name": "nova-local"})
    assert group.status == 200, group.text
    volume = sysinv.call("POST", "/v1/ipvs", {
        "ihost_uuid": host.uuid, "ilvg_uuid": group.body["uuid"], "disk_or_part_uuid": second["uuid"],
        "pv_type": "partition"})
    assert (volume.status, volume.body["pv_state"]) == (200, "adding")
    both = sysinv.call("POST", "/v1/host_fs", {"ihost_uuid": host.uuid, "name": "instances", "size": "10"})
    assert (both.status, "has volume group nova-local" in both.fault) == (400, True)
    host.unlock()
    order = host.order()
    assert (order.change, order.vg_name, order.part_guid) == ("extend", "nova-local", second["uuid"])
    host.groups["nova-local"] = ["/dev/sdb2"]
    host.carry_out(order)
    host.report_storage()
    sysinv.wait(lambda: {one["lvm_vg_name"]: one["vg_state"] for one in host.children("ilvgs")} == {
        "cgts-vg": "provisioned", "nova-local": "provisioned"}, "the group to be provisioned")
    host.boot()


def test_15_file_systems_of_a_host_are_changed_and_settled(sysinv: Any) -> None:
    host = Host(sysinv, "worker-15")
    unlocked = {"ihost_uuid": host.uuid, "name": "instances", "size": "10"}
    host.unlock()
    host.boot()
    assert sysinv.call("POST", "/v1/host_fs", unlocked).status == 409
    host.state("locked", "disabled", "online")
    staged = sysinv.call("POST", "/v1/host_fs", unlocked)
    assert (staged.status, staged.body["state"]) == (200, "Creating (on unlock)")
    host.unlock()
    host.boot()
    assert (host.filesystems()["instances"], host.filesystems()["scratch"]) == ("Ready", "In-Use")
    grown = sysinv.call("PUT", f"{host.path}/host_fs/update_many", [[
        {"op": "replace", "path": "/name", "value": "scratch"}, {"op": "replace", "path": "/size", "value": "20"}]])
    assert grown.status == 200, grown.text
    assert host.filesystems()["scratch"] == "Modifying"
    run = host.fetch()
    assert run.classes == ["platform::filesystem::scratch::runtime"]
    host.configuration.configuration_applied(host_uuid=host.uuid, result=ConfigurationResult(run.config_uuids))
    assert host.filesystems()["scratch"] == "In-Use"
    scratch = next(one["uuid"] for one in host.children("host_fs") if one["name"] == "scratch")
    assert sysinv.call("DELETE", f"/v1/host_fs/{scratch}").status == 400
