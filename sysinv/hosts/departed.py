# SPDX-License-Identifier: Apache-2.0
"""The machines of deleted hosts: remembered at the deletion, forgotten when they are hosts again, and after a month."""
from __future__ import annotations

import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sysinv.contract.records import DepartedMachine
from sysinv.db.lookup import Row
from sysinv.resources.host.table import DEPARTED_HOSTS, I_HOST
from sysinv.resources.port.table import PORTS

REMEMBERED = datetime.timedelta(days=30)
REMEMBERED_MAX = 1000


def remember(conn: Connection, row: Row, now: datetime.datetime) -> None:
    """Note the machine of the host in ``row``, before its record is deleted; a host without a name leaves nothing."""
    if not row["hostname"]:
        return
    macs = set(conn.execute(sa.select(PORTS.c.mac).where(PORTS.c.host_id == row["id"])).scalars()) | {row["mgmt_mac"]}
    conn.execute(sa.delete(DEPARTED_HOSTS).where(DEPARTED_HOSTS.c.mgmt_mac == row["mgmt_mac"]))
    conn.execute(sa.insert(DEPARTED_HOSTS).values(
        mgmt_mac=row["mgmt_mac"], hostname=row["hostname"], macs=sorted(macs), deleted_at=now))
    newest = sa.select(DEPARTED_HOSTS.c.mgmt_mac).order_by(DEPARTED_HOSTS.c.deleted_at.desc()).limit(REMEMBERED_MAX)
    conn.execute(sa.delete(DEPARTED_HOSTS).where(sa.or_(DEPARTED_HOSTS.c.deleted_at < now - REMEMBERED,
                                                        DEPARTED_HOSTS.c.mgmt_mac.not_in(newest))))


def machines(conn: Connection) -> list[DepartedMachine]:
    """Return the machines that are no hosts now, latest deletion first.

    A machine that was discovered again is a host, whatever ports it has; so is a card that was moved into one.
    """
    present = set(conn.execute(sa.select(I_HOST.c.mgmt_mac)).scalars())
    ports = set(conn.execute(sa.select(PORTS.c.mac)).scalars())
    rows = conn.execute(sa.select(DEPARTED_HOSTS).order_by(DEPARTED_HOSTS.c.deleted_at.desc()))
    left = [DepartedMachine(row.hostname, [mac for mac in row.macs if mac not in ports]) for row in rows
            if row.mgmt_mac not in present]
    return [machine for machine in left if machine.macs]


def names(conn: Connection, since: datetime.datetime, most: int) -> list[str]:
    """Return the names of hosts deleted after ``since`` that no host has now, latest first, at most ``most``."""
    taken = sa.select(I_HOST.c.hostname).where(I_HOST.c.hostname.is_not(None))
    found = conn.execute(
        sa.select(DEPARTED_HOSTS.c.hostname).where(DEPARTED_HOSTS.c.deleted_at > since,
                                                   DEPARTED_HOSTS.c.hostname.not_in(taken))
        .order_by(DEPARTED_HOSTS.c.deleted_at.desc()).limit(most)).scalars()
    return list(dict.fromkeys(found))
