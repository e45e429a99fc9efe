# SPDX-License-Identifier: Apache-2.0
"""Pure: tells from a database driver's error whether to repeat the transaction, or why the database cannot serve."""
from __future__ import annotations

import sqlite3

import psycopg2
import sqlalchemy as sa
from oslo_db import exception as db_errors

from flock.core.errors import Unavailable

# PostgreSQL: serialization failure, deadlock, lock timeout. The same transaction may succeed when it is repeated.
COLLISIONS = ("40001", "40P01", "55P03")
LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
_DRIVERS = (psycopg2.Error, sqlite3.Error)
_FULL = "its disk is full, free space on it"
_READ_ONLY = "it can only be read"
_DISK = "its disk fails"
_FILE = "its file cannot be opened"
_DAMAGED = "its file is damaged"
_MEMORY = "it has no memory left"
_DOWN = "it shuts down"
_BROKE = "the connection broke"
# By the beginning of the driver's code. The first that matches counts, so a code stands before its class.
_REASONS = {
    "SQLITE_FULL": _FULL, "SQLITE_READONLY": _READ_ONLY, "SQLITE_IOERR": _DISK, "SQLITE_NOMEM": _MEMORY,
    "SQLITE_CANTOPEN": _FILE, "SQLITE_PERM": _FILE, "SQLITE_CORRUPT": _DAMAGED, "SQLITE_NOTADB": _DAMAGED,
    "08": _BROKE, "25006": _READ_ONLY, "25P03": "the transaction was idle for too long", "40003": _BROKE,
    "53100": _FULL, "53200": _MEMORY, "53300": "it has no connection left", "53": "it has no resources left",
    "57014": "a statement took too long", "57P03": "it is starting", "57": _DOWN, "58": _DISK,
    "XX001": "its data is damaged", "XX002": "its data is damaged"}
# SQLAlchemy's code for a statement after the connection broke in the same transaction.
_AFTER_BREAK = "8s2b"
_TEXT_MAX, _CHAIN_MAX = 200, 8


class DeadlockError(Unavailable):
    """The transaction collided with another one; repeating it may succeed."""

    code = "flock.db.deadlock"


def unavailable(exc: BaseException) -> Unavailable | None:
    """Return the error to raise in place of ``exc``; None when ``exc`` says nothing about the database's condition.

    DeadlockError when the transaction may be repeated, else an Unavailable whose reason an operator can act on.
    ``exc`` may also be the driver's own error, because some steps of SQLAlchemy's pool do not wrap it.
    """
    driver = _driver_error(exc)
    if not isinstance(exc, (db_errors.DBError, sa.exc.SQLAlchemyError)) and not isinstance(driver, _DRIVERS):
        return None
    code = _code(driver)
    if isinstance(exc, db_errors.DBDeadlock) or code in COLLISIONS:
        return DeadlockError(service="database", reason="transactions collided")
    if code.startswith(LOCKED):
        return DeadlockError(service="database", reason="locked by another writer")
    for beginning, reason in _REASONS.items():
        if code.startswith(beginning):
            return Unavailable(service="database", reason=reason)
    if isinstance(exc, sa.exc.TimeoutError):
        return Unavailable(service="database", reason="all connections of this process are in use")
    if _without_answer(driver):
        return Unavailable(service="database", reason=_first_line(driver) or _BROKE)
    if isinstance(exc, db_errors.DBConnectionError) or getattr(exc, "connection_invalidated", False) \
            or (isinstance(exc, sa.exc.PendingRollbackError) and exc.code == _AFTER_BREAK):
        return Unavailable(service="database", reason=_BROKE)
    return None


def _without_answer(driver: BaseException) -> bool:
    """Whether psycopg2 got no answer from the server: each answer has a code, and a misuse has another class."""
    return not _code(driver) and (isinstance(driver, (psycopg2.OperationalError, psycopg2.InterfaceError))
                                  or type(driver) is psycopg2.DatabaseError)


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
