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
import grp
import hashlib
import logging
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.exec.atomic import replace_file
from sm.mirror import names
from sm.mirror.acceptance import Held
from sm.mirror.inotify import sync_filesystem
from sm.mirror.manifest import NONE, Entry, Generation, Kind, Limits, Manifest, manifest
from sm.mirror.plan import Plan, plan, staged_name
from sm.mirror.tree import Tree

LOG = logging.getLogger(__name__)
COPY_BYTES = 1 << 20
NUMBERS = 1_000
"""An active node stores how far it may count, so that no number is used twice."""
SYNCED_EACH_MAX = 64
"""With more files or directories than this, the whole file system is written to the disk at once."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotStored(Exception):
    """A generation cannot be put in place here; the text tells the operator why."""


@dataclass(frozen=True, slots=True)
class _List:
    origin: str = ""
    term: int = 0
    number: int = 0
    entries: tuple[Entry, ...] = ()


class Holding:
    """The directory of one node as far as it is stored. Not for use by two threads at a time."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root, self._limits = root, limits
        self._own, self._staged = root / names.OWN, root / names.OWN / "staged"
        self._loose = False
        self.tree = Tree(root, limits)

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
        pending = self._read("next")
        if pending is not None:
            self._complete(pending)

    def initialise(self, me: str) -> None:
        """Say that the content of a new system's first node counts. NotStored: the directory is mirrored already."""
        self.open()
        if self._read("current") is not None:
            raise NotStored("the directory is one of a mirror already")
        self._write("current", _List(me))

    def held(self) -> Held:
        """Whose state this is, and its generation."""
        found = self._read("current")
        return Held("", NONE) if found is None else Held(found.origin, Generation(found.term, found.number))

    def reference(self, me: str, base: tuple[Entry, ...] | None) -> Manifest | None:
        """The last state that this node and the active one both had: ``base``, which the active one tells, if this node
        was active last; else what is stored here. None: nobody knows."""
        found = self._read("current")
        entries = base if found is not None and found.origin == me else found.entries if found is not None else None
        return None if entries is None else {entry.name: entry for entry in entries}

    def base(self, peer: str) -> tuple[Entry, ...] | None:
        """What this node had from ``peer`` when it became active; None when that was not from this node."""
        found = self._read("base")
        return found.entries if found is not None and found.origin == peer else None

    def begin_active(self, me: str, term: int) -> int:
        """This node becomes active in ``term``. Returns the number below which all numbers are used."""
        found = self._read("current") or _List()
        if found.origin not in ("", me):
            self._write("base", found)
        self.reserve(me, Generation(term, found.number))
        return found.number

    def reserve(self, me: str, generation: Generation) -> None:
        """Store that this node is active, and may use numbers up to ``NUMBERS`` above that of ``generation``."""
        self._write("current", _List(me, generation.term, generation.number + NUMBERS))

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
                os.fchown(descriptor, _uid(entry.owner), _gid(entry.group))
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
            record = _List(origin, generation.term, generation.number, tuple(want.values()))
            steps = plan(have, want)
            for entry in (*steps.directories, *steps.files, *steps.links):
                _uid(entry.owner), _gid(entry.group)
            # One rename is old or new by itself; more than one must be completed after a crash.
            several = len(steps.clear + steps.directories + steps.files + steps.links + steps.remove) > 1
            if several or self._loose:
                self._sync_staged()
            if several:
                self._write("next", record)
            self._carry_out(steps)
            self._write("current", record)
            if several:
                (self._own / "next").unlink()
        except OSError as error:
            raise NotStored(f"generation {generation} cannot be put in place: {error.filename or ''} "
                            f"{error.strerror or error}") from error

    def forget_staged(self) -> None:
        """Remove content that was not used."""
        for path in self._staged.iterdir():
            path.unlink()

    def sync(self, changed: tuple[Entry, ...], removed: tuple[str, ...]) -> None:
        """Have the disk store these changes of the directory, which others have made."""
        above = {names.parent(name) for name in (*(entry.name for entry in changed), *removed)}
        files = [entry.name for entry in changed if entry.kind is Kind.FILE]
        if together(len(files) + len(above)):
            self.sync_all()
            return
        for name in files:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.tree.opened(name) as descriptor:
                os.fsync(descriptor)
        self._sync_directories(above)

    def sync_all(self) -> None:
        """Have the disk store the whole file system of the directory."""
        with self.tree.directory("") as top:
            sync_filesystem(top)

    def _sync_staged(self) -> None:
        with self.tree.directory(f"{names.OWN}/staged") as staged:
            (sync_filesystem if self._loose else os.fsync)(staged)
        self._loose = False

    def _complete(self, record: _List) -> None:
        """Do the rest of what a crash has interrupted; where that is impossible, all is fetched again."""
        try:
            want = manifest(record.entries, self._limits)
            self._carry_out(plan(self.tree.scan(afresh=True).entries, want))
            self._write("current", record)
        except (FileNotFoundError, InvalidInput, NotStored) as error:
            LOG.error("Generation %d.%d of %s was interrupted and cannot be completed here: %s", record.term,
                      record.number, record.origin, error)
            (self._own / "current").unlink(missing_ok=True)
        (self._own / "next").unlink()

    def _carry_out(self, steps: Plan) -> None:
        touched = {names.parent(name) for name in (*steps.clear, *steps.remove)}
        self._remove(steps.clear)
        for entry in steps.directories:
            self._make_directory(entry)
        for entry in steps.files:
            with self._above(entry.name) as (above, part):
                os.rename(self._staged / staged_name(entry), part, dst_dir_fd=above)
        for entry in steps.links:
            self._make_link(entry)
        self._remove(steps.remove)
        touched |= {names.parent(entry.name) for entry in (*steps.directories, *steps.files, *steps.links)}
        touched |= {entry.name for entry in steps.directories}
        self._sync_directories(touched)

    def _make_directory(self, entry: Entry) -> None:
        with self._above(entry.name) as (above, part):
            with contextlib.suppress(FileNotFoundError):
                # What is not mirrored, such as a socket, is in no list, and may be in the way.
                if not stat.S_ISDIR(os.stat(part, dir_fd=above, follow_symlinks=False).st_mode):
                    os.unlink(part, dir_fd=above)
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=above)
            made = os.open(part, _DIRECTORY, dir_fd=above)
            try:
                os.fchown(made, _uid(entry.owner), _gid(entry.group))
                os.fchmod(made, entry.mode)
            finally:
                os.close(made)

    def _make_link(self, entry: Entry) -> None:
        staged = self._staged / staged_name(entry)
        staged.unlink(missing_ok=True)
        os.symlink(names.raw(entry.target), os.fsencode(staged))
        os.chown(staged, _uid(entry.owner), _gid(entry.group), follow_symlinks=False)
        with self._above(entry.name) as (above, part):
            os.rename(staged, part, dst_dir_fd=above)

    def _remove(self, gone: tuple[str, ...]) -> None:
        for name in gone:
            with contextlib.suppress(FileNotFoundError), self._above(name) as (above, part):
                if stat.S_ISDIR(os.stat(part, dir_fd=above, follow_symlinks=False).st_mode):
                    # Not only rmdir: what is not mirrored may be in it.
                    shutil.rmtree(part, dir_fd=above)
                else:
                    os.unlink(part, dir_fd=above)

    def _sync_directories(self, touched: set[str]) -> None:
        if together(len(touched)):
            self.sync_all()
            return
        for name in touched:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.tree.directory(name) as descriptor:
                os.fsync(descriptor)

    @contextlib.contextmanager
    def _above(self, name: str) -> Iterator[tuple[int, bytes]]:
        with self.tree.directory(names.parent(name)) as above:
            yield above, names.raw(name.rpartition("/")[2])

    def _write(self, name: str, record: _List) -> None:
        replace_file(self._own / name, codec_for(_List).encode(record, name), 0o600)

    def _read(self, name: str) -> _List | None:
        try:
            found: _List = codec_for(_List).decode((self._own / name).read_bytes(), name)
        except FileNotFoundError:
            return None
        except InvalidInput as error:
            LOG.error("%s is damaged, so nobody knows what was stored here: %s", self._own / name, error)
            (self._own / name).rename(self._own / f"damaged-{name}")
            return None
        return found


def is_first(root: Path, me: str) -> bool:
    """Whether the directory is that of a new system's first node, and nothing has been mirrored yet."""
    try:
        found: _List = codec_for(_List).decode((root / names.OWN / "current").read_bytes(), "current")
    except (OSError, InvalidInput):
        return False
    return found.origin == me and found.term == 0


def together(count: int) -> bool:
    """Whether the disk stores so many files or directories faster at once than one by one."""
    return count > SYNCED_EACH_MAX


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]


def _uid(name: str) -> int:
    try:
        return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise NotStored(f"this node has no account {name}") from None


def _gid(name: str) -> int:
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise NotStored(f"this node has no group {name}") from None
