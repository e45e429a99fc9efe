# SPDX-License-Identifier: Apache-2.0
"""Checks of OSDs before an unlock."""
from __future__ import annotations

from dataclasses import dataclass

from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts
from sysinv.contract.enums import BackendState, Personality
from sysinv.resources.osd.rules import ClusterView


@dataclass(frozen=True, slots=True)
class StorFacts:
    """OSDs of the host, and of the host by name of each tier of the cluster."""

    osds: int = 0
    by_tier: tuple[tuple[str, int], ...] = ()
    cluster: ClusterView | None = None


def osd_refusal(facts: ActionFacts) -> str | None:
    """Refuse a storage host without an OSD, and an all-in-one controller with fewer than its cluster needs."""
    found, host = facts.of(StorFacts), facts.host
    if host.personality == Personality.STORAGE:
        return None if found.osds else f"Cannot unlock host {host.name}: a storage host needs at least one OSD."
    cluster = found.cluster
    # A cluster that could not be made keeps no controller out of service.
    if cluster is None or cluster.is_rook or not host.is_aio_controller or cluster.state is not BackendState.CONFIGURED:
        return None
    needed = cluster.replication if facts.system.is_simplex else 1
    tier = next((name for name, count in found.by_tier if count < needed), None)
    return None if tier is None else (
        f"Cannot unlock host {host.name}: storage tier {tier} needs at least {needed} OSDs on it.")


CHECKS = (Check(Gate.UNLOCK, 77, osd_refusal),)
