# SPDX-License-Identifier: Apache-2.0
"""The kernel's inotify: which names in the watched directories have changed."""
from __future__ import annotations

import ctypes
import os
import struct
from dataclasses import dataclass

IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE = 0x2, 0x4, 0x8
IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x40, 0x80, 0x100, 0x200
IN_Q_OVERFLOW, IN_IGNORED, IN_ONLYDIR, IN_EXCL_UNLINK = 0x4000, 0x8000, 0x1000000, 0x4000000
WANTED = (IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE
          | IN_ONLYDIR | IN_EXCL_UNLINK)
READ_BYTES = 64 * 1024
_EVENT = struct.Struct("iIII")
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Event:
    """``name`` in the directory of ``watch`` has changed; ``mask`` says how. An empty name is the directory itself."""

    watch: int
    mask: int
    name: bytes


class Inotify:
    """One queue of the kernel. An event is in it as soon as the call that has changed the file returns."""

    def __init__(self) -> None:
        self._fd = _checked(_LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def fileno(self) -> int:
        """The descriptor, for ``select``."""
        return self._fd

    def add(self, directory: int) -> int:
        """Watch an open directory; the same directory has the same number. OSError (ENOSPC): too many watches."""
        path = f"/proc/self/fd/{directory}".encode()
        return _checked(_LIBC.inotify_add_watch(self._fd, path, WANTED))

    def remove(self, watch: int) -> None:
        """Watch it no more; one that is gone is no error."""
        _LIBC.inotify_rm_watch(self._fd, watch)

    def read(self) -> list[Event]:
        """All events that are in the queue now."""
        found: list[Event] = []
        while True:
            try:
                data = os.read(self._fd, READ_BYTES)
            except BlockingIOError:
                return found
            found += decode(data)

    def close(self) -> None:
        """Give the queue back."""
        os.close(self._fd)


def decode(data: bytes) -> list[Event]:
    """The events of what the kernel has written."""
    found, at = [], 0
    while at + _EVENT.size <= len(data):
        watch, mask, _, length = _EVENT.unpack_from(data, at)
        at += _EVENT.size
        found.append(Event(watch, mask, data[at:at + length].split(b"\0", 1)[0]))
        at += length
    return found


def sync_filesystem(descriptor: int) -> None:
    """Write everything of a file's file system to the disk (``syncfs``)."""
    _checked(_LIBC.syncfs(descriptor))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
