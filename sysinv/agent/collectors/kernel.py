# SPDX-License-Identifier: Apache-2.0
"""The running kernel: its release, and whether it is the standard or the low-latency (real-time) one."""
from __future__ import annotations

import re
from dataclasses import dataclass

from flock.exec.root import Root

STANDARD, LOWLATENCY = "standard", "lowlatency"
_VERSION = re.compile(r"Linux version (\S+)")
# Mainline says PREEMPT_RT in the version; the patches before it said PREEMPT RT.
_REAL_TIME = re.compile(r"\bPREEMPT[_ ]RT\b")


@dataclass(frozen=True, slots=True)
class RunningKernel:
    """``release`` as uname -r tells it; ``kind`` is ``standard`` or ``lowlatency``."""

    release: str
    kind: str


def collect(root: Root) -> list[RunningKernel]:
    """The one running kernel; nothing where the files do not tell its release (some recordings)."""
    match = _VERSION.match(root.text("proc/version"))
    release = root.text("proc/sys/kernel/osrelease") or (match[1] if match else "")
    return [RunningKernel(release, LOWLATENCY if _is_real_time(root) else STANDARD)] if release else []


def _is_real_time(root: Root) -> bool:
    """What the kernel says of itself; its release is a name that its builder chose."""
    if root.int("sys/kernel/realtime") == 1:
        return True
    return any(_REAL_TIME.search(root.text(path)) for path in ("proc/sys/kernel/version", "proc/version"))
