# SPDX-License-Identifier: Apache-2.0
"""Records which certificate and bus password each host has, and which hosts have been asked for new ones.

``flock-rotate`` writes what is wanted; the conductor and the installation write what a host got.
"""
from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock import tls
from flock.db import Database, utcnow
from sysinv.contract.enums import InstallState
from sysinv.resources.host.table import HOST_CREDENTIALS, I_HOST


class Credential(enum.StrEnum):
    """What can be renewed on a host; also the beginning of its columns."""

    CERTIFICATE = "certificate"
    PASSWORD = "password"  # noqa: S105 - the name of a column


@dataclass(frozen=True, slots=True)
class HostCredentials:
    """One installed host: the end of its certificate (None while unknown), and what its agent must still renew."""

    hostname: str
    uuid: str
    certificate_end: datetime.datetime | None
    waiting: tuple[Credential, ...]


def want(db: Database, credential: Credential, own_hostname: str, now: datetime.datetime | None = None) -> None:
    """Ask every installed host but this controller for a new certificate or bus password."""
    asked_at = now or utcnow()

    def work(conn: Connection) -> None:
        for host_id in conn.execute(sa.select(I_HOST.c.id).where(_installed(), I_HOST.c.hostname != own_hostname)
                                    ).scalars().all():
            _store(conn, host_id, {f"{credential}_wanted_at": asked_at})

    db.transact(work)


def certificate_given(conn: Connection, host_id: int, end: datetime.datetime, now: datetime.datetime) -> None:
    """The host has a new certificate, which is valid until ``end``."""
    _store(conn, host_id, {"certificate_end": end, "certificate_at": now})


def password_given(conn: Connection, host_id: int, now: datetime.datetime) -> None:
    """The host's account has a new password."""
    _store(conn, host_id, {"password_at": now})


def stored(conn: Connection, own_hostname: str, now: datetime.datetime) -> list[HostCredentials]:
    """All installed hosts but this controller, in the order of their names.

    A host also waits for a new certificate when its own is due to be replaced, or when its end is not known.
    """
    query = (sa.select(I_HOST.c.hostname, I_HOST.c.uuid, HOST_CREDENTIALS)
             .outerjoin(HOST_CREDENTIALS, HOST_CREDENTIALS.c.host_id == I_HOST.c.id)
             .where(_installed(), I_HOST.c.hostname != own_hostname).order_by(I_HOST.c.hostname))
    return [HostCredentials(row["hostname"], row["uuid"], row["certificate_end"],
                            tuple(each for each in Credential if _waits(row, each, now)))
            for row in conn.execute(query).mappings()]


def _installed() -> Any:
    states = (InstallState.INSTALLED, InstallState.BOOTING, InstallState.COMPLETED)
    return sa.and_(I_HOST.c.hostname.is_not(None), I_HOST.c.install_state.in_([state.value for state in states]))


def _waits(row: Any, credential: Credential, now: datetime.datetime) -> bool:
    wanted, given, end = row[f"{credential}_wanted_at"], row[f"{credential}_at"], row["certificate_end"]
    if wanted is not None and (given is None or given < wanted):
        return True
    return credential is Credential.CERTIFICATE and (
        given is None or end is None or tls.due(tls.Lifetime(given, end), now))


def _store(conn: Connection, host_id: int, values: dict[str, Any]) -> None:
    found = conn.execute(sa.update(HOST_CREDENTIALS).where(HOST_CREDENTIALS.c.host_id == host_id).values(**values))
    if found.rowcount == 0:
        conn.execute(sa.insert(HOST_CREDENTIALS).values(host_id=host_id, **values))
