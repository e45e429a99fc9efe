# SPDX-License-Identifier: Apache-2.0
"""What a conductor knows of its own surroundings at a tick: whether silence of a host could prove anything now."""
from __future__ import annotations

from collections.abc import Callable

from mtce.conductor.buswatch import BusWatch
from mtce.core import deadoffice
from mtce.core.events import Tick
from mtce.core.settings import Settings


class Surroundings:
    """Touched by the loop's thread only, but for ``bus``, which any thread may tell that a message came.

    ``pulses_session`` names the connection to the heartbeat daemon, 0 for none; ``later`` runs a function after every
    event that waits now, and says whether it will; ``uptime_s`` is the controller's.
    """

    def __init__(self, bus: BusWatch, pulses_session: Callable[[], int], later: Callable[[Callable[[], None]], bool],
                 uptime_s: Callable[[], float]) -> None:
        self.bus = bus
        self._pulses_session = pulses_session
        self._later = later
        self._uptime_s = uptime_s
        self._asked = 0
        self._settled = 0

    def tick(self, now_ms: int, unlocked: int, settings: Settings) -> Tick:
        """The tick of this moment, with ``unlocked`` hosts in the system."""
        return Tick(bus_ok=self.bus.is_ok(now_ms), pulses_ok=self._are_levels_known(),
                    bus_open_ms=self.bus.open_since_ms(now_ms),
                    dead_office=deadoffice.is_on(self._uptime_s(), unlocked, settings))

    def _are_levels_known(self) -> bool:
        """Levels are reported, and those that were told on connecting no longer wait among the events."""
        session = self._pulses_session()
        if session and session != self._asked and self._later(lambda: self._settle(session)):
            self._asked = session
        return bool(session) and session == self._settled

    def _settle(self, session: int) -> None:
        self._settled = session
