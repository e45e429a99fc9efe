# SPDX-License-Identifier: Apache-2.0
"""The audit that keeps sysinv's and mtce's records of hosts equal, in both directions.

sysinv decides which hosts exist and what they are; mtce decides states, task and action. mtce removes only a host that
is locked, and the removal does not touch the host itself.
"""
from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import islice

from sqlalchemy.engine import Connection

from flock.core.errors import DeadlineExceeded, FlockError, Unavailable
from flock.db import Database
from flock.jobs.operations import Operations
from flock.jobs.store import active_of
from mtce.contract.records import STATE_SEQUENCE_MAX, HostStatus
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
# Limit of hosts that one round sends or removes; the next round continues.
HOSTS_MAX = 100


class Agreement:
    """Compares sysinv with mtce: ``audit`` is a periodic task, ``trouble`` reports to the health page."""

    def __init__(self, db: Database, mtce: MtceHosts, steps: HostSteps, operations: Operations) -> None:
        self._db = db
        self._mtce = mtce
        self._steps = steps
        self._operations = operations
        # Sequences that differed in the previous round. Only a difference that lasts for two rounds is mended, because
        # an update may still be in transit.
        self._differed: Mapping[str, int] = {}
        self._ended: Mapping[str, int] = {}
        self._left_over: list[str] = []

    def trouble(self) -> str | None:
        """Return what the audit cannot mend: hosts that only mtce has, and numbers out of range; None without any."""
        return "; ".join(self._left_over) or None

    def audit(self) -> None:
        """Compare once and send each side what it lacks. Ends early, with a warning, when mtce does not answer."""
        try:
            self._audit()
        except (Unavailable, DeadlineExceeded) as error:
            LOG.warning("mtce does not answer the audit of hosts: %s", error)

    def _audit(self) -> None:
        statuses = self._mtce.list_hosts()
        rows = self._rows()
        found = compare(rows, statuses, deleting=self._operations.subjects_of(OperationKind.DELETE),
                        acting=self._operations.subjects_of(OperationKind.ACTION))
        for uuid, revision in islice(found.ahead.items(), HOSTS_MAX):
            self._raise_revision(uuid, revision)
        for uuid in found.put[:HOSTS_MAX]:
            self._put(uuid)
        self._left_over = [text for status in found.remove[:HOSTS_MAX] if (text := self._remove(status)) is not None]
        self._left_over += [f"the number of {row['hostname']}'s states is out of range; run system host-resync"
                            for row in rows if row["mtce_sequence"] > STATE_SEQUENCE_MAX]
        lasting = [uuid for uuid, number in found.states.items() if self._differed.get(uuid) == number]
        if lasting:
            LOG.warning("asking mtce again for the states of %d hosts: %s", len(lasting), lasting[:10])
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
            LOG.warning("mtce rejects host %s: %s", host_uuid, error)

    def _remove(self, status: HostStatus) -> str | None:
        """Have mtce delete a host; returns a sentence with mtce's reason when it refuses, else None."""
        reply = self._mtce.delete_host(host_uuid=status.uuid, revision=status.revision)
        if reply.status == PASS:
            LOG.warning("mtce deleted host %s (%s), which sysinv does not have", status.hostname, status.uuid)
            return None
        LOG.error("mtce keeps host %s (%s), which sysinv does not have: %s", status.hostname, status.uuid, reply.reason)
        return f"mtce keeps {status.hostname}, which sysinv does not have: {reply.reason}"

    def _raise_revision(self, host_uuid: str, revision: int) -> None:
        """Raise the stored revision above mtce's: sysinv's database was restored from an older backup."""

        def write(conn: Connection) -> None:
            row = _row(conn, host_uuid)
            if row is not None and row["maintenance_revision"] < revision:
                hosts.write(conn, row, {"maintenance_revision": revision + 1})

        self._db.transact(write)

    def _end_action(self, host_uuid: str) -> None:
        def write(conn: Connection) -> None:
            row = _row(conn, host_uuid)
            if row is not None and row["ihost_action"] and not active_of(conn, OPERATIONS, host_uuid):
                LOG.warning("host %s: mtce did not report the end of %s", row["hostname"], row["ihost_action"])
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
