# SPDX-License-Identifier: Apache-2.0
"""Renews certificates, bus passwords and trusted authorities of hosts: asks agents, gives them what they request."""
from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.engine import Connection

from flock import tls
from flock.core.errors import InvalidInput, Unavailable
from flock.db import Database, utcnow
from flock.rpc.accounts import host_account, is_broker_hash
from flock.rpc.admin import BusAdmin
from sysinv.contract.errors import HostNotFound
from sysinv.contract.records import IssuedCertificate, TrustedAuthorities
from sysinv.contract.rpc import SysinvAgent
from sysinv.db.lookup import Row, host_row
from sysinv.hosts import credentials
from sysinv.hosts.credentials import Credential
from sysinv.hosts.issuing import issue_for_host, signing_authority, wanted_trust

LOG = logging.getLogger(__name__)
# Agents of an older release cannot confirm, and each question makes them take an inventory.
CONFIRM_PAUSE = datetime.timedelta(seconds=60)


class CredentialsEndpoint:
    """Implements ``Credentials``. ``agent_of`` returns the client of a host's agent."""

    def __init__(self, db: Database, admin: BusAdmin | None, tls_directory: Path,
                 agent_of: Callable[[str], SysinvAgent], own_hostname: str,
                 now: Callable[[], datetime.datetime] = utcnow) -> None:
        self._db = db
        self._admin = admin
        self._tls_directory = tls_directory
        self._agent_of = agent_of
        self._own_hostname = own_hostname
        self._now = now
        # Who was asked when to confirm which authorities.
        self._asked: dict[str, tuple[str, datetime.datetime]] = {}

    def renew_certificate(self, *, host_uuid: str, request_pem: str) -> IssuedCertificate:
        """A new certificate for the host; the old one stays valid until it expires."""
        issued = issue_for_host(self._tls_directory, self._hostname(host_uuid), request_pem, self._now())
        end = tls.lifetime(issued.certificate.encode()).end

        def work(conn: Connection) -> None:
            credentials.certificate_given(conn, host_row(conn, host_uuid, lock=True)["id"], end, self._now())

        self._db.transact(work)
        LOG.info("host %s has a new certificate, valid until %s", host_uuid, end.date())
        return issued

    def set_bus_password(self, *, host_uuid: str, password_hash: str) -> None:
        """A new password for the account of the host's agents; they open new connections with it."""
        if not is_broker_hash(password_hash):
            raise InvalidInput(field="password_hash", rule="must be base64 of four bytes of salt and a SHA-256")
        if self._admin is None:
            raise Unavailable(service="message bus", reason="[bus_admin] password is not set")
        hostname = self._hostname(host_uuid)
        self._admin.set_password(host_account(hostname), password_hash)

        def work(conn: Connection) -> None:
            credentials.password_given(conn, host_row(conn, host_uuid, lock=True)["id"], self._now())

        self._db.transact(work)
        LOG.info("host %s has a new password of the message bus", hostname)

    def trusted_authorities(self, *, host_uuid: str) -> TrustedAuthorities:
        """What every host must trust now."""
        authority = signing_authority(self._tls_directory)
        return TrustedAuthorities(authority.trusted_pem.decode("ascii"), authority.certificate_pem.decode("ascii"))

    def confirm_authorities(self, *, host_uuid: str, authorities: str, certificate: str) -> None:
        """Record what the host says about its files; when that is not what it should trust, the audit asks again."""
        word = tls.word_of(authorities, certificate)

        def work(conn: Connection) -> None:
            credentials.authorities_confirmed(conn, host_row(conn, host_uuid, lock=True)["id"], word)

        self._db.transact(work)
        LOG.info("host %s has confirmed the certificate authorities that it trusts", host_uuid)

    def audit(self) -> None:
        """Ask the agents of all hosts that still have old credentials; one that is away is asked again."""
        now, wanted = self._now(), self._wanted_trust()
        with self._db.reader() as conn:
            waiting = [host for host in credentials.stored(conn, self._own_hostname, now, wanted) if host.waiting]
        self._asked = {name: asked for name, asked in self._asked.items()
                       if name in {host.hostname for host in waiting} and now - asked[1] < CONFIRM_PAUSE}
        for host in waiting:
            confirm = (wanted is not None and Credential.AUTHORITIES in host.waiting
                       and self._asked.get(host.hostname, ("", now))[0] != wanted)
            certificate, password = (each in host.waiting for each in credentials.RENEWED)
            if not (certificate or password or confirm):
                continue
            if confirm:
                self._asked[host.hostname] = (str(wanted), now)
            self._agent_of(host.hostname).renew_credentials(
                host_uuid=host.uuid, certificate=certificate, bus_password=password, authorities=confirm)

    def _wanted_trust(self) -> str | None:
        """None while the authority cannot be read: passwords are renewed all the same."""
        try:
            return wanted_trust(self._tls_directory)
        except Unavailable as error:
            LOG.warning("%s", error)
            return None

    def _hostname(self, host_uuid: str) -> str:
        with self._db.reader() as conn:
            row: Row = host_row(conn, host_uuid)
        if not row["hostname"]:
            raise HostNotFound(id=host_uuid)
        return str(row["hostname"])
