# SPDX-License-Identifier: Apache-2.0
"""What the daemon asks of replicated data: who stores it, and that no write is acknowledged too early."""
from __future__ import annotations

import logging
from typing import Protocol

from sm.contract.states import PluginKind
from sm.core.model import Catalogue

LOG = logging.getLogger(__name__)
REPLICATED = frozenset({(PluginKind.OCF, "drbd")})
"""Plug-ins and agents that replicate data between the nodes."""


class DataGuard(Protocol):
    """The replicated data of this node."""

    def first_members(self) -> frozenset[str]:
        """The nodes whose data is current on a system that has no record yet."""

    def require(self, nodes: frozenset[str]) -> None:
        """From now on no write is acknowledged before ``nodes`` have stored it. When this returns, it is so."""

    def in_sync(self) -> frozenset[str]:
        """The other nodes that store this node's data synchronously now."""


class NoData:
    """For catalogues without replicated data: every node is current at all times."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        self._nodes = frozenset(nodes)

    def first_members(self) -> frozenset[str]:
        """All nodes."""
        return self._nodes

    def require(self, nodes: frozenset[str]) -> None:
        """There is nothing to acknowledge."""

    def in_sync(self) -> frozenset[str]:
        """All nodes."""
        return self._nodes


class Unproven:
    """For replicated data that nothing here can look at: no other node is ever current, so none takes over by itself.

    Who shall be active first, or after a failure of the active node, is an operator's word: ``sm force-active
    --accept-loss``.
    """

    def first_members(self) -> frozenset[str]:
        """Nobody."""
        return frozenset()

    def require(self, nodes: frozenset[str]) -> None:
        """Nobody is ever required but the node itself, whose record names nobody else."""

    def in_sync(self) -> frozenset[str]:
        """Nobody."""
        return frozenset()


def guard_for(catalogue: Catalogue, nodes: tuple[str, ...]) -> DataGuard:
    """The guard that a catalogue needs."""
    replicated = sorted({spec.name for spec in catalogue.services.values() for action in spec.actions.values()
                         if (action.plugin, action.name) in REPLICATED})
    if not replicated or len(nodes) == 1:
        return NoData(nodes)
    LOG.warning("nothing here can look at the replicated data of %s, so no node is promoted without an operator's word",
                ", ".join(replicated))
    return Unproven()
