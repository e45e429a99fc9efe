# SPDX-License-Identifier: Apache-2.0
"""Changes of hosts' disks: tells the host's agent that there are orders, and stores what it did with them."""
from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

from sqlalchemy.engine import Connection

from flock.core.errors import Refused
from flock.core.text import storable
from flock.db import Database
from flock.jobs.steps import OperationView, Step, Steps, Wait
from sysinv.contract.enums import StorageChange
from sysinv.contract.errors import HostNotFound
from sysinv.contract.operations import OperationKind
from sysinv.contract.records import StorageOrder, StorageResult
from sysinv.contract.rpc import SysinvAgent
from sysinv.db.lookup import Row, host_row
from sysinv.resources.partition import ordering, store

LOG = logging.getLogger(__name__)
# An order waits for a host that restarts, which large hosts take half an hour for.
ORDER_TIMEOUT_S = 2400.0
ASK_AGAIN_S = 5.0


class StorageRefused(Refused):
    """A host did not carry out a change of one of its disks."""

    code: ClassVar[str] = "sysinv.storage.refused"


class StorageSteps:
    """The step of a stored change. ``agent_of`` returns the client of a host's agent."""

    def __init__(self, db: Database, agent_of: Callable[[str], SysinvAgent]) -> None:
        self._db = db
        self._agent_of = agent_of

    def kinds(self) -> dict[str, Steps]:
        """Return the plan of the operation."""
        return {str(OperationKind.STORAGE): Steps(
            OperationKind.STORAGE,
            Step("agent", self.carry_out, undo=self.give_up, timeout_s=ORDER_TIMEOUT_S))}

    def carry_out(self, view: OperationView) -> Wait | None:
        """Tell the agent until the order has a result, and store what follows from it; StorageRefused."""

        def work(conn: Connection) -> tuple[Row, str | None]:
            host = host_row(conn, view.subject, lock=True)
            error = store.result_of(conn, view.uuid)
            if error == "":
                ordering.carried_out(conn, StorageChange(view.params["change"]), view.params["uuid"])
            return host, error

        host, error = self._db.transact(work)
        if error is None:
            if host["hostname"]:
                self._agent_of(host["hostname"]).storage_ordered(host_uuid=host["uuid"])
            return Wait(ASK_AGAIN_S)
        if error:
            raise StorageRefused(detail=error)
        LOG.info("host %s: %s of a disk or partition is done", host["hostname"], view.params["change"])
        return None

    def give_up(self, view: OperationView) -> None:
        """Store why the order failed."""
        reason = view.error or "The host did not carry it out."

        def work(conn: Connection) -> None:
            try:
                host_row(conn, view.subject, lock=True)
            except HostNotFound:
                return
            ordering.given_up(conn, StorageChange(view.params["change"]), view.params["uuid"], reason)

        self._db.transact(work)
        LOG.warning("host %s: %s of a disk or partition failed: %s", view.subject, view.params["change"], reason)


class StorageEndpoint:
    """Implements ``HostStorage``. ``nudge`` has the operations looked at now."""

    def __init__(self, db: Database, nudge: Callable[[], None]) -> None:
        self._db = db
        self._nudge = nudge

    def storage_orders(self, *, host_uuid: str) -> list[StorageOrder]:
        """The host's orders without result."""
        with self._db.reader() as conn:
            return ordering.orders(conn, host_row(conn, host_uuid)["uuid"])

    def storage_done(self, *, host_uuid: str, result: StorageResult) -> None:
        """Store the first result of an order of the host."""

        def work(conn: Connection) -> None:
            host = host_row(conn, host_uuid, lock=True)
            known = {one.uuid for one in store.orders(conn, host["uuid"])}
            if result.order_uuid in known and store.result_of(conn, result.order_uuid) is None:
                store.store_result(conn, result.order_uuid, storable(result.error, ordering.ERROR_MAX))

        self._db.transact(work)
        self._nudge()
