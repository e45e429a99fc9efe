# SPDX-License-Identifier: Apache-2.0
"""What a node has stored of another's directory: puts a generation in place, and knows after a crash which it has.

Everything of the mirror itself is in ``.sm-mirror`` of the directory, in the same file system:

* ``staged/``: new content, complete and on the disk before anything is put in place;
* ``next``: the list that is being put in place. While it exists, the rest can be done without the other node;
* ``current``: the list that is in place, and the node and generation that it is of. Written last;
* ``base``: what ``current`` was when this node became active: what both nodes had.
"""
from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from flock.core.errors import InvalidInput
from sm.mirror import names
from sm.mirror.inotify import sync_filesystem
from sm.mirror.manifest import Entry, Generation, Limits, Manifest, manifest
from sm.mirror.placing import NotStored, Placing, gid, uid
from sm.mirror.plan import plan, staged_name
from sm.mirror.records import Records, Stored
from sm.mirror.tree import Tree

LOG = logging.getLogger(__name__)
COPY_BYTES = 1 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Holding:
    """The directory of one node as far as it is stored. Not for use by two threads at a time."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root, self._limits = root, limits
        self._own, self._staged = root / names.OWN, root / names.OWN / "staged"
        self._loose = False
        self.tree = Tree(root, limits)
        self.records, self.placing = Records(root), Placing(self.tree, self._staged)

    def open(self) -> None:
        """Make the mirror's own directory after a start, and complete what a crash has interrupted. OSError: it cannot
        be used."""
        self._own.mkdir(mode=0o700, exist_ok=True)
        self._own.chmod(0o700)
        self._staged.mkdir(mode=0o700, exist_ok=True)
        for path in self._own.glob(".*"):
            path.unlink()
        self.complete()
        # What an interrupted process has staged may be cut off.
        self.forget_staged()

    def complete(self) -> None:
        """Put in place what was ready to be."""
        pending = self.records.read("next")
        if pending is not None:
            self._complete(pending)

    def initialise(self, me: str) -> None:
        """Say that the content of a new system's first node counts. NotStored: the directory is mirrored already."""
        self.open()
        if self.records.read("current") is not None:
            raise NotStored("the directory is one of a mirror already")
        self.records.write("current", Stored(me))

    @contextlib.contextmanager
    def staging(self, entry: Entry, together: bool = False) -> Iterator[int]:
        """A descriptor to write a file's content to. At the end it has its owner and mode, and is on the disk.
        ``together``: with so many others that ``put`` has the disk store them all at once. NotStored: it cannot be
        stored."""
        path = self._staged / staged_name(entry)
        try:
            descriptor = os.open(path, _NEW, 0o600)
            try:
                yield descriptor
                os.fchown(descriptor, uid(entry.owner), gid(entry.group))
                os.fchmod(descriptor, entry.mode)
                if together:
                    self._loose = True
                else:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise NotStored(f"{entry.name} cannot be stored: {error.strerror or error}") from error
            raise

    def is_staged(self, entry: Entry) -> bool:
        """Whether the content of an entry waits to be put in place."""
        return (self._staged / staged_name(entry)).exists()

    def stage_local(self, entry: Entry, source: str, together: bool) -> bool:
        """Stage the content from another file of the directory; False when that has changed."""
        with (contextlib.suppress(OSError, NotStored), self.tree.opened(source) as content,
              self.staging(entry, together) as out):
            made, left = hashlib.sha256(), entry.size
            while chunk := os.read(content, COPY_BYTES):
                made.update(chunk)
                left -= len(chunk)
                if left < 0:
                    break
                write_all(out, chunk)
            if left or made.hexdigest() != entry.digest:
                raise NotStored("the local file has changed")
            return True
        return False

    def put(self, origin: str, generation: Generation, have: Manifest, want: Manifest) -> None:
        """Put a generation in place of which all new content is staged. NotStored: the rest is done later, or the
        directory has been changed by somebody else."""
        try:
            record = Stored(origin, generation.term, generation.number, tuple(want.values()))
            steps = plan(have, want)
            for entry in (*steps.directories, *steps.files, *steps.links):
                uid(entry.owner), gid(entry.group)
            # One rename is old or new by itself; more than one must be completed after a crash.
            several = len(steps.clear + steps.directories + steps.files + steps.links + steps.remove) > 1
            if several or self._loose:
                self._sync_staged()
            if several:
                self.records.write("next", record)
            self.placing.carry_out(steps)
            self.records.write("current", record)
            if several:
                (self._own / "next").unlink()
        except OSError as error:
            raise NotStored(f"generation {generation} cannot be put in place: {error.filename or ''} "
                            f"{error.strerror or error}") from error

    def forget_staged(self) -> None:
        """Remove content that was not used."""
        for path in self._staged.iterdir():
            path.unlink()

    def _sync_staged(self) -> None:
        with self.tree.directory(f"{names.OWN}/staged") as staged:
            (sync_filesystem if self._loose else os.fsync)(staged)
        self._loose = False

    def _complete(self, record: Stored) -> None:
        """Do the rest of what a crash has interrupted; where that is impossible, all is fetched again."""
        try:
            want = manifest(record.entries, self._limits)
            self.placing.carry_out(plan(self.tree.scan(afresh=True).entries, want))
            self.records.write("current", record)
        except (FileNotFoundError, InvalidInput, NotStored) as error:
            LOG.error("Generation %d.%d of %s was interrupted and cannot be completed here: %s", record.term,
                      record.number, record.origin, error)
            (self._own / "current").unlink(missing_ok=True)
        (self._own / "next").unlink()


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]
