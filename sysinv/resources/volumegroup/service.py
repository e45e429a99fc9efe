# SPDX-License-Identifier: Apache-2.0
"""Use cases of volume groups: store a report; add one, which its host makes at the unlock; delete one."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from flock.wire.resource import given
from sysinv.contract.enums import VolumeState
from sysinv.db import reported as rows
from sysinv.db.lookup import ItemNotFound, Row, host_row, row_of_locked_host
from sysinv.hosts.inventory import ReportingHost
from sysinv.hosts.work import Work
from sysinv.model.host import host_view
from sysinv.resources.hostfilesystem import store as filesystems
from sysinv.resources.partition import store as partitions
from sysinv.resources.partition.rules import check_idle
from sysinv.resources.physicalvolume import store as volumes
from sysinv.resources.volumegroup import rules, store
from sysinv.resources.volumegroup.checks import GroupFacts
from sysinv.resources.volumegroup.fields import NewVolumeGroup
from sysinv.resources.volumegroup.intake import group_change
from sysinv.resources.volumegroup.report import VolumeGroupReport
from sysinv.resources.volumegroup.table import I_LVG

_HOST = I_LVG.c.forihostid


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[VolumeGroupReport]) -> None:
    """Store the host's volume groups; removes provisioned ones that a complete report omits."""
    change = group_change(store.of_host(conn, host.id), reported, store.held(conn, host.id), partial=host.partial)
    rows.apply(conn, _HOST, host.row, change)


def action_facts(conn: Connection, row: Row) -> GroupFacts:
    """Return the facts that the check of volume groups needs."""
    return GroupFacts(tuple(
        (group["lvm_vg_name"], max(group["lvm_cur_pv"], len(store.volumes(conn, group["id"]))))
        for group in store.of_host(conn, row["id"])))


def at_unlock(conn: Connection, row: Row, work: Work) -> None:
    """Remove groups that were deleted and have no volumes; those of the others are ordered with the volumes."""
    for group in store.of_host(conn, row["id"]):
        if group["vg_state"] == VolumeState.REMOVING and not store.volumes(conn, group["id"]):
            store.delete(conn, group["id"])


class VolumeGroupService:
    """Volume groups of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, body: NewVolumeGroup) -> Row:
        """Add a group; HostRefused, HostMustBeLocked, GroupExists, HostNotFound."""
        asked = given(body)
        capabilities = {name: value for name, value in (asked.get("capabilities") or {}).items()
                        if name in (rules.FUNCTION, rules.TYPE)}
        capabilities |= {name: asked[name] for name in (rules.FUNCTION, rules.TYPE) if asked.get(name)}
        with self._db.writer() as conn:
            row = host_row(conn, body.ihost_uuid, lock=True)
            rules.check_add(host_view(row), body.lvm_vg_name, capabilities, store.names(conn, row["id"]),
                            filesystems.names(conn, row["id"]))
            made = store.insert(conn, {
                "lvm_vg_name": body.lvm_vg_name, "vg_state": VolumeState.ADDING.value, "capabilities": capabilities,
                "forihostid": row["id"]})
            return dict(conn.execute(store.QUERY.where(I_LVG.c.id == made)).mappings().one())

    def delete(self, uuid: str) -> None:
        """Delete a group: at once if its host has never been in service or made it, else at the host's next unlock.

        HostRefused, HostMustBeLocked, StorageBusy, ItemNotFound.
        """
        query = store.QUERY.where(I_LVG.c.uuid == uuid.lower())
        with self._db.writer() as conn:
            found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
            if found is None:
                raise ItemNotFound(resource="volume group", id=shown(uuid))
            group, row = found
            rules.check_delete(host_view(row), group["lvm_vg_name"], group["vg_state"])
            members = store.volumes(conn, group["id"])
            check_idle(host_view(row), partitions.ordered(conn, row["uuid"], {volume["uuid"] for volume in members}))
            present = False
            for volume in members:
                present |= volumes.give_back(conn, volume)
            if present or group["vg_state"] == VolumeState.PROVISIONED:
                store.write(conn, group, {"vg_state": VolumeState.REMOVING.value})
            else:
                store.delete(conn, group["id"])


SERVICE = VolumeGroupService
