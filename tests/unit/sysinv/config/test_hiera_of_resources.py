# SPDX-License-Identifier: Apache-2.0
"""What CPUs, memory and interfaces of a host contribute to its hiera data."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.ranges import ranges
from sysinv.resources.cpu.hiera import cpu_data
from sysinv.resources.cpu.intake import StoredCpu
from sysinv.resources.interface.hiera import device_name, network_config
from sysinv.resources.interface.view import HostInterfaces, InterfaceView, PortView
from sysinv.resources.memory.hiera import page_counts
from sysinv.resources.route.rules import RouteView
from tests.unit.sysinv.resources.interfaces import STANDARD, WORKER

OPTIONS = "platform::compute::grub::params::cpu_options"


def cpus(*functions: str) -> list[StoredCpu]:
    return [StoredCpu(number, number, 0, 0, 0, None, None, function) for number, function in enumerate(functions)]


@pytest.mark.parametrize(("numbers", "text"), [
    ([], ""), ([3], "3"), ([0, 1, 2], "0-2"), ([8, 0, 1, 3], "0-1,3,8"), ([5, 4, 4], "4-5")])
def test_ranges(numbers: list[int], text: str) -> None:
    assert ranges(numbers) == text


@given(st.sets(st.integers(0, 500)))
def test_ranges_name_each_number_once(numbers: set[int]) -> None:
    found: list[int] = []
    for part in filter(None, ranges(numbers).split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    assert found == sorted(numbers)


def test_a_worker_keeps_the_kernel_on_the_platforms_cpus() -> None:
    data = cpu_data(cpus("Platform", "Platform", "Vswitch", "Application", "Application-isolated"),
                    has_worker_function=True)
    assert data == {
        "platform::compute::params::platform_cpus": "0-1", "platform::compute::params::isolated_cpus": "2,4",
        OPTIONS: "kthread_cpus=0-1 irqaffinity=0-1 nohz_full=2-4 rcu_nocbs=2-4 isolcpus=nohz,domain,managed_irq,2,4"}


@pytest.mark.parametrize(("functions", "worker"), [
    (("Platform", "Application"), False), (("Platform", "Platform"), True), (("Application",), True), ((), True)])
def test_no_arguments_where_nothing_is_left_to_keep_free(functions: tuple[str, ...], worker: bool) -> None:
    assert cpu_data(cpus(*functions), has_worker_function=worker)[OPTIONS] == ""


def memory(**changes: Any) -> dict[str, Any]:
    return {"vm_hugepages_nr_2M": 10, "vm_hugepages_nr_1G": 1, "vm_hugepages_nr_2M_pending": None,
            "vm_hugepages_nr_1G_pending": None, "vswitch_hugepages_size_mib": 2, "vswitch_hugepages_nr": 0,
            "vswitch_hugepages_reqd": None, **changes}


@pytest.mark.parametrize(("row", "small", "large"), [
    (memory(), 10, 1), (memory(vm_hugepages_nr_2M_pending=0), 0, 1), (memory(vm_hugepages_nr_1G_pending=4), 10, 4),
    (memory(vswitch_hugepages_nr=3), 13, 1), (memory(vswitch_hugepages_nr=3, vswitch_hugepages_reqd=0), 10, 1),
    (memory(vswitch_hugepages_reqd=2, vswitch_hugepages_size_mib=1024), 10, 3)])
def test_pending_pages_come_before_those_that_are_there_and_vswitch_has_its_own(
        row: dict[str, Any], small: int, large: int) -> None:
    assert page_counts({1: row}) == {"2M": {"1": small}, "1G": {"1": large}}


PORT = PortView(1, "enp1s0", "52:54:00:00:00:01", interface_id=1)
ETHERNET = InterfaceView(1, "eth1", "ethernet", ifclass="data", imtu=9000)


def view(*interfaces: InterfaceView, ports: tuple[PortView, ...] = (PORT,)) -> HostInterfaces:
    return HostInterfaces(WORKER, STANDARD, interfaces, ports)


def test_an_ethernet_interface_has_the_name_of_its_port() -> None:
    found = network_config(view(replace(ETHERNET, addresses=("192.168.59.3/24",))))
    assert found == {"enp1s0": {"kind": "ethernet", "mtu": 9000, "addresses": ["192.168.59.3/24"], "vlans": [],
                                "bond": None, "installed": None, "routes": []}}


def test_what_nobody_has_a_purpose_for_is_left_alone() -> None:
    assert network_config(view(replace(ETHERNET, ifclass=None))) == {}


def test_members_of_a_bond_and_vlans_on_it_name_each_other() -> None:
    bond = InterfaceView(2, "bond0", "ae", ifclass="data", aemode="802.3ad", txhashpolicy="layer2", uses=(1,))
    vlan = InterfaceView(3, "data10", "vlan", ifclass="data", vlan_id=10, uses=(2,))
    found = network_config(view(replace(ETHERNET, ifclass=None), bond, vlan))
    assert found["enp1s0"]["bond"] == "bond0"
    assert (found["bond0"]["mode"], found["bond0"]["hash"]) == ("802.3ad", "layer2")
    assert found["bond0"]["vlans"] == ["data10"]
    assert found["data10"]["vlan_id"] == 10


def test_an_interface_of_the_installer_only_gets_the_vlans_on_it() -> None:
    mgmt = replace(ETHERNET, ifclass="platform", networks=frozenset({"mgmt", "cluster-host"}))
    found = network_config(view(mgmt, InterfaceView(3, "data10", "vlan", ifclass="data", vlan_id=10, uses=(1,))))
    assert (found["enp1s0"]["installed"], found["enp1s0"]["vlans"]) == ("mgmt", ["data10"])


def test_routes_are_those_of_their_interface_in_an_order_of_their_own() -> None:
    other = InterfaceView(2, "bond0", "ae", ifclass="data", uses=(1,))
    over = [RouteView(1, "10.2.0.0/16", "192.168.59.1", 5), RouteView(1, "10.1.0.0/16", "192.168.59.9", 2),
            RouteView(1, "10.1.0.0/16", "192.168.59.1"), RouteView(7, "10.3.0.0/16", "192.168.59.1")]
    found = network_config(view(ETHERNET, other), over)
    assert found["enp1s0"]["routes"] == [
        {"destination": "10.1.0.0/16", "gateway": "192.168.59.1", "metric": 1},
        {"destination": "10.1.0.0/16", "gateway": "192.168.59.9", "metric": 2},
        {"destination": "10.2.0.0/16", "gateway": "192.168.59.1", "metric": 5}]
    assert found["bond0"]["routes"] == []


@pytest.mark.parametrize("name", ["lo", "../../x", "a b", "", "x" * 16, "-a", "é", "a'b"])
def test_a_name_that_the_kernel_does_not_have_is_left_out(name: str) -> None:
    assert device_name(view(ETHERNET, ports=(replace(PORT, name=name),)), ETHERNET) is None
