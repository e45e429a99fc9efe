# SPDX-License-Identifier: Apache-2.0
"""What PTP instances of a host contribute to its hiera data."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from sysinv.resources.interface.view import HostInterfaces, InterfaceView, PortView
from sysinv.resources.ptpinstance.hiera import PROGRAMS, Use, devices, ptp_config
from sysinv.resources.ptpinstance.rules import SERVICES, InstanceView
from sysinv.resources.ptpparameter.rules import GLOBAL, Parameter
from tests.unit.sysinv.resources.interfaces import STANDARD, WORKER

PORTS = (PortView(1, "enp1s0", "52:54:00:00:00:01", interface_id=1),
         PortView(2, "enp2s0", "52:54:00:00:00:02", interface_id=2))
ETH1, ETH2 = InterfaceView(1, "eth1", "ethernet"), InterfaceView(2, "eth2", "ethernet")
BOND = InterfaceView(3, "bond0", "ae", uses=(1, 2))
VLAN = InterfaceView(4, "ptp10", "vlan", vlan_id=10, uses=(3,))
VF = InterfaceView(5, "vf0", "vf", uses=(1,))
LO = InterfaceView(6, "lo", "virtual")
VIEW = HostInterfaces(WORKER, STANDARD, (ETH1, ETH2, BOND, VLAN, VF, LO), PORTS)
PTP4L = InstanceView(7, "ptp1", "ptp4l")


def of(*pairs: str, section: str = GLOBAL) -> list[Parameter]:
    return [Parameter(section, *pair.split("=", 1)) for pair in pairs]


def made(owned: Sequence[Parameter], *uses: Use, instance: InstanceView = PTP4L) -> dict[str, Any]:
    (found,) = ptp_config(VIEW, [instance], {instance.id: owned}, uses).values()
    return found


def test_an_instance_has_a_socket_and_a_tag_of_its_own_unless_it_is_given_others() -> None:
    assert made([]) == {"service": "ptp4l", "options": "", "sections": [
        ["global", [["message_tag", "ptp1"], ["uds_address", "/var/run/ptp4l-ptp1"]]]]}
    assert made(of("uds_address=/run/x", "message_tag=t"))["sections"] == [
        ["global", [["uds_address", "/run/x"], ["message_tag", "t"]]]]
    assert made([], instance=replace(PTP4L, service="phc2sys"))["sections"] == [["global", [["message_tag", "ptp1"]]]]


@pytest.mark.parametrize("text", ["-s eth0 -m", "'-s eth0 -m'", '"-s eth0 -m"'])
def test_options_stand_on_the_command_line_without_quotes(text: str) -> None:
    found = made(of(f"cmdline_opts={text}", "domainNumber=24"))
    assert found["options"] == "-s eth0 -m"
    assert [name for name, _ in found["sections"][0][1]] == ["message_tag", "uds_address", "domainNumber"]


@pytest.mark.parametrize("text", ["'", "'a\"", "a'"])
def test_a_single_quote_stays(text: str) -> None:
    assert made(of(f"cmdline_opts={text}"))["options"] == text


def test_tables_come_before_interfaces_and_begin_with_their_id() -> None:
    table = of("UDPv4=10.0.0.1", "UDPv4=10.0.0.2", "table_id=1", section="unicast_master_table_1")
    found = made([*table, *of("priority1=1")], Use(7, 1, of("unicast_master_table=1")))
    assert [name for name, _ in found["sections"]] == ["global", "unicast_master_table_1", "enp1s0"]
    assert found["sections"][1][1] == [["table_id", "1"], ["UDPv4", "10.0.0.1"], ["UDPv4", "10.0.0.2"]]
    assert found["sections"][2][1] == [["unicast_master_table", "1"]]
    assert found["sections"][0][1][-1] == ["priority1", "1"]


def test_interfaces_of_the_instance_only_and_the_last_value_of_a_name() -> None:
    found = made([], Use(7, 1, of("masterOnly=1", "a=1")), Use(8, 2, of("b=1")), Use(7, 1, of("masterOnly=0")))
    assert found["sections"][1:] == [["enp1s0", [["a", "1"], ["masterOnly", "0"]]]]


def test_the_devices_of_an_interface() -> None:
    assert devices(VIEW, ETH1) == ["enp1s0"]
    assert devices(VIEW, BOND) == ["enp1s0", "enp2s0"]
    assert devices(VIEW, VLAN) == ["ptp10"]
    assert devices(VIEW, VF) == devices(VIEW, LO) == []
    without = replace(VIEW, ports=PORTS[:1])
    assert devices(without, BOND) == ["enp1s0"], "a port that is gone has no clock"
    assert [name for name, _ in made([], Use(7, 3))["sections"][1:]] == ["enp1s0", "enp2s0"]


@pytest.mark.parametrize("service", SERVICES)
def test_only_programs_of_linuxptp_are_configured(service: str) -> None:
    found = ptp_config(VIEW, [InstanceView(1, "i", service)], {}, [])
    assert list(found) == (["i"] if service in PROGRAMS else [])
