# SPDX-License-Identifier: Apache-2.0
"""The kernel's two notations of sets of numbers: lists (``0-3,8``) and bit masks (``00000000,0000ffff``)."""
from __future__ import annotations

import re

from flock.exec.root import Root

_RANGE = re.compile(r"(\d+)(?:-(\d+)(?::(\d+)(?:/(\d+))?)?)?")
NUMBER_MAX = 65535


def parse_list(text: str) -> frozenset[int]:
    """Members of a list such as ``0-3,8,10-20:2/5``; what breaks the notation or exceeds 65535 is left out.

    ``a-b:used/group`` takes the first ``used`` of every ``group`` numbers; ``a-b:step`` (lscpu) every ``step``-th.
    """
    members: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            continue
        first = int(match[1])
        last, used, group = (None if value is None else int(value) for value in match.groups()[1:])
        end = min(first if last is None else last, NUMBER_MAX)
        members.update(number for number in range(first, end + 1) if _in_pattern(number - first, used, group))
    return frozenset(members)


def _in_pattern(offset: int, used: int | None, group: int | None) -> bool:
    if used is None or used == 0 or group == 0:
        return True
    if group is None:
        return offset % used == 0
    return offset % group < used


def parse_mask(text: str) -> frozenset[int]:
    """Bit numbers set in a comma-separated hexadecimal mask (most significant word first); empty when malformed."""
    try:
        value = int(text.replace(",", "").strip() or "0", 16)
    except ValueError:
        return frozenset()
    return frozenset(bit for bit in range(value.bit_length()) if value >> bit & 1)


def read_set(root: Root, list_path: str, mask_path: str | None = None) -> frozenset[int] | None:
    """The set in ``list_path``, else in ``mask_path`` (older kernels have only that); None when neither can be read."""
    if text := root.text(list_path):
        return parse_list(text)
    if mask_path is not None and (text := root.text(mask_path)):
        return parse_mask(text)
    return None
