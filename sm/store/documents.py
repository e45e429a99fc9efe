# SPDX-License-Identifier: Apache-2.0
"""Records that the daemon keeps under names, such as its vote.

Nothing here knows the rows of the catalogue: programs that audits start every few seconds read the vote.
"""
from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from flock.core.codec import Codec
from flock.core.errors import InvalidInput
from sm.store.access import failures, transaction

DOCUMENT_BYTES_MAX = 1_000_000


class Documents:
    """The records of an open store."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def put(self, name: str, codec: Codec, value: Any) -> None:
        """Store a record of the daemon under a name. When this returns, it survives a loss of power."""
        text = codec.encode(value, name).decode()
        if len(text) > DOCUMENT_BYTES_MAX:
            raise InvalidInput(field=name, rule=f"must be at most {DOCUMENT_BYTES_MAX} bytes long")
        with failures(self._path), transaction(self._connection):
            self._connection.execute("INSERT INTO documents (name, document) VALUES (?, ?) "
                                     "ON CONFLICT (name) DO UPDATE SET document = excluded.document", (name, text))

    def get(self, name: str, codec: Codec) -> Any:
        """The record of that name; None when there is none. InvalidInput: it is not of the codec's type."""
        with failures(self._path):
            found = self._connection.execute("SELECT document FROM documents WHERE name = ?", (name,)).fetchone()
        return codec.decode(found[0], name) if found else None
