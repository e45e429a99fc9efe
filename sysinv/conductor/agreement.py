# SPDX-License-Identifier: Apache-2.0
"""The audit that keeps inventory and host maintenance in agreement, in both directions.

Inventory is right about which hosts there are and what they are, maintenance about states, task and action. A host is
removed from maintenance only when it is locked, and nothing is done to the host itself.
"""
from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import islice

from sqlalchemy.engine import Connection

from flock.core.errors import DeadlineExceeded, FlockError, Unavailable
from flock.db import Database
from flock.jobs import Operations
from flock.jobs.store import active_of
from mtce.contract.records import HostStatus
from mtce.contract.rpc import MtceHosts
from sysinv.actions.agreement import compare
from sysinv.actions.progress import NO_ACTION
from sysinv.conductor.maintenance import PASS
from sysinv.conductor.steps import HostSteps
from sysinv.contract.errors import HostNotFound
from sysinv.contract.operations import OperationKind
from sysinv.db.lookup import Row, host_row
from sysinv.resources.host import store as hosts
from sysinv.resources.operation.table import OPERATIONS

LOG = logging.getLogger(__name__)
# What one round does at most, so that it ends; the next round goes on.
HOSTS_MAX = 100


class Agreement:
    """``audit`` is one periodic task; ``trouble`` is for the health page."""

    def __init__(self, db: Database, mtce: MtceHosts, steps: HostSteps, operations: Operations) -> None:
        self._db = db
        self._mtce = mtce
        self._steps = steps
        self._operations = operations
        # Number of maintenance's states that differed in the last round: what is on its way gets that long to arrive.
        self._differed: Mapping[str, int] = {}
        self._rested: Mapping[str, int] = {}
        self._left_over: list[str] = []

    def trouble(self) -> str | None:
        """Hosts that maintenance keeps although inventory does not have them."""
        return "; ".join(self._left_over) or None

    def audit(self) -> None:
        """Compare once and tell each side what it lacks. Ends early, with a warning, when maintenance is away."""
        try:
            self._audit()
        except (Unavailable, DeadlineExceeded) as error:
            LOG.warning("host maintenance does not answer the audit of hosts: %s", error)

    def _audit(self) -> None:
        statuses = self._mtce.list_hosts()
        rows = self._rows()
        found = compare(rows, statuses, deleting=self._operations.subjects_of(OperationKind.DELETE),
                        acting=self._operations.subjects_of(OperationKind.ACTION))
        for uuid, revision in islice(found.ahead.items(), HOSTS_MAX):
            self._count_on(uuid, revision)
        for uuid in found.put[:HOSTS_MAX]:
            self._put(uuid)
        self._left_over = [text for status in found.remove[:HOSTS_MAX] if (text := self._remove(status)) is not None]
        lasting = [uuid for uuid, number in found.states.items() if self._differed.get(uuid) == number]
        if lasting:
            LOG.warning("host maintenance is asked for the states of %d hosts again: %s", len(lasting), lasting[:10])
            self._mtce.tell_again(host_uuids=lasting[:HOSTS_MAX])
        for uuid in [uuid for uuid, number in found.ended.items() if self._ended.get(uuid) == number]:
            self._end_action(uuid)
        self._differed, self._ended = found.states, found.ended

    def _put(self, host_uuid: str) -> None:
        try:
            self._steps.put_host(host_uuid)
        except (Unavailable, DeadlineExceeded):
            raise
        except FlockError as error:
            LOG.warning("host maintenance does not take host %s: %s", host_uuid, error)

    def _remove(self, status: HostStatus) -> str | None:
        """Have maintenance forget a host; why it does not, else None."""
        reply = self._mtce.delete_host(host_uuid=status.uuid, revision=status.revision)
        if reply.status == PASS:
            LOG.warning("host maintenance had host %s (%s), which inventory does not have; it is forgotten",
                        status.hostname, status.uuid)
            return None
        LOG.error("host maintenance keeps host %s (%s), which inventory does not have: %s", status.hostname,
                  status.uuid, reply.reason)
        return f"host maintenance keeps {status.hostname}, which inventory does not have: {reply.reason}"

    def _count_on(self, host_uuid: str, revision: int) -> None:
        """Inventory was brought back from an older copy: what it says now is newer than what it said before that."""

        def write(conn: Connection) -> None:
            row = _row(conn, host_uuid)
            if row is not None and row["maintenance_revision"] < revision:
                hosts.write(conn, row, {"maintenance_revision": revision + 1})

        self._db.transact(write)

    def _end_action(self, host_uuid: str) -> None:
        def write(conn: Connection) -> None:
            row = _row(conn, host_uuid)
            if row is not None and row["ihost_action"] and not active_of(conn, OPERATIONS, host_uuid):
                LOG.warning("host %s: nobody reported the end of %s", row["hostname"], row["ihost_action"])
                hosts.write(conn, row, NO_ACTION)

        self._db.transact(write)

    def _rows(self) -> list[Row]:
        with self._db.reader() as conn:
            return hosts.all_rows(conn)


def _row(conn: Connection, host_uuid: str) -> Row | None:
    try:
        return host_row(conn, host_uuid, lock=True)
    except HostNotFound:
        return None
