# SPDX-License-Identifier: Apache-2.0
"""Use cases: add the hosts of a file, export such a file."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flock.core.errors import FlockError, Unavailable
from flock.db import Database, DeadlockError
from flock.wire.patch import PatchOp
from sysinv.db.lookup import the_system
from sysinv.hosts.work import Work
from sysinv.model.host import normal_mac
from sysinv.resources.bulk import reading, rules, store, writing
from sysinv.resources.bulk.fields import PROFILE
from sysinv.resources.bulk.form import Upload
from sysinv.resources.bulk.intake import Entry, entries
from sysinv.resources.bulk.reading import DocumentRefused, FileFormat
from sysinv.resources.bulk.rules import Fate, Outcome, Verdict
from sysinv.resources.host import store as host_store
from sysinv.resources.host.service import HostService


@dataclass(frozen=True, slots=True)
class Result:
    """The reply: two texts for StarlingX's clients, and each host of the file; none when it could not be read."""

    success: str = ""
    error: str = ""
    hosts: Sequence[Outcome] = ()


class BulkService:
    """Judges all hosts of a file, then adds each in a transaction of its own, as ``POST /v1/ihosts`` does.

    Files and messages to mtce are work of the conductor: one stored operation per host, whose progress
    ``/v1/operations`` shows.
    """

    def __init__(self, db: Database, hosts: HostService, work: Work, active_controller: str) -> None:
        self._db = db
        self._hosts = hosts
        self._work = work
        self._active_controller = active_controller

    def refusal(self) -> str | None:
        """Return why no file is accepted now; None when one is."""
        with self._db.reader() as conn:
            return rules.refusal(the_system(conn), host_store.others(conn, None))

    def add(self, upload: Upload, *, dry_run: bool) -> Result:
        """Add the hosts of a file; with ``dry_run`` only say what would become of each."""
        form = reading.format_of(upload.data, upload.name, upload.media_type)
        try:
            found = entries(reading.read(upload.data, form))
        except DocumentRefused as problem:
            return unreadable(problem, form)
        verdicts = self._judged(found)
        stopped = dry_run or rules.has_invalid(verdicts)
        outcomes = rules.foreseen(verdicts) if stopped else self._carried_out(verdicts)
        return Result(*rules.texts(outcomes), outcomes)

    def export(self, form: FileFormat) -> str:
        """Return all hosts that have a personality as a file."""
        with self._db.reader() as conn:
            version, rows, static_addresses = store.exported(conn)
        hosts = [writing.elements(row, static_addresses) for row in writing.sorted_hosts(rows)]
        return writing.written(hosts, version, form)

    def _judged(self, found: Sequence[Entry]) -> list[Verdict]:
        macs = {mac for entry in found if (mac := normal_mac(entry.values.get("mgmt_mac") or ""))}
        names = {str(entry.values[PROFILE]) for entry in found if PROFILE in entry.values}
        with self._db.reader() as conn:
            situation = store.situation(conn, macs, names, self._active_controller)
        return rules.judged(found, situation)

    def _carried_out(self, verdicts: Sequence[Verdict]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        operation: str | None = None
        away: Unavailable | None = None
        for verdict in verdicts:
            if verdict.fate is Fate.EXISTS or away is not None:
                outcomes.append(rules.failed(verdict, str(away) if away is not None else verdict.message))
                continue
            try:
                uuid, begun = self._carry_out(verdict)
            except FlockError as problem:
                # The next hosts would wait as long for a database that is away; a collision concerns one host.
                if isinstance(problem, Unavailable) and not isinstance(problem, DeadlockError):
                    away = problem
                outcomes.append(rules.failed(verdict, str(problem)))
            else:
                operation = begun or operation
                outcomes.append(rules.done(verdict, uuid))
        if operation is not None:
            # One message for all: the conductor looks for everything that is due.
            self._work.begin(operation)
        return outcomes

    def _carry_out(self, verdict: Verdict) -> tuple[str, str | None]:
        if verdict.fate is Fate.ADD:
            return self._hosts.create(verdict.values, power_on=verdict.power_on, profile=verdict.profile)
        uuid = str(verdict.uuid)
        if verdict.values:
            self._hosts.change(uuid, [PatchOp("replace", (name,), value) for name, value in verdict.values.items()])
        return uuid, None


def unreadable(problem: DocumentRefused, form: FileFormat = FileFormat.XML) -> Result:
    """Return the reply to a file that cannot be read."""
    return Result(error=f"No hosts have been added, invalid {form.upper()} document: {problem}")
