# SPDX-License-Identifier: Apache-2.0
"""What the daemon keeps between two starts: its vote and other records, and states of controllers."""
from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from flock.core.codec import Codec
from flock.core.errors import InvalidInput
from sm.store import rows
from sm.store.file import failures, transaction
from sm.store.schema import DocumentRow, NodeRow

NODES_MAX = 64
DOCUMENT_BYTES_MAX = 1_000_000


class Kept:
    """The part of an open store that no operator configures and no roll-back touches."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def put(self, name: str, codec: Codec, value: Any) -> None:
        """Store a record of the daemon under a name. When this returns, it survives a loss of power."""
        text = codec.encode(value, name).decode()
        if len(text) > DOCUMENT_BYTES_MAX:
            raise InvalidInput(field=name, rule=f"must be at most {DOCUMENT_BYTES_MAX} bytes long")
        with failures(self._path), transaction(self._connection):
            rows.put(self._connection, "documents", DocumentRow(name, text))

    def get(self, name: str, codec: Codec) -> Any:
        """The record of that name; None when there is none. InvalidInput: it is not of the codec's type."""
        with failures(self._path):
            found = self._connection.execute("SELECT document FROM documents WHERE name = ?", (name,)).fetchone()
        return codec.decode(found[0], name) if found else None

    def nodes(self) -> list[NodeRow]:
        """The controllers, in the order in which they became known."""
        with failures(self._path):
            return list(rows.read(self._connection, "nodes")[0])

    def set_node(self, node: NodeRow) -> None:
        """Store a controller's state."""
        with failures(self._path), transaction(self._connection):
            known = {row.name for row in rows.read(self._connection, "nodes")[0]}
            if node.name not in known and len(known) >= NODES_MAX:
                raise InvalidInput(field="nodes", rule=f"at most {NODES_MAX} nodes")
            rows.put(self._connection, "nodes", node)
