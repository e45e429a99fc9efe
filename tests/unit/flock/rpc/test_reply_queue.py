# SPDX-License-Identifier: Apache-2.0
"""Programs of one host share the reply queues that the broker holds ready, each with one of its own."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flock.core.errors import Unavailable
from flock.rpc.replyqueue import ReplyQueueLock

NAMES = ("reply_host.w_0", "reply_host.w_1")
HOLDER = """
import sys
from pathlib import Path
from flock.rpc.replyqueue import ReplyQueueLock
lock = ReplyQueueLock(Path(sys.argv[1]))
print(lock.take(sys.argv[2:]), flush=True)
sys.stdin.read()
"""


def test_each_has_its_own_and_keeps_it(tmp_path: Path) -> None:
    first, second, third = (ReplyQueueLock(tmp_path / "run/bus") for _ in range(3))
    assert [first.take(NAMES), second.take(NAMES), first.take(NAMES)] == [NAMES[0], NAMES[1], NAMES[0]]
    with pytest.raises(Unavailable, match="2 programs of this host already wait for replies"):
        third.take(NAMES)
    first.release()
    first.release()
    assert third.take(NAMES) == NAMES[0]
    assert (tmp_path / "run/bus").stat().st_mode & 0o777 == 0o700


def test_one_that_was_killed_leaves_it_to_others(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path), *NAMES], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline().strip() == NAMES[0]
        lock = ReplyQueueLock(tmp_path)
        assert lock.take(NAMES) == NAMES[1]
        holder.kill()
        holder.wait(30)
        assert ReplyQueueLock(tmp_path).take(NAMES) == NAMES[0]


def test_a_child_that_lets_go_leaves_it_to_its_parent(tmp_path: Path) -> None:
    lock = ReplyQueueLock(tmp_path)
    assert lock.take(NAMES) == NAMES[0]
    child = os.fork()
    if child == 0:
        lock.release()
        os._exit(0 if lock.take(NAMES) == NAMES[1] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ReplyQueueLock(tmp_path).take(NAMES) == NAMES[1]


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match=f"{tmp_path}/file/bus: Not a directory"):
        ReplyQueueLock(tmp_path / "file/bus").take(NAMES)
