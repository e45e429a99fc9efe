# SPDX-License-Identifier: Apache-2.0
"""The accounts of hosts on the message bus, from their installation until their deletion, and the bus's exchange."""
from __future__ import annotations

import logging
import secrets

import sqlalchemy as sa

from flock.core.errors import Unavailable
from flock.db import Database
from flock.rpc.accounts import host_account
from flock.rpc.admin import BusAdmin
from sysinv.contract.errors import HostNotFound
from sysinv.db.lookup import host_row
from sysinv.model import busaccounts
from sysinv.resources.host.table import I_HOST

LOG = logging.getLogger(__name__)
PASSWORD_BYTES = 32


class HostAccounts:
    """Implements ``BusAccounts``; ``audit`` runs periodically and after a deletion.

    ``admin`` is None where the configuration names no administrator: then nothing is made or removed.
    """

    def __init__(self, db: Database, admin: BusAdmin | None, exchange: str, own_hostname: str) -> None:
        self._db = db
        self._admin = admin
        self._exchange = exchange
        self._own_hostname = own_hostname

    def renew_host_account(self, *, host_uuid: str) -> str:
        """Make the host's account with a new password, and return the password. HostNotFound, Unavailable."""
        if self._admin is None:
            raise Unavailable(service="message bus", reason="[bus_admin] password is not set")
        with self._db.reader() as conn:
            hostname = host_row(conn, host_uuid)["hostname"]
        if not hostname:
            raise HostNotFound(id=host_uuid)
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        self._admin.renew(host_account(hostname), password, busaccounts.of_host(hostname, self._exchange),
                          self._exchange)
        LOG.info("host %s has a new account of the message bus", hostname)
        return password

    def audit(self) -> None:
        """Make the exchange again when it is missing; remove the accounts of hosts that no longer exist."""
        if self._admin is None:
            return
        self._admin.make_exchange(self._exchange)
        accounts = self._admin.hosts()
        # Read after the accounts: an account made since belongs to a host that was there before.
        with self._db.reader() as conn:
            known = set(conn.execute(sa.select(I_HOST.c.hostname)).scalars())
        for hostname in accounts:
            if hostname not in known and hostname != self._own_hostname:
                self._admin.remove(host_account(hostname))
                LOG.info("the account of the deleted host %s is removed from the message bus", hostname)
