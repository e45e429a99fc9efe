# SPDX-License-Identifier: Apache-2.0
"""The conductor's own connections at a tick: whether silence of a host is evidence at this moment."""
from __future__ import annotations

from collections.abc import Callable

from mtce.conductor.buswatch import BusWatch
from mtce.core import deadoffice
from mtce.core.events import Tick
from mtce.core.settings import Settings


class Surroundings:
    """Used by the loop's thread only, except ``bus``, which any thread may inform of a message.

    ``pulses_session`` returns the number of the connection to mtce-heartbeat, 0 for none; ``later`` runs a function
    after every event that waits now, and returns whether it will; ``uptime_s`` is the controller's.
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
        """Return the tick for this moment; ``unlocked`` is the number of unlocked hosts."""
        return Tick(bus_ok=self.bus.is_ok(now_ms), pulses_ok=self._are_levels_known(),
                    bus_open_ms=self.bus.open_since_ms(now_ms),
                    dead_office=deadoffice.is_on(self._uptime_s(), unlocked, settings))

    def _are_levels_known(self) -> bool:
        """Whether mtce-heartbeat reports, and the loop has handled all levels sent at the start of the connection."""
        session = self._pulses_session()
        if session and session != self._asked and self._later(lambda: self._settle(session)):
            self._asked = session
        return bool(session) and session == self._settled

    def _settle(self, session: int) -> None:
        self._settled = session
