# SPDX-License-Identifier: Apache-2.0
"""Dead letters: messages of an outbox that their receiver refuses for good.

They stay in the outbox's table, with ``dead_at`` and the reason in ``last_error``, until an operator retries or drops
them.
"""
from __future__ import annotations

import argparse
import datetime
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.conf import setup
from flock.core.text import storable
from flock.db.database import Database, from_conf
from flock.db.schema import utcnow

LOG = logging.getLogger(__name__)
KEPT_MAX = 1000
"""Dead letters that one outbox keeps; the oldest beyond it are dropped."""
REASON_MAX = 255
SUBJECT_SHOWN = 100


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter; ``payload`` is JSON text as stored, ``reason`` the receiver's last error."""

    id: int
    key: str
    kind: str
    payload: str
    attempts: int
    reason: str
    dead_at: datetime.datetime


def bury(conn: Connection, table: sa.Table, message_id: int, attempts: int, reason: str) -> None:
    """Make a message a dead letter in the transaction of ``conn``, and drop the oldest beyond ``KEPT_MAX``."""
    conn.execute(sa.update(table).where(table.c.id == message_id).values(
        dead_at=utcnow(), attempts=attempts, owner=None, lease_until=None, last_error=storable(reason, REASON_MAX)))
    last = conn.execute(sa.select(table.c.id).where(table.c.dead_at.is_not(None)).order_by(
        table.c.id.desc()).limit(1).offset(KEPT_MAX)).scalar()
    if last is not None:
        dropped = conn.execute(sa.delete(table).where(table.c.dead_at.is_not(None), table.c.id <= last)).rowcount
        LOG.error("outbox %s: the oldest %d dead letters are dropped, more than %d are kept", table.name, dropped,
                  KEPT_MAX)


def found(db: Database, table: sa.Table) -> list[DeadLetter]:
    """All dead letters, oldest message first."""
    columns = table.c
    query = sa.select(
        columns.id, columns.key, columns.kind, sa.type_coerce(columns.payload, sa.Text), columns.attempts,
        columns.last_error, columns.dead_at).where(columns.dead_at.is_not(None)).order_by(columns.id)
    with db.reader() as conn:
        return [DeadLetter(*row) for row in conn.execute(query)]


def trouble(db: Database, table: sa.Table, subject: Callable[[str], str]) -> str | None:
    """What the oldest dead letter is about and why it was refused; None when there is none.

    ``subject`` names for the operator what a key stands for. The text does not change with the number of dead letters:
    an output of fm may also refuse the notice of an alarm with this text, and must not change the alarm by that.
    """
    letters = found(db, table)
    if not letters:
        return None
    first = letters[0]
    about = storable(subject(first.key), SUBJECT_SHOWN)
    return f"Messages are refused by their receiver; the oldest is {first.kind} for {about}: {first.reason}"


def retry(db: Database, table: sa.Table, ids: Sequence[int]) -> int:
    """Have the relay deliver these dead letters again within its poll interval; returns how many there were."""
    with db.writer() as conn:
        return conn.execute(sa.update(table).where(table.c.id.in_(ids), table.c.dead_at.is_not(None)).values(
            dead_at=None, attempts=0, next_try_at=utcnow())).rowcount


def drop(db: Database, table: sa.Table, ids: Sequence[int]) -> int:
    """Delete these dead letters; returns how many there were."""
    with db.writer() as conn:
        return conn.execute(sa.delete(table).where(table.c.id.in_(ids), table.c.dead_at.is_not(None))).rowcount


def main(subsystem: str, table: sa.Table, argv: Sequence[str] | None = None) -> int:
    """Run ``<subsystem>-dead-letters [list | retry id... | drop id...]``; returns the exit status.

    Lists one JSON object per line. Reads the same configuration files as the daemons; ``--config-file`` adds more.
    """
    name = f"{subsystem}-dead-letters"
    parser = argparse.ArgumentParser(prog=name, description=f"Messages of {subsystem} that their receiver refuses")
    parser.add_argument("--config-file", action="append", default=[], help="further configuration file")
    parser.add_argument("action", nargs="?", default="list", choices=("list", "retry", "drop"))
    parser.add_argument("id", nargs="*", type=int)
    given = parser.parse_args(sys.argv[1:] if argv is None else list(argv))
    if (given.action == "list") != (not given.id):
        parser.error("retry and drop need ids, list takes none")
    db = from_conf(setup(name, subsystem, [f"--config-file={path}" for path in given.config_file]))
    try:
        if given.action == "list":
            for letter in found(db, table):
                sys.stdout.write(json.dumps({**asdict(letter), "dead_at": letter.dead_at.isoformat()}) + "\n")
            return 0
        changed = (retry if given.action == "retry" else drop)(db, table, given.id)
        sys.stdout.write(f"{given.action}: {changed} of {len(set(given.id))}\n")
        return 0 if changed == len(set(given.id)) else 1
    finally:
        db.dispose()
