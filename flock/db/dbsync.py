# SPDX-License-Identifier: Apache-2.0
"""The programs ``<subsystem>-dbsync``: a subsystem's database and its revisions."""
from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from flock.conf import setup
from flock.core.errors import FlockError
from flock.db import migrate, phases
from flock.db.database import from_conf

ACTIONS = ("upgrade", "downgrade", "version", "draft", "head", "expand", "settle")
_WITH_REVISION = ("downgrade", "settle")


def dbsync_main(subsystem: str, argv: Sequence[str] | None = None) -> int:
    """Run ``<subsystem>-dbsync [upgrade [revision] | downgrade revision | version | draft | head | expand | settle
    revision]``; returns the exit status.

    Upgrades by default. Reads the same configuration files as the daemons; ``--config-file`` adds more. ``expand`` and
    ``settle``: see ``flock.db.phases``; ``head`` prints the newest revision in the code.
    """
    parser = argparse.ArgumentParser(prog=f"{subsystem}-dbsync", description=f"Database schema of {subsystem}")
    parser.add_argument("--config-file", action="append", default=[], help="further configuration file")
    parser.add_argument("action", nargs="?", default="upgrade", choices=ACTIONS)
    parser.add_argument("revision", nargs="?", default=None)
    given = parser.parse_args(sys.argv[1:] if argv is None else list(argv))
    if given.action in _WITH_REVISION and given.revision is None:
        parser.error(f"{given.action} needs a revision")
    if given.action == "head":
        sys.stdout.write(f"{migrate.head(subsystem)}\n")
        return 0
    conf = setup(f"{subsystem}-dbsync", subsystem, [f"--config-file={name}" for name in given.config_file])
    url = from_conf(conf).url.render_as_string(hide_password=False)
    try:
        _do(given.action, url, subsystem, given.revision)
    except FlockError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1
    return 0


def _do(action: str, url: str, subsystem: str, revision: str | None) -> None:
    if action == "upgrade":
        migrate.upgrade(url, subsystem, revision or "head")
    elif action == "downgrade":
        migrate.downgrade(url, subsystem, revision or "")
    elif action == "expand":
        sys.stdout.write(f"{subsystem} is at {phases.expand(url, subsystem)}\n")
    elif action == "settle":
        phases.settle(url, subsystem, revision or "")
        sys.stdout.write(f"{subsystem} is at {revision}\n")
    elif action == "draft":
        sys.stdout.write(migrate.draft(url, subsystem, _metadata_of(subsystem)) + "\n")
    else:
        sys.stdout.write(f"{migrate.current(url) or 'none'} (newest: {migrate.head(subsystem)})\n")


def _metadata_of(subsystem: str) -> sa.MetaData:
    tables: Any = importlib.import_module(f"{subsystem}.db.tables")
    found = [value for value in vars(tables).values() if isinstance(value, sa.MetaData)]
    if len(found) != 1:
        raise ValueError(f"{subsystem}.db.tables must hold one MetaData")
    return found[0]
