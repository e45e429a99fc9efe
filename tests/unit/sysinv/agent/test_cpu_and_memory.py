# SPDX-License-Identifier: Apache-2.0
"""CPUs, nodes and memory where no recording shows the case: old and sparse kernels, offline CPUs, odd nodes."""
from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.exec import Root
from sysinv.agent.collectors import cpu, memory, numa
from sysinv.agent.collectors.cpusets import NUMBER_MAX, parse_list, parse_mask, read_set

MakeRoot = Callable[[Mapping[str, str]], Root]
CPU = "sys/devices/system/cpu"
NODE = "sys/devices/system/node"


@pytest.mark.parametrize(("text", "members"), [
    ("", set()), ("0", {0}), ("0-3", {0, 1, 2, 3}), ("0-1,8", {0, 1, 8}), ("0-7:2", {0, 2, 4, 6}),
    ("0-9:2/5", {0, 1, 5, 6}), ("nonsense,3", {3}), ("5-2", set()), ("-1", set())])
def test_lists(text: str, members: set[int]) -> None:
    assert parse_list(text) == members


@pytest.mark.parametrize(("text", "members"), [
    ("", set()), ("3", {0, 1}), ("00000001,00000000", {32}), ("zz", set()), ("0000,22222222,00000000",
                                                                          set(range(33, 64, 4)))])
def test_masks(text: str, members: set[int]) -> None:
    assert parse_mask(text) == members


@given(st.frozensets(st.integers(0, 500)))
def test_mask_and_list_tell_the_same(members: frozenset[int]) -> None:
    value = sum(1 << number for number in members)
    words = [f"{value >> shift & 0xffffffff:08x}" for shift in range(512 - 32, -1, -32)]
    assert parse_mask(",".join(words)) == members
    assert parse_list(",".join(str(number) for number in members)) == members


def topology(number: int, package: int, core: int, siblings: str) -> dict[str, str]:
    base = f"{CPU}/cpu{number}/topology"
    return {f"{base}/physical_package_id": str(package), f"{base}/core_id": str(core),
            f"{base}/thread_siblings_list": siblings}


def places(root: Root) -> list[tuple[int, int, int, int, int]]:
    return [(one.cpu, one.socket, one.core, one.thread, one.numa_node) for one in cpu.collect(root)]


def test_smt_siblings_far_apart(make_root: MakeRoot) -> None:
    root = make_root({f"{CPU}/online": "0-3", **topology(0, 0, 0, "0,2"), **topology(1, 0, 1, "1,3"),
                      **topology(2, 0, 0, "0,2"), **topology(3, 0, 1, "1,3")})
    assert places(root) == [(0, 0, 0, 0, 0), (1, 0, 1, 0, 0), (2, 0, 0, 1, 0), (3, 0, 1, 1, 0)]


def test_offline_cpus_are_not_reported_and_do_not_count_as_threads(make_root: MakeRoot) -> None:
    root = make_root({f"{CPU}/online": "0,3", **topology(0, 0, 0, "0"), **topology(3, 0, 1, "1,3"),
                      f"{CPU}/cpu1/online": "0", f"{NODE}/node0/cpulist": "0-3"})
    assert places(root) == [(0, 0, 0, 0, 0), (3, 0, 1, 0, 0)]
    assert numa.collect(root)[0].cpus == (0, 3)


@pytest.mark.parametrize(("folder", "text"), [
    ("core_siblings_list", "0-65535," * 2000), ("core_siblings", "f" * 20_000)])
