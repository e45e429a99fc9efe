# SPDX-License-Identifier: Apache-2.0
"""The software service: reads its database, and gives orders to its conductor over the bus."""
from __future__ import annotations

from flock.core.errors import DeadlineExceeded
from flock.core.ids import new_uuid
from flock.db import Database
from flock.jobs import store as jobs
from flock.jobs.steps import ACTIVE
from patching.contract.errors import SoftwareRefused
from patching.contract.records import Order, OrderKind, Reply, ReplyStatus
from patching.contract.rpc import Software
from patching.core.strategy.work.seen import SeenSoftware
from patching.db import views
from patching.db.tables import TASK
from patching.orchestrator.system import IsEnded

USER = "patching-orchestrator"
PRECHECK_LIMIT_S, PRECHECK_POLL_S = 120.0, 0.5


class SoftwareService:
    """Releases and their deployment."""

    def __init__(self, db: Database, conductor: Software) -> None:
        self._db, self._conductor = db, conductor

    def look(self) -> SeenSoftware:
        """What is stored now."""
        view = views.read(self._db).view
        return SeenSoftware(view.running, view.releases, view.deploy, view.rows)

    def order(self, kind: OrderKind, release: str, hostname: str, force: bool, is_ended: IsEnded) -> None:
        """Give an order. A precheck is awaited; everything else that takes long shows in the deployment."""
        reply = self._conductor.order(order=Order(
            kind, new_uuid(), releases=[release] if release else [], hostname=hostname, force=force, user=USER))
        if reply.status is ReplyStatus.PENDING and reply.task is not None:
            reply = self._ended(reply, reply.task, is_ended)
        if reply.status in (ReplyStatus.REFUSED, ReplyStatus.UNKNOWN):
            raise SoftwareRefused(detail=reply.error.strip() or f"{kind} is refused without a reason")

    def _ended(self, reply: Reply, task: str, is_ended: IsEnded) -> Reply:
        """The final reply of a task, such as that of the precheck which a start needs first."""
        waited_s = 0.0
        while waited_s < PRECHECK_LIMIT_S:
            with self._db.reader() as conn:
                found = jobs.fetch(conn, TASK, task)
            if found is None or found.state not in ACTIVE:
                ended = None if found is None else views.reply_of(found)
                if ended is None:
                    error = (found.error if found is not None else None) or {}
                    raise SoftwareRefused(detail=f"the task has failed: {error.get('text', 'without a reason')}")
                return ended
            if is_ended(PRECHECK_POLL_S):
                return reply
            waited_s += PRECHECK_POLL_S
        raise DeadlineExceeded(what="the precheck", timeout_s=PRECHECK_LIMIT_S)
