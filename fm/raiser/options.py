# SPDX-License-Identifier: Apache-2.0
"""Options of the default raiser (``fm.raiser.shared``), group ``[fm_raiser]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "fm_raiser"
OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt("spool_dir",
               help="Where fault requests wait for fm-manager. Default: fm/spool/<user id> below state_dir. Processes "
                    "may share it; a running process delivers the requests that an ended one left."),
    cfg.IntOpt("spool_limit_mib", default=16, min=1, max=1024,
               help="Most MiB of undelivered requests of one process; beyond it calls fail because the spool is full."),
    cfg.FloatOpt("exit_flush_s", default=2.0, min=0.0, max=60.0,
                 help="How many seconds a process that exits waits for delivery of its spooled requests."),
]


def register(conf: Any) -> Any:
    """Register the group on ``conf`` (harmless when repeated) and return ``conf[GROUP]``."""
    conf.register_opts(OPTIONS, group=GROUP)
    return conf[GROUP]


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(GROUP, OPTIONS)]
