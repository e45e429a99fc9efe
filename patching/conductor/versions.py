# SPDX-License-Identifier: Apache-2.0
"""Tells the inventory which release the system and each host run."""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from flock.core.errors import InvalidInput
from patching.contract.version import Version
from patching.core.model import View
from patching.db.views import Seen
from sysinv.contract.rpc import SoftwareVersions

AGAIN_S = 600.0
"""What was told is told again after this time: the inventory may have a host anew."""


def found(view: View, seen: Mapping[str, Seen]) -> tuple[str, dict[str, str]]:
    """The versions ``MM.mm`` of the system, and of the hosts whose agents have told theirs."""
    hosts = {}
    for name, one in seen.items():
        try:
            hosts[name] = Version.parse(one.facts.version).major
        except InvalidInput:
            continue
    return view.running.major, hosts


class Versions:
    """``look``: what is so now."""

    def __init__(self, inventory: SoftwareVersions, look: Callable[[], tuple[str, dict[str, str]]],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._inventory, self._look, self._clock = inventory, look, clock
        self._told: tuple[str, dict[str, str]] | None = None
        self._at_s = 0.0

    def tell(self) -> None:
        """Tell what is new. FlockError: the inventory does not take it; the next call tells it again."""
        now = self._look()
        if now == self._told and self._clock() - self._at_s < AGAIN_S:
            return
        self._told = None
        self._inventory.set_versions(system=now[0], hosts=now[1])
        self._told, self._at_s = now, self._clock()
