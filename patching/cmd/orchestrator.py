# SPDX-License-Identifier: Apache-2.0
"""patching-orchestrator: keeps the strategy and carries it out."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from patching.orchestrator.daemon import OrchestratorDaemon


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("patching-orchestrator", OrchestratorDaemon))
