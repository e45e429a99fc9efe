# SPDX-License-Identifier: Apache-2.0
"""Tells the running daemon that the store has changed."""
from __future__ import annotations

from collections.abc import Callable

from sm.client.control import NotRunning

Notifier = Callable[[int], str]
"""Tells the daemon the new version of the configuration, and returns what it says; NotRunning: there is no daemon."""


def nobody(version: int) -> str:
    """There is no daemon: it reads the store when it starts."""
    raise NotRunning(service="sm", reason=f"it is not running; version {version} waits for it")
