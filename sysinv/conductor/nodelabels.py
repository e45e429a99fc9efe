# SPDX-License-Identifier: Apache-2.0
"""Gives the nodes of Kubernetes the labels of their hosts: soon after a change, and again when a node has lost them."""
from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flock.core.errors import FlockError, Refused
from flock.db import Database
from sysinv.model import nodelabels
from sysinv.resources.label import store

LOG = logging.getLogger(__name__)
INTERVAL_S = 5.0
CHECK_S = 180.0
TIMEOUT_S = 20.0


class Nodes(Protocol):
    """What is asked of Kubernetes; ``flock.kubernetes.api.KubernetesApi`` does it."""

    def node(self, name: str) -> Mapping[str, Any] | None: ...

    def patch_node(self, name: str, version: str, changes: Mapping[str, Any]) -> bool: ...


class NodeLabels:
    """A periodic task. Looks at a node when the labels of its host have changed, after a failure, and each
    ``CHECK_S``: the database is asked for all labels in one statement, Kubernetes only then."""

    def __init__(self, db: Database, nodes: Nodes, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._nodes = nodes
        self._clock = clock
        self._given: dict[str, tuple[float, dict[str, str]]] = {}
        self._trouble: dict[str, str] = {}

    def audit(self) -> None:
        """Compare, and change nodes where necessary."""
        with self._db.reader() as conn:
            wanted = store.of_all_hosts(conn)
        self._given = {name: one for name, one in self._given.items() if name in wanted}
        self._trouble = {name: reason for name, reason in self._trouble.items() if name in wanted}
        for name, labels in wanted.items():
            at_s, given = self._given.get(name, (-CHECK_S, None))
            if given == labels and self._clock() - at_s < CHECK_S:
                continue
            try:
                is_given = self._give(name, labels)
            except Refused as error:
                self._failed(name, error)
            except FlockError as error:
                # It would not answer about the other nodes either.
                self._failed(name, error)
                return
            else:
                self._trouble.pop(name, None)
                if is_given:
                    self._given[name] = (self._clock(), labels)

    def trouble(self) -> str | None:
        """Return why a node does not have the labels of its host; None when all have."""
        return next(iter(self._trouble.values()), None)

    def _give(self, name: str, labels: Mapping[str, str]) -> bool:
        """Return whether the node has the labels now, or does not exist; False when somebody else changes it too."""
        node = self._nodes.node(name)
        wanted = None if node is None else nodelabels.changes(labels, node)
        if node is None or wanted is None:
            return True
        is_given = self._nodes.patch_node(name, node["metadata"]["resourceVersion"], wanted)
        if is_given:
            LOG.info("node %s has the labels of its host: %s", name, ", ".join(wanted["metadata"]["labels"]))
        return is_given

    def _failed(self, name: str, error: FlockError) -> None:
        reason = f"the labels of host {name} are not on its node: {error}"
        if self._trouble.get(name) != reason:
            LOG.warning("%s", reason)
        self._trouble[name] = reason
