# SPDX-License-Identifier: Apache-2.0
"""Rows of ``runtime_config`` and ``host_configurations``. The caller of a write holds the host's lock."""
from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.wire.paging import Page
from sysinv.config.model import WAITING, Order, OrderState
from sysinv.db.lookup import Row, paged
from sysinv.model.host import FROZEN_PROVISION
from sysinv.resources.configuration.table import HOST_CONFIGURATIONS, RUNTIME_CONFIG
from sysinv.resources.host.table import I_HOST

ORDER = RUNTIME_CONFIG.c
_OPEN = ORDER.state != OrderState.APPLIED.value
HISTORY = sa.select(RUNTIME_CONFIG, I_HOST.c.uuid.label("ihost_uuid")).join(I_HOST, I_HOST.c.id == ORDER.forihostid)


def configured_hosts(conn: Connection, *, lock: bool = True) -> list[Row]:
    """Lock and return the hosts that were unlocked before, by id: all others take the whole configuration then."""
    query = sa.select(I_HOST).where(I_HOST.c.invprovision.in_(sorted(FROZEN_PROVISION))).order_by(I_HOST.c.id)
    return [dict(row) for row in conn.execute(query.with_for_update() if lock else query).mappings()]


def last_id(conn: Connection) -> int:
    """Return the id of the newest order of all hosts; 0 when there is none."""
    return int(conn.execute(sa.select(sa.func.max(ORDER.id))).scalar() or 0)


def orders_after(conn: Connection, order_id: int) -> dict[int, list[Order]]:
    """Return the orders that are newer than that one, by the host's id, oldest first."""
    found: dict[int, list[Order]] = {}
    for row in conn.execute(sa.select(RUNTIME_CONFIG).where(ORDER.id > order_id).order_by(ORDER.id)).mappings():
        found.setdefault(row["forihostid"], []).append(_order(dict(row)))
    return found


def open_orders(conn: Connection, host_ids: Sequence[int]) -> dict[int, list[Order]]:
    """Return the orders that are not applied, by the host's id, oldest first."""
    query = sa.select(RUNTIME_CONFIG).where(ORDER.forihostid.in_(list(host_ids)), _OPEN).order_by(ORDER.id)
    found: dict[int, list[Order]] = {host_id: [] for host_id in host_ids}
    for row in conn.execute(query).mappings() if host_ids else ():
        found[row["forihostid"]].append(_order(dict(row)))
    return found


def all_open(conn: Connection) -> dict[int, list[Order]]:
    """Return the orders of all hosts that are not applied, by the host's id, oldest first."""
    found: dict[int, list[Order]] = {}
    for row in conn.execute(sa.select(RUNTIME_CONFIG).where(_OPEN).order_by(ORDER.id)).mappings():
        found.setdefault(row["forihostid"], []).append(_order(dict(row)))
    return found


def _order(row: Mapping[str, Any]) -> Order:
    return Order(
        id=row["id"], config_uuid=row["config_uuid"], reason=row["reason"], state=OrderState(row["state"]),
        classes=tuple(row["classes"]), reboot_required=row["reboot_required"], whole=row["whole"],
        ran=row["ran_at"] is not None, created_at=row["created_at"], alarm_at=row["alarm_at"], error=row["error"],
        held=row["held"])


