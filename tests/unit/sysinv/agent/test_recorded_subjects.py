# SPDX-License-Identifier: Apache-2.0
"""What a recording holds is reported, what it lacks is not, and no recorded machine is left out in silence.

The files of a recording are read here by other means than the collectors have: with glob and open. A subject that a
recording does not hold is asserted to be absent from its reports, so that a test of it cannot pass by seeing nothing.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flock.testing.machines import recorded_machines
from sysinv.agent.collectors import cpu, disk, memory, numa, pci, port

# Majors of disks: SCSI (8, 65-71, 128-135), IDE (3), virtio (253), NVMe and persistent memory (259).
DISK_MAJORS = {3, 8, *range(65, 72), *range(128, 136), 253, 259}
SUBJECTS = ("cpu", "numa", "memory", "hugepages", "pci", "disk", "nic")
# In how many recordings at least a subject has to be found; every further recording may only add to it.
AT_LEAST = {"cpu": 9, "numa": 8, "memory": 7, "hugepages": 4, "pci": 2, "disk": 2, "nic": 2}


def text(path: Path) -> str:
    """The text of a file of a recording, without white space around it; empty when it is not recorded."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def held(tree: Path) -> dict[str, set[str]]:
    """Names of what the recording at ``tree`` holds of each subject."""
    nodes = {path.parent.name for path in tree.glob("sys/devices/system/node/node[0-9]*/meminfo")}
    return {
        "cpu": {path.parent.name for path in tree.glob("sys/devices/system/cpu/cpu[0-9]*/topology")},
        "numa": {path.name for path in tree.glob("sys/devices/system/node/node[0-9]*")},
        "memory": nodes or {path.name for path in tree.glob("proc/meminfo")},
        "hugepages": {path.name for path in tree.glob("sys/kernel/mm/hugepages/hugepages-*kB")},
        "pci": {path.name for path in tree.glob("sys/bus/pci/devices/*")},
        "disk": {path.name for path in tree.glob("sys/class/block/*")
                 if text(path / "dev").partition(":")[0] in map(str, DISK_MAJORS)
                 and not (path / "partition").exists()},
        "nic": {path.name for path in tree.glob("sys/class/net/*")
                if text(path / "type") == "1" and (path / "device").exists()}}


def reported(root: Any) -> dict[str, int]:
    """How many items of each subject the collectors report."""
    return {"cpu": len(cpu.collect(root)), "numa": len(numa.collect(root)), "memory": len(memory.collect(root)),
            "hugepages": len(memory.hugepage_sizes_kib(root)), "pci": len(pci.functions(root)),
            "disk": len(disk.collect(root)), "nic": len(port.collect(root))}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_subject_is_held_by_recordings(open_recording: Any, subject: str) -> None:
    holders = [machine.name for machine in recorded_machines() if held(open_recording(machine).root.path)[subject]]
    assert len(holders) >= AT_LEAST[subject], holders


def test_as_many_items_are_reported_as_were_recorded(recording: Any) -> None:
    counts = {subject: len(names) for subject, names in held(recording.root.path).items()}
    # A kernel without NUMA, as one of the recordings has, shows no node: the machine is one node.
    counts["numa"] = max(counts["numa"], 1)
    assert reported(recording.root) == counts


def test_ports_have_what_was_recorded(recording: Any) -> None:
    tree = recording.root.path
    reports = {report.name: report for report in port.collect(recording.root)}
    assert set(reports) == held(tree)["nic"]
    for name, report in reports.items():
        folder = tree / "sys/class/net" / name
        # What the links lead to need not be recorded: their own names count.
        assert (report.mac, report.mtu, report.driver) == (
            text(folder / "address"), int(text(folder / "mtu")), (folder / "device/driver").readlink().name)
        assert report.pciaddr == (folder / "device").readlink().name
        assert report.sriov_numvfs == (int(text(folder / "device/sriov_numvfs") or -1) if report.sriov_totalvfs
                                       else None)


def test_disks_have_what_was_recorded(recording: Any) -> None:
    tree = recording.root.path
    reports = {report.device_node.removeprefix("/dev/"): report for report in disk.collect(recording.root)}
    assert set(reports) == held(tree)["disk"]
    for name, report in reports.items():
        folder = tree / "sys/class/block" / name
        assert report.size_mib == int(text(folder / "size")) * 512 // 1024**2
        # udev asked the disk itself; a controller may hide from the kernel that nothing turns.
        number = text(folder / "dev")
        rotates = (text(folder / "queue/rotational") == "1"
                   and "ID_ATA_ROTATION_RATE_RPM=0" not in text(tree / f"run/udev/data/b{number}"))
        assert report.device_type == ("NVME" if name.startswith("nvme") else "HDD" if rotates else "SSD")


def test_the_node_of_each_function_is_the_kernels(recording: Any) -> None:
    """Of every machine, also of those of which hwloc was told to place functions otherwise."""
    tree = recording.root.path
    by_cpus = {report.cpus: report.numa_node for report in numa.collect(recording.root)}
    for report in (*pci.collect(recording.root), *port.collect(recording.root)):
        folder = tree / "sys/bus/pci/devices" / report.pciaddr
        told = int(text(folder / "numa_node"))
        near = mask(text(folder / "local_cpus"))
        assert report.numa_node == (told if told >= 0 else by_cpus.get(near, pci.NUMA_UNKNOWN))


def test_huge_pages_of_each_node_are_those_recorded(recording: Any) -> None:
    for report in memory.collect(recording.root):
        folder = recording.root.path / f"sys/devices/system/node/node{report.numa_node}/hugepages"
        if not folder.exists():
            folder = recording.root.path / "sys/kernel/mm/hugepages"
        for size, reported_pages in (("2048kB", (report.hugepages_nr_2m, report.hugepages_avail_2m)),
                                     ("1048576kB", (report.hugepages_nr_1g, report.hugepages_avail_1g))):
            pages = tuple(int(text(folder / f"hugepages-{size}" / name) or 0)
                          for name in ("nr_hugepages", "free_hugepages"))
            assert reported_pages == pages, size


def mask(words: str) -> tuple[int, ...]:
    """The numbers of the bits that are set in ``ff,ffffffff``."""
    value = int(words.replace(",", "") or "0", 16)
    return tuple(bit for bit in range(value.bit_length()) if value >> bit & 1)
