# SPDX-License-Identifier: Apache-2.0
"""``/v1/partitions`` and the wipe of a disk, from the request to the host's result."""
from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import sqlalchemy as sa

from flock.db import DuplicateEntry
from flock.jobs.steps import OperationView, Wait
from sysinv.conductor.storage import StorageSteps
from sysinv.contract.errors import HostNotFound
from sysinv.contract.records import StorageOrder, StorageResult
from sysinv.contract.rpc import SysinvAgent
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.operation.table import OPERATIONS
from sysinv.resources.partition.report import PartitionReport
from sysinv.resources.partition.rules import LVM_GUID
from sysinv.resources.partition.table import PARTITION

SDB = "/dev/disk/by-path/b"


class Storage:
    """controller-0 with two disks, and what its agent does: orders, results, reports."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.host = cloud.host("controller-0")["uuid"]
        self.parts: list[PartitionReport] = []
        self.report_disks()

    def report_disks(self, available_mib: int = 1000) -> None:
        self.cloud.inventory.store(host_uuid=self.host, kind="disk", records=[
            DiskReport("/dev/sda", 2048, "SSD", None, "/dev/disk/by-path/a", None, 5000, 3000, "0", "A", None, True),
            DiskReport("/dev/sdb", 2064, "SSD", None, SDB, None, 1003, available_mib, "0", "B", None)])

    def report(self, *parts: PartitionReport, partial: bool = False) -> None:
        self.cloud.inventory.store(host_uuid=self.host, kind="partition", records=list(parts), partial=partial)

    def disk(self, node: str = "/dev/sdb") -> dict[str, Any]:
        found = self.cloud.get("/v1/ihosts/controller-0/idisks").body["idisks"]
        return dict(next(one for one in found if one["device_node"] == node))

    def add(self, size_mib: Any, **more: Any) -> Any:
        return self.cloud.post("/v1/partitions", {
            "ihost_uuid": self.host, "idisk_uuid": self.disk()["uuid"], "size_mib": size_mib, "type_guid": LVM_GUID,
            "type_name": "LVM Physical Volume", **more})

    def orders(self) -> list[StorageOrder]:
        return list(self.cloud.storage.storage_orders(host_uuid=self.host))

    def carry_out(self, error: str = "") -> StorageOrder:
        """The host answers its one order."""
        (order,) = self.orders()
        self.cloud.storage.storage_done(host_uuid=self.host, result=StorageResult(order.order_uuid, error))
        self.end()
        return order

    def end(self) -> None:
        with self.cloud.db.writer() as conn:
            conn.execute(sa.update(OPERATIONS).values(next_run_at=OPERATIONS.c.created_at))
        self.cloud.operations.nudge()
        self.cloud.settle()

    def listed(self) -> list[dict[str, Any]]:
        return list(self.cloud.get("/v1/ihosts/controller-0/partitions").body["partitions"])

    def made(self, size_mib: int = 100) -> dict[str, Any]:
        """A partition that its host has made and reported."""
        row = self.add(size_mib).body
        self.carry_out()
        self.report_disks(1000 - size_mib)
        self.report(reported(row))
        (found,) = self.listed()
        return found


def reported(row: dict[str, Any], **changes: Any) -> PartitionReport:
    number = int(row["device_node"][-1])
    return PartitionReport(**{
        "disk_path": SDB, "number": number, "device_node": f"/dev/sdb{number}", "device_path": f"{SDB}-part{number}",
        "start_mib": row["start_mib"], "end_mib": row["end_mib"], "size_mib": row["size_mib"], "type_guid": LVM_GUID,
        "part_guid": row["uuid"].upper(), **changes})


@pytest.fixture
def storage(cloud: Any) -> Storage:
    return Storage(cloud)


@pytest.fixture
def waiting(fresh: Any) -> Storage:
    return Storage(fresh)


def test_a_partition_of_a_provisioned_host_is_created_by_it(storage: Storage) -> None:
    reply = storage.add(100)
    assert (reply.status, reply.body["status"], reply.body["device_node"]) == (200, 2, "/dev/sdb1")
    assert (reply.body["start_mib"], reply.body["end_mib"]) == (1, 101)
    assert reply.body["device_path"] == f"{SDB}-part1"
    order = storage.carry_out()
    assert asdict(order) == {
        "order_uuid": order.order_uuid, "change": "create", "device_path": SDB, "serial_id": "B",
        "part_guid": reply.body["uuid"], "size_mib": 100, "type_guid": LVM_GUID, "skip_format": False,
        "vg_name": ""}
    assert [one["status"] for one in storage.listed()] == [0]
    assert storage.orders() == []
    (operation,) = storage.cloud.get("/v1/ihosts/controller-0/operations").body["operations"]
    assert (operation["kind"], operation["state"]) == ("storage", "done")


def test_what_a_partition_takes_is_not_available_twice(storage: Storage) -> None:
    storage.add(100)
    assert storage.disk()["available_mib"] == 900
    assert storage.add(950).status == 409  # the first has not ended
    storage.carry_out()
    assert storage.add(950).fault == "Requested size 950 MiB is larger than the 900 MiB available."
    # The disk is reported before its partitions: for that moment, too little is available.
    storage.report_disks(900)
    assert storage.disk()["available_mib"] == 800
    storage.report(reported(storage.listed()[0]))
    assert storage.disk()["available_mib"] == 900


def test_a_failure_is_shown_with_its_reason_and_can_be_deleted(storage: Storage) -> None:
    storage.add(100)
    storage.carry_out("sfdisk failed with status 1: no space")
    (row,) = storage.listed()
    assert (row["status"], row["error"]) == (10, "sfdisk failed with status 1: no space")
    storage.report()
    assert len(storage.listed()) == 1  # it is not there, and the operator must see why
    assert storage.cloud.delete(f"/v1/partitions/{row['uuid']}").status == 204
    assert storage.carry_out().change == "delete"
    assert storage.listed() == []


def test_a_partition_that_is_there_after_all_is_ready(storage: Storage) -> None:
    row = storage.add(100).body
    storage.carry_out("timeout")
    storage.report(reported(row, size_mib=60))
    assert [one["status"] for one in storage.listed()] == [10]
    storage.report(reported(row))
    assert [(one["status"], one["error"]) for one in storage.listed()] == [(0, None)]


def test_growing_ends_with_the_size_that_the_host_made(storage: Storage) -> None:
    uuid = storage.made()["uuid"]
    reply = storage.cloud.patch(f"/v1/partitions/{uuid}", size_mib="300")
    assert (reply.status, reply.body["status"], reply.body["size_mib"], reply.body["end_mib"]) == (200, 5, 300, 301)
    assert storage.disk()["available_mib"] == 700
    assert storage.carry_out().size_mib == 300
    assert [(one["status"], one["size_mib"]) for one in storage.listed()] == [(0, 300)]


def test_growth_that_failed_leaves_the_partition_as_it_was(storage: Storage) -> None:
    row = storage.made()
    storage.cloud.patch(f"/v1/partitions/{row['uuid']}", size_mib=300)
    storage.carry_out("no room")
    (after,) = storage.listed()
    assert (after["status"], after["size_mib"], after["end_mib"], after["error"]) == (0, 100, 101, "no room")
    assert storage.disk()["available_mib"] == 900
    storage.cloud.patch(f"/v1/partitions/{row['uuid']}", size_mib=300)
    assert storage.listed()[0]["error"] is None


def test_shrinking_and_middle_partitions_are_refused(storage: Storage) -> None:
    first = storage.made()
    second = storage.add(50).body
    storage.carry_out()
    storage.report_disks(850)
    storage.report(reported(first), reported(second))
    middle = f"/v1/partitions/{first['uuid']}"
    reply = storage.cloud.delete(middle)
    assert (reply.status, reply.fault) == (
        400, f"Can not delete partition {SDB}-part1. Only the last partition on disk can be deleted.")
    assert storage.cloud.patch(middle, size_mib=200).status == 400
    reply = storage.cloud.patch(f"/v1/partitions/{second['uuid']}", size_mib=10)
    assert (reply.status, reply.fault) == (
        400, "Requested partition size must be larger than current size: 10 <= 50.")
    assert [one["status"] for one in storage.listed()] == [0, 0]


def test_a_deleted_partition_vanishes_when_its_host_has_done_so(storage: Storage) -> None:
    row = storage.made()
    assert storage.cloud.delete(f"/v1/partitions/{row['uuid']}").status == 204
    assert [one["status"] for one in storage.listed()] == [4]
    storage.report(reported(row))  # an inventory that was taken before
    assert [one["status"] for one in storage.listed()] == [4]
    storage.carry_out()
    assert storage.listed() == []
    assert storage.cloud.delete(f"/v1/partitions/{row['uuid']}").status == 404


def test_a_host_that_was_never_unlocked_makes_partitions_at_its_unlock(waiting: Storage) -> None:
    cloud = waiting.cloud
    assert [waiting.add(size).body["status"] for size in (100, 50)] == [3, 3]
    assert waiting.orders() == []
    first, second = waiting.listed()
    assert (second["start_mib"], second["end_mib"], waiting.disk()["available_mib"]) == (101, 151, 850)
    assert cloud.delete(f"/v1/partitions/{first['uuid']}").status == 400
    assert cloud.patch(f"/v1/partitions/{second['uuid']}", size_mib=60).status == 400
    assert cloud.delete(f"/v1/partitions/{second['uuid']}").status == 204
    assert len(waiting.listed()) == 1
    waiting.report()
    assert [one["status"] for one in waiting.listed()] == [3]
    cloud.inventory.inventory_completed(host_uuid=waiting.host)
    cloud.state("controller-0", administrative="locked", operational="disabled", availability="online")
    assert cloud.patch("/v1/ihosts/controller-0", action="unlock").status == 200
    assert [order.part_guid for order in waiting.orders()] == [first["uuid"]]
    assert [one["status"] for one in waiting.listed()] == [2]
    waiting.carry_out()
    assert [one["status"] for one in waiting.listed()] == [0]


@pytest.mark.parametrize(("status", "word"), [(2, "Creating"), (4, "Deleting"), (5, "Modifying")])
def test_a_host_that_changes_a_partition_is_not_unlocked(storage: Storage, status: int, word: str) -> None:
    storage.made()
    with storage.cloud.db.writer() as conn:
        conn.execute(sa.update(PARTITION).values(status=status))
    storage.cloud.inventory.inventory_completed(host_uuid=storage.host)
    storage.cloud.state("controller-0", administrative="locked", operational="disabled", availability="online")
    reply = storage.cloud.patch("/v1/ihosts/controller-0", action="force-unlock")
    assert reply.status == 400
    assert reply.fault == f"Cannot unlock host controller-0 while partition {SDB}-part1 is in state {word}."


def test_a_wipe_removes_the_partitions_when_the_host_has_done_so(storage: Storage) -> None:
    storage.made()
    path = f"/v1/idisks/{storage.disk()['uuid']}"
    reply = storage.cloud.patch(path, partition_table="gpt", skip_formatting="True")
    assert (reply.status, reply.body["device_node"]) == (200, "/dev/sdb")
    assert storage.cloud.patch(path, partition_table="gpt").status == 409
    assert storage.add(10).status == 409
    order = storage.carry_out()
    assert (order.change, order.device_path, order.skip_format) == ("wipe", SDB, True)
    assert storage.listed() == []


def test_a_wipe_that_failed_changes_nothing(storage: Storage) -> None:
    storage.made()
    storage.cloud.patch(f"/v1/idisks/{storage.disk()['uuid']}", partition_table="gpt", skip_formatting="False")
    assert storage.carry_out("/dev/sdb1 is in use.").skip_format is False
    assert [one["status"] for one in storage.listed()] == [0]
    newest = storage.cloud.get("/v1/ihosts/controller-0/operations").body["operations"][0]
    assert newest["state"] in ("failed", "undone")
    assert "/dev/sdb1 is in use." in str(newest["error"])


@pytest.mark.parametrize(("values", "reason"), [
    ({"partition_table": "msdos"}, "partition_table"), ({"skip_formatting": "True"}, "partition_table"),
    ({"partition_table": "gpt", "skip_formatting": "maybe"}, "skip_formatting"), ({"size_mib": 1}, "size_mib")])
def test_only_a_gpt_is_written(storage: Storage, values: dict[str, Any], reason: str) -> None:
    reply = storage.cloud.patch(f"/v1/idisks/{storage.disk()['uuid']}", **values)
    assert reply.status == 400
    assert reason in reply.fault


def test_the_root_disk_is_not_wiped(storage: Storage) -> None:
    root = storage.disk("/dev/sda")["uuid"]
    reply = storage.cloud.patch(f"/v1/idisks/{root}", partition_table="gpt")
    assert (reply.status, reply.fault) == (
        400, "Cannot wipe disk /dev/disk/by-path/a: it holds the root file system.")
    assert storage.orders() == []


def test_only_what_was_added_on_the_root_disk_is_grown_and_deleted(storage: Storage) -> None:
    sda = "/dev/disk/by-path/a"
    theirs = PartitionReport(sda, 1, "/dev/sda1", f"{sda}-part1", 1, 2001, 2000, LVM_GUID, None,
                             "6f0c2f6a-35b9-4e4f-9c38-6f2d3f0b7d11")
    storage.report(theirs)
    (installed,) = storage.listed()
    path = f"/v1/partitions/{installed['uuid']}"
    reason = "It is on the disk of the root file system and was not added with this service."
    reply = storage.cloud.patch(path, size_mib=2500)
    assert (reply.status, reply.fault) == (400, f"Can not modify partition {sda}-part1. {reason}")
    reply = storage.cloud.delete(path)
    assert (reply.status, reply.fault) == (400, f"Can not delete partition {sda}-part1. {reason}")
    assert storage.orders() == []

    row = storage.add(100, idisk_uuid=storage.disk("/dev/sda")["uuid"]).body
    assert (row["device_path"], row["start_mib"], row["status"]) == (f"{sda}-part2", 2001, 2)
    order = storage.carry_out()
    assert (order.change, order.device_path, order.part_guid) == ("create", sda, row["uuid"])
    ours = reported(row, disk_path=sda, device_node="/dev/sda2", device_path=f"{sda}-part2")
    storage.report(theirs, ours)
    path = f"/v1/partitions/{row['uuid']}"
    assert storage.cloud.patch(path, size_mib=150).status == 200
    assert storage.carry_out().change == "grow"
    assert storage.cloud.delete(path).status == 204
    assert storage.carry_out().change == "delete"
    storage.report(theirs)
    assert [one["uuid"] for one in storage.listed()] == [installed["uuid"]]


@pytest.mark.parametrize(("values", "status", "reason"), [
    ({"size_mib": 0}, 400, "Partition size must be greater than 0."),
    ({"size_mib": "many"}, 400, "size_mib"), ({"size_mib": None}, 400, "size_mib"),
    ({"type_guid": "0fc63daf-8483-4772-8e79-3d69d8477de4"}, 400, "type_guid"),
    ({"idisk_uuid": "7c2bb7d0-0000-4000-8000-000000000000"}, 404, "7c2bb7d0"), ({"idisk_uuid": "b"}, 400, "idisk_uuid"),
    ({"ihost_uuid": "7c2bb7d0-0000-4000-8000-000000000000"}, 400, "ihost_uuid"), ({"status": 0}, 400, "status")])
def test_requests_that_are_wrong_change_nothing(storage: Storage, values: dict[str, Any], status: int,
                                                reason: str) -> None:
    reply = storage.add(**{"size_mib": 10, **values})
    assert (reply.status, reason in reply.fault) == (status, True)
    assert storage.listed() == []


def test_lists_show_only_partitions_for_lvm_and_rules_see_all(storage: Storage) -> None:
    boot = PartitionReport(SDB, 1, "/dev/sdb1", f"{SDB}-part1", 1, 201, 200, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
                           "EFI", "6f0c2f6a-35b9-4e4f-9c38-6f2d3f0b7d11")
    storage.report(boot)
    assert storage.listed() == []
    row = storage.add(10).body
    assert (row["device_node"], row["start_mib"]) == ("/dev/sdb2", 201)


def test_partitions_below_a_disk(storage: Storage) -> None:
    row = storage.made()
    disk = storage.disk()["uuid"]
    for path in (f"/v1/idisks/{disk}/partitions", f"/v1/ihosts/controller-0/idisks/{disk}/partitions",
                 "/v1/partitions", "/v1/partitions/detail", f"/v1/ihosts/{storage.host}/partitions/detail"):
        assert [one["uuid"] for one in storage.cloud.get(path).body["partitions"]] == [row["uuid"]]
    other = storage.disk("/dev/sda")["uuid"]
    assert storage.cloud.get(f"/v1/idisks/{other}/partitions").body["partitions"] == []
    (self_link, _) = storage.cloud.get(f"/v1/idisks/{disk}").body["partitions"]
    assert self_link["href"].endswith(f"/v1/idisks/{disk}/partitions")
    assert storage.cloud.host("controller-0")["partitions"][0]["href"].endswith(f"/v1/ihosts/{storage.host}/partitions")
    assert storage.cloud.get("/v1/idisks/b/partitions").status == 404
    assert storage.cloud.get(f"/v1/ihosts/nobody/idisks/{disk}/partitions").status == 404


def test_reports_of_odd_partitions_are_stored(storage: Storage) -> None:
    odd = "\0\ud800" + "x" * 400
    none = PartitionReport(SDB, 0, odd, odd, 5, 3, -1, None, odd, None)
    storage.cloud.inventory.report(host_uuid=storage.host, kind="partition", items=[
        asdict(none), asdict(PartitionReport("/dev/gone", 1, "/dev/gone1", "g", 1, 2, 1, LVM_GUID)), None,
        {"number": "x"},
        asdict(PartitionReport(SDB, 3, "/dev/sdb3", f"{SDB}-part3", 5, 9, 4, LVM_GUID, in_use=True))])
    assert [(one["device_node"], one["status"]) for one in storage.listed()] == [("/dev/sdb3", 1)]
    reply = storage.cloud.delete(f"/v1/partitions/{storage.listed()[0]['uuid']}")
    assert (reply.status, reply.fault) == (400, f"Can not delete partition {SDB}-part3. It is in use.")


def test_a_complete_report_removes_and_a_partial_one_does_not(storage: Storage) -> None:
    storage.made()
    storage.report(partial=True)
    assert len(storage.listed()) == 1
    storage.report()
    assert storage.listed() == []


def test_one_guid_on_two_disks_is_two_partitions(storage: Storage) -> None:
    row = storage.made()
    copy = reported(row, disk_path="/dev/disk/by-path/a", device_node="/dev/sda9", device_path="a9")
    storage.report(reported(row), copy)
    assert len({one["uuid"] for one in storage.listed()}) == 2
    with storage.cloud.db.writer() as conn:
        stored = dict(conn.execute(sa.select(PARTITION).limit(1)).mappings().one())
    with pytest.raises(DuplicateEntry), storage.cloud.db.writer() as conn:
        conn.execute(sa.insert(PARTITION).values(**{**stored, "id": 99, "uuid": "other"}))


def test_results_count_once_and_only_for_orders_of_the_host(storage: Storage) -> None:
    storage.add(100)
    (order,) = storage.orders()
    other = storage.cloud.discover()
    storage.cloud.storage.storage_done(host_uuid=other, result=StorageResult(order.order_uuid, "not mine"))
    storage.cloud.storage.storage_done(host_uuid=storage.host, result=StorageResult("7c2bb7d0", "no order"))
    assert len(storage.orders()) == 1
    for error in ("", "late"):
        storage.cloud.storage.storage_done(host_uuid=storage.host, result=StorageResult(order.order_uuid, error))
    storage.end()
    assert [(one["status"], one["error"]) for one in storage.listed()] == [(0, None)]


def test_an_order_about_a_disk_that_is_gone_ends(storage: Storage) -> None:
    storage.add(100)
    storage.cloud.inventory.store(host_uuid=storage.host, kind="disk", records=[])
    assert storage.orders() == []
    assert storage.cloud.get("/v1/partitions").body["partitions"] == []


def view(order: str, subject: str, **more: Any) -> OperationView:
    return OperationView(order, "storage", subject, {"change": "create", "uuid": "u"}, {}, "agent", 0, None, None,
                         **{"error": None, **more})


def test_the_agent_is_told_until_it_has_answered(storage: Storage) -> None:
    told: list[str] = []

    class Agent(SysinvAgent):
        def storage_ordered(self, *, host_uuid: str) -> None:
            told.append(host_uuid)

    steps = StorageSteps(storage.cloud.db, lambda hostname: Agent())
    waited = steps.carry_out(view("7c2bb7d0-0000-4000-8000-000000000000", storage.host))
    assert isinstance(waited, Wait)
    assert told == [storage.host]
    # A host without name has no agent yet.
    unnamed = storage.cloud.discover()
    assert isinstance(steps.carry_out(view("7c2bb7d0-0000-4000-8000-000000000000", unnamed)), Wait)
    assert told == [storage.host]


def test_an_order_whose_host_is_gone_is_given_up(storage: Storage) -> None:
    steps = StorageSteps(storage.cloud.db, storage.cloud.agent_of)
    gone = view("7c2bb7d0-0000-4000-8000-000000000000", "7c2bb7d0-0000-4000-8000-000000000001", error="late")
    with pytest.raises(HostNotFound):
        steps.carry_out(gone)
    steps.give_up(gone)


def test_a_host_that_is_being_deleted_gets_no_order(storage: Storage) -> None:
    storage.cloud.operations.stop()
    with storage.cloud.db.writer() as conn:
        storage.cloud.work.delete(conn, storage.host, {"mac": "08:00:27:00:00:09"}, name="controller-0")
    assert storage.add(10).status == 409
    assert storage.listed() == []


def test_the_disk_alone_names_the_host(storage: Storage) -> None:
    reply = storage.cloud.post("/v1/partitions", {"idisk_uuid": storage.disk()["uuid"], "size_mib": "10"})
    assert (reply.status, reply.body["ihost_uuid"], reply.body["type_guid"]) == (200, storage.host, LVM_GUID)
