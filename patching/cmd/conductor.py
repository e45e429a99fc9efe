# SPDX-License-Identifier: Apache-2.0
"""patching-conductor: the only writer of releases and their deployment."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from fm.contract import catalogue
from patching.conductor.daemon import ConductorDaemon


def prepare() -> None:
    """Load the catalogue of alarms."""
    catalogue.load()


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("patching-conductor", ConductorDaemon, prepare=prepare))
