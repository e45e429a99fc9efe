# SPDX-License-Identifier: Apache-2.0
"""Interface profiles: the whole networking of a host, on another host with the same ports, or nothing of it."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flock.core.errors import FlockError
from sysinv.model.host import HostRefused
from sysinv.resources.interface.view import DataNetworkView, HostInterfaces
from sysinv.resources.interfacedatanetwork.rules import assigned as with_datanetwork
from sysinv.resources.interfacenetwork.rules import assigned as with_network
from sysinv.resources.port.report import PortReport
from sysinv.resources.profile import interface
from sysinv.resources.profile.body import BODY, Body, ProfilePort
from sysinv.resources.profile.interface import HostNetworking
from tests.unit.sysinv.resources.interfaces import CONTROLLER, WORKER, host, last, new
from tests.unit.sysinv.resources.test_profiles import apply, provision, take

FAMILIES = {"mgmt": 4, "cluster-host": 4, "pxeboot": 4, "oam": 4}
PHYSNET = DataNetworkView(7, "physnet0", "vlan", 1500)


def networking(view: HostInterfaces, **values: Any) -> HostNetworking:
    names = {one.id: one.ifname for one in view.interfaces}
    ports = {port.id: ProfilePort(port.name, f"0000:00:0{port.id - 10}.0", 0, "Ethernet", "82599",
                                  names.get(port.interface_id or 0, "")) for port in view.ports}
    found = HostNetworking(view, ports, FAMILIES, {"physnet0": PHYSNET}, cluster_on_controller=True)
    return replace(found, **values)


def bare(inventory: Any = WORKER) -> HostInterfaces:
    """A host that is managed over the port from which it boots."""
    return with_network(host(inventory), 2, "mgmt", 4, cluster_on_controller=True)


def rich() -> HostInterfaces:
    """A bond with the cluster and a VLAN on it, SR-IOV with a VF interface, and the management network on eth2."""
    view = bare()
    view = new(view, "ae", 3, 4, ifname="bond0", aemode="802.3ad", txhashpolicy="layer2", imtu=9000, ifclass="data")
    view = with_datanetwork(view, last(view).id, PHYSNET)
    bond = last(view).id
    view = new(view, "vlan", bond, ifname="tenants", vlan_id=100, ifclass="data", ipv4_mode="static", imtu=1500)
    view = view.after(replace(view.of(1), ifname="fast", ifclass="pci-sriov", sriov_numvfs=4))
    return new(view, "vf", 1, ifname="vf0", sriov_numvfs=2, sriov_vf_driver="vfio", ifclass="pci-sriov")


def shape(view: HostInterfaces) -> dict[str, tuple[Any, ...]]:
    """All that interfaces are, by name, without their ids and addresses."""
    names = {one.id: one.ifname for one in view.interfaces}
    return {one.ifname: (tuple(names[lower] for lower in one.uses), [port.name for port in view.ports_of(one)],
                         replace(one, id=0, uses=(), addresses=())) for one in view.interfaces}


def stored(source: HostNetworking) -> Body:
    """The body as it comes back from the database."""
    ports, interfaces = interface.taken(source)
    body: Body = BODY.from_document(BODY.to_document(Body(ports=ports, interfaces=interfaces)))
    return body


def planned(source: HostNetworking, target: HostNetworking) -> HostInterfaces:
    body = stored(source)
    return interface.planned("p1", body.ports, body.interfaces, target)


def test_an_equal_host_gets_identical_interfaces() -> None:
    source, target = rich(), bare()
    after = planned(networking(source), networking(target))
    assert shape(after) == shape(source)
    assert {one["ifname"]: one["change"] for one in interface.differences(target, after)} == {
        "bond0": "added", "eth1": "removed", "eth3": "changed", "eth4": "changed", "fast": "added",
        "tenants": "added", "vf0": "added"}
    # What stays is the same interface, with the addresses that operators gave it.
    assert {one.ifname: one.id for one in after.interfaces if one.id > 0} == {"eth2": 2, "eth3": 3, "eth4": 4}


def test_a_second_time_nothing_changes() -> None:
    source = rich()
    kept = source.after(replace(source.of(last(source).uses[0]), addresses=()))
    assert interface.differences(kept, planned(networking(source), networking(kept))) == []


def test_what_the_profile_does_not_have_is_gone() -> None:
    source, target = bare(), rich()
    after = planned(networking(source), networking(target))
    assert shape(after) == shape(source)
    assert {one["change"] for one in interface.differences(target, after) if one["ifname"] in (
        "bond0", "tenants", "vf0", "fast")} == {"removed"}


def test_interfaces_that_exchange_their_vlans_and_ports_are_made_anew() -> None:
    source = new(new(bare(), "vlan", 1, ifname="one", vlan_id=10), "vlan", 1, ifname="two", vlan_id=20)
    target = new(new(bare(), "vlan", 1, ifname="one", vlan_id=20), "vlan", 1, ifname="two", vlan_id=10)
    after = planned(networking(source), networking(target))
    assert shape(after) == shape(source)
    # Neither has the row of the other, so no statement passes a state that the database refuses.
    assert not {one.id for one in after.interfaces if one.ifname in ("one", "two")} & {
        one.id for one in target.interfaces}
    swapped = target.after(replace(target.of(1), ifname="eth3")).after(replace(target.of(3), ifname="eth1"))
    after = planned(networking(source), networking(swapped))
    assert shape(after) == shape(source)


def test_addresses_stay_with_an_interface_that_stays() -> None:
    source = bare().after(replace(bare().of(3), ifclass="data", ipv4_mode="static", ipv6_mode="disabled"))
    target = source.after(replace(source.of(3), addresses=("10.0.0.1/24",)))
    assert planned(networking(source), networking(target)).of(3).addresses == ("10.0.0.1/24",)
    with pytest.raises(FlockError, match="has addresses of family 4, which need ipv4_mode static"):
        planned(networking(bare()), networking(target))


def changed_port(target: HostNetworking, **values: Any) -> HostNetworking:
    return replace(target, ports={**target.ports, 11: replace(target.ports[11], **values)})


@pytest.mark.parametrize(("change", "words"), [
    (lambda one: replace(one, ports={number: port for number, port in one.ports.items() if number != 11}),
     "Profile p1 is for hosts with 4 ethernet ports; host worker-0 has 3."),
    (lambda one: changed_port(one, pciaddr="0000:09:00.0"),
     "Profile p1 is for hosts with port eth1 at 0000:00:01.0; host worker-0 has none."),
    (lambda one: changed_port(one, name="ens1"),
     "Profile p1 is for hosts with port eth1 at 0000:00:01.0; host worker-0 has none."),
    (lambda one: changed_port(one, pdevice="X710"),
     "Profile p1 is for hosts whose port eth1 is another device than that of host worker-0."),
    (lambda one: replace(one, families={}), "Profile p1 needs a network of type mgmt, which does not exist."),
    (lambda one: replace(one, datanetworks={}), "Profile p1 needs data network physnet0, which does not exist."),
    (lambda one: replace(one, datanetworks={"physnet0": replace(PHYSNET, mtu=9100)}),
     "MTU 9000 of bond0 must be at least 9100 for data network physnet0."),
    (lambda one: replace(one, view=replace(one.view, ports=tuple(replace(port, sriov_totalvfs=2)
                                                                 for port in one.view.ports))),
     "The number of SR-IOV VFs must be at most 2, the VFs that port eth1 supports."),
    (lambda one: replace(one, view=replace(one.view, ports=tuple(replace(port, boots=port.name == "eth1")
                                                                 for port in one.view.ports))), "")])
def test_a_host_that_cannot_have_it_is_refused(change: Any, words: str) -> None:
    target = change(networking(bare()))
    if not words:
        assert shape(planned(networking(rich()), target)).keys() == shape(rich()).keys()
        return
    with pytest.raises(FlockError) as caught:
        planned(networking(rich()), target)
    assert str(caught.value) == words


def test_the_port_from_which_a_host_boots_keeps_the_management_network() -> None:
    target = with_network(host(), 1, "mgmt", 4, cluster_on_controller=True)
    with pytest.raises(HostRefused) as caught:
        planned(networking(bare()), networking(target))
    assert str(caught.value) == ("Profile p1 has the management network on another port than that from which host "
                                 "worker-0 boots.")


def test_the_network_of_the_cluster_begins_on_a_controller() -> None:
    source = with_network(bare(), 2, "cluster-host", 4, cluster_on_controller=True)
    early = networking(bare(), cluster_on_controller=False)
    with pytest.raises(FlockError, match="must be assigned to an interface of a controller first"):
        planned(networking(source), early)
    assert shape(planned(networking(source), networking(source, cluster_on_controller=False))) == shape(source)


def test_networks_of_controllers_are_only_on_controllers() -> None:
    source = with_network(bare(CONTROLLER), 1, "oam", 4, cluster_on_controller=True)
    with pytest.raises(FlockError, match="only supported on controller nodes"):
        planned(networking(source), networking(bare()))


def test_a_host_whose_interfaces_and_ports_do_not_belong_together_has_no_profile() -> None:
    view = bare()
    lost = replace(view, ports=tuple(port for port in view.ports if port.id != 11))
    with pytest.raises(HostRefused, match="interfaces without port, or ports without interface: eth1"):
        interface.taken(networking(lost))


def worker(cloud: Any, number: int, ports: int = 3) -> str:
    macs = [f"08:00:27:be:6{number}:0{port}" for port in range(ports)]
    uuid = str(cloud.discover(macs[0]))
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname=f"worker-{number}").status == 200
    cloud.inventory.store(host_uuid=uuid, kind="port", records=[PortReport(
        f"eth{port}", f"0000:00:0{port}.0", 0, mac, 1500, 1000, None, None, 0, None, "Ethernet", "Intel", "82599", "",
        "") for port, mac in enumerate(macs)])
    cloud.settle()
    return uuid


def interfaces(cloud: Any, host_: str) -> dict[str, tuple[Any, ...]]:
    networks: dict[str, list[str]] = {}
    for kind, field in (("interface_networks", "network_name"), ("interface_datanetworks", "datanetwork_name")):
        for one in cloud.get(f"/v1/ihosts/{host_}/{kind}").body[kind]:
            networks.setdefault(one["ifname"], []).append(one[field])
    return {one["ifname"]: (one["iftype"], one["ifclass"], one["uses"], one["used_by"], one["imtu"], one["vlan_id"],
                            sorted(networks.get(one["ifname"], [])))
            for one in cloud.get(f"/v1/ihosts/{host_}/iinterfaces").body["iinterfaces"]}


@pytest.fixture
def source(cloud: Any) -> str:
    """worker-0 with a bond of two ports, a data network and a VLAN on it; provisioned."""
    uuid = worker(cloud, 0)
    assert cloud.post("/v1/datanetworks", {"name": "physnet0", "network_type": "vlan"}).status == 200
    bond = cloud.post("/v1/iinterfaces", {
        "ihost_uuid": uuid, "ifname": "bond0", "iftype": "ae", "uses": ["eth1", "eth2"], "ifclass": "data",
        "aemode": "balanced", "txhashpolicy": "layer2", "imtu": 2000})
    assert bond.status == 200, bond.fault
    assert cloud.post("/v1/interface_datanetworks", {
        "interface_uuid": bond.body["uuid"], "datanetwork_uuid": "physnet0"}).status == 200
    assert cloud.post("/v1/iinterfaces", {"ihost_uuid": uuid, "ifname": "tenants", "iftype": "vlan", "vlan_id": 30,
                                          "uses": ["bond0"], "ifclass": "data"}).status == 200
    provision(cloud, uuid)
    return uuid


def test_an_interface_profile_over_http(cloud: Any, source: str) -> None:
    worker(cloud, 1)
    made = take(cloud, "nets", "if").body
    path = f"/v1/iprofile/{made['uuid']}"
    shown = {one["ifname"]: one for one in cloud.get(f"{path}/iinterfaces").body["iinterfaces"]}
    assert shown["bond0"]["uses"] == ["eth1", "eth2"] and shown["bond0"]["datanetworks"] == ["physnet0"]
    assert shown["eth1"]["ports"] == ["eth1"] and "ipv4_mode" not in shown["eth1"]
    ports = cloud.get(f"{path}/ports").body["ports"]
    assert cloud.get(f"{path}/ethernet_ports").body == {"ethernet_ports": ports} and ports[0] == {
        "name": "eth0", "pciaddr": "0000:00:00.0", "dev_id": 0, "pclass": "Ethernet", "pdevice": "82599"}
    listed = cloud.get("/v1/iprofile/ifprofiles_list").body
    assert [one["ports"] for one in listed] == [ports] and len(listed[0]["interfaces"]) == 5
    before = interfaces(cloud, "worker-1")
    plan = apply(cloud, "worker-1", made["uuid"], "?dry_run=true").body["profile_plan"]["interfaces"]
    assert {one["ifname"]: one["change"] for one in plan} == {
        "bond0": "added", "eth1": "changed", "eth2": "changed", "tenants": "added"}
    assert interfaces(cloud, "worker-1") == before
    assert apply(cloud, "worker-1", made["uuid"]).status == 200
    assert interfaces(cloud, "worker-1") == interfaces(cloud, "worker-0")
    assert apply(cloud, "worker-1", made["uuid"]).body["profile_plan"]["interfaces"] == []


def test_a_failure_midway_leaves_the_old_interfaces_intact(
        cloud: Any, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    worker(cloud, 1)
    profile = take(cloud, "nets", "if").body["uuid"]
    before = interfaces(cloud, "worker-1")

    def fails(*_arguments: Any) -> None:
        raise HostRefused(detail="midway")

    with monkeypatch.context() as patched:
        patched.setattr("sysinv.resources.interface.store._write_networks", fails)
        assert apply(cloud, "worker-1", profile).fault == "midway"
    assert interfaces(cloud, "worker-1") == before
    assert apply(cloud, "worker-1", profile).status == 200


def test_a_host_with_other_ports_is_refused_and_unchanged(cloud: Any, source: str) -> None:
    worker(cloud, 1, ports=2)
    before = interfaces(cloud, "worker-1")
    reply = apply(cloud, "worker-1", take(cloud, "nets", "if").body["uuid"])
    assert (reply.status, reply.fault) == (
        400, "Profile nets is for hosts with 3 ethernet ports; host worker-1 has 2.")
    assert interfaces(cloud, "worker-1") == before


def test_interfaces_that_exchanged_names_and_vlans_change_back(cloud: Any, source: str) -> None:
    profile = take(cloud, "nets", "if").body["uuid"]
    wanted = interfaces(cloud, "worker-0")
    found = {one["ifname"]: one["uuid"] for one in cloud.get("/v1/ihosts/worker-0/iinterfaces").body["iinterfaces"]}
    for name, other in (("eth0", "spare"), ("tenants", "eth_0")):
        assert cloud.patch(f"/v1/iinterfaces/{found[name]}", ifname=other).status == 200
    assert cloud.patch(f"/v1/iinterfaces/{found['tenants']}", vlan_id="31").status == 200
    assert interfaces(cloud, "worker-0") != wanted
    reply = apply(cloud, "worker-0", profile)
    assert reply.status == 200, reply.fault
    assert interfaces(cloud, "worker-0") == wanted


def test_addresses_follow_the_networks(cloud: Any, source: str) -> None:
    worker(cloud, 1)
    assert cloud.post("/v1/iinterfaces", {"ihost_uuid": source, "ifname": "stor", "iftype": "vlan", "vlan_id": 40,
                                          "uses": ["eth0"], "ifclass": "platform"}).status == 200
    stor = next(one["uuid"] for one in cloud.get("/v1/ihosts/worker-0/iinterfaces").body["iinterfaces"]
                if one["ifname"] == "stor")
    networks = {one["type"]: one["uuid"] for one in cloud.get("/v1/networks").body["networks"]}
    if "storage" not in networks:
        pool = cloud.post("/v1/addrpools", {"name": "storage", "network": "192.168.90.0", "prefix": 24,
                                            "ranges": [["192.168.90.10", "192.168.90.99"]]}).body["uuid"]
        networks["storage"] = cloud.post("/v1/networks", {"type": "storage", "name": "storage", "dynamic": True,
                                                          "pool_uuid": pool}).body["uuid"]
    reply = cloud.post("/v1/interface_networks", {"interface_uuid": stor, "network_uuid": networks["storage"]})
    assert reply.status == 200, reply.fault

    def named() -> set[str]:
        return {one["name"] for one in cloud.get("/v1/addresses").body["addresses"] if "storage" in one["name"]}

    assert named() == {"worker-0-storage"}
    with_storage = take(cloud, "storage", "if").body["uuid"]
    reply = apply(cloud, "worker-1", with_storage)
    assert reply.status == 200, reply.fault
    assert named() == {"worker-0-storage", "worker-1-storage"}
