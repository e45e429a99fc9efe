# SPDX-License-Identifier: Apache-2.0
"""Pid files that are good, old, half written, another's, replaced while they are read, or traps."""
from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sm.monitors import pidfile, processes
from sm.monitors.pidfile import NoProcess, Trouble, held


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.pid"


def trouble(path: Path, program: str = "") -> tuple[Trouble, str]:
    with pytest.raises(NoProcess) as caught:
        held(str(path), program)
    return caught.value.trouble, str(caught.value)


def found(path: Path, program: str = "", known: processes.Process | None = None) -> int:
    got = held(str(path), program, known)
    os.close(got.descriptor)
    return got.process.pid


@pytest.mark.parametrize("text", ["{}", "{}\n", " {} \n", "{}\n/var/lib/postgresql\n5432\n"])
def test_the_process_is_found(text: str, path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    path.write_text(text.format(sleeper.pid))
    assert found(path) == found(path, "sleep") == sleeper.pid


def test_a_file_that_is_not_there_yet(path: Path) -> None:
    assert trouble(path)[0] is Trouble.MISSING
    path.write_text("\n")
    assert trouble(path)[0] is Trouble.MISSING


@pytest.mark.parametrize("text", ["abc", "-5", "0", "1", "12 13", "99999999999", "0x10", "１２", "7" * 65, "\0"])
def test_a_file_that_holds_no_id(text: str, path: Path) -> None:
    path.write_text(text)
    assert trouble(path)[0] is Trouble.UNREADABLE


def test_a_file_that_cannot_be_trusted(path: Path, tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    real = tmp_path / "real"
    real.write_text(str(sleeper.pid))
    path.symlink_to(real)
    assert trouble(path)[0] is Trouble.UNREADABLE
    path.unlink()
    os.mkfifo(path)
    assert trouble(path) == (Trouble.UNREADABLE, f"{path} is no plain file")
    path.unlink()
    path.mkdir()
    assert trouble(path)[0] is Trouble.UNREADABLE
    real.chmod(0o666)
    assert "by everybody" in trouble(real)[1]


def test_a_process_that_has_ended(path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    path.write_text(str(sleeper.pid))
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert trouble(path)[0] is Trouble.STALE, "it waits to be collected"
    sleeper.wait()
    assert trouble(path) == (Trouble.STALE, f"{path} names process {sleeper.pid}, which does not exist")


def test_a_process_with_an_id_that_was_given_anew(path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    path.write_text(str(sleeper.pid))
    os.utime(path, (time.time() - 3600,) * 2)
    assert trouble(path)[0] is Trouble.FOREIGN
    assert found(path, "sleep") == sleeper.pid, "the name of the program proves it, whatever became of the clock"
    known = processes.read(sleeper.pid)
    assert found(path, "", known) == sleeper.pid, "found before: a clock that was set since does not matter"


def test_a_process_of_another_program(path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    path.write_text(str(sleeper.pid))
    kind, text = trouble(path, "postgres")
    assert kind is Trouble.FOREIGN and "which is sleep, not postgres" in text


def test_a_script_is_known_by_its_own_name(path: Path, tmp_path: Path) -> None:
    script = tmp_path / "flock-daemon"
    script.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(600)\n")
    script.chmod(0o755)
    process = subprocess.Popen([script])
    try:
        path.write_text(str(process.pid))
        assert found(path, "flock-daemon") == process.pid
    finally:
        process.kill()
        process.wait()


def test_the_id_of_a_thread_is_no_process(path: Path) -> None:
    ended, number = threading.Event(), []

    def wait() -> None:
        number.append(threading.get_native_id())
        ended.wait(10)

    thread = threading.Thread(target=wait)
    thread.start()
    while not number:
        time.sleep(0.001)
    path.write_text(str(number[0]))
    assert trouble(path)[0] is Trouble.FOREIGN
    ended.set()
    thread.join()


def test_a_file_that_is_replaced_while_it_is_read(path: Path, tmp_path: Path, sleeper: subprocess.Popen[bytes],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """The id was read, then the service started anew and replaced the file: the new process counts."""
    path.write_text(str(os.getpid()))
    opened, looks = pidfile._opened, []

    def replaced(name: str, pid: int) -> pidfile.Held:
        looks.append(pid)
        if len(looks) == 1:
            new = tmp_path / "new"
            new.write_text(str(sleeper.pid))
            new.rename(path)
        return opened(name, pid)

    monkeypatch.setattr(pidfile, "_opened", replaced)
    before = set(os.listdir("/proc/self/fd"))
    assert found(path) == sleeper.pid and looks == [os.getpid(), sleeper.pid]

    def always(name: str, pid: int) -> pidfile.Held:
        path.write_text(str(pid) + "\n")
        os.utime(path, (len(looks), len(looks)))
        looks.append(pid)
        return opened(name, pid)

    monkeypatch.setattr(pidfile, "_opened", always)
    assert trouble(path) == (Trouble.UNREADABLE, f"{path} changes all the time")
    assert set(os.listdir("/proc/self/fd")) == before, "no descriptor is left open"
