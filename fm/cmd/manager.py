# SPDX-License-Identifier: Apache-2.0
"""fm-manager: the only writer of alarms and events."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from fm.manager.daemon import ManagerDaemon


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("fm-manager", ManagerDaemon))
