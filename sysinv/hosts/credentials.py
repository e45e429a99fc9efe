# SPDX-License-Identifier: Apache-2.0
"""Records which certificate, bus password and trusted authorities each host has, and who must get new ones.

``flock-rotate`` writes what is wanted; the conductor and the installation write what a host got. A host has the
authorities that it confirmed itself.
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
    AUTHORITIES = "authorities"


RENEWED = (Credential.CERTIFICATE, Credential.PASSWORD)
"""What a host gets anew when ``want`` was called. Authorities are wanted as long as the host has not confirmed them."""


@dataclass(frozen=True, slots=True)
class HostCredentials:
    """One installed host: the end of its certificate (None while unknown), and what its agent must still renew."""

    hostname: str
    uuid: str
    certificate_end: datetime.datetime | None
    waiting: tuple[Credential, ...]


def want(db: Database, credential: Credential, own_hostname: str, now: datetime.datetime | None = None) -> None:
    """Ask every installed host but this controller for a new certificate or bus password (one of ``RENEWED``)."""
    asked_at = now or utcnow()

    def work(conn: Connection) -> None:
        for host_id in conn.execute(sa.select(I_HOST.c.id).where(_installed(), I_HOST.c.hostname != own_hostname)
                                    ).scalars().all():
            _store(conn, host_id, {f"{credential}_wanted_at": asked_at})

    db.transact(work)


def certificate_given(conn: Connection, host_id: int, end: datetime.datetime, now: datetime.datetime) -> None:
    """The host has a new certificate, which is valid until ``end``."""
    _store(conn, host_id, {"certificate_end": end, "certificate_at": now})


def bundle_given(conn: Connection, host_id: int, end: datetime.datetime, now: datetime.datetime) -> None:
    """The host is being installed with a new certificate, valid until ``end``, and password; it must confirm anew."""
    _store(conn, host_id, {"certificate_end": end, "certificate_at": now, "password_at": now,
                           Credential.AUTHORITIES: None})


def password_given(conn: Connection, host_id: int, now: datetime.datetime) -> None:
    """The host's account has a new password."""
    _store(conn, host_id, {"password_at": now})


def authorities_confirmed(conn: Connection, host_id: int, word: str) -> None:
    """The host has confirmed what it trusts: ``tls.trust_word``."""
    _store(conn, host_id, {Credential.AUTHORITIES: word})


def installing(conn: Connection, own_hostname: str) -> list[str]:
    """The names of the hosts that are being installed, in order; they may have fetched their bundle already."""
    states = (InstallState.PREINSTALL, InstallState.INSTALLING, InstallState.POSTINSTALL)
    state = I_HOST.c.install_state
    # The token is bound at the first request for the bundle, and removed when the host is installed.
    fetched = sa.and_(I_HOST.c.install_token_hash.is_not(None), I_HOST.c.install_token_key.is_not(None),
                      sa.or_(state.is_(None), state != InstallState.FAILED.value))
    query = sa.select(I_HOST.c.hostname).where(
        I_HOST.c.hostname.is_not(None), I_HOST.c.hostname != own_hostname,
        sa.or_(state.in_([each.value for each in states]), fetched)).order_by(I_HOST.c.hostname)
    return [str(name) for name in conn.execute(query).scalars()]


def stored(conn: Connection, own_hostname: str, now: datetime.datetime,
           wanted_trust: str | None = None) -> list[HostCredentials]:
    """All installed hosts but this controller, in the order of their names.

    A host also waits for a new certificate when its own is due to be replaced, or when its end is not known. It waits
    for authorities when it has not confirmed ``wanted_trust`` (``tls.trust_word``); without that nobody waits for them.
    """
    query = (sa.select(I_HOST.c.hostname, I_HOST.c.uuid, HOST_CREDENTIALS)
             .outerjoin(HOST_CREDENTIALS, HOST_CREDENTIALS.c.host_id == I_HOST.c.id)
             .where(_installed(), I_HOST.c.hostname != own_hostname).order_by(I_HOST.c.hostname))
    return [HostCredentials(row["hostname"], row["uuid"], row["certificate_end"],
                            (*(each for each in RENEWED if _waits(row, each, now)),
                             *([Credential.AUTHORITIES] if wanted_trust not in (None, row[Credential.AUTHORITIES])
                               else [])))
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
