# SPDX-License-Identifier: Apache-2.0
"""Several processes share a spool directory: each has a numbered queue in it and takes over those of ended ones."""
from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from flock.core.errors import Unavailable
from fm.contract.errors import SpoolBusy
from fm.raiser.spool import Compact, Spool

SLOTS_MAX = 64


def open_free_slot(parent: Path, limit_mib: int, compact: Compact | None = None) -> Spool:
    """The first queue below ``parent`` that no process holds; SpoolBusy when all are held, Unavailable."""
    unusable: Unavailable | None = None
    for slot in range(SLOTS_MAX):
        directory = parent / str(slot)
        try:
            return Spool(directory, limit_mib, compact)
        except SpoolBusy:
            continue
        except Unavailable as error:
            # Where nothing can be made, the next number would fare no better.
            if not directory.exists():
                raise
            unusable = unusable or error
    if unusable is not None:
        raise unusable
    raise SpoolBusy(path=str(parent), slots=SLOTS_MAX)


def abandoned(parent: Path, held: Collection[Path], limit_mib: int) -> list[Spool]:
    """Queues with undelivered records that no process holds; the caller delivers and closes them."""
    found = []
    for slot in range(SLOTS_MAX):
        directory = parent / str(slot)
        if directory in held or not (directory / "lock").is_file():
            continue
        try:
            spool = Spool(directory, limit_mib)
        except Unavailable:
            continue
        if spool.pending_bytes:
            found.append(spool)
        else:
            spool.close()
    return found
