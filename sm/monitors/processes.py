# SPDX-License-Identifier: Apache-2.0
"""Processes as /proc shows them: who descends from whom, who carries a mark, and killing exactly these.

Files of /proc are not read with errors: a process may end at any moment, and one that has ended needs no killing.
"""
from __future__ import annotations

import contextlib
import os
import signal
from collections import defaultdict
from dataclasses import dataclass

ENVIRON_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Process:
    """One process; ``start_ticks`` since boot tells it from a later one with the same id."""

    pid: int
    parent: int
    start_ticks: int
    ended: bool = False


def read(pid: int) -> Process | None:
    """The process with this id; None when there is none. One that waits to be collected has ``ended``."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            # The name of the program may hold spaces and brackets; the last bracket ends it.
            fields = stream.read(4096).rpartition(b")")[2].split()
        return Process(pid, int(fields[1]), int(fields[19]), fields[0] in (b"Z", b"X"))
    except (OSError, ValueError, IndexError):
        return None


def all_processes() -> list[Process]:
    """All processes of this process namespace."""
    return [found for name in os.listdir("/proc") if name.isdecimal() and (found := read(int(name))) is not None]


def descendants(pid: int) -> list[Process]:
    """Children of ``pid``, their children, and so on; parents before children."""
    children: dict[int, list[Process]] = defaultdict(list)
    for process in all_processes():
        children[process.parent].append(process)
    found = list(children[pid])
    for process in found:
        found += children[process.pid]
    return found


def marked(mark: bytes) -> list[Process]:
    """Processes whose environment at their start held ``mark``, a whole ``NAME=value``."""
    found = []
    for process in all_processes():
        with contextlib.suppress(OSError), open(f"/proc/{process.pid}/environ", "rb") as stream:
            if mark in stream.read(ENVIRON_MAX_BYTES).split(b"\0") and process.pid != os.getpid():
                found.append(process)
    return found


def kill(process: Process) -> None:
    """SIGKILL to exactly this process; nothing when it has ended, also when its id was given to another."""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(process.pid)
        try:
            now = read(process.pid)
            if now is not None and now.start_ticks == process.start_ticks:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)


def names(pid: int) -> frozenset[str]:
    """What the process may be called: the kernel's name for it, its program, and for a script the script's file."""
    found = []
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", "rb") as stream:
        found.append(stream.read(64).rstrip(b"\n"))
    with contextlib.suppress(OSError):
        found.append(os.path.basename(os.readlink(f"/proc/{pid}/exe")).encode(errors="surrogateescape"))
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as stream:
        program, *more = stream.read(4096).split(b"\0")
        # The kernel gives an interpreter the path of the script as its first argument.
        found += [os.path.basename(word) for word in (program, *more[:1]) if word == program or word.startswith(b"/")]
    return frozenset(name.decode(errors="replace") for name in found if name)
