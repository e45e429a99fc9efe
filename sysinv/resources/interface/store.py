# SPDX-License-Identifier: Apache-2.0
"""Rows of ``interfaces`` and of what belongs to them. Every caller of a write holds the lock of the host."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.contract.enums import InterfaceType
from sysinv.db.lookup import Row, the_system
from sysinv.model.host import host_view
from sysinv.resources.address.table import ADDRESSES
from sysinv.resources.datanetwork.table import DATANETWORKS
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface.table import INTERFACES, INTERFACES_TO_INTERFACES
from sysinv.resources.interface.view import DataNetworkView, HostInterfaces, InterfaceView, PortView
from sysinv.resources.interfacedatanetwork.table import INTERFACE_DATANETWORKS
from sysinv.resources.interfacenetwork.table import INTERFACE_NETWORKS
from sysinv.resources.network.table import ADDRESS_POOLS, NETWORKS
from sysinv.resources.port.intake import BOOT_PORT
from sysinv.resources.port.table import PORTS
from sysinv.resources.ptpinterface.table import PTP_INTERFACE_MAPS

_IPV4_POOLS, _IPV6_POOLS = ADDRESS_POOLS.alias("ipv4_pools"), ADDRESS_POOLS.alias("ipv6_pools")
QUERY = (
    sa.select(INTERFACES, I_HOST.c.uuid.label("ihost_uuid"), _IPV4_POOLS.c.uuid.label("ipv4_pool"),
              _IPV6_POOLS.c.uuid.label("ipv6_pool"))
    .join(I_HOST, I_HOST.c.id == INTERFACES.c.forihostid)
    .outerjoin(_IPV4_POOLS, _IPV4_POOLS.c.id == INTERFACES.c.ipv4_pool_id)
    .outerjoin(_IPV6_POOLS, _IPV6_POOLS.c.id == INTERFACES.c.ipv6_pool_id))
_LINKS = INTERFACES_TO_INTERFACES
# An alias of a table costs as much as a statement, so these are made once.
_LOWER, _UPPER = INTERFACES.alias("lower"), INTERFACES.alias("upper")
_NAMED_LINKS = (
    sa.select(_LINKS.c.used_by_id, _LINKS.c.uses_id, _LOWER.c.ifname.label("uses"), _UPPER.c.ifname.label("used_by"))
    .join(_LOWER, _LOWER.c.id == _LINKS.c.uses_id).join(_UPPER, _UPPER.c.id == _LINKS.c.used_by_id))
_RELATED = frozenset({"id", "uses", "networks", "datanetworks", "addresses", "ptp"})
_PLAIN = tuple(each.name for each in fields(InterfaceView) if each.name not in _RELATED)
_POOLS = {"ipv4_pool": "ipv4_pool_id", "ipv6_pool": "ipv6_pool_id"}


def view_of(conn: Connection, host: Row) -> HostInterfaces:
    """Return all interfaces of a host."""
    rows = conn.execute(QUERY.where(INTERFACES.c.forihostid == host["id"]).order_by(INTERFACES.c.id)).mappings().all()
    ids = [row["id"] for row in rows]
    uses, networks, data = _uses(conn, ids), _networks(conn, host["id"]), _datanetworks(conn, host["id"])
    addresses, ptp = _addresses(conn, ids), _with_ptp(conn, ids)
    interfaces = tuple(InterfaceView(
        id=row["id"], uses=tuple(uses[row["id"]]), networks=frozenset(networks[row["id"]]),
        datanetworks=tuple(data[row["id"]]), addresses=tuple(addresses[row["id"]]), ptp=row["id"] in ptp,
        **{name: row[name] for name in _PLAIN}) for row in rows)
    pools = {row.uuid: row.family for row in conn.execute(sa.select(ADDRESS_POOLS.c.uuid, ADDRESS_POOLS.c.family))}
    return HostInterfaces(host_view(host), the_system(conn), interfaces, _ports(conn, host["id"]), pools)


def with_names(conn: Connection, rows: Sequence[Row]) -> list[Row]:
    """Return rows of QUERY with the names of the interfaces that they lie on, and of those that lie on them."""
    ids = [row["id"] for row in rows]
    pairs = conn.execute(_NAMED_LINKS.where(
        sa.or_(_LINKS.c.used_by_id.in_(ids), _LINKS.c.uses_id.in_(ids))).order_by(_LINKS.c.id)).all()
    below: dict[int, list[str]] = defaultdict(list)
    above: dict[int, list[str]] = defaultdict(list)
    for pair in pairs:
        below[pair.used_by_id].append(pair.uses)
        above[pair.uses_id].append(pair.used_by)
    return [{**row, "uses": below[row["id"]], "used_by": above[row["id"]]} for row in rows]


def lock_datanetworks(conn: Connection, interface_id: int) -> None:
    """Exclude changes of the MTU of data networks that an interface carries: each checks what the other changes."""
    conn.execute(sa.select(DATANETWORKS.c.id).where(DATANETWORKS.c.id.in_(
        sa.select(INTERFACE_DATANETWORKS.c.datanetwork_id)
        .where(INTERFACE_DATANETWORKS.c.interface_id == interface_id))).order_by(DATANETWORKS.c.id).with_for_update())


def families(conn: Connection) -> dict[str, int]:
    """Return the family of each network's primary address pool, 4 or 6, by type."""
    rows = conn.execute(sa.select(NETWORKS.c.type, NETWORKS.c.primary_pool_family))
    return {row.type: 6 if row.primary_pool_family == "IPv6" else 4 for row in rows}


