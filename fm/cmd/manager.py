# SPDX-License-Identifier: Apache-2.0
"""fm-manager: the only writer of alarms and events."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from fm.contract import catalogue
from fm.manager.daemon import ManagerDaemon


def prepare() -> None:
    """Load the catalogue of alarms."""
    catalogue.load()


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("fm-manager", ManagerDaemon, prepare=prepare))
