# SPDX-License-Identifier: Apache-2.0
"""What the conductor does with any report, whatever it is of: limits, unusable items, unknown kinds."""
from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest

from flock.core import slices
from flock.core.errors import InvalidInput
from flock.rpc.accounts import Sender, SenderKind
from flock.rpc.caller import called_by
from sysinv.contract.errors import HostNotFound
from sysinv.contract.reports import ITEMS_MAX, PORTS_MAX, UnknownReport, reports
from sysinv.hosts import inventory
from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.device.report import PciDeviceReport
from sysinv.resources.disk import service as disks
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.host.report import PlatformReport
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.node.report import NumaReport
from sysinv.resources.port import service as ports
from sysinv.resources.port.report import PortReport

HOST = "controller-0"


def disk(letter: str, **changes: Any) -> dict[str, Any]:
    return asdict(DiskReport(f"/dev/sd{letter}", 2048, "SSD", None, f"/dev/disk/by-path/{letter}", None, 1000, 0, "0",
                             None, None)) | changes


def port(name: str, slot: int, **changes: Any) -> dict[str, Any]:
    return asdict(PortReport(name, f"0000:00:0{slot}.0", 0, f"08:00:27:00:0a:0{slot}", 1500, None, None, None, 0, None,
                             "", "", "", "", "")) | changes


def cpu(number: int, **changes: Any) -> dict[str, Any]:
    return asdict(CpuReport(number, number, 0, 0, 0, "6", "x")) | changes


def listed(cloud: Any, collection: str, field: str) -> list[Any]:
    return sorted(one[field] for one in cloud.get(f"/v1/ihosts/{HOST}/{collection}").body[collection])


@pytest.fixture
def tell(cloud: Any) -> Any:
    uuid = cloud.host(HOST)["uuid"]
    return lambda kind, items: cloud.inventory.report(host_uuid=uuid, kind=kind, items=items)


def test_every_report_has_a_taker() -> None:
    found = inventory.reported_resources()
    assert found.keys() == reports().keys()
    assert found["disk"].take is disks.take_report
    assert found["port"].take is ports.take_report


def test_report_without_a_taker_is_a_programming_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lonely = SimpleNamespace(__package__="sysinv.resources.lonely", REPORT=reports()["disk"])
    monkeypatch.setattr(slices, "modules", lambda package, part: [lonely] if part == "report" else [])
    with pytest.raises(TypeError, match="take_report"):
        inventory.reported_resources()


@pytest.mark.parametrize("bad", [
    {"device_node": None}, {"size_mib": "large"}, {"available_mib": [1]}])
def test_one_unusable_item_loses_neither_the_report_nor_what_is_stored(cloud: Any, tell: Any,
                                                                       bad: dict[str, Any]) -> None:
    tell("disk", [disk("a"), disk("b")])
    tell("disk", [disk("a", size_mib=2000), disk("b", **bad), disk("c")])
    assert listed(cloud, "idisks", "device_node") == ["/dev/sda", "/dev/sdb", "/dev/sdc"]
    assert listed(cloud, "idisks", "size_mib") == [1000, 1000, 2000]
    # A whole report is proof of what is gone.
    tell("disk", [disk("c")])
    assert listed(cloud, "idisks", "device_node") == ["/dev/sdc"]


def test_partial_reports_of_ports_and_cpus_remove_nothing(cloud: Any, tell: Any) -> None:
    tell("numa", [asdict(NumaReport(0, (0, 1)))])
    tell("port", [port("a", 1), port("b", 2)])
    tell("cpu", [cpu(0), cpu(1)])
    tell("port", [port("a", 1, mtu=9000), port("b", 2, mac=7)])
    tell("cpu", [cpu(0, cpu_model="y"), cpu(1, core=None)])
    assert listed(cloud, "ethernet_ports", "mtu") == [1500, 9000]
    assert listed(cloud, "icpus", "cpu_model") == ["x", "y"]
    # Nor do they prove another topology.
    tell("cpu", [cpu(0, numa_node=1), cpu(1, core=None), cpu(2)])
    assert listed(cloud, "icpus", "cpu") == [0, 1]
    tell("cpu", [cpu(0), cpu(1), cpu(2)])
    assert listed(cloud, "icpus", "cpu") == [0, 1, 2]


