# SPDX-License-Identifier: Apache-2.0
"""Read-only view of a machine's files below one directory: ``/`` for the running machine, or a recorded tree.

Follows symbolic links like inside a chroot, so that it never reads a file outside the directory.
"""
from __future__ import annotations

import builtins
import fnmatch
import os
import re
from pathlib import Path

TEXT_MAX_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
LINKS_MAX = 40
_NUMBER = re.compile(r"(\d+)")
# The range of signed and unsigned 64-bit numbers; a number beyond it means a damaged file.
NUMBER_MIN, NUMBER_MAX = -2**63, 2**64 - 1
DIGITS_MAX = 32


class Root:
    """Files of one machine, named relative to its root (``sys/devices/system/cpu/online``).

    Returns ``default`` for a file that is missing, unreadable or fails to read (sysfs files often do), because an
    unknown value is no error.
    """

    def __init__(self, path: str | os.PathLike[str] = "/") -> None:
        self.path = Path(os.path.realpath(path))

    def __repr__(self) -> str:
        return f"Root({str(self.path)!r})"

    def text(self, rel: str, default: str = "") -> str:
        """Stripped text of a file of at most 8 MiB, ``default`` when it cannot be read or is longer."""
        content = self.raw(rel, TEXT_MAX_BYTES + 1)
        if content is None or len(content) > TEXT_MAX_BYTES:
            return default
        return content.decode(errors="replace").strip("\0 \t\r\n")

    def int(self, rel: str, default: builtins.int | None = None) -> builtins.int | None:
        """The number of at most 64 bits in a file, decimal or hexadecimal with 0x; ``default`` when it holds none."""
        found = number(self.text(rel))
        return default if found is None else found

    def raw(self, rel: str, size: builtins.int, offset: builtins.int = 0) -> bytes | None:
        """Up to ``size`` bytes from ``offset``; None when the file cannot be read."""
        try:
            # O_NONBLOCK: a FIFO in a recorded tree must not block the reader.
            descriptor = os.open(self._inside(rel), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        parts = []
        try:
            if offset:
                os.lseek(descriptor, offset, os.SEEK_SET)
            while size > 0 and (part := os.read(descriptor, min(size, CHUNK_BYTES))):
                parts.append(part)
                size -= len(part)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return b"".join(parts)

    def lines(self, rel: str) -> list[str]:
        """Non-empty lines of a file; an empty list when it cannot be read."""
        return [line for line in self.text(rel).splitlines() if line.strip()]

    def exists(self, rel: str) -> bool:
        """Whether the path exists inside the root."""
        try:
            return os.path.lexists(self._inside(rel))
        except OSError:
            return False

    def isdir(self, rel: str) -> bool:
        """Whether the path is a directory inside the root."""
        try:
            return os.path.isdir(self._inside(rel))
        except OSError:
            return False

    def listdir(self, rel: str) -> list[str]:
        """Names in a directory in natural order (cpu2 before cpu10); an empty list when it cannot be read."""
        try:
            return sorted(os.listdir(self._inside(rel)), key=natural_key)
        except OSError:
            return []

    def glob(self, pattern: str) -> list[str]:
        """Existing relative paths that match ``pattern`` (fnmatch per path component), in natural order."""
        found = [""]
        for part in pattern.strip("/").split("/"):
            if any(mark in part for mark in "*?["):
                found = [f"{base}/{name}" for base in found for name in self.listdir(base)
                         if fnmatch.fnmatchcase(name, part)]
            else:
                found = [f"{base}/{part}" for base in found]
        return [path.lstrip("/") for path in found if self.exists(path)]

    def link(self, rel: str) -> str | None:
        """The target text of the symbolic link at ``rel``, as stored; None when it is no link."""
        parent, _, name = rel.rstrip("/").rpartition("/")
        try:
            return os.readlink(os.path.join(self._inside(parent), name))
        except OSError:
            return None

    def link_name(self, rel: str) -> str | None:
        """The last component of the link's target (for instance a device's driver); None when it is no link."""
        target = self.link(rel)
        return None if target is None else target.rstrip("/").rpartition("/")[2]

    def resolve(self, rel: str) -> str:
        """``rel`` with all links resolved, relative to the root; OSError for more than ``LINKS_MAX`` links."""
        inside = self._inside(rel)
        return "" if inside == str(self.path) else os.path.relpath(inside, self.path)

    def _inside(self, rel: str) -> str:
        """The absolute path of ``rel``, with links and ``..`` resolved so that they cannot leave the root.

        OSError for more than ``LINKS_MAX`` links, and for text that cannot be a path because it contains NUL.
        """
        if "\0" in rel:
            raise OSError(f"a path has no NUL: {rel!r}")
        if self.path == Path("/"):
            return os.path.join("/", rel) if not rel else os.path.realpath("/" + rel)
        done: list[str] = []
        todo = [part for part in reversed(rel.split("/")) if part not in ("", ".")]
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                del done[-1:]
                continue
            here = os.path.join(self.path, *done, part)
            try:
                target = os.readlink(here)
            except OSError:
                done.append(part)
                continue
            links += 1
            if links > LINKS_MAX:
                raise OSError(f"too many links: {rel}")
            if target.startswith("/"):
                done.clear()
            todo.extend(step for step in reversed(target.split("/")) if step not in ("", "."))
        return os.path.join(self.path, *done)


def natural_key(name: str) -> list[tuple[int, str]]:
    """Sort key that orders digit runs by value: ``node2`` before ``node10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBER.split(name)]


def number(text: str) -> int | None:
    """The number in ``text``, decimal or hexadecimal with 0x; None when it is no number or exceeds 64 bits."""
    try:
        found = int(text, 0) if len(text) <= DIGITS_MAX else None
    except ValueError:
        # The kernel may write leading zeros, which Python's base 0 rejects.
        found = int(text) if text.isdecimal() else None
    return found if found is not None and NUMBER_MIN <= found <= NUMBER_MAX else None
