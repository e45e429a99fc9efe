# SPDX-License-Identifier: Apache-2.0
"""The flag files through which a host's services and mtce-agent tell each other their state."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flock.exec.atomic import replace_file
from flock.exec.root import Root

CONFIGURED = "etc/platform/.initial_config_complete"
CONFIG_FAIL = "run/.config_fail"
CONFIG_PASS = "run/.config_pass"  # noqa: S105 - a flag file
TESTS_ALLOWED = "run/.goenabled"
TESTS_PASSED = "run/goenabled"
TESTS_FAILED = "run/goenabled_failed"
LOCKED = "run/.node_locked"
LOCKED_PERSISTENT = "var/persist/mtc/.node_locked"
DEGRADED = "run/.sm_degraded"
RESETTING = "run/.node_reset"
SIMPLEX = "etc/platform/simplex"
NAME_MAX = 255


@dataclass(frozen=True, slots=True)
class HostFlags:
    """State of the flag files; ``tests_failed`` is the name of the first test that failed. ``degraded``: service
    management's."""

    configured: bool
    healthy: bool
    locked: bool
    tests_allowed: bool
    tests_passed: bool
    tests_failed: str | None
    degraded: bool = False


def read(root: Root) -> HostFlags:
    """Read all flags below ``root``."""
    failed = root.text(TESTS_FAILED)[:NAME_MAX] if root.exists(TESTS_FAILED) else None
    return HostFlags(
        configured=root.exists(CONFIGURED),
        healthy=root.exists(CONFIG_PASS) and not root.exists(CONFIG_FAIL),
        locked=root.exists(LOCKED),
        tests_allowed=root.exists(TESTS_ALLOWED),
        tests_passed=root.exists(TESTS_PASSED),
        tests_failed=(failed or "unknown") if failed is not None else None,
        degraded=root.exists(DEGRADED),
    )


def put(root: Root, rel: str, text: str = "") -> None:
    """Create or replace a flag atomically; a reader never sees a half-written one."""
    replace_file(Path(root.path, rel), text)


def drop(root: Root, rel: str) -> None:
    """Remove a flag if it exists."""
    Path(root.path, rel).unlink(missing_ok=True)


def set_locked(root: Root, locked: bool) -> None:
    """Create or remove the node-locked flag; on simplex systems also the copy that survives a reboot."""
    if locked:
        put(root, LOCKED)
        if root.exists(SIMPLEX):
            put(root, LOCKED_PERSISTENT)
        return
    drop(root, LOCKED)
    drop(root, LOCKED_PERSISTENT)
