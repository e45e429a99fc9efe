# SPDX-License-Identifier: Apache-2.0
"""Options of the event stream, group ``[fm_stream]``; read by fm-api."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "fm_stream"

STREAM_OPTS: list[cfg.Opt] = [
    cfg.IntOpt("streams_max", default=0, min=0, max=250,
               help="Event streams that one fm-api process serves at a time, one thread each; 0 means half of [api] "
                    "threads. Beyond the limit requests get 503."),
    cfg.FloatOpt("poll_interval_s", default=0.25, min=0.25, max=60.0,
                 help="Seconds between two reads of the event log while a client is connected."),
    cfg.IntOpt("heartbeat_s", default=15, min=1, max=600, help="Seconds without an event before a heartbeat is sent."),
    cfg.IntOpt("buffer_events", default=2000, min=100, max=100_000,
               help="Newest events kept in memory; a client that falls further behind is disconnected and can resume."),
    cfg.IntOpt("send_timeout_s", default=10, min=1, max=300,
               help="Seconds after which a client that receives nothing is disconnected."),
    cfg.IntOpt("retry_ms", default=3000, min=100, max=600_000,
               help="Milliseconds that clients are told to wait before they connect again."),
]


def register(conf: Any) -> Any:
    """Register the group on ``conf`` (harmless when repeated) and return ``conf[GROUP]``."""
    conf.register_opts(STREAM_OPTS, group=GROUP)
    return conf[GROUP]


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(GROUP, STREAM_OPTS)]