def insert(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add orders."""
    if rows:
        conn.execute(sa.insert(RUNTIME_CONFIG), list(rows))


def set_targets(conn: Connection, targets: Mapping[int, str]) -> None:
    """Store the new targets by the host's id.

    Leaves the revision of the host's row, which guards columns that several writers change: this one has no other.
    """
    for host_id, target in targets.items():
        conn.execute(sa.update(I_HOST).where(I_HOST.c.id == host_id).values(config_target=target))


def set_applied(conn: Connection, host_id: int, config_uuid: str) -> None:
    """Store the configuration that a host has; see ``set_targets``."""
    conn.execute(sa.update(I_HOST).where(I_HOST.c.id == host_id).values(config_applied=config_uuid))


def release(conn: Connection, reasons: Sequence[str]) -> int:
    """Let hosts run the orders of these reasons that are held; returns how many."""
    return conn.execute(sa.update(RUNTIME_CONFIG).where(
        ORDER.held.is_(True), ORDER.reason.in_(list(reasons))).values(held=False)).rowcount


def write(conn: Connection, order_id: int, values: Mapping[str, Any]) -> None:
    """Change one order."""
    conn.execute(sa.update(RUNTIME_CONFIG).where(ORDER.id == order_id).values(**values))


def fetched(conn: Connection, host_id: int, content: Mapping[str, Any], now: datetime.datetime) -> None:
    """Store what the host fetched, and that it has its orders."""
    values = {"fetched_data": dict(content), "fetched_at": now}
    done = conn.execute(sa.update(HOST_CONFIGURATIONS).where(
        HOST_CONFIGURATIONS.c.host_id == host_id).values(**values))
    if done.rowcount == 0:
        conn.execute(sa.insert(HOST_CONFIGURATIONS).values(host_id=host_id, applied_data={}, **values))
    conn.execute(sa.update(RUNTIME_CONFIG).where(
        ORDER.forihostid == host_id, _OPEN, ORDER.fetched_at.is_(None)).values(fetched_at=now))


def applied(conn: Connection, host_id: int, content: Mapping[str, Any], now: datetime.datetime) -> None:
    """Store the data that the host has."""
    conn.execute(sa.update(HOST_CONFIGURATIONS).where(HOST_CONFIGURATIONS.c.host_id == host_id).values(
        applied_data=dict(content), applied_at=now))


def data_of(conn: Connection, host_id: int) -> Row | None:
    """Return what a host fetched and has; None for one that never fetched anything."""
    row = conn.execute(sa.select(HOST_CONFIGURATIONS).where(
        HOST_CONFIGURATIONS.c.host_id == host_id)).mappings().first()
    return None if row is None else dict(row)


def remove_open(conn: Connection, config_uuids: Sequence[str]) -> dict[int, str | None]:
    """Remove the open orders of these changes; returns the targets of their hosts, which are locked now, by id."""
    mine = sa.and_(ORDER.config_uuid.in_(list(config_uuids)), _OPEN)
    hosts = sa.select(I_HOST.c.id, I_HOST.c.config_target).where(
        I_HOST.c.id.in_(sa.select(ORDER.forihostid).where(mine))).order_by(I_HOST.c.id).with_for_update()
    found = {row.id: row.config_target for row in conn.execute(hosts)}
    conn.execute(sa.delete(RUNTIME_CONFIG).where(mine))
    return found


def waits_for_fetch(conn: Connection, host_id: int) -> bool:
    """Return whether a host, which fetched its configuration before, has not yet fetched the newest orders."""
    query = sa.select(ORDER.id).join(HOST_CONFIGURATIONS, HOST_CONFIGURATIONS.c.host_id == ORDER.forihostid).where(
        ORDER.forihostid == host_id, _OPEN, ORDER.fetched_at.is_(None)).limit(1)
    return conn.execute(query).first() is not None


def to_tell(conn: Connection) -> list[Row]:
    """Return the hosts that have something to fetch or to run: id, uuid, hostname, availability."""
    waits = sa.and_(ORDER.state.in_(sorted(WAITING)), ORDER.ran_at.is_(None), ORDER.held.is_(False),
                    sa.or_(ORDER.whole.is_(False), ORDER.fetched_at.is_(None),
                           ORDER.state == OrderState.RETRIED.value))
    query = sa.select(I_HOST.c.id, I_HOST.c.uuid, I_HOST.c.hostname, I_HOST.c.availability).where(
        I_HOST.c.id.in_(sa.select(ORDER.forihostid).where(waits)), I_HOST.c.hostname.is_not(None))
    return [dict(row) for row in conn.execute(query.order_by(I_HOST.c.id)).mappings()]


def retry(conn: Connection, before: datetime.datetime) -> int:
    """Mark what has waited since before that time, and let hosts run again what failed before it; returns how many."""
    waiting = sa.and_(ORDER.state == OrderState.PENDING.value, ORDER.created_at < before, ORDER.ran_at.is_(None),
                      ORDER.whole.is_(False), ORDER.held.is_(False))
    failed = sa.and_(ORDER.state == OrderState.FAILED.value, ORDER.settled_at < before)
    done = conn.execute(sa.update(RUNTIME_CONFIG).where(sa.or_(waiting, failed)).values(
        state=OrderState.RETRIED.value))
    return done.rowcount


def prune(conn: Connection, before: datetime.datetime) -> int:
    """Remove what was settled before that time; returns how many."""
    return conn.execute(sa.delete(RUNTIME_CONFIG).where(
        ORDER.state == OrderState.APPLIED.value, ORDER.settled_at < before)).rowcount


def history(conn: Connection, host_id: int, wanted: Page) -> list[Row]:
    """Return one page of a host's orders."""
    return paged(conn, HISTORY.where(ORDER.forihostid == host_id), RUNTIME_CONFIG, wanted)
