# SPDX-License-Identifier: Apache-2.0
"""Use cases of OSDs and journals."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database
from flock.wire.errors import shown
from sysinv.contract.enums import StorFunction
from sysinv.db.lookup import ItemNotFound, Row, host_row, row_of_locked_host, the_system
from sysinv.model.host import host_view
from sysinv.resources.disk import store as disks
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.osd import rules, store
from sysinv.resources.osd.checks import StorFacts
from sysinv.resources.osd.rules import ClusterView
from sysinv.resources.osd.table import I_ISTOR
from sysinv.resources.partition import store as partitions
from sysinv.resources.partition.rules import check_idle
from sysinv.resources.storagebackend.store import serialise
from sysinv.resources.storagetier import store as tiers
from sysinv.resources.storagetier.rules import DEFAULT


def action_facts(conn: Connection, row: Row) -> StorFacts:
    """Return the facts that the check of OSDs needs."""
    own = [one for one in store.of_host(conn, row["id"]) if one.function is StorFunction.OSD]
    count = Counter(one.tier for one in own)
    known = tiers.of_cluster_of_hosts(conn)
    return StorFacts(len(own), tuple((tier["name"], count[tier["id"]]) for tier in known), store.cluster_view(conn))


class StorService:
    """OSDs and journals of hosts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, values: Mapping[str, Any]) -> Row:
        """Make a disk an OSD or a journal; StorRefused, HostMustBeLocked, StorageBusy, ItemNotFound, HostNotFound."""
        with self._db.writer() as conn:
            serialise(conn)
            row = host_row(conn, values["ihost_uuid"], lock=True)
            return store.shown(store.by_id(conn, add_stor(conn, row, values)))

    def change(self, uuid: str, changes: Mapping[str, Any]) -> Row:
        """Move or resize the journal of an OSD; StorRefused, HostMustBeLocked, ItemNotFound."""
        with self._db.writer() as conn:
            row, host, cluster = self._locked(conn, uuid)
            if row["function"] != StorFunction.OSD or row["journal_size_mib"] is None:
                raise rules.StorRefused(detail="Only OSDs with a journal can be changed.")
            rules.check_host(host_view(host), cluster)
            location = changes.get("journal_location", row["journal_uuid"] or row["uuid"])
            held = row["journal_size_mib"] if location == row["journal_uuid"] else 0
            size = changes.get("journal_size_mib", row["journal_size_mib"])
            place = rules.journal_place(_journals(conn, host["id"]), location, size, row["uuid"], held)
            values = _journal_values(conn, place, row)
            changed = {name: value for name, value in values.items() if row[name] != value}
            if changed:
                store.write(conn, row, changed)
            return store.shown(store.by_id(conn, row["id"]))

    def delete(self, uuid: str, *, force: bool = False) -> None:
        """Take an OSD or journal from its disk; StorRefused, HostMustBeLocked, ItemNotFound."""
        with self._db.writer() as conn:
            row, host, cluster = self._locked(conn, uuid)
            view = next(one for one in store.of_host(conn, host["id"]) if one.id == row["id"])
            state = rules.deleted_state(
                host_view(host), view, cluster, simplex=the_system(conn).is_simplex, force=force,
                in_tier=store.made_in_tier(conn, row["fortierid"]))
            if state is None:
                store.delete(conn, row["id"])
            elif state != row["state"]:
                store.write(conn, row, {"state": state.value})

    def _locked(self, conn: Connection, uuid: str) -> tuple[Row, Row, ClusterView]:
        """Return row, host and cluster, which stay as they are until the transaction ends; ItemNotFound."""
        serialise(conn)
        query = store.QUERY.where(I_ISTOR.c.uuid == uuid.lower())
        found = row_of_locked_host(conn, query, "ihost_uuid") if ids.is_uuid(uuid) else None
        if found is None:
            raise ItemNotFound(resource="stor", id=shown(uuid))
        return *found, rules.check_cluster(store.cluster_view(conn))


def add_stor(conn: Connection, host_of: Row, values: Mapping[str, Any]) -> int:
    """Add an OSD or journal to a host, whose lock and that of the system the caller holds; returns its row id.

    StorRefused, HostMustBeLocked, StorageBusy, ItemNotFound.
    """
    host, function = host_view(host_of), values.get("function") or StorFunction.OSD
    cluster = rules.check_cluster(store.cluster_view(conn))
    rules.check_host(host, cluster)
    disk = conn.execute(disks.QUERY.where(I_IDISK.c.uuid == values["idisk_uuid"].lower())).mappings().first()
    if disk is None:
        raise ItemNotFound(resource="disk", id=shown(values["idisk_uuid"]))
    rules.check_disk(host, partitions.disk_view(dict(disk)), function, of_host=disk["forihostid"] == host.id,
                     partitions=len(partitions.of_disk(conn, disk["id"])), kind=disk["device_type"],
                     is_rook=cluster.is_rook)
    check_idle(host, partitions.ordered(conn, host.uuid, {disk["uuid"]}))
    made: dict[str, Any] = {
        "function": function.value, "state": rules.new_state(host, cluster).value, "idisk_id": disk["id"],
        "forihostid": host.id}
    if function is StorFunction.OSD:
        made["fortierid"] = _tier(conn, values.get("tier_uuid"))
        if not cluster.is_rook:
            made["osdid"] = rules.next_osdid(store.taken_ids(conn))
            place = rules.journal_place(_journals(conn, host.id), values.get("journal_location"),
                                        values.get("journal_size_mib"))
            made |= _journal_values(conn, place, None)
    return store.insert(conn, made)


def _journals(conn: Connection, host_id: int) -> list[rules.StorView]:
    return [one for one in store.of_host(conn, host_id) if one.function is StorFunction.JOURNAL]


def _journal_values(conn: Connection, place: rules.JournalPlace, before: Row | None) -> dict[str, Any]:
    if place.on is None:
        return {"journal_id": None, "journal_number": None, "journal_size_mib": place.size_mib}
    stays = before is not None and before["journal_id"] == place.on.id
    number = before["journal_number"] if before is not None and stays else store.next_number(conn, place.on.id)
    return {"journal_id": place.on.id, "journal_number": number, "journal_size_mib": place.size_mib}


def _tier(conn: Connection, uuid: str | None) -> int:
    tier = tiers.found(conn, uuid or DEFAULT)
    if tier is None:
        raise ItemNotFound(resource="storage tier", id=shown(uuid))
    return int(tier["id"])


SERVICE = StorService
