# SPDX-License-Identifier: Apache-2.0
"""Moves files of an earlier release to where both controllers share them. May be interrupted and repeated."""
from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

Pairs = Iterable[tuple[Path, Path]]


def outdated(pairs: Pairs) -> list[tuple[Path, Path]]:
    """Those of ``(old, new)`` that are still at the old place."""
    return [(old, new) for old, new in pairs if old.exists() and not old.is_symlink()]


def move(pairs: Pairs, sync: Callable[[], None] = os.sync) -> None:
    """Move each file or directory. What is at the new place already stays, and the old one is removed.

    The new one is complete and on the disk before the old one goes. It has the same permission bits, and no owner but
    root: whoever may read it is set by the caller.
    """
    for old, new in outdated(pairs):
        if not new.exists():
            new.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            half = new.with_name(f"{new.name}.moving")
            _remove(half)
            if old.is_dir():
                shutil.copytree(old, half, symlinks=True)
            else:
                half.touch(0o600)
                shutil.copy2(old, half)
            sync()
            half.rename(new)
            sync()
        _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
