# SPDX-License-Identifier: Apache-2.0
"""sysinv-dnsmasq-lease-update: dnsmasq runs it for each event, one after the other.

Whoever reaches the network can cause events, so this program waits for nothing and imports little. A process in the
background, of which there are few, tells the conductor. A lease for which none is free loses nothing: the conductor
also reads dnsmasq's lease file.
"""
from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import zlib
from pathlib import Path

PROG = "sysinv-dnsmasq-lease-update"
TOLD_ACTIONS = ("add", "old")
TELLERS_MAX = 8
"""A machine has always the same of these places, so one that asks again and again holds only one."""


def place(mac: str) -> int:
    """The place of a machine among those of the processes in the background, from 0."""
    return zlib.crc32(mac.lower().encode(errors="surrogateescape")) % TELLERS_MAX


def main() -> int:
    """``add|old MAC IP [HOSTNAME]``; exit status 0 told in the background, or nothing to do; 1 could not; 2 without
    arguments.

    dnsmasq has other actions (``del``, ``tftp``, ``init``, ``arp-add`` ...) and may get more; they are nothing to do.
    """
    argv = sys.argv[1:]
    if argv and argv[0] not in TOLD_ACTIONS:
        return 0
    if len(argv) < 3:
        print(f"usage: {PROG} add|old MAC IP [HOSTNAME]; other actions are ignored", file=sys.stderr)
        return 2
    try:
        lock = _taken(place(argv[1]))
        if lock is None:
            return 0
        try:
            # dnsmasq reads the output to its end, so a process that held it would hold up dnsmasq's next event.
            subprocess.Popen([sys.executable, "-m", "sysinv.cmd.lease_tell", argv[1], argv[2]], pass_fds=[lock],
                             start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        finally:
            os.close(lock)
    except OSError as error:
        print(f"{PROG}: {argv[1]}: {error}", file=sys.stderr)
        return 1
    return 0


def _taken(number: int) -> int | None:
    """A descriptor whose lock lasts until the last process that has it ends; None while another process has it."""
    # The unit has a /tmp of its own; elsewhere nobody else may have made the directory.
    directory = Path(os.environ.get("TMPDIR", "/tmp"), PROG)  # noqa: S108
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.stat(follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{directory} belongs to somebody else; remove it")
    descriptor = os.open(directory / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
