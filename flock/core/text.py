# SPDX-License-Identifier: Apache-2.0
"""Escapes text from hardware and kernels so that it can be sent, stored and displayed."""
from __future__ import annotations

from typing import Any

from flock.core.records import is_record, names, replace

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# Line and paragraph separators, and marks, embeddings, overrides and isolates of the direction of writing.
_TURNING = frozenset("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ESCAPED_BYTE = range(0xDC80, 0xDD00)  # Python decodes bytes that are no UTF-8 to these (surrogateescape)


def storable(text: str, chars_max: int | None = None) -> str:
    r"""``text`` without characters that a database or a terminal cannot accept, cut to ``chars_max`` characters.

    Control characters (also NUL), lone surrogates, line separators and characters that turn the direction of writing
    become escapes such as ``\x00`` and ``\u202e``, so that different names stay different. ``lan-\udce9`` (a byte that
    is no UTF-8) becomes ``lan-\xe9``.
    """
    if not text.isprintable():
        text = "".join(map(_shown, text))
    return text if chars_max is None else text[:chars_max]


def spreadsheet_cell(value: Any) -> Any:
    """``value`` for a CSV file; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA else value


def _shown(char: str) -> str:
    code = ord(char)
    if code in _ESCAPED_BYTE:
        return f"\\x{code - 0xDC00:02x}"
    if 0xD800 <= code < 0xE000 or char in _TURNING:
        return f"\\u{code:04x}"
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"\\x{code:02x}"
    return char


def storable_tree(value: Any) -> Any:
    """``value`` with ``storable`` applied to every string in it, also inside records, lists, tuples and dicts."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable_tree(key): storable_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(storable_tree(item) for item in value)
    if is_record(type(value)):
        return replace(value, **{name: storable_tree(getattr(value, name)) for name in names(value)})
    return value
