# SPDX-License-Identifier: Apache-2.0
"""Carries out the steps that turn one list into another, and has the disk store what was changed."""
from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from sm.mirror import names
from sm.mirror.inotify import sync_filesystem
from sm.mirror.manifest import Entry, Kind
from sm.mirror.plan import Plan, staged_name
from sm.mirror.tree import Tree

SYNCED_EACH_MAX = 64
"""With more files or directories than this, the whole file system is written to the disk at once."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotStored(Exception):
    """A generation cannot be put in place here; the text tells the operator why."""


class Placing:
    """Changes one directory. ``staged``: where new content waits."""

    def __init__(self, tree: Tree, staged: Path) -> None:
        self._tree, self._staged = tree, staged

    def carry_out(self, steps: Plan) -> None:
        """Take all steps; they are on the disk when this returns. OSError: one is impossible."""
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

    def sync(self, changed: tuple[Entry, ...], removed: tuple[str, ...]) -> None:
        """Have the disk store these changes of the directory, which others have made."""
        above = {names.parent(name) for name in (*(entry.name for entry in changed), *removed)}
        files = [entry.name for entry in changed if entry.kind is Kind.FILE]
        if together(len(files) + len(above)):
            self.sync_all()
            return
        for name in files:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), self._tree.opened(name) as descriptor:
                os.fsync(descriptor)
        self._sync_directories(above)

    def sync_all(self) -> None:
        """Have the disk store the whole file system of the directory."""
        with self._tree.directory("") as top:
            sync_filesystem(top)

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
                os.fchown(made, uid(entry.owner), gid(entry.group))
                os.fchmod(made, entry.mode)
            finally:
                os.close(made)

    def _make_link(self, entry: Entry) -> None:
        staged = self._staged / staged_name(entry)
        staged.unlink(missing_ok=True)
        os.symlink(names.raw(entry.target), os.fsencode(staged))
        os.chown(staged, uid(entry.owner), gid(entry.group), follow_symlinks=False)
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
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), self._tree.directory(name) as descriptor:
                os.fsync(descriptor)

    @contextlib.contextmanager
    def _above(self, name: str) -> Iterator[tuple[int, bytes]]:
        with self._tree.directory(names.parent(name)) as above:
            yield above, names.raw(name.rpartition("/")[2])


def together(count: int) -> bool:
    """Whether the disk stores so many files or directories faster at once than one by one."""
    return count > SYNCED_EACH_MAX


def uid(name: str) -> int:
    """The number of an account; NotStored when this node has none of that name."""
    try:
        return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise NotStored(f"this node has no account {name}") from None


def gid(name: str) -> int:
    """The number of a group; NotStored when this node has none of that name."""
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise NotStored(f"this node has no group {name}") from None
