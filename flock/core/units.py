# SPDX-License-Identifier: Apache-2.0
"""Sizes: the flock counts memory and disks in MiB and ports in Mbit/s; conversions round the safe way."""
from __future__ import annotations

import re

KIB, MIB, GIB, TIB = 1024, 1024**2, 1024**3, 1024**4
_FACTORS = {"": 1, "b": 1, "k": KIB, "kb": KIB, "kib": KIB, "m": MIB, "mb": MIB, "mib": MIB,
            "g": GIB, "gb": GIB, "gib": GIB, "t": TIB, "tb": TIB, "tib": TIB}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")
DIGITS_MAX = 20


def mib_from_bytes(size_bytes: int) -> int:
    """Whole MiB that fit into ``size_bytes``."""
    return size_bytes // MIB


def mib_from_kib(size_kib: int) -> int:
    """Whole MiB that fit into ``size_kib``, the unit of /proc/meminfo."""
    return size_kib // 1024


def gib_from_mib(size_mib: int) -> int:
    """Whole GiB that fit into ``size_mib``."""
    return size_mib // 1024


def mib_from_gib(size_gib: int) -> int:
    """MiB of ``size_gib``."""
    return size_gib * 1024


def parse_bytes(text: str) -> int:
    """Bytes of ``4096``, ``10G``, ``1.5 GiB``; powers of 1024 as in lsblk; ValueError names the rule."""
    match = _SIZE.fullmatch(text[:64])
    factor = _FACTORS.get(match.group(2).lower()) if match else None
    if match is None or factor is None or len(match.group(1)) > DIGITS_MAX:
        raise ValueError("must be a size such as 4096, 10G or 512 MiB")
    return int(float(match.group(1)) * factor) if "." in match.group(1) else int(match.group(1)) * factor
