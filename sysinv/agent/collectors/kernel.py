# SPDX-License-Identifier: Apache-2.0
"""The running kernel: its release, and whether it is the standard or the low-latency (real-time) one."""
from __future__ import annotations

import re
from dataclasses import dataclass

from flock.exec.root import Root

STANDARD, LOWLATENCY = "standard", "lowlatency"
_VERSION = re.compile(r"Linux version (\S+)")
# Mainline's version contains PREEMPT_RT; that of the earlier patch set contains PREEMPT RT.
_REAL_TIME = re.compile(r"\bPREEMPT[_ ]RT\b")


@dataclass(frozen=True, slots=True)
class RunningKernel:
    """``release`` as in ``uname -r``; ``kind`` is ``standard`` or ``lowlatency``."""

    release: str
    kind: str


def collect(root: Root) -> list[RunningKernel]:
    """Return the running kernel; an empty list when the files do not contain its release (some recordings)."""
    match = _VERSION.match(root.text("proc/version"))
    release = root.text("proc/sys/kernel/osrelease") or (match[1] if match else "")
    return [RunningKernel(release, LOWLATENCY if _is_real_time(root) else STANDARD)] if release else []


def _is_real_time(root: Root) -> bool:
    """Return whether the kernel is real-time, by its flags: the release is an arbitrary name."""
    if root.int("sys/kernel/realtime") == 1:
        return True
    return any(_REAL_TIME.search(root.text(path)) for path in ("proc/sys/kernel/version", "proc/version"))
