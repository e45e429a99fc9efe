# SPDX-License-Identifier: Apache-2.0
"""What the programs have in common: who may run them, their options, the change itself, and what they say."""
from __future__ import annotations

import argparse
import datetime
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from flock.core.errors import FlockError, Refused, Unavailable
from sm.admin.edits import Edit
from sm.admin.notifier import Notifier
from sm.catalogue.difference import lines
from sm.catalogue.load import read_site, shipped
from sm.catalogue.rows import Configured
from sm.catalogue.seed import configured
from sm.store.store import Change, Store

STORE = Path("/var/lib/flock/sm/sm.db")
SITE = Path("/etc/flock/sm/site.yaml")


def common(parser: argparse.ArgumentParser, apply: bool = False) -> None:
    """Options of every command; ``apply`` where the running daemon can be told."""
    parser.add_argument("--dry-run", action="store_true",
                        help="check the change and show what it would start, stop and move; change nothing")
    if apply:
        parser.add_argument("--apply", action="store_true",
                            help="tell the running sm; otherwise it uses the change after its next start")
    parser.add_argument("--store", type=Path, default=STORE, help="file of the configuration (default: %(default)s)")
    parser.add_argument("--site", type=Path, default=SITE,
                        help="description of this controller, for a new store (default: %(default)s)")


def run(name: str, parser: argparse.ArgumentParser, edit_of: Callable[[argparse.Namespace], Edit | None],
        arguments: Sequence[str], notify: Notifier) -> int:
    """Carry out one command line. 0: done; 1: refused, with the reason on stderr; 2: not root, or bad arguments.

    ``edit_of`` gives the change, or None: the catalogue is brought in anew.
    """
    args = parser.parse_args(arguments)
    if os.geteuid() != 0:
        _complain(f"{name} must run as root.")
        return 2
    try:
        edit = edit_of(args)
        change = _changed(args, edit, shlex.join([name, *arguments]))
    except Refused as error:
        _complain(f"{name}: refused; nothing was changed.\n{error}")
        return 1
    except FlockError as error:
        _complain(f"{name}: {error}")
        return 1
    for line in lines(change.difference):
        _say(line)
    if args.dry_run:
        _say("This was a dry run; nothing was changed.")
    elif not change.stored:
        _say("It is so already; nothing was changed.")
    else:
        _say(f"Stored as version {change.version}.")
    if getattr(args, "apply", False) and not args.dry_run:
        _tell(change.version, notify)
    return 0


def _changed(args: argparse.Namespace, edit: Edit | None, comment: str) -> Change:
    made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

    def catalogue() -> Configured:
        return configured(shipped(), read_site(args.site, shipped()))

    store = Store.open(args.store, catalogue, made)
    try:
        if edit is None:
            return store.renew(catalogue(), comment, made, dry_run=args.dry_run)
        return store.change(edit, comment, made, dry_run=args.dry_run)
    finally:
        store.close()


def _tell(version: int, notify: Notifier) -> None:
    try:
        notify(version)
    except Unavailable:
        _say("sm is not running; the change takes effect when it starts.")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")
