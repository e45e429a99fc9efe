# SPDX-License-Identifier: Apache-2.0
"""Options of the agent, group ``[agent]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "agent"

AGENT_OPTS: list[cfg.Opt] = [
    cfg.IntOpt("audit_interval", default=60, min=5, max=3600,
               help="Seconds between two audits of the hardware; the agent reports only changes."),
    cfg.IntOpt("retry_interval", default=10, min=1, max=3600,
               help="Seconds until the next audit after a report was not acknowledged."),
    cfg.IntOpt("lookup_interval", default=30, min=1, max=3600,
               help="Seconds between two look-ups of the host's record while it does not exist."),
    cfg.IntOpt("lookup_retry", default=5, min=1, max=3600,
               help="Seconds until the next look-up after the conductor did not answer."),
    cfg.StrOpt("hardware_root",
               help="Directory below which processors, memory, disks and PCI devices are read: / for this machine, "
                    "or a recorded machine. Default: the path in the file hardware_root beside flock.conf, else /. "
                    "Ports and the boot's identity are always this machine's."),
    cfg.StrOpt("platform_conf", default="/etc/platform/platform.conf",
               help="File to which the agent writes the line UUID=<uuid of the host>."),
    cfg.BoolOpt("watch_addresses", default=True,
                help="Listen for wrong machines that claim addresses of this host or its neighbours, raise alarms, "
                     "defend the addresses, and let the kernel drop wrong claims on addresses of neighbours."),
    cfg.StrOpt("tls_directory", default="/etc/flock/tls",
               help="Directory of the host's key and certificate, which the agent renews. Not on a controller, where "
                    "flock-rotate does."),
    cfg.StrOpt("hostname", help="Name under which the agent looks up its record and listens. Default: the host name."),
]


def register(conf: Any) -> None:
    """Register the group on ``conf``; may be repeated."""
    conf.register_opts(AGENT_OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for oslo.config's sample generator."""
    return [(GROUP, AGENT_OPTS)]
