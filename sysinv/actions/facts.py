# SPDX-License-Identifier: Apache-2.0
"""Input of the rules for actions: the host, its peer, the system and the host's resources. Built once per request."""
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
    """Immutable snapshot for one decision.

    ``active_controller`` is the hostname of the controller that runs the control plane. ``resources`` maps a class to
    the facts that the checks of a resource need (returned by its ``service.action_facts``).
    """

    host: InventoryHost
    system: SystemView
    active_controller: str
    peer: InventoryHost | None = None
    virtual: bool = False
    resources: Mapping[type, object] = field(default_factory=dict)

    def of(self, kind: type[T]) -> T:
        """Return the resource facts of class ``kind``."""
        found = self.resources[kind]
        if not isinstance(found, kind):
            raise TypeError(f"{kind.__name__} expected")
        return found


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """Columns that an accepted action writes immediately, and the request to mtce."""

    action: OperatorAction
    task: str
    mtce_action: str
    tells_vim: bool = False
    extra: dict[str, str | None] = field(default_factory=dict)
