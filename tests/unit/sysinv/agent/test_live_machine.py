# SPDX-License-Identifier: Apache-2.0
"""The collectors on the running machine, against what its own tools say."""
from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from flock.exec import Root, run
from sysinv.agent.collectors import cpu, disk, memory, numa, pci, platform, port

ROOT = Root("/")
needs_lscpu = pytest.mark.skipif(shutil.which("lscpu") is None, reason="lscpu is not installed")


def lscpu() -> list[dict[str, Any]]:
    done = run(["lscpu", "-J", "--extended=CPU,CORE,SOCKET,NODE,ONLINE"], timeout_s=10)
    rows: list[dict[str, Any]] = json.loads(done.out)["cpus"]
    return [row for row in rows if row.get("online", True)]


def test_as_many_cpus_as_the_system_counts() -> None:
    assert len(cpu.collect(ROOT)) == os.sysconf("SC_NPROCESSORS_ONLN")


@needs_lscpu
def test_cores_sockets_and_nodes_as_lscpu_sees_them() -> None:
    reports = cpu.collect(ROOT)
    rows = {int(row["cpu"]): row for row in lscpu()}
    assert {report.cpu for report in reports} == set(rows)
    cores: dict[int, set[tuple[int, int]]] = {}
    for report in reports:
        cores.setdefault(int(rows[report.cpu]["core"]), set()).add((report.socket, report.core))
        # A kernel without NUMA has no node column.
        assert report.numa_node == int(rows[report.cpu].get("node") or 0)
    assert all(len(places) == 1 for places in cores.values())
    assert len({place for places in cores.values() for place in places}) == len(cores)
    assert len({report.socket for report in reports}) == len({row["socket"] for row in rows.values()})


def test_memory_is_what_the_kernel_has() -> None:
    reports = memory.collect(ROOT)
    assert [report.numa_node for report in reports] == [node.numa_node for node in numa.collect(ROOT)]
    assert all(report.node_memtotal_mib > 0 for report in reports)
    for report in reports:
        told = Path(f"/sys/devices/system/node/node{report.numa_node}/meminfo")
        if told.exists():
            total_kib = int(told.read_text().split("MemTotal:")[1].split()[0])
            assert abs(report.node_memtotal_mib - total_kib // 1024) <= max(64, total_kib // 1024 // 4)


def test_pci_functions_are_those_on_the_bus() -> None:
    bus = Path("/sys/bus/pci/devices")
    assert set(pci.functions(ROOT)) == ({entry.name for entry in bus.iterdir()} if bus.is_dir() else set())
    assert all(report.pvendor_id != "" for report in pci.collect(ROOT))


def test_ports_exist_and_have_their_address() -> None:
    for report in port.collect(ROOT):
        assert report.mac == Path(f"/sys/class/net/{report.name}/address").read_text().strip()
        assert report.name != "lo"


def test_disks_exist_and_have_their_size() -> None:
    for report in disk.collect(ROOT):
        name = report.device_node.removeprefix("/dev/")
        assert report.size_mib == int(Path(f"/sys/class/block/{name}/size").read_text()) // 2048


def test_boot_is_this_boot() -> None:
    (report,) = platform.collect(ROOT)
    assert report.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert report.kernel_release == os.uname().release
    assert 0 <= float(Path("/proc/uptime").read_text().split()[0]) - report.uptime_s < 5
