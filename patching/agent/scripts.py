# SPDX-License-Identifier: Apache-2.0
"""Runs hooks of releases, and restart scripts that packages and releases bring.

Packages drop restart scripts into ``SCRIPTS``; they run in order of their names, and with them those of the releases.
Two scripts that restart one service agree by a file below ``$PATCH_FLAGDIR``.
"""
from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from flock.core.errors import FlockError
from flock.exec.atomic import replace_text
from flock.exec.process import run
from patching.backends.interface import BackendFailed
from patching.contract.states import Direction

SCRIPTS, FLAGS = "run/patching/patch-scripts", "run/patching/patch-flags"
FUNCTIONS = "etc/patching/patch-functions"
SCRIPTS_MAX = 100
BEFORE_BOOT, AFTER_BOOT = "before-reboot", "after-reboot"


def place_functions(root: Path, source: Path) -> None:
    """Put the functions for scripts where scripts look for them; ``source`` is that of the installed release."""
    if source.is_file():
        replace_text(root / FUNCTIONS, source.read_text(), 0o755)


class Scripts:
    """The scripts of one host."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def hook(self, path: Path, when: str, release_id: str, direction: Direction, deadline: float) -> None:
        """Run a hook of a release; ``when`` is its argument. BackendFailed: it fails or takes too long."""
        reason = self._run(path, [when], release_id, direction, deadline)
        if reason:
            raise BackendFailed(detail=f"{path.name} {when} of {release_id} has failed: {reason}")

    def restart(self, of_releases: Iterable[tuple[str, Path]], direction: Direction, deadline: float) -> None:
        """Run all restart scripts. ``of_releases``: release ids and scripts. BackendFailed names all that fail; the
        others have run. What packages have dropped is removed once all have passed, so that a retry runs it again."""
        flags = self._root / FLAGS
        shutil.rmtree(flags, ignore_errors=True)
        flags.mkdir(parents=True)
        found = [("", path) for path in self._dropped()] + list(of_releases)
        found.sort(key=lambda item: item[1].name)
        if len(found) > SCRIPTS_MAX:
            raise BackendFailed(detail=f"There are more than {SCRIPTS_MAX} restart scripts.")
        failed = [f"{path.name} ({reason})" for release_id, path in found
                  if (reason := self._run(path, [], release_id, direction, deadline))]
        if failed:
            raise BackendFailed(detail=f"Restart scripts have failed: {', '.join(failed)}.")
        shutil.rmtree(flags, ignore_errors=True)
        shutil.rmtree(self._root / SCRIPTS, ignore_errors=True)

    def _dropped(self) -> list[Path]:
        try:
            return [path for path in (self._root / SCRIPTS).iterdir() if path.is_file() and os.access(path, os.X_OK)]
        except OSError:
            return []

    def _run(self, path: Path, arguments: list[str], release_id: str, direction: Direction, deadline: float) -> str:
        environment = {"PATCH_SCRIPTDIR": str(self._root / SCRIPTS), "PATCH_FLAGDIR": str(self._root / FLAGS),
                       "PATCH_FUNCTIONS": str(self._root / FUNCTIONS), "PATCH_RELEASE": release_id,
                       "PATCH_OPERATION": direction.value,
                       "PATCH_ROOT": "" if self._root == Path("/") else str(self._root)}
        try:
            done = run([str(path), *arguments], timeout_s=max(0.1, deadline - time.monotonic()), check=False,
                       env=environment)
        except FlockError as error:
            return str(error)
        return f"status {done.rc}: {done.first_error_line()}".rstrip(": ") if done.rc else ""
