# SPDX-License-Identifier: Apache-2.0
"""Renews the certificates and bus passwords of hosts: asks their agents, and gives them what they then request."""
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
from sysinv.contract.records import IssuedCertificate
from sysinv.contract.rpc import SysinvAgent
from sysinv.db.lookup import Row, host_row
from sysinv.hosts import credentials
from sysinv.hosts.credentials import Credential
from sysinv.hosts.issuing import issue_for_host

LOG = logging.getLogger(__name__)


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

    def audit(self) -> None:
        """Ask the agents of all hosts that still have old credentials; one that is away is asked again."""
        with self._db.reader() as conn:
            waiting = [host for host in credentials.stored(conn, self._own_hostname, self._now())
                       if host.waiting]
        for host in waiting:
            self._agent_of(host.hostname).renew_credentials(
                host_uuid=host.uuid, certificate=Credential.CERTIFICATE in host.waiting,
                bus_password=Credential.PASSWORD in host.waiting)

    def _hostname(self, host_uuid: str) -> str:
        with self._db.reader() as conn:
            row: Row = host_row(conn, host_uuid)
        if not row["hostname"]:
            raise HostNotFound(id=host_uuid)
        return str(row["hostname"])
