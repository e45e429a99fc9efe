# SPDX-License-Identifier: Apache-2.0
"""Storing what agents report: for every reported resource the same limits, one transaction, and its ``take_report``."""
from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids, slices
from flock.core.codec import Codec, codec_for
from flock.core.errors import InvalidInput, Unavailable
from flock.core.text import storable
from flock.db import Database
from flock.rpc.caller import calling_host
from sysinv.contract.enums import ActionState, InvState
from sysinv.contract.records import HostRef
from sysinv.contract.reports import NODES_MAX, NUMA_UNKNOWN, NUMBER_MAX, RESOURCES, Report, UnknownReport
from sysinv.db.lookup import Row, host_row, the_system
from sysinv.model.host import host_view, normal_mac
from sysinv.model.topology import HostRole
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import I_HOST

LOG = logging.getLogger(__name__)
MACS_MAX = 512
KIND_SHOWN_MAX, NODE = 64, "numa_node"


@dataclass(frozen=True, slots=True)
class ReportingHost:
    """The host whose report is stored, locked for this transaction.

    ``partial``: items were left out because they could not be read, so what is missing may still be there and is
    not removed. ``interfaces``: names of its interfaces by network type, as this host is configured.
    """

    row: Row
    partial: bool
    virtual: bool
    interfaces: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> int:
        return int(self.row["id"])

    def role(self, conn: Connection) -> HostRole:
        """What defaults of this host depend on."""
        system, view = the_system(conn), host_view(self.row)
        return HostRole(controller=view.is_controller, worker=view.has_worker_function, simplex=system.is_simplex,
                        system_controller=system.is_system_controller, virtual=self.virtual,
                        vswitch_type=system.vswitch_type)


TakeReport = Callable[[Connection, ReportingHost, Sequence[Any]], None]


@dataclass(frozen=True, slots=True)
class ReportedResource:
    """One kind of report with the function of its resource that stores it."""

    declared: Report
    codec: Codec
    take: TakeReport


def reported_resources() -> dict[str, ReportedResource]:
    """All reported resources by kind, found by scanning."""
    found = {}
    takers = {module.__package__: module for module in slices.modules(RESOURCES, "service")}
    for module in slices.modules(RESOURCES, "report"):
        take = getattr(takers.get(module.__package__), "take_report", None)
        if take is None:
            raise TypeError(f"{module.__package__} has a report.py and no service.take_report")
        found[module.REPORT.kind] = ReportedResource(module.REPORT, codec_for(module.REPORT.record), take)
    return found


