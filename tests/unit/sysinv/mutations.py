# SPDX-License-Identifier: Apache-2.0
"""Machines whose files lie: a recorded one of which some files, links and directories are something else."""
from __future__ import annotations

import builtins
import os
import random

from flock.exec import Root

TEXTS = [b"", b"\0", b"lan-\xe9", "²".encode(), b"9" * 5000, b"0x" + b"f" * 5000, b"-1", b"-9" * 30, b"1_0",
         b"18446744073709551615", b"18446744073709551616", b"0-65535," * 2000, b"f" * 100_000, b"1:\xc2\xb2",
         b"4095:1048575", b"99999999999:99999999", b"nan", b"inf 1", b"root=/dev/a\0b", b"=", b":", b"\n" * 100,
         b"x" * 300, b"0-", b"processor : " + b"9" * 4400, b"Node 0 MemTotal: " + b"9" * 30 + b" kB",
         b"MemTotal: 18446744073709551615 kB\nMemFree: 18446744073709551615 kB",
         b"S:disk/by-path/\xff\nE:ID_MODEL=\x1b[2J",
         b"E:ID_ATA_ROTATION_RATE_RPM=\xc2\xb2", b"processor : 0\ncore id : \xc2\xb2\nphysical id : 1",
         b"1 1 8:1 / / rw - x /dev/\0"]
NAMES = ["²", "\udcff", "cpu99999999999999999999999", "node" + "9" * 40, "a b", "..x", "0000:00:00.9", "x" * 250,
         "sd\n", "hugepages-99999999999999999999999kB", "hugepages-1kB", "cpu²", "node²", "lower_x", "virtfn9",
         "partition"]
TARGETS = ["", "/", ".", "../..", "../²", "x" * 200, "/proc/nothing", "../0000:00:00.0", "a\nb"]


class MutatedRoot(Root):
    """The machine below ``path``; ``share`` of its files, links and directories read as something odd.

    The same seed makes the same machine, in whatever order it is read. A file may be missing, not readable, a directory
    (all read as None), cut short, or hold anything; a directory may be empty or hold odd names; a link lead anywhere.
    """

    def __init__(self, path: str | os.PathLike[str], seed: builtins.int, share: float) -> None:
        super().__init__(path)
        self._seed, self._share = seed, share

    def raw(self, rel: str, size: builtins.int, offset: builtins.int = 0) -> bytes | None:
        fate = self._fate("file", rel)
        if fate is None:
            return super().raw(rel, size, offset)
        told = super().raw(rel, size, offset)
        kind = fate.randrange(4)
        if kind == 0:
            return None
        if kind == 1 and told:
            return told[:fate.randrange(len(told))]
        return fate.choice(TEXTS)[offset:offset + size]

    def listdir(self, rel: str) -> list[str]:
        names, fate = super().listdir(rel), self._fate("directory", rel)
        if fate is None:
            return names
        kind = fate.randrange(4)
        if kind == 0:
            return []
        return [name for name in names if kind != 1 or fate.random() < 0.5] + fate.sample(NAMES, 3)

    def link(self, rel: str) -> str | None:
        fate = self._fate("link", rel)
        return super().link(rel) if fate is None else fate.choice([None, *TARGETS])

    def _fate(self, what: str, rel: str) -> random.Random | None:
        draw = random.Random(f"{self._seed} {what} {os.fsencode(rel)!r}")
        return draw if draw.random() < self._share else None
