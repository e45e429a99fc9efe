# SPDX-License-Identifier: Apache-2.0
"""The mark of a standby that has nothing to start its server from: it waits for the data of the active node.

A copy that has failed is tried again after a pause, which grows; there is no last attempt.
"""
from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from flock.exec.atomic import replace_text

PAUSE_S, PAUSE_MAX_S = 5.0, 300.0
DOUBLINGS_MAX = 10
WAITS, STOPPED = "waits", "stopped"


def pause_s(failures: int) -> float:
    """How long to wait after so many copies in a row have failed: doubled each time, limited; 0 after none."""
    return min(PAUSE_S * 2 ** min(failures - 1, DOUBLINGS_MAX), PAUSE_MAX_S) if failures > 0 else 0.0


def _boot_time_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Waiting:
    """The mark in ``path``: whether this node waits, how many copies have failed in a row, and when the last one did
    (seconds since the boot)."""

    def __init__(self, path: Path, now_s: Callable[[], float] = _boot_time_s) -> None:
        self._path, self._now_s = path, now_s

    @property
    def on(self) -> bool:
        """Whether this node waits."""
        return self._read()[0] == WAITS

    @property
    def failures(self) -> int:
        """How many copies have failed in a row."""
        return self._read()[1]

    def left_s(self) -> float:
        """How long until the next copy may begin; 0 when it may now. Never more than the pause: a mark of another boot
        has another clock."""
        _, failures, failed_s = self._read()
        pause = pause_s(failures)
        return min(max(failed_s + pause - self._now_s(), 0.0), pause)

    def begin(self, *, failed: bool) -> None:
        """This node waits from now on. ``failed``: a copy has failed; else there was none to be made."""
        self._write(WAITS, self.failures + 1 if failed else 0)

    def stop(self) -> None:
        """The server shall not run. How many copies have failed is kept for the next start."""
        if self._path.exists():
            self._write(STOPPED, self.failures)

    def end(self) -> None:
        """The server has data."""
        self._path.unlink(missing_ok=True)

    def _write(self, word: str, failures: int) -> None:
        replace_text(self._path, f"{word} {failures} {self._now_s()}\n", 0o600)

    def _read(self) -> tuple[str, int, float]:
        with contextlib.suppress(OSError, ValueError):
            word, failures, failed_s = self._path.read_text().split()
            return word, max(int(failures), 0), float(failed_s)
        return STOPPED, 0, 0.0
