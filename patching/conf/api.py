# SPDX-License-Identifier: Apache-2.0
"""Options of patching-api, group ``[software_api]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

GROUP = "software_api"
API_OPTS: list[cfg.Opt] = [
    cfg.IntOpt("upload_max_mib", default=20 * 1024, min=1, max=1 << 20, help="Largest upload, in MiB."),
    cfg.IntOpt("task_wait_s", default=1500, min=1, max=3600,
               help="Seconds for which a request waits for the end of what it has begun (an upload, a precheck). "
                    "StarlingX's client waits 1800 s."),
    cfg.IntOpt("agent_silence_s", default=90, min=5, max=3600,
               help="An agent that has not reported for so long counts as silent in the classic interface."),
    cfg.IntOpt("conductor_timeout_s", default=30, min=1, max=60,
               help="Seconds patching-api waits for patching-conductor before it answers 503 or 504."),
]


def register(conf: Any) -> Any:
    """Register the group on ``conf`` and return it; may be called again."""
    conf.register_opts(API_OPTS, group=GROUP)
    return conf[GROUP]


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample generator."""
    return [(GROUP, API_OPTS)]
