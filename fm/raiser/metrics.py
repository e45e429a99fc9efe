# SPDX-License-Identifier: Apache-2.0
"""``fm_spool_requests`` and ``fm_spool_bytes`` of every process that raises alarms, read at each scrape."""
from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from fm.raiser.api import Raiser


class _Spools(Collector):
    """The sum over the raisers of this process that are still in use."""

    def __init__(self) -> None:
        self.watched: weakref.WeakSet[Raiser] = weakref.WeakSet()

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The two metrics without values."""
        return [GaugeMetricFamily("fm_spool_requests", "Fault requests that fm-manager has not taken yet"),
                GaugeMetricFamily("fm_spool_bytes", "Bytes of them on disk")]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The two metrics; no metrics while this process has no raiser."""
        backlogs = [raiser.backlog() for raiser in list(self.watched)]
        if not backlogs:
            return []
        requests, size = self.describe()
        requests.add_metric((), sum(number for number, _ in backlogs))
        size.add_metric((), sum(size for _, size in backlogs))
        return [requests, size]


_SPOOLS = _Spools()
REGISTRY.register(_SPOOLS)


def watch(raiser: Raiser) -> None:
    """Include ``raiser`` in the metrics until it is garbage collected."""
    _SPOOLS.watched.add(raiser)
