# SPDX-License-Identifier: Apache-2.0
"""Counters and durations of calls made and requests served, for each daemon's metrics page."""
from __future__ import annotations

import functools

from prometheus_client import Counter, Gauge, Histogram

BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

CLIENT_SECONDS = Histogram(
    "flock_rpc_client_seconds", "Time until the reply to a call, or until the broker accepted a cast",
    ("interface", "method"), buckets=BUCKETS)
CLIENT_TOTAL = Counter(
    "flock_rpc_client_total", "Calls and casts made, by outcome (ok or an error code)",
    ("interface", "method", "outcome"))
SERVER_SECONDS = Histogram(
    "flock_rpc_server_seconds", "Time spent in the implementation", ("interface", "method"), buckets=BUCKETS)
SERVER_TOTAL = Counter(
    "flock_rpc_server_total", "Requests served, by outcome (ok or an error code)", ("interface", "method", "outcome"))
DROPPED = Counter("flock_rpc_dropped_total", "Messages dropped before they were decoded, by kind of sender",
                  ("sender_kind",))
REPLIES_DROPPED = Counter("flock_rpc_replies_dropped_total", "Replies dropped, by kind of receiver and reason",
                          ("receiver_kind", "reason"))
REFUSED = Counter("flock_rpc_refused_total", "Messages of hosts that were refused, before or after they were decoded")
LISTENED_ANEW = Counter("flock_rpc_listened_anew_total", "Times that a topic's queues and bindings were made again",
                        ("topic",))
SERVER_RUNNING = Gauge("flock_rpc_server_running", "Requests in work", ("server",))


@functools.lru_cache(maxsize=1024)
def _client(interface: str, method: str, outcome: str) -> tuple[Histogram, Counter]:
    return CLIENT_SECONDS.labels(interface, method), CLIENT_TOTAL.labels(interface, method, outcome)


def client_ended(interface: str, method: str, outcome: str, seconds: float) -> None:
    """Count one call or cast and its duration. Caches the series because a lookup costs more than the count."""
    duration, total = _client(interface, method, outcome)
    duration.observe(seconds)
    total.inc()


@functools.lru_cache(maxsize=1024)
def served(interface: str, method: str, outcome: str) -> Counter:
    """The counter of requests served with this outcome."""
    return SERVER_TOTAL.labels(interface, method, outcome)
