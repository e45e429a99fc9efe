# SPDX-License-Identifier: Apache-2.0
"""Counters and durations of calls, made and served, for the metrics page of each daemon."""
from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

CLIENT_SECONDS = Histogram(
    "flock_rpc_client_seconds", "Time until the answer to a call, or the hand-over of a cast",
    ("interface", "method"), buckets=BUCKETS)
CLIENT_TOTAL = Counter(
    "flock_rpc_client_total", "Calls and casts made, by outcome (ok or an error code)",
    ("interface", "method", "outcome"))
SERVER_SECONDS = Histogram(
    "flock_rpc_server_seconds", "Time spent in the implementation", ("interface", "method"), buckets=BUCKETS)
SERVER_TOTAL = Counter(
    "flock_rpc_server_total", "Requests served, by outcome (ok or an error code)", ("interface", "method", "outcome"))
SERVER_RUNNING = Gauge("flock_rpc_server_running", "Requests in work", ("server",))
