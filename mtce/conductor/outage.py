# SPDX-License-Identifier: Apache-2.0
"""The loop's memory of a database that cannot store: logs its beginning and its end, and orders the next attempts."""
from __future__ import annotations

import logging

from flock.core.errors import Unavailable
from flock.db.outage import DeadlockError
from mtce.conductor.roster import Entry

LOG = logging.getLogger(__name__)


def is_outage(error: BaseException) -> bool:
    """Whether the error says that the database serves nobody; a collision concerns one transaction only."""
    return isinstance(error, Unavailable) and not isinstance(error, DeadlockError) \
        and error.params.get("service") == "database"


class Outage:
    """``failures`` counts the steps that the database did not store, since the process started."""

    __slots__ = ("_before", "_last", "failures")

    def __init__(self) -> None:
        self.failures = 0
        self._before = 0
        self._last = ""

    def failed(self, entry: Entry, error: BaseException) -> None:
        """Note a step of ``entry`` that could not be stored; logs the first one of the outage."""
        if self.failures == self._before:
            LOG.warning("no step of a host is stored, all will be tried again: %s", error)
        self.failures += 1
        self._last = entry.view.uuid

    def over(self) -> None:
        """Note that the database stored a step; logs the end of an outage."""
        if self.failures != self._before:
            LOG.warning("steps of hosts are stored again, after %d attempts that failed", self.failures - self._before)
        self._before = self.failures

    def order(self, entries: list[Entry]) -> list[Entry]:
        """Return the hosts with the last one that failed at the end, so that one damaged row delays no other host."""
        return sorted(entries, key=lambda entry: entry.view.uuid == self._last)
