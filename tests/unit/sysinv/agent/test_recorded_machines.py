# SPDX-License-Identifier: Apache-2.0
"""Every recorded machine through every collector, against the topology that hwloc or lscpu expects of it.

Expectations are parsed from the files beside the recordings; nothing here knows a machine's numbers. Where the other
tool looks at something else than we do, the difference is derived by a rule that is named at its place.
"""
from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flock.exec import Root
from flock.testing.machines import machines_directory, recorded_machines
from sysinv.agent.collectors import cpu, disk, memory, numa, pci, platform, port

OPTICAL_MAJOR = 11
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def test_there_are_recordings_of_all_three_kinds() -> None:
    machines = recorded_machines()
    assert {machine.expected.suffix for machine in machines} == {".xml", ".console", ".txt"}
    assert len(machines) == len([name for name in os.listdir(machines_directory()) if ".tar." in name])


def test_recordings_are_the_repository_s_unless_the_environment_names_others(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FLOCK_MACHINES", raising=False)
    copies = machines_directory()
    assert copies == Path(__file__).resolve().parents[3] / "fixtures" / "machines"
    assert (copies / "LICENSE.hwloc").is_file()
    assert (copies / "README.md").is_file()
    monkeypatch.setenv("FLOCK_MACHINES", str(tmp_path))
    assert machines_directory() == tmp_path and recorded_machines() == []


def test_logical_cpus_and_sockets(recording: Any) -> None:
    reports = cpu.collect(recording.root)
    assert [report.cpu for report in reports] == sorted(recording.expected.cpus)
    assert {report.socket for report in reports} == recording.expected.sockets


def test_cores_and_their_threads(recording: Any) -> None:
    reports = cpu.collect(recording.root)
    found: dict[tuple[int, int], set[int]] = {}
    for report in reports:
        found.setdefault((report.socket, report.core), set()).add(report.cpu)
    expected = {(core.socket, core.cpus) for core in recording.expected.cores}
    # (socket, core) names exactly one physical core.
    assert {(socket, frozenset(cpus)) for (socket, _), cpus in found.items()} == expected
    assert len(found) == len(recording.expected.cores)


def test_core_ids_are_the_kernels_where_unique_in_the_package(recording: Any) -> None:
    reports = {report.cpu: report for report in cpu.collect(recording.root)}
    repeated = Counter((core.socket, core.core_id) for core in recording.expected.cores)
    clashing = {socket for (socket, _), times in repeated.items() if times > 1}
    for core in recording.expected.cores:
        if core.socket not in clashing:
            assert {reports[number].core for number in core.cpus} == {core.core_id}
    for socket in clashing:
        numbers = {reports[min(core.cpus)].core for core in recording.expected.cores if core.socket == socket}
        assert numbers == set(range(len(numbers)))


def test_threads_count_up_within_each_core(recording: Any) -> None:
    reports = {report.cpu: report for report in cpu.collect(recording.root)}
    for core in recording.expected.cores:
        assert [reports[number].thread for number in sorted(core.cpus)] == list(range(len(core.cpus)))


def test_processor_models(recording: Any) -> None:
    reports = cpu.collect(recording.root)
    for socket, model in recording.expected.models.items():
        assert {report.cpu_model for report in reports if report.socket == socket} == {" ".join(model.split())}
    assert all(report.cpu_family and report.cpu_model for report in reports)


def test_numa_nodes_and_their_cpus(recording: Any) -> None:
    nodes = {report.numa_node: frozenset(report.cpus) for report in numa.collect(recording.root)}
    assert nodes == {number: node.cpus for number, node in recording.expected.nodes.items()}
    for report in cpu.collect(recording.root):
        assert report.cpu in nodes[report.numa_node]


def test_memory_of_each_node(recording: Any) -> None:
    expected = {number: node for number, node in recording.expected.nodes.items() if node.memory_bytes is not None}
    if recording.machine.expected.suffix == ".txt":
        # lscpu says nothing about memory and its recordings hold no meminfo.
        assert not expected
    else:
        # hwloc invents a node's memory from nothing else than the same meminfo; every node must have one.
        assert set(expected) == set(recording.expected.nodes)
    reports = {report.numa_node: report for report in memory.collect(recording.root)}
    assert set(reports) == set(expected)
    for number, node in expected.items():
        rounding = max(node.rounding_bytes, 1024**2)
        assert abs(reports[number].node_memtotal_mib * 1024**2 - node.memory_bytes) < rounding
        assert 0 < reports[number].memavail_mib <= reports[number].memtotal_mib <= reports[number].node_memtotal_mib


def test_memory_counts_fit_together(recording: Any) -> None:
    for report in memory.collect(recording.root):
        huge_mib = report.hugepages_nr_2m * 2 + report.hugepages_nr_1g * 1024
        assert report.memavail_mib + huge_mib <= report.memtotal_mib
        assert report.pages_4k * 4 // 1024 + huge_mib <= report.memtotal_mib
        assert report.hugepages_avail_2m <= report.hugepages_nr_2m <= max(report.hugepages_possible_2m, 0)
        assert report.hugepages_avail_1g <= report.hugepages_nr_1g <= report.hugepages_possible_1g


def test_huge_page_sizes(recording: Any) -> None:
    sizes = recording.expected.page_sizes_bytes
    offered = [size_kib * 1024 for size_kib in memory.hugepage_sizes_kib(recording.root)]
    # hwloc lists the base page first; without a recorded hugepages directory it lists none at all.
    assert offered == sorted(sizes or (0,))[1:]


def test_huge_page_counts_agree_with_the_nodes_own_meminfo(recording: Any) -> None:
    """The default size is counted a second time in each node's meminfo."""
    for report in memory.collect(recording.root):
        info = memory.meminfo(recording.root, f"{numa.NODE_DIR}/node{report.numa_node}/meminfo")
        if "HugePages_Total" in info:
            assert (report.hugepages_nr_2m, report.hugepages_avail_2m) == (
                info["HugePages_Total"], info["HugePages_Free"])


def test_pci_functions(recording: Any) -> None:
    found = pci.functions(recording.root)
    if recording.expected.pci is None:
        # Recorded without the PCI bus (or hwloc told to look at processors only): there must be nothing to read.
        assert not found
        return
    assert set(found) - bridges_without_bus(recording.root) == set(recording.expected.pci)
    for address, expected in recording.expected.pci.items():
        function = found[address]
        assert (function.class_id[:4], function.vendor, function.device) == (
            expected.pclass, expected.vendor, expected.device)
        if not expected.is_bridge and expected.subvendor != "0000":
            # The configuration space of a bridge has no subsystem ids at that offset.
            assert (function.subvendor, function.subdevice) == (expected.subvendor, expected.subdevice)


def bridges_without_bus(root: Root) -> set[str]:
    """PCI bridges whose secondary bus number was never set (not above the primary): hwloc leaves those out."""
    without = set()
    for address, function in pci.functions(root).items():
        config = root.raw(f"{pci.DEVICES}/{address}/config", 64) or b""
        if function.class_id.startswith("0604") and len(config) == 64 and config[0x19] <= config[0x18]:
            without.add(address)
    return without


def test_listed_pci_devices_are_those_a_guest_may_have(recording: Any) -> None:
    """Not listed: NICs (0200, 0280), bridges (06), PIC, DMA, RTC, IOMMU, peripherals (08), counters (1101)."""
    expected = {address for address, function in (recording.expected.pci or {}).items()
                if not function.is_bridge and not re.match(r"0200|0280|06|0800|0801|0803|0806|0880|1101",
                                                           function.pclass)}
    reports = {report.pciaddr: report for report in pci.collect(recording.root)}
    assert set(reports) == expected
    for address, report in reports.items():
        assert report.pclass_id[:4] == recording.expected.pci[address].pclass
        assert report.pvendor == f"Vendor {recording.expected.pci[address].vendor}"


def test_pci_locality(recording: Any) -> None:
    """A function that hwloc hangs below one node is on that node, or the kernel does not know."""
    if "pcilocality" in recording.name:
        # hwloc was run with HWLOC_PCI_LOCALITY set: its answer is the tester's, not the machine's. What the kernel of
        # this machine says is compared in test_recorded_subjects.py.
        return
    for report in pci.collect(recording.root) + port.collect(recording.root):
        nodes = recording.expected.pci[report.pciaddr].nodes
        if report.numa_node == pci.NUMA_UNKNOWN:
            assert recording.root.int(f"{pci.DEVICES}/{report.pciaddr}/numa_node") == -1
        else:
            assert nodes == {report.numa_node}


def test_disks(recording: Any) -> None:
    """hwloc lists optical drives among block devices; our disks have the majors of disks."""
    expected = {name: found for name, found in (recording.expected.disks or {}).items()
                if found.number[0] != OPTICAL_MAJOR}
    reports = {report.device_node.removeprefix("/dev/"): report for report in disk.collect(recording.root)}
    assert set(reports) == set(expected)
    for name, report in reports.items():
        found = expected[name]
        assert report.device_num == os.makedev(*found.number)
        assert report.size_mib == found.size_kib // 1024
        if found.model is not None:
            assert report.model == found.model
        if found.serial is not None:
            assert report.serial_id == found.serial
    paths = [report.device_path for report in reports.values()]
    assert len(set(paths)) == len(paths)
    # All recordings with disks boot from one of them.
    assert [report.is_rootfs for report in reports.values()].count(True) == (1 if reports else 0)


def test_network_ports(recording: Any) -> None:
    """Our ports are Ethernet: hwloc's InfiniBand interfaces have 20-byte addresses."""
    expected = {name: nic for name, nic in (recording.expected.nics or {}).items() if MAC.fullmatch(nic.address)}
    reports = {report.name: report for report in port.collect(recording.root)}
    assert {name: (report.mac, report.pciaddr) for name, report in reports.items()} == {
        name: (nic.address, nic.pciaddr) for name, nic in expected.items()}
    for report in reports.values():
        assert report.pvendor.endswith(f"[{recording.expected.pci[report.pciaddr].vendor}]")
        assert report.driver


def test_processor_frequencies(recording: Any) -> None:
    if recording.expected.max_mhz is None:
        return
    (report,) = platform.collect(recording.root)
    assert report.max_cpu_mhz_allowed == str(int(recording.expected.max_mhz))
    assert report.min_cpu_mhz_allowed == str(int(recording.expected.min_mhz))


@pytest.mark.parametrize("damage", ["sys/devices/system/node", "sys/devices/system/cpu", "proc", "sys"])
def test_a_half_recorded_machine_is_read_without_error(open_recording: Callable[..., Any], tmp_path: Path,
                                                       damage: str) -> None:
    """Whatever is missing, collectors answer with what is left."""
    machine = min(recorded_machines(), key=lambda one: one.archive.stat().st_size)
    tree = machine.unpack(tmp_path)
    os.rename(tree / damage, tree / "gone") if (tree / damage).exists() else None
    root = Root(tree)
    for collector in (cpu, numa, memory, port, disk, pci, platform):
        assert isinstance(collector.collect(root), list)
