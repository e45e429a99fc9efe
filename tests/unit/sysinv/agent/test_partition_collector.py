# SPDX-License-Identifier: Apache-2.0
"""Partitions that the agent finds: on recorded machines, in udev's database, and in a GPT that sfdisk wrote."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flock.exec import Root, run
from sysinv.agent.collectors import disk, gpt, partition

LVM = "ba5eba11-0000-1111-2222-000000000001"
GUID = "0f0e4d42-4f1f-4e3c-9d0f-0000000000aa"
MakeRoot = Callable[[Mapping[str, str]], Root]
TREE = {
    "sys/devices/vdb/dev": "253:16", "sys/devices/vdb/size": "131072", "sys/devices/vdb/vdb2/partition": "2",
    "sys/devices/vdb/vdb2/dev": "253:18", "sys/devices/vdb/vdb2/start": "4095", "sys/devices/vdb/vdb2/size": "20482",
    "sys/class/block/vdb": "-> ../../devices/vdb", "sys/class/block/vdb2": "-> ../../devices/vdb/vdb2"}
UDEV = ("S:disk/by-path/pci-1-part2\nE:ID_PART_ENTRY_TYPE=0fc63daf-8483-4772-8e79-3d69d8477de4\n"
        "E:ID_PART_ENTRY_UUID=of-udev\nE:ID_PART_ENTRY_NAME=srv")


def test_places_are_rounded_outwards_and_sizes_down(make_root: MakeRoot) -> None:
    (found,) = partition.collect(make_root(TREE))
    assert (found.start_mib, found.end_mib, found.size_mib) == (1, 13, 10)
    assert (found.disk_path, found.number, found.device_node, found.device_path) == (
        "/dev/vdb", 2, "/dev/vdb2", "/dev/vdb2")
    assert (found.type_guid, found.part_guid, found.in_use) == (None, None, False)


def test_udev_tells_what_the_disk_cannot(make_root: MakeRoot) -> None:
    (found,) = partition.collect(make_root({
        **TREE, "run/udev/data/b253:16": "S:disk/by-path/pci-1", "run/udev/data/b253:18": UDEV}))
    assert (found.type_guid, found.type_name) == ("0fc63daf-8483-4772-8e79-3d69d8477de4", "srv")
    assert (found.part_guid, found.disk_path) == ("of-udev", "/dev/disk/by-path/pci-1")
    assert found.device_path == "/dev/disk/by-path/pci-1-part2"


def test_the_table_on_the_disk_counts_more_than_udev(make_root: MakeRoot) -> None:
    root = make_root({**TREE, "run/udev/data/b253:18": UDEV})
    image = root.path / "dev/vdb"
    image.parent.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * 2**20)
    run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(image)], timeout_s=10,
        input=f'label: gpt\n2 : start=4096, size=20480, type={LVM}, uuid={GUID}, name="é"\n')
    assert gpt.entries(root, "dev/vdb") == {2: gpt.Entry(LVM, GUID, "é")}
    (found,) = partition.collect(root)
    assert (found.type_guid, found.part_guid, found.type_name) == (LVM, GUID, "é")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.binary(max_size=100), table=st.binary(max_size=600))
def test_no_content_of_a_disk_breaks_the_reader(tmp_path: Path, header: bytes, table: bytes) -> None:
    (tmp_path / "image").write_bytes((bytes(512) + gpt.SIGNATURE + header).ljust(1024, b"\0") + table)
    for entry in gpt.entries(Root(tmp_path), "image").values():
        assert len(entry.guid) == 36


def test_recorded_machines_have_the_partitions_that_sysfs_lists(recording: Any) -> None:
    found = partition.collect(recording.root)
    assert not found.unread
    disks = {one.device_path for one in disk.collect(recording.root)}
    assert {one.disk_path for one in found} <= disks
    assert len({one.device_node for one in found}) == len(found)
    for path in disks:
        parts = sorted((one for one in found if one.disk_path == path), key=lambda one: one.start_mib)
        assert all(one.start_mib < one.end_mib or one.size_mib == 0 for one in parts)


@pytest.mark.parametrize("missing", ["size", "start", "dev"])
def test_a_partition_without_a_file_is_reported_all_the_same(make_root: MakeRoot, missing: str) -> None:
    root = make_root({path: text for path, text in TREE.items() if path != f"sys/devices/vdb/vdb2/{missing}"})
    assert [one.number for one in partition.collect(root)] == [2]
