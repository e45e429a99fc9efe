# SPDX-License-Identifier: Apache-2.0
"""Shows long tables on a terminal one screen at a time, each with the titles."""
from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TextIO

from flock.cli.table import Layout

PROMPT = "Press Enter to continue or 'q' to exit..."
_RULE_AND_PROMPT = 2


def columns_of(out: TextIO) -> int | None:
    """The number of columns of the terminal ``out``; None when it is no terminal or its size is unknown."""
    size = _size(out)
    return (size.columns or None) if size else None


def screen_lines(stdin: TextIO, out: TextIO) -> int | None:
    """The number of lines of the terminal ``out``; None when ``stdin`` or ``out`` is no terminal."""
    if not stdin.isatty():
        return None
    size = _size(out)
    return (size.lines or None) if size else None


def _size(out: TextIO) -> os.terminal_size | None:
    if not out.isatty():
        return None
    try:
        return os.get_terminal_size(out.fileno())
    except OSError:
        return None


def screens(layout: Layout, lines: int) -> Iterator[str]:
    """Yield the table in pieces of at most ``lines`` lines with the prompt; never splits a row, even a long one."""
    room = lines - len(layout.head) - _RULE_AND_PROMPT
    start = 0
    while start < len(layout.rows):
        end, used = start + 1, len(layout.rows[start])
        while end < len(layout.rows) and used + len(layout.rows[end]) <= room:
            used += len(layout.rows[end])
            end += 1
        yield layout.text(start, end)
        start = end


def show(layout: Layout, lines: int, stdin: TextIO, out: TextIO) -> None:
    """Write one screen after another until the operator enters a line that begins with q, or the input ends."""
    first = True
    for screen in screens(layout, lines):
        if not first:
            out.write(PROMPT)
            out.flush()
            answer = stdin.readline()
            if not answer or answer.strip().lower().startswith("q"):
                return
        out.write(screen + "\n")
        first = False
