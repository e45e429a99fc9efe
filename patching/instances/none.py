# SPDX-License-Identifier: Apache-2.0
"""A cloud whose hosts run no instances, or whose operators move them."""
from __future__ import annotations

from typing import Any

from patching.instances.interface import Workload


class NoInstances:
    """There are no instances; hosts are opened and closed without effect."""

    def look(self) -> Workload:
        """No instances."""
        return Workload()

    def close_host(self, hostname: str) -> None:
        """Nothing to do."""

    def open_host(self, hostname: str) -> None:
        """Nothing to do."""

    def move(self, instance_id: str) -> None:
        """Nothing to do."""

    def confirm_move(self, instance_id: str) -> None:
        """Nothing to do."""

    def stop(self, instance_id: str) -> None:
        """Nothing to do."""

    def start(self, instance_id: str) -> None:
        """Nothing to do."""


def driver(_conf: Any) -> NoInstances:
    """The driver."""
    return NoInstances()
