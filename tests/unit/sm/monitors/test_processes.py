# SPDX-License-Identifier: Apache-2.0
"""Processes are told from later ones with the same id."""
from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from flock.core.records import replace
from sm.monitors import processes


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "600"], env={"SM_ATTEMPT": "abc", "LANG": "C"})
    yield process
    process.kill()
    process.wait()


def test_a_process_is_read(sleeper: subprocess.Popen[bytes]) -> None:
    found = processes.read(sleeper.pid)
    assert found is not None and (found.parent, found.ended) == (os.getpid(), False)
    assert found in processes.all_processes() and found in processes.descendants(os.getpid())
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    ended = processes.read(sleeper.pid)
    assert ended is not None and ended.ended
    assert processes.read(2**22 + 1) is None


def test_only_the_whole_mark_counts(sleeper: subprocess.Popen[bytes]) -> None:
    assert [found.pid for found in processes.marked(b"SM_ATTEMPT=abc")] == [sleeper.pid]
    assert processes.marked(b"SM_ATTEMPT=ab") == []


def test_a_later_process_with_the_same_id_is_not_killed(sleeper: subprocess.Popen[bytes]) -> None:
    found = processes.read(sleeper.pid)
    assert found is not None
    processes.kill(replace(found, start_ticks=found.start_ticks - 1))
    assert sleeper.poll() is None
    processes.kill(found)
    assert sleeper.wait(10) == -signal.SIGKILL
    processes.kill(found)
