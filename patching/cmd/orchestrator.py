# SPDX-License-Identifier: Apache-2.0
"""patching-orchestrator: keeps the strategy and carries it out."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from fm.contract import catalogue
from patching.orchestrator.daemon import OrchestratorDaemon


def prepare() -> None:
    """Load the catalogue of alarms."""
    catalogue.load()


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("patching-orchestrator", OrchestratorDaemon, prepare=prepare))
