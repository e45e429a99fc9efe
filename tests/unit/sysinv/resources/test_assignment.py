# SPDX-License-Identifier: Apache-2.0
"""Giving cores, memory and devices of a host another use."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysinv.contract.enums import CpuFunction
from sysinv.model.host import HostRefused, InventoryHost
from sysinv.resources.cpu.intake import StoredCpu
from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.cpu.rules import assign, parse_requests
from sysinv.resources.device.report import PciDeviceReport
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.node.report import NumaReport
from sysinv.resources.port.report import PortReport

MAC = "08:00:27:be:6e:25"
WORKER = InventoryHost(
    id=1, uuid="u1", hostname="worker-0", personality="worker", subfunctions="worker", subfunction_oper="disabled",
    subfunction_avail="not-installed", administrative="locked", operational="disabled", availability="online",
    invprovision="unprovisioned", inv_state="inventoried", action_state=None, install_state=None, ihost_action=None,
    mtce_action=None, action_text=None, mgmt_mac=MAC, bm_type=None, bm_ip=None,
    bm_username=None, bm_secret=None, vim_progress_status=None,
    config_applied=None, config_target=None, mtce_sequence=0, revision=1)


def machine(nodes: int = 2, cores: int = 8, threads: int = 2) -> list[StoredCpu]:
    """A new worker's CPUs: one platform core on node 0."""
    return [StoredCpu(cpu=thread * nodes * cores + node * cores + core, core=core, thread=thread, numa_node=node,
                      socket=node, cpu_family="6", cpu_model="x",
                      allocated_function="Platform" if node == core == 0 else "Application")
            for thread in range(threads) for node in range(nodes) for core in range(cores)]


def cpus_of(functions: dict[int, CpuFunction], function: CpuFunction) -> list[int]:
    return sorted(cpu for cpu, one in functions.items() if one is function)


def after(body: Any, vswitch: str = "ovs-dpdk", cpus: list[StoredCpu] | None = None) -> dict[int, CpuFunction]:
    return assign(WORKER, machine() if cpus is None else cpus, parse_requests(body), vswitch)


def refusal(body: Any, vswitch: str = "ovs-dpdk") -> str:
    with pytest.raises(HostRefused) as caught:
        after(body, vswitch)
    return str(caught.value)


def test_cores_are_dealt_out_whole_lowest_first() -> None:
    functions = after([{"function": "platform", "sockets": [{"0": 2}, {"1": 1}]},
                       {"function": "vswitch", "sockets": [{"0": "1"}]}])
    assert cpus_of(functions, CpuFunction.PLATFORM) == [0, 1, 8, 16, 17, 24]
    assert cpus_of(functions, CpuFunction.VSWITCH) == [2, 18]


def test_functions_that_are_not_named_keep_their_number_of_cores() -> None:
    functions = after([{"function": "vswitch", "sockets": [{"0": 2}]}])
    assert cpus_of(functions, CpuFunction.PLATFORM) == [0, 16]
    assert cpus_of(functions, CpuFunction.VSWITCH) == [1, 2, 17, 18]


def test_a_cpu_list_takes_exactly_these_with_their_siblings() -> None:
    functions = after([{"function": "application-isolated", "cpulist": "3-5"}])
    assert cpus_of(functions, CpuFunction.APPLICATION_ISOLATED) == [3, 4, 5, 19, 20, 21]
    assert cpus_of(functions, CpuFunction.PLATFORM) == [0, 16]


