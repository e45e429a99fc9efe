# SPDX-License-Identifier: Apache-2.0
"""A daemon that stands by: its process has loaded everything and does nothing until service management says so.

Needs only the standard library: Keystone's server, which has no part of the flock, runs this module's text.
"""
from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterable

MARK = "FLOCK_STANDBY"
"""Environment variable with the path of a file: while it exists, the process stands by."""
STANDS_BY = "standby"
"""systemd's status text of a process that stands by."""
STARTING = "starting"
WAKE_UP = signal.SIGCONT
"""Sent when the file has gone. It does nothing to a process that does not wait for it."""
LOOK_S = 0.5
NOTIFY_LIMIT_S = 1.0


def nothing() -> None:
    """What a program prepares that has nothing to prepare.

    Such a function runs before the process stands by. It loads what depends on the program alone, such as modules that
    are found by scanning and files of the release; a failover would wait for that otherwise. It opens nothing.
    """


def wait_until_active(files: Iterable[str] = ()) -> None:
    """Return when this process may work: at once, unless it was started to stand by.

    Call it in the main thread before anything is opened that only the active node may use. ``files``: configuration
    that was read before; when one has changed meanwhile, the program begins anew and reads it again.
    """
    mark = os.environ.get(MARK, "")
    if not mark or not os.path.exists(mark):
        return
    known = _states(files)
    # What a reload would read is read when it is made active.
    reload = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {WAKE_UP})
    _tell("READY=1", f"STATUS={STANDS_BY}")
    while os.path.exists(mark):
        _tell("WATCHDOG=1")
        signal.sigtimedwait({WAKE_UP}, LOOK_S)
    _tell(f"STATUS={STARTING}")
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    signal.signal(signal.SIGHUP, reload)
    if _states(files) != known:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this program once more


def _states(files: Iterable[str]) -> list[tuple[str, int, int]]:
    """What tells whether a file is another one than before."""
    found = []
    for path in files:
        try:
            status = os.stat(path)
        except OSError:
            continue
        found.append((path, status.st_ino, status.st_mtime_ns))
    return found


def _tell(*fields: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    place = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(NOTIFY_LIMIT_S)
        try:
            channel.sendto("\n".join(fields).encode(), place)
        except OSError:
            return
