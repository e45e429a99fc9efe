# SPDX-License-Identifier: Apache-2.0
"""``system host-disk-wipe`` and ``host-disk-partition-*``: requests in StarlingX's form, sizes in GiB."""
from __future__ import annotations

from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, run_cli
from sysinv.cmd.shell import PROGRAM

LVM = "ba5eba11-0000-1111-2222-000000000001"
DISKS = {"idisks": [{"uuid": "d0", "device_node": "/dev/sda", "device_path": "p0", "ihost_uuid": "h"},
                    {"uuid": "d1", "device_node": "/dev/sdb", "device_path": "p1", "ihost_uuid": "h"}]}
PART = {"uuid": "x1", "device_node": "/dev/sdb1", "device_path": "p1-part1", "type_guid": LVM,
        "type_name": "LVM Physical Volume", "size_mib": 10240, "status": 3, "idisk_uuid": "d1", "error": None}
PARTS = {"partitions": [PART, {**PART, "uuid": "x0", "device_node": "/dev/sda9", "device_path": "p0-part9",
                               "size_mib": 1535, "status": 0, "idisk_uuid": "d0"}]}


def api() -> FakeApi:
    table: dict[str, Any] = {
        "/v1/ihosts/w/idisks": {"GET": DISKS}, "/v1/ihosts/w/partitions": {"GET": PARTS},
        "/v1/partitions": {"POST": PART}, "/v1/partitions/x1": {"PATCH": {**PART, "status": 5}, "DELETE": None},
        "/v1/idisks/d1": {"PATCH": DISKS["idisks"][1]}}
    return FakeApi(table)


def system(argv: str, fake: FakeApi | None = None) -> Ran:
    return run_cli(PROGRAM, argv, fake or api())


def last(fake: FakeApi) -> tuple[str, str, Any]:
    return fake.calls[-1][:3]


