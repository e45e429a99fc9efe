# SPDX-License-Identifier: Apache-2.0
"""sm-daemon: service management of a controller."""
from __future__ import annotations

import argparse
import asyncio
import datetime
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from flock.core.errors import FlockError
from flock.exec.alone import alone
from flock.service import realtime
from sm.admin.program import catalogue_of
from sm.daemon import settings
from sm.daemon.node import NodeDaemon
from sm.store.store import Store


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the daemon until a signal ends it. 0: ended by a signal; 1: it cannot start, or steps have failed."""
    parser = argparse.ArgumentParser(
        prog="sm-daemon", description="Keeps the services of this controller running, and moves them to the other one.",
        epilog="SIGTERM ends the daemon; the services go on. SIGUSR2 announces that it is away for up to 30 s.")
    parser.add_argument("--config", type=Path, default=settings.FILE, help="settings (default: %(default)s)")
    parser.add_argument("--stop-services", action="store_true",
                        help="SIGTERM first moves the services to the other controller, or stops them")
    parser.add_argument("--check", action="store_true", help="check the settings and exit")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        chosen = settings.read(args.config)
        return 0 if args.check else asyncio.run(_serve(chosen, args.stop_services))
    except (FlockError, OSError) as error:
        sys.stderr.write(f"sm-daemon: {error}\n")
        return 1


async def _serve(chosen: settings.Settings, stop_services: bool) -> int:
    runtime = Path(chosen.runtime)
    runtime.mkdir(mode=0o755, parents=True, exist_ok=True)
    with alone(runtime / "lock", "Another daemon runs."):
        realtime.prefer(chosen.realtime_priority)
        made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        store = Store.open(Path(chosen.store), lambda: catalogue_of(Path(chosen.site)), made, repair=True)
        try:
            return await NodeDaemon(chosen, store, stop_services).run()
        finally:
            store.close()


if __name__ == "__main__":
    main()
