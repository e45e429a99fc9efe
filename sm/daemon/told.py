# SPDX-License-Identifier: Apache-2.0
"""What the parts of replicated data have in common: another process is asked and tells, and what it told grows old."""
from __future__ import annotations

import abc
import asyncio
import contextlib
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from sm.daemon.guard import NOTHING_PROVEN

STALE_MS = 3_000
"""What was told longer ago is no evidence."""


class News(Protocol):
    """What the other process tells. ``at_ms``: its monotonic clock, before it looked. ``enforced``: see ``Part``."""

    @property
    def at_ms(self) -> int: ...

    @property
    def enforced(self) -> int: ...


Told = TypeVar("Told", bound=News)


class ToldPart(abc.ABC, Generic[Told]):
    """The part of ``sm.daemon.guard.Part`` that does not depend on who tells."""

    name: str

    def __init__(self, clock: Callable[[], int], silent: str) -> None:
        """``silent``: the sentence for an operator when nothing was told lately."""
        self._clock, self._silent = clock, silent
        self._told: Told | None = None
        self._enforced = NOTHING_PROVEN
        self._problem = "it has not been looked at yet"
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to listen."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        """Stop listening; the last order stays in force."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def enforced(self) -> int:
        """The greatest order that was told to be in force."""
        return self._enforced

    def fresh(self) -> Told | None:
        """What was told last; None when that is too long ago."""
        told = self._told
        return told if told is not None and self._clock() - told.at_ms < STALE_MS else None

    def problems(self) -> tuple[str, ...]:
        """What was told to be wrong, and that nothing is told."""
        told = self.fresh()
        own = self._problem or ("" if told is not None else self._silent)
        return (*(self.wrong(told) if told is not None else ()), *((own,) if own else ()))

    def heard(self, told: Told) -> None:
        """Take in what was told."""
        self._told, self._enforced, self._problem = told, max(self._enforced, told.enforced), ""

    @abc.abstractmethod
    def wrong(self, told: Told) -> tuple[str, ...]:
        """What is wrong, as it was told."""

    @abc.abstractmethod
    async def _keep(self) -> None:
        """Listen until it is cancelled."""
