# SPDX-License-Identifier: Apache-2.0
"""Plain text tables: left-aligned and wrapped to a width. Pure functions over lists of texts."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flock.core.text import storable

_CELL_OVERHEAD = 3  # "| " before and " " after each cell
_HEADER_WORDS = re.compile(r"[^\s_]*_|[^\s_]+\s*")
# Preferred places to break a long word: in uuids, between date and time, after punctuation other than hyphens.
_WORD_PIECES = re.compile(
    r"[0-9a-f]{8}-(?=[0-9a-f]{4}-)|(?<=-)[0-9a-f]{4}-(?=[0-9a-f]{4})|\d{4}-\d\d-\d\dT|\d\d:\d\d:\d\d(?:\.\d+)?"
    r"|[^./=:_,;@]*[./=:_,;@]+|[^./=:_,;@]+")
_HYPHENED = re.compile(r"[^-]*-+|[^-]+")
_LONG_WORD = 16  # shorter words are not broken to make room for other columns
_BROKEN_LEAST = 5  # narrower columns are unreadable
_TALLER_MAX = 2  # a table that keeps its words whole may be this many times as tall


def display_width(text: str) -> int:
    """The number of terminal columns of ``text``; wide East Asian characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def printable(text: str) -> str:
    """``text`` with escapes in place of control characters, so that a stored value cannot control the operator's
    terminal. Newlines stay; ``cell_text`` escapes those of stored values."""
    return "\n".join(storable(line) for line in text.replace("\t", "    ").split("\n"))


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` columns; never breaks a word, so a longer word exceeds ``width``."""
    return [line for paragraph in text.split("\n") for line in _filled(paragraph.split(" "), width, " ")]


def break_words(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` columns (at least 2); breaks longer words, after punctuation if possible."""
    lines: list[str] = []
    for line in wrap(text, width):
        if display_width(line) <= width:
            lines.append(line)
        else:
            pieces = [part for piece in _WORD_PIECES.findall(line)
                      for smaller in ([piece] if display_width(piece) <= width else _HYPHENED.findall(piece))
                      for part in _cut(smaller, width)]
            lines += _filled(pieces, width, "")
    return lines


def _filled(parts: Sequence[str], width: int, between: str) -> list[str]:
    """``parts`` joined into lines of at most ``width`` columns; a longer part gets a separate line."""
    lines: list[str] = []
    line: str | None = None
    for part in parts:
        joined = part if line is None else line + between + part
        if line is not None and display_width(joined) > width:
            lines += [line] if line.strip() else []  # blanks before a word that fills its line
            line = part
        else:
            line = joined
    return [*lines, line or ""]


def _cut(piece: str, width: int) -> list[str]:
    cuts = [""]
    for char in piece:
        if display_width(cuts[-1] + char) > width:
            cuts.append("")
        cuts[-1] += char
    return cuts


@dataclass(frozen=True, slots=True)
class Layout:
    """A table as lines: ``head`` (rule, titles, rule), the lines of each row, the ``rule`` below."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    rule: str

    def text(self, start: int = 0, end: int | None = None) -> str:
        """The table of the rows from ``start`` to ``end``, without a trailing newline."""
        body = [line for row in self.rows[start:end] for line in row]
        return "\n".join([*self.head, *body, *([self.rule] if body else [])])


