# SPDX-License-Identifier: Apache-2.0
"""mtce-conductor: runs the state machines of all hosts."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from fm.contract import catalogue
from mtce.conductor.daemon import ConductorDaemon


def prepare() -> None:
    """Load the catalogue of alarms."""
    catalogue.load()


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("mtce-conductor", ConductorDaemon, prepare=prepare))
