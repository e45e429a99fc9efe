# SPDX-License-Identifier: Apache-2.0
"""Options of the raising library in processes that name no spool of their own, group ``[fm_raiser]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "fm_raiser"
OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt("spool_dir",
               help="Where fault requests wait for fm-manager. Default: fm/spool/<user id> below state_dir. Processes "
                    "may share it; one delivers what another left."),
    cfg.IntOpt("spool_limit_mib", default=16, min=1, max=1024,
               help="Undelivered requests of one process, in MiB; beyond it calls say that the spool is full."),
    cfg.FloatOpt("exit_flush_s", default=2.0, min=0.0, max=60.0,
                 help="Seconds a process that ends waits for delivery of what it spooled."),
]


def register(conf: Any) -> Any:
    """Register the group on ``conf`` (harmless when repeated) and return ``conf[GROUP]``."""
    conf.register_opts(OPTIONS, group=GROUP)
    return conf[GROUP]


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(GROUP, OPTIONS)]
