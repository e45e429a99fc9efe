# SPDX-License-Identifier: Apache-2.0
"""What each command changes in the rows."""
from __future__ import annotations

import pytest

from flock.core.errors import InvalidInput, NotFound
from sm.admin import edits
from sm.catalogue.check import problems
from sm.catalogue.rows import Configured
from sm.contract.states import RedundancyModel
from tests.unit.sm.catalogue.sites import rows

ADDRESSES = {"multicast": "", "address": "10.10.10.2", "peer_address": "10.10.10.3"}
PORTS = {"port": "2222", "heartbeat_port": "2223", "peer_port": "2224", "peer_heartbeat_port": "2225"}


def row_of(configured: Configured, table: str, **fields: object) -> object:
    return next(row for row in getattr(configured, table)
                if all(getattr(row, name) == value for name, value in fields.items()))


def test_provision_and_back() -> None:
    for value in (False, True):
        found = edits.provision("service_groups", ("cloud-services",), value, "service group")(rows())
        assert row_of(found, "service_groups", name="cloud-services", provisioned=value)
    with pytest.raises(NotFound, match="service group nobody could not be found"):
        edits.provision("service_groups", ("nobody",), True, "service group")(rows())


def test_a_member_takes_its_service_along() -> None:
    found = edits.provision_member("vim-services", "vim", True)(rows())
    assert row_of(found, "services", name="vim", provisioned=True)
    assert row_of(found, "service_group_members", service="vim", provisioned=True)
    with pytest.raises(NotFound, match="service group member cloud-services vim"):
        edits.provision_member("cloud-services", "vim", True)(rows())


def test_interface() -> None:
    found = edits.interface("controller", "oam-interface", {**ADDRESSES, "address": "fd00::2"}, PORTS)(rows())
    row = row_of(found, "service_domain_interfaces", name="oam-interface")
    assert row == row_of(found, "service_domain_interfaces", address="fd00::2", peer_address="10.10.10.3", port=2222,
                         heartbeat_port=2223, peer_port=2224, peer_heartbeat_port=2225, network_type="ipv6-udp",
                         device="eth-oam")
    found = edits.interface("controller", "oam-interface", {**ADDRESSES, "address": ""}, PORTS)(found)
    assert row_of(found, "service_domain_interfaces", name="oam-interface", address="", network_type="ipv6-udp")


@pytest.mark.parametrize(("addresses", "ports", "field"), [
    ({"address": "10.10.10"}, {}, "address"), ({"peer_address": "x"}, {}, "peer_address"),
    ({}, {"port": "65536"}, "port"), ({}, {"peer_port": "-1"}, "peer_port"), ({}, {"port": "9" * 5000}, "port"),
    ({}, {"heartbeat_port": ""}, "heartbeat_port")])
def test_an_interface_that_breaks_a_rule(addresses: dict[str, str], ports: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput, match=f"for {field}:"):
        edits.interface("controller", "oam-interface", {**ADDRESSES, **addresses}, {**PORTS, **ports})


def test_service_instance() -> None:
    found = edits.service_instance("oam-ipv4", "floating", "ip=10.1.1.1,cidr_netmask=24")(rows())
    assert row_of(found, "service_instances", service="oam-ipv4", instance="floating",
                  parameters={"ip": "10.1.1.1", "cidr_netmask": "24"})
    assert len(found.service_instances) == len(rows().service_instances) and problems(found) == []
    with pytest.raises(NotFound):
        edits.service_instance("nobody", "x", "")(rows())


@pytest.mark.parametrize(("text", "wanted"), [
    ("", {}), ("a=1", {"a": "1"}), ("a=1,b=", {"a": "1", "b": ""}),
    ("device=/a,options=bind,noatime,fstype=ext4", {"device": "/a", "options": "bind,noatime", "fstype": "ext4"}),
    ("a=x=y", {"a": "x=y"})])
def test_parameters(text: str, wanted: dict[str, str]) -> None:
    assert edits.parse_parameters(text) == wanted


@pytest.mark.parametrize("text", ["a", ",a=1", "a=1,a=2"])
def test_parameters_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="parameters"):
        edits.parse_parameters(text)


def test_service_group() -> None:
    found = edits.service_group(False, "controller", "oam-services", "N", "2", "0", "")(rows())
    assert row_of(found, "service_domain_members", group="oam-services", provisioned=False, model=RedundancyModel.N,
                  n_active=2, m_standby=0, aggregate="")
    for model, active in (("N to N", "1"), ("N + M", "one")):
        with pytest.raises(InvalidInput):
            edits.service_group(True, "controller", "oam-services", model, active, "1", "")


def test_system() -> None:
    found = edits.system("duplex-direct", {"sm_process_priority": "-5"})(rows())
    assert {row.name: row.connect_type for row in found.service_domain_interfaces} == {
        "management-interface": "dc", "cluster-host-interface": "dc", "oam-interface": "tor", "admin-interface": "tor"}
    assert (found.setting("SYSTEM_MODE"), found.setting("sm_process_priority")) == ("duplex-direct", "-5")
    back = edits.system("duplex", {})(found)
    assert {row.connect_type for row in back.service_domain_interfaces} == {"tor"}
    assert edits.system(None, {"sm_client_port": "9"})(back).setting("SYSTEM_MODE") == "duplex"
