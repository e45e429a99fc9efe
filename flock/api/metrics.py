# SPDX-License-Identifier: Apache-2.0
"""Request metrics and the /metrics text. Labels hold the route template, so the number of series is bounded."""
from __future__ import annotations

import os

import prometheus_client
from prometheus_client import multiprocess

REQUESTS = prometheus_client.Counter(
    "flock_api_requests", "Requests served.", ["subsystem", "method", "route", "status"])
LATENCY = prometheus_client.Histogram(
    "flock_api_request_seconds", "Time from the request to its response.", ["subsystem", "method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0))
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observe(subsystem: str, method: str, route: str, status: int, elapsed_s: float) -> None:
    """Count one request."""
    method = method if method in KNOWN_METHODS else "OTHER"
    REQUESTS.labels(subsystem, method, route, str(status)).inc()
    LATENCY.labels(subsystem, method, route).observe(elapsed_s)


def exposition() -> bytes:
    """The metrics in Prometheus' text format: of this process, or of all workers if PROMETHEUS_MULTIPROC_DIR is set."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = prometheus_client.CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return prometheus_client.generate_latest(registry)
    return prometheus_client.generate_latest()
