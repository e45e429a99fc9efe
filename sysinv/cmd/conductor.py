# SPDX-License-Identifier: Apache-2.0
"""sysinv-conductor: discovery, inventory, operations and audits of hosts."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from sysinv.conductor.daemon import ConductorDaemon


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("sysinv-conductor", ConductorDaemon))