class InventoryIntake:
    """The conductor's side of ``InventoryReports``.

    ``interfaces_of(hostname)`` returns the names of a host's interfaces by network type. ``inventoried(conn, row)`` is
    called in the transaction in which a host becomes inventoried, after the function of that name of each resource's
    service.
    """

    def __init__(self, db: Database, *, virtual: bool = False,
                 interfaces_of: Callable[[str | None], Mapping[str, str]] = lambda _hostname: {},
                 inventoried: Callable[[Connection, Row], None] = lambda _conn, _row: None) -> None:
        self._db = db
        self._virtual = virtual
        self._interfaces_of = interfaces_of
        self._inventoried = inventoried
        self._resources = reported_resources()
        self._completing = [module.inventoried for module in slices.modules(RESOURCES, "service")
                            if hasattr(module, "inventoried")]
        self._storing: set[str] = set()
        self._lock = threading.Lock()

    def hostname_of(self, uuid: str) -> str | None:
        """The name of the host with that uuid; None when there is none."""
        if not ids.is_uuid(uuid):
            return None
        with self._db.reader() as conn:
            found: str | None = conn.execute(
                sa.select(I_HOST.c.hostname).where(I_HOST.c.uuid == uuid.lower())).scalar_one_or_none()
        return found

    def get_host_by_macs(self, *, macs: list[str], hostname: str) -> HostRef | None:
        """The host that owns one of the MAC addresses, else the one with that name.

        Of several owners (a card that was moved) the one with that name, else the oldest; order does not matter.
        A host learns nothing of another host: the reply is then None.
        """
        wanted = [mac for mac in map(normal_mac, macs[:MACS_MAX]) if mac is not None]
        name = storable(hostname)
        with self._db.reader() as conn:
            owners = hosts.by_macs(conn, wanted)
            row = next((one for one in owners if one["hostname"] == name), owners[0] if owners else None)
            if row is None and name:
                row = hosts.by_hostname(conn, name)
        if row is not None and calling_host() not in (None, row["hostname"]):
            return None
        return None if row is None else HostRef(row["uuid"], row["hostname"], row["personality"])

    def report(self, *, host_uuid: str, kind: str, items: list[Any]) -> None:
        """Everything the host has of ``kind``, as JSON; UnknownReport, InvalidInput, HostNotFound."""
        resource = self._resource(kind)
        if len(items) > resource.declared.items_max:
            raise InvalidInput(field=kind, rule=f"at most {resource.declared.items_max} items")
        records, troubles = _readable(resource, items)
        if troubles and not records:
            raise InvalidInput(field=kind, rule=f"no item can be stored; the first: {troubles[0]}")
        for trouble in troubles[:10]:
            LOG.warning("host %s: left out of its %s report: %s", host_uuid, kind, trouble)
        unread = None in items
        if unread:
            LOG.warning("host %s: its agent could not read all of the %s inventory and logs what", host_uuid, kind)
        self.store(host_uuid=host_uuid, kind=kind, records=records, partial=unread or bool(troubles))

    def store(self, *, host_uuid: str, kind: str, records: Sequence[Any], partial: bool = False) -> None:
        """Store ``records`` in one transaction; of two with the same key the first counts.

        Raises HostNotFound, and Unavailable while another report of the host is being stored.
        """
        resource = self._resource(kind)
        unique = _unique(resource.declared, records)
        if len(unique) < len(records):
            LOG.warning("host %s: its %s report names %d item(s) twice", host_uuid, kind, len(records) - len(unique))

        def work(conn: Connection) -> None:
            row = host_row(conn, host_uuid, lock=True)
            names = self._interfaces_of(row["hostname"])
            resource.take(conn, ReportingHost(row, partial, self._virtual, names), unique)

        with self._alone(host_uuid):
            self._db.transact(work)

    @contextlib.contextmanager
    def _alone(self, host_uuid: str) -> Iterator[None]:
        """Let one report of a host be stored at a time.

        A report locks its host's row, for which changes of settings wait too. Behind one report their turn comes;
        behind as many as there are threads they would give up.
        """
        uuid = host_uuid.lower()
        with self._lock:
            if uuid in self._storing:
                raise Unavailable(service="inventory", reason="another report of this host is being stored")
            self._storing.add(uuid)
        try:
            yield
        finally:
            with self._lock:
                self._storing.discard(uuid)

    def inventory_completed(self, *, host_uuid: str) -> None:
        """Every first report was acknowledged. While a reinstall has begun and not ended, an old boot is speaking."""

        def work(conn: Connection) -> None:
            row = host_row(conn, host_uuid, lock=True)
            if row["action_state"] == ActionState.REINSTALLING or row["inv_state"] == InvState.INVENTORIED:
                return
            hosts.write(conn, row, {"inv_state": InvState.INVENTORIED.value})
            for complete in (*self._completing, self._inventoried):
                complete(conn, row)
            LOG.info("host %s is inventoried", row["hostname"] or row["uuid"])

        self._db.transact(work)

    def _resource(self, kind: str) -> ReportedResource:
        found = self._resources.get(kind)
        if found is None:
            raise UnknownReport(kind=kind[:KIND_SHOWN_MAX])
        return found


def _readable(resource: ReportedResource, items: Sequence[Any]) -> tuple[list[Any], list[str]]:
    """The records that can be stored, and a sentence for each item that cannot."""
    records, troubles = [], []
    for index, item in enumerate(items):
        if item is None:
            continue
        field = f"{resource.declared.kind}[{index}]"
        try:
            record = _in_range(resource.declared, resource.codec.from_document(item, field), field)
        except InvalidInput as error:
            troubles.append(str(error))
        else:
            records.append(record)
    return records, troubles


def _in_range(declared: Report, record: Any, field: str) -> Any:
    """The record with every number from 0 to what a column holds; InvalidInput for a key that is not.

    Only the number of a NUMA node may be NUMA_UNKNOWN, which is less, and is so when no kernel has that number.
    """
    key, node = None if declared.key is None else declared.key(record), getattr(record, NODE, 0)
    if isinstance(key, int) and not 0 <= key <= declared.key_max:
        raise InvalidInput(field=field, rule=f"a number between 0 and {declared.key_max}")
    values = {one.name: getattr(record, one.name) for one in dataclasses.fields(record)}
    limited = {name: max(0, min(value, NUMBER_MAX)) for name, value in values.items() if name != NODE
               and isinstance(value, int) and not isinstance(value, bool) and not 0 <= value <= NUMBER_MAX}
    if not 0 <= node < NODES_MAX:
        limited[NODE] = NUMA_UNKNOWN
    return dataclasses.replace(record, **limited) if limited else record


def _unique(declared: Report, records: Sequence[Any]) -> list[Any]:
    if declared.key is None:
        return list(records)
    first: dict[Any, Any] = {}
    for record in records:
        first.setdefault(declared.key(record), record)
    return list(first.values())
