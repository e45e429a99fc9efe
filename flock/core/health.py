# SPDX-License-Identifier: Apache-2.0
"""Named health checks of a process, for /healthz and the systemd watchdog."""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Check = Callable[[], str | None]


class Health:
    """A set of checks; each returns None on success or a sentence on failure. An exception counts as a failure."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._lock = threading.Lock()

    def add(self, name: str, check: Check) -> None:
        """Add or replace the check ``name``; it must return at once because it runs inside the request."""
        with self._lock:
            self._checks[name] = check

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether all checks succeed, and ``{"status": "ok"|"failed", "checks": {name: "ok"|sentence}}``."""
        with self._lock:
            checks = dict(self._checks)
        outcome: dict[str, str] = {}
        for name, check in checks.items():
            try:
                outcome[name] = check() or "ok"
            except Exception as error:  # noqa: BLE001  # a broken check is a failed check
                outcome[name] = f"{type(error).__name__}: {error}"
        well = all(text == "ok" for text in outcome.values())
        return well, {"status": "ok" if well else "failed", "checks": outcome}
