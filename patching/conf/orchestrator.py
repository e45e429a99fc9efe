# SPDX-License-Identifier: Apache-2.0
"""Options of patching-orchestrator: group ``[orchestrator]``."""
from __future__ import annotations

import socket
from typing import Any

from oslo_config import cfg

GROUP = "orchestrator"
OPTS: list[cfg.Opt] = [
    cfg.StrOpt("hostname", help="Name of the controller this orchestrator runs on. Default: the host name."),
    cfg.StrOpt("sysinv_url", default="", help="URL of sysinv-api. Empty: the internal one of the catalogue."),
    cfg.StrOpt("fm_url", default="", help="URL of fm-api. Empty: the internal one of the catalogue."),
    cfg.StrOpt("instances", default="none", choices=("none", "kubernetes", "nova"),
               help="What runs on hosts and is moved away before they reboot."),
    cfg.StrOpt("kubeconfig", default="/etc/kubernetes/admin.conf", help="Server and credentials of Kubernetes."),
    cfg.StrOpt("nova_url", default="", help="URL of Nova's API. Empty: the internal one of the catalogue."),
    cfg.IntOpt("poll_interval_s", default=5, min=1, max=60, mutable=True,
               help="Pause between two looks at what a step waits for."),
    cfg.IntOpt("alarms_quiet_s", default=60, min=0, max=600, mutable=True,
               help="How long no alarm may stand against going on after hosts were unlocked."),
    cfg.IntOpt("stable_max_s", default=60, min=0, max=600, mutable=True,
               help="How long at most hosts must not change in a step that waits for that: 15 s before an unlock and "
                    "30 s after an installation in service, unless this is less."),
    cfg.IntOpt("retry_pause_max_s", default=120, min=0, max=600, mutable=True,
               help="Longest pause before an order that has failed is given again."),
    cfg.IntOpt("request_timeout_s", default=30, min=1, max=300,
               help="How long an answer of another service is awaited."),
]


def register(conf: Any) -> Any:
    """Register the group on ``conf`` (may be repeated) and return it."""
    conf.register_opts(OPTS, group=GROUP)
    return conf.orchestrator


def own_hostname(conf: Any) -> str:
    """The name of the controller this orchestrator runs on."""
    return conf.orchestrator.hostname or socket.gethostname()


def list_opts() -> list[tuple[str, list[Any]]]:
    """The options for the sample generator."""
    return [(GROUP, OPTS)]
