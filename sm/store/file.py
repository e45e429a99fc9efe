# SPDX-License-Identifier: Apache-2.0
"""The file of the store: opening it safely, setting a damaged one aside, adding what an older release did not have."""
from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from sm.store.access import failures, transaction
from sm.store.errors import StoreCorrupt
from sm.store.schema import ALL_TYPES, SCHEMA_VERSION, columns, create, declare

BUSY_TIMEOUT_S = 5.0
SET_ASIDE_MAX = 5
"""How many damaged files are kept; the oldest is overwritten first."""


def connect(path: Path) -> sqlite3.Connection:
    """An open database whose commits survive a loss of power, with all tables.

    StoreCorrupt: it is damaged. StoreUnavailable: it cannot be opened now.
    """
    with failures(path):
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        # The file never exists with permissions for others, not even for a moment.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            if found != ["ok"]:
                raise StoreCorrupt(path=path, reason="; ".join(map(str, found))[:200])
            _complete(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _complete(connection: sqlite3.Connection) -> None:
    """Create tables and columns that are missing. A newer release's version, tables and columns stay as they are."""
    with transaction(connection):
        for table in ALL_TYPES:
            connection.execute(create(table))
            present = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
            for column in columns(table):
                if column.name not in present:
                    connection.execute(f'ALTER TABLE "{table}" ADD COLUMN {declare(column)}')
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version < SCHEMA_VERSION:
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def set_aside(path: Path) -> Path:
    """Move a damaged file and what SQLite keeps beside it out of the way; the new name of the file."""
    with failures(path):
        names = [path.with_name(f"{path.name}.damaged-{number}") for number in range(1, SET_ASIDE_MAX + 1)]
        target = next((name for name in names if not name.exists()), None)
        if target is None:
            target = min(names, key=lambda name: name.stat().st_mtime_ns)
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{path}{suffix}", f"{target}{suffix}")
        return target
