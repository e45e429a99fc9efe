# SPDX-License-Identifier: Apache-2.0
"""sysinv-conductor: discovery, inventory, operations and audits of hosts."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from fm.contract import catalogue
from sysinv.actions import checks
from sysinv.conductor.daemon import ConductorDaemon
from sysinv.hosts.inventory import reported_resources


def prepare() -> None:
    """Load what the resources say of reports and actions, and the catalogue of alarms."""
    reported_resources()
    checks.of_resources()
    catalogue.load()


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("sysinv-conductor", ConductorDaemon, prepare=prepare))