def render(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """The table as text without a trailing newline; see ``lay_out``."""
    return lay_out(headers, rows, width).text()


def lay_out(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None,
            centred_from: int | None = None) -> Layout:
    """The layout of a table of at most ``width`` columns (None: no limit).

    Wraps cells at spaces (titles also after underscores). If the table is still too wide, breaks long words; if even
    that is not enough, wraps nothing. Columns from number ``centred_from`` on are centred, the others left-aligned.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    limits, fold = _limits(headers, rows, width)
    titles = [_title(title, limit) for title, limit in zip(headers, limits, strict=True)]
    bodies = [[fold(cell, limit) for cell, limit in zip(row, limits, strict=True)] for row in rows]
    widths = [
        max([display_width(line) for cells in (titles, *bodies) for line in cells[at]], default=0)
        for at in range(len(headers))
    ]
    rule = "+" + "+".join("-" * (size + 2) for size in widths) + "+"
    left = len(widths) if centred_from is None else centred_from
    return Layout([rule, *_lines(titles, widths, left), rule], [_lines(body, widths, left) for body in bodies], rule)


def _title(title: str, limit: int) -> list[str]:
    if limit >= display_width(title):
        return [title]
    lines = [line.rstrip() for line in _filled(_HEADER_WORDS.findall(title), limit, "")]
    return [short for line in lines for short in ([line] if display_width(line) <= limit else _cut(line, limit))]


def _lines(cells: Sequence[list[str]], widths: Sequence[int], left: int) -> list[str]:
    height = max(len(cell) for cell in cells)
    return [
        "| " + " | ".join(_padded(cell[at] if at < len(cell) else "", width, number >= left)
                          for number, (cell, width) in enumerate(zip(cells, widths, strict=True))) + " |"
        for at in range(height)
    ]


def _padded(text: str, width: int, centred: bool) -> str:
    room = width - display_width(text)
    before = room // 2 if centred else 0
    return " " * before + text + " " * (room - before)


def _limits(headers: Sequence[str], rows: Sequence[Sequence[str]],
            width: int | None) -> tuple[list[int], Callable[[str, int], list[str]]]:
    """The width limit of each column and the function that folds cells to it; natural widths if nothing fits.

    Keeps words whole if there is room, else breaks long words at preferred places, else anywhere.
    """
    natural = [_longest(cells, "\n") for cells in zip(headers, *rows, strict=True)]
    overhead = _CELL_OVERHEAD * len(headers) + 1
    if width is None or sum(natural) + overhead <= width:
        return natural, wrap
    room = width - overhead
    titles = [max((display_width(word.rstrip()) for word in _HEADER_WORDS.findall(title)), default=0)
              for title in headers]
    words = [max(title, max((_longest(row[at].split("\n"), " ") for row in rows), default=0))
             for at, title in enumerate(titles)]
    pieces = [max(title, max((_longest_piece(row[at]) for row in rows), default=0)) for at, title in enumerate(titles)]
    whole, broken = _shared(natural, words, room), _shared(natural, pieces, room)
    if whole and (not broken or _height(natural, whole) <= _TALLER_MAX * _height(natural, broken)):
        return whole, wrap
    if broken := broken or _levelled(pieces, room):
        return broken, break_words
    return natural, wrap


def _shared(natural: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """Widths of at least ``least``; gives each further column of ``room`` to the tallest cell. None if too narrow."""
    widths = list(least)
    for _ in range(room - sum(least)):
        narrow = [at for at, full in enumerate(natural) if widths[at] < full]
        tallest = max(narrow, key=lambda at: -(-natural[at] // max(widths[at], 1)))
        widths[tallest] += 1
    return widths if sum(widths) <= room else None


def _height(natural: Sequence[int], widths: Sequence[int]) -> int:
    """The approximate number of lines of the tallest row."""
    return max(-(-full // max(width, 1)) for full, width in zip(natural, widths, strict=True))


def _levelled(widths: Sequence[int], room: int) -> list[int] | None:
    """The widths limited by the largest common cap that fits into ``room``; None if that is too narrow to read."""
    for cap in range(max(widths), _BROKEN_LEAST - 1, -1):
        levelled = [min(width, cap) for width in widths]
        if sum(levelled) <= room:
            return levelled
    return None


def _longest_piece(cell: str) -> int:
    words = cell.replace("\n", " ").split(" ")
    return max((display_width(piece) for word in words
                for piece in ([word] if display_width(word) <= _LONG_WORD else _WORD_PIECES.findall(word))), default=0)


def _longest(cells: Sequence[str], separator: str) -> int:
    return max((display_width(part) for cell in cells for part in cell.split(separator)), default=0)
