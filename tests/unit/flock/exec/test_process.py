# SPDX-License-Identifier: Apache-2.0
"""Program execution: deadlines, process groups, bounds, and what errors say."""
from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from flock.core.errors import FlockError, from_wire
from flock.exec import CommandFailed, CommandHalted, CommandNotFound, CommandTimeout, Halt, OutputTooLong, run


def python(code: str, *args: str) -> list[str]:
    return [sys.executable, "-S", "-E", "-c", code, *args]


def is_alive(pid: int) -> bool:
    """Whether ``pid`` runs (a zombie that nobody has waited for yet is dead)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def gone_within(pid: int, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(pid)


def test_returns_status_and_both_streams() -> None:
    done = run(python("import sys; print('out'); print('err', file=sys.stderr)"), timeout_s=10)
    assert (done.rc, done.out, done.err) == (0, "out\n", "err\n")


def test_arguments_are_never_seen_by_a_shell(tmp_path: Path) -> None:
    hostile = f"$(touch {tmp_path}/made); `touch {tmp_path}/made` | * ~ 'quoted"
    done = run(python("import sys; sys.stdout.write(sys.argv[1])", hostile), timeout_s=10)
    assert done.out == hostile
    assert not (tmp_path / "made").exists()


def test_input_larger_than_a_pipe_comes_back_whole() -> None:
    text = "0123456789abcdef" * 40_000
    done = run(python("import sys; sys.stdout.write(sys.stdin.read())"), timeout_s=20, input=text)
    assert done.out == text


def test_stdin_is_empty_without_input() -> None:
    assert run(python("import sys; print(repr(sys.stdin.read()))"), timeout_s=10).out == "''\n"


def test_program_that_does_not_read_its_input_is_no_error() -> None:
    assert run(python("print('done')"), timeout_s=10, input="x" * 1_000_000).out == "done\n"


def test_failure_names_command_status_and_first_error_line_but_no_argument() -> None:
    code = "import sys; print('', 'device busy', 'more', sep='\\n', file=sys.stderr); sys.exit(7)"
    with pytest.raises(CommandFailed) as caught:
        run(python(code, "--password=secret"), timeout_s=10)
    assert str(caught.value) == f"{os.path.basename(sys.executable)} failed with status 7: device busy"
    assert "secret" not in repr(caught.value.params)


def test_failure_is_a_result_when_not_checked() -> None:
    assert run(python("raise SystemExit(3)"), timeout_s=10, check=False).rc == 3


def test_death_by_signal_is_a_negative_status() -> None:
    assert run(python("import os; os.kill(os.getpid(), 9)"), timeout_s=10, check=False).rc == -9


@pytest.mark.parametrize("argv", [["/nonexistent/program"], ["/etc/hostname"]])
def test_what_cannot_be_started_is_one_error_class(argv: list[str]) -> None:
    with pytest.raises(CommandNotFound, match=os.path.basename(argv[0])):
        run(argv, timeout_s=1)


@pytest.mark.parametrize("argv", [[], "ls -l"])
def test_argv_must_be_a_list(argv: list[str]) -> None:
    with pytest.raises(TypeError):
        run(argv, timeout_s=1)


def test_timeout_kills_the_whole_process_group(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = ("import os, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-S', '-c', "
            "'import time; time.sleep(60)']); open(sys.argv[1], 'w').write(f'{os.getpid()} {child.pid}'); "
            "time.sleep(60)")
    started = time.monotonic()
    with pytest.raises(CommandTimeout, match=r"was killed after 1\.5 s"):
        run(python(code, str(pids)), timeout_s=1.5)
    assert time.monotonic() - started < 10
    assert all(gone_within(int(pid), 5) for pid in pids.read_text().split())


def test_another_thread_ends_a_run_and_those_that_would_follow(tmp_path: Path) -> None:
    begun = tmp_path / "pid"
    code = "import os, sys, time, pathlib; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"
    before = len(os.listdir("/proc/self/fd"))
    with Halt() as halt:
        assert run(python("print('done')"), timeout_s=30, halt=halt).out == "done\n"

        def end() -> None:
            while not (begun.exists() and begun.read_text()):
                time.sleep(0.01)
            halt.set()

        ender = threading.Thread(target=end)
        ender.start()
        started = time.monotonic()
        with pytest.raises(CommandHalted, match="was ended before it was done"):
            run(python(code, str(begun)), timeout_s=60, halt=halt)
        ender.join()
        assert time.monotonic() - started < 30 and gone_within(int(begun.read_text()), 5)
        with pytest.raises(CommandHalted):
            run(python("import time; time.sleep(60)"), timeout_s=60, halt=halt)
    assert len(os.listdir("/proc/self/fd")) == before


def test_program_that_leaves_a_daemon_behind_returns_at_its_own_end() -> None:
    code = ("import subprocess, sys; d = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(30)'], "
            "start_new_session=True); print(d.pid)")
    started = time.monotonic()
    done = run(python(code), timeout_s=20)
    daemon = int(done.out)
    try:
        assert time.monotonic() - started < 10
        assert is_alive(daemon)
    finally:
        os.kill(daemon, 9)


def test_endless_output_is_cut_and_the_program_killed() -> None:
    with pytest.raises(OutputTooLong, match="more than 100000 bytes"):
        run(python("while True: print('x' * 1000)"), timeout_s=20, output_max_bytes=100_000)


def test_endless_stderr_is_dropped_not_fatal() -> None:
    done = run(python("import sys; sys.stderr.write('x' * 300_000); print('ok')"), timeout_s=20, output_max_bytes=1000)
    assert (done.out, len(done.err)) == ("ok\n", 1000)


def test_environment_is_overlaid_and_locale_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("KEPT", "yes")
    code = "import os; print(os.environ['LC_ALL'], os.environ['KEPT'], os.environ['GIVEN'])"
    assert run([sys.executable, "-S", "-c", code], timeout_s=10, env={"GIVEN": "g"}).out == "C yes g\n"


def test_working_directory(tmp_path: Path) -> None:
    assert run(python("import os; print(os.getcwd())"), timeout_s=10, cwd=str(tmp_path)).out.strip() == str(tmp_path)


def test_no_descriptor_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        run(python("pass"), timeout_s=10)
        with pytest.raises(CommandTimeout):
            run(python("import time; time.sleep(30)"), timeout_s=0.05)
    assert len(os.listdir("/proc/self/fd")) == before


def test_error_crosses_the_bus_as_the_same_class() -> None:
    error = CommandFailed(command="lvs", rc=5, reason="no such group")
    again = from_wire(error.to_wire())
    assert isinstance(again, CommandFailed)
    assert isinstance(again, FlockError)
    assert str(again) == str(error)
