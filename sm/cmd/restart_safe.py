# SPDX-License-Identifier: Apache-2.0
"""sm-restart-safe: restarts a service alone."""
from __future__ import annotations

import sys
from collections.abc import Sequence

from sm.client.program import of_service
from sm.contract.control import Verb


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line. 0: done; 1: refused, or no daemon runs, with the reason on stderr."""
    return of_service("sm-restart-safe", Verb.RESTART, "Restarts a service and nothing else.", arguments, alone=True)
