# SPDX-License-Identifier: Apache-2.0
"""The kernel's two notations of sets of numbers: lists (``0-3,8``) and bit masks (``00000000,0000ffff``)."""
from __future__ import annotations

import re
from functools import lru_cache

from flock.exec.root import Root, number

_RANGE = re.compile(r"(\d+)(?:-(\d+)(?::(\d+)(?:/(\d+))?)?)?")
_HEX = re.compile(r"[0-9a-fA-F]+")
# The kernel supports at most 8192 CPUs (CONFIG_NR_CPUS) and 1024 memory nodes (CONFIG_NODES_SHIFT).
NUMBER_MAX = 8191
# Hundreds of CPUs name the same siblings, so they share one set.
SETS_KEPT = 256
MASK_DIGITS_MAX = (NUMBER_MAX + 1) // 4


@lru_cache(SETS_KEPT)
def parse_list(text: str) -> frozenset[int]:
    """Return the members of a list such as ``0-3,8,10-20:2/5``; omits malformed parts and numbers above 8191.

    Valid lists name no number twice, so numbers after the first 8192 are omitted.
    ``a-b:used/group`` takes the first ``used`` of every ``group`` numbers; ``a-b:step`` (lscpu) every ``step``-th.
    """
    members: set[int] = set()
    left = NUMBER_MAX + 1
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            continue
        first, last, used, group = (None if value is None else number(value) for value in match.groups())
        if first is None or (match[2] and last is None):
            continue
        numbers = range(first, min(first if last is None else last, NUMBER_MAX) + 1)[:left]
        left -= len(numbers)
        members.update(one for one in numbers if _in_pattern(one - first, used, group))
    return frozenset(members)


def _in_pattern(offset: int, used: int | None, group: int | None) -> bool:
    if used is None or used == 0 or group == 0:
        return True
    if group is None:
        return offset % used == 0
    return offset % group < used


@lru_cache(SETS_KEPT)
def parse_mask(text: str) -> frozenset[int]:
    """Return the bits set in a comma-separated hexadecimal mask (most significant word first); empty when malformed.

    Omits bits above 8191.
    """
    digits = text.replace(",", "").strip()
    if _HEX.fullmatch(digits) is None:
        return frozenset()
    bits = f"{int(digits[-MASK_DIGITS_MAX:], 16):b}"
    return frozenset(index for index, bit in enumerate(reversed(bits)) if bit == "1")


def read_set(root: Root, list_path: str, mask_path: str | None = None) -> frozenset[int] | None:
    """Return the set in ``list_path``, else in ``mask_path`` (on older kernels); None when neither can be read."""
    if text := root.text(list_path):
        return parse_list(text)
    if mask_path is not None and (text := root.text(mask_path)):
        return parse_mask(text)
    return None
