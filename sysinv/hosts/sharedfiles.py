# SPDX-License-Identifier: Apache-2.0
"""Files that both controllers share, below ``flock.conf.shared.DIRECTORY``: acknowledged only when both have them."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flock.conf import shared
from flock.core.errors import Refused, Unavailable
from sm.client.mirror import wait_stored

WAIT_S = 10.0
Wait = Callable[[str, float], str]
Stored = Callable[[Path], None]


def stored(path: Path, directory: Path = shared.DIRECTORY, wait: Wait = wait_stored) -> None:
    """Return when ``path``, which was just written, is on the disks of all controllers that must have it.

    Whoever writes such a file calls this before he acknowledges what it is for, also when the file was there already:
    an earlier call may have failed. Returns at once for files elsewhere. Unavailable: not all have it in ``WAIT_S``.
    """
    if path.is_relative_to(directory):
        _ask(str(path), wait)


def all_stored(directory: Path = shared.DIRECTORY, wait: Wait = wait_stored) -> None:
    """The same for all that was written below the directory; returns at once where there is none."""
    if directory.is_dir():
        _ask("", wait)


def _ask(path: str, wait: Wait) -> None:
    try:
        wait(path, WAIT_S)
    except Refused as refusal:
        # It may be there a moment later: whoever asked for it tries again.
        raise Unavailable(service="sm-mirror", reason=str(refusal)) from refusal
