# SPDX-License-Identifier: Apache-2.0
"""Data networks, and data networks on interfaces."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sysinv.model.host import HostMustBeLocked
from sysinv.resources.datanetwork.rules import DataNetworkRefused, new_network
from sysinv.resources.interface.view import DataNetworkView, InterfaceRefused
from sysinv.resources.interfacedatanetwork.rules import InterfaceDataNetworkExists, assigned, removed
from tests.unit.sysinv.resources.interfaces import AIO, SIMPLEX, WORKER, host, new, with_sriov
from tests.unit.sysinv.resources.test_host_lifecycle import port, worker

ABSENT = "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"
VXLAN = {"name": "v", "network_type": "vxlan", "port_num": 4789, "ttl": 1, "multicast_group": "239.0.2.1"}
FLAT = DataNetworkView(1, "flat", "flat", 1500)


@pytest.mark.parametrize(("values", "text"), [
    ({"name": "None", "network_type": "flat"}, "Data network name 'none' is reserved."),
    ({"name": "a", "network_type": "flat", "ttl": 1, "mode": "static"},
     "ttl, mode can only be given for data networks of type vxlan."),
    ({**VXLAN, "port_num": None}, "port_num is required for data networks of type vxlan."),
    ({**VXLAN, "ttl": None}, "ttl is required for data networks of type vxlan."),
    ({**VXLAN, "mode": "static"}, "multicast_group can not be given for vxlan data networks of mode static."),
    ({**VXLAN, "multicast_group": None},
     "multicast_group must be a multicast address for vxlan data networks of mode dynamic."),
    ({**VXLAN, "multicast_group": "10.0.0.1"},
     "multicast_group must be a multicast address for vxlan data networks of mode dynamic.")])
def test_new_data_networks(values: dict[str, Any], text: str) -> None:
    with pytest.raises(DataNetworkRefused) as caught:
        new_network(values)
    assert str(caught.value) == text


def test_modes_of_vxlan() -> None:
    assert new_network(VXLAN)["mode"] == "dynamic"
    assert new_network({**VXLAN, "multicast_group": "ff05::1"})["mode"] == "dynamic"
    assert new_network({**VXLAN, "multicast_group": None, "mode": "static"})["mode"] == "static"
    assert "mode" not in new_network({"name": "a", "network_type": "vlan"})


def test_life_of_a_data_network(cloud: Any) -> None:
    made = cloud.post("/v1/datanetworks", {"name": "phys.0", "network_type": "vlan", "description": "a", "mtu": "9000"})
    assert made.status == 200
    assert {name: made.body[name] for name in ("name", "network_type", "description", "mtu", "mode", "ttl")} == {
        "name": "phys.0", "network_type": "vlan", "description": "a", "mtu": 9000, "mode": None, "ttl": None}
    for ident in (made.body["uuid"], made.body["id"], "phys.0", str(made.body["uuid"]).upper()):
        assert cloud.get(f"/v1/datanetworks/{ident}").body == made.body
    again = cloud.post("/v1/datanetworks", {"name": "phys.0", "network_type": "flat"})
    assert (again.status, again.fault) == (409, "Data network with name phys.0 already exists.")
    reply = cloud.patch("/v1/datanetworks/phys.0", mtu="1400", description="b")
    assert (reply.status, reply.body["mtu"], reply.body["description"]) == (200, 1400, "b")
    assert cloud.call("PATCH", "/v1/datanetworks/phys.0", [{"op": "remove", "path": "/description"}]).body[
        "description"] is None
    for values in ({"name": "x"}, {"network_type": "flat"}, {"mtu": 575}, {"mtu": 9217}, {"ttl": 1}):
        assert cloud.patch("/v1/datanetworks/phys.0", **values).status == 400
    listed = cloud.get("/v1/datanetworks").body["datanetworks"]
    assert [one["mtu"] for one in listed] == [1400]
    reply = cloud.delete("/v1/datanetworks/phys.0")
    assert (reply.status, reply.body) == (204, None)
    for reply in (cloud.get("/v1/datanetworks/phys.0"), cloud.patch("/v1/datanetworks/phys.0", mtu=1500),
                  cloud.delete("/v1/datanetworks/phys.0")):
        assert (reply.status, reply.fault) == (404, "Data network phys.0 could not be found.")


def test_null_is_the_default_and_times_are_the_systems(cloud: Any) -> None:
    reply = cloud.post("/v1/datanetworks", {"name": "physnet0", "network_type": "flat", "mtu": None, "mode": None,
                                            "created_at": None, "uuid": "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"})
    assert (reply.status, reply.body["mtu"]) == (200, 1500)
    assert reply.body["created_at"] and reply.body["uuid"] != "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"


def test_a_name_may_look_like_an_id(cloud: Any) -> None:
    first = cloud.post("/v1/datanetworks", {"name": "2", "network_type": "flat"}).body
    second = cloud.post("/v1/datanetworks", {"name": "b", "network_type": "flat"}).body
    assert (first["id"], second["id"]) == (1, 2)
    assert cloud.get("/v1/datanetworks/2").body == second
    assert cloud.get(f"/v1/datanetworks/{first['uuid']}").body == first


@pytest.mark.parametrize("body", [
    {"name": "a b", "network_type": "flat"}, {"name": "", "network_type": "flat"}, {"name": "a"},
    {"name": "a", "network_type": "gre"}, {"name": "a", "network_type": "flat", "mtu": 500},
    {**VXLAN, "port_num": 65536}, {**VXLAN, "ttl": 256}, {**VXLAN, "multicast_group": "x"}, {"network_type": "flat"}])
def test_bodies_are_checked(cloud: Any, body: dict[str, Any]) -> None:
    assert cloud.post("/v1/datanetworks", body).status == 400
    assert cloud.get("/v1/datanetworks").body == {"datanetworks": []}


def refused(view: Any, interface_id: int, network: DataNetworkView) -> str:
    with pytest.raises(InterfaceRefused) as caught:
        assigned(view, interface_id, network)
    return str(caught.value)


def test_an_interface_without_class_becomes_one_for_data() -> None:
    one = assigned(host(), 1, FLAT).of(1)
    assert (one.ifclass, one.ipv4_mode, one.datanetworks) == ("data", "disabled", (FLAT,))
    assert assigned(with_sriov(host()), 1, FLAT).of(1).ifclass == "pci-sriov"
    assert refused(host(replace(WORKER, subfunctions="storage")), 1, FLAT) == \
        "Interface class data is only possible on hosts with worker function."


def test_rules_of_data_networks_on_interfaces() -> None:
    assert refused(host(ifclass="platform"), 1, FLAT) == \
        "Interface eth1 of class platform can not carry data networks."
    view = assigned(host(), 1, FLAT)
    with pytest.raises(InterfaceDataNetworkExists, match=r"^Interface eth1 already carries the data network flat\.$"):
        assigned(view, 1, FLAT)
    assert refused(view, 2, FLAT) == "Data network flat is already assigned to interface eth1 of this host."
    # Virtual functions of several ports may be in one network.
    assert assigned(with_sriov(assigned(host(), 2, FLAT)), 1, FLAT).of(1).datanetworks == (FLAT,)
    vxlan = DataNetworkView(2, "vx", "vxlan", 1500)
    assert refused(host(), 1, vxlan) == "MTU 1500 of eth1 must be at least 1574 for data network vx."
    assert refused(host(imtu=1573), 1, vxlan) == "MTU 1573 of eth1 must be at least 1574 for data network vx."
    assert assigned(host(imtu=1574), 1, vxlan).of(1).datanetworks == (vxlan,)
    assert refused(host(), 1, replace(FLAT, mtu=1501)) == \
        "MTU 1500 of eth1 must be at least 1501 for data network flat."
    view = new(host(), "vlan", 1, vlan_id=1, ifclass="data")
    vlan = DataNetworkView(3, "vl", "vlan", 1500)
    assert refused(view, view.interfaces[-1].id, vlan) == \
        "Data network vl of type vlan is not possible on a VLAN interface."
    assert assigned(view, view.interfaces[-1].id, FLAT).interfaces[-1].datanetworks == (FLAT,)


def test_only_virtual_functions_of_a_simplex_system_need_no_lock() -> None:
    unlocked = replace(AIO, administrative="unlocked")
    view = replace(with_sriov(host(AIO, SIMPLEX)), host=unlocked)
    assert removed(assigned(view, 1, FLAT), 1, FLAT.id) == view
    with pytest.raises(HostMustBeLocked, match=r"^Host must be locked\.$"):
        assigned(view, 2, FLAT)
    with pytest.raises(HostMustBeLocked):
        removed(replace(assigned(host(), 1, FLAT), host=replace(WORKER, administrative="unlocked")), 1, FLAT.id)


def test_data_networks_on_interfaces_through_the_api(cloud: Any) -> None:
    uuid = worker(cloud)
    cloud.inventory.store(host_uuid=uuid, kind="port", records=[
        port(), port("mgmt0", "08:00:27:00:00:99", "0000:00:04.0"), port("eth5", "08:00:27:00:00:98", "0000:00:05.0")])
    interface = next(one for one in cloud.get("/v1/ihosts/worker-0/iinterfaces").body["iinterfaces"]
                     if one["ifname"] == "eth5")
    network = cloud.post("/v1/datanetworks", {"name": "phys0", "network_type": "flat"}).body
    body = {"interface_uuid": interface["uuid"], "datanetwork_uuid": network["uuid"]}
    made = cloud.post("/v1/interface_datanetworks", body)
    assert {name: made.body[name] for name in ("ifname", "datanetwork_name", "network_type", "ihost_uuid")} == {
        "ifname": "eth5", "datanetwork_name": "phys0", "network_type": "flat", "ihost_uuid": uuid}
    again = cloud.post("/v1/interface_datanetworks", {**body, "datanetwork_uuid": "phys0"})
    assert (again.status, again.fault) == (409, "Interface eth5 already carries the data network phys0.")
    for path in ("/v1/interface_datanetworks", "/v1/ihosts/worker-0/interface_datanetworks",
                 f"/v1/iinterfaces/{interface['uuid']}/interface_datanetworks"):
        assert cloud.get(path).body["interface_datanetworks"] == [made.body]
    reply = cloud.delete("/v1/datanetworks/phys0")
    assert (reply.status, reply.fault) == (409, "Data network phys0 can not be deleted while it is assigned to "
                                                "interfaces: worker-0:eth5.")
    assert cloud.patch("/v1/datanetworks/phys0", mtu=1600).fault == \
        "MTU 1600 needs interfaces with an MTU of at least 1600; the MTU of worker-0:eth5 is smaller."
    assert cloud.patch(f"/v1/iinterfaces/{interface['uuid']}", imtu=1400).fault == \
        "MTU 1400 of eth5 must be at least 1500 for data network phys0."
    assert cloud.patch("/v1/datanetworks/phys0", mtu=1400).status == 200
    assert cloud.patch(f"/v1/iinterfaces/{interface['uuid']}", imtu=1400).status == 200
    for bad in ({**body, "interface_uuid": ABSENT}, {**body, "datanetwork_uuid": "phys1"}):
        assert cloud.post("/v1/interface_datanetworks", bad).status == 404
    assert cloud.delete(f"/v1/interface_datanetworks/{made.body['uuid']}").status == 204
    assert cloud.delete(f"/v1/interface_datanetworks/{made.body['uuid']}").status == 404
    assert cloud.delete("/v1/datanetworks/phys0").status == 204
