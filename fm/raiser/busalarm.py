# SPDX-License-Identifier: Apache-2.0
"""The alarm of a daemon whose requests do not arrive over the message bus, or of Keystone when it checks no tokens.

It goes through the daemon's spool; a daemon that can still send is reported at once, any other when it can send again.
"""
from __future__ import annotations

import enum
import time
from collections.abc import Callable

from fm.raiser.api import Raiser

ALARM_ID = "200.006"
BROKEN_S = 60.0
INTERVAL_S = 10.0


class Change(enum.Enum):
    """What happens to the alarm."""

    SET = "set"
    CLEAR = "clear"


def change(broken_since_s: float | None, is_set: bool | None, now_s: float,
           patience_s: float = BROKEN_S) -> Change | None:
    """Set the alarm after ``patience_s`` of trouble, clear it without trouble; None when it is as it must be.

    ``is_set`` is None as long as it is unknown, after a start.
    """
    if broken_since_s is None:
        return None if is_set is False else Change.CLEAR
    return Change.SET if is_set is not True and now_s - broken_since_s >= patience_s else None


def spooled(raiser: Raiser) -> Callable[[Change, str, str], object]:
    """``tell`` of a ``BusAlarm`` through the daemon's spool."""

    def tell(wanted: Change, entity: str, text: str) -> str:
        if wanted is Change.SET:
            return raiser.raise_alarm(ALARM_ID, entity_instance_id=entity, severity="major", reason_text=text)
        return raiser.clear_alarm(ALARM_ID, entity_instance_id=entity, exact=True)

    return tell


class BusAlarm:
    """``audit`` is a periodic task with INTERVAL_S. ``trouble()`` is the server's; ``tell(change, entity, text)`` sets
    or clears the alarm, and is called again after an error. ``problem`` says what ``daemon`` does not do."""

    def __init__(self, hostname: str, daemon: str, trouble: Callable[[], str | None],
                 tell: Callable[[Change, str, str], object], clock: Callable[[], float] = time.monotonic, *,
                 problem: str = "gets no requests over the message bus") -> None:
        self._problem = problem
        self._entity = f"host={hostname}.process={daemon}"
        self._daemon = daemon
        self._trouble = trouble
        self._tell = tell
        self._clock = clock
        self._since_s: float | None = None
        self._is_set: bool | None = None

    def audit(self) -> None:
        """Look once; errors of ``tell`` pass through."""
        why, now_s = self._trouble(), self._clock()
        if why is None:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s
        wanted = change(self._since_s, self._is_set, now_s)
        if wanted is not None:
            self._tell(wanted, self._entity, f"{self._daemon} {self._problem}: {why}")
            self._is_set = wanted is Change.SET