def write(conn: Connection, before: HostInterfaces, after: HostInterfaces) -> dict[int, int]:
    """Store what differs; returns the row ids of new interfaces by their ids in ``after``."""
    old = {one.id: one for one in before.interfaces}
    gone = old.keys() - {one.id for one in after.interfaces}
    if gone:
        conn.execute(sa.delete(INTERFACES).where(INTERFACES.c.id.in_(gone)))
    row_ids: dict[int, int] = {}
    pools = _pool_ids(conn, after)
    new = [one for one in after.interfaces if one.id not in old]
    if new:
        made = conn.execute(
            sa.insert(INTERFACES).returning(INTERFACES.c.id, sort_by_parameter_order=True),
            [{"forihostid": after.host.id, "ifcapabilities": {}, **_columns(one, _PLAIN, pools)} for one in new])
        row_ids.update(zip((one.id for one in new), made.scalars(), strict=True))
    for one in after.interfaces:
        known = old.get(one.id)
        if known is not None and (changed := [name for name in _PLAIN if getattr(known, name) != getattr(one, name)]):
            conn.execute(sa.update(INTERFACES).where(INTERFACES.c.id == one.id).values(_columns(one, changed, pools)))
    _write_links(conn, old, after, row_ids)
    _write_networks(conn, old, after, row_ids)
    _write_ports(conn, before, after, row_ids)
    return row_ids


def _write_links(conn: Connection, old: Mapping[int, InterfaceView], after: HostInterfaces,
                 row_ids: Mapping[int, int]) -> None:
    for one in after.interfaces:
        known, row_id = old.get(one.id), row_ids.get(one.id, one.id)
        if known is not None:
            if (known.uses, known.vlan_id) == (one.uses, one.vlan_id):
                continue
            conn.execute(sa.delete(_LINKS).where(_LINKS.c.used_by_id == row_id))
        for uses in one.uses:
            lower = row_ids.get(uses, uses)
            conn.execute(sa.insert(_LINKS).values(
                used_by_id=row_id, uses_id=lower, vlan_id=one.vlan_id,
                ae_member_id=lower if one.iftype == InterfaceType.AE else None))


def _write_networks(conn: Connection, old: Mapping[int, InterfaceView], after: HostInterfaces,
                    row_ids: Mapping[int, int]) -> None:
    """A network may move from one interface to another, so all removals come first."""
    pairs = [(old.get(one.id) or InterfaceView(one.id, "", ""), one, row_ids.get(one.id, one.id))
             for one in after.interfaces]
    if all(known.networks == one.networks and known.datanetworks == one.datanetworks for known, one, _ in pairs):
        return
    ids = {row.type: row.id for row in conn.execute(sa.select(NETWORKS.c.type, NETWORKS.c.id))}
    for known, one, row_id in pairs:
        lost = [ids[name] for name in known.networks - one.networks]
        dropped = [each.id for each in known.datanetworks if each not in one.datanetworks]
        for column, gone in ((INTERFACE_NETWORKS.c.network_id, lost),
                             (INTERFACE_DATANETWORKS.c.datanetwork_id, dropped)):
            if gone:
                conn.execute(sa.delete(column.table).where(
                    column.table.c.interface_id == row_id, column.in_(gone)))
    for known, one, row_id in pairs:
        for name in sorted(one.networks - known.networks):
            conn.execute(sa.insert(INTERFACE_NETWORKS).values(
                forihostid=after.host.id, interface_id=row_id, network_id=ids[name]))
        for each in one.datanetworks:
            if each not in known.datanetworks:
                conn.execute(sa.insert(INTERFACE_DATANETWORKS).values(
                    forihostid=after.host.id, interface_id=row_id, datanetwork_id=each.id))


