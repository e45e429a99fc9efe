# SPDX-License-Identifier: Apache-2.0
"""Options of sm-api and sm-alarms, group ``[sm]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

from sm.contract.control import SOCKET

GROUP = "sm"
SM_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("control_socket", default=SOCKET, help="Control socket of sm-daemon."),
    cfg.StrOpt("faults", default="/var/lib/sm/faults", help="Directory where sm-daemon leaves alarms for sm-alarms."),
    cfg.IntOpt("answer_s", default=6, min=1, max=60,
               help="Seconds sm-api waits for sm-daemon before it answers 503."),
]


def register(conf: Any) -> Any:
    """Register the group on ``conf`` and return it; may be called again."""
    conf.register_opts(SM_OPTS, group=GROUP)
    return conf[GROUP]


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample generator."""
    return [(GROUP, SM_OPTS)]
