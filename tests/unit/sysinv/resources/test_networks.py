# SPDX-License-Identifier: Apache-2.0
"""Networks and address pools: what may be added, changed and deleted, and with which words it is refused."""
from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.errors import FlockError, InvalidInput
from sysinv.resources.network.rules import new_pool

POOL = {"name": "mc", "network": "239.1.1.0", "prefix": 28}
NOBODY = "3a8f7c8e-2f5b-4d0a-9c2e-1b7f6a5d4c3b"


def pool(cloud: Any, **values: Any) -> Any:
    return cloud.post("/v1/addrpools", {**POOL, **values})


def of_type(cloud: Any, network_type: str) -> dict[str, Any]:
    """The pool of a network that the bootstrap has made."""
    (found,) = cloud.get(f"/v1/addrpools?network_type={network_type}").body["addrpools"]
    return dict(found)


def test_a_pool_has_the_whole_subnet_without_its_gateway(cloud: Any) -> None:
    reply = pool(cloud, network="192.168.50.0", prefix=24, gateway_address="192.168.50.1")
    assert reply.status == 200
    assert {name: reply.body[name] for name in ("name", "order", "family", "ranges", "gateway_address")} == {
        "name": "mc", "order": "random", "family": 4, "ranges": [["192.168.50.2", "192.168.50.254"]],
        "gateway_address": "192.168.50.1"}
    assert cloud.get(f"/v1/addrpools/{reply.body['uuid']}").body == reply.body


@pytest.mark.parametrize(("values", "status", "words"), [
    ({"network": "239.1.1.1"}, 400, "host bits set"), ({"network": "here"}, 400, "network"),
    ({"prefix": 33}, 400, "network"), ({"prefix": 31}, 400, "fewer than 4 addresses"),
    ({"network": "127.0.0.0", "prefix": 8}, 400, "can not be used between hosts"),
    ({"name": "-rf"}, 400, "begin with a letter or digit"), ({"name": ""}, 400, "1 to 128"),
    ({"order": "best"}, 400, "order"), ({"ranges": []}, 400, "pairs of first and last"),
    ({"ranges": [["239.1.1.1"]]}, 400, "pairs of first and last"), ({"ranges": 7}, 400, "pairs of first and last"),
    ({"ranges": [["239.1.1.9", "239.1.1.2"]]}, 400, "must be ordered"),
    ({"ranges": [["239.1.1.1", "239.1.1.9"], ["239.1.1.9", "239.1.1.12"]]}, 400, "overlaps another range"),
    ({"floating_address": "10.0.0.1"}, 400, "must be inside 239.1.1.0/28"),
    ({"gateway_address": "fd00::1"}, 400, ""), ({"gateway_address": "x"}, 400, "gateway_address"),
    ({"floating_address": "239.1.1.2", "controller1_address": "239.1.1.2"}, 400, "an address of its own"),
    ({"controller0_address": "239.1.1.2", "gateway_address": "239.1.1.2"}, 400, "gateway_address"),
    ({"colour": "red"}, 400, "colour"), ({"name": "oam"}, 409, "Address pool oam already exists.")])
def test_pools_that_are_refused_leave_nothing(cloud: Any, values: dict[str, Any], status: int, words: str) -> None:
    before = cloud.get("/v1/addrpools").body
    reply = pool(cloud, **values)
    assert (reply.status, words in reply.fault) == (status, True), reply.fault
    assert cloud.get("/v1/addrpools").body == before


def test_no_pool_has_addresses_of_another(cloud: Any) -> None:
    oam = of_type(cloud, "oam")
    reply = pool(cloud, network=oam["network"], prefix=oam["prefix"])
    assert (reply.status, "of address pool oam" in reply.fault) == (409, True)


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_any_pool_is_refused_or_has_its_addresses_in_order(network: int, prefix: int, gateway: int) -> None:

    values = {"name": "p", "network": str(ipaddress.IPv4Address(network)), "prefix": prefix,
              "gateway_address": str(ipaddress.IPv4Address(gateway))}
    try:
        made = new_pool(values)
    except FlockError as error:
        assert isinstance(error, InvalidInput)
        return
    subnet = ipaddress.ip_network(f"{made.network}/{made.prefix}")
    for first, last in made.ranges:
        assert ipaddress.ip_address(first) in subnet and ipaddress.ip_address(last) in subnet
        assert int(ipaddress.ip_address(first)) <= int(ipaddress.ip_address(last))
        assert made.gateway_address not in (first, last)


