# SPDX-License-Identifier: Apache-2.0
"""A seeded discrete-event simulation of nodes and their peers: virtual time, a lossy network, faults, checkers."""
from __future__ import annotations

from flock.sim.network import Network
from flock.sim.world import Checker, Node, World, WorldFailed, scaled, seeds

__all__ = ["Checker", "Network", "Node", "World", "WorldFailed", "scaled", "seeds"]
