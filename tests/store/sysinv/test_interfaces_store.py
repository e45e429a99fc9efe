# SPDX-License-Identifier: Apache-2.0
"""Interfaces on every engine: what the services write, and what many do at the same time."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
import sqlalchemy as sa

from flock.core.errors import Refused
from flock.db import Database, migrate
from flock.wire.paging import Page
from sysinv.bootstrap.answers import parse
from sysinv.conf.options import NETWORK_INTERFACES
from sysinv.db.lookup import host_row, paged
from sysinv.hosts.inventory import InventoryIntake
from sysinv.hosts.seed import seed_system
from sysinv.hosts.work import Work
from sysinv.resources.address import store as addresses
from sysinv.resources.address.service import AddressService
from sysinv.resources.address.table import ADDRESSES
from sysinv.resources.datanetwork.service import DataNetworkService
from sysinv.resources.host import store as hosts
from sysinv.resources.interface import store
from sysinv.resources.interface.service import InterfaceService
from sysinv.resources.interface.table import INTERFACES, INTERFACES_TO_INTERFACES
from sysinv.resources.interfacedatanetwork.service import InterfaceDataNetworkService
from sysinv.resources.interfacenetwork import store as carried
from sysinv.resources.interfacenetwork.service import InterfaceNetworkService
from sysinv.resources.interfacenetwork.table import INTERFACE_NETWORKS
from sysinv.resources.network.table import NETWORKS
from sysinv.resources.port.report import PortReport

HOST = "controller-0"
NAMES = ("pxeboot0", "mgmt0", "cluster0", "oam0", "eth1", "eth2", "eth3")


@pytest.fixture
def seeded(database: Database) -> Iterator[Database]:
    """A locked all-in-one controller-0 with the ports NAMES."""
    migrate.upgrade(database.url.render_as_string(hide_password=False), "sysinv")
    assert seed_system(database, parse({"admin_password": "sysadmin-1", "system_type": "All-in-one"}),
                       "08:00:27:00:00:00")
    intake = InventoryIntake(database, interfaces_of=lambda _hostname: NETWORK_INTERFACES)
    with database.reader() as conn:
        uuid = host_row(conn, HOST)["uuid"]
    intake.store(host_uuid=uuid, kind="port", records=[
        PortReport(name, f"0000:00:0{number}.0", 0, f"08:00:27:00:00:0{number}", 1500, 1000, None, None, 0, None, "",
                   "", "", "", "", sriov_totalvfs=8) for number, name in enumerate(NAMES)])
    yield database


def by_name(database: Database) -> dict[str, dict[str, Any]]:
    with database.reader() as conn:
        rows = [dict(row) for row in conn.execute(store.QUERY.order_by(INTERFACES.c.id)).mappings()]
        return {row["ifname"]: row for row in store.with_names(conn, rows)}


def outcomes(work: list[Callable[[], Any]]) -> list[Refused | None]:
    """The refusal of each of ``work``, which run at the same time; None of one that is done."""
    def run(one: Callable[[], Any]) -> Refused | None:
        try:
            one()
        except Refused as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def test_what_the_services_write_is_read_again(seeded: Database) -> None:
    service = InterfaceService(seeded)
    bond = service.add({"ihost_uuid": HOST, "ifname": "bond0", "iftype": "ae", "uses": ["eth2", "eth1"], "imtu": 9000,
                        "aemode": "802.3ad", "txhashpolicy": "layer2", "ifclass": "data"})
    service.add({"ihost_uuid": HOST, "ifname": "v7", "iftype": "vlan", "uses": ["bond0"], "vlan_id": 7})
    service.modify(by_name(seeded)["eth3"]["uuid"], {"ifclass": "pci-sriov", "sriov_numvfs": 4})
    service.add({"ihost_uuid": HOST, "ifname": "vf", "iftype": "vf", "uses": ["eth3"], "sriov_numvfs": 2})
    found = by_name(seeded)
    assert (found["bond0"]["uses"], found["bond0"]["used_by"]) == (["eth2", "eth1"], ["v7"])
    assert (found["v7"]["imac"], found["eth1"]["imtu"]) == (found["eth2"]["imac"], 9000)
    DataNetworkService(seeded).add({"name": "phys0", "network_type": "flat", "mtu": 1500})
    row = InterfaceDataNetworkService(seeded).assign(bond["uuid"], "phys0")
    assert (row["ifname"], row["datanetwork_name"]) == ("bond0", "phys0")
    with seeded.reader() as conn:
        view = store.view_of(conn, host_row(conn, HOST))
    assert [network.name for one in view.interfaces for network in one.datanetworks] == ["phys0"]
    service.delete(found["v7"]["uuid"])
    service.delete(bond["uuid"])
    assert "bond0" not in by_name(seeded) and by_name(seeded)["eth1"]["used_by"] == []


def test_addresses_name_their_interfaces(seeded: Database) -> None:
    with seeded.reader() as conn:
        rows = paged(conn, addresses.QUERY, ADDRESSES, Page(None, None, "id", "asc"))
    assert {row["name"]: row["ifname"] for row in rows if row["forihostid"]} == {
        "controller-0-pxeboot": "pxeboot0", "controller-0-mgmt": "mgmt0", "controller-0-cluster-host": "cluster0",
        "controller-0-oam": "oam0"}
    assert {row["ifname"] for row in rows if not row["forihostid"]} == {None}


def test_one_of_two_equal_addresses_of_an_interface(seeded: Database) -> None:
    uuid = by_name(seeded)["eth1"]["uuid"]
    InterfaceService(seeded).modify(uuid, {"ifclass": "data", "ipv4_mode": "static"})
    body = {"interface_uuid": uuid, "address": "10.7.0.1", "prefix": 24}
    refusals = outcomes([lambda: AddressService(seeded).add(body) for _ in range(3)])
    assert refusals.count(None) == 1
    with seeded.reader() as conn:
        rows = paged(conn, addresses.QUERY.where(ADDRESSES.c.address == "10.7.0.1"), ADDRESSES,
                     Page(None, None, "id", "asc"))
    assert [(row["ifname"], row["interface_uuid"]) for row in rows] == [("eth1", uuid)]
    AddressService(seeded).delete(rows[0]["uuid"])


def test_one_vlan_of_several_with_the_same_id(seeded: Database) -> None:
    service = InterfaceService(seeded)
    refusals = outcomes([lambda name=name: service.add({  # type: ignore[misc]
        "ihost_uuid": HOST, "ifname": name, "iftype": "vlan", "uses": ["eth1"], "vlan_id": 7}) for name in "abcd"])
    assert refusals.count(None) == 1
    assert all(str(refusal).startswith("VLAN id 7 already in use on interface eth1 by ")
               for refusal in refusals if refusal is not None)


def test_one_interface_of_several_for_a_network(seeded: Database) -> None:
    found = by_name(seeded)
    with seeded.writer() as conn:
        oam = conn.execute(sa.select(NETWORKS.c.id, NETWORKS.c.uuid).where(NETWORKS.c.type == "oam")).one()
        row = conn.execute(carried.QUERY.where(INTERFACE_NETWORKS.c.network_id == oam.id)).mappings().one()
    service, work = InterfaceNetworkService(seeded), cast(Work, None)
    service.remove(row["uuid"])
    refusals = outcomes([lambda name=name: service.assign(found[name]["uuid"], oam.uuid, work)  # type: ignore[misc]
                         for name in ("eth1", "eth2", "eth3")])
    assert refusals.count(None) == 1
    assert {str(refusal) for refusal in refusals if refusal is not None} == {
        "An interface with 'oam' network type is already provisioned on this node"}


def test_mtu_of_network_and_interface_fit_whoever_is_first(seeded: Database) -> None:
    networks, interfaces = DataNetworkService(seeded), InterfaceService(seeded)
    networks.add({"name": "phys0", "network_type": "flat", "mtu": 1400})
    eth1 = by_name(seeded)["eth1"]["uuid"]
    InterfaceDataNetworkService(seeded).assign(eth1, "phys0")
    refusals = outcomes([lambda: networks.modify("phys0", {"mtu": 1500}),
                         lambda: interfaces.modify(eth1, {"imtu": 1450})])
    assert refusals.count(None) == 1
    assert by_name(seeded)["eth1"]["imtu"] >= networks.get("phys0")["mtu"]


def test_a_deleted_host_takes_its_interfaces_along(seeded: Database) -> None:
    InterfaceService(seeded).add({"ihost_uuid": HOST, "ifname": "bond0", "iftype": "ae", "uses": ["eth2", "eth1"]})
    InterfaceService(seeded).add({"ihost_uuid": HOST, "ifname": "v", "iftype": "vlan", "uses": ["bond0"], "vlan_id": 1})
    with seeded.writer() as conn:
        hosts.delete(conn, host_row(conn, HOST)["id"])
        for table in (INTERFACES, INTERFACES_TO_INTERFACES, INTERFACE_NETWORKS):
            assert conn.execute(sa.select(table.c.id)).all() == []
