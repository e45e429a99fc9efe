# SPDX-License-Identifier: Apache-2.0
"""Where groups run: the leader's decisions, from one snapshot of the domain.

``posts`` says what holds for a unit on a node, ``seats`` chooses the nodes that shall be active, ``orders`` derives
what each assignment shall be, and ``apply`` writes decisions into the snapshot."""
from sm.core.scheduler.passes import apply, complete, confirm, schedule

__all__ = ["apply", "complete", "confirm", "schedule"]
