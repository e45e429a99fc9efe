# SPDX-License-Identifier: Apache-2.0
"""Turns missed and answered pulses into levels. No socket and no clock here.

A period in which the sender itself was late counts against no host, and until the sender has been on time for a while
a level needs more misses. A period in which no pulse left on a network counts against no host there.
"""
from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

DOUBT_MAX = 3
UNKNOWN, OK, MINOR, DEGRADE, LOSS = "unknown", "ok", "minor", "degrade", "loss"
_RANK = {UNKNOWN: 0, OK: 0, MINOR: 1, DEGRADE: 2, LOSS: 3}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Misses in a row that lead to a level, and answers in a row that end a loss."""

    minor: int = 4
    degrade: int = 6
    loss: int = 10
    recover: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.minor <= self.loss or not self.degrade >= 1 or self.recover < 1:
            raise ValueError("heartbeat thresholds: 1 <= minor <= loss, degrade >= 1, recover >= 1")


@dataclass(frozen=True, slots=True)
class Watch:
    """A host to monitor; ``epoch`` names this period of monitoring and comes back with every change.

    ``addresses``: network and IPv4 address, of each network on which the host's is known.
    """

    uuid: str
    hostname: str
    networks: tuple[str, ...]
    epoch: int
    addresses: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """The level of one host on one network is now ``level``."""

    uuid: str
    network: str
    epoch: int
    level: str
    misses: int


class Path:
    """Counters of one host on one network.

    A path that misses as many pulses as a loss takes, within twice as many periods, is unsteady: it is degraded until
    it answers as many pulses in a row as end a loss. The first answer after monitoring began sets the level to ok at
    once: there is no loss to recover from, and a host that is sometimes slow need not answer several in a row.
    A path without pulses for as many periods as a loss takes is unknown, as when monitoring began.
    """

    __slots__ = ("answered", "epoch", "heard", "hits", "level", "misses", "network", "recent", "unasked", "unsteady",
                 "uuid")

    def __init__(self, uuid: str, network: str, epoch: int) -> None:
        self.uuid = uuid
        self.network = network
        self.epoch = epoch
        self.answered = False
        self.heard = False
        self.misses = 0
        self.hits = 0
        self.level = UNKNOWN
        self.recent = 0
        """The last periods as bits, 1 for a miss; the lowest bit is the latest period."""
        self.unsteady = False
        self.unasked = 0
        """Periods in a row without a pulse on this network."""

    def forget(self) -> None:
        """Return to the state in which monitoring began."""
        self.heard = self.unsteady = False
        self.misses = self.hits = self.recent = 0
        self.level = UNKNOWN

    def change(self) -> Change:
        """Return the present level as a message."""
        return Change(self.uuid, self.network, self.epoch, self.level, self.misses)


class Detector:
    """All paths of one sender. Once per period, call ``on_tick`` after noting all answers, then send the next pulse."""

    def __init__(self, period_ms: int, thresholds: Thresholds) -> None:
        self.period_ms = period_ms
        self.thresholds = thresholds
        self.doubt = 0
        self._paths: dict[tuple[str, str], Path] = {}
        self._last_tick_ms: int | None = None
        self._recent_mask = (1 << 2 * thresholds.loss) - 1

    def path(self, uuid: str, network: str) -> Path | None:
        """Return the counters of a monitored path; None when it is not monitored."""
        return self._paths.get((uuid, network))

    def watch_all(self, watches: Iterable[Watch]) -> None:
        """Replace the whole list; paths of an unchanged epoch keep their counters."""
        kept: dict[tuple[str, str], Path] = {}
        for watch in watches:
            for network in watch.networks:
                key = (watch.uuid, network)
                old = self._paths.get(key)
                kept[key] = old if old is not None and old.epoch == watch.epoch else Path(*key, watch.epoch)
        self._paths = kept

    def watch(self, watch: Watch) -> None:
        """Start or restart the monitoring of one host."""
        self.unwatch(watch.uuid)
        for network in watch.networks:
            self._paths[(watch.uuid, network)] = Path(watch.uuid, network, watch.epoch)

    def unwatch(self, uuid: str) -> None:
        """Stop the monitoring of one host, if any."""
        for key in [key for key in self._paths if key[0] == uuid]:
            del self._paths[key]

    def present(self) -> list[Change]:
        """Return every path's level."""
        return [path.change() for path in self._paths.values()]

    def on_tick(self, now_ms: int, pulsed: Container[str]) -> list[Change]:
        """Evaluate the period that ends now (monotonic ms); in it a pulse left on the networks in ``pulsed``."""
        late = self._judge_myself(now_ms)
        changes: list[Change] = []
        for path in self._paths.values():
            if path.answered:
                path.answered, path.unasked = False, 0
                if path.level is OK and path.misses == 0 and not path.recent:
                    continue
                before = path.level
                self._hit(path)
            elif path.network not in pulsed:
                before = path.level
                self._pass_over(path)
            elif late:
                continue
            else:
                before, path.unasked = path.level, 0
                self._miss(path)
            if path.level is not before:
                changes.append(path.change())
        return changes

    def _judge_myself(self, now_ms: int) -> bool:
        """Whether this period does not count because this sender was late, or left no time for answers."""
        last_ms, self._last_tick_ms = self._last_tick_ms, now_ms
        if last_ms is None:
            return True
        overdue_ms = now_ms - last_ms - self.period_ms
        if overdue_ms >= self.period_ms // 2:
            self.doubt = min(DOUBT_MAX, self.doubt + 1 + overdue_ms // self.period_ms)
            return True
        self.doubt = max(0, self.doubt - 1)
        return -overdue_ms > self.period_ms // 2

    def _hit(self, path: Path) -> None:
        path.misses = 0
        path.hits += 1
        path.recent = path.recent << 1 & self._recent_mask
        if path.hits >= self.thresholds.recover or not path.heard:
            path.heard = True
            path.recent, path.unsteady, path.level = 0, False, OK
        elif path.level is not LOSS and not path.unsteady:
            path.level = OK

    def _pass_over(self, path: Path) -> None:
        """Count a period without a pulse; what was known before so many of them says nothing about the present."""
        path.unasked += 1
        if path.unasked == self.thresholds.loss:
            path.forget()

    def _miss(self, path: Path) -> None:
        path.hits = 0
        path.misses += 1
        limits, stretch = self.thresholds, 1 + self.doubt
        if not self.doubt:
            path.recent = (path.recent << 1 | 1) & self._recent_mask
            path.unsteady = path.unsteady or path.recent.bit_count() >= limits.loss
        if path.misses >= limits.loss * stretch:
            level = LOSS
        elif path.misses >= limits.degrade * stretch or path.unsteady:
            level = DEGRADE
        elif path.misses >= limits.minor * stretch and path.network == "mgmt":
            level = MINOR
        else:
            return
        if _RANK[level] > _RANK[path.level]:
            path.level = level
