# SPDX-License-Identifier: Apache-2.0
"""Keeps aside what a node has changed without acknowledgement before it takes the active node's state."""
from __future__ import annotations

import datetime
import errno
import logging
import os
import shutil
from pathlib import Path

from sm.mirror import names
from sm.mirror.holding import write_all
from sm.mirror.tree import Tree

LOG = logging.getLogger(__name__)
KEPT_BYTES = 256 << 20
KEPT_FILES = 2_000
PLACES_MAX = 5
COPY_BYTES = 1 << 20


class Lost:
    """Directories below ``place``, one for each return of this node, named by the time (UTC). The oldest give way."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def places(self) -> tuple[str, ...]:
        """What is kept, the oldest first."""
        if not self._place.is_dir():
            return ()
        return tuple(str(path) for path in sorted(self._place.iterdir()))

    def keep(self, tree: Tree, found: tuple[str, ...], now: datetime.datetime) -> str:
        """Copy these files of the directory; says in a sentence where they are, and how many are not kept. ``now`` is
        aware. What cannot be kept for want of space gives way all the same: the other node is active."""
        if not found:
            return ""
        target = self._place / now.astimezone(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        left, kept, reason = KEPT_BYTES, 0, f"only {KEPT_FILES} files and {KEPT_BYTES >> 20} MB are kept"
        for name in found[:KEPT_FILES]:
            try:
                size = self._copy(tree, name, target, left)
            except OSError as error:
                if error.errno != errno.EFBIG:
                    reason = str(error)
                continue
            left -= size
            kept += 1
        for old in self.places()[:-PLACES_MAX]:
            shutil.rmtree(old, ignore_errors=True)
        text = f"{len(found)} files that were changed here and never acknowledged give way: {_some(found)}"
        text += f"; {kept} of them are kept in {target}" if kept else ""
        return text + (f"; the others are not kept: {reason}" if kept < len(found) else "")

    def _copy(self, tree: Tree, name: str, target: Path, left: int) -> int:
        with tree.opened(name) as content:
            if os.fstat(content).st_size > left:
                raise OSError(errno.EFBIG, "too large")
            path = os.path.join(os.fsencode(target), names.raw(name))
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            size, out = 0, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                while chunk := os.read(content, COPY_BYTES):
                    size += len(chunk)
                    if size > left:
                        raise OSError(errno.EFBIG, "too large")
                    write_all(out, chunk)
                os.fsync(out)
            finally:
                os.close(out)
        return size


def _some(found: tuple[str, ...]) -> str:
    return ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
