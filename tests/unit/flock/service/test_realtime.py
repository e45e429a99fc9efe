# SPDX-License-Identifier: Apache-2.0
"""A daemon that takes a real-time priority really has it, and the programs that it starts do not."""
from __future__ import annotations

import os
import subprocess
import sys

import pytest

from flock.service import realtime

PROGRAM = """
import os, subprocess, sys
from flock.service import realtime
realtime.prefer(int(sys.argv[1]))
locked = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmLck")]
ask = [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"]
child = subprocess.run(ask, capture_output=True, text=True)
print(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, os.sched_getparam(0).sched_priority, locked[0], child.stdout)
"""


def told(priority: int) -> list[int]:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, str(priority)], capture_output=True, text=True, check=True)
    return [int(word) for word in ended.stdout.split()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may take a real-time priority")
def test_the_process_has_the_priority_and_its_children_do_not() -> None:
    policy, priority, locked_kib, child = told(3)
    assert (policy, priority, child) == (os.SCHED_RR, 3, os.SCHED_OTHER)
    assert locked_kib > 0


def test_without_a_priority_nothing_changes() -> None:
    assert told(0) == [os.SCHED_OTHER, 0, 0, os.SCHED_OTHER]


def test_what_is_not_permitted_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    class Library:
        """A C library whose mlockall fails."""

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def mlockall(self, flags: int) -> int:
            return -1

    monkeypatch.setattr(realtime.os, "sched_setscheduler", refuse)
    monkeypatch.setattr(realtime.ctypes, "CDLL", Library)
    realtime.prefer(1)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "No real-time priority", "Memory may be paged out"]
