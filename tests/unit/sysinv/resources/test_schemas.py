# SPDX-License-Identifier: Apache-2.0
"""What readers are promised: a field is null only where the declaration says that it may be."""
from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import jsonschema
import pytest
import sqlalchemy as sa

from flock.api.build import openapi_document
from flock.api.routes import scan
from flock.core import slices
from flock.wire.resource import Resource, shape
from sysinv.contract.enums import BackendState, BackendType, NetworkType
from sysinv.contract.sensors import GroupState, SensorReport, SensorState
from sysinv.db.lookup import host_row
from sysinv.resources.address.rules import interface_name
from sysinv.resources.cephmon import store as monitors
from sysinv.resources.cluster import store as clusters
from sysinv.resources.disk import store as disks
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.osd import store as stors
from sysinv.resources.partition.report import PartitionReport
from sysinv.resources.partition.rules import LVM_GUID
from sysinv.resources.physicalvolume.report import PhysicalVolumeReport
from sysinv.resources.storagebackend import store as backends
from sysinv.resources.storagetier import store as tiers
from sysinv.resources.volumegroup.report import VolumeGroupReport
from tests.unit.sysinv.resources.test_host_lifecycle import port, worker
from tests.unit.sysinv.resources.test_profiles import provision, take

DOCUMENT = openapi_document("sysinv")
COLLECTIONS = sorted(path for module in scan("sysinv") for path in module.ROUTES
                     if path.count("/") == 2 and hasattr(module.ROUTES[path], "get"))
STORED = {
    "disk": DiskReport("/dev/sdb", 2064, "SSD", None, "p", None, 1000, 900, "0", None, None),
    "partition": PartitionReport("p", 1, "/dev/sdb1", "p-part1", 1, 100, 99, LVM_GUID),
    "lvg": VolumeGroupReport("cgts-vg", "u", "writeable", 0, 0, 0, 1, "1", "1", 1, 1),
    "pv": PhysicalVolumeReport("/dev/sdb1", "cgts-vg", "u", "1", 1, 1)}
# Upstream fills these of every row that it shows (specification, sections on the resources).
ALWAYS = {
    "addresses": {"ifname", "address", "prefix", "name", "enable_dad"},
    "icpus": {"cpu", "core", "thread", "numa_node", "allocated_function", "ihost_uuid", "inode_uuid"},
    "imemorys": {"numa_node", "memtotal_mib", "memavail_mib", "ihost_uuid", "inode_uuid"},
    "idisks": {"device_node", "size_mib", "available_mib", "ihost_uuid", "capabilities"},
    "ports": {"pciaddr", "dev_id", "numa_node", "host_uuid", "dpdksupport"},
    "ethernet_ports": {"mac", "host_uuid"}, "pci_devices": {"pciaddr", "enabled", "host_uuid"},
    "inodes": {"numa_node", "ihost_uuid"}, "labels": {"host_uuid", "label_key", "label_value"},
    "lldp_agents": {"host_uuid", "port_uuid"}, "lldp_neighbours": {"host_uuid", "port_uuid", "msap"},
    "iinterfaces": {"ifname", "iftype", "imtu", "imac", "uses", "used_by"},
    "interface_networks": {"ifname", "network_name", "network_type", "interface_uuid"},
    "interface_datanetworks": {"ifname", "datanetwork_name", "network_type", "interface_uuid"},
    "datanetworks": {"name", "network_type", "mtu"},
    "isensors": {"sensorname", "sensortype", "state", "status", "suppress", "host_uuid", "sensorgroup_uuid"},
    "isensorgroups": {"sensorgroupname", "sensors", "state", "audit_interval_group", "suppress", "host_uuid"},
    "ihosts": {"administrative", "operational", "availability", "mgmt_mac", "capabilities", "location"}}


def declared() -> dict[str, type[Resource]]:
    """The read resources by envelope, but for those that sysinv does not store."""
    return {value.envelope: value for module in slices.modules("sysinv.resources", "fields")
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Resource) and value.__module__ == module.__name__
            and value.envelope and not value.__name__.endswith("Change")
            and importlib.util.find_spec(module.__name__.replace(".fields", ".table")) is not None}


@pytest.mark.parametrize("envelope", sorted(declared()))
def test_what_a_column_never_lacks_is_promised(envelope: str) -> None:
    resource = declared()[envelope]
    tables = vars(importlib.import_module(resource.__module__.replace(".fields", ".table")))
    stored = [table for table in tables.values() if isinstance(table, sa.Table)]
    def never_null(name: str) -> bool:
        columns = [table.c[name] for table in stored if name in table.c]
        return bool(columns) and not any(column.nullable for column in columns)

    assert stored
    assert [a.name for a in shape(resource).attributes if a.nullable and never_null(a.source or a.name)] == []


@pytest.mark.parametrize("envelope", sorted(ALWAYS))
def test_what_starlingx_always_fills_is_promised(envelope: str) -> None:
    promised = {a.name for a in shape(declared()[envelope]).attributes if not a.nullable}
    assert ALWAYS[envelope] <= promised


