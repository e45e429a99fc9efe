# SPDX-License-Identifier: Apache-2.0
"""Long tables on a terminal: a screenful at a time, titles on each."""
from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TextIO

from flock.cli.table import Layout

PROMPT = "Press Enter to continue or 'q' to exit..."
_RULE_AND_PROMPT = 2


def columns_of(out: TextIO) -> int | None:
    """Columns of the terminal behind ``out``, None when it is none or does not tell."""
    size = _size(out)
    return (size.columns or None) if size else None


def screen_lines(stdin: TextIO, out: TextIO) -> int | None:
    """Lines of the terminal that shows ``out`` and answers on ``stdin``, None when nobody is there to answer."""
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
    """The table in pieces of at most ``lines`` lines with their prompt; a row is never torn, even a long one."""
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
    """Write screen after screen; a line that begins with q, or the end of input, ends it."""
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