def test_cpus_that_name_too_many_siblings_cost_little_memory(make_root: MakeRoot, folder: str, text: str) -> None:
    files = {f"sys/devices/system/cpu/cpu{number}/topology/{folder}": text for number in range(500)}
    root = make_root({"sys/devices/system/cpu/online": "0-499", **files})
    tracemalloc.start()
    sets = [read_set(root, f"sys/devices/system/cpu/cpu{number}/topology/core_siblings_list",
                     f"sys/devices/system/cpu/cpu{number}/topology/core_siblings") for number in range(500)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sets == [frozenset(range(NUMBER_MAX + 1))] * 500
    assert peak < 16 * 1024 * 1024


def test_online_files_where_the_list_is_missing(make_root: MakeRoot) -> None:
    root = make_root({f"{CPU}/cpu0/": "", f"{CPU}/cpu1/online": "0", f"{CPU}/cpu2/online": "1", f"{CPU}/cpufreq/": ""})
    assert numa.online_cpus(root) == [0, 2]


def test_newer_names_win_over_deprecated_ones(make_root: MakeRoot) -> None:
    files = {**topology(0, 0, 0, "0-1"), **topology(1, 0, 0, "0-1"), f"{CPU}/online": "0-1"}
    files |= {f"{CPU}/cpu{n}/topology/core_cpus_list": str(n) for n in (0, 1)}
    files[f"{CPU}/cpu1/topology/core_id"] = "1"
    assert [(one.core, one.thread) for one in cpu.collect(make_root(files))] == [(0, 0), (1, 0)]


def test_no_topology_directories_but_cpuinfo_tells(make_root: MakeRoot) -> None:
    blocks = "\n\n".join(
        f"processor\t: {n}\nphysical id\t: {n // 4}\ncore id\t\t: {n % 2}\nmodel name\t: Old  CPU\ncpu family\t: 6"
        for n in range(8))
    root = make_root({f"{CPU}/online": "0-7", "proc/cpuinfo": blocks})
    assert [(one.socket, one.core, one.thread) for one in cpu.collect(root)] == [
        (0, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 0), (1, 1, 0), (1, 0, 1), (1, 1, 1)]
    assert cpu.collect(root)[0].cpu_model == "Old CPU"


def test_nothing_but_a_processor_list(make_root: MakeRoot) -> None:
    root = make_root({"proc/cpuinfo": "processor\t: 0\nBogoMIPS : 1\n\nprocessor\t: 1\nHardware\t: Board"})
    assert places(root) == [(0, 0, 0, 0, 0), (1, 0, 1, 0, 0)]


def test_unknown_package_ids_follow_the_sibling_sets(make_root: MakeRoot) -> None:
    files = {f"{CPU}/online": "0-3"}
    for number, mask in ((0, "3"), (1, "3"), (2, "c"), (3, "c")):
        files |= topology(number, -1, number % 2, str(number)) | {f"{CPU}/cpu{number}/topology/core_siblings": mask}
    assert [(one.socket, one.core) for one in cpu.collect(make_root(files))] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_arm_names_and_old_arm_names(make_root: MakeRoot) -> None:
    root = make_root({"proc/cpuinfo": "Processor : ARMv7 rev 3\nCPU architecture: 7\n\nprocessor : 0\n\nprocessor : 1"})
    assert [(one.cpu_family, one.cpu_model) for one in cpu.collect(root)] == [("7", "ARMv7 rev 3")] * 2


CPUINFO = {
    "arm64": ("processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd40\n\nprocessor\t: 3\n"
              "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd4f\n",
              {0: ("8", "ARM implementer 0x41 part 0xd40"), 3: ("8", "ARM implementer 0x41 part 0xd4f")}),
    "s390x": ("vendor_id       : IBM/S390\n# processors    : 2\nbogomips per cpu: 3033.00\nfeatures\t: esan3 zarch\n"
              "cache0          : level=1 type=Data scope=Private size=128K\n"
              "processor 0: version = FF,  identification = 233EF7,  machine = 3906\n"
              "processor 1: version = FF,  identification = 233EF7,  machine = 3906\n\ncpu number      : 0\n"
              "cpu MHz dynamic : 5208\n\ncpu number      : 1\ncpu MHz dynamic : 5208\n",
              {0: ("", "IBM/S390 machine 3906"), 1: ("", "IBM/S390 machine 3906")}),
    "ppc64le": ("processor\t: 0\ncpu\t\t: POWER9 (raw), altivec supported\nclock\t\t: 2300.000000MHz\n\n"
                "processor\t: 4\ncpu\t\t: POWER9 (raw), altivec supported\n\ntimebase\t: 512000000\n"
                "model\t\t: 8335-GTH\nmachine\t\t: PowerNV 8335-GTH\n",
                {0: ("", "POWER9 (raw), altivec supported"), 4: ("", "POWER9 (raw), altivec supported")}),
    "loongarch": ("system type\t\t: generic-loongson-machine\n\nprocessor\t\t: 0\nCPU Family\t\t: Loongson-64bit\n"
                  "Model Name\t\t: Loongson-3A5000\n", {0: ("Loongson-64bit", "Loongson-3A5000")}),
    "riscv": ("processor\t: 0\nhart\t\t: 2\nisa\t\t: rv64imafdc\nuarch\t\t: sifive,u74-mc\n",
              {0: ("", "sifive,u74-mc")}),
    "sparc": ("cpu\t\t: TI UltraSparc T2\nncpus active\t: 2\nCPU0:\t\t online\nCPU8:\t\t online\n",
              {0: ("", "TI UltraSparc T2"), 8: ("", "TI UltraSparc T2")}),
    "old arm": ("Processor\t: ARM926EJ-S rev 5 (v5l)\nCPU architecture: 5TEJ\n",
                {0: ("5TEJ", "ARM926EJ-S rev 5 (v5l)")}),
    "x86 without names": ("processor : 0\nvendor_id : x\n\nprocessor : 2\ncpu family : 6\nmodel name :  A   B\n",
                          {0: ("", ""), 2: ("6", "A B")})}


@pytest.mark.parametrize("architecture", CPUINFO)
def test_processors_of_every_architecture(make_root: MakeRoot, architecture: str) -> None:
    """Without sysfs the numbers are those of the file, which leaves out processors that are offline."""
    text, expected = CPUINFO[architecture]
    reports = cpu.collect(make_root({"proc/cpuinfo": text}))
    assert {one.cpu: (one.cpu_family, one.cpu_model) for one in reports} == expected


def test_memory_only_nodes_have_memory_and_no_cpus(make_root: MakeRoot) -> None:
    root = make_root({
        f"{CPU}/online": "0-1", **topology(0, 0, 0, "0"), **topology(1, 0, 1, "1"),
        f"{NODE}/node0/cpulist": "0-1", f"{NODE}/node0/meminfo": "Node 0 MemTotal: 4194304 kB\nNode 0 MemFree: 1024 kB",
        f"{NODE}/node4/cpumap": "0", f"{NODE}/node4/meminfo": "Node 4 MemTotal: 8388608 kB\nNode 4 MemFree: 2048 kB"})
    assert [(one.numa_node, one.cpus) for one in numa.collect(root)] == [(0, (0, 1)), (4, ())]
    assert [(one.numa_node, one.node_memtotal_mib) for one in memory.collect(root)] == [(0, 4096), (4, 8192)]


def test_memoryless_nodes_have_cpus_and_no_memory(make_root: MakeRoot) -> None:
    root = make_root({
        f"{CPU}/online": "0-1", f"{NODE}/node0/cpulist": "0", f"{NODE}/node0/meminfo": "Node 0 MemTotal: 4194304 kB",
        f"{NODE}/node1/cpulist": "1", f"{NODE}/node1/meminfo": "Node 1 MemTotal: 0 kB\nNode 1 MemFree: 0 kB"})
    reports = memory.collect(root)
    assert [(one.numa_node, one.node_memtotal_mib, one.pages_4k) for one in reports] == [(0, 4096, 1048576), (1, 0, 0)]
    assert [one.numa_node for one in cpu.collect(root)] == [0, 1]


def test_node_cpus_from_the_oldest_notation(make_root: MakeRoot) -> None:
    root = make_root({f"{CPU}/cpu0/": "", f"{CPU}/cpu1/": "", f"{NODE}/node0/cpu0": "->../../cpu/cpu0",
                      f"{NODE}/node1/cpu1": "->../../cpu/cpu1"})
    assert [(one.numa_node, one.cpus) for one in numa.collect(root)] == [(0, (0,)), (1, (1,))]


def test_no_numa_directory_is_one_node(make_root: MakeRoot) -> None:
    root = make_root({f"{CPU}/online": "0-1", "proc/meminfo": "MemTotal: 2097152 kB\nMemFree: 1024 kB\nCached: 2048 kB",
                      "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "10",
                      "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "4"})
    assert [(one.numa_node, one.cpus) for one in numa.collect(root)] == [(0, (0, 1))]
    (report,) = memory.collect(root)
    assert (report.node_memtotal_mib, report.memavail_mib) == (2048, 3)
    assert (report.hugepages_nr_2m, report.hugepages_avail_2m) == (10, 4)
    assert report.pages_4k == (2097152 - 20480) // 4


def hugepages(base: str, kib: int, nr: int, free: int) -> dict[str, str]:
    return {f"{base}/hugepages-{kib}kB/nr_hugepages": str(nr), f"{base}/hugepages-{kib}kB/free_hugepages": str(free)}


def test_huge_pages_reserve_and_vswitch_per_node(make_root: MakeRoot) -> None:
    files = {
        "proc/cpuinfo": "processor : 0\nflags : fpu pdpe1gb",
        "etc/platform/worker_reserved.conf":
            'COMPUTE_VSWITCH_MEMORY=("node0:1048576kB:1" "node1:1048576kB:2")\n'
            'export WORKER_BASE_RESERVED=("node0:7000MB:1" "node1:1000MB:1")'}
    for node in (0, 1):
        files |= {f"{NODE}/node{node}/cpulist": str(node),
                  f"{NODE}/node{node}/meminfo": f"Node {node} MemTotal: 33554432 kB\nNode {node} MemFree: 30000000 kB\n"
                                                f"Node {node} FilePages: 100 kB\nNode {node} SReclaimable: 24 kB"}
        files |= hugepages(f"{NODE}/node{node}/hugepages", 2048, 512, 256)
        files |= hugepages(f"{NODE}/node{node}/hugepages", 1048576, 4 + node, 1)
    first, second = memory.collect(make_root(files))
    assert (first.platform_reserved_mib, first.memtotal_mib) == (7000, 32768 - 7000)
    assert (second.platform_reserved_mib, second.memtotal_mib) == (1000, 32768 - 1000)
    assert (first.hugepages_nr_2m, first.hugepages_avail_2m) == (512, 256)
    assert (first.hugepages_nr_1g, second.hugepages_nr_1g, second.hugepages_avail_1g) == (4, 5, 1)
    assert (first.hugepages_possible_2m, first.hugepages_possible_1g) == ((32768 - 7000) // 2, (32768 - 7000) // 1024)
    assert (second.vswitch_hugepages_size_mib, second.vswitch_hugepages_nr, second.vswitch_hugepages_avail) == (
        1024, 2, 1)
    assert first.memavail_mib == first.memtotal_mib - 512 * 2 - 4 * 1024  # more is free than what is left for others
    assert second.pages_4k == ((32768 - 1000) * 1024 - 512 * 2048 - 5 * 1048576) // 4


def test_only_node_has_all_pages_where_nodes_do_not_count_them(make_root: MakeRoot) -> None:
    files = {f"{NODE}/node0/meminfo": "Node 0 MemTotal: 4194304 kB",
             **hugepages("sys/kernel/mm/hugepages", 2048, 100, 50)}
    (report,) = memory.collect(make_root(files))
    assert (report.hugepages_nr_2m, report.hugepages_avail_2m) == (100, 50)
    first, second = memory.collect(make_root({f"{NODE}/node1/meminfo": "Node 1 MemTotal: 4194304 kB"}))
    assert (first.hugepages_nr_2m, second.hugepages_nr_2m) == (0, 0)


@pytest.mark.parametrize(("flags", "offered", "possible"), [
    ("fpu lm pdpe1gb", [], True), ("fpu lm", [], False), ("fpu", [1048576], True), ("fpu pdpe1gbx", [], False),
    ("fpu pdpe1gb", [2048], False), ("fpu pdpe1gb", [2048, 1048576], True)])
def test_one_gib_pages(make_root: MakeRoot, flags: str, offered: list[int], possible: bool) -> None:
    files = {"proc/cpuinfo": f"processor : 0\nflags : {flags}", "proc/meminfo": "MemTotal: 4194304 kB"}
    for kib in offered:
        files |= hugepages("sys/kernel/mm/hugepages", kib, 0, 0)
    (report,) = memory.collect(make_root(files))
    assert report.supports_1g is possible
    assert report.hugepages_possible_1g == (4 if possible else 0)


def test_reserve_larger_than_the_node_leaves_nothing_not_less(make_root: MakeRoot) -> None:
    root = make_root({"proc/meminfo": "MemTotal: 1048576 kB\nMemFree: 500000 kB",
                      "etc/platform/worker_reserved.conf": 'WORKER_BASE_RESERVED=("node0:7000MB:1")'})
    (report,) = memory.collect(root)
    assert (report.memtotal_mib, report.memavail_mib, report.pages_4k) == (0, 0, 0)


@pytest.mark.parametrize(("files", "possible"), [
    (hugepages("sys/kernel/mm/hugepages", 2048, 0, 0), (2048, 0)),
    (hugepages("sys/kernel/mm/hugepages", 524288, 0, 0), (0, 0)),  # ARM with base pages of 64 KiB
    ({"sys/kernel/mm/hugepages/": ""}, (0, 0)), ({}, (0, 0))])
def test_pages_are_possible_only_in_sizes_that_the_kernel_offers(make_root: MakeRoot, files: dict[str, str],
                                                                 possible: tuple[int, int]) -> None:
    (report,) = memory.collect(make_root({"proc/meminfo": "MemTotal: 4194304 kB", **files}))
    assert (report.hugepages_possible_2m, report.hugepages_possible_1g) == possible
