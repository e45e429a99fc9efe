# SPDX-License-Identifier: Apache-2.0
"""Looks at the directory: entries and digests of what it holds. Follows no link, and never leaves the directory."""
from __future__ import annotations

import contextlib
import errno
import grp
import hashlib
import os
import pwd
import stat
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sm.mirror import names
from sm.mirror.manifest import Entry, Kind, Limits, broken, too_much

KEPT_BYTES = 64 * 1024
KEPT_TOTAL_BYTES = 16 << 20
RESTLESS_BYTES = 4 << 20
RESTLESS_MAX = 256
SETTLED_NS = 100_000_000
"""A file that was changed this short a time before it was read may change again without another time stamp."""
READ_BYTES = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_Stamp = tuple[int, int, int, int]


@dataclass(slots=True)
class Found:
    """``entries`` by name. ``left_out``: what is never mirrored, such as sockets, with the rule. ``missing``: what
    should be mirrored and cannot be, with the reason. ``unreadable``: those of them that exist and cannot be read.
    ``too_much``: all entries together break a rule. ``cut``: the list was cut off, so what it lacks may exist."""

    entries: dict[str, Entry] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    too_much: bool = False
    cut: bool = False

    def forget(self, name: str) -> None:
        """Know nothing of a name."""
        for known in (self.entries, self.left_out, self.missing):
            known.pop(name, None)
        self.unreadable.discard(name)

    @property
    def count(self) -> int:
        """How many names are known."""
        return len(self.entries) + len(self.left_out) + len(self.missing)


