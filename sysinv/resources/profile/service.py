# SPDX-License-Identifier: Apache-2.0
"""Use cases of profiles: take one from a host, rename, delete, and apply one to a host in one transaction."""
from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from flock.db import Database, DuplicateEntry, compare_and_set
from flock.wire.errors import shown
from sysinv.db.lookup import ItemNotFound, Row, host_row, the_system
from sysinv.hosts.provision import assign_address, release_address
from sysinv.model.host import host_view
from sysinv.resources.cpu import store as cpus
from sysinv.resources.interface import store as interfaces
from sysinv.resources.interface.view import HostInterfaces
from sysinv.resources.memory import store as memory
from sysinv.resources.memory.service import write_changes
from sysinv.resources.profile import importing, rules, store
from sysinv.resources.profile.body import BODY, Body
from sysinv.resources.profile.fields import ProfileType
from sysinv.resources.profile.importing import Read
from sysinv.resources.profile.planning import HostParts, Plan, planned, taken
from sysinv.resources.profile.table import PROFILES
from sysinv.resources.storagebackend.store import serialise

LOG = logging.getLogger(__name__)


class ProfileService:
    """The profiles of the system."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, uuid: str) -> tuple[Row, Body]:
        """Return a profile and what it has; ItemNotFound."""
        with self._db.reader() as conn:
            row = _row(conn, uuid)
        return row, body_of(row)

    def of_types(self, types: Sequence[ProfileType]) -> list[tuple[Row, Body]]:
        """Return all profiles of these types, by name."""
        with self._db.reader() as conn:
            rows = store.of_types(conn, types)
        return [(row, body_of(row)) for row in rows]

    def add(self, values: Mapping[str, Any]) -> Row:
        """Take a profile from a host; ProfileRefused, ProfileExists, HostNotFound."""
        name = values["profilename"]
        try:
            with self._db.writer() as conn:
                source = host_parts(conn, values["ihost_uuid"])
                rules.check_source(name, source.system, source.host, store.count(conn))
                rules.check_name(name, store.hostnames(conn))
                profile_type = rules.profile_type(values["profiletype"], source.host)
                body = BODY.to_document(taken(profile_type, source))
                return store.insert(conn, name, profile_type.value, body)
        except DuplicateEntry as error:
            raise rules.ProfileExists(name=name, owner="another profile") from error

    def import_file(self, data: bytes) -> list[dict[str, str]]:
        """Store the profiles of a file, each for itself; returns what came of each, in the words of StarlingX."""
        try:
            read = importing.profiles(data)
        except importing.Unreadable as error:
            return [_result("Invalid", "", "", "error: the file of profiles is invalid.", str(error))]
        return [self._import(one) for one in read]

    def _import(self, one: Read) -> dict[str, str]:
        what = f"{one.title.replace('Profile', 'profile')} {one.name}"
        failed = f"error: {what} cannot be imported."
        if one.body is None or one.profile_type is None:
            return _result("Error", one.title, one.name, failed, one.error)
        try:
            with self._db.writer() as conn:
                rules.check_system(the_system(conn))
                rules.check_count(store.count(conn))
                rules.check_name(one.name, store.hostnames(conn))
                store.insert(conn, one.name, one.profile_type.value, BODY.to_document(one.body))
        except (DuplicateEntry, rules.ProfileExists):
            return _result("Warning", one.title, one.name, f"warning: {what} already exists.",
                           f"The name {one.name} is used already; nothing was changed.")
        except rules.ProfileRefused as error:
            return _result("Error", one.title, one.name, failed, str(error))
        return _result("Success", one.title, one.name, f"{what} is successfully imported.", "")

    def rename(self, uuid: str, name: str) -> Row:
        """Give a profile another name; ProfileExists, ItemNotFound."""
        try:
            with self._db.writer() as conn:
                row = _row(conn, uuid, lock=True)
                if row["profilename"] != name:
                    rules.check_name(name, store.hostnames(conn))
                    compare_and_set(conn, PROFILES, row["id"], row["revision"], {"profilename": name})
                return _row(conn, uuid)
        except DuplicateEntry as error:
            raise rules.ProfileExists(name=name, owner="another profile") from error

    def delete(self, uuid: str) -> None:
        """Delete a profile; hosts keep what they have from it. ProfileInUse, ItemNotFound."""
        with self._db.writer() as conn:
            row = _row(conn, uuid, lock=True)
            rules.check_delete(row["profilename"], store.waiting(conn, row["id"]))
            store.delete(conn, row["id"])

    def apply(self, ident: str, uuid: str, *, dry_run: bool = False) -> tuple[str, Plan]:
        """Apply a profile to a host, completely or not at all; returns the host's uuid and what changes.

        With ``dry_run`` the plan is only checked. ItemNotFound, HostNotFound, HostMustBeLocked, and ProfileRefused,
        StorRefused or HostRefused for what the host cannot have.
        """
        with self._db.writer() as conn:
            row = _row(conn, uuid)
            body = body_of(row)
            if body.stors:
                # Rules of OSDs read those of other hosts.
                serialise(conn)
            target = host_parts(conn, ident, {name for one in body.interfaces for name in one.datanetworks})
            plan = planned(row["profilename"], body, target)
            if not dry_run:
                carry_out(conn, target, plan)
        if not dry_run:
            LOG.info("profile %s is applied to host %s", row["profilename"], target.host.name)
        return target.host.uuid, plan


def host_parts(conn: Connection, ident: str, datanetworks: Collection[str] = ()) -> HostParts:
    """Lock a host, and the data networks of that name, and return what profiles need of them; HostNotFound."""
    row = host_row(conn, ident, lock=True)
    return HostParts(row, host_view(row), the_system(conn), cpus.of_host(conn, row["id"]),
                     memory.rows_of_host(conn, row["id"]), store.networking(conn, row, datanetworks),
                     store.storage(conn, row), store.stors(conn, row))


def await_profile(conn: Connection, host_id: int, uuid: str) -> None:
    """Store that a host, which the caller has locked, gets profile ``uuid`` when it is inventoried; ItemNotFound."""
    store.wait_for(conn, host_id, _row(conn, uuid, lock=True)["id"])


def carry_out(conn: Connection, target: HostParts, plan: Plan) -> None:
    """Write what ``plan`` changes on the host, which ``host_parts`` has locked."""
    cpus.set_functions(conn, target.host.id, plan.functions)
    for number, changes in plan.memory.items():
        write_changes(conn, dict(target.memory[number]), changes)
    if plan.volumes:
        store.add_volumes(conn, target.host.id, plan.volumes)
    store.add_stors(conn, target.host.id, plan.stors)
    if plan.interfaces is not None:
        before, after = plan.interfaces
        interfaces.write(conn, before, after)
        _follow_networks(conn, target, before, after)


def _follow_networks(conn: Connection, target: HostParts, before: HostInterfaces, after: HostInterfaces) -> None:
    """Assign the host its addresses on networks that it gains, and release those on networks that it loses."""
    hostname = target.host.hostname
    if hostname is None:
        return
    old, new = ({network for one in view.interfaces for network in one.networks} for view in (before, after))
    for network in sorted(old - new):
        release_address(conn, hostname, network)
    for network in sorted(new - old):
        assign_address(conn, target.system, target.host.id, hostname, network)


def _result(result: str, title: str, name: str, msg: str, detail: str) -> dict[str, str]:
    return {"result": result, "type": title, "name": name, "msg": msg, "detail": detail}


def body_of(row: Row) -> Body:
    """Return what a stored profile has; InvalidInput for one that no release has written."""
    body: Body = BODY.from_document(row["body"], f"profile {row['profilename']}")
    return body


def _row(conn: Connection, uuid: str, *, lock: bool = False) -> Row:
    row = store.found(conn, uuid, lock=lock)
    if row is None:
        raise ItemNotFound(resource="Profile", id=shown(uuid))
    return row


SERVICE = ProfileService
