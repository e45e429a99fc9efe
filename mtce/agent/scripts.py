# SPDX-License-Identifier: Apache-2.0
"""Runs the programs of a directory within a time limit: go-enabled tests in parallel, host services in order."""
from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flock.core.errors import FlockError
from flock.exec.process import run

LOG = logging.getLogger(__name__)
SCRIPTS_MAX = 20


def programs(directory: Path) -> list[Path]:
    """Return the executable files of ``directory``, sorted, at most SCRIPTS_MAX; none when the directory is missing."""
    try:
        found = sorted(path for path in directory.iterdir() if path.is_file() and os.access(path, os.X_OK))
    except OSError:
        return []
    if len(found) > SCRIPTS_MAX:
        LOG.error("%s holds %d programs; only the first %d by name are run", directory, len(found), SCRIPTS_MAX)
    return found[:SCRIPTS_MAX]


def run_together(directory: Path, arguments: Sequence[str], timeout_s: float) -> str | None:
    """Run all programs in parallel; return the first name, in order, of those that failed, else None.

    A program fails when its exit status is not 0. Kills programs that run longer than ``timeout_s``; they fail too.
    """
    found = programs(directory)
    if not found:
        return None
    with ThreadPoolExecutor(max_workers=len(found), thread_name_prefix="test") as pool:
        ended = list(pool.map(lambda path: _passes(path, arguments, timeout_s), found))
    return next((path.name for path, passed in zip(found, ended, strict=True) if not passed), None)


def run_in_order(directories: Sequence[Path], arguments: Sequence[str], timeout_s: float) -> str | None:
    """Run all programs of each directory one after the other; return the name of the first that failed, else None."""
    failed: str | None = None
    for directory in directories:
        for path in programs(directory):
            if not _passes(path, arguments, timeout_s) and failed is None:
                failed = path.name
    return failed


def _passes(path: Path, arguments: Sequence[str], timeout_s: float) -> bool:
    try:
        done = run([str(path), *arguments], timeout_s=timeout_s, check=False)
    except FlockError as error:
        LOG.warning("%s", error)
        return False
    if done.rc != 0:
        LOG.warning("%s ended with status %d: %s", path.name, done.rc, done.first_error_line())
    return done.rc == 0