class Tree:
    """One directory. ``on_directory`` gets each directory's name and open descriptor before its content is listed."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root, self._limits = root, limits
        self.on_directory: Callable[[str, int], None] | None = None
        self._digests: dict[str, tuple[_Stamp, str]] = {}
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._accounts: dict[tuple[bool, int], str] = {}
        self._restless: set[str] = set()

    def scan(self, *, afresh: bool = False) -> Found:
        """Look at everything. ``afresh``: read all content again, also of files with the time stamps of before."""
        if afresh:
            self._digests.clear()
        self._accounts.clear()
        found = Found()
        with self.directory("") as top:
            if self.on_directory is not None:
                self.on_directory("", top)
            self._list(top, "", found)
        self._digests = {name: known for name, known in self._digests.items() if name in found.entries}
        check_totals(found, self._limits)
        return found

    def look(self, name: str, found: Found) -> None:
        """Take what ``name`` is now, with everything below it, into ``found``."""
        before = found.entries.get(name)
        found.forget(name)
        if before is not None and before.kind is Kind.DIRECTORY:
            for known in [known for known in (*found.entries, *found.left_out, *found.missing)
                          if known.startswith(f"{name}/")]:
                found.forget(known)
        self._digests.pop(name, None)
        try:
            with self.directory(names.parent(name)) as above:
                self._look(above, names.raw(name.rpartition("/")[2]), name, found)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            # A link has taken the place of a directory above; that one is looked at as well.
            if error.errno != errno.ELOOP:
                raise

    @contextlib.contextmanager
    def directory(self, name: str) -> Iterator[int]:
        """An open descriptor of a directory. OSError (ENOTDIR, ELOOP): a part of the name is none."""
        current = os.open(self._root, _DIRECTORY)
        try:
            for part in names.raw(name).split(b"/") if name else ():
                below = os.open(part, _DIRECTORY, dir_fd=current)
                os.close(current)
                current = below
            yield current
        finally:
            os.close(current)

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[int]:
        """An open descriptor of a plain file, for reading. OSError: there is none."""
        with self.directory(names.parent(name)) as above:
            descriptor = os.open(names.raw(name.rpartition("/")[2]), _FILE, dir_fd=above)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "is no plain file")
            yield descriptor
        finally:
            os.close(descriptor)

    def keep(self, name: str) -> None:
        """From now on keep the content of this file, which changes faster than it can be sent, up to RESTLESS_BYTES."""
        if len(self._restless) < RESTLESS_MAX:
            self._restless.add(name)

    def kept(self, digest: str) -> bytes | None:
        """The content with this digest, if it is small and was read lately."""
        return self._kept.get(digest)

    def _list(self, directory: int, name: str, found: Found) -> None:
        with os.scandir(directory) as items:
            parts = [os.fsencode(item.name) for item in items]
        for part in sorted(parts):
            if not name and part == names.OWN.encode():
                continue
            if found.count > self._limits.entries:
                found.cut = True
                return
            below = names.quoted(part)
            self._look(directory, part, f"{name}/{below}" if name else below, found)

    def _look(self, above: int, part: bytes, name: str, found: Found) -> None:
        try:
            entry = self._entry(above, part, name, os.stat(part, dir_fd=above, follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            found.missing[name] = f"cannot be read: {error.strerror}"
            found.unreadable.add(name)
            return
        if entry is None:
            found.left_out[name] = "must be a file, a directory or a link"
            return
        rule = broken(entry, self._limits)
        if rule:
            (found.left_out if entry.kind is Kind.LINK else found.missing)[name] = rule
            return
        found.entries[name] = entry
        if entry.kind is Kind.DIRECTORY:
            self._descend(name, found)

    def _descend(self, name: str, found: Found) -> None:
        try:
            with self.directory(name) as below:
                if self.on_directory is not None:
                    self.on_directory(name, below)
                self._list(below, name, found)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            found.missing[name] = f"cannot be read: {error.strerror}"
            found.unreadable.add(name)

    def _entry(self, above: int, part: bytes, name: str, status: os.stat_result) -> Entry | None:
        mode = stat.S_IMODE(status.st_mode)
        owner, group = self._account(False, status.st_uid), self._account(True, status.st_gid)
        if stat.S_ISDIR(status.st_mode):
            return Entry(name, Kind.DIRECTORY, mode, owner, group)
        if stat.S_ISLNK(status.st_mode):
            target = names.quoted(os.fsencode(os.readlink(part, dir_fd=above)))
            return Entry(name, Kind.LINK, 0o777, owner, group, target=target)
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > self._limits.file_bytes:
            return Entry(name, Kind.FILE, mode, owner, group, status.st_size, "0" * 64)
        size, digest = self._digest(above, part, name)
        return Entry(name, Kind.FILE, mode, owner, group, size, digest)

    def _digest(self, above: int, part: bytes, name: str) -> tuple[int, str]:
        descriptor = os.open(part, _FILE, dir_fd=above)
        try:
            begun_ns = time.time_ns()
            status = os.fstat(descriptor)
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            known = self._digests.get(name)
            if known is not None and known[0] == stamp:
                return status.st_size, known[1]
            limit = RESTLESS_BYTES if name in self._restless else KEPT_BYTES
            made, size, content = hashlib.sha256(), 0, bytearray()
            while chunk := os.read(descriptor, READ_BYTES):
                made.update(chunk)
                size += len(chunk)
                if size <= limit:
                    content += chunk
        finally:
            os.close(descriptor)
        digest = made.hexdigest()
        if max(status.st_mtime_ns, status.st_ctime_ns) + SETTLED_NS < begun_ns:
            self._digests[name] = stamp, digest
        if size <= limit:
            self._keep(digest, bytes(content))
        return size, digest

    def _keep(self, digest: str, content: bytes) -> None:
        if digest not in self._kept:
            self._kept[digest] = content
            self._kept_bytes += len(content)
        while self._kept_bytes > KEPT_TOTAL_BYTES:
            _, old = self._kept.popitem(last=False)
            self._kept_bytes -= len(old)

    def _account(self, is_group: bool, number: int) -> str:
        known = self._accounts.get((is_group, number))
        if known is None:
            try:
                known = grp.getgrgid(number).gr_name if is_group else pwd.getpwuid(number).pw_name
            except KeyError:
                known = str(number)
            self._accounts[is_group, number] = known
        return known


def check_totals(found: Found, limits: Limits) -> None:
    """Say whether all entries together are too much."""
    found.too_much = found.count > limits.entries or too_much(found.entries, limits)
