# SPDX-License-Identifier: Apache-2.0
"""Uptime of a host since the start of its first process, which in a container is later than the kernel's boot."""
from __future__ import annotations

import os

from flock.exec.root import Root

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Position of ``starttime`` in /proc/<pid>/stat after the command name in parentheses (proc(5), field 22).
_START = 19
UPTIME_MAX_S = 2**31 - 1


def uptime_s(root: Root) -> int:
    """Whole seconds since process 1 of ``root`` started; 0 when the kernel's files are unreadable."""
    words = root.text("proc/uptime").split()
    fields = root.text("proc/1/stat").rpartition(")")[2].split()
    try:
        kernel_s = float(words[0])
        started_s = int(fields[_START]) / TICKS_PER_S if len(fields) > _START else 0.0
        return min(max(0, int(kernel_s - started_s)), UPTIME_MAX_S)
    except (IndexError, ValueError, OverflowError):
        return 0
