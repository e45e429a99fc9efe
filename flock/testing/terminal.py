# SPDX-License-Identifier: Apache-2.0
"""A pseudo terminal for a command that runs in this process: its size, typed input and recorded output."""
from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import threading
from collections.abc import Callable, Sequence
from typing import TextIO

READ_BYTES = 65536
JOIN_S = 5.0


class Terminal:
    """A terminal of ``columns`` times ``lines``. ``typed``: pairs (prompt to wait for, text to type then), in order."""

    def __init__(self, columns: int = 80, lines: int = 24, typed: Sequence[tuple[str, str]] = ()) -> None:
        self._columns, self._lines = columns, lines
        self._typed = list(typed)
        self._seen = ""
        self._answered = 0

    @property
    def screen(self) -> str:
        """All output so far."""
        return self._seen.replace("\r\n", "\n")

    @property
    def unanswered(self) -> list[tuple[str, str]]:
        """The pairs of ``typed`` whose prompt did not appear."""
        return self._typed

    def run(self, command: Callable[[TextIO, TextIO], int]) -> int:
        """Call ``command(stdin, stdout)`` on the terminal; returns its result."""
        master, slave = pty.openpty()
        try:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", self._lines, self._columns, 0, 0))
            settings = termios.tcgetattr(slave)
            settings[3] &= ~termios.ECHO
            termios.tcsetattr(slave, termios.TCSANOW, settings)
            stop_read, stop_write = os.pipe()
            reader = threading.Thread(target=self._attend, args=(master, stop_read), daemon=True)
            reader.start()
            try:
                with os.fdopen(os.dup(slave), "r", encoding="utf-8") as stdin, \
                        os.fdopen(os.dup(slave), "w", encoding="utf-8") as stdout:
                    return command(stdin, stdout)
            finally:
                os.close(stop_write)
                reader.join(JOIN_S)
                os.close(stop_read)
        finally:
            os.close(slave)
            os.close(master)

    def _attend(self, master: int, stop: int) -> None:
        """Read output and type input until ``stop`` is closed and no output is left."""
        while True:
            ready, _, _ = select.select([master, stop], [], [])
            if master in ready:
                self._seen += os.read(master, READ_BYTES).decode(errors="replace")
                if self._typed and self._typed[0][0] in self._seen[self._answered:]:
                    self._answered = len(self._seen)
                    os.write(master, self._typed.pop(0)[1].encode())
            elif stop in ready:
                return
