# SPDX-License-Identifier: Apache-2.0
"""Orders to the conductor, and their replies as the clients read them."""
from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flock.api.call import Call
from flock.api.reply import Reply as Answer
from flock.core.errors import DeadlineExceeded
from flock.core.records import replace
from flock.db import Database
from flock.jobs import store as jobs
from flock.jobs.steps import ACTIVE, OperationRecord
from patching.api.dialect import TEXTS
from patching.contract.records import Order, OrderKind, Reply, ReplyStatus
from patching.contract.rpc import Software
from patching.db.tables import TASK
from patching.db.views import reply_of

POLL_S = 0.2
NAMESPACE = uuid.UUID("5a4f8f2e-6a0e-4a61-9f3f-0f6a8a2a6f55")
REFUSED = 406
RESULT: dict[str, Any] = {"type": "object", "required": list(TEXTS), "properties": {
    **TEXTS, "code": {"type": "string"}, "request_id": {"type": "string"},
    "allowed_states": {"type": "array", "items": {"type": "string"}}}}
"""What every change answers, done or refused."""


def result(**more: Any) -> dict[str, Any]:
    """The schema of an answer with more keys."""
    return {**RESULT, "properties": {**RESULT["properties"], **more}}


@dataclass(frozen=True, slots=True)
class Commands:
    """``task_wait_s``: how long a request waits for the end of what it has begun."""

    software: Software
    database: Database
    task_wait_s: float

    def give(self, call: Call, kind: OrderKind, **fields: Any) -> Reply:
        """Order, and wait for the end. DeadlineExceeded: it goes on. Unavailable: nothing was ordered."""
        return self.ended(self.order(call, kind, **fields))

    def order(self, call: Call, kind: OrderKind, **fields: Any) -> Reply:
        """Order; the reply may name a task that goes on."""
        # The caller may repeat a request with its id, and it is carried out once.
        told = call.environ.get("HTTP_IDEMPOTENCY_KEY")
        request_id = uuid.uuid5(NAMESPACE, f"{call.ctx.user_id}/{kind}/{told}") if told else uuid.uuid4()
        order = replace(Order(kind, str(request_id), user=call.ctx.user_name or ""), **fields)
        return self.software.order(order=order)

    def ended(self, reply: Reply) -> Reply:
        """The final reply; DeadlineExceeded: the task goes on."""
        return reply if reply.task is None else self._end_of(reply.task)

    def _end_of(self, task: str) -> Reply:
        deadline = time.monotonic() + self.task_wait_s
        while True:
            with self.database.reader() as conn:
                found = jobs.fetch(conn, TASK, task)
            if found is not None and found.state not in ACTIVE:
                return _ended(found)
            if time.monotonic() >= deadline:
                raise DeadlineExceeded(what=f"task {task}", timeout_s=f"{self.task_wait_s:g}")
            time.sleep(POLL_S)


def _ended(task: OperationRecord) -> Reply:
    reply = reply_of(task)
    if reply is not None:
        return reply
    error = task.error or {}
    return Reply(ReplyStatus.REFUSED, error=f"{error.get('text', 'The task has failed.')}\n",
                 code=str(error.get("code", "")))


def answer(call: Call, reply: Reply, more: Mapping[str, Any] | None = None) -> Answer:
    """The answer to the client: 200 when it was done, 406 with the reason when not."""
    body: dict[str, Any] = {"info": reply.info, "warning": reply.warning, "error": reply.error, **(more or {})}
    if reply.status is ReplyStatus.OK:
        return Answer(body)
    body |= {"code": reply.code or "patching.refused", "allowed_states": list(reply.allowed),
             "request_id": call.environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")}
    return Answer(body, REFUSED)


def refuse(call: Call, text: str, code: str = "patching.not_supported") -> Answer:
    """The answer to what this service does not do."""
    return answer(call, Reply(ReplyStatus.REFUSED, error=f"{text}\n", code=code))
