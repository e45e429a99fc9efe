# SPDX-License-Identifier: Apache-2.0
"""Sinks for receivers of Alertmanager's webhook message and for the API of Alertmanager itself."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from flock.db import Database, utcnow
from fm.core import alertmanager
from fm.core.notice import REFRESH
from fm.manager.outputs.http import Poster
from fm.resources.alarm import store as alarms

ALERTS_PATH = "/api/v2/alerts"
ALERTS_MAX = 500
HOLD_FACTOR = 4


class Webhook:
    """POSTs each notice as one webhook message of version 4."""

    def __init__(self, poster: Poster, external_url: str = "") -> None:
        self._poster, self._external_url = poster, external_url

    def __call__(self, payload: dict[str, Any]) -> None:
        self._poster.post(alertmanager.webhook_message(payload, self._external_url))


class Alertmanager:
    """POSTs each change to an Alertmanager, and all active alarms at each refresh, since it loses them at a restart."""

    def __init__(self, poster: Poster, active: Callable[[], Iterable[dict[str, Any]]], resend_s: float,
                 external_url: str = "", clock: Callable[[], datetime] = utcnow) -> None:
        self._poster, self._active, self._external_url, self._clock = poster, active, external_url, clock
        self._hold = timedelta(seconds=HOLD_FACTOR * resend_s)

    def __call__(self, payload: dict[str, Any]) -> None:
        now = self._clock()
        if payload != REFRESH:
            self._poster.post(alertmanager.alerts(payload, now, self._hold, self._external_url))
            return
        rows = iter(self._active())
        while page := list(islice(rows, ALERTS_MAX)):
            self._poster.post(alertmanager.active_alerts(page, now, self._hold, self._external_url))


def visible_alarms(db: Database) -> Callable[[], Iterable[dict[str, Any]]]:
    """A function that yields all alarms that are not hidden, read in pages.

    BadPage when the last alarm of a page is cleared before the next page is read.
    """
    def pages() -> Iterable[dict[str, Any]]:
        marker = None
        while True:
            with db.reader() as conn:
                page = alarms.listing(conn, filters=(), include_suppress=False, sort=(("id", False),), marker=marker,
                                      limit=ALERTS_MAX)
            yield from page
            if len(page) < ALERTS_MAX:
                return
            marker = page[-1]["uuid"]

    return pages
