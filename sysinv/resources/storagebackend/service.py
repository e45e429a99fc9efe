# SPDX-License-Identifier: Apache-2.0
"""Use cases of storage back ends: add, change, delete; have a new controller carry its part of Ceph."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from flock.db import Database, DuplicateEntry
from flock.wire.errors import shown
from sysinv.config import ordering
from sysinv.config.ordering import Change
from sysinv.contract.enums import BackendState, BackendType, Personality
from sysinv.db.lookup import ItemNotFound, Row, system_row, the_system
from sysinv.hosts.work import Work
from sysinv.model.host import host_view
from sysinv.resources.cephmon import store as monitors
from sysinv.resources.cluster import store as clusters
from sysinv.resources.cluster.rules import CEPH_CLUSTER, ROOK_CLUSTER
from sysinv.resources.storagebackend import capabilities, rules, store
from sysinv.resources.storagebackend.checks import BackendFacts
from sysinv.resources.storagebackend.progress import progress
from sysinv.resources.storagebackend.rules import POOLS, BackendExists, Wanted
from sysinv.resources.storagetier import store as tiers
from sysinv.resources.storagetier.rules import DEFAULT

PUPPET_CLASS = "platform::ceph"
_DEFAULT_SERVICES = {BackendType.ROOK: "block,filesystem"}
_FIRST_STATES = {BackendType.ROOK: BackendState.WITH_APP}
# A change of these is one of what hosts run.
_ON_HOSTS = frozenset({"services", "capabilities", "object_gateway", "network"})
_MADE_AT_UNLOCK = frozenset({BackendState.ON_UNLOCK, BackendState.CONFIGURING, BackendState.CONFIGURED})


def action_facts(conn: Connection, _row: Row) -> BackendFacts:
    """Return the facts that the check of back ends needs."""
    return BackendFacts(tuple(row["name"] for row in store.all_rows(conn)
                              if row["state"] == BackendState.CONFIGURING))


def at_unlock(conn: Connection, row: Row, _work: Work) -> None:
    """Have a controller that is unlocked for the first time make its part of each Ceph back end after its boot."""
    host = host_view(row)
    if not host.is_controller or host.is_frozen:
        return
    for backend in store.all_rows(conn):
        if backend["backend"] == BackendType.CEPH and backend["state"] in _MADE_AT_UNLOCK:
            uuid = ordering.order_after_boot(conn, row, _change(backend["name"]))
            _follow(conn, backend, [*backend["config_uuids"], uuid])
            if monitors.of_host(conn, host.id) is None:
                monitors.insert(conn, host.id, rules.MONITOR_GIB, BackendState.CONFIGURING)


def _change(name: str) -> Change:
    return Change(f"storage backend {name}", (PUPPET_CLASS,), personalities=(Personality.CONTROLLER,))


def _follow(conn: Connection, row: Row, config_uuids: list[str]) -> None:
    """Store which changes of configuration make a back end, and how far they are."""
    now = progress(store.results(conn, config_uuids))
    state, task = (BackendState.ON_UNLOCK, None) if now is None else (now.state, now.task)
    store.write(conn, row, {"config_uuids": config_uuids, "state": state.value, "error": None,
                            "task": None if task is None else dict(task)})
    if row["tier_name"] == DEFAULT:
        store.set_monitors(conn, state, None)


class BackendService:
    """The storage back ends of the system; ``ident`` is a uuid, an id or a name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, ident: str, backend: BackendType | None = None) -> Row:
        """Return one back end, of that type if it is given; ItemNotFound."""
        with self._db.reader() as conn:
            return store.shown(_found(conn, ident, backend))

    def add(self, backend: BackendType, values: Mapping[str, Any]) -> Row:
        """Add a back end; BackendRefused, BackendExists, ItemNotFound."""
        try:
            with self._db.writer() as conn:
                store.serialise(conn)
                return store.shown(self._add(conn, backend, values))
        except DuplicateEntry as error:
            raise BackendExists(name=values.get("name")) from error

    def _add(self, conn: Connection, backend: BackendType, values: Mapping[str, Any]) -> Row:
        system = the_system(conn)
        tier = None
        if values.get("tier_uuid") is not None:
            tier = tiers.found(conn, values["tier_uuid"])
            if tier is None:
                raise ItemNotFound(resource="storage tier", id=shown(values["tier_uuid"]))
        wanted = _wanted(conn, backend, values, None if tier is None else tier["name"])
        told = capabilities.checked(backend, values.get("capabilities") or {}, simplex=system.is_simplex)
        rules.check_add(wanted, [store.view(row) for row in store.all_rows(conn)])
        rules.check_quotas({name: values.get(name) for name in POOLS}, 0)
        if backend is BackendType.CEPH:
            rules.check_controllers(system, store.controllers(conn))
        rules.check_confirmed(wanted)
        row_id = store.insert(conn, {
            "name": wanted.name, "backend": backend.value, "services": ",".join(wanted.services), "capabilities": told,
            "state": _FIRST_STATES.get(backend, BackendState.CONFIGURED).value,
            "network": (values.get("network") or "mgmt") if backend is BackendType.CEPH else values.get("network"),
            "object_gateway": wanted.gateway, "ceph_conf": values.get("ceph_conf"),
            "tier_id": _tier_of_new(conn, backend, None if tier is None else tier["id"]),
            **{name: values.get(name) for name in POOLS}})
        if backend is BackendType.CEPH:
            self._make(conn, store.by_id(conn, row_id))
        return store.by_id(conn, row_id)

    def _make(self, conn: Connection, row: Row) -> None:
        """Order a Ceph back end on the controllers that were unlocked before; others make it when they are."""
        uuid = ordering.order(conn, _change(row["name"]))
        for one in store.controllers(conn):
            if monitors.of_host(conn, one.host.id) is None:
                monitors.insert(conn, one.host.id, rules.MONITOR_GIB, BackendState.CONFIGURING)
        _follow(conn, row, [] if uuid is None else [uuid])

    def change(self, ident: str, backend: BackendType, changes: Mapping[str, Any]) -> Row:
        """Change a back end; one whose configuration failed is configured again. BackendRefused, ItemNotFound."""
        with self._db.writer() as conn:
            store.serialise(conn)
            row, system = _found(conn, ident, backend), the_system(conn)
            if "capabilities" in changes:
                merged = {**row["capabilities"], **(changes["capabilities"] or {})}
                changes = {**changes, "capabilities": capabilities.checked(
                    backend, merged, simplex=system.is_simplex)}
            wanted = rules.changed(store.view(row), changes, storage_hosts=bool(clusters.hosts(conn).storage_hosts))
            values = {name: value for name, value in wanted.items() if row[name] != value}
            again = row["state"] == BackendState.FAILED
            if backend is BackendType.CEPH and (again or (
                    values.keys() & _ON_HOSTS and row["state"] == BackendState.CONFIGURED)):
                # Hosts are locked before the row, in this order everywhere.
                uuid = ordering.order(conn, _change(row["name"]))
                store.write(conn, row, values)
                _follow(conn, store.by_id(conn, row["id"]), [] if uuid is None else [uuid])
            elif values:
                store.write(conn, row, values)
            return store.shown(store.by_id(conn, row["id"]))

    def delete(self, ident: str, backend: BackendType | None = None) -> None:
        """Delete a back end, with its cluster if it has the default tier; BackendRefused, ItemNotFound."""
        with self._db.writer() as conn:
            store.serialise(conn)
            row = _found(conn, ident, backend)
            own = [] if row["tier_id"] is None else tiers.of_cluster(conn, row["forclusterid"])
            stors = next((tier["stor_count"] for tier in own if tier["id"] == row["tier_id"]), 0)
            rules.check_delete(store.view(row), tiers=len(own) - 1 if own else 0, stors=stors,
                               storage_hosts=len(clusters.hosts(conn).storage_hosts))
            ordering.withdraw(conn, row["config_uuids"])
            store.delete(conn, row["id"])
            if row["tier_name"] == DEFAULT:
                monitors.delete_all(conn)
                clusters.delete(conn, row["forclusterid"])


