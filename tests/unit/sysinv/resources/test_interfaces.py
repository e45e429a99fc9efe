# SPDX-License-Identifier: Apache-2.0
"""Interfaces and the networks on them through the API."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from sysinv.db.lookup import host_row
from sysinv.resources.interface.service import adopt_ports
from sysinv.resources.interface.table import INTERFACES, INTERFACES_TO_INTERFACES
from sysinv.resources.port.table import PORTS
from tests.unit.sysinv.resources.conftest import INTERFACES as NAMES
from tests.unit.sysinv.resources.test_host_lifecycle import MAC, port, worker

ABSENT = "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"
STORAGE = ("192.168.210.0", 24)


def ports() -> list[Any]:
    found = [port(), port("mgmt0", "08:00:27:00:00:99", "0000:00:04.0")]
    for number in range(5):
        found.append(replace(port(f"eth{number}", f"08:00:27:00:01:0{number}", f"0000:01:0{number}.0"),
                             sriov_totalvfs=8))
    return found


@pytest.fixture
def host(cloud: Any) -> str:
    """A locked worker with five ports that are not in use."""
    uuid = worker(cloud)
    cloud.inventory.store(host_uuid=uuid, kind="port", records=ports())
    return str(uuid)


def listed(cloud: Any, ident: str = "worker-0") -> dict[str, dict[str, Any]]:
    return {one["ifname"]: one for one in cloud.get(f"/v1/ihosts/{ident}/iinterfaces").body["iinterfaces"]}


def add(cloud: Any, host: str, **values: Any) -> dict[str, Any]:
    reply = cloud.post("/v1/iinterfaces", {"ihost_uuid": host, "ports": None, **values})
    assert reply.status == 200, reply.fault
    return dict(reply.body)


def network(cloud: Any, name: str) -> str:
    return str(cloud.get(f"/v1/networks/{name}").body["uuid"])


def assign(cloud: Any, interface: str, name: str) -> Any:
    return cloud.post("/v1/interface_networks", {"interface_uuid": interface, "network_uuid": network(cloud, name)})


def test_every_port_has_an_interface(cloud: Any, host: str) -> None:
    found = listed(cloud)
    assert found.keys() == {"pxeboot0", "mgmt0", "eth0", "eth1", "eth2", "eth3", "eth4"}
    one = found["mgmt0"]
    assert {name: one[name] for name in ("iftype", "ifclass", "imtu", "imac", "uses", "used_by", "ipv4_mode",
                                         "vlan_id", "sriov_numvfs", "ihost_uuid")} == {
        "iftype": "ethernet", "ifclass": "platform", "imtu": 1500, "imac": "08:00:27:00:00:99", "uses": [],
        "used_by": [], "ipv4_mode": "static", "vlan_id": None, "sriov_numvfs": 0, "ihost_uuid": host}
    assert "ipv4_mode" not in found["eth0"] and "ipv6_pool" not in found["eth0"]
    assert one["ports"][0]["href"].endswith(f"/v1/iinterfaces/{one['uuid']}/ports")
    below = cloud.get(f"/v1/iinterfaces/{one['uuid']}/ports").body["ports"]
    assert [(each["name"], each["interface_uuid"]) for each in below] == [("mgmt0", one["uuid"])]
    assert cloud.get(f"/v1/iinterfaces/{one['uuid']}").body == one
    for path in (f"/v1/iinterfaces/{ABSENT}/ports", "/v1/iinterfaces/x/ports", "/v1/iinterfaces/x"):
        assert cloud.get(path).status == 404


def test_addresses_lie_on_the_interfaces_that_carry_their_networks(cloud: Any, host: str) -> None:
    found = listed(cloud)
    carried = cloud.get("/v1/ihosts/worker-0/interface_networks").body["interface_networks"]
    assert sorted((one["network_type"], one["ifname"]) for one in carried) == [
        ("cluster-host", "mgmt0"), ("mgmt", "mgmt0"), ("pxeboot", "pxeboot0")]
    rows = cloud.get("/v1/ihosts/worker-0/addresses").body["addresses"]
    assert {(one["name"], one["ifname"], one["interface_uuid"]) for one in rows} == {
        ("worker-0-mgmt", "mgmt0", found["mgmt0"]["uuid"]), ("worker-0-cluster-host", "mgmt0", found["mgmt0"]["uuid"])}
    on_mgmt = cloud.get("/v1/networks/mgmt/interface_networks").body["interface_networks"]
    assert [one["ifname"] for one in on_mgmt] == ["mgmt0"]
    nested = cloud.get(f"/v1/iinterfaces/{found['mgmt0']['uuid']}/interface_networks").body["interface_networks"]
    assert {one["network_name"] for one in nested} == {"mgmt", "cluster-host"}
    assert cloud.get(f"/v1/networks/{ABSENT}/interface_networks").status == 404


def test_a_bond_with_a_cluster_network_and_a_data_vlan(cloud: Any, host: str) -> None:
    bond = add(cloud, host, ifname="bond0", iftype="ae", uses=["eth0", "eth1"], aemode="802.3ad",
               txhashpolicy="layer2", imtu="9000")
    assert (bond["uses"], bond["imtu"], bond["imac"], bond["primary_reselect"]) == (
        ["eth0", "eth1"], 9000, "08:00:27:00:01:00", None)
    assert listed(cloud)["eth1"]["imtu"] == 9000 and listed(cloud)["eth1"]["used_by"] == ["bond0"]
    assert assign(cloud, bond["uuid"], "oam").fault == "The 'oam' network type is only supported on controller nodes."
    vlan = add(cloud, host, ifname="data7", iftype="vlan", vlan_id="7", uses=["bond0"], ifclass="data")
    assert (vlan["vlan_id"], vlan["imac"], vlan["uses"], vlan["ipv4_mode"]) == (7, bond["imac"], ["bond0"], "disabled")
    assert listed(cloud)["bond0"]["used_by"] == ["data7"]
    refused = cloud.call("DELETE", f"/v1/iinterfaces/{bond['uuid']}")
    assert (refused.status, refused.fault) == (400, "Interface bond0 is used by data7. Delete these first.")
    for uuid in (vlan["uuid"], bond["uuid"]):
        reply = cloud.delete(f"/v1/iinterfaces/{uuid}")
        assert (reply.status, reply.body) == (204, None)
    assert listed(cloud)["eth1"]["used_by"] == []


def test_the_cluster_network_moves_to_a_bond(cloud: Any, host: str) -> None:
    bond = add(cloud, host, ifname="bond0", iftype="ae", uses=["eth0", "eth1"], aemode="802.3ad", txhashpolicy="layer2")
    text = "The 'cluster-host' network must be assigned to an interface of a controller first."
    assert assign(cloud, bond["uuid"], "cluster-host").fault == text
    controller = cloud.host("controller-0")["uuid"]
    cloud.inventory.store(host_uuid=controller, kind="port", records=[port("cluster0", "08:00:27:00:00:07")])
    text = "An interface with 'cluster-host' network type is already provisioned on this node"
    assert assign(cloud, bond["uuid"], "cluster-host").fault == text
    carried = cloud.get("/v1/ihosts/worker-0/interface_networks").body["interface_networks"]
    row = next(one for one in carried if one["network_type"] == "cluster-host")
    assert cloud.delete(f"/v1/interface_networks/{row['uuid']}").status == 204
    reply = assign(cloud, bond["uuid"], "cluster-host")
    assert (reply.status, reply.body["ifname"], reply.body["network_type"]) == (200, "bond0", "cluster-host")
    assert (listed(cloud)["bond0"]["ifclass"], listed(cloud)["bond0"]["ipv4_mode"]) == ("platform", "static")
    address = next(one for one in cloud.get("/v1/ihosts/worker-0/addresses").body["addresses"]
                   if one["name"] == "worker-0-cluster-host")
    assert address["ifname"] == "bond0"
    again = assign(cloud, bond["uuid"], "cluster-host")
    assert (again.status, again.fault) == (409, "Interface bond0 already carries the network cluster-host.")
    assert cloud.get(f"/v1/interface_networks/{reply.body['uuid']}").body == reply.body


def test_a_refused_change_changes_nothing(cloud: Any, host: str) -> None:
    before = listed(cloud)
    uuid = before["eth0"]["uuid"]
    for values, text in [
            ({"ifclass": "pci-sriov", "sriov_numvfs": "9"},
             "The number of SR-IOV VFs must be at most 8, the VFs that port eth0 supports."),
            ({"ifname": "eth1"}, "Interface eth1 already exists on host worker-0."),
            ({"uses": ["eth1"]}, "An interface of type ethernet lies on its port only.")]:
        reply = cloud.patch(f"/v1/iinterfaces/{uuid}", **values)
        assert (reply.status, reply.fault) == (400, text)
    for values in ({"imtu": 500}, {"imtu": 9217}, {"vlan_id": 4095}, {"ifclass": "storage"}, {"imac": MAC},
                   {"ifname": ""}, {"networks": "mgmt"}, {"channels": 0}):
        assert cloud.patch(f"/v1/iinterfaces/{uuid}", **values).status == 400
    reply = cloud.post("/v1/iinterfaces", {"ihost_uuid": host, "ifname": "b", "iftype": "ae", "uses": ["eth0", "eth9"]})
    assert (reply.status, reply.fault) == (400, "Host worker-0 has no interface or port eth9.")
    assert cloud.post("/v1/iinterfaces", {"ihost_uuid": ABSENT, "ifname": "b", "iftype": "ae"}).status == 404
    assert cloud.patch(f"/v1/iinterfaces/{ABSENT}", imtu=1500).status == 404
    assert cloud.delete("/v1/iinterfaces/x").status == 404
    assert listed(cloud) == before


def test_words_of_clients(cloud: Any, host: str) -> None:
    uuid = listed(cloud)["eth0"]["uuid"]
    reply = cloud.patch(f"/v1/iinterfaces/{uuid}", ifname="sriov0", ifclass="pci-sriov", sriov_numvfs="4",
                        sriov_vf_driver="netdevice", imtu="9000", ovs_access="True")
    assert {name: reply.body[name] for name in ("ifname", "ifclass", "sriov_numvfs", "sriov_vf_driver", "imtu",
                                                "ovs_access")} == {
        "ifname": "sriov0", "ifclass": "pci-sriov", "sriov_numvfs": 4, "sriov_vf_driver": "netdevice", "imtu": 9000,
        "ovs_access": True}
    vf = add(cloud, host, ifname="vf0", iftype="vf", uses="sriov0", sriov_numvfs=2, ifclass="pci-sriov",
             max_tx_rate=100)
    assert (vf["uses"], vf["max_tx_rate"], vf["imac"]) == (["sriov0"], 100, "08:00:27:00:01:00")
    reply = cloud.patch(f"/v1/iinterfaces/{vf['uuid']}", max_tx_rate="none", sriov_vf_driver="vfio")
    assert (reply.body["max_tx_rate"], reply.body["sriov_vf_driver"]) == (None, "vfio")
    reply = cloud.patch(f"/v1/iinterfaces/{uuid}", ifclass="none")
    assert reply.fault == "Interface sriov0 must have class pci-sriov, because VF interfaces lie on it."
    # The name of a port stands for its interface.
    bond = add(cloud, host, ifname="bond0", iftype="ae", uses=["eth1"])
    reply = cloud.patch(f"/v1/iinterfaces/{bond['uuid']}", usesmodify="eth2,eth3")
    assert (reply.body["uses"], reply.body["imac"]) == (["eth2", "eth3"], "08:00:27:00:01:02")
    reply = cloud.call("PATCH", f"/v1/iinterfaces/{bond['uuid']}", [{"op": "remove", "path": "/imtu"}])
    assert reply.fault == "'/imtu' is a mandatory attribute and can not be removed"


def test_an_unlocked_host_keeps_its_interfaces(cloud: Any, host: str) -> None:
    found = listed(cloud)
    cloud.state("worker-0", administrative="unlocked", operational="enabled", availability="available")
    requests = [
        cloud.patch(f"/v1/iinterfaces/{found['eth0']['uuid']}", imtu=9000),
        cloud.post("/v1/iinterfaces", {"ihost_uuid": host, "ifname": "b", "iftype": "ae", "uses": ["eth0"]}),
        assign(cloud, found["eth0"]["uuid"], "mgmt"),
        cloud.delete(f"/v1/iinterfaces/{found['eth0']['uuid']}")]
    assert [(one.status, one.fault) for one in requests] == [(409, "Host must be locked.")] * 4
    assert cloud.patch(f"/v1/iinterfaces/{found['eth0']['uuid']}", channels=8).body["channels"] == 8


def test_nobody_but_configurators_writes(cloud: Any, host: str) -> None:
    uuid = listed(cloud)["eth0"]["uuid"]
    for role in ("reader", "operator"):
        assert cloud.patch(f"/v1/iinterfaces/{uuid}", role=role, imtu=1400).status == 403
        assert cloud.get(f"/v1/iinterfaces/{uuid}", role=role).status == 200


def test_the_boot_interface_gives_the_host_its_mac_address(cloud: Any, host: str) -> None:
    carried = cloud.get("/v1/ihosts/worker-0/interface_networks").body["interface_networks"]
    uuids = {one["network_type"]: one["uuid"] for one in carried}
    eth0 = listed(cloud)["eth0"]["uuid"]
    assert assign(cloud, eth0, "pxeboot").fault == \
        "An interface with 'pxeboot' network type is already provisioned on this node"
    assert cloud.delete(f"/v1/interface_networks/{uuids['pxeboot']}").status == 204
    assert cloud.host("worker-0")["mgmt_mac"] == MAC
    assert assign(cloud, listed(cloud)["mgmt0"]["uuid"], "pxeboot").fault == \
        "The pxeboot network needs an interface of its own: mgmt0 carries cluster-host, mgmt."
    assert assign(cloud, eth0, "pxeboot").status == 200
    assert cloud.host("worker-0")["mgmt_mac"] == "08:00:27:00:01:00"
    cloud.settle()
    assert cloud.mtce.hosts[host].mgmt_mac == "08:00:27:00:01:00"
    assert assign(cloud, eth0, "mgmt").fault == \
        "An interface with 'mgmt' network type is already provisioned on this node"
    # Moving the management network does not move the boot.
    assert cloud.delete(f"/v1/interface_networks/{uuids['mgmt']}").status == 204
    assert assign(cloud, eth0, "mgmt").fault == \
        "Interface eth0 carries the pxeboot network and can not carry another one."
    assert assign(cloud, listed(cloud)["eth2"]["uuid"], "mgmt").status == 200
    assert cloud.host("worker-0")["mgmt_mac"] == "08:00:27:00:01:00"


def test_the_mac_address_of_another_host_is_refused(cloud: Any, host: str) -> None:
    cloud.discover("08:00:27:00:01:00")
    row = next(one for one in cloud.get("/v1/ihosts/worker-0/interface_networks").body["interface_networks"]
               if one["network_type"] == "pxeboot")
    assert cloud.delete(f"/v1/interface_networks/{row['uuid']}").status == 204
    reply = assign(cloud, listed(cloud)["eth0"]["uuid"], "pxeboot")
    assert reply.status == 400 and reply.fault.startswith("MAC address 08:00:27:00:01:00 is that of host ")
    assert listed(cloud)["eth0"]["ifclass"] is None


def test_a_port_that_goes_leaves_what_is_configured(cloud: Any, host: str) -> None:
    add(cloud, host, ifname="v5", iftype="vlan", vlan_id=5, uses=["eth4"], ifclass="data")
    kept = [one for one in ports() if one.name not in ("eth3", "eth4")]
    cloud.inventory.store(host_uuid=host, kind="port", records=kept)
    assert listed(cloud).keys() == {"pxeboot0", "mgmt0", "eth0", "eth1", "eth2", "eth4", "v5"}
    new = replace(ports()[-1], mac="08:00:27:00:01:0f", pciaddr="0000:02:00.0")
    cloud.inventory.store(host_uuid=host, kind="port", records=[*kept, new])
    found = listed(cloud)
    assert found["eth4"]["imac"] == found["v5"]["imac"] == "08:00:27:00:01:0f"
    port_row = next(one for one in cloud.get("/v1/ihosts/worker-0/ports").body["ports"] if one["name"] == "eth4")
    assert port_row["interface_uuid"] == found["eth4"]["uuid"]


def test_ports_of_an_earlier_release_get_their_interfaces(cloud: Any, host: str) -> None:
    with cloud.db.writer() as conn:
        conn.execute(sa.update(PORTS).values(interface_id=None))
        conn.execute(sa.delete(INTERFACES))
    adopt_ports(cloud.db, lambda _hostname: NAMES)
    assert listed(cloud)["mgmt0"]["ifclass"] == "platform"
    before = listed(cloud)
    adopt_ports(cloud.db, lambda _hostname: {})
    assert listed(cloud) == before


def test_a_deleted_host_takes_its_interfaces_along(cloud: Any, host: str) -> None:
    add(cloud, host, ifname="bond0", iftype="ae", uses=["eth0", "eth1"])
    assert cloud.delete("/v1/ihosts/worker-0").status == 204
    with cloud.db.reader() as conn:
        assert conn.execute(sa.select(INTERFACES.c.id)).all() == []
        assert conn.execute(sa.select(INTERFACES_TO_INTERFACES.c.id)).all() == []


def test_the_database_refuses_what_the_rules_refuse(cloud: Any, host: str) -> None:
    """Links that no rule would permit, written past the rules."""
    with cloud.db.reader() as conn:
        rows = conn.execute(sa.select(INTERFACES).order_by(INTERFACES.c.id)).mappings().all()
        assert host_row(conn, host)["id"] == rows[0]["forihostid"]
    ids = [row["id"] for row in rows]
    good = [{"used_by_id": ids[0], "uses_id": ids[1], "ae_member_id": ids[1]},
            {"used_by_id": ids[0], "uses_id": ids[2], "vlan_id": 5}]
    bad = [{"used_by_id": ids[3], "uses_id": ids[3]}, {"used_by_id": ids[3], "uses_id": ids[1], "ae_member_id": ids[1]},
           {"used_by_id": ids[3], "uses_id": ids[2], "vlan_id": 5},
           {"used_by_id": ids[3], "uses_id": ids[2], "ae_member_id": ids[1]}]
    with cloud.db.writer() as conn:
        for link in good:
            conn.execute(sa.insert(INTERFACES_TO_INTERFACES).values(**link))
    for link in bad:
        with pytest.raises(Exception, match=r"(?i)unique|constraint|duplicate"), cloud.db.writer() as conn:
            conn.execute(sa.insert(INTERFACES_TO_INTERFACES).values(**link))


def test_a_page_takes_the_same_number_of_queries_for_any_number_of_interfaces(cloud: Any, host: str) -> None:
    def statements() -> int:
        seen: list[str] = []
        sa.event.listen(cloud.db.engine, "before_cursor_execute", listener := lambda *args: seen.append(args[2]))
        cloud.get("/v1/iinterfaces")
        sa.event.remove(cloud.db.engine, "before_cursor_execute", listener)
        # Threads of the cloud ask for operations meanwhile.
        return len([text for text in seen if "interfaces" in text])

    before = statements()
    for number in range(5):
        add(cloud, host, ifname=f"v{number}", iftype="vlan", vlan_id=number + 1, uses=["eth0"])
    assert statements() == before > 0


def test_unlock_needs_management_and_cluster(cloud: Any, host: str) -> None:
    def refusal() -> str:
        return str(cloud.patch("/v1/ihosts/worker-0", action="unlock").fault)

    carried = cloud.get("/v1/ihosts/worker-0/interface_networks").body["interface_networks"]
    uuids = {one["network_type"]: one["uuid"] for one in carried}
    cloud.delete(f"/v1/interface_networks/{uuids['cluster-host']}")
    assert refusal() == "Cannot unlock host worker-0 without an interface on the cluster-host network."
    cloud.delete(f"/v1/interface_networks/{uuids['mgmt']}")
    assert refusal() == "Cannot unlock host worker-0 without an interface on the management network."
    assert assign(cloud, listed(cloud)["mgmt0"]["uuid"], "mgmt").status == 200
    assert refusal() == "Cannot unlock host worker-0 without an interface on the cluster-host network."
