# SPDX-License-Identifier: Apache-2.0
"""Use cases of sensors and their groups: store mtce's report, pass operators' changes on to mtce, relearn.

mtce carries a change out before it is stored, so that an accepted change is done. If storing it fails then, the reply
to mtce's next report brings back the settings that are stored.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core import ids
from flock.db import Database, compare_and_set
from flock.wire.errors import shown
from mtce.contract.records import ActionReply
from sysinv.contract.sensors import SensorReport, SensorSettings
from sysinv.db import reported
from sysinv.db.lookup import ItemNotFound, Row, host_row, the_system
from sysinv.resources.sensor import store as sensors
from sysinv.resources.sensor.table import I_SENSORS
from sysinv.resources.sensorgroup import intake, store
from sysinv.resources.sensorgroup.rules import SensorsRejected, changed_groups, check_group, settings
from sysinv.resources.sensorgroup.table import I_SENSORGROUPS

LOG = logging.getLogger(__name__)


class Orders(Protocol):
    """The part of ``mtce.contract.rpc.MtceSensors`` that is used here."""

    def change_settings(self, *, host_uuid: str, settings: SensorSettings) -> ActionReply:
        """Carry out all settings of a host's sensors."""

    def relearn(self, *, host_uuid: str) -> ActionReply:
        """Begin to build a host's sensor model anew."""


def take_report(conn: Connection, report: SensorReport) -> SensorSettings:
    """Store a report, and return the settings of the host's sensors; HostNotFound, InvalidInput.

    They are not ``complete`` when the report is about something that is not stored here: mtce then sends everything.
    """
    intake.check(report)
    host = host_row(conn, report.host_uuid, lock=True)
    before = reported.of_host(conn, store.HOST, host["id"])
    reported.apply(conn, store.HOST, host, intake.group_change(before, report))
    groups = {row["sensorgroupname"]: row for row in reported.of_host(conn, store.HOST, host["id"])}
    known = reported.of_host(conn, sensors.HOST, host["id"])
    change, found_all = intake.sensor_change(known, report, groups)
    reported.apply(conn, sensors.HOST, host, change)
    found = settings(groups.values(), reported.of_host(conn, sensors.HOST, host["id"]))
    complete = report.complete or (found_all and bool(before) and bool(known))
    return SensorSettings(found.groups, found.suppressed, complete)


class SensorService:
    """Sensors and groups of hosts. ``orders`` is mtce; its Unavailable and DeadlineExceeded pass through."""

    def __init__(self, db: Database, orders: Orders) -> None:
        self._db, self._orders = db, orders

    def change_group(self, uuid: str, changes: Mapping[str, Any]) -> Row:
        """Change the settings of a group and of its sensors; ItemNotFound, SensorRefused, SensorsRejected."""
        with self._db.reader() as conn:
            row = _one(conn, store.QUERY, I_SENSORGROUPS, uuid, "Sensor group")
            check_group(row, changes, simplex=the_system(conn).is_simplex)
            groups = reported.of_host(conn, store.HOST, row["host_id"])
            members = reported.of_host(conn, sensors.HOST, row["host_id"])
        after = changed_groups(groups, row["uuid"], changes)
        if "suppress" in changes:
            members = [{**one, "suppress": changes["suppress"]} if one["sensorgroup_id"] == row["id"] else one
                       for one in members]
        self._order(row["host_uuid"], settings(after, members))
        with self._db.writer() as conn:
            _write(conn, I_SENSORGROUPS, groups, after)
            if "suppress" in changes:
                conn.execute(sa.update(I_SENSORS).where(I_SENSORS.c.sensorgroup_id == row["id"]).values(
                    suppress=changes["suppress"]))
            return store.joined(conn, [_one(conn, store.QUERY, I_SENSORGROUPS, uuid, "Sensor group")])[0]

    def change_sensor(self, uuid: str, changes: Mapping[str, Any]) -> Row:
        """Suppress a sensor or end that; ItemNotFound, SensorsRejected."""
        with self._db.reader() as conn:
            row = _one(conn, sensors.QUERY, I_SENSORS, uuid, "Sensor")
            groups = reported.of_host(conn, store.HOST, row["host_id"])
            before = reported.of_host(conn, sensors.HOST, row["host_id"])
        after = [{**one, **(changes if one["id"] == row["id"] else {})} for one in before]
        # A sensor whose group is suppressed is watched again only with its group.
        self._order(row["host_uuid"], settings(groups, after))
        with self._db.writer() as conn:
            _write(conn, I_SENSORS, before, after)
            return sensors.joined(conn, [_one(conn, sensors.QUERY, I_SENSORS, uuid, "Sensor")])[0]

    def relearn(self, host: str) -> str:
        """Begin to build the sensor model of a host anew, and return the host's uuid; HostNotFound, SensorsRejected."""
        with self._db.reader() as conn:
            uuid = str(host_row(conn, host)["uuid"])
        _accepted(self._orders.relearn(host_uuid=uuid))
        return uuid

    def _order(self, host_uuid: str, wanted: SensorSettings) -> None:
        _accepted(self._orders.change_settings(host_uuid=host_uuid, settings=wanted))


class SensorReportsEndpoint:
    """Implements ``SensorReports``."""

    def __init__(self, transact: Callable[[Callable[[Connection], SensorSettings]], SensorSettings]) -> None:
        self._transact = transact

    def report_sensors(self, *, report: SensorReport) -> SensorSettings:
        """Store what has changed and return all settings that operators made."""
        return self._transact(lambda conn: take_report(conn, report))


def _accepted(reply: ActionReply) -> None:
    if reply.status != "pass":
        raise SensorsRejected(status=reply.status, reason=reply.reason, action=reply.action)


def _one(conn: Connection, query: sa.Select[Any], table: sa.Table, uuid: str, noun: str) -> Row:
    row = conn.execute(query.where(table.c.uuid == uuid.lower())).mappings().first() if ids.is_uuid(uuid) else None
    if row is None:
        raise ItemNotFound(resource=noun, id=shown(uuid))
    return dict(row)


def _write(conn: Connection, table: sa.Table, before: Sequence[Row], after: Sequence[Row]) -> None:
    """Write what differs; StaleWrite when somebody else changed one of these rows meanwhile."""
    for old, new in zip(before, after, strict=True):
        values = {name: value for name, value in new.items() if old[name] != value}
        if values:
            compare_and_set(conn, table, old["id"], old["revision"], values)
