# SPDX-License-Identifier: Apache-2.0
"""Uptime of a host and of a container on it."""
import pytest

from flock.exec.root import Root
from flock.exec.uptime import TICKS_PER_S, uptime_s

STAT = "1 (odd) name) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 {start} 170000 3000 0\n"


@pytest.mark.parametrize("uptime, start_s, expected", [
    ("5000.75 9000.1", 0, 5000), ("5000.75 9000.1", 4990, 10), ("garbage", 4, 0), (None, None, 0),
    ("5000.75 1", None, 5000)])
def test_uptime(tmp_path, uptime, start_s, expected):
    (tmp_path / "proc" / "1").mkdir(parents=True)
    if uptime is not None:
        (tmp_path / "proc" / "uptime").write_text(uptime + "\n")
    if start_s is not None:
        (tmp_path / "proc" / "1" / "stat").write_text(STAT.format(start=start_s * TICKS_PER_S))
    assert uptime_s(Root(tmp_path)) == expected


def test_this_machine_runs_for_some_time():
    assert uptime_s(Root("/")) > 0
