# SPDX-License-Identifier: Apache-2.0
"""mtce's rows. One transaction stores a step: the view, its history line, and the messages to other daemons."""
from __future__ import annotations

import datetime
import hashlib
import json
import logging
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.clock import Clock, Instant
from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.db import Database, compare_and_set, utcnow
from flock.db.outbox import Outbox
from mtce.contract.records import ActionReply, MtceHost
from mtce.core.changes import transition
from mtce.core.view import MaintainedHost, first_view, from_document, to_document
from mtce.db.tables import DELETED_HOST, HISTORY, HOST, OUTBOX, REQUEST
from sysinv.contract.enums import Administrative, Availability, Operational

LOG = logging.getLogger(__name__)

HISTORY_MAX_PER_HOST = 500
REQUEST_MEMORY = datetime.timedelta(days=1)
DELETION_MEMORY = datetime.timedelta(days=7)
TEXT_MAX = 255
_STORED = (HOST.c.hostname, HOST.c.view, HOST.c.record, HOST.c.revision, HOST.c.administrative, HOST.c.operational,
           HOST.c.availability)
_RECORD = codec_for(MtceHost)


@dataclass(frozen=True, slots=True)
class StoredHost:
    """A host as stored."""

    view: MaintainedHost
    record: MtceHost
    revision: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message to deliver after the commit, in order with others of the same ``key``."""

    key: str
    kind: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """A request and its reply, stored to answer repeated requests."""

    request_id: str
    host_uuid: str
    action: str
    reply: ActionReply


class Store:
    """Stores and loads; each method is one transaction. Database errors pass through."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self._clock = clock
        self.outbox = Outbox(db, OUTBOX)

    def load(self, hostname: str) -> list[StoredHost]:
        """Return all hosts; ``hostname`` is the controller this conductor runs on."""
        with self.db.reader() as conn:
            rows = conn.execute(sa.select(*_STORED)).all()
        now = self._clock.instant()
        return [_stored(row, hostname, now) for row in rows]

    def load_one(self, uuid: str, hostname: str) -> StoredHost | None:
        """Return one host as stored now."""
        with self.db.reader() as conn:
            row = conn.execute(sa.select(*_STORED).where(HOST.c.uuid == uuid)).first()
        return None if row is None else _stored(row, hostname, self._clock.instant())

    def commit(self, before: StoredHost | None, view: MaintainedHost, record: MtceHost, *, cause: str,
               messages: list[Message], answered: Answered | None = None, strikes: str = "") -> int:
        """Store a step; returns the row's new revision. StaleWrite when another conductor wrote the row.

        ``strikes`` is why the host was struck or spared in this step; it becomes a separate line of history.
        """
        values = {
            "hostname": view.hostname, "administrative": str(view.administrative),
            "operational": str(view.operational), "availability": str(view.availability), "action": str(view.action),
            "stage": str(view.stage), "view": to_document(view, self._clock.instant()),
            "record": _RECORD.to_document(record),
        }
        with self.db.writer() as conn:
            if before is None:
                conn.execute(sa.insert(HOST).values(uuid=view.uuid, revision=1, **values))
                revision = 1
            else:
                revision = compare_and_set(conn, HOST, view.uuid, before.revision, values)
            line = transition(None if strikes or before is None else before.view, view)
            if line is not None:
                cause = f"{cause}; {strikes}" if strikes else cause
                conn.execute(sa.insert(HISTORY).values(host_uuid=view.uuid, at=utcnow(), cause=cause[:TEXT_MAX],
                                                       **asdict(line)))
            self._finish(conn, messages, answered)
        return revision

    def tell(self, messages: list[Message]) -> None:
        """Queue messages that belong to no step."""
        with self.db.writer() as conn:
            self._finish(conn, messages, None)

    def answer(self, answered: Answered) -> None:
        """Store a reply that changed no host."""
        with self.db.writer() as conn:
            self._finish(conn, [], answered)

    def answer_to(self, request_id: str, host_uuid: str, action: str) -> ActionReply | None:
        """Return the earlier reply to this request for this action of this host, or None."""
        with self.db.reader() as conn:
            row = conn.execute(sa.select(REQUEST.c.status, REQUEST.c.reason, REQUEST.c.advice).where(
                REQUEST.c.request_id.in_([request_key(request_id, host_uuid, action), request_id]),
                REQUEST.c.host_uuid == host_uuid, REQUEST.c.action == action)).first()
        return None if row is None else ActionReply(*row)

    def delete(self, uuid: str, messages: list[Message], revision: int) -> None:
        """Delete a host with its history; keeps a ``revision`` above 0 for a limited time."""
        with self.db.writer() as conn:
            conn.execute(sa.delete(HISTORY).where(HISTORY.c.host_uuid == uuid))
            conn.execute(sa.delete(HOST).where(HOST.c.uuid == uuid))
            if revision:
                known = conn.execute(sa.select(DELETED_HOST.c.revision).where(DELETED_HOST.c.uuid == uuid)).scalar()
                conn.execute(sa.delete(DELETED_HOST).where(DELETED_HOST.c.uuid == uuid))
                conn.execute(sa.insert(DELETED_HOST).values(uuid=uuid, revision=max(known or 0, revision), at=utcnow()))
            self._finish(conn, messages, None)

    def deleted_revision(self, uuid: str) -> int | None:
        """Return the revision of a host's deletion; None when it was not deleted or was pruned."""
        with self.db.reader() as conn:
            found: int | None = conn.execute(
                sa.select(DELETED_HOST.c.revision).where(DELETED_HOST.c.uuid == uuid)).scalar()
        return found

    def history(self, uuid: str, limit: int) -> list[dict[str, Any]]:
        """Return the latest ``limit`` lines of a host's history, newest first."""
        with self.db.reader() as conn:
            rows = conn.execute(sa.select(HISTORY).where(HISTORY.c.host_uuid == uuid)
                                .order_by(HISTORY.c.id.desc()).limit(limit)).mappings()
            return [dict(row) for row in rows]

    def prune(self) -> None:
        """Delete old replies, old deletion records and the oldest lines of long histories."""
        with self.db.writer() as conn:
            conn.execute(sa.delete(DELETED_HOST).where(DELETED_HOST.c.at < utcnow() - DELETION_MEMORY))
            conn.execute(sa.delete(REQUEST).where(REQUEST.c.at < utcnow() - REQUEST_MEMORY))
            for (uuid,) in conn.execute(sa.select(HOST.c.uuid)).all():
                oldest = (sa.select(HISTORY.c.id).where(HISTORY.c.host_uuid == uuid)
                          .order_by(HISTORY.c.id.desc()).offset(HISTORY_MAX_PER_HOST).limit(1))
                last = conn.execute(oldest).scalar()
                if last is not None:
                    conn.execute(sa.delete(HISTORY).where(HISTORY.c.host_uuid == uuid, HISTORY.c.id <= last))

    def _finish(self, conn: Connection, messages: list[Message], answered: Answered | None) -> None:
        for message in messages:
            self.outbox.put(conn, key=message.key, kind=message.kind, payload=message.payload)
        if answered is not None:
            reply = answered.reply
            conn.execute(sa.insert(REQUEST).values(
                request_id=request_key(answered.request_id, answered.host_uuid, answered.action),
                host_uuid=answered.host_uuid, action=answered.action,
                status=reply.status, reason=reply.reason[:TEXT_MAX], advice=reply.action[:TEXT_MAX], at=utcnow()))


def request_key(request_id: str, host_uuid: str, action: str) -> str:
    """The stored form of a request id, at most 64 characters: callers choose ids, and one id may come for two hosts."""
    return hashlib.sha256(json.dumps([request_id, host_uuid, action]).encode()).hexdigest()


def _stored(row: Any, hostname: str, now: Instant) -> StoredHost:
    record: MtceHost = _RECORD.from_document(row.record, "record")
    is_active = row.hostname == hostname
    try:
        view = from_document(row.view, now, is_active=is_active)
    except InvalidInput as error:
        # A later release or an operator wrote it. One such row must not stop the maintenance of all other hosts.
        LOG.error("the stored view of host %s cannot be read, its maintenance begins anew: %s: %s",  # noqa: TRY400
                  row.hostname, error, row.view)
        view = replace(first_view(record), is_active=is_active, administrative=Administrative(row.administrative),
                       operational=Operational(row.operational), availability=Availability(row.availability))
    return StoredHost(view, record, row.revision)
