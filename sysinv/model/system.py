# SPDX-License-Identifier: Apache-2.0
"""View of the system for decisions: its deployment model and the rules that depend on it."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sysinv.contract.enums import Personality, SystemMode, SystemType


@dataclass(frozen=True, slots=True)
class SystemView:
    """The columns of ``i_system`` that rules need."""

    id: int
    uuid: str
    name: str
    system_type: str
    system_mode: str
    software_version: str
    vswitch_type: str = "none"
    distributed_cloud_role: str | None = None

    @property
    def is_all_in_one(self) -> bool:
        """Whether controllers also carry the worker function."""
        return self.system_type == SystemType.ALL_IN_ONE

    @property
    def is_simplex(self) -> bool:
        """Whether the system has exactly one host, a controller."""
        return self.system_mode == SystemMode.SIMPLEX

    @property
    def is_aio_simplex(self) -> bool:
        """Whether the system is AIO-SX: no host is discovered or added."""
        return self.is_all_in_one and self.is_simplex

    @property
    def is_system_controller(self) -> bool:
        """Whether the system is the system controller of a distributed cloud."""
        return self.distributed_cloud_role == "systemcontroller"

    @property
    def controller_subfunctions(self) -> str:
        """Subfunctions of a controller of this system, in wire format."""
        return "controller,worker" if self.is_all_in_one else "controller"

    def allows(self, personality: str) -> bool:
        """Return whether the deployment model permits hosts of this personality."""
        allowed = {Personality.CONTROLLER}
        if not self.is_simplex:
            allowed |= {Personality.WORKER, Personality.EDGEWORKER}
            if not self.is_all_in_one:
                allowed.add(Personality.STORAGE)
        return personality in allowed


def system_view(row: Mapping[str, Any]) -> SystemView:
    """Return the view of a stored row."""
    capabilities = row["capabilities"] or {}
    return SystemView(
        id=row["id"], uuid=row["uuid"], name=row["name"], system_type=row["system_type"],
        system_mode=row["system_mode"], software_version=row["software_version"],
        vswitch_type=str(capabilities.get("vswitch_type", "none")),
        distributed_cloud_role=row["distributed_cloud_role"])
