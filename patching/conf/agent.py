# SPDX-License-Identifier: Apache-2.0
"""Options of the agent, group ``[patching_agent]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "patching_agent"

AGENT_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("feed_url", default="https://controller:5497/feed",
               help="Where the content of releases is fetched: https, http, or file."),
    cfg.StrOpt("authorities", default="/etc/flock/tls/ca.crt",
               help="File with the authorities that the feed's certificate must have."),
    cfg.ListOpt("backends", default=[],
                help="Package technologies of this host, of ostree, rpm, deb and fake. Default: those whose programs "
                     "are installed."),
    cfg.StrOpt("root", default="/", help="Directory that holds the host's /etc, /run and /proc."),
    cfg.StrOpt("install_root", help="Directory below which packages are installed. Default: root."),
    cfg.FloatOpt("report_period_s", default=30.0, min=0.2, max=300.0, help="Seconds between two reports."),
    cfg.FloatOpt("audit_period_s", default=600.0, min=1.0, max=86400.0,
                 help="Seconds between two looks at the installed packages."),
    cfg.FloatOpt("rejected_max_s", default=60.0, min=0.1, max=3600.0,
                 help="Seconds after which the agent forgets that it has rejected an order."),
    cfg.FloatOpt("command_timeout_s", default=1800.0, min=1.0, max=7200.0,
                 help="Seconds that one run of a package tool may take."),
    cfg.StrOpt("content_dir", default="/opt/platform/software",
               help="Directory of releases on a controller; the agent reports what it holds of their content."),
    cfg.StrOpt("hostname", help="Name under which the agent listens. Default: the host name."),
]


def register(conf: Any) -> None:
    """Register the group on ``conf``; may be called again."""
    conf.register_opts(AGENT_OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample generator."""
    return [(GROUP, AGENT_OPTS)]