def test_a_port_has_its_node_also_when_it_is_reported_first(cloud: Any, tell: Any) -> None:
    tell("port", [port("a", 1, numa_node=2), port("b", 2, numa_node=-1)])
    (node,) = cloud.get(f"/v1/ihosts/{HOST}/inodes").body["inodes"]
    found = cloud.get(f"/v1/ihosts/{HOST}/ports?sort_key=name").body["ports"]
    assert [one["node_uuid"] for one in found] == [node["uuid"], None]
    assert node["numa_node"] == 2


def test_what_the_agent_could_not_read_stays_stored(cloud: Any, tell: Any) -> None:
    tell("disk", [disk("a"), disk("b")])
    tell("disk", [disk("a", size_mib=2000), None])
    assert listed(cloud, "idisks", "size_mib") == [1000, 2000]
    tell("numa", [asdict(NumaReport(0, (0, 1)))])
    tell("cpu", [cpu(0), cpu(1)])
    tell("memory", [asdict(MemoryReport(0, 24000, 20000, 1, 0, 0, 0, 0, 0, 1, False))])
    tell("port", [port("a", 1)])
    # Nothing at all could be read: nothing is changed, and the host is not kept from being inventoried.
    for kind in reports():
        tell(kind, [None])
    assert listed(cloud, "idisks", "size_mib") == [1000, 2000]
    assert listed(cloud, "icpus", "cpu") == [0, 1]
    assert listed(cloud, "imemorys", "node_memtotal_mib") == [24000]
    assert listed(cloud, "ethernet_ports", "name") == ["a"]
    with pytest.raises(InvalidInput, match=r"no item can be stored; the first: .*disk\[1\]\.device_node"):
        tell("disk", [None, {}])


def test_report_of_unusable_items_only_is_refused_with_the_reason(cloud: Any, tell: Any) -> None:
    tell("disk", [disk("a")])
    with pytest.raises(InvalidInput, match=r"disk\[0\]\.size_mib: must be an integer"):
        tell("disk", [disk("a", size_mib=None)])
    assert listed(cloud, "idisks", "device_node") == ["/dev/sda"]
    tell("disk", [])
    assert listed(cloud, "idisks", "device_node") == []


def test_limits(tell: Any) -> None:
    with pytest.raises(InvalidInput, match=f"disk: at most {ITEMS_MAX} items"):
        tell("disk", [{}] * (ITEMS_MAX + 1))
    with pytest.raises(InvalidInput, match=f"port: at most {PORTS_MAX} items"):
        tell("port", [{}] * (PORTS_MAX + 1))


def test_unknown_kind_and_unknown_host_are_told_apart(cloud: Any, tell: Any) -> None:
    with pytest.raises(UnknownReport, match="does not know reports of kind gpu"):
        tell("gpu", [{"anything": 1}])
    with pytest.raises(HostNotFound):
        cloud.inventory.report(host_uuid="6e6f6465-0000-4000-8000-000000000001", kind="disk", items=[])


def test_of_two_items_with_one_number_the_first_counts(cloud: Any, tell: Any) -> None:
    tell("cpu", [cpu(0), cpu(1), cpu(1, cpu_model="again")])
    assert listed(cloud, "icpus", "cpu_model") == ["x", "x"]


def test_odd_texts_and_numbers_cost_their_own_end_only(cloud: Any, tell: Any) -> None:
    """Control characters, NUL, bytes that are no UTF-8, texts and numbers beyond their columns."""
    odd = "a\0b\x1b\udce9" + "x" * 300
    tell("numa", [{"numa_node": 0, "cpus": [0]}])
    tell("port", [port("lan-\udce9", 1, pclass=odd, driver=odd, duplex=odd, sriov_vfs_pci_address=[odd], mtu=2**40),
                  port("p" * 266, 2, pciaddr="0" * 70), port("p" * 266, 3, pciaddr="0" * 80)])
    long = "/dev/" + "d" * 300
    tell("disk", [disk("a", model=odd, serial_id=odd, device_path=long, device_num=2**63, size_mib=2**50),
                  disk("b", device_path=long + "e")])
    tell("cpu", [cpu(0, cpu_model=odd, core=2**40), cpu(2**40), cpu(1)])
    tell("memory", [asdict(MemoryReport(0, 2**45, 0, 2**45, 0, 0, 0, 0, 0, 2**45, False))])
    tell("pci_device", [asdict(PciDeviceReport("0000:05:00.0", "03000000", "10de00", "1eb8", odd, odd, odd, odd, odd, 0,
                                               odd, sriov_vf_pdevice_id=odd))])
    tell("platform", [asdict(PlatformReport(odd, 1, odd, odd, False, False, nvme_host_id=odd))])
    names = listed(cloud, "ports", "name")
    assert names[0] == r"lan-\xe9" and names[1:] == ["p" * 255] * 2
    assert len(listed(cloud, "idisks", "uuid")) == 1
    assert listed(cloud, "icpus", "cpu") == [0, 1]
    assert listed(cloud, "imemorys", "node_memtotal_mib") == [2**31 - 1]
    (device,) = cloud.get(f"/v1/ihosts/{HOST}/pci_devices").body["pci_devices"]
    assert device["pdevice"] == (r"a\x00b\x1b\xe9" + "x" * 300)[:255] and device["pclass_id"] == "030000"


