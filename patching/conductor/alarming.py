# SPDX-License-Identifier: Apache-2.0
"""What alarms are judged by, gathered: the stored view, the hosts, what their agents run, what controllers hold."""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from flock.core.errors import Unavailable
from patching.alarms.wanted import Facts
from patching.conductor.machine import Machine, Surroundings
from patching.core.model import Host, View
from patching.db.views import Stored, in_sync

DIVERGED_AFTER_S = 300.0
"""Content is mirrored all the time; a controller that lacks some for so long has a fault."""


class Look:
    """``around``: what the inventory and the agents say; ``is_development_allowed``: whether what developers sign is
    taken."""

    def __init__(self, machine: Machine, around: Callable[[], Surroundings], active: str,
                 is_development_allowed: Callable[[], bool], now_s: Callable[[], float] = time.monotonic) -> None:
        self._machine, self._around, self._active = machine, around, active
        self._is_development_allowed, self._now_s = is_development_allowed, now_s
        self._differs_since_s: dict[str, float] = {}

    def __call__(self) -> tuple[View, Facts, bool]:
        """The view, what else is known, and whether the hosts in the view are known."""
        stored = self._machine.store.load()
        try:
            around = self._around()
        except Unavailable:
            return self._machine.surrounded(stored, None), self._facts(stored, ()), False
        return self._machine.surrounded(stored, around), self._facts(
            stored, self._diverged(around.hosts, stored.digests)), True

    def _facts(self, stored: Stored, diverged: tuple[str, ...]) -> Facts:
        agents = {name: one.facts for name, one in self._machine.store.agents().items()}
        return Facts({name: facts.installed_version or facts.version for name, facts in agents.items()},
                     {name: facts.digests for name, facts in agents.items() if facts.digests}, stored.contents,
                     diverged, self._is_development_allowed())

    def _diverged(self, hosts: Mapping[str, Host], wanted: Mapping[str, str]) -> tuple[str, ...]:
        held, now_s = self._machine.store.mirrors(), self._now_s()
        differing = [name for name, host in hosts.items() if host.personality == "controller"
                     and name != self._active and not in_sync([name], wanted, held)]
        self._differs_since_s = {name: self._differs_since_s.get(name, now_s) for name in differing}
        return tuple(sorted(name for name, since_s in self._differs_since_s.items()
                            if now_s - since_s >= DIVERGED_AFTER_S))
