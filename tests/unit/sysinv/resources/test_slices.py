# SPDX-License-Identifier: Apache-2.0
"""The slices of the configuration API: found by scanning, complete, and alike where they should be."""
from __future__ import annotations

import json
from typing import Any

import pytest

from flock.api.routes import scan
from flock.auth.policy import ANYONE, CONFIGURATOR, OPERATOR, READER
from flock.wire.errors import BadPatch
from flock.wire.patch import parse_patch
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.db.lookup import host_row
from sysinv.db.reported import Change, of_host
from sysinv.resources.address import store as addresses
from sysinv.resources.network import store as networks
from sysinv.resources.node import store as nodes
from sysinv.resources.port import store as ports
from sysinv.resources.system.fields import SystemChange

SLICES = scan("sysinv")
INVENTORIES = [value for module in SLICES for value in vars(module).values() if isinstance(value, Inventory)]
# What a machine may do that has no token yet.
PUBLIC = {
    ("GET", "/v1/isystems/mgmtvlan"), ("GET", "/v1/isystems/region_id"),
    ("POST", "/v1/ihosts/{host}/install_progress"), ("POST", "/v1/ihosts/{host}/install_config"),
    ("GET", "/v1/ihosts/{host}/icpus/platform_cpu_list"), ("GET", "/v1/ihosts/{host}/icpus/vswitch_cpu_list")}

# What of hosts an operator may change.
OPERATED = {("PATCH", "/v1/ihosts/{host}"), ("PATCH", "/v1/ihosts/{host}/kernel")}


def test_scanning_finds_the_slices() -> None:
    assert {"address", "cpu", "device", "disk", "host", "kernel", "label", "lldpagent", "lldpneighbour", "memory",
            "network", "node", "operation", "port", "system"} <= {module.__name__.split(".")[2] for module in SLICES}
    assert {"ports", "ethernet_ports", "icpus"} <= {inventory.collection for inventory in INVENTORIES}


def test_who_may_do_what() -> None:
    rules = [rule for module in SLICES for rule in module.POLICY]
    assert {(rule.method, rule.path) for rule in rules if rule.check == ANYONE} == PUBLIC
    for rule in rules:
        if rule.check == ANYONE:
            continue
        if rule.method == "GET":
            assert rule.check == READER
        else:
            assert rule.check == (OPERATOR if (rule.method, rule.path) in OPERATED else CONFIGURATOR)


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda one: str(one.noun))
def test_collections_are_read_alike_and_written_nowhere_below_a_host(cloud: Any, inventory: Inventory) -> None:
    collection = inventory.collection
    assert {rule.path for rule in read_policy(inventory)} == set(read_routes(inventory))
    for path in (f"/v1/{collection}", f"/v1/{collection}/detail", f"/v1/ihosts/controller-0/{collection}/"):
        body = cloud.get(path).body
        assert list(body) == [collection]
    nested = f"/v1/ihosts/controller-0/{collection}"
    for method in ("POST", "PATCH", "DELETE"):
        reply = cloud.call(method, nested, {})
        assert (reply.status, reply.fault) == (403, "Operation not permitted.")
    assert cloud.get(f"/v1/ihosts/nobody/{collection}").status == 404
    assert cloud.get(f"/v1/{collection}/cd5ef327-618b-4aac-9b10-9bbbe2baa8e0").status == 404
    assert cloud.get(f"/v1/{collection}?surprise=1").status == 400


def test_the_version_document_names_the_collections(cloud: Any) -> None:
    body = cloud.get("/v1").body
    assert set(body) - {"id", "media_types", "links"} == {
        "isystems", "ihosts", "inodes", "icpus", "imemorys", "ports", "ethernet_ports", "idisks", "pci_devices",
        "iinterfaces", "interface_networks", "interface_datanetworks", "datanetworks", "partitions", "ilvgs", "ipvs",
        "host_fs", "networks", "addrpools", "addresses", "operations", "services", "servicenodes", "servicegroup",
        "health",
        "lldp_agents", "lldp_neighbours", "labels", "idns", "intp", "ptp", "ptp_instances", "ptp_interfaces",
        "ptp_parameters", "iprofile", "isensors", "isensorgroups", "iuser", "remotelogging", "drbdconfig",
        "service_parameter", "sdn_controller", "routes",
        "storage_backend", "storage_ceph", "storage_ceph_rook", "storage_ceph_external",
        "storage_lvm", "storage_file", "storage_external", "clusters", "storage_tiers", "istors", "ceph_mon"}
    assert body["icpus"][1] == {"href": "http://localhost:80/icpus", "rel": "bookmark"}
    assert cloud.get("/").body["name"] == "Titanium SysInv API"


def test_plain_changes_have_one_part_and_a_type() -> None:
    patch = parse_patch([{"op": "replace", "path": "/sdn_enabled", "value": "True"}])
    assert plain_changes(SystemChange, patch) == {"sdn_enabled": True}
    with pytest.raises(BadPatch):
        plain_changes(SystemChange, parse_patch([{"op": "replace", "path": "/a/b", "value": 1}]))


def test_operations_are_shown_newest_first(cloud: Any) -> None:
    uuid = cloud.discover()
    cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="worker-0")
    cloud.patch(f"/v1/ihosts/{uuid}", console="")
    cloud.settle()
    found = cloud.get("/v1/operations").body["operations"]
    assert [(one["kind"], one["state"], one["hostname"]) for one in found] == [("configure", "done", "worker-0")] * 2
    assert found[0]["created_at"] > found[1]["created_at"]
    assert cloud.get(f"/v1/operations/{found[0]['uuid']}").body == found[0]
    assert cloud.get("/v1/operations/nonsense").status == 404
    assert json.dumps(found).count("install_token") == 0


def test_two_ports_that_change_places_are_stored(cloud: Any) -> None:
    uuid = cloud.discover()
    with cloud.db.writer() as conn:
        host = host_row(conn, uuid)
        for mac, slot in (("a", "0:1"), ("b", "0:2")):
            ports.apply(conn, host, Change(insert=[{"mac": mac, "pciaddr": slot, "dev_id": 0}]))
        known = {row["mac"]: row["id"] for row in of_host(conn, ports.HOST, host["id"])}
        ports.apply(conn, host, Change(update={known["a"]: {"pciaddr": "0:2"}, known["b"]: {"pciaddr": "0:1"}}))
        assert {row["mac"]: row["pciaddr"] for row in of_host(conn, ports.HOST, host["id"])} == {"a": "0:2", "b": "0:1"}
        assert nodes.ensure(conn, host["id"], [0, 1]) == nodes.ensure(conn, host["id"], [1])


def test_fixed_addresses_survive_their_host(cloud: Any) -> None:
    with cloud.db.writer() as conn:
        pools = networks.pools_by_network(conn)
        taken = addresses.taken(conn, pools["mgmt"].id)
        assert networks.dynamic(conn, "pxeboot") and not networks.dynamic(conn, "admin")
    assert set(taken) == {"192.168.204.1", "192.168.204.2", "192.168.204.3"}
    uuid = cloud.discover()
    cloud.patch(f"/v1/ihosts/{uuid}", personality="controller")
    cloud.settle()
    assert cloud.delete("/v1/ihosts/controller-1").status == 204
    with cloud.db.reader() as conn:
        assert set(addresses.taken(conn, pools["mgmt"].id)) == set(taken)
