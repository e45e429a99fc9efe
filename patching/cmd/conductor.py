# SPDX-License-Identifier: Apache-2.0
"""patching-conductor: the only writer of releases and their deployment."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from patching.conductor.daemon import ConductorDaemon


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("patching-conductor", ConductorDaemon))
