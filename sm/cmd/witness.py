# SPDX-License-Identifier: Apache-2.0
"""sm-witness: the third voter of two controllers, on any other machine."""
from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from flock.core.errors import FlockError
from flock.service import realtime
from sm.daemon import settings
from sm.daemon.witness import WitnessDaemon, opened
from sm.store.kept import Kept


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the witness until a signal ends it. 0: ended by a signal; 1: it cannot start."""
    parser = argparse.ArgumentParser(
        prog="sm-witness", description="Votes on which of two controllers is active; runs no services.",
        epilog="example: sm-witness --config /etc/sm/witness.conf")
    parser.add_argument("--config", type=Path, default=Path("/etc/sm/witness.conf"),
                        help="settings (default: %(default)s)")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return asyncio.run(_serve(settings.read_witness(args.config)))
    except (FlockError, OSError) as error:
        sys.stderr.write(f"sm-witness: {error}\n")
        return 1


async def _serve(chosen: settings.WitnessSettings) -> int:
    realtime.prefer(chosen.realtime_priority)
    path = Path(chosen.store)
    connection = opened(path)
    try:
        return await WitnessDaemon(chosen, Kept(path, connection)).run()
    finally:
        connection.close()


if __name__ == "__main__":
    main()
