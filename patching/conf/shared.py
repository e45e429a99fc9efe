# SPDX-License-Identifier: Apache-2.0
"""Options that the API and the conductor share: where uploaded files wait, group ``[software]``."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from oslo_config import cfg

GROUP = "software"
SOFTWARE_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("staging_dir", help="Directory in which uploaded files wait until the conductor has read them; on the "
                                   "active controller only. Default: patching/staging below state_dir."),
]


def register(conf: Any) -> Any:
    """Register the group on ``conf`` and return it; may be called again."""
    conf.register_opts(SOFTWARE_OPTS, group=GROUP)
    return conf[GROUP]


def staging_dir(conf: Any) -> Path:
    """Where uploaded files wait."""
    return Path(conf.software.staging_dir or f"{conf.state_dir}/patching/staging")


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample generator."""
    return [(GROUP, SOFTWARE_OPTS)]
