# SPDX-License-Identifier: Apache-2.0
"""Finds the process that a pid file names, and distrusts the file: it may be old, half written, or another's.

An id alone says little, because the kernel gives it to another process later. The process is therefore held by a
descriptor (pidfd) before its start is looked at: from then on the descriptor means this process and no other.
"""
from __future__ import annotations

import enum
import os
import stat
import time
from dataclasses import dataclass

from sm.monitors import processes
from sm.monitors.processes import Process

FILE_MAX_BYTES = 64
PID_MAX = 1 << 22
# A process may write its file with its start time rounded differently, and the wall clock may be moved slowly.
SLACK_S = 2.0
LOOKS_MAX = 3
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Trouble(enum.Enum):
    """Why there is no process. Only ``STALE`` says that the service's process has ended."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    STALE = "stale"
    FOREIGN = "foreign"


class NoProcess(Exception):
    """A pid file leads to no process of the service."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Held:
    """A process and the descriptor that means it; the owner closes the descriptor."""

    process: Process
    descriptor: int


def held(path: str, program: str = "", known: Process | None = None) -> Held:
    """The process that ``path`` names. Raises NoProcess.

    ``program``: the name of its program; empty: then it must have been started before the file was written.
    ``known``: a process that was found in this file before and needs no proof.
    """
    for _ in range(LOOKS_MAX):
        pid, written, seen = _read(path)
        found = _opened(path, pid)
        try:
            if _read(path) == (pid, written, seen):
                _check(path, found.process, written, program, known)
                return found
        except BaseException:
            os.close(found.descriptor)
            raise
        os.close(found.descriptor)
    raise NoProcess(Trouble.UNREADABLE, f"{path} changes all the time")


def _read(path: str) -> tuple[int, float, int]:
    """The id in the file, when the file was written (wall clock, seconds), and the file's own number."""
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            data = os.read(descriptor, FILE_MAX_BYTES + 1) if stat.S_ISREG(status.st_mode) else b""
        finally:
            os.close(descriptor)
    except FileNotFoundError as exc:
        raise NoProcess(Trouble.MISSING, f"{path} does not exist") from exc
    except OSError as exc:
        raise NoProcess(Trouble.UNREADABLE, f"{path} cannot be read: {exc.strerror}") from exc
    if not stat.S_ISREG(status.st_mode):
        raise NoProcess(Trouble.UNREADABLE, f"{path} is no plain file")
    if status.st_mode & stat.S_IWOTH:
        raise NoProcess(Trouble.UNREADABLE, f"{path} can be written by everybody")
    if not data.strip():
        raise NoProcess(Trouble.MISSING, f"{path} is empty")
    text = data.split(b"\n", 1)[0].strip()
    if len(data) > FILE_MAX_BYTES or not text.isdigit() or not 1 < int(text) < PID_MAX:
        raise NoProcess(Trouble.UNREADABLE, f"{path} must begin with the id of a process")
    return int(text), status.st_mtime, status.st_ino


def _opened(path: str, pid: int) -> Held:
    stale = NoProcess(Trouble.STALE, f"{path} names process {pid}, which does not exist")
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        raise stale from None
    except OSError as exc:  # the id of a thread
        raise NoProcess(Trouble.FOREIGN, f"{path} names {pid}, which is no process: {exc.strerror}") from exc
    process = processes.read(pid)
    if process is None or process.ended:
        os.close(descriptor)
        raise stale
    return Held(process, descriptor)


def _check(path: str, process: Process, written: float, program: str, known: Process | None) -> None:
    if known is not None and (known.pid, known.start_ticks) == (process.pid, process.start_ticks):
        return
    if program:
        names = processes.names(process.pid)
        if program not in names:
            shown = ", ".join(sorted(names)) or "nameless"
            raise NoProcess(Trouble.FOREIGN, f"{path} names process {process.pid}, which is {shown}, not {program}")
        return
    started = time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - process.start_ticks / os.sysconf("SC_CLK_TCK"))
    if started > written + SLACK_S:
        raise NoProcess(Trouble.FOREIGN, f"{path} is older than process {process.pid}: another process got its id")
