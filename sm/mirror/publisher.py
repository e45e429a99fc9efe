# SPDX-License-Identifier: Apache-2.0
"""The active node's directory: changes that the kernel tells become generations; audits find what it did not tell."""
from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sm.mirror import names
from sm.mirror.holding import Holding
from sm.mirror.inotify import IN_IGNORED, IN_Q_OVERFLOW, Inotify
from sm.mirror.manifest import NONE, Entry, Generation, Kind, Limits, difference, digest, over
from sm.mirror.records import NUMBERS
from sm.mirror.tree import Found, check_totals

LOG = logging.getLogger(__name__)
AUDITED_BYTES = 64 << 20
AUDITED_NAMES = 200


@dataclass(frozen=True, slots=True)
class Published:
    """A generation. ``since_ms``: when it was published. ``incomplete``: what it lacks, a sentence, or empty.
    ``held``: newer changes are not in it. ``digest`` is empty until there is a list that others may be given."""

    generation: Generation = NONE
    entries: Mapping[str, Entry] = field(default_factory=dict)
    digest: str = ""
    since_ms: int = 0
    incomplete: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    held: bool = False


class Publisher:
    """One period in which this node is active. ``on_new`` gets each generation, in the thread that has found it.

    When ``refresh`` returns, everything that was written before it was called is in the generation that it returns, and
    on this node's disk.
    """

    def __init__(self, holding: Holding, limits: Limits, me: str, term: int,
                 on_new: Callable[[Published], None]) -> None:
        self._holding, self._limits, self._me, self._on_new = holding, limits, me, on_new
        self._lock = threading.Lock()
        self._inotify = Inotify()
        self._watches: dict[int, str] = {}
        self._watched: dict[str, int] = {}
        self._unwatched, self._failed, self._unsynced = "", False, False
        self.tree = holding.tree
        self.tree.on_directory = self._watch
        self._found = Found()
        number = holding.records.begin_active(me, term)
        self._reserved = number + NUMBERS
        self.now = Published(Generation(term, number))

    def fileno(self) -> int:
        """Readable when something has changed."""
        return self._inotify.fileno()

    def begin(self) -> None:
        """Look at everything, and publish the first generation, unless something cannot be read or is too much."""
        with self._lock:
            self._found = self.tree.scan()
            self._publish()

    def refresh(self) -> Published:
        """Take in all changes that have been made until now."""
        with self._lock:
            self._take(self._dirty())
            return self.now

    def renew(self, term: int) -> None:
        """This node was elected again: the same content is a generation of a newer term."""
        with self._lock:
            if term > self.now.generation.term:
                self._take(self._dirty())
                self._publish(term=term)

    def distrust(self, name: str) -> None:
        """Look at a name again, although nobody has told of a change."""
        with self._lock:
            self._take(self._dirty())
            self._take({name})

    def audit(self, goes_on: Callable[[], bool]) -> int:
        """Read everything again, a part at a time. Returns how many entries had changed without notice."""
        unnoticed = 0
        with self._lock:
            self._take(self._dirty())
            before = self.now.generation
            self._rescan()
            unnoticed += self.now.generation != before
            pending = list(self._found.entries.values())
        while pending and goes_on():
            part: set[str] = set()
            size = 0
            while pending and size < AUDITED_BYTES and len(part) < AUDITED_NAMES:
                entry = pending.pop()
                size += entry.size
                if entry.kind is not Kind.DIRECTORY:
                    part.add(entry.name)
            with self._lock:
                self._take(self._dirty())
                before_entries = self.now.entries
                self._take(part)
                unnoticed += len(difference(before_entries, self.now.entries)[0])
        return unnoticed

    def close(self) -> None:
        """Watch no more."""
        with self._lock:
            self.tree.on_directory = None
            self._inotify.close()

    @property
    def problem(self) -> str:
        """What is wrong with watching, in a sentence; empty when nothing is."""
        return self._unwatched

    def _dirty(self) -> set[str] | None:
        """The names that have changed; None: some are not known, so everything must be looked at."""
        dirty: set[str] = set()
        for event in self._inotify.read():
            if event.mask & IN_Q_OVERFLOW:
                return None
            if event.mask & IN_IGNORED:
                self._forget(event.watch)
                continue
            directory = self._watches.get(event.watch)
            if directory is None:
                continue
            if not event.name:
                if directory:
                    dirty.add(directory)
                continue
            name = names.quoted(event.name)
            name = f"{directory}/{name}" if directory else name
            if name.split("/", 1)[0] != names.OWN:
                dirty.add(name)
        return dirty

    def _take(self, dirty: set[str] | None) -> None:
        # Changes alone do not bring back what was cut off from a list: it would be taken for removed.
        if dirty is None or self._unwatched or self._failed or (dirty and self._found.cut):
            self._rescan()
            return
        if not dirty:
            return
        # What cannot be taken in now is not told again.
        self._failed = True
        for name in sorted(dirty, key=names.depth):
            known = self._found.entries.get(name)
            if known is not None and known.kind is Kind.DIRECTORY:
                self._unwatch_below(name)
            self.tree.look(name, self._found)
        self._publish()
        self._failed = False

    def _rescan(self) -> None:
        self._unwatched, self._failed = "", True
        self._found = self.tree.scan()
        self._publish()
        self._failed = False

    def _publish(self, *, term: int = 0) -> None:
        found, before = self._found, self.now
        first = not before.digest
        check_totals(found, self._limits)
        incomplete = over(self._limits) if found.too_much else next(
            (f"{name} {reason}" for name, reason in found.missing.items()), "")
        entries, held = self._offered(first)
        left_out = {**found.left_out, **found.missing}
        if self._unsynced:
            self._holding.placing.sync_all()
            self._unsynced = False
        changed, removed = difference(before.entries, entries)
        same = not changed and not removed and not first and not term
        unchanged = same or (first and held)
        if unchanged and not term and (incomplete, left_out) == (before.incomplete, before.left_out):
            return
        if incomplete and incomplete != before.incomplete:
            LOG.error("The directory is not mirrored completely: %s", incomplete)
        generation = before.generation
        if not same:
            generation = Generation(term or generation.term, generation.number + 1)
            if generation.number >= self._reserved or term:
                self._holding.records.reserve(self._me, generation)
                self._reserved = generation.number + NUMBERS
        self.now = Published(generation, entries, before.digest if unchanged else digest(entries),
                             time.monotonic_ns() // 1_000_000, incomplete, left_out, held)
        self._on_new(self.now)
        if not same:
            # The other nodes store it at the same time.
            self._unsynced = True
            self._holding.placing.sync(changed, removed)
            self._unsynced = False

    def _offered(self, first: bool) -> tuple[dict[str, Entry], bool]:
        """What the others are given of what was found, and whether newer changes are held back: from a list that is cut
        off they would remove what is not in it. With the first list nobody knows what they have of it."""
        found, before = self._found, self.now.entries
        unreadable = found.unreadable if first else found.unreadable & before.keys()
        held = found.too_much or any(first or before[name].kind is Kind.DIRECTORY for name in unreadable)
        entries = dict(before if held else found.entries)
        for name in found.unreadable & before.keys():
            # What cannot be read here may be readable there.
            entries[name] = before[name]
        return entries, held

    def _watch(self, name: str, directory: int) -> None:
        try:
            watch = self._inotify.add(directory)
        except OSError as error:
            if not self._unwatched:
                hint = "; raise fs.inotify.max_user_watches" if error.errno == errno.ENOSPC else ""
                LOG.error("%s cannot be watched: %s%s", name or "the directory", os.strerror(error.errno or 0), hint)
            self._unwatched = f"{name or 'the directory'} cannot be watched: {error.strerror}"
            return
        old = self._watches.get(watch)
        if old is not None and self._watched.get(old) == watch:
            del self._watched[old]
        self._watches[watch], self._watched[name] = name, watch

    def _unwatch_below(self, name: str) -> None:
        """A directory may be gone, or be somewhere else under another name."""
        for below in [known for known in self._watched if known == name or known.startswith(f"{name}/")]:
            watch = self._watched.pop(below)
            del self._watches[watch]
            self._inotify.remove(watch)

    def _forget(self, watch: int) -> None:
        name = self._watches.pop(watch, None)
        if name is not None and self._watched.get(name) == watch:
            del self._watched[name]
