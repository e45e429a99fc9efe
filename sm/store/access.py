# SPDX-License-Identifier: Apache-2.0
"""What every access to the open store needs: transactions, and SQLite's errors in our words."""
from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sm.store.errors import StoreCorrupt, StoreUnavailable

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside is stored, or nothing; no other process writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def failures(path: Path) -> Iterator[None]:
    """SQLite's errors as StoreCorrupt or StoreUnavailable."""
    try:
        yield
    except sqlite3.Error as error:
        # The primary code stands in the low byte of an extended one.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
            raise StoreCorrupt(path=path, reason=error) from error
        raise StoreUnavailable(path=path, reason=error) from error
    except OSError as error:
        raise StoreUnavailable(path=path, reason=error.strerror or error) from error