def _write_ports(conn: Connection, before: HostInterfaces, after: HostInterfaces, row_ids: Mapping[int, int]) -> None:
    known = {port.id: port.interface_id for port in before.ports}
    changed = [{"row_id": port.id, "interface": row_ids.get(port.interface_id, port.interface_id)}
               for port in after.ports if port.interface_id is not None and port.interface_id != known[port.id]]
    if changed:
        conn.execute(sa.update(PORTS).where(PORTS.c.id == sa.bindparam("row_id")).values(
            interface_id=sa.bindparam("interface")), changed)


def _columns(one: InterfaceView, names: Sequence[str], pools: Mapping[str, int]) -> dict[str, Any]:
    values = {name: getattr(one, name) for name in names}
    return {_POOLS.get(name, name): pools[value] if name in _POOLS and value is not None else value
            for name, value in values.items()}


def _pool_ids(conn: Connection, view: HostInterfaces) -> dict[str, int]:
    wanted = {pool for one in view.interfaces for pool in (one.ipv4_pool, one.ipv6_pool) if pool is not None}
    if not wanted:
        return {}
    rows = conn.execute(sa.select(ADDRESS_POOLS.c.uuid, ADDRESS_POOLS.c.id).where(ADDRESS_POOLS.c.uuid.in_(wanted)))
    return {row.uuid: row.id for row in rows}


def _uses(conn: Connection, ids: Sequence[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for link in conn.execute(sa.select(_LINKS).where(_LINKS.c.used_by_id.in_(ids)).order_by(_LINKS.c.id)):
        found[link.used_by_id].append(link.uses_id)
    return found


def _networks(conn: Connection, host_id: int) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for row in conn.execute(
            sa.select(INTERFACE_NETWORKS.c.interface_id, NETWORKS.c.type)
            .join(NETWORKS, NETWORKS.c.id == INTERFACE_NETWORKS.c.network_id)
            .where(INTERFACE_NETWORKS.c.forihostid == host_id)):
        found[row.interface_id].append(row.type)
    return found


def _datanetworks(conn: Connection, host_id: int) -> dict[int, list[DataNetworkView]]:
    found: dict[int, list[DataNetworkView]] = defaultdict(list)
    for row in conn.execute(
            sa.select(INTERFACE_DATANETWORKS.c.interface_id, DATANETWORKS)
            .join(DATANETWORKS, DATANETWORKS.c.id == INTERFACE_DATANETWORKS.c.datanetwork_id)
            .where(INTERFACE_DATANETWORKS.c.forihostid == host_id).order_by(INTERFACE_DATANETWORKS.c.id)):
        found[row.interface_id].append(DataNetworkView(row.id, row.name, row.network_type, row.mtu))
    return found


def _addresses(conn: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for row in conn.execute(sa.select(ADDRESSES).where(ADDRESSES.c.interface_id.in_(ids)).order_by(ADDRESSES.c.id)):
        found[row.interface_id].append(f"{row.address}/{row.prefix}")
    return found


def _with_ptp(conn: Connection, ids: Sequence[int]) -> set[int]:
    column = PTP_INTERFACE_MAPS.c.interface_id
    return set(conn.execute(sa.select(column).where(column.in_(ids))).scalars())


def _ports(conn: Connection, host_id: int) -> tuple[PortView, ...]:
    rows = conn.execute(sa.select(PORTS).where(PORTS.c.host_id == host_id).order_by(PORTS.c.id)).mappings()
    return tuple(PortView(
        id=row["id"], name=row["name"] or "", mac=row["mac"], interface_id=row["interface_id"],
        sriov_totalvfs=row["sriov_totalvfs"], speed=row["speed"], boots=row["bootp"] == BOOT_PORT,
        accelerated=row["dpdksupport"], maxchannels=row["maxchannels"],
        sriov_vf_maxchannels=row["sriov_vf_maxchannels"]) for row in rows)