@pytest.mark.parametrize(("body", "words"), [
    ([{"function": "platform", "sockets": [{"0": 0}]}], "Platform must have at least one core."),
    ([{"function": "platform", "sockets": [{"2": 1}]}], "There is no Processor (Socket) 2 on this host."),
    ([{"function": "platform", "sockets": [{"0": -1}]}], "Specified cpu values must be non-negative."),
    ([{"function": "platform", "sockets": [{"0": 9}]}], "Processor 0: 9 cores are asked for, 8 are available."),
    ([{"function": "platform", "sockets": [{"0": "x"}]}], "must be integers"),
    ([{"function": "platform", "sockets": [{"0": "9" * 30}]}], "too large"),
    ([{"function": "platform"}], "either sockets or cpulist"),
    ([{"function": "platform", "sockets": [], "cpulist": "1"}], "either sockets or cpulist"),
    ([{"function": "dance", "cpulist": "1"}], "function must be one of"),
    ([{"function": "shared", "cpulist": "40"}], "there is no CPU 40"),
    ([{"function": "shared", "cpulist": "5-3"}], "no range"),
    ([{"function": "shared", "cpulist": "1-999999"}], "no range"),
    ([{"function": "shared", "sockets": [{"0": 2}]}], "At most one shared core"),
    ([{"function": "vswitch", "sockets": [{"0": 7}, {"1": 2}]}], "up to 8 physical cores"),
    ([{"function": "platform", "sockets": [{"0": 8}, {"1": 8}]}], "at least one unused core"),
    ([{"function": "shared", "cpulist": "1"}, {"function": "vswitch", "cpulist": "1"}], "given to two functions"),
    ([{"function": "shared", "cpulist": "1"}, {"function": "vswitch", "cpulist": "17"}], "go to one function"),
    ([{"function": "shared", "cpulist": "1"}, {"function": "shared", "cpulist": "2"}], "named once"),
    ([], "must be a list"), ({}, "must be a list"), ("x", "must be a list"), ([7], "function must be one of")])
def test_assignments_that_are_refused(body: Any, words: str) -> None:
    assert words in refusal(body)


def test_a_vswitch_needs_one() -> None:
    assert "vswitch" in refusal([{"function": "vswitch", "sockets": [{"0": 1}]}], vswitch="none")


@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 2), st.lists(st.integers(0, 6), min_size=3, max_size=3))
def test_whatever_is_asked_no_core_is_split_or_lost(nodes: int, cores: int, threads: int, counts: list[int]) -> None:
    known = machine(nodes, cores, threads)
    body = [{"function": name, "sockets": [{"0": count}]}
            for name, count in zip(("platform", "vswitch", "shared"), counts, strict=True)]
    try:
        functions = after(body, cpus=known)
    except HostRefused:
        return
    assert set(functions) == {cpu.cpu for cpu in known}
    seen: dict[tuple[int, int], set[CpuFunction]] = {}
    for cpu in known:
        seen.setdefault((cpu.numa_node, cpu.core), set()).add(functions[cpu.cpu])
    assert all(len(found) == 1 for found in seen.values())
    assert len(cpus_of(functions, CpuFunction.PLATFORM)) == counts[0] * threads


