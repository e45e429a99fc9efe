# SPDX-License-Identifier: Apache-2.0
"""Options of the host agent, group ``[host_agent]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "host_agent"

AGENT_OPTS: list[cfg.Opt] = [
    cfg.FloatOpt("alive_period_s", default=5.0, min=0.5, max=60.0, help="Seconds between two mtcAlives."),
    cfg.FloatOpt("goenabled_timeout_s", default=600.0, min=1.0, max=3600.0,
                 help="Seconds that all go-enabled tests together may take; after that they are killed and fail."),
    cfg.FloatOpt("host_services_timeout_s", default=300.0, min=1.0, max=3600.0,
                 help="Seconds that one program may take to start or stop host services."),
    cfg.IntOpt("failsafe_shutdown_delay_s", default=120, min=1, max=300,
               help="Seconds after which the reboot is forced when the orderly reboot has not ended."),
    cfg.StrOpt("root", default="/", help="Directory that holds the host's /etc, /run and /proc."),
    cfg.StrOpt("alive_socket", help="Socket of this host's mtce-heartbeat, which also sends mtcAlives over "
                                    "cluster-host. Default: mtce/alive.sock below run_dir."),
    cfg.StrOpt("hostname", help="Name under which the agent listens. Default: the host name."),
]


def register(conf: Any) -> None:
    """Register the group on ``conf``; may be called again."""
    conf.register_opts(AGENT_OPTS, group=GROUP)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample generator."""
    return [(GROUP, AGENT_OPTS)]
