# SPDX-License-Identifier: Apache-2.0
"""Pure: tells from a database driver's error whether to repeat the transaction, or why the database cannot serve."""
from __future__ import annotations

import sqlalchemy as sa
from oslo_db import exception as db_errors

from flock.core.errors import Unavailable

# PostgreSQL: serialization failure, deadlock, lock timeout. The same transaction may succeed when it is repeated.
COLLISIONS = ("40001", "40P01", "55P03")
LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")
_FULL = "its disk is full, free space on it"
_READ_ONLY = "it can only be read"
# By the beginning of the driver's code.
_SQLITE = {
    "SQLITE_FULL": _FULL, "SQLITE_READONLY": _READ_ONLY, "SQLITE_IOERR": "its disk fails",
    "SQLITE_CANTOPEN": "its file cannot be opened", "SQLITE_CORRUPT": "its file is damaged",
    "SQLITE_NOTADB": "its file is damaged"}
_POSTGRESQL = {
    "53100": _FULL, "53200": "it has no memory left", "53300": "it has no connection left", "25006": _READ_ONLY,
    "58030": "its disk fails", "57P01": "it shuts down", "57P02": "it shuts down", "57P03": "it is starting"}
_TEXT_MAX, _CHAIN_MAX = 200, 8


class DeadlockError(Unavailable):
    """The transaction collided with another one; repeating it may succeed."""

    code = "flock.db.deadlock"


def unavailable(exc: BaseException) -> Unavailable | None:
    """Return the error to raise in place of ``exc``; None when ``exc`` says nothing about the database's condition.

    DeadlockError when the transaction may be repeated, else an Unavailable whose reason an operator can act on.
    """
    if not isinstance(exc, (db_errors.DBError, sa.exc.SQLAlchemyError)) and not _code(exc):
        return None
    driver = _driver_error(exc)
    code = _code(driver)
    if isinstance(exc, db_errors.DBDeadlock) or code in COLLISIONS:
        return DeadlockError(service="database", reason="transactions collided")
    if code.startswith(LOCKED):
        return DeadlockError(service="database", reason="locked by another writer")
    for beginning, reason in (_SQLITE | _POSTGRESQL).items():
        if code.startswith(beginning):
            return Unavailable(service="database", reason=reason)
    if isinstance(exc, sa.exc.TimeoutError):
        return Unavailable(service="database", reason="all connections of this process are in use")
    if isinstance(exc, db_errors.DBConnectionError) or _before_any_statement(exc):
        return Unavailable(service="database", reason=_first_line(driver) or "no connection")
    return None


def _before_any_statement(exc: BaseException) -> bool:
    return isinstance(exc, sa.exc.OperationalError) and exc.statement is None


def _driver_error(exc: BaseException) -> BaseException:
    """Return the error of the driver inside the wrappers of oslo.db and SQLAlchemy; ``exc`` itself without one."""
    found = exc
    for _ in range(_CHAIN_MAX):
        inner = getattr(found, "inner_exception", None) or getattr(found, "orig", None)
        if not isinstance(inner, BaseException):
            break
        found = inner
    return found


def _code(exc: BaseException) -> str:
    """Return SQLite's name of the error or PostgreSQL's code; empty for any other error."""
    code = getattr(exc, "sqlite_errorname", None) or getattr(exc, "pgcode", None)
    return code if isinstance(code, str) else ""


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or [""])[0].rstrip(" .")[:_TEXT_MAX]
