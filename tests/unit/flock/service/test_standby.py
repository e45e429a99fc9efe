# SPDX-License-Identifier: Apache-2.0
"""A process that stands by waits for the end of its mark, wakes up at once, and reads changed files anew."""
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from flock.service import standby

PROGRAM = """
import sys, time
from flock.service.standby import wait_until_active
wait_until_active([sys.argv[1]])
print(open(sys.argv[1]).read().strip(), flush=True)
"""
LIMIT_S = 20


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(LIMIT_S)
        yield channel


@pytest.fixture
def start(tmp_path, systemd):
    (tmp_path / "settings").write_text("old")
    begun = []

    def started():
        env = {**os.environ, standby.MARK: str(tmp_path / "mark"), "NOTIFY_SOCKET": str(tmp_path / "notify"),
               "PYTHONPATH": os.pathsep.join(sys.path)}
        begun.append(subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "settings")], env=env, text=True,
                                      stdout=subprocess.PIPE))
        return begun[-1]
    yield started
    for process in begun:
        process.kill()
        process.communicate()


def until(systemd, text):
    while True:
        told = systemd.recv(1000).decode()
        if text in told:
            return told


def test_without_a_mark_nothing_waits(start):
    assert start().communicate(timeout=LIMIT_S)[0] == "old\n"


def test_it_stands_by_until_the_mark_has_gone(start, systemd, tmp_path):
    (tmp_path / "mark").touch()
    process = start()
    assert until(systemd, "STATUS=") == "READY=1\nSTATUS=standby"
    until(systemd, "WATCHDOG=1")
    process.send_signal(standby.WAKE_UP)
    process.send_signal(signal.SIGHUP)
    until(systemd, "WATCHDOG=1")
    until(systemd, "WATCHDOG=1")
    assert process.poll() is None, "the mark is still there, and a reload is no end"
    (tmp_path / "mark").unlink()
    process.send_signal(standby.WAKE_UP)
    assert until(systemd, "STATUS=") == "STATUS=starting"
    assert process.communicate(timeout=LIMIT_S)[0] == "old\n"


def test_changed_settings_are_read_anew(start, systemd, tmp_path):
    (tmp_path / "mark").touch()
    process = start()
    until(systemd, "STATUS=standby")
    (tmp_path / "new").write_text("new, and of another length")
    (tmp_path / "new").rename(tmp_path / "settings")
    (tmp_path / "mark").unlink()
    pid = process.pid
    assert process.communicate(timeout=LIMIT_S)[0] == "new, and of another length\n"
    assert process.returncode == 0 and process.pid == pid


def test_a_stop_ends_it_at_once(start, systemd, tmp_path):
    (tmp_path / "mark").touch()
    process = start()
    until(systemd, "STATUS=standby")
    began = time.monotonic()
    process.terminate()
    assert process.wait(LIMIT_S) == -signal.SIGTERM and time.monotonic() - began < standby.LOOK_S


def test_a_mark_that_is_not_there_holds_up_nobody(tmp_path, systemd, monkeypatch):
    """Also systemd is told nothing: the process says itself when it works."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    for mark in ("", str(tmp_path / "mark")):
        monkeypatch.setenv(standby.MARK, mark)
        standby.wait_until_active([__file__])
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(1)
