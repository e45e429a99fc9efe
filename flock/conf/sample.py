# SPDX-License-Identifier: Apache-2.0
"""Options for the sample configuration generator (entry point: ``flock.conf.sample:list_opts``)."""
from __future__ import annotations

from typing import Any

from flock.conf.options import API_OPTS, DAEMON_OPTS, DATABASE_OPTS


def list_opts() -> list[tuple[str, list[Any]]]:
    """``[(group, options)]`` of all options that the kernel registers."""
    return [("DEFAULT", DAEMON_OPTS), ("database", DATABASE_OPTS), ("api", API_OPTS)]