def test_partitions_are_listed_in_gib_with_words() -> None:
    ran = system("host-disk-partition-list w")
    titles = [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")]
    assert titles == ["uuid", "device_path", "device_node", "type_guid", "type_name", "size_gib", "status"]
    assert system("host-disk-partition-list w -f value -c uuid -c size_gib -c status").out == (
        "x0 1.499 Ready\nx1 10.000 Creating (on unlock)\n")
    assert system("host-disk-partition-list w --disk /dev/sdb -f value -c uuid").out == "x1\n"
    assert system("host-disk-partition-list w --disk /dev/sdz").err == "disk not found: /dev/sdz\n"
    assert "10.000" in system("host-disk-partition-show w p1-part1").out


def test_a_partition_is_added_with_starlingxs_body() -> None:
    fake = api()
    assert system("host-disk-partition-add w /dev/sdb 10 -t lvm_phys_vol", fake).code == 0
    assert last(fake) == ("POST", "/v1/partitions", {
        "ihost_uuid": "h", "idisk_uuid": "d1", "size_mib": 10240, "type_guid": LVM,
        "type_name": "LVM Physical Volume"})


def test_a_partition_is_modified_and_deleted() -> None:
    fake = api()
    assert "Modifying" in system("host-disk-partition-modify w /dev/sdb1 -s 20", fake).out
    assert last(fake) == ("PATCH", "/v1/partitions/x1", [{"op": "replace", "path": "/size_mib", "value": 20480}])
    assert system("host-disk-partition-delete w x1", fake).out == "Deleting partition x1\n"
    assert last(fake)[:2] == ("DELETE", "/v1/partitions/x1")


@pytest.mark.parametrize("size", ["0", "-1", "1.5", "x", "2097152", "9" * 30])
def test_sizes_are_whole_gib(size: str) -> None:
    fake = api()
    assert system(f"host-disk-partition-add w /dev/sdb {size}", fake).code == 2
    assert fake.calls == []


def test_a_wipe_must_be_confirmed() -> None:
    fake = api()
    ran = system("host-disk-wipe w /dev/sdb", fake)
    assert (ran.code, fake.calls) == (2, [])
    assert "--confirm" in ran.err
    assert system("host-disk-wipe --confirm w /dev/sdb", fake).code == 0
    assert last(fake) == ("PATCH", "/v1/idisks/d1", [
        {"op": "replace", "path": "/partition_table", "value": "gpt"},
        {"op": "replace", "path": "/skip_formatting", "value": "False"}])
    system("host-disk-wipe -s --confirm w /dev/sdb", fake)
    assert last(fake)[2][1]["value"] == "True"


GROUP = {"uuid": "g1", "lvm_vg_name": "nova-local", "vg_state": "adding", "lvm_vg_size": 3 * 2**29,
         "lvm_vg_avail_size": 2**30 - 1, "lvm_cur_pv": 1, "lvm_cur_lv": 2, "ihost_uuid": "h", "capabilities": {}}
VOLUME = {"uuid": "v1", "lvm_pv_name": "/dev/sdb1", "disk_or_part_uuid": "x1", "disk_or_part_device_node": "/dev/sdb1",
          "disk_or_part_device_path": "p1-part1", "pv_state": "adding", "pv_type": "partition",
          "lvm_vg_name": "nova-local", "ihost_uuid": "h"}


def groups_api() -> FakeApi:
    return FakeApi({
        "/v1/ihosts/w": {"GET": {"uuid": "h"}}, "/v1/ihosts/w/ilvgs": {"GET": {"ilvgs": [GROUP]}},
        "/v1/ihosts/w/ipvs": {"GET": {"ipvs": [VOLUME]}}, "/v1/ihosts/w/idisks": {"GET": DISKS},
        "/v1/ihosts/w/partitions": {"GET": PARTS}, "/v1/ilvgs": {"POST": GROUP}, "/v1/ipvs": {"POST": VOLUME},
        "/v1/ilvgs/g1": {"DELETE": None}, "/v1/ipvs/v1": {"DELETE": None}})


@pytest.mark.parametrize(("argv", "titles"), [
    ("host-lvg-list w", "UUID,LVG Name,State,Function,Type,Pool Size,Access,Total Size (GiB),Avail Size (GiB),"
                        "Current PVs,Current LVs"),
    ("host-pv-list w", "uuid,lvm_pv_name,disk_or_part_uuid,disk_or_part_device_node,disk_or_part_device_path,pv_state,"
                       "pv_type,lvm_vg_name,ihost_uuid")])
def test_titles_are_starlingxs(argv: str, titles: str) -> None:
    ran = system(argv, groups_api())
    assert [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")] == titles.split(",")


def test_groups_are_shown_in_gib() -> None:
    ran = system("host-lvg-list w -f value -c lvm_vg_size -c lvm_vg_avail_size", groups_api())
    assert ran.out == "1.500 0.999\n"
    assert "nova-local" in system("host-lvg-show w nova-local", groups_api()).out
    assert "/dev/sdb1" in system("host-pv-show w /dev/sdb1", groups_api()).out


def test_a_group_is_added_and_deleted() -> None:
    fake = groups_api()
    assert system("host-lvg-add w nova-local", fake).code == 0
    assert last(fake) == ("POST", "/v1/ilvgs", {"ihost_uuid": "h", "lvm_vg_name": "nova-local"})
    system("host-lvg-add w data -f lvm-csi -t thin", fake)
    assert last(fake)[2]["capabilities"] == {"lvm_function": "lvm-csi", "lvm_type": "thin"}
    assert system("host-lvg-add w data -t fat", fake).code == 2
    assert system("host-lvg-delete w nova-local", fake).code == 0
    assert last(fake)[:2] == ("DELETE", "/v1/ilvgs/g1")


@pytest.mark.parametrize(("device", "uuid"), [("/dev/sdb1", "x1"), ("d1", "d1"), ("p1", "d1")])
def test_a_disk_or_partition_is_added_to_a_group(device: str, uuid: str) -> None:
    fake = groups_api()
    assert system(f"host-pv-add w nova-local {device}", fake).code == 0
    assert last(fake) == ("POST", "/v1/ipvs", {"ihost_uuid": "h", "ilvg_uuid": "g1", "disk_or_part_uuid": uuid})
    assert system("host-pv-add w nova-local /dev/sdq", fake).err == "disk or partition not found: /dev/sdq\n"


def test_a_volume_is_removed() -> None:
    fake = groups_api()
    assert system("host-pv-delete w /dev/sdb1", fake).code == 0
    assert last(fake)[:2] == ("DELETE", "/v1/ipvs/v1")
