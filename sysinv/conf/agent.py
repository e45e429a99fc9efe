# SPDX-License-Identifier: Apache-2.0
"""Options of the agent, group ``[agent]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "agent"

AGENT_OPTS: list[cfg.Opt] = [
    cfg.IntOpt("audit_interval", default=60, min=5, max=3600,
               help="Seconds between two audits of the hardware; only what changed is reported again."),
    cfg.IntOpt("retry_interval", default=10, min=1, max=3600,
               help="Seconds until the next audit after one in which a report was not taken."),
    cfg.IntOpt("lookup_interval", default=30, min=1, max=3600,
               help="Seconds between two look-ups of the own host record while there is none."),
    cfg.IntOpt("lookup_retry", default=5, min=1, max=3600,
               help="Seconds until the next look-up after one that nobody answered."),
    cfg.StrOpt("hardware_root",
               help="Directory below which processors, memory, disks and PCI devices are read: / for this machine, "
                    "or a recorded machine. Default: the path in the file hardware_root beside flock.conf, else /. "
                    "Ports and the boot's identity are always this machine's."),
    cfg.StrOpt("platform_conf", default="/etc/platform/platform.conf",
               help="File that gets the line UUID=<uuid of the host>."),
    cfg.StrOpt("hostname", help="Name under which the agent looks up its record and listens. Default: the host name."),
]


def register(conf: Any) -> None:
    """Register the group on ``conf``; harmless when repeated."""
    conf.register_opts(AGENT_OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(GROUP, AGENT_OPTS)]