def _wanted(conn: Connection, backend: BackendType, values: Mapping[str, Any], tier: str | None) -> Wanted:
    services = values["services"] if values.get("services") is not None else _DEFAULT_SERVICES.get(backend, "")
    if backend is BackendType.FILE and not services:
        services = "glance"
    return Wanted(
        backend, values.get("name") or rules.DEFAULT_NAMES[backend], rules.listed(services), tier,
        confirmed=bool(values.get("confirmed")), gateway=bool(values.get("object_gateway")),
        region_mode=bool((system_row(conn)["capabilities"] or {}).get("region_config")))


def _tier_of_new(conn: Connection, backend: BackendType, tier_id: int | None) -> int | None:
    """Return the tier of a new back end; the first Ceph back end makes the cluster with its default tier."""
    names = {BackendType.CEPH: CEPH_CLUSTER, BackendType.ROOK: ROOK_CLUSTER}
    if backend not in names or tier_id is not None:
        return tier_id
    return tiers.insert(conn, clusters.insert(conn, names[backend]), DEFAULT)


def _found(conn: Connection, ident: str, backend: BackendType | None) -> Row:
    row = store.found(conn, ident, backend)
    if row is None:
        raise ItemNotFound(resource="storage backend", id=shown(ident))
    return row


SERVICE = BackendService
