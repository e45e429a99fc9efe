# SPDX-License-Identifier: Apache-2.0
"""sm-alarms: passes alarms and logs of service management on to fault management."""
from __future__ import annotations

import sys

from flock.service.daemon import run_daemon
from sm.alarms.forwarder import Forwarder


def main() -> None:
    """Run until SIGTERM."""
    sys.exit(run_daemon("sm-alarms", Forwarder))