@pytest.fixture
def worker(cloud: Any) -> str:
    """A locked, inventoried worker with 2 nodes of 4 cores, 1G pages and two devices."""
    uuid = cloud.discover(MAC)
    cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="worker-0")
    intake = cloud.inventory
    intake.store(host_uuid=uuid, kind="port", records=[PortReport(
        "pxeboot0", "0:1", 0, MAC, 1500, 1000, None, None, 0, None, "", "", "", "", "")])
    intake.store(host_uuid=uuid, kind="numa", records=[NumaReport(0, (0, 1, 2, 3)), NumaReport(1, (4, 5, 6, 7))])
    intake.store(host_uuid=uuid, kind="cpu", records=[
        CpuReport(cpu, cpu % 4, 0, cpu // 4, cpu // 4, "6", "x") for cpu in range(8)])
    intake.store(host_uuid=uuid, kind="memory", records=[MemoryReport(
        node, 32000, 31000, 30000, 0, 0, 0, 0, 0, 1, True) for node in (0, 1)])
    intake.store(host_uuid=uuid, kind="pci_device", records=[
        PciDeviceReport("0000:05:00.0", "030000", "10de", "1eb8", "", "", "", "", "", 0, None),
        PciDeviceReport("0000:06:00.0", "0b4000", "8086", "4940", "", "", "", "", "", 0, None)])
    return str(uuid)


def test_cores_over_http(cloud: Any, worker: str) -> None:
    path = "/v1/ihosts/worker-0/state/host_cpus_modify"
    reply = cloud.call("PUT", path, [{"function": "platform", "sockets": [{"0": 2}, {"1": 0}]}])
    assert [cpu["cpu"] for cpu in reply.body["icpus"] if cpu["allocated_function"] == "Platform"] == [0, 1]
    assert cloud.get(f"/v1/ihosts/{worker}/icpus/platform_cpu_list").body == "0,1"
    cloud.state(worker, administrative="unlocked", operational="enabled")
    reply = cloud.call("PUT", path, [{"function": "platform", "sockets": [{"0": 1}]}])
    assert (reply.status, reply.fault) == (409, "Host must be locked.")
    assert cloud.call("PUT", "/v1/ihosts/controller-0/state/host_cpus_modify",
                      [{"function": "platform", "cpulist": "0"}]).status == 409


@pytest.mark.parametrize(("change", "fault"), [
    ({"platform_reserved_mib": 999}, "Processor 0: Platform reserved memory must be at least 1000 MiB."),
    ({"platform_reserved_mib": 22000}, "Platform reserved memory must be at most two thirds of 32000 MiB."),
    ({"vm_hugepages_nr_1G_pending": 30}, "Processor 0: No available space for 30720 MiB of huge pages"),
    ({"vm_hugepages_nr_2M_pending": -1}, "greater or equal to 0"), ({"memtotal_mib": 5}, "can be updated"),
    ({"vswitch_hugepages_size_mib": 4}, "must be one of (2, 1024) MiB"),
    ({"vm_pending_as_percentage": "True", "vm_hugepages_nr_2M_pending": 50}, "in percent together"),
    ({"vm_pending_as_percentage": "True", "vm_hugepages_nr_2M_pending": 60, "vm_hugepages_nr_1G_pending": 60},
     "between 0 and 100")])
def test_memory_that_is_refused(cloud: Any, worker: str, change: dict[str, Any], fault: str) -> None:
    row = cloud.get("/v1/ihosts/worker-0/imemorys?sort_key=id").body["imemorys"][0]
    reply = cloud.patch(f"/v1/imemorys/{row['uuid']}", **change)
    assert reply.status == 400 and fault in reply.fault


def test_huge_pages_are_pending_until_the_agent_reports_them(cloud: Any, worker: str) -> None:
    row = cloud.get("/v1/ihosts/worker-0/imemorys?sort_key=id").body["imemorys"][0]
    path = f"/v1/imemorys/{row['uuid']}"
    reply = cloud.patch(path, vm_hugepages_nr_1G_pending="8", platform_reserved_mib="6000")
    assert (reply.body["vm_hugepages_nr_1G_pending"], reply.body["memtotal_mib"]) == (8, 26000)
    cloud.inventory.store(host_uuid=worker, kind="memory", records=[MemoryReport(
        0, 32000, 26000, 20000, 6000, 0, 0, 8, 8, 1, True)])
    found = cloud.get(path).body
    assert (found["vm_hugepages_nr_1G_pending"], found["vm_hugepages_nr_1G"], found["platform_reserved_mib"]) == (
        None, 8, 6000)


def test_devices_are_named_and_given_away_while_the_host_is_locked(cloud: Any, worker: str) -> None:
    devices = {one["pciaddr"]: one["uuid"] for one in cloud.get("/v1/ihosts/worker-0/pci_devices").body["pci_devices"]}
    path = f"/v1/pci_devices/{devices['0000:05:00.0']}"
    reply = cloud.patch(path, name="gpu", enabled="False")
    assert (reply.body["name"], reply.body["enabled"]) == ("gpu", False)
    assert cloud.patch(path, driver="x").status == 400
    assert cloud.patch(f"/v1/pci_devices/{devices['0000:06:00.0']}", enabled="False").status == 400
    cloud.state(worker, administrative="unlocked")
    assert (cloud.patch(path, enabled="True").status, cloud.patch(path, enabled="True").fault) == (
        409, "Host must be locked.")
    assert cloud.patch("/v1/pci_devices/nonsense", enabled="True").status == 404
