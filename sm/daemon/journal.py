# SPDX-License-Identifier: Apache-2.0
"""The journal of decisions: JSON lines in a few files of limited size, and the latest ones in memory."""
from __future__ import annotations

import contextlib
import json
import logging
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LOG = logging.getLogger(__name__)
FILE_BYTES_MAX = 1_000_000
FILES_MAX = 5
TAIL_MAX = 200
TEXT_MAX_CHARS = 1_000
NAME = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """``at``: the wall clock, for people; ``now_ms``: the monotonic clock, for comparing."""

    at: str
    now_ms: int
    text: str

    def __str__(self) -> str:
        return f"{self.at} {self.text}"


class Journal:
    """``journal.jsonl`` in ``directory`` is the newest file, ``journal.jsonl.1`` the one before.

    A disk that takes nothing costs lines of the files, never a decision; the journal in memory goes on.
    """

    def __init__(self, directory: Path, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path, self._wall = directory / NAME, wall
        self._descriptor: int | None = None
        self._size = 0
        self.tail: deque[Entry] = deque(maxlen=TAIL_MAX)
        self.problem = ""

    def write(self, text: str, now_ms: int) -> None:
        """Add a decision."""
        entry = Entry(self._wall().isoformat(timespec="milliseconds"), now_ms, text[:TEXT_MAX_CHARS])
        self.tail.append(entry)
        LOG.info(entry.text)
        line = json.dumps({"at": entry.at, "ms": entry.now_ms, "text": entry.text}).encode() + b"\n"
        try:
            self._append(line)
            self.problem = ""
        except OSError as error:
            problem = f"the journal {self._path} cannot be written: {error.strerror}"
            if problem != self.problem:
                LOG.error(problem)
            self.problem = problem
            self.close()

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _append(self, line: bytes) -> None:
        if self._descriptor is None:
            self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            self._size = os.fstat(self._descriptor).st_size
        if self._size + len(line) > FILE_BYTES_MAX and self._size:
            self._turn()
            self._append(line)
            return
        # A line that a full disk has cut is ended by the next one's line feed, and readers skip it.
        self._size += os.write(self._descriptor, line)

    def _turn(self) -> None:
        self.close()
        for number in range(FILES_MAX - 1, 0, -1):
            older = self._path.with_name(f"{NAME}.{number}")
            newer = self._path if number == 1 else self._path.with_name(f"{NAME}.{number - 1}")
            with contextlib.suppress(FileNotFoundError):
                os.replace(newer, older)
