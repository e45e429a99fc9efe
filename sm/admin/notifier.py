# SPDX-License-Identifier: Apache-2.0
"""Tells the running daemon that the store has changed."""
from __future__ import annotations

from collections.abc import Callable

from flock.core.errors import Unavailable

Notifier = Callable[[int], None]
"""Tells the daemon the new version of the configuration; Unavailable when no daemon is there."""


def nobody(version: int) -> None:
    """There is no daemon: it reads the store when it starts."""
    raise Unavailable(service="sm", reason=f"it is not running; version {version} waits for it")
