# SPDX-License-Identifier: Apache-2.0
"""What an action is judged by: the host, its peer, the system, what the host carries. Built once per request."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sysinv.contract.enums import OperatorAction
from sysinv.model.host import InventoryHost
from sysinv.model.system import SystemView

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ActionFacts:
    """One immutable snapshot per decision.

    ``active_controller`` is the hostname of the controller that runs the control plane. ``resources`` holds what the
    resources' own checks look at (``service.action_facts`` of each), by class.
    """

    host: InventoryHost
    system: SystemView
    active_controller: str
    peer: InventoryHost | None = None
    virtual: bool = False
    resources: Mapping[type, object] = field(default_factory=dict)

    def of(self, kind: type[T]) -> T:
        """What the resource with facts of that class knows of the host."""
        found = self.resources[kind]
        if not isinstance(found, kind):
            raise TypeError(f"{kind.__name__} expected")
        return found


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """What an accepted action writes at once, and what mtce is told."""

    action: OperatorAction
    task: str
    mtce_action: str
    tells_vim: bool = False
    extra: dict[str, str | None] = field(default_factory=dict)
