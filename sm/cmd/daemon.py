# SPDX-License-Identifier: Apache-2.0
"""sm-daemon: service management of a controller."""
from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from flock.core.errors import FlockError, InvalidInput
from flock.exec.alone import alone
from flock.service import realtime
from sm.admin.program import catalogue_of
from sm.catalogue.build import catalogue as built
from sm.daemon import settings
from sm.daemon.links import links_of
from sm.daemon.node import NodeDaemon
from sm.store.store import Store
from sm.transport import settings as transport
from sm.transport.keyring import KeyFile


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
    parser.add_argument("--check", action="store_true",
                        help="check the settings, the catalogue, the paths and the key, and exit")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        chosen = settings.read(args.config)
        if args.check:
            print(checked_in_words(chosen))
            return 0
        return asyncio.run(_serve(chosen, args.stop_services))
    except (FlockError, OSError) as error:
        sys.stderr.write(f"sm-daemon: {error}\n")
        return 1


def checked_in_words(chosen: settings.Settings) -> str:
    """What the daemon would run with, in one line; a FlockError says what would keep it from starting."""
    path = Path(chosen.store)
    if path.exists():
        with contextlib.closing(Store.open(path, lambda: catalogue_of(Path(chosen.site)))) as store:
            configured = store.configured()
    else:
        configured = catalogue_of(Path(chosen.site))
    catalogue, links = built(configured, os.cpu_count() or 1), links_of(chosen, configured)
    if links:
        transport.checked(links, chosen.name)
        _, witness = KeyFile(Path(chosen.key)).load()
        if witness:
            raise InvalidInput(field="key", rule=f"must be a node's; {chosen.key} is that of the witness {witness}")
    shown = ", ".join(link.name for link in links) or "none, it is alone"
    return (f"the settings are good: {len(catalogue.groups)} groups, {len(catalogue.services)} services; "
            f"paths to other nodes: {shown}")


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
