# SPDX-License-Identifier: Apache-2.0
"""Plain text tables: left aligned, words wrapped to a width. Pure functions over lists of texts."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_CELL_OVERHEAD = 3  # "| " before and " " after each cell
_HEADER_WORDS = re.compile(r"[^\s_]*_|[^\s_]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def display_width(text: str) -> int:
    """Terminal columns that ``text`` takes; wide East Asian characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def printable(text: str) -> str:
    """``text`` without control characters, so that a stored value cannot drive the operator's terminal."""
    return _CONTROL.sub("?", text.replace("\t", "    "))


def wrap(text: str, width: int, words: Sequence[str] | None = None) -> list[str]:
    """Lines of at most ``width`` columns where words allow it; a word is never broken."""
    lines: list[str] = []
    for paragraph in text.split("\n") or [""]:
        line = ""
        for word in words if words is not None else paragraph.split(" "):
            joined = line + word if words is not None else f"{line} {word}" if line else word
            if line and display_width(joined) > width:
                lines.append(line)
                line = word
            else:
                line = joined
        lines.append(line)
    return lines


def render(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """The table as text without a trailing newline.

    ``width`` is the space at hand in columns, None for no limit. Cells are wrapped at spaces (headers also after
    underscores) to fit; where even that is too wide, nothing is wrapped.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    limits = _limits(headers, rows, width)
    titles = [wrap(title, limit, None if limit >= display_width(title) else _HEADER_WORDS.findall(title))
              for title, limit in zip(headers, limits, strict=True)]
    bodies = [[wrap(cell, limit) for cell, limit in zip(row, limits, strict=True)] for row in rows]
    widths = [
        max([display_width(line) for cells in (titles, *bodies) for line in cells[at]], default=0)
        for at in range(len(headers))
    ]
    rule = "+" + "+".join("-" * (size + 2) for size in widths) + "+"
    lines = [rule, *_lines(titles, widths), rule]
    for body in bodies:
        lines.extend(_lines(body, widths))
    if bodies:
        lines.append(rule)
    return "\n".join(lines)


def _lines(cells: Sequence[list[str]], widths: Sequence[int]) -> list[str]:
    height = max(len(cell) for cell in cells)
    return [
        "| " + " | ".join(_padded(cell[at] if at < len(cell) else "", width)
                          for cell, width in zip(cells, widths, strict=True)) + " |"
        for at in range(height)
    ]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))


def _limits(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Width limit of each column: the largest common cap under which the table fits, natural widths if none does."""
    natural = [_longest(cells, "\n") for cells in zip(headers, *rows, strict=True)]
    overhead = _CELL_OVERHEAD * len(headers) + 1
    if width is None or sum(natural) + overhead <= width:
        return natural
    least = [
        max(max((display_width(word) for word in _HEADER_WORDS.findall(title)), default=0),
            max((_longest(row[at].split("\n"), " ") for row in rows), default=0))
        for at, title in enumerate(headers)
    ]
    for cap in range(max(natural), -1, -1):
        capped = [min(full, max(cap, small)) for full, small in zip(natural, least, strict=True)]
        if sum(capped) + overhead <= width:
            return capped
    return natural


def _longest(cells: Sequence[str], separator: str) -> int:
    return max((display_width(part) for cell in cells for part in cell.split(separator)), default=0)
