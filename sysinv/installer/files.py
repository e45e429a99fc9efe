# SPDX-License-Identifier: Apache-2.0
"""Safe writes below an untrusted target directory: no path leaves it, by name or by symbolic link."""
from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flock.core.errors import InvalidInput
from flock.exec.atomic import replace_in
from sysinv.installer.plan import MakeLink, Step, WriteFile

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Target:
    """The root file system that is being installed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def apply(self, step: Step) -> None:
        """Carry out one step; InvalidInput when its path leaves the target, OSError from the file system."""
        if isinstance(step, WriteFile):
            self._write(step)
        else:
            self._link(step)

    def _write(self, step: WriteFile) -> None:
        with self._parent(step.path) as (parent, name):
            replace_in(parent, name, step.content, step.mode)

    def _link(self, step: MakeLink) -> None:
        with self._parent(step.path) as (parent, name):
            temporary = f".{name}.{secrets.token_hex(4)}"
            os.symlink(step.points_to, temporary, dir_fd=parent)
            os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """Yield a descriptor of the parent directory (created if missing) and the last name of ``path``."""
        parts = path.split("/")
        if parts[0] or len(parts) < 2 or any(part in ("", ".", "..") for part in parts[1:]):
            raise InvalidInput(field="path", rule=f"{path[:200]!a} must be absolute and free of '.', '..' and '//'")
        here = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts[1:-1]:
                here = _step_down(here, part, path)
            yield here, parts[-1]
        finally:
            os.close(here)


def _step_down(parent: int, name: str, path: str) -> int:
    """Open directory ``name`` in ``parent``, creating it if missing; closes ``parent``."""
    try:
        try:
            child = os.open(name, _DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            os.mkdir(name, 0o755, dir_fd=parent)
            child = os.open(name, _DIRECTORY, dir_fd=parent)
    except OSError as error:
        raise InvalidInput(field="path", rule=f"{path[:200]!a}: {name!a} is no directory ({error.strerror})") from error
    os.close(parent)
    return child