def backends_of_all_types(cloud: Any) -> None:
    """Storage of each type, which the rules never let a system have together."""
    with cloud.db.writer() as conn:
        host = host_row(conn, "controller-0")
        tier = tiers.insert(conn, clusters.insert(conn, "ceph_cluster"), "storage")
        for one in BackendType:
            backends.insert(conn, {"name": f"b-{one}", "backend": one.value, "state": "configured",
                                   "tier_id": tier if one is BackendType.CEPH else None})
        monitors.insert(conn, host["id"], 20, BackendState.CONFIGURED)
        stors.insert(conn, {"function": "osd", "osdid": 0, "state": "configured", "fortierid": tier,
                            "idisk_id": disks.of_host(conn, host["id"])[0]["id"], "forihostid": host["id"]})


def test_every_row_of_every_collection_keeps_its_promise(cloud: Any) -> None:
    uuid = worker(cloud)
    assert cloud.post(f"/v1/labels/{uuid}", {"rack": "7"}).status == 200
    cloud.inventory.store(host_uuid=uuid, kind="port", records=[
        port(), port("mgmt0", "08:00:27:00:00:99", "0000:00:04.0"),
        port("port5", "08:00:27:00:00:98", "0000:00:05.0")])
    interface = cloud.post("/v1/iinterfaces", {"ihost_uuid": uuid, "ifname": "data0", "iftype": "vlan", "vlan_id": 7,
                                               "uses": ["port5"], "ifclass": "data",
                                               "ipv4_mode": "static"}).body["uuid"]
    assert cloud.post("/v1/addresses", {"interface_uuid": interface, "address": "10.9.0.1",
                                        "prefix": 24}).status == 200
    assert cloud.post("/v1/routes", {"interface_uuid": interface, "network": "10.20.0.0", "prefix": 16,
                                     "gateway": "10.9.0.2"}).status == 200
    system, = cloud.get("/v1/isystems").body["isystems"]
    assert cloud.patch(f"/v1/isystems/{system['uuid']}", sdn_enabled="true").status == 200
    assert cloud.post("/v1/sdn_controller", {"ip_address": "10.10.10.20", "port": 6653}).status == 200
    assert cloud.post("/v1/datanetworks", {"name": "phys0", "network_type": "flat"}).status == 200
    assert cloud.post("/v1/interface_datanetworks", {"interface_uuid": interface,
                                                     "datanetwork_uuid": "phys0"}).status == 200
    instance = cloud.post("/v1/ptp_instances", {"name": "ptp1", "service": "ptp4l"}).body["uuid"]
    assert cloud.post("/v1/ptp_interfaces", {"name": "if1", "ptp_instance_uuid": instance}).status == 200
    assert cloud.call("PATCH", "/v1/ptp_interfaces/if1", [
        {"op": "add", "path": "/ptp_parameters/-", "value": "masterOnly=1"}]).status == 200
    provision(cloud, uuid)
    for kind in ("cpu", "memory", "if", "role"):
        assert take(cloud, f"a-{kind}", kind).status == 200
    host = cloud.host("controller-0")["uuid"]
    for kind, record in STORED.items():
        cloud.inventory.store(host_uuid=host, kind=kind, records=[record])
    cloud.sensors.report_sensors(report=SensorReport(
        host, [GroupState("server fans", "tachometer", "RPM", "enabled")],
        [SensorState("fan1", "server fans", "tachometer", "RPM", "offline", "offline")], complete=True))
    backends_of_all_types(cloud)
    empty = []
    for path in COLLECTIONS:
        body = cloud.get(path).body
        schema = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(body, {**schema, "components": DOCUMENT["components"]})
        # The health of the system is a text.
        if isinstance(body, dict) and not any(body.values()):
            empty.append(path)
    assert empty == []


def test_addresses_of_a_host_name_the_interface_they_lie_on(cloud: Any) -> None:
    rows = cloud.get("/v1/ihosts/controller-0/addresses").body["addresses"]
    assert sorted((row["name"], row["ifname"]) for row in rows) == [
        ("controller-0-cluster-host", "cluster0"), ("controller-0-mgmt", "mgmt0"), ("controller-0-oam", "oam0"),
        ("controller-0-pxeboot", "pxeboot0")]
    assert sorted(rows, key=lambda row: str(row["ifname"]))
    one = rows[0]
    assert cloud.get(f"/v1/addresses/{one['uuid']}").body == one


@pytest.mark.parametrize(("name", "expected"), [
    ("worker-0-mgmt", "mgmt0"), ("a-oam-cluster-host", "cluster-host"), ("x-system-controller-oam",
                                                                         "system-controller-oam"), ("odd", "odd")])
def test_an_address_always_has_an_interface_name(name: str, expected: str) -> None:
    assert interface_name(name, {NetworkType.MGMT: "mgmt0"}) == expected
