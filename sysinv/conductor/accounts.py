# SPDX-License-Identifier: Apache-2.0
"""What hosts have on the message bus, from their installation until their deletion, and the exchange of all topics."""
from __future__ import annotations

import json
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import sqlalchemy as sa

from flock.core.errors import Unavailable
from flock.db import Database
from flock.exec.atomic import replace_text
from flock.rpc.accounts import Binding, HostAccess, is_prepared, lost_inlets, strays
from flock.rpc.admin import BusAdmin
from sysinv.contract.errors import HostNotFound
from sysinv.db.lookup import host_row
from sysinv.hosts.sharedfiles import Stored, stored
from sysinv.model import busaccounts
from sysinv.resources.host.table import I_HOST

LOG = logging.getLogger(__name__)
PASSWORD_BYTES = 32
# The broker counts ten thousand in about half a second.
BINDINGS_EVERY_S = 30.0


def keeper(path: Path, wait: Stored = stored) -> Callable[[str], None]:
    """Write the text to ``path`` for the broker's user, and wait until both controllers have it; nothing where the
    controller has no such file. Unavailable: not both have it in time."""
    def keep(text: str) -> None:
        try:
            known = path.stat()
        except FileNotFoundError:
            return
        replace_text(path, text, known.st_mode & 0o777, known.st_uid)
        wait(path)
    return keep


class HostAccounts:
    """Implements ``BusAccounts``; ``audit`` runs periodically and after a deletion.

    ``admin`` is None where the configuration names no administrator: then nothing is made or removed. ``keep`` gets the
    broker's definitions whenever they may have changed.
    """

    def __init__(self, db: Database, admin: BusAdmin | None, exchange: str, own_hostname: str,
                 refused: Callable[[str, str], None], clock: Callable[[], float] = time.monotonic,
                 keep: Callable[[str], None] = lambda _text: None) -> None:
        self._db = db
        self._admin = admin
        self._exchange = exchange
        self._own_hostname = own_hostname
        self._refused = refused
        self._keep = keep
        self._clock = clock
        self._counted_at = float("-inf")

    def renew_host_account(self, *, host_uuid: str) -> str:
        """Make the host's account with a new password, and return the password. HostNotFound, Unavailable."""
        if self._admin is None:
            raise Unavailable(service="message bus", reason="[bus_admin] password is not set")
        with self._db.reader() as conn:
            hostname = host_row(conn, host_uuid)["hostname"]
        if not hostname:
            raise HostNotFound(id=host_uuid)
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        self._admin.renew(busaccounts.of_host(hostname, self._exchange), password)
        self._keep_definitions(self._admin, self._admin.hosts())
        LOG.info("host %s has a new account of the message bus", hostname)
        return password

    def audit(self) -> None:
        """Make missing exchanges, queues and bindings again, and remove what belongs to no host or what no agent of
        a host has."""
        if self._admin is None:
            return
        exchanges = self._admin.exchanges()
        is_missing = self._exchange not in exchanges
        if is_missing:
            self._admin.make_exchange(self._exchange)
        queues, accounts = self._admin.queues(), self._admin.hosts()
        bindings = self._bindings(self._admin)
        counts = Counter(binding.destination for binding in bindings or ())
        names, places = {queue.name for queue in queues}, set(exchanges)
        bound = None if bindings is None else set(bindings)
        # Read after the accounts: an account made since belongs to a host that was there before.
        with self._db.reader() as conn:
            known = set(conn.execute(sa.select(I_HOST.c.hostname)).scalars())
        accesses = {hostname: busaccounts.of_host(hostname, self._exchange) for hostname in accounts}
        found = strays(accesses.values(), queues, exchanges, counts)
        for hostname, access in accesses.items():
            if hostname not in known and hostname != self._own_hostname:
                self._admin.remove(access)
                LOG.info("the account of the deleted host %s is removed from the message bus", hostname)
                continue
            if is_missing or not is_prepared(access, names, places, bound):
                self._admin.prepare(access)
            if access.account in found:
                self._remove_stray(self._admin, hostname, access, *found[access.account])
        # Their exchanges may have been made just now.
        for binding in lost_inlets(busaccounts.HOST_SENDS_TO, names, bound, self._exchange) if bound else ():
            self._admin.bind(binding)
            LOG.warning("requests of hosts did not reach %s; its queue is bound again", binding.destination)
        self._keep_definitions(self._admin, accounts)

    def _keep_definitions(self, admin: BusAdmin, hostnames: Iterable[str]) -> None:
        """For the broker of the other controller, which starts with them when it takes over."""
        accesses = [busaccounts.of_host(hostname, self._exchange) for hostname in hostnames]
        self._keep(json.dumps(admin.definitions(self._exchange, accesses), indent=1, sort_keys=True) + "\n")

    def _bindings(self, admin: BusAdmin) -> list[Binding] | None:
        """All bindings, from time to time; None otherwise."""
        if self._clock() - self._counted_at < BINDINGS_EVERY_S:
            return None
        self._counted_at = self._clock()
        try:
            return admin.bindings()
        except Unavailable as error:
            # There may be very many, and what else the audit does must not wait for them.
            LOG.warning("the bindings of the message bus are not listed: %s", error)
            return None

    def _remove_stray(self, admin: BusAdmin, hostname: str, access: HostAccess, queues: list[str],
                      exchanges: list[str]) -> None:
        self._refused(hostname, f"{len(queues)} queues and {len(exchanges)} exchanges that no agent makes")
        try:
            admin.clear(access, queues, exchanges)
        except Unavailable as error:
            # A queue with many bindings goes slowly; the broker goes on, and other hosts do not wait for it.
            LOG.warning("what host %s made is not removed yet: %s", hostname, error)
            return
        LOG.warning("removed %d queues and %d exchanges of host %s from the message bus, such as %s", len(queues),
                    len(exchanges), hostname, [*queues, *exchanges][0])
