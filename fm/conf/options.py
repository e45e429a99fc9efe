# SPDX-License-Identifier: Apache-2.0
"""Options of fault management, group ``[fm]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "fm"
FM_OPTS: list[cfg.Opt] = [
    cfg.IntOpt("event_log_max_size", default=10000, min=10, max=10_000_000, mutable=True,
               help="Number of newest events that are kept."),
    cfg.IntOpt("event_log_max_age_days", default=0, min=0, max=36500, mutable=True,
               help="Events older than this many days are removed; 0 keeps them whatever their age."),
    cfg.BoolOpt("log_unchanged_set", default=False, mutable=True,
                help="Write an event also when an alarm is set again without any change."),
    cfg.IntOpt("request_memory_s", default=86400, min=60, max=30 * 86400, mutable=True,
               help="Seconds an applied request is remembered, so that its redelivery changes nothing."),
    cfg.IntOpt("housekeeping_interval_s", default=60, min=1, max=86400,
               help="Seconds between two looks for old events and old request ids."),
    cfg.IntOpt("manager_threads", default=16, min=1, max=256, help="Requests that fm-manager handles at a time."),
    cfg.IntOpt("manager_timeout_s", default=8, min=1, max=60,
               help="Seconds fm-api waits for fm-manager before it answers 503 or 504."),
    cfg.StrOpt("catalogue", help="Catalogue file in place of the one shipped; $EVENTS_YAML does the same."),
]


def register(conf: Any) -> Any:
    """Register the group on ``conf`` (harmless when repeated) and return ``conf[GROUP]``."""
    conf.register_opts(FM_OPTS, group=GROUP)
    return conf[GROUP]


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(GROUP, FM_OPTS)]
