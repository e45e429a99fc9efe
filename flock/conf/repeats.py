# SPDX-License-Identifier: Apache-2.0
"""Limits the log lines of libraries that log each attempt of an endless retry.

Without it, a daemon's own lines are hard to find among thousands of such lines while the message broker is away.
oslo.log has a rate limit too, but it counts all lines of a logger together and does not tell how many it dropped.
"""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# oslo.messaging and what it uses log one line per connection and second while the broker is away.
RETRYING = ("oslo.messaging", "oslo_messaging", "kombu", "amqp")
INTERVAL_S = 60.0
KINDS_MAX = 500
_KIND_CHARS_MAX = 200
_DECISION = "flock_repeat_passes"


@dataclass(slots=True)
class _Kind:
    shown_s: float
    left_out: int = 0


class RepeatLimit:
    """A filter for handlers: passes a line of these loggers once per ``interval_s`` and kind, with the count left out.

    A kind is a logger, a level and a message without its arguments. Passes all lines of other loggers, and lines of
    level DEBUG, which somebody has asked for. Several handlers may share one filter. Thread-safe.
    """

    def __init__(self, loggers: Sequence[str] = RETRYING, interval_s: float = INTERVAL_S,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._loggers = tuple(loggers)
        self._interval_s = interval_s
        self._clock = clock
        self._kinds: dict[tuple[str, int, str], _Kind] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the handler writes ``record``; the answer is the same for each handler."""
        if record.levelno <= logging.DEBUG or not self._covers(record.name):
            return True
        with self._lock:
            decided = getattr(record, _DECISION, None)
            if decided is None:
                decided = self._decide(record)
                setattr(record, _DECISION, decided)
            return bool(decided)

    def _covers(self, name: str) -> bool:
        return any(name == logger or name.startswith(f"{logger}.") for logger in self._loggers)

    def _decide(self, record: logging.LogRecord) -> bool:
        now_s = self._clock()
        key = (record.name, record.levelno, str(record.msg)[:_KIND_CHARS_MAX])
        kind = self._kinds.pop(key, None)
        if kind is not None and now_s - kind.shown_s < self._interval_s:
            kind.left_out += 1
            self._kinds[key] = kind
            return False
        if kind is not None and kind.left_out:
            record.msg = (f"{record.msg} ({kind.left_out} more such lines were left out in the last "
                          f"{now_s - kind.shown_s:.0f} s)")
        self._kinds[key] = _Kind(now_s)
        if len(self._kinds) > KINDS_MAX:
            # The kind that was met longest ago; its next line passes at once.
            del self._kinds[next(iter(self._kinds))]
        return True


def limit_repeats() -> None:
    """Limit what the handlers of the root logger write from the loggers in ``RETRYING``."""
    limit = RepeatLimit()
    for handler in logging.getLogger().handlers:
        handler.addFilter(limit)