def test_a_network_is_added_once_and_takes_its_pool(cloud: Any) -> None:
    uuid = pool(cloud).body["uuid"]
    body = {"type": "multicast", "name": "mc-net", "dynamic": False, "pool_uuid": uuid}
    reply = cloud.post("/v1/networks", body)
    assert reply.status == 200 and reply.body["primary_pool_family"] == "IPv4" and reply.body["pool_uuid"] == uuid
    assert cloud.get("/v1/networks/mc-net").body == reply.body
    again = cloud.post("/v1/networks", body)
    assert (again.status, again.fault) == (409, "Network of type multicast already exists.")
    other = cloud.post("/v1/networks", {**body, "type": "ironic", "name": "other"})
    assert (other.status, other.fault) == (409, "Address pool mc belongs to network mc-net already.")
    assert "in use by network mc-net" in cloud.delete(f"/v1/addrpools/{uuid}").fault
    assert cloud.delete(f"/v1/networks/{reply.body['uuid']}").status == 204
    assert cloud.get("/v1/networks/mc-net").status == 404
    assert cloud.delete(f"/v1/addrpools/{uuid}").status == 204
    assert cloud.get(f"/v1/addrpools/{uuid}").status == 404


def test_controllers_get_their_addresses_in_a_new_network(cloud: Any) -> None:
    asked = {"type": "admin", "pool_uuid": pool(cloud, network="192.168.50.0", prefix=24).body["uuid"]}
    reply = cloud.post("/v1/networks", asked)
    assert (reply.status, reply.fault) == (400, (
        "Network of type admin requires floating_address, controller0_address, controller1_address in address pool "
        "mc."))
    cloud.patch(f"/v1/addrpools/{asked['pool_uuid']}", floating_address="192.168.50.2",
                controller0_address="192.168.50.3", controller1_address="192.168.50.4")
    reply = cloud.post("/v1/networks", asked)
    assert (reply.status, reply.body["name"], reply.body["dynamic"]) == (200, "admin", True)

    def named() -> dict[str, str]:
        return {one["name"]: one["address"] for one in cloud.get("/v1/addresses").body["addresses"]
                if one["name"].endswith("-admin")}

    assert named() == {"controller-admin": "192.168.50.2", "controller-0-admin": "192.168.50.3",
                       "controller-1-admin": "192.168.50.4"}
    assert "in use by network admin" in cloud.delete(f"/v1/addrpools/{asked['pool_uuid']}").fault
    assert cloud.delete("/v1/networks/admin").status == 204 and named() == {}


@pytest.mark.parametrize("network_type", ["mgmt", "oam", "pxeboot", "cluster-host"])
def test_networks_in_which_hosts_have_addresses_stay_as_they_are(cloud: Any, network_type: str) -> None:
    network = cloud.get(f"/v1/networks/{network_type}").body
    reply = cloud.delete(f"/v1/networks/{network_type}")
    assert (reply.status, reply.fault) == (400, (
        f"Cannot delete type {network_type} network {network['uuid']} after initial configuration completion"))
    found = of_type(cloud, network_type)
    reply = cloud.patch(f"/v1/addrpools/{found['uuid']}", order="sequential")
    assert (reply.status, "order cannot be changed while the system runs" in reply.fault) == (400, True)
    assert cloud.delete(f"/v1/addrpools/{found['uuid']}").status == 409
    assert of_type(cloud, network_type) == found
    renamed = cloud.patch(f"/v1/addrpools/{found['uuid']}", name="other-name")
    assert renamed.status == 200 and of_type(cloud, network_type)["name"] == "other-name"


@pytest.mark.parametrize(("values", "status"), [
    ({"type": "lan"}, 400), ({"type": "multicast", "pool_uuid": NOBODY}, 404), ({}, 400),
    ({"type": "multicast", "name": "../x"}, 400), ({"type": "multicast", "pool_uuid": "7"}, 404),
    ({"type": "multicast", "name": "oam"}, 409)])
def test_networks_that_are_refused(cloud: Any, values: dict[str, Any], status: int) -> None:
    body = {"pool_uuid": pool(cloud).body["uuid"], **values}
    before = cloud.get("/v1/networks").body
    assert cloud.post("/v1/networks", body).status == status
    assert cloud.get("/v1/networks").body == before


def test_a_pool_is_changed(cloud: Any) -> None:
    uuid = pool(cloud).body["uuid"]
    reply = cloud.patch(f"/v1/addrpools/{uuid}", ranges=[["239.1.1.2", "239.1.1.9"]], order="sequential",
                        floating_address="239.1.1.3")
    assert reply.status == 200 and reply.body["ranges"] == [["239.1.1.2", "239.1.1.9"]]
    assert (reply.body["order"], reply.body["floating_address"]) == ("sequential", "239.1.1.3")
    assert cloud.patch(f"/v1/addrpools/{uuid}", floating_address="none").body["floating_address"] is None
    assert cloud.patch(f"/v1/addrpools/{uuid}", network="10.0.0.0").status == 400
    assert cloud.patch(f"/v1/addrpools/{uuid}", name="oam").status == 409
    assert cloud.patch(f"/v1/addrpools/{NOBODY}", name="x").status == 404
