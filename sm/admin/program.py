# SPDX-License-Identifier: Apache-2.0
"""What the programs have in common: who may run them, their options, the change itself, and what they say."""
from __future__ import annotations

import argparse
import datetime
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flock.core.errors import FlockError, Refused
from sm.admin.edits import Edit
from sm.admin.notifier import Notifier
from sm.catalogue.difference import lines
from sm.catalogue.load import read_site, shipped
from sm.catalogue.rows import Configured
from sm.catalogue.seed import configured
from sm.client.control import NotRunning
from sm.client.program import say
from sm.store.store import Change, Store

STORE = Path("/var/lib/flock/sm/sm.db")
SITE = Path("/etc/flock/sm/site.yaml")


def common(parser: argparse.ArgumentParser, apply: bool = False) -> None:
    """Options of every command that changes something; ``apply`` where the running daemon can be told."""
    parser.add_argument("--dry-run", action="store_true",
                        help="check the change and show what it would start, stop and move; change nothing")
    if apply:
        parser.add_argument("--apply", action="store_true",
                            help="tell the running sm; otherwise it uses the change after its next start")
    places(parser)


def places(parser: argparse.ArgumentParser) -> None:
    """Options of every command: where the files are."""
    parser.add_argument("--store", type=Path, default=STORE, help="file of the configuration (default: %(default)s)")
    parser.add_argument("--site", type=Path, default=SITE,
                        help="description of this controller, for a new store (default: %(default)s)")


@dataclass(frozen=True, slots=True)
class Note:
    """What is stored beside a change: the command line and the time, for people; and whether it is a dry run."""

    comment: str
    made: str
    dry_run: bool


Work = Callable[[Store, Note], Change | None]
"""What a command does with the store; None: it has told all there is to tell."""


def edited(edit: Edit) -> Work:
    """The work of changing the rows by a pure function."""
    return lambda store, note: store.change(edit, note.comment, note.made, dry_run=note.dry_run)


def run(name: str, parser: argparse.ArgumentParser, work_of: Callable[[argparse.Namespace], Work],
        arguments: Sequence[str], notify: Notifier) -> int:
    """Carry out one command line. 0: done; 1: refused, with the reason on stderr; 2: not root, or bad arguments."""
    args = parser.parse_args(arguments)
    if os.geteuid() != 0:
        _complain(f"{name} must run as root.")
        return 2
    made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    note = Note(shlex.join([name, *arguments]), made, getattr(args, "dry_run", False))
    try:
        work = work_of(args)
        store = Store.open(args.store, lambda: catalogue_of(args.site), made)
        try:
            change = work(store, note)
        finally:
            store.close()
    except Refused as error:
        _complain(f"{name}: refused; nothing was changed.\n{error}")
        return 1
    except FlockError as error:
        _complain(f"{name}: {error}")
        return 1
    if change is not None:
        _report(change, note)
        if getattr(args, "apply", False) and not note.dry_run:
            return _tell(name, change.version, notify)
    return 0


def catalogue_of(site: Path) -> Configured:
    """The rows that the shipped catalogue gives a controller with this description."""
    return configured(shipped(), read_site(site, shipped()))


def _report(change: Change, note: Note) -> None:
    for line in lines(change.difference):
        say(line)
    if note.dry_run:
        say("This was a dry run; nothing was changed.")
    elif not change.stored:
        say("It is so already; nothing was changed.")
    else:
        say(f"Stored as version {change.version}.")


def _tell(name: str, version: int, notify: Notifier) -> int:
    try:
        say(notify(version))
    except NotRunning:
        say("sm is not running; the change takes effect when it starts.")
    except FlockError as error:
        _complain(f"{name}: the change is stored, but sm could not be told: {error}")
        return 1
    return 0


def _complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")
