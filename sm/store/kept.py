# SPDX-License-Identifier: Apache-2.0
"""What the daemon keeps between two starts: its vote and other records, and states of controllers."""
from __future__ import annotations

from flock.core.errors import InvalidInput
from sm.store import rows
from sm.store.access import failures, transaction
from sm.store.documents import Documents
from sm.store.schema import NodeRow

NODES_MAX = 64


class Kept(Documents):
    """The part of an open store that no operator configures and no roll-back touches."""

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
