# SPDX-License-Identifier: Apache-2.0
"""The loop's bounded queue: events of hosts, and functions to run between two events."""
from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any, TypeVar

from flock.core.errors import DeadlineExceeded, Unavailable
from mtce.core.events import Event

LOG = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the host ``uuid``."""

    uuid: str
    event: Event


@dataclass(frozen=True, slots=True)
class _Asked:
    work: Callable[[], Any]
    future: Future[Any]


class Inbox:
    """Accepts entries from any thread; ``next`` takes them in order in the loop's thread."""

    def __init__(self, items_max: int) -> None:
        self._items: queue.Queue[Happened | _Asked | None] = queue.Queue(items_max)

    def post(self, uuid: str, event: Event) -> None:
        """Queue an event; drops it with a log line when the queue is full."""
        if not self._put(Happened(uuid, event)):
            LOG.error("event queue is full: %s of %s is dropped", type(event).__name__, uuid)

    def ask(self, work: Callable[[], T], timeout_s: float) -> T:
        """Run ``work`` between two events and return its result; its errors pass through.

        Unavailable when the queue is full. After DeadlineExceeded ``work`` ends only if it had started.
        """
        future: Future[T] = Future()
        if not self._put(_Asked(work, future)):
            raise Unavailable(service="mtce-conductor", reason="too many events wait")
        try:
            return future.result(timeout_s)
        except FutureTimeout:
            future.cancel()
            raise DeadlineExceeded(what="mtce-conductor's loop", timeout_s=timeout_s) from None

    def later(self, work: Callable[[], None]) -> bool:
        """Run ``work`` after everything that waits now; returns False when the queue is full."""
        return self._put(_Asked(work, Future()))

    def wake(self) -> None:
        """Wake ``next``."""
        self._put(None)

    def next(self, timeout_s: float) -> Happened | None:
        """Return the next event; None when none arrived in time or a function was run instead."""
        try:
            item = self._items.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(item, _Asked):
            _answer(item)
            return None
        return item

    def _put(self, item: Happened | _Asked | None) -> bool:
        try:
            self._items.put_nowait(item)
        except queue.Full:
            return False
        return True


def _answer(asked: _Asked) -> None:
    if not asked.future.set_running_or_notify_cancel():
        return
    try:
        asked.future.set_result(asked.work())
    except Exception as error:  # noqa: BLE001 - handed to the asker
        asked.future.set_exception(error)
