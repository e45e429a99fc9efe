# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import struct
from pathlib import Path

from sm.daemon.watchdog import IDLE_S, KEEPALIVE, SETTIMEOUT, Watchdog


class Device:
    """What a watchdog device is asked; a real file stands for /dev/watchdog."""

    def __init__(self, path: Path, least_s: int = 1) -> None:
        path.touch()
        self.path, self.least_s = path, least_s
        self.asked: list[tuple[int, int]] = []
        self.fault: OSError | None = None

    def __call__(self, descriptor: int, request: int, argument: bytes) -> bytes:
        if self.fault is not None:
            raise self.fault
        value = struct.unpack("i", argument)[0]
        self.asked.append((request, value))
        return struct.pack("i", max(value, self.least_s))

    def opened(self) -> Watchdog:
        made = Watchdog(str(self.path), self)
        made.open()
        return made


def test_the_limit_never_ends_after_the_moment(tmp_path: Path) -> None:
    device = Device(tmp_path / "watchdog")
    watchdog = device.opened()
    watchdog.tell(14_900, 11_000)
    watchdog.tell(14_900, 11_800)
    watchdog.tell(14_900, 12_100)
    assert device.asked == [(SETTIMEOUT, 3), (KEEPALIVE, 0), (KEEPALIVE, 0), (SETTIMEOUT, 2), (KEEPALIVE, 0)]
    device.asked.clear()
    watchdog.tell(14_900, 13_901)
    assert device.asked == []
    watchdog.tell(None, 14_000)
    assert device.asked == [(SETTIMEOUT, IDLE_S), (KEEPALIVE, 0)]


def test_a_moment_less_than_a_second_away_shortens_a_long_limit_once(tmp_path: Path) -> None:
    """Else a daemon that hangs right after it has begun something would have the time limit of an idle one."""
    device = Device(tmp_path / "watchdog")
    watchdog = device.opened()
    watchdog.tell(None, 10_000)
    device.asked.clear()
    watchdog.tell(11_500, 10_700)
    assert device.asked == [(SETTIMEOUT, 1), (KEEPALIVE, 0)]
    watchdog.tell(11_500, 10_800)
    watchdog.tell(11_500, 11_600)
    assert device.asked == [(SETTIMEOUT, 1), (KEEPALIVE, 0)]
    watchdog.tell(15_000, 11_650)
    assert device.asked[2:] == [(SETTIMEOUT, 3), (KEEPALIVE, 0)]


def test_it_ends_only_when_nothing_is_active(tmp_path: Path) -> None:
    device = Device(tmp_path / "watchdog")
    device.opened().close(idle=False)
    assert device.path.read_bytes() == b""
    device.opened().close(idle=True)
    assert device.path.read_bytes() == b"V"


def test_problems_are_told_and_stop_nothing(tmp_path: Path) -> None:
    missing = Watchdog(str(tmp_path / "none"))
    missing.open()
    missing.tell(5_000, 0)
    missing.close(idle=True)
    assert "cannot be used" in missing.problem
    coarse = Device(tmp_path / "coarse", least_s=10)
    watchdog = coarse.opened()
    watchdog.tell(4_000, 0)
    assert "waits 10 s where 4 s are needed" in watchdog.problem
    coarse.fault = OSError(errno.EIO, "I/O error")
    watchdog.tell(4_000, 100)
    assert "does not obey" in watchdog.problem
    absent = Watchdog("")
    absent.open()
    absent.tell(1, 0)
    absent.close(idle=True)
    assert absent.problem == ""
