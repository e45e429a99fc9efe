# SPDX-License-Identifier: Apache-2.0
"""Programs that are forked from a loaded process are what a start of them would be."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.testing.services import forks
from flock.testing.services.forks import Loaded
from flock.testing.services.process import Process, wait_for

PROGRAM = '''
    import os, signal, sys, time
    print("loaded", flush=True)

    def main():
        print("argv", *sys.argv, os.getcwd(), os.environ.get("WORD"), len(os.environ), os.getsid(0) == os.getpid(),
              open("/proc/self/comm").read(), sys.stdin.read(), flush=True)
        if sys.argv[1] == "wait":
            time.sleep(600)
        return int(sys.argv[1])
'''


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loaded]:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/sample_program.py").write_text(textwrap.dedent(PROGRAM))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "modules"), *sys.path]))
    made = Loaded("sample_program:main")
    yield made
    made.close()


def started(program: Loaded, folder: Path, word: str) -> Process:
    folder.mkdir(exist_ok=True)
    return Process("sample-program-with-a-long-name", ["/bin/sample-program-with-a-long-name", word], folder,
                   env={"WORD": "set"}, loaded=program)


def test_a_program_has_its_arguments_folder_environment_and_status(program: Loaded, tmp_path: Path) -> None:
    one, other = (started(program, tmp_path / word, word) for word in ("7", "0"))
    wait_for(lambda: not one.running and not other.running, 20, "the end of both")
    with pytest.raises(Exception, match="ended with status 7"):
        one.wait_until(lambda: False, 1, "nothing")
    line = one.log_tail().splitlines()[0].split()
    assert line[:5] == ["argv", "/bin/sample-program-with-a-long-name", "7", str(tmp_path / "7"), "set"]
    assert int(line[5]) < len(os.environ) and line[6] == "True" and line[7] == "sample-program-"
    # The module was loaded before, once.
    assert "loaded" not in one.log_tail() + other.log_tail()


def test_a_program_is_waited_for_and_killed(program: Loaded, tmp_path: Path) -> None:
    process = started(program, tmp_path / "wait", "wait")
    process.wait_until(lambda: "argv" in process.log_tail(), 20, "its word")
    assert process.running
    with pytest.raises(subprocess.TimeoutExpired):
        process._popen.wait(0.01)
    process.send_signal(signal.SIGKILL)
    assert process._popen.wait(10) == -signal.SIGKILL and not process.running
    process.kill()


def test_nothing_outlives_the_loaded_process(program: Loaded, tmp_path: Path) -> None:
    process = started(program, tmp_path / "wait", "wait")
    process.wait_until(lambda: "argv" in process.log_tail(), 20, "its word")
    program.close()
    wait_for(lambda: not Path(f"/proc/{process.pid}").exists(), 10, "its end")


def test_a_module_that_starts_threads_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                 capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "threaded.py").write_text("import threading\nthreading.Thread(target=threading.Event().wait, "
                                          "daemon=True).start()\ndef main(): ...\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    made = Loaded("threaded:main")
    with pytest.raises(OSError, match="ended with status 1"):
        made.start(["x"], tmp_path, {}, 1)
    made.close()
    assert "starts a thread" in capfd.readouterr().err


def test_programs_are_those_of_this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "Loaded", lambda place: place)
    assert forks.loaded.__wrapped__("fm-manager") == "fm.cmd.manager:main"
    with pytest.raises(KeyError):
        forks.loaded.__wrapped__("nothing-of-this-name")
