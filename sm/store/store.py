# SPDX-License-Identifier: Apache-2.0
"""The store: the configured rows, their validated changes and versions; ``kept`` has what the daemon keeps."""
from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput, NotFound
from sm.catalogue.check import check
from sm.catalogue.difference import Difference, difference
from sm.catalogue.problems import Problem
from sm.catalogue.renewal import renewed
from sm.catalogue.rows import ROW_TYPES, Configured, tables
from sm.store import rows
from sm.store.access import failures, transaction
from sm.store.errors import StoreCorrupt
from sm.store.file import connect, set_aside
from sm.store.kept import Kept
from sm.store.schema import DocumentRow, VersionRow

LOG = logging.getLogger(__name__)

VERSIONS_MAX = 20
CONFIGURED_BYTES_MAX = 50_000_000
SHIPPED = "catalogue"
"""The document with the catalogue that was brought in last."""


@dataclass(frozen=True, slots=True)
class Change:
    """The result of a change. ``version``: of the configuration now; ``stored``: False after a dry run."""

    version: int
    difference: Difference
    stored: bool


@dataclass(frozen=True, slots=True)
class Version:
    """One earlier configuration; ``made`` is the time of the wall clock, for people."""

    number: int
    comment: str
    made: str


class Store:
    """One open store, used by one thread. Another process may change it between two calls.

    ``damaged``: where a damaged file is now, in whose place this one was made. ``ignored``: the rows that could not be
    read when the configuration was read last.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, damaged: Path | None) -> None:
        self._path = path
        self._connection = connection
        self.kept = Kept(path, connection)
        self.damaged = damaged
        self.ignored: list[Problem] = []

    @classmethod
    def open(cls, path: Path, seed: Callable[[], Configured], made: str = "", repair: bool = False) -> Store:
        """Open the file; ``seed`` gives the rows of a new one. ``repair``: set a damaged file aside, for the daemon.

        StoreCorrupt without ``repair``; StoreUnavailable; CatalogueRefused when the seed breaks rules.
        """
        damaged = None
        try:
            connection = connect(path)
        except StoreCorrupt as error:
            if not repair:
                raise
            damaged = set_aside(path)
            LOG.error("%s It is now %s.", error, damaged)
            connection = connect(path)
        store = cls(path, connection, damaged)
        try:
            if store.version() == 0:
                store.renew(seed(), "from the catalogue", made)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close the file; everything that was stored is on the disk already."""
        self._connection.close()

    def configured(self) -> Configured:
        """All configured rows that can be read; ``ignored`` has the others, such as of a newer release, which stay in
        the file."""
        with failures(self._path):
            found, self.ignored = self._read()
        return found

    def _read(self) -> tuple[Configured, list[Problem]]:
        found: dict[str, Any] = {}
        wrong: list[Problem] = []
        for table in ROW_TYPES:
            found[table], problems = rows.read(self._connection, table)
            wrong += problems
        return Configured(**found), wrong

    def version(self) -> int:
        """The number of the present configuration; 0 before the first."""
        with failures(self._path):
            return int(self._connection.execute("SELECT coalesce(max(number), 0) FROM versions").fetchone()[0])

    def versions(self) -> list[Version]:
        """The kept configurations, the newest first."""
        with failures(self._path):
            found, _ = rows.read(self._connection, "versions")
        return [Version(row.number, row.comment, row.made) for row in reversed(found)]

    def change(self, edit: Callable[[Configured], Configured], comment: str, made: str = "", *,
               dry_run: bool = False) -> Change:
        """Store ``edit`` of the configured rows as a new version, if the whole result obeys every rule.

        CatalogueRefused, and whatever ``edit`` raises, leave everything as it was. A change that changes nothing
        makes no version. A dry run only tells the difference.
        """
        with failures(self._path), self._transaction(keep=not dry_run):
            before, _ = self._read()
            return self._replace(before, edit(before), comment, made, dry_run)

    def renew(self, shipped: Configured, comment: str, made: str = "", *, dry_run: bool = False) -> Change:
        """Bring in the catalogue of a new release or of a changed site; what operators have changed stays.

        CatalogueRefused: the result breaks rules, and everything is as it was.
        """
        with failures(self._path), self._transaction(keep=not dry_run):
            before, _ = self._read()
            found = self._connection.execute("SELECT document FROM documents WHERE name = ?", (SHIPPED,)).fetchone()
            base = self._unpacked("the catalogue", found[0]) if found else Configured()
            done = self._replace(before, renewed(base, before, shipped), comment, made, dry_run)
            rows.put(self._connection, "documents", DocumentRow(SHIPPED, _packed(shipped)))
            return done

    def _replace(self, before: Configured, after: Configured, comment: str, made: str, dry_run: bool) -> Change:
        check(after)
        found, number = difference(before, after), self.version()
        if found and not dry_run:
            number += 1
            was, now = tables(before), tables(after)
            for table in ROW_TYPES:
                rows.write(self._connection, table, was[table], now[table])
            rows.put(self._connection, "versions", VersionRow(number, comment, made, _packed(after)))
            self._connection.execute("DELETE FROM versions WHERE number <= ?", (number - VERSIONS_MAX,))
        return Change(number, found, bool(found) and not dry_run)

    def roll_back(self, number: int, made: str = "", *, dry_run: bool = False) -> Change:
        """Make the configuration of an earlier version the present one, as a new version. NotFound: it is not kept."""
        with failures(self._path):
            found = next((row for row in rows.read(self._connection, "versions")[0] if row.number == number), None)
        if found is None:
            raise NotFound(resource="configuration version", id=number)
        earlier = self._unpacked(f"version {number}", found.document)
        return self.change(lambda _: earlier, f"back to version {number}", made, dry_run=dry_run)

    def earlier(self, number: int) -> Configured | None:
        """The configuration of a version; None when it is not kept, or cannot be read."""
        with failures(self._path):
            found = next((row for row in rows.read(self._connection, "versions")[0] if row.number == number), None)
        try:
            return self._unpacked(f"version {number}", found.document) if found is not None else None
        except StoreCorrupt as error:
            LOG.error("%s", error)
            return None

    def _unpacked(self, what: str, document: str) -> Configured:
        try:
            text = zlib.decompressobj().decompress(bytes.fromhex(document), CONFIGURED_BYTES_MAX)
            found: Configured = codec_for(Configured).decode(text, what)
        except (ValueError, zlib.error, InvalidInput) as error:
            raise StoreCorrupt(path=self._path, reason=f"{what} cannot be read: {error}") from error
        return found

    @contextmanager
    def _transaction(self, keep: bool = True) -> Iterator[None]:
        if keep:
            with transaction(self._connection):
                yield
        else:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")


def _packed(configured: Configured) -> str:
    return zlib.compress(codec_for(Configured).encode(configured, "configured")).hex()
