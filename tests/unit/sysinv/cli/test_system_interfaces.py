# SPDX-License-Identifier: Apache-2.0
"""``system host-if-*``, ``datanetwork-*`` and the commands for networks on interfaces: tables, requests."""
from __future__ import annotations

from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, run_cli
from sysinv.cmd.shell import PROGRAM

BOND = {"uuid": "i3", "ifname": "bond0", "ifclass": "data", "iftype": "ae", "vlan_id": None, "uses": ["eth0", "eth1"],
        "used_by": [], "imtu": 9000, "aemode": "802.3ad", "txhashpolicy": "layer2", "ports": [
            {"href": "http://a/v1/iinterfaces/i3/ports", "rel": "self"}]}
ETH0 = {"uuid": "i1", "ifname": "eth0", "ifclass": None, "iftype": "ethernet", "uses": [], "used_by": ["bond0"],
        "imtu": 9000}
FREE = {**ETH0, "uuid": "i2", "ifname": "eth2", "used_by": []}
ON_BOND = {"uuid": "n1", "ifname": "bond0", "interface_uuid": "i3", "network_name": "oam", "network_type": "oam"}
DATA = {"uuid": "d1", "id": 1, "name": "phys0", "network_type": "vlan", "mtu": 1500}
TABLE: dict[str, Any] = {
    "/v1/ihosts/w": {"GET": {"uuid": "h1", "hostname": "worker-0"}},
    "/v1/ihosts/w/iinterfaces": {"GET": {"iinterfaces": [FREE, BOND, ETH0]}},
    "/v1/ihosts/w/ports": {"GET": {"ports": [{"name": "eth0", "interface_uuid": "i1"},
                                             {"name": "eth2", "interface_uuid": "i2"}]}},
    "/v1/iinterfaces": {"POST": BOND}, "/v1/iinterfaces/i3": {"PATCH": BOND, "DELETE": None},
    "/v1/ihosts/w/interface_networks": {"GET": {"interface_networks": [
        ON_BOND, {**ON_BOND, "uuid": "n2", "ifname": "eth0", "interface_uuid": "i1", "network_name": "mgmt"}]}},
    "/v1/ihosts/w/interface_datanetworks": {"GET": {"interface_datanetworks": [
        {"uuid": "x1", "ifname": "bond0", "interface_uuid": "i3", "datanetwork_name": "phys0"}]}},
    "/v1/interface_networks": {"POST": ON_BOND}, "/v1/interface_networks/n1": {"GET": ON_BOND, "DELETE": None},
    "/v1/interface_datanetworks": {"POST": {"uuid": "x1"}}, "/v1/interface_datanetworks/x1": {"DELETE": None},
    "/v1/ihosts/w/addresses": {"GET": {"addresses": [{"uuid": "a1", "ifname": "bond0", "address": "10.0.0.1",
                                                      "prefix": 24}]}},
    "/v1/ihosts/w/routes": {"GET": {"routes": [{"uuid": "r1", "ifname": "bond0", "network": "10.20.0.0", "prefix": 16,
                                                "gateway": "10.0.0.2", "metric": 1}]}},
    "/v1/routes": {"POST": {"uuid": "r1"}},
    "/v1/routes/r1": {"GET": {"uuid": "r1", "prefix": 16}, "DELETE": None},
    "/v1/addresses": {"POST": {"uuid": "a1"}},
    "/v1/addresses/a1": {"GET": {"uuid": "a1", "prefix": 24}, "DELETE": None},
    "/v1/networks": {"GET": {"networks": [{"uuid": "o1", "name": "oam"}]}},
    "/v1/datanetworks": {"GET": {"datanetworks": [DATA]}, "POST": DATA},
    "/v1/datanetworks/phys0": {"GET": DATA, "PATCH": DATA, "DELETE": None},
}


def system(argv: str | list[str]) -> tuple[Ran, FakeApi]:
    api = FakeApi(TABLE)
    return run_cli(PROGRAM, argv, api), api


def sent(argv: str) -> tuple[str, str, Any]:
    """Method, path and body of the last request of a command that succeeds."""
    ran, api = system(argv)
    assert ran.code == 0, ran.err
    method, path, body = api.calls[-1][:3]
    return method, path, body


@pytest.mark.parametrize(("argv", "titles"), [
    ("host-if-list w", "uuid,name,class,type,vlan id,ports,uses i/f,used by i/f,attributes"),
    ("host-addr-list w", "uuid,ifname,address,prefix"), ("datanetwork-list", "uuid,name,network_type,mtu"),
    ("interface-network-list w", "hostname,uuid,ifname,network_name"),
    ("interface-datanetwork-list w", "hostname,uuid,ifname,datanetwork_name")])
