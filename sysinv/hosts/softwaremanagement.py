# SPDX-License-Identifier: Apache-2.0
"""What sysinv asks software management: which hosts run other software than they should, and what controllers hold."""
from __future__ import annotations

from typing import Protocol


class Software(Protocol):
    """Software management as sysinv sees it."""

    def outdated_hosts(self) -> tuple[str, ...] | None:
        """Names of the hosts that run other software than they should; None: this cloud has no software management.
        Unavailable: it does not answer."""

    def in_sync(self) -> bool | None:
        """Whether all controllers hold the content of all releases; None: this cloud has no software management.
        Unavailable: it does not answer."""


class NoSoftware:
    """Stands for software management on a system that has none configured."""

    def outdated_hosts(self) -> None:
        return None

    def in_sync(self) -> None:
        return None
