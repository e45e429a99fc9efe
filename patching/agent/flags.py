# SPDX-License-Identifier: Apache-2.0
"""Flag files by which scripts, health checks and host maintenance learn what the agent does."""
from __future__ import annotations

from pathlib import Path

from flock.exec.atomic import replace_file
from flock.exec.root import Root

LOCKED = "run/.node_locked"
"""Host maintenance makes it on a locked host."""
INSTALLING = "run/patch_installing"
FAILED = "run/patch_install_failed"
PATCHED = "run/node_is_patched"
PATCHED_REBOOT = "run/node_is_patched_rr"


def is_locked(root: Root) -> bool:
    """Whether host maintenance says that the host is locked."""
    return root.exists(LOCKED)


def begin(root: Root) -> None:
    """An installation begins."""
    _put(root, INSTALLING)
    _drop(root, FAILED)


def end(root: Root, error: str, needs_reboot: bool, reboot_required: bool) -> None:
    """An installation has ended."""
    if error:
        _put(root, FAILED)
    if needs_reboot:
        _put(root, PATCHED)
        if reboot_required:
            _put(root, PATCHED_REBOOT)
    elif not error:
        _drop(root, PATCHED)
        _drop(root, PATCHED_REBOOT)
    _drop(root, INSTALLING)


def booted(root: Root) -> None:
    """The host runs what was installed."""
    for name in (PATCHED, PATCHED_REBOOT, INSTALLING):
        _drop(root, name)


def _put(root: Root, name: str) -> None:
    replace_file(Path(root.path, name), "")


def _drop(root: Root, name: str) -> None:
    Path(root.path, name).unlink(missing_ok=True)
