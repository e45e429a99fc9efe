# SPDX-License-Identifier: Apache-2.0
"""Runs the programs of plug-ins, each in a scope of its own that ends as a whole."""
from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from flock.core.records import replace
from flock.core.text import storable
from sm.monitors import processes
from sm.plugins import reaper
from sm.plugins.reaper import Program

LOG = logging.getLogger(__name__)

MARK = "SM_ATTEMPT"
# How long the end of a reaper is awaited beyond the time that it takes itself.
GRACE_S = 2.0
LEFT_KILLS_MAX = 50


class NotStarted(Exception):
    """The program could not be executed; the text says why."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A program has ended by itself: exit status (negative: killed by that signal), the last 4 KiB of its output."""

    status: int
    text: str


class Scopes:
    """Starts programs. ``cgroup``: a cgroup v2 directory that is ours to divide; None: the process tree must do."""

    def __init__(self, cgroup: Path | None = None) -> None:
        self._cgroup = cgroup if cgroup is not None and (cgroup / "cgroup.kill").exists() else None
        self._watched: set[int] = set()
        self._used: set[Path] = set()

    async def run(self, program: Program, name: str) -> Ended:
        """Run ``program`` to its end. Raises NotStarted.

        When it is cancelled, it kills the program with all that the program has started, and then returns to the
        caller. What a program that has ended by itself left running is not touched.
        """
        token = secrets.token_hex(8)
        program = replace(program, env={**program.env, MARK: token})
        group = self._made(f"{name}-{token}")
        try:
            pid, control = reaper.start(program, None if group is None else str(group))
        except (OSError, ValueError) as exc:
            self._done(group)
            raise NotStarted(f"{program.argv[0]} cannot be started: {exc}") from exc
        self._collect(pid, group)
        try:
            message = await asyncio.get_running_loop().sock_recv(control, reaper.MESSAGE_MAX_BYTES)
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._kill(control, token, group, name)))
            raise
        control.close()
        if not message:
            await self._kill_left(token, group, name)
            raise NotStarted(f"The process that watched {program.argv[0]} was killed")
        kind, number, text = reaper.parsed(message)
        if kind == reaper.NOT_STARTED:
            raise NotStarted(f"{program.argv[0]} cannot be executed: {os.strerror(number)}")
        return Ended(number, printable(text))

    def close(self) -> None:
        """Stop waiting for the ends of reapers that still read what a service writes."""
        for descriptor in self._watched:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
        self._watched.clear()

    async def _kill(self, control: socket.socket, token: str, group: Path | None, name: str) -> None:
        """Have the reaper kill all; if it did not say so, look whether anything that carries the mark is left.

        In a cgroup the kernel kills all at once, the reaper too.
        """
        loop = asyncio.get_running_loop()
        kind = reaper.LEFT
        try:
            with contextlib.suppress(OSError):
                await loop.sock_sendall(control, b"K")
            async with asyncio.timeout(reaper.KILL_S + GRACE_S):
                while message := await loop.sock_recv(control, reaper.MESSAGE_MAX_BYTES):
                    kind = reaper.parsed(message)[0]
        except (TimeoutError, OSError):
            LOG.warning("The reaper of %s does not answer", name)
        finally:
            control.close()
        if kind != reaper.KILLED:
            await self._kill_left(token, group, name)
        self._done(group)

    async def _kill_left(self, token: str, group: Path | None, name: str) -> None:
        """The reaper itself was killed: look for its group and for the mark that the environment carries."""
        mark = f"{MARK}={token}".encode()
        for _ in range(LEFT_KILLS_MAX):
            if group is not None:
                reaper.kill_cgroup(str(group))
            left = [process for process in await asyncio.to_thread(processes.marked, mark) if not process.ended]
            if not left and not _populated(group):
                return
            for process in left:
                processes.kill(process)
            await asyncio.sleep(0.02)
        LOG.error("Processes of %s do not end: %s", name, " ".join(str(process.pid) for process in left) or group)

    def _collect(self, pid: int, group: Path | None) -> None:
        """Collect the reaper when it ends: long after the program if a service still writes to its output."""
        loop = asyncio.get_running_loop()
        descriptor = os.pidfd_open(pid)

        def ended() -> None:
            loop.remove_reader(descriptor)
            self._watched.discard(descriptor)
            os.close(descriptor)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            self._done(group)

        self._watched.add(descriptor)
        loop.add_reader(descriptor, ended)

    def _made(self, name: str) -> Path | None:
        if self._cgroup is None:
            return None
        group = self._cgroup / f"attempt-{name}"
        try:
            for old in set(self._cgroup.glob("attempt-*")) - self._used:  # services that have ended since
                _remove(old)
            group.mkdir()
        except OSError as exc:
            LOG.warning("No cgroup for %s: %s", name, exc)
            return None
        self._used.add(group)
        return group

    def _done(self, group: Path | None) -> None:
        """Remove the group; a service that was started in it keeps it."""
        if group is not None:
            self._used.discard(group)
            _remove(group)


def _populated(group: Path | None) -> bool:
    """Whether a process is in the group, also one that is just being killed."""
    try:
        return group is not None and "populated 1" in (group / "cgroup.events").read_text(encoding="ascii")
    except OSError:
        return False


def _remove(group: Path) -> None:
    with contextlib.suppress(OSError):
        group.rmdir()


def printable(output: bytes) -> str:
    """Output of a program as lines that a log, a database and a terminal accept, at most 4096 characters."""
    lines = output.decode(errors="replace").splitlines()
    return "\n".join(storable(line) for line in lines)[-reaper.TEXT_MAX_BYTES:]


def own_cgroup(proc: Path = Path("/proc/self")) -> Path | None:
    """The directory of this process's cgroup v2; None when the machine has none."""
    try:
        groups = (proc / "cgroup").read_text(encoding="utf-8", errors="surrogateescape")
        mounts = (proc / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    place = next((line[3:] for line in groups.splitlines() if line.startswith("0::")), None)
    points = [line.split(" ") for line in mounts.splitlines() if " - cgroup2 " in line]
    if place is None or not points or points[0][3] != "/":
        return None
    return Path(points[0][4] + place)
