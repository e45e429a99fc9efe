# SPDX-License-Identifier: Apache-2.0
"""Options of fm, group ``[fm]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "fm"
FM_OPTS: list[cfg.Opt] = [
    cfg.IntOpt("event_log_max_size", default=10000, min=10, max=10_000_000, mutable=True,
               help="Number of newest events that are kept."),
    cfg.IntOpt("event_log_host_percent", default=10, min=1, max=100, mutable=True,
               help="Share of one host in event_log_max_size: of the events that its own requests cause, only so many "
                    "are kept."),
    cfg.IntOpt("event_log_hosts_percent", default=50, min=1, max=100, mutable=True,
               help="Share of all hosts together in event_log_max_size: a full log loses the events of the hosts with "
                    "the most first, until only so many are left."),
    cfg.IntOpt("event_log_max_age_days", default=0, min=0, max=36500, mutable=True,
               help="Events older than this many days are deleted; 0 sets no limit of age."),
    cfg.BoolOpt("log_unchanged_set", default=False, mutable=True,
                help="Write an event also when an alarm is set again without any change."),
    cfg.IntOpt("request_memory_s", default=86400, min=60, max=30 * 86400, mutable=True,
               help="Seconds for which the outcome of an applied request is kept, so that a repeat changes nothing."),
    cfg.IntOpt("host_requests_max", default=10_000, min=5_000, max=10_000_000, mutable=True,
               help="Outcomes of applied requests that are kept for one host; beyond it the oldest are deleted "
                    "earlier."),
    cfg.IntOpt("host_alarms_max", default=10_000, min=100, max=10_000_000, mutable=True,
               help="Alarms that may be active on and below one host. At this number, raises that the host itself "
                    "sends are refused; those of services are not."),
    cfg.IntOpt("housekeeping_interval_s", default=60, min=1, max=86400,
               help="Seconds between two deletions of old events and old request ids."),
    cfg.IntOpt("manager_threads", default=16, min=1, max=256, help="Requests that fm-manager handles at a time."),
    cfg.IntOpt("manager_timeout_s", default=8, min=1, max=60,
               help="Seconds fm-api waits for fm-manager before it answers 503 or 504."),
    cfg.StrOpt("syslog_address", default="",
               help="Where to send each event as a JSON line, facility LOCAL5: a socket like /dev/log, or host:port."),
    cfg.ListOpt("webhook_urls", default=[], help="URLs that get each notice as an Alertmanager webhook message."),
    cfg.StrOpt("trap_agent_host", default="", help="Host of the SNMP trap agent; empty sends no traps."),
    cfg.PortOpt("trap_agent_port", default=162, help="TCP port of the SNMP trap agent."),
    cfg.FloatOpt("warm_start_hold_s", default=30.0, min=0.0, max=3600.0,
                 help="Seconds within which changes of suppression and silences are combined into one warmStart trap."),
    cfg.StrOpt("region_name", default="RegionOne", help="Region named in traps."),
    cfg.StrOpt("system_name", default="system", help="System named in traps."),
    cfg.IntOpt("output_backlog_max", default=50000, min=100, max=10_000_000,
               help="Notices that may wait for outputs; beyond it the oldest are dropped."),
    cfg.StrOpt("catalogue", help="Catalogue file in place of the one shipped; $EVENTS_YAML does the same."),
]


def register(conf: Any) -> Any:
    """Register the group on ``conf`` (harmless when repeated) and return ``conf[GROUP]``."""
    conf.register_opts(FM_OPTS, group=GROUP)
    return conf[GROUP]


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(GROUP, FM_OPTS)]
