# SPDX-License-Identifier: Apache-2.0
"""sm-postgres: starts, stops, promotes and demotes PostgreSQL on this controller, for service management."""
from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from flock.core.errors import FlockError
from sm.postgres import settings
from sm.postgres.program import FAILED, Program, chosen_file
from sm.postgres.watcher import watch

WATCH = "watch"


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out one action. The codes of OCF agents: 0 done, 1 failed, 7 not running, 8 can be written, 33 a standby
    that lacks data, 36 a standby of nobody."""
    parser = argparse.ArgumentParser(
        prog="sm-postgres", description="Runs PostgreSQL on this controller as the active server or as its standby.",
        epilog="Promotes and demotes only as it is told; sm-daemon knows when that is right.")
    parser.add_argument("action", choices=("start", "stop", "promote", "demote", "monitor", "audit", WATCH))
    parser.add_argument("--config", type=Path, default=chosen_file() or settings.FILE,
                        help="settings (default: %(default)s)")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    try:
        program = Program(settings.read(args.config))
        return watch(program) if args.action == WATCH else program.run(args.action)
    except (FlockError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED


if __name__ == "__main__":
    main()
