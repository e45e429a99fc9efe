# SPDX-License-Identifier: Apache-2.0
"""Counters of events and deliveries, and the backlog of each output, read from the database at each scrape."""
from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fm.core.records import Notice, NoticeKind

LOG = logging.getLogger(__name__)
DELIVERED = Counter("fm_output_delivered", "Notices that an output took", ("output",))
FAILED = Counter("fm_output_failed", "Attempts to deliver that failed", ("output",))
DROPPED = Counter("fm_output_dropped", "Notices that were given up: backlog or refused", ("output", "reason"))
RAISED = Counter("fm_alarms_raised", "Alarms that became active", ("severity",))
CLEARED = Counter("fm_alarms_cleared", "Alarms that ended")
EVENTS = Counter("fm_events", "Events written", ("state",))


def count(notices: Sequence[Notice]) -> None:
    """Count the events and alarms of one committed transaction."""
    for notice in notices:
        if notice.kind is NoticeKind.HIERARCHICAL_CLEAR:
            continue
        EVENTS.labels(str(notice.event.state)).inc()
        if notice.kind is NoticeKind.SET and notice.severity_before is None:
            RAISED.labels(str(notice.event.severity)).inc()
        elif notice.kind is NoticeKind.CLEAR:
            CLEARED.inc()


def count_delivery(name: str, outcome: str) -> None:
    """Count one attempt of an output: ``ok``, ``failed`` or, after the last failed one, ``dead``."""
    if outcome == "ok":
        DELIVERED.labels(name).inc()
    elif outcome == "failed":
        FAILED.labels(name).inc()
    else:
        DROPPED.labels(name, "refused").inc()


class Backlog(Collector):
    """``fm_output_backlog`` and ``fm_output_lag_seconds``.

    ``waiting`` is called at each scrape and returns, by output, the number of undelivered notices and the age of the
    oldest in seconds.
    """

    def __init__(self, waiting: Callable[[], Mapping[str, tuple[int, float]]]) -> None:
        self._waiting = waiting

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The metrics without values, so that registering does not query the database."""
        return self._families()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The metrics with current values; none while the database is unreachable."""
        try:
            measured = self._waiting()
        except Exception as error:  # noqa: BLE001 - a scrape shows what it can
            LOG.debug("the backlog of outputs is not known: %s", error)
            return []
        backlog, lag = self._families()
        for name, (number, age_s) in measured.items():
            backlog.add_metric((name,), number)
            lag.add_metric((name,), age_s)
        return [backlog, lag]

    @staticmethod
    def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        return (GaugeMetricFamily("fm_output_backlog", "Notices that an output has not taken yet", labels=("output",)),
                GaugeMetricFamily("fm_output_lag_seconds", "Age of the oldest notice that an output has not taken",
                                  labels=("output",)))