def test_titles_are_starlingxs(argv: str, titles: str) -> None:
    ran, _ = system(argv)
    assert [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")] == titles.split(",")


def test_interfaces_that_are_not_in_use_only_on_request() -> None:
    assert system("host-if-list w -f value -c name")[0].out == "bond0\neth0\n"
    assert system("host-if-list w -a -f value -c name")[0].out == "bond0\neth0\neth2\n"
    rows = [[cell.strip() for cell in line.strip("|").split("|")]
            for line in system("host-if-list w --nowrap")[0].out.splitlines()[3:-1]]
    assert [(row[1], row[5], row[6], row[8]) for row in rows] == [
        ("bond0", "[]", '["eth0", "eth1"]', "MTU=9000,AE_MODE=802.3ad,AE_XMIT_POLICY=layer2"),
        ("eth0", '["eth0"]', "[]", "MTU=9000")]


def test_one_interface_by_name_or_uuid() -> None:
    assert system("host-if-show w eth0 -f json")[0].json()["ports"] == ["eth0"]
    assert system("host-if-show w i3 -f value -c ifname")[0].out == "bond0\n"
    ran, _ = system("host-if-show w eth9")
    assert (ran.code, ran.err) == (1, "interface not found: eth9\n")


def test_requests_for_interfaces() -> None:
    assert sent("host-if-add w bond0 ae eth0 eth1 -a 802.3ad -x layer2 -c data -m 9000") == (
        "POST", "/v1/iinterfaces", {
            "aemode": "802.3ad", "txhashpolicy": "layer2", "ifclass": "data", "imtu": "9000", "ifname": "bond0",
            "iftype": "ae", "uses": ["eth0", "eth1"], "ihost_uuid": "h1"})
    assert sent("host-if-add w v vlan bond0 -V 7")[2] == {
        "vlan_id": "7", "ifname": "v", "iftype": "vlan", "uses": ["bond0"], "ihost_uuid": "h1"}
    assert sent("host-if-modify w bond0 -n bond1 -u eth2 -u eth3 -N 0 -t 5 -r 6") == ("PATCH", "/v1/iinterfaces/i3", [
        {"op": "replace", "path": "/sriov_numvfs", "value": "0"},
        {"op": "replace", "path": "/max_tx_rate", "value": "5"},
        {"op": "replace", "path": "/max_rx_rate", "value": "6"},
        {"op": "replace", "path": "/ifname", "value": "bond1"},
        {"op": "replace", "path": "/uses", "value": ["eth2", "eth3"]}])
    assert system("host-if-modify w bond0")[0].err == "Nothing to change: give at least one option.\n"
    ran, api = system("host-if-delete w bond0")
    assert ran.out == "Deleted interface: host w if bond0\n"
    assert api.calls[-1][:2] == ("DELETE", "/v1/iinterfaces/i3")


def test_requests_for_data_networks() -> None:
    assert sent("datanetwork-add phys0 vxlan -d text -m 1400 -g 239.0.0.1 -p 4789 -t 2 -M dynamic") == (
        "POST", "/v1/datanetworks", {
            "name": "phys0", "network_type": "vxlan", "description": "text", "mtu": "1400",
            "multicast_group": "239.0.0.1", "port_num": "4789", "ttl": "2", "mode": "dynamic"})
    assert sent("datanetwork-modify phys0 -m 1600") == ("PATCH", "/v1/datanetworks/phys0", [
        {"op": "replace", "path": "/mtu", "value": "1600"}])
    assert system("datanetwork-modify phys0")[0].code != 0
    assert system("datanetwork-show phys0 -f value -c mtu")[0].out == "1500\n"
    assert system("datanetwork-delete phys0")[0].out == "Deleted DataNetwork: phys0\n"


def test_networks_on_interfaces() -> None:
    assert system("interface-network-list w eth0 -f value -c hostname -c network_name")[0].out == "worker-0 mgmt\n"
    assert system("interface-network-list w i3 -f value -c uuid")[0].out == "n1\n"
    assert system("interface-network-show n1 -f value -c network_name")[0].out == "oam\n"
    assert sent("interface-network-assign w bond0 oam") == (
        "POST", "/v1/interface_networks", {"interface_uuid": "i3", "network_uuid": "o1"})
    assert system("interface-network-assign w bond0 admin")[0].err == "network not found: admin\n"
    assert system("interface-network-remove n1")[0].out == "Deleted Interface Network: n1\n"
    assert sent("interface-datanetwork-assign w bond0 phys0") == (
        "POST", "/v1/interface_datanetworks", {"interface_uuid": "i3", "datanetwork_uuid": "phys0"})
    assert system("interface-datanetwork-remove x1")[0].out == "Deleted Interface DataNetwork: x1\n"


def test_addresses() -> None:
    assert sent("host-addr-add w bond0 10.0.0.1 24") == (
        "POST", "/v1/addresses", {"interface_uuid": "i3", "address": "10.0.0.1", "prefix": "24"})
    assert system("host-addr-list w -f value -c ifname -c address")[0].out == "bond0 10.0.0.1\n"
    assert system("host-addr-show a1 -f value -c prefix")[0].out == "24\n"
    assert system("host-addr-delete a1")[0].out == "Deleted Address: a1\n"


def test_routes() -> None:
    route = {"interface_uuid": "i3", "network": "10.20.0.0", "prefix": "16", "gateway": "10.0.0.2"}
    assert sent("host-route-add w bond0 10.20.0.0 16 10.0.0.2") == ("POST", "/v1/routes", {**route, "metric": 1})
    assert sent("host-route-add w bond0 10.20.0.0 16 10.0.0.2 7") == ("POST", "/v1/routes", {**route, "metric": "7"})
    ran = system("host-route-list w")[0].out.splitlines()
    assert [cell.strip() for cell in ran[1].strip("|").split("|")] == [
        "uuid", "ifname", "network", "prefix", "gateway", "metric"]
    assert [cell.strip() for cell in ran[3].strip("|").split("|")] == [
        "r1", "bond0", "10.20.0.0", "16", "10.0.0.2", "1"]
    assert system("host-route-show r1 -f value -c prefix")[0].out == "16\n"
    assert system("host-route-delete r1")[0].out == "Deleted Route: r1\n"
