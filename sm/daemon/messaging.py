# SPDX-License-Identifier: Apache-2.0
"""The messages of one start of a daemon: every new beat is handed over once, with its snapshot when it is whole."""
from __future__ import annotations

import logging
from collections.abc import Callable

from flock.core.errors import FlockError
from flock.core.records import replace
from sm.contract.messages import Beat
from sm.transport.carrier import CarrierWatch, OnCarrier
from sm.transport.exchange import Exchange
from sm.transport.keyring import Keyring
from sm.transport.probes import OnReachable, Prober
from sm.transport.settings import PathLink

LOG = logging.getLogger(__name__)


class Messaging:
    """``on_path`` gets each authentic beat on each path, ``on_beat`` each new one once: and once more when the last
    piece of its snapshot has come."""

    def __init__(self, node: str, boot: str, links: tuple[PathLink, ...], keyring: Keyring, clock: Callable[[], int],
                 on_beat: Callable[[Beat], None], on_path: Callable[[str, Beat], None] | None = None,
                 on_carrier: OnCarrier | None = None, on_reachable: OnReachable | None = None,
                 exchange: Callable[..., Exchange] = Exchange) -> None:
        self.exchange = exchange(node, boot, links, keyring, clock, self._deliver)
        self._on_beat, self._on_path = on_beat, on_path
        self._carriers = self._prober = None
        if on_carrier is not None:
            self._carriers = CarrierWatch([link.device for link in links], on_carrier, self.exchange.recheck)
        if on_reachable is not None:
            self._prober = Prober(links, on_reachable)
        self._sequence = 0
        self._handed: dict[str, tuple[str, int, bool]] = {}
        self._unsent = ""

    def start(self) -> None:
        """Open everything, in the running event loop."""
        self.exchange.start()
        if self._carriers is not None:
            self._carriers.start()
        if self._prober is not None:
            self._prober.start()

    def stop(self) -> None:
        """Close everything."""
        self.exchange.stop()
        if self._carriers is not None:
            self._carriers.stop()
        if self._prober is not None:
            self._prober.stop()

    def send(self, beat: Beat) -> None:
        """Send a beat on every path. One that fits into no datagram is a problem that is told, no error."""
        self._sequence += 1
        try:
            self.exchange.send(replace(beat, sequence=self._sequence))
            self._unsent = ""
        except FlockError as error:
            if not self._unsent:
                LOG.error("Nothing can be sent: %s", error)
            self._unsent = f"nothing can be sent: {error}"

    def problems(self) -> tuple[str, ...]:
        """What is wrong now, in sentences."""
        found = [f"path {name}: {text}" for name, text in sorted(self.exchange.problems().items())]
        return (*found, self._unsent) if self._unsent else tuple(found)

    def _deliver(self, path: str, beat: Beat, is_new: bool) -> None:
        if self._on_path is not None:
            self._on_path(path, beat)
        boot, sequence, whole = self._handed.get(beat.node, ("", 0, False))
        completed = (boot, sequence) == (beat.boot, beat.sequence) and beat.snapshot is not None and not whole
        if is_new or completed:
            self._handed[beat.node] = beat.boot, beat.sequence, beat.snapshot is not None
            self._on_beat(beat)
