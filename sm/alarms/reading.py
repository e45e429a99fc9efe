# SPDX-License-Identifier: Apache-2.0
"""Reads the daemon's files in order and remembers how far it has come."""
from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.exec.atomic import replace_file
from sm.contract.faults import FaultLine, file_name, number_of

LOG = logging.getLogger(__name__)
POSITION = "position"
READ_BYTES = 256 * 1024


class Reading:
    """The files below ``directory``. ``take`` is called with each line, in order; when it returns, the line is done."""

    def __init__(self, directory: Path, take: Callable[[FaultLine], None]) -> None:
        self._directory, self._take = directory, take
        self._number, self._offset = self._stored()

    def run(self) -> int:
        """Pass on all whole lines that are there; how many. An error of ``take`` ends it before that line."""
        done = 0
        numbers = self._numbers()
        if numbers and numbers[-1] < self._number:
            # Somebody has emptied the directory: the daemon counts from the start, and nothing of that is done yet.
            LOG.warning("%s begins anew with file %d", self._directory, numbers[0])
            self._number, self._offset = numbers[0], 0
        for number in numbers:
            if number < self._number:
                self._remove(number)
                continue
            if number > self._number:
                self._number, self._offset = number, 0
            done += self._file(number)
            if number != numbers[-1]:
                self._remove(number)
        return done

    def _file(self, number: int) -> int:
        done = 0
        try:
            file = os.open(self._directory / file_name(number), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return 0  # The daemon has removed the oldest one meanwhile.
        try:
            if os.fstat(file).st_size < self._offset:
                self._offset = 0  # another file than the one that was read so far
            while data := os.pread(file, READ_BYTES, self._offset):
                lines = data.split(b"\n")[:-1]
                for line in lines:
                    self._line(line)
                    self._offset += len(line) + 1
                    done += 1
                if not lines:
                    break
        finally:
            os.close(file)
            if done:
                self._store()
        return done

    def _line(self, line: bytes) -> None:
        try:
            found: FaultLine = codec_for(FaultLine).decode(line, "statement")
        except InvalidInput as error:
            LOG.error("a statement of %d bytes is skipped: %s", len(line), error)
            return
        self._take(found)

    def _remove(self, number: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self._directory / file_name(number)).unlink()

    def _numbers(self) -> list[int]:
        try:
            return sorted(number for name in os.listdir(self._directory) if (number := number_of(name)) is not None)
        except FileNotFoundError:
            return []

    def _stored(self) -> tuple[int, int]:
        try:
            number, offset = (self._directory / POSITION).read_text().split()
            return int(number), int(offset)
        except (OSError, ValueError):
            return 0, 0

    def _store(self) -> None:
        replace_file(self._directory / POSITION, f"{self._number} {self._offset}\n")
