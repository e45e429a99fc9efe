# SPDX-License-Identifier: Apache-2.0
"""Durations of the agreement between nodes, in milliseconds of the node's monotonic clock."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Defaults of the product. A lease must last longer than silence, stepping down and drift together."""

    beat_ms: int = 100
    """Period of beats on each path."""
    silent_ms: int = 800
    """A node without a beat on any path for this long is silent."""
    lease_ms: int = 4_000
    step_down_ms: int = 1_500
    """The leader begins to stop what is active this long before its lease ends."""
    drift_ms: int = 50
    """What two clocks may differ by within the longest duration here."""
    grant_ms: int = 4_000
    current_ms: int = 30_000
    """How long a node may count its data as current without hearing the leader. Fencing must end within it; a leader
    whose peer can be neither fenced nor asked delays acknowledgements for as long."""
    wait_ms: int = 5_000
    """How long a node that starts waits for the others before it stands for election."""
    stagger_ms: int = 300
    """Between the candidacies of nodes that could stand at the same moment."""
    fence_delay_ms: int = 5_000
    """How much longer than ``silent_ms`` the second of two nodes that do not hear each other waits before it fences:
    among two voters who does not lead, among more a leader that hears no majority. Longer than the BMC takes."""
    majority_delay_ms: int = 1_000
    """How much longer than ``silent_ms`` a node that does not lead waits among three voters or more, where it must hear
    a majority. Longer than a daemon takes to start again."""
    fence_timeout_ms: int = 20_000
    fence_retry_ms: int = 5_000
    """Wait after a first attempt that failed; doubles with each further one, up to ``fence_retry_max_ms``."""
    fence_retry_max_ms: int = 60_000

    def __post_init__(self) -> None:
        if not self.beat_ms < self.silent_ms < self.lease_ms - self.step_down_ms - self.drift_ms:
            raise ValueError("lease_ms must be greater than silent_ms + step_down_ms + drift_ms, and silent_ms greater "
                             "than beat_ms")
        if not self.silent_ms < self.grant_ms - self.step_down_ms - self.drift_ms:
            raise ValueError("grant_ms must be greater than silent_ms + step_down_ms + drift_ms")
