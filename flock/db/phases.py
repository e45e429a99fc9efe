# SPDX-License-Identifier: Apache-2.0
"""Changes of a schema while two releases of the code use the database.

A revision *expands* the schema: it adds what the next release needs and leaves what this one uses, as it is. One with
``phase = "contract"`` in its module takes away, or binds, what only the release before needed. A release adds first,
and takes away once no host runs the release before any more; taken back, it removes what it has added.
"""
from __future__ import annotations

import logging
import time
from collections.abc import Callable

from alembic.script import Script, ScriptDirectory

from flock.core.backoff import Backoff
from flock.core.errors import FlockError
from flock.db import migrate
from flock.db.outage import DeadlockError

LOG = logging.getLogger(__name__)
EXPAND, CONTRACT = "expand", "contract"
# A change waits behind a long transaction, and everybody else behind the change: it gives up soon and tries again.
LOCK_WAIT_S = 3
TRY_MAX_S = 300.0
_RETRY = Backoff(0.5, 10.0)


class WrongOrder(FlockError):
    """The schema cannot be changed so that both releases work with it."""

    code, http, text = "flock.db.wrong_order", 409, "{detail}"


def expand(url: str, subsystem: str) -> str:
    """Run the revisions that are missing, up to the first that takes away; returns the revision that then is there.

    WrongOrder: one of those after it adds again, so that the release before had to be completed first.
    """
    scripts, current = migrate.directory(subsystem), migrate.current(url)
    if current is None:
        # Nobody uses the database yet.
        migrate.upgrade(url, subsystem)
        return migrate.head(subsystem) or ""
    missing = _missing(scripts, current, subsystem)
    phases = [phase(script) for script in missing]
    first = phases.index(CONTRACT) if CONTRACT in phases else len(missing)
    late = [script.revision for script, kind in zip(missing[first:], phases[first:], strict=True) if kind == EXPAND]
    if late:
        raise WrongOrder(detail=f"The database of {subsystem} lacks revision {missing[first].revision}, which must run "
                                f"before {', '.join(late)}. Complete the release before, or, when no host needs what "
                                f"that revision removes, run {subsystem}-dbsync upgrade {missing[first].revision}.")
    if first == 0:
        return current
    target = missing[first - 1].revision
    _patiently(lambda: migrate.upgrade(url, subsystem, target, LOCK_WAIT_S), f"{subsystem} {target}")
    return target


def settle(url: str, subsystem: str, revision: str) -> None:
    """Bring the database to ``revision``, the newest that the installed code knows: forth, or back when it is beyond.

    WrongOrder: this code does not know the revision, or the one that the database has.
    """
    scripts, current = migrate.directory(subsystem), migrate.current(url)
    _known(scripts, revision, subsystem)
    if current == revision:
        return
    if current is not None and revision not in {script.revision for script in _missing(scripts, current, subsystem)}:
        _patiently(lambda: migrate.downgrade(url, subsystem, revision, LOCK_WAIT_S), f"{subsystem} back to {revision}")
    else:
        _patiently(lambda: migrate.upgrade(url, subsystem, revision, LOCK_WAIT_S), f"{subsystem} {revision}")


def phase(script: Script) -> str:
    """Whether a revision adds or takes away. WrongOrder: its module says something else."""
    found = getattr(script.module, "phase", EXPAND)
    if found not in (EXPAND, CONTRACT):
        raise WrongOrder(detail=f"Revision {script.revision}: phase must be {EXPAND} or {CONTRACT}, not {found!r:.40}.")
    return str(found)


def _missing(scripts: ScriptDirectory, current: str, subsystem: str) -> list[Script]:
    """The revisions after ``current``, the oldest first."""
    _known(scripts, current, subsystem)
    head = scripts.get_current_head() or current
    return [script for script in scripts.iterate_revisions(head, current)][::-1]


def _known(scripts: ScriptDirectory, revision: str, subsystem: str) -> None:
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        raise WrongOrder(detail=f"Revision {revision} of the database of {subsystem} is unknown to this release. Use "
                                "the programs of a release that is at least as new.")


def _patiently(change: Callable[[], None], what: str) -> None:
    end_s = time.monotonic() + TRY_MAX_S
    for pause_s in _RETRY.pauses_s():
        try:
            return change()
        except DeadlockError as error:
            if time.monotonic() + pause_s > end_s:
                raise
            LOG.warning("%s: %s; trying again", what, error)
        time.sleep(pause_s)
    return None
