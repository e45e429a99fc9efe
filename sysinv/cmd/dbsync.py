# SPDX-License-Identifier: Apache-2.0
"""sysinv-dbsync: creates the tables of sysinv and their initial content."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from oslo_config import cfg

from flock.core.errors import FlockError
from flock.db import from_conf
from flock.db.dbsync import dbsync_main
from flock.exec.root import Root
from sysinv.bootstrap.answers import load
from sysinv.db.lookup import host_row
from sysinv.hosts.seed import seed_system
from sysinv.model.hostname import CONTROLLER_0


def main() -> None:
    """``sysinv-dbsync [--seed ANSWERS [--controller-mac MAC]]`` and what ``flock.db.dbsync`` takes.

    ``--seed`` upgrades, then stores system, networks and controller-0 from the answers file.
    """
    parser = argparse.ArgumentParser(prog="sysinv-dbsync", add_help=False)
    parser.add_argument("--seed", type=Path)
    parser.add_argument("--controller-mac")
    args, rest = parser.parse_known_args(sys.argv[1:])
    code = dbsync_main("sysinv", rest)
    if code == 0 and args.seed is not None:
        code = _seed(args.seed, args.controller_mac)
    sys.exit(code)


def _seed(path: Path, mac: str | None) -> int:
    try:
        answers = load(path)
        if mac is None:
            mac = Root("/").text(f"sys/class/net/{answers.network('pxeboot').interface}/address")
        database = from_conf(cfg.CONF)
        stored = seed_system(database, answers, mac)
        with database.reader() as conn:
            host_uuid = host_row(conn, CONTROLLER_0)["uuid"]
        database.dispose()
    except (OSError, FlockError) as error:
        print(f"sysinv-dbsync: {error}", file=sys.stderr)
        return 1
    print("system stored" if stored else "the system is known already; nothing was changed")
    print(f"{CONTROLLER_0} {host_uuid}")
    return 0