def test_numbers_of_nodes_that_no_kernel_gives_make_no_rows(cloud: Any, tell: Any) -> None:
    """Nodes are never removed, and each report of a conquered host added thousands."""
    tell("numa", [{"numa_node": number, "cpus": []} for number in range(1000, 9000)])
    assert listed(cloud, "inodes", "numa_node") == list(range(1000, 1024))
    tell("port", [port(f"p{number}", number, numa_node=number) for number in range(1020, 1030)])
    tell("memory", [asdict(MemoryReport(number, 100, 0, 100, 0, 0, 0, 0, 0, 0, False)) for number in (5, 1024)])
    assert len(listed(cloud, "ports", "name")) == 10
    assert listed(cloud, "inodes", "numa_node") == [5, *range(1000, 1024)]


def test_numbers_below_zero_are_stored_as_zero_except_an_unknown_node(cloud: Any, tell: Any) -> None:
    tell("numa", [{"numa_node": 0, "cpus": [0]}])
    tell("disk", [disk("a", size_mib=-5, available_mib=-2**63)])
    tell("port", [port("eth0", 1, numa_node=-1), port("eth1", 2, pciaddr="0000:00:09.0", numa_node=-7)])
    tell("memory", [asdict(MemoryReport(0, -1, -2, -3, -4, -5, -6, -7, -8, -9, False))])
    assert [listed(cloud, "idisks", name) for name in ("size_mib", "available_mib")] == [[0], [0]]
    assert listed(cloud, "ports", "numa_node") == [-1, -1]
    assert listed(cloud, "imemorys", "node_memtotal_mib") == [0]


def test_the_host_of_several_addresses_does_not_depend_on_their_order(cloud: Any) -> None:
    first, second = cloud.discover("08:00:27:00:00:11"), cloud.discover("08:00:27:00:00:12")
    assert cloud.patch(f"/v1/ihosts/{second}", personality="worker", hostname="worker-7").status == 200
    macs = ["08:00:27:00:00:12", "20-f4:52:14:03:00:77:88:90", "08:00:27:00:00:11"]
    for order in (macs, macs[::-1]):
        find = cloud.inventory.get_host_by_macs
        assert find(macs=order, hostname="worker-7").uuid == second
        assert find(macs=order, hostname="lan-\udce9\0").uuid == first
    assert find(macs=[], hostname="\0\udce9") is None


def test_a_host_learns_nothing_of_another_host(cloud: Any) -> None:
    other = cloud.discover("08:00:27:00:00:21")
    own = cloud.discover("08:00:27:00:00:22")
    for uuid, name in ((other, "worker-8"), (own, "worker-9")):
        assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname=name).status == 200
    find = cloud.inventory.get_host_by_macs
    with called_by(Sender(SenderKind.HOST, "worker-9")):
        assert find(macs=["08:00:27:00:00:21"], hostname="worker-9") is None
        assert find(macs=["08:00:27:00:00:22"], hostname="worker-9").uuid == own
        assert find(macs=["08:00:27:00:00:21", "08:00:27:00:00:22"], hostname="worker-9").uuid == own
        # A new card, unknown until its inventory arrives.
        assert find(macs=["08:00:27:00:00:99"], hostname="worker-9").uuid == own
    with called_by(Sender(SenderKind.SERVICE, "devstack")):
        assert find(macs=["08:00:27:00:00:21"], hostname="worker-9").uuid == other
