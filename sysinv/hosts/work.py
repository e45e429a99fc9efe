# SPDX-License-Identifier: Apache-2.0
"""Records operations for the conductor in the caller's transaction, and waits briefly for a refusal."""
from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from flock.core.errors import DeadlineExceeded, FlockError, Unavailable, from_wire
from flock.jobs.operations import Operations
from flock.jobs.pool import BoundedPool
from flock.jobs.steps import OperationRecord
from sysinv.contract.errors import ActionRejected, AddRejected
from sysinv.contract.operations import OperationKind

LOG = logging.getLogger(__name__)
NUDGE_THREADS = 2
NUDGE_QUEUE = 50

Nudge = Callable[[str], None]
# Imported so that a stored refusal is raised again as its original class.
REFUSALS = (ActionRejected, AddRejected)


class Work:
    """Records operations of API requests.

    ``nudge(operation_uuid)`` tells the conductor to look now. It may block, so it runs in a small pool; it may fail,
    because the conductor also polls its table.
    """

    def __init__(self, operations: Operations, nudge: Nudge) -> None:
        self._operations = operations
        self._nudge = nudge
        self._pool = BoundedPool("sysinv-nudge", NUDGE_THREADS, NUDGE_QUEUE)

    def configure(self, conn: Connection, host_uuid: str, *, boot_file: bool, installed: bool = False,
                  name: str = "") -> str:
        """Record that a host's record changed; ``boot_file``: also write a new boot file and install token.

        ``installed``: the host's installation has ended; remove the boot file.

        Raises OperationActive, which names the host ``name``, while the host is being deleted.
        """
        return self._operations.record(conn, kind=OperationKind.CONFIGURE, subject=host_uuid,
                                       params={"boot_file": boot_file, "installed": installed}, exclusive=False,
                                       barred_by=(OperationKind.DELETE,), shown_as=name)

    def action(self, conn: Connection, host_uuid: str, params: Mapping[str, Any], *, name: str) -> str:
        """Record an action of the host ``name``; OperationActive while another one is active."""
        return self._operations.record(conn, kind=OperationKind.ACTION, subject=host_uuid, params=params,
                                       shown_as=name)

    def delete(self, conn: Connection, host_uuid: str, params: Mapping[str, Any], *, name: str) -> str:
        """Record the deletion of the host ``name``; OperationActive while another operation on it is active."""
        return self._operations.record(conn, kind=OperationKind.DELETE, subject=host_uuid, params=params,
                                       shown_as=name)

    def resync(self, conn: Connection, host_uuid: str, *, name: str) -> str:
        """Record that the states of the host ``name`` are to be taken from mtce; OperationActive during its deletion.

        Other operations do not stand in the way, because one that cannot end may be the reason for it.
        """
        return self._operations.record(conn, kind=OperationKind.RESYNC, subject=host_uuid, params={}, exclusive=False,
                                       barred_by=(OperationKind.DELETE,), shown_as=name)

    def storage(self, conn: Connection, host_uuid: str, params: Mapping[str, Any], *, name: str) -> str:
        """Record a change of a disk of the host ``name``; OperationActive while the host is being deleted.

        Actions do not stand in the way: an order waits for a host that restarts.
        """
        return self._operations.record(conn, kind=OperationKind.STORAGE, subject=host_uuid, params=params,
                                       exclusive=False, barred_by=(OperationKind.DELETE,), shown_as=name)

    def begin(self, operation_uuid: str) -> None:
        """Tell the conductor to look now. Call after the commit. Never blocks, never fails."""
        try:
            self._pool.submit(self._tell, operation_uuid)
        except Unavailable as error:
            LOG.info("operation %s waits for the conductor's next poll: %s", operation_uuid, error)

    def first_refusal(self, operation_uuid: str, wait_s: float) -> FlockError | None:
        """Return the error of an operation that fails within ``wait_s`` seconds; None if it continues or succeeds."""
        record = self.outcome(operation_uuid, wait_s)
        return from_wire(record.error) if record is not None and record.error is not None else None

    def outcome(self, operation_uuid: str, wait_s: float) -> OperationRecord | None:
        """Return the operation after its end; None when it does not end within ``wait_s`` seconds."""
        if wait_s <= 0:
            return None
        try:
            return self._operations.wait(operation_uuid, wait_s)
        except DeadlineExceeded:
            return None

    def close(self) -> None:
        """Shut the pool down."""
        self._pool.stop(1.0)

    def _tell(self, operation_uuid: str) -> None:
        try:
            self._nudge(operation_uuid)
        except FlockError as error:
            LOG.info("the conductor could not be notified of operation %s: %s", operation_uuid, error)
