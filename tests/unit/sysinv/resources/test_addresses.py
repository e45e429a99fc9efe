# SPDX-License-Identifier: Apache-2.0
"""Addresses that operators add to interfaces."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sysinv.actions.facts import ActionFacts
from sysinv.model.host import HostMustBeLocked
from sysinv.resources.address.rules import AddressExists, AddressRefused, check_add
from sysinv.resources.interface.checks import InterfaceFacts, accelerated_refusal, addressed_refusal
from sysinv.resources.interface.view import DataNetworkView
from tests.unit.sysinv.resources.interfaces import POOL_4, STANDARD, WORKER, host, not_modified
from tests.unit.sysinv.resources.test_host_lifecycle import port, worker

ABSENT = "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"


def data(**values: Any) -> Any:
    return host(**{"ifclass": "data", "ipv4_mode": "static", "ipv6_mode": "static", **values})


def check(view: Any, address: str, prefix: int, holder: str | None = None) -> None:
    check_add(view, view.of(1), address, prefix, holder)


@pytest.mark.parametrize(("address", "prefix", "text"), [
    ("10.0.0.1", 0, "Prefix of 10.0.0.1 must be between 1 and 32."),
    ("10.0.0.1", 33, "Prefix of 10.0.0.1 must be between 1 and 32."),
    ("224.0.0.1", 24, "Address 224.0.0.1 is no address of an interface: it is multicast, loopback or unspecified."),
    ("127.0.0.1", 8, "Address 127.0.0.1 is no address of an interface: it is multicast, loopback or unspecified."),
    ("::", 64, "Address :: is no address of an interface: it is multicast, loopback or unspecified."),
    ("10.0.0.0", 24, "Address 10.0.0.0 is the address of the network 10.0.0.0/24."),
    ("fd00::", 64, "Address fd00:: is the address of the network fd00::/64."),
    ("10.0.0.255", 24, "Address 10.0.0.255 is the broadcast address of the network 10.0.0.0/24.")])
def test_addresses_that_no_interface_has(address: str, prefix: int, text: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        check(data(), address, prefix)
    assert str(caught.value) == text


@pytest.mark.parametrize(("address", "prefix"), [
    ("10.0.0.0", 31), ("10.0.0.1", 31), ("10.0.0.7", 32), ("fd00::ffff", 112), ("10.0.0.254", 24)])
def test_addresses_of_interfaces(address: str, prefix: int) -> None:
    check(data(), address, prefix)


def test_the_mode_of_the_family_is_static() -> None:
    with pytest.raises(AddressRefused, match=r"^Interface eth1 must have ipv6_mode static\.$"):
        check(data(ipv6_mode="disabled"), "fd00::1", 64)
    with pytest.raises(AddressRefused, match=r"^Interface eth1 must have ipv4_mode static\.$"):
        check(host(), "10.0.0.1", 24)
    view = data(addresses=("10.0.0.1/24",))
    text = "Interface eth1 has addresses of family 4, which need ipv4_mode static. Delete these first."
    assert not_modified(view, 1, ipv4_mode="disabled") == text
    assert not_modified(view, 1, ifclass=None) == text


def test_duplicates_and_overlaps() -> None:
    with pytest.raises(AddressExists, match=r"^Address 10\.0\.0\.1 already exists: worker-1-mgmt\.$"):
        check(data(), "10.0.0.1", 24, "worker-1-mgmt")
    view = data()
    view = view.after(replace(view.of(2), addresses=("10.0.1.1/24", "fd00::1/64")))
    with pytest.raises(AddressExists, match=r"^Subnet 10\.0\.0\.0/16 overlaps 10\.0\.1\.0/24 of interface eth2\.$"):
        check(view, "10.0.0.1", 16)
    check(view, "10.0.2.1", 24)
    # An interface may have several addresses of one subnet.
    check_add(view, replace(view.of(2), ipv4_mode="static"), "10.0.1.2", 24, None)
    with pytest.raises(HostMustBeLocked, match=r"^Host must be locked\.$"):
        check(replace(view, host=replace(WORKER, administrative="unlocked")), "10.0.2.1", 24)


def test_unlock_needs_the_addresses_of_data_interfaces() -> None:
    def refusal(view: Any, rule: Any = addressed_refusal, **system: Any) -> str | None:
        known = replace(STANDARD, **system)
        facts = ActionFacts(WORKER, known, "controller-0", resources={InterfaceFacts: InterfaceFacts(view)})
        return rule(facts)

    four = "Cannot unlock host worker-0: interface eth1 has ipv4_mode static and no such address."
    assert refusal(data(ipv6_mode="disabled")) == four
    assert refusal(data(addresses=("fd00::1/64",))) == four
    assert refusal(data(addresses=("fd00::1/64", "10.0.0.1/24"))) is None
    tunnel = {"datanetworks": (DataNetworkView(1, "vx", "vxlan", 1400),), "ipv4_mode": "disabled",
              "ipv6_mode": "disabled"}
    assert refusal(data(**tunnel)) == \
        "Cannot unlock host worker-0: interface eth1 needs an address for data network vx."
    assert refusal(data(**{**tunnel, "ipv4_mode": "pool", "ipv4_pool": POOL_4})) is None
    slow = "Cannot unlock host worker-0: data interfaces need accelerated ports for ovs-dpdk: eth1."
    assert refusal(data(), accelerated_refusal, vswitch_type="ovs-dpdk") == slow
    assert refusal(data(), accelerated_refusal) is None


def test_life_of_an_address(cloud: Any) -> None:
    uuid = worker(cloud)
    cloud.inventory.store(host_uuid=uuid, kind="port", records=[
        port(), port("mgmt0", "08:00:27:00:00:99", "0000:00:04.0"), port("eth5", "08:00:27:00:00:98", "0000:00:05.0")])
    interface = next(one["uuid"] for one in cloud.get("/v1/ihosts/worker-0/iinterfaces").body["iinterfaces"]
                     if one["ifname"] == "eth5")
    body = {"interface_uuid": interface, "address": "FD00:0::1", "prefix": "64"}
    assert cloud.post("/v1/addresses", body).fault == "Interface eth5 must have ipv6_mode static."
    assert cloud.patch(f"/v1/iinterfaces/{interface}", ifclass="data", ipv6_mode="static").status == 200
    made = cloud.post("/v1/addresses", body)
    assert made.status == 200
    assert {name: made.body[name] for name in ("address", "prefix", "ifname", "interface_uuid", "enable_dad",
                                               "pool_uuid")} == {
        "address": "fd00::1", "prefix": 64, "ifname": "eth5", "interface_uuid": interface, "enable_dad": True,
        "pool_uuid": None}
    again = cloud.post("/v1/addresses", body)
    assert (again.status, again.fault) == (409, "Address fd00::1 already exists: worker-0-eth5-fd00::1.")
    for path in (f"/v1/iinterfaces/{interface}/addresses", "/v1/addresses?sort_key=id&sort_dir=desc&limit=1"):
        assert cloud.get(path).body["addresses"] == [made.body]
    nested = cloud.get("/v1/ihosts/worker-0/addresses").body["addresses"]
    assert made.body in nested and len(nested) == 3
    for bad in ({**body, "address": "x"}, {**body, "prefix": -1}, {**body, "prefix": 129}, {"address": "10.0.0.1"}):
        assert cloud.post("/v1/addresses", bad).status == 400
    assert cloud.post("/v1/addresses", {**body, "interface_uuid": ABSENT}).status == 404
    pool = next(one for one in nested if one["pool_uuid"] is not None)
    reply = cloud.delete(f"/v1/addresses/{pool['uuid']}")
    assert (reply.status, reply.fault) == (
        400, f"Address {pool['address']} was assigned from an address pool and can not be deleted.")
    floating = next(one for one in cloud.get("/v1/addresses").body["addresses"] if one["forihostid"] is None)
    assert cloud.delete(f"/v1/addresses/{floating['uuid']}").status == 400
    assert cloud.delete(f"/v1/addresses/{made.body['uuid']}").status == 204
    for ident in (made.body["uuid"], "x"):
        assert cloud.delete(f"/v1/addresses/{ident}").status == 404
    assert cloud.patch(f"/v1/iinterfaces/{interface}", ifclass="none").status == 200
    assert cloud.post("/v1/addresses", {**body, "interface_uuid": interface}).status == 400


def test_the_addresses_of_an_interface_go_with_it(cloud: Any) -> None:
    uuid = worker(cloud)
    cloud.inventory.store(host_uuid=uuid, kind="port", records=[
        port(), port("eth5", "08:00:27:00:00:98", "0000:00:05.0")])
    vlan = cloud.post("/v1/iinterfaces", {"ihost_uuid": uuid, "ifname": "v", "iftype": "vlan", "vlan_id": 1,
                                          "uses": ["eth5"], "ifclass": "data", "ipv4_mode": "static"}).body["uuid"]
    made = cloud.post("/v1/addresses", {"interface_uuid": vlan, "address": "10.9.0.1", "prefix": 24,
                                        "enable_dad": True})
    assert made.body["enable_dad"] is True
    assert cloud.delete(f"/v1/iinterfaces/{vlan}").status == 204
    assert cloud.get(f"/v1/addresses/{made.body['uuid']}").status == 404
