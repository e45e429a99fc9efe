# SPDX-License-Identifier: Apache-2.0
"""What an action is judged by: the host, its peer, the system, what the host carries. Built once per request."""
from __future__ import annotations

from dataclasses import dataclass, field

from sysinv.contract.enums import OperatorAction
from sysinv.model.host import InventoryHost
from sysinv.model.system import SystemView


@dataclass(frozen=True, slots=True)
class NodeMemory:
    """One NUMA node's memory as unlock looks at it (MiB, pages as counts)."""

    numa_node: int
    node_memtotal_mib: int
    platform_reserved_mib: int
    vswitch_mib: int = 0
    pending_2m: int | None = None
    pending_1g: int | None = None


@dataclass(frozen=True, slots=True)
class ActionFacts:
    """One immutable snapshot per decision.

    ``active_controller`` is the hostname of the controller that runs the control plane.
    """

    host: InventoryHost
    system: SystemView
    active_controller: str
    peer: InventoryHost | None = None
    memory: tuple[NodeMemory, ...] = ()
    physical_cores: int = 0
    virtual: bool = False
    has_oam_address: bool = True
    device_image_in_progress: bool = False


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """What an accepted action writes at once, and what mtce is told."""

    action: OperatorAction
    task: str
    mtce_action: str
    tells_vim: bool = False
    extra: dict[str, str | None] = field(default_factory=dict)
