# SPDX-License-Identifier: Apache-2.0
"""Rows of ``profiles``."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from sysinv.contract.enums import NetworkType, PartitionStatus, StorFunction, VolumeState
from sysinv.db.lookup import Row
from sysinv.resources.datanetwork.table import DATANETWORKS
from sysinv.resources.disk import store as disks
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface import store as interfaces
from sysinv.resources.interface.view import DataNetworkView
from sysinv.resources.interfacenetwork.store import on_a_controller
from sysinv.resources.osd import store as osds
from sysinv.resources.osd.rules import next_osdid
from sysinv.resources.osd.table import I_ISTOR
from sysinv.resources.partition import store as partitions
from sysinv.resources.physicalvolume import store as volumes
from sysinv.resources.port.table import PORTS
from sysinv.resources.profile.body import ProfilePort, ProfileStor
from sysinv.resources.profile.fields import ProfileType
from sysinv.resources.profile.interface import HostNetworking
from sysinv.resources.profile.storage import HostDisk, HostStorage, NewVolume
from sysinv.resources.profile.stors import HostStors, NewStor
from sysinv.resources.profile.table import HOST_PROFILES, PROFILES
from sysinv.resources.storagetier.table import STORAGE_TIERS
from sysinv.resources.volumegroup import store as volumegroups
from sysinv.resources.volumegroup.rules import NOVA_LOCAL

_JOINED = (VolumeState.PROVISIONED, VolumeState.ADDING)
# Without the body, which pages of profiles do not show.
QUERY = sa.select(*(column for column in PROFILES.c if column.name != "body"),
                  sa.literal("profile").label("recordtype"))


def found(conn: Connection, uuid: str, *, lock: bool = False) -> Row | None:
    """Return a profile with its body. ``lock`` excludes other writers of it."""
    if not ids.is_uuid(uuid):
        return None
    query = QUERY.add_columns(PROFILES.c.body).where(PROFILES.c.uuid == uuid.lower())
    row = conn.execute(query.with_for_update() if lock else query).mappings().first()
    return None if row is None else dict(row)


def of_types(conn: Connection, types: Sequence[ProfileType]) -> list[Row]:
    """Return the profiles of these types with their bodies, by name."""
    wanted = PROFILES.c.profiletype.in_([one.value for one in types])
    rows = conn.execute(QUERY.add_columns(PROFILES.c.body).where(wanted).order_by(PROFILES.c.profilename)).mappings()
    return [dict(row) for row in rows]


def count(conn: Connection) -> int:
    """Return the number of profiles."""
    return int(conn.execute(sa.select(sa.func.count()).select_from(PROFILES)).scalar_one())


def networking(conn: Connection, host: Row, datanetworks: Collection[str]) -> HostNetworking:
    """Return the interfaces of a host that the caller has locked, and what they can carry.

    Locks ``datanetworks``: no change of an MTU passes its check beside that of the profile.
    """
    view = interfaces.view_of(conn, host)
    names = {one.id: one.ifname for one in view.interfaces}
    ports = {row.id: ProfilePort(
        row.name or "", row.pciaddr, row.dev_id, row.pclass, row.pdevice, names.get(row.interface_id, ""))
        for row in conn.execute(sa.select(PORTS).where(PORTS.c.host_id == host["id"]))}
    carried = conn.execute(sa.select(DATANETWORKS).where(DATANETWORKS.c.name.in_(datanetworks))
                           .order_by(DATANETWORKS.c.id).with_for_update()).all() if datanetworks else []
    return HostNetworking(
        view, ports, interfaces.families(conn),
        {row.name: DataNetworkView(row.id, row.name, row.network_type, row.mtu) for row in carried},
        on_a_controller(conn, NetworkType.CLUSTER_HOST))


def storage(conn: Connection, host: Row) -> HostStorage:
    """Return the disks of a host that the caller has locked, and what of them is in the volume group of instances."""
    group = volumes.groups(conn, host["id"]).get(NOVA_LOCAL)
    joined = [one for one in volumes.of_host(conn, host["id"])
              if one["forilvgid"] == group and one["pv_state"] in _JOINED]
    whole, parts = {one["idisk_id"] for one in joined}, {one["partition_id"] for one in joined}
    present: dict[int, list[Row]] = {}
    for row in partitions.of_host(conn, host["id"]):
        present.setdefault(row["idisk_id"], []).append(row)
    rows = conn.execute(disks.QUERY.where(I_IDISK.c.forihostid == host["id"]).order_by(I_IDISK.c.id)).mappings()
    found = tuple(HostDisk(
        row["id"], partitions.disk_view(dict(row)),
        tuple(partitions.partition_view(part) for part in present.get(row["id"], ())),
        frozenset(part["uuid"] for part in present.get(row["id"], ()) if part["id"] in parts), row["id"] in whole)
        for row in rows)
    return HostStorage(found, frozenset(volumegroups.names(conn, host["id"])),
                       len(partitions.orders(conn, host["uuid"])))


def stors(conn: Connection, host: Row) -> HostStors:
    """Return the OSDs and journals of a host that the caller has locked, and what others can join."""
    found = {row["idisk_id"]: ProfileStor(
        row["disk_path"] or row["disk_node"], row["disk_node"], row["size_mib"], StorFunction(row["function"]),
        row["tier_name"] or "", row["other_path"] or row["other_node"] or "", row["journal_size_mib"] or 0)
        for row in conn.execute(osds.QUERY.where(I_ISTOR.c.forihostid == host["id"])).mappings()}
    rows = conn.execute(sa.select(I_IDISK).where(I_IDISK.c.forihostid == host["id"])).all()
    tiers = {row.name: row.id for row in conn.execute(sa.select(STORAGE_TIERS.c.name, STORAGE_TIERS.c.id))}
    journals = {one.id: one for one in osds.of_host(conn, host["id"]) if one.function is StorFunction.JOURNAL}
    return HostStors(osds.cluster_view(conn), found, tuple(journals.values()),
                     {row.id: row.device_type for row in rows}, tiers)


def add_stors(conn: Connection, host_id: int, added: Sequence[NewStor]) -> None:
    """Make disks of a host OSDs and journals; the caller has locked the host and the system."""
    for one in added:
        values: dict[str, Any] = {"function": one.function.value, "state": one.state.value, "idisk_id": one.disk_id,
                                  "forihostid": host_id, "fortierid": one.tier_id}
        if one.journal_size_mib is not None:
            values |= {"osdid": next_osdid(osds.taken_ids(conn)), "journal_size_mib": one.journal_size_mib}
        if one.journal_disk_id is not None:
            journal = conn.execute(sa.select(I_ISTOR.c.id).where(
                I_ISTOR.c.idisk_id == one.journal_disk_id)).scalar_one()
            values |= {"journal_id": journal, "journal_number": osds.next_number(conn, journal)}
        osds.insert(conn, values)


def add_volumes(conn: Connection, host_id: int, added: Sequence[NewVolume]) -> None:
    """Add the volume group of instances with its volumes; the next unlock of the host makes them all."""
    group = volumegroups.insert(conn, {"lvm_vg_name": NOVA_LOCAL, "vg_state": VolumeState.ADDING.value,
                                       "capabilities": {}, "forihostid": host_id})
    for one in added:
        holder = {"idisk_id": one.disk_id} if one.place is None else {"partition_id": partitions.insert_at(
            conn, one.disk_id, host_id, one.place, one.size_mib, PartitionStatus.CREATING_ON_UNLOCK)[0]}
        volumes.insert(conn, {**holder, "pv_state": VolumeState.ADDING.value, "forilvgid": group,
                              "forihostid": host_id})


def hostnames(conn: Connection) -> set[str]:
    """Return the names of all hosts."""
    return set(conn.execute(sa.select(I_HOST.c.hostname).where(I_HOST.c.hostname.is_not(None))).scalars())


def insert(conn: Connection, name: str, profile_type: str, body: Any) -> Row:
    """Add a profile and return its row."""
    done = conn.execute(sa.insert(PROFILES).values(profilename=name, profiletype=profile_type, body=body))
    row_id = done.inserted_primary_key[0]  # type: ignore[index]
    return dict(conn.execute(QUERY.where(PROFILES.c.id == row_id)).mappings().one())


def role_bodies(conn: Connection, names: Collection[str]) -> dict[str, Row]:
    """Return the role profiles with one of ``names``, by name, with their bodies."""
    return {row["profilename"]: row for row in of_types(conn, (ProfileType.ROLE,)) if row["profilename"] in names}


def wait_for(conn: Connection, host_id: int, profile_id: int) -> None:
    """Store that a host, which the caller has locked, gets a profile when it is inventoried."""
    conn.execute(sa.delete(HOST_PROFILES).where(HOST_PROFILES.c.forihostid == host_id))
    conn.execute(sa.insert(HOST_PROFILES).values(forihostid=host_id, profile_id=profile_id))


def take_awaited(conn: Connection, host_id: int) -> Row | None:
    """Return the profile for which a host waits, and end the waiting; the caller has locked the host."""
    query = QUERY.join(HOST_PROFILES, HOST_PROFILES.c.profile_id == PROFILES.c.id)
    row = conn.execute(query.where(HOST_PROFILES.c.forihostid == host_id)).mappings().first()
    conn.execute(sa.delete(HOST_PROFILES).where(HOST_PROFILES.c.forihostid == host_id))
    return None if row is None else dict(row)


def waiting(conn: Connection, profile_id: int) -> list[str]:
    """Return the names of the hosts that wait for a profile."""
    query = sa.select(I_HOST.c.hostname).join(HOST_PROFILES, HOST_PROFILES.c.forihostid == I_HOST.c.id)
    return [str(name) for name in conn.execute(
        query.where(HOST_PROFILES.c.profile_id == profile_id).order_by(I_HOST.c.hostname)).scalars()]


def delete(conn: Connection, row_id: int) -> None:
    """Delete a profile."""
    conn.execute(sa.delete(PROFILES).where(PROFILES.c.id == row_id))
