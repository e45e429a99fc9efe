# SPDX-License-Identifier: Apache-2.0
"""Counts what this process refuses of hosts, until somebody takes the counts to report them."""
from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from flock.rpc import metrics

HOSTS_MAX = 4096
REASON_MAX = 200


@dataclass(frozen=True, slots=True)
class Refused:
    """How many messages of one host were refused, and why the last one was."""

    number: int
    reason: str


class Refusals:
    """Counts by hostname; used from any thread. Beyond HOSTS_MAX hosts it only counts in the metrics."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: dict[str, Refused] = {}

    def note(self, hostname: str, reason: str, number: int = 1) -> None:
        """Count refused messages of a host; ``reason`` is cut to REASON_MAX characters."""
        metrics.REFUSED.inc(number)
        self._add(hostname, Refused(number, reason[:REASON_MAX]))

    def take(self) -> dict[str, Refused]:
        """Return the counts since the last call by hostname, and begin anew."""
        with self._lock:
            taken, self._refused = self._refused, {}
        return taken

    def give_back(self, taken: Mapping[str, Refused]) -> None:
        """Count again what ``take`` returned and could not be reported."""
        for hostname, refused in taken.items():
            self._add(hostname, refused)

    def _add(self, hostname: str, refused: Refused) -> None:
        with self._lock:
            known = self._refused.get(hostname)
            if known is not None:
                self._refused[hostname] = replace(refused, number=known.number + refused.number)
            elif len(self._refused) < HOSTS_MAX:
                self._refused[hostname] = refused
