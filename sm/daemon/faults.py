# SPDX-License-Identifier: Apache-2.0
"""Writes what is to be said to fault management into files, from which ``sm-alarms`` passes it on.

A line is written at once, so a daemon that is killed loses none; what the disk does not take is written later. The loop
does not wait for the disk: after a loss of power the leader says everything that holds again anyway.
"""
from __future__ import annotations

import contextlib
import errno
import grp
import logging
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from flock.core.codec import codec_for
from sm.contract.control import DOMAIN
from sm.contract.faults import FILE_BYTES_MAX, FILES_MAX, FaultLine, Statement, file_name, number_of
from sm.core.model import Catalogue
from sm.core.node import ledger
from sm.core.node.view import NodeView
from sm.core.paths import PathAlarm
from sm.core.redundancy import Watch
from sm.core.statements import of_groups, of_path, of_swact

LOG = logging.getLogger(__name__)
WAITING_MAX = 1_000
LOOK_MS = 1_000
"""How often the leader looks at all groups."""
AUDIT_MS = 60_000
"""How often it says all of them again. What an earlier leader said last may arrive late: its bus ended with its lead,
or its host with the spool."""


class Faults:
    """Files below ``directory``, at most ``FILES_MAX``. When nobody takes them away, the oldest is removed; ``problem``
    says so, and the leader says everything that holds again. ``group`` may read and remove the files."""

    def __init__(self, directory: Path, group: str = "",
                 wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._directory, self._group, self._wall = directory, group, wall
        self._descriptor: int | None = None
        self._number, self._size = 0, 0
        self._watch: Watch | None = None
        self._looked_ms: int | None = None
        self._audited_ms = 0
        self._waiting: deque[bytes] = deque(maxlen=WAITING_MAX)
        self._dropped = False
        self.problem = ""

    def look(self, view: NodeView, catalogue: Catalogue, now_ms: int) -> None:
        """Say what has changed of groups, where this node leads; and what could not be stored before."""
        if self._looked_ms is not None and now_ms - self._looked_ms < LOOK_MS:
            return
        self._looked_ms = now_ms
        if self._dropped and not self._full():
            self._dropped, self._watch = False, None
        audit = self._watch is None or now_ms - self._audited_ms >= AUDIT_MS
        if audit:
            self._audited_ms = now_ms
        self._watch, said = of_groups(self._watch, ledger.cluster(view, catalogue, now_ms)
                                      if view.domain.leading else None, DOMAIN, now_ms, audit=audit)
        self.say(said)

    def path(self, alarm: PathAlarm, device: str) -> None:
        """Say that a path is bad or good again."""
        self.say(of_path(alarm, device))

    def swact(self, node: str, force: bool) -> None:
        """Say that a swact begins."""
        self.say((of_swact(node, force),))

    def say(self, statements: Iterable[Statement]) -> None:
        """Store statements. What the disk does not take now is kept for the next time."""
        at = self._wall().isoformat(timespec="milliseconds")
        for one in statements:
            self._dropped |= len(self._waiting) == WAITING_MAX
            line = FaultLine(str(uuid.uuid4()), at, one)
            self._waiting.append(codec_for(FaultLine).encode(line, "statement") + b"\n")
        problem = ""
        try:
            while self._waiting:
                self._append(self._waiting[0])
                self._waiting.popleft()
        except (OSError, LookupError) as error:
            self.close()
            problem = f"alarms cannot be stored in {self._directory}: {error}"
        if self._dropped and not problem:
            problem = "nobody passes alarms on to fault management (sm-alarms); the oldest are dropped"
        if problem and not self.problem:
            LOG.error(problem)
        self.problem = problem

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _append(self, line: bytes) -> None:
        if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
            # Somebody has removed the file, with statements that nobody has read: what holds is said again.
            self.close()
            self._watch = None
        if self._descriptor is None or self._size + len(line) > FILE_BYTES_MAX:
            self._next()
        assert self._descriptor is not None  # noqa: S101 - it was just opened
        written = os.write(self._descriptor, line)
        self._size += written
        if written < len(line):
            # The next file begins with a whole line; nobody reads what has no end.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _next(self) -> None:
        """Open a file of its own for this start of the daemon, or for what follows."""
        self.close()
        self._made()
        numbers = self._numbers()
        if len(numbers) >= FILES_MAX:
            self._dropped = True
            with contextlib.suppress(FileNotFoundError):
                (self._directory / file_name(numbers[0])).unlink()
        self._number = max((self._number, *numbers)) + 1
        self._descriptor = os.open(self._directory / file_name(self._number),
                                   os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self._size = 0
        if self._group:
            os.fchown(self._descriptor, -1, self._gid())
            os.fchmod(self._descriptor, 0o640)

    def _made(self) -> None:
        if self._directory.is_dir():
            return
        self._directory.mkdir(mode=0o770, parents=True)
        if self._group:
            # The mask of the process may have taken rights of the group; the journal's directory lets it pass.
            for path, mode in ((self._directory, 0o770), (self._directory.parent, 0o750)):
                os.chown(path, -1, self._gid())
                path.chmod(mode)

    def _gid(self) -> int:
        """LookupError when there is no such group."""
        return grp.getgrnam(self._group).gr_gid

    def _numbers(self) -> list[int]:
        return sorted(number for name in os.listdir(self._directory) if (number := number_of(name)) is not None)

    def _full(self) -> bool:
        try:
            return len(self._numbers()) >= FILES_MAX
        except OSError:
            return False
