# SPDX-License-Identifier: Apache-2.0
"""Programs end as a whole at a cancellation; what a program left running by itself goes on. Real processes."""
from __future__ import annotations

import asyncio
import os
import resource
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sm.monitors import processes
from sm.plugins.reaper import Program
from sm.plugins.scope import Ended, NotStarted, Scopes, own_cgroup, printable

# Forks twice, leaves the session and process group, ignores every signal that can be ignored, and forgets its marks.
NASTY = r"""#!/usr/bin/python3
import os, signal, sys, time
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
if len(sys.argv) > 1:
    with open(sys.argv[1], "a") as stream:
        stream.write(f"{os.getpid()}\n")
    while True:
        time.sleep(60)
for turn in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            os.closerange(0, 100)
            os.execve(sys.argv[0], [sys.argv[0], os.environ["PIDS"]], {})
        os._exit(0)
    os.wait()
while True:
    time.sleep(60)
"""


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    def written(text: str) -> str:
        path = tmp_path / f"script-{len(list(tmp_path.iterdir()))}"
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)
    return written


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **more}


async def until(holds: Callable[[], bool], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.02)


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if (found := processes.read(pid)) is not None and not found.ended]


def numbers(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture
def cgroup() -> Iterator[Path]:
    own = own_cgroup()
    if own is None or not os.access(own, os.W_OK):
        pytest.skip("no cgroup v2 here that can be divided")
    group = own / f"flock-unit-{os.getpid()}"
    group.mkdir()
    yield group
    (group / "cgroup.kill").write_text("1")
    asyncio.run(until(lambda: "populated 0" in (group / "cgroup.events").read_text()))
    for inner in group.glob("attempt-*"):
        inner.rmdir()
    group.rmdir()


async def cancelled(scopes: Scopes, program: Program, ready: Callable[[], bool]) -> None:
    task = asyncio.ensure_future(scopes.run(program, "nasty"))
    await until(ready)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("with_cgroup", [False, True])
def test_cancelled_program_ends_with_everything_that_it_started(
        with_cgroup: bool, script: Callable[[str], str], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    scopes = Scopes(request.getfixturevalue("cgroup") if with_cgroup else None)
    pids = tmp_path / "pids"
    program = Program((script(NASTY),), environment(PIDS=str(pids)))
    asyncio.run(cancelled(scopes, program, lambda: len(numbers(pids)) == 3))
    assert len(numbers(pids)) == 3 and alive(numbers(pids)) == []


def test_program_that_kills_its_reaper_ends_too(script: Callable[[str], str], tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = '#!/bin/sh\nsetsid sh -c "echo \\$\\$ > $PIDS; exec sleep 600" < /dev/null > /dev/null 2>&1 &\n' \
        'until [ -s "$PIDS" ]; do sleep 0.01; done\necho $$ >> "$PIDS"\nkill -9 $PPID\nexec sleep 600\n'
    program = Program((script(text),), environment(PIDS=str(pids)))
    with pytest.raises(NotStarted, match="was killed"):
        asyncio.run(Scopes().run(program, "killer"))
    assert len(numbers(pids)) == 2 and alive(numbers(pids)) == []


def test_all_is_killed_when_service_management_dies(script: Callable[[str], str], tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = Program((script(NASTY),), environment(PIDS=str(pids)))
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(Scopes().run(program, "orphan"))
        finally:
            os._exit(0)
    asyncio.run(until(lambda: len(numbers(pids)) == 3))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    asyncio.run(until(lambda: alive(numbers(pids)) == []))


def test_daemon_of_a_program_that_ended_goes_on(script: Callable[[str], str], tmp_path: Path) -> None:
    """Also when it holds the output open and writes to it much later, in more than a pipe holds."""
    pids, more, wrote = tmp_path / "pids", tmp_path / "more", tmp_path / "wrote"
    text = f"""#!/bin/sh
(echo $$ > {pids}.sh; until [ -e {more} ]; do sleep 0.01; done
 head -c 300000 /dev/zero && echo yes > {wrote}; exec sleep 600) &
echo $! > {pids}
echo started
"""

    async def body() -> None:
        scopes = Scopes()
        assert await scopes.run(Program((script(text),), environment()), "daemon") == Ended(0, "started")
        [pid] = numbers(pids)
        assert alive([pid]) == [pid]
        more.touch()
        await until(wrote.exists)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not scopes._watched)

    asyncio.run(body())


def test_end_output_and_limits_are_reported(script: Callable[[str], str]) -> None:
    async def body() -> None:
        scopes = Scopes()
        long = script("#!/bin/sh\nhead -c 9000 /dev/zero | tr '\\0' x\nprintf '\\033[31mEnd' >&2\nexit 9\n")
        ended = await scopes.run(Program((long,), environment()), "one")
        assert ended.status == 9 and len(ended.text) <= 4096 and ended.text.endswith("xx\\x1b[31mEnd")
        ended = await scopes.run(Program((script("#!/bin/sh\nkill -SEGV $$\n"),), environment()), "two")
        assert ended.status == -signal.SIGSEGV
        limited = script("#!/bin/sh\nread line || echo nothing\nulimit -n\n")
        ended = await scopes.run(Program((limited,), environment(), {resource.RLIMIT_NOFILE: 77}), "three")
        assert ended.text == "nothing\n77"
        with pytest.raises(NotStarted, match="No such file"):
            await scopes.run(Program(("/nowhere/at/all",), {}), "four")
        with pytest.raises(NotStarted, match="Exec format"):
            await scopes.run(Program((script("echo no interpreter\n"),), {}), "five")
        with pytest.raises(NotStarted, match="null"):
            await scopes.run(Program(("/bin/true", "a\0b"), {}), "six")
        await until(lambda: not scopes._watched)

    asyncio.run(body())


def test_groups_of_ended_services_are_removed(cgroup: Path, script: Callable[[str], str], tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = f"#!/bin/sh\nsetsid sleep 600 < /dev/null > /dev/null 2>&1 &\necho $! > {pids}\n"

    async def body() -> None:
        scopes = Scopes(cgroup)
        await scopes.run(Program((script(text),), environment()), "daemon")
        await until(lambda: not scopes._watched)
        [group] = cgroup.glob("attempt-daemon-*")  # the service keeps its group
        os.kill(numbers(pids)[0], signal.SIGKILL)
        await until(lambda: (group / "cgroup.procs").read_text() == "")
        await scopes.run(Program((script("#!/bin/sh\n"),), environment()), "other")
        await until(lambda: not scopes._watched)
        assert list(cgroup.glob("attempt-*")) == []

    asyncio.run(body())


def test_own_cgroup_is_found_under_both_hierarchies(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("4:memory:/x\n0::/system.slice/sm.service\n")
    (tmp_path / "mountinfo").write_text("30 24 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n")
    assert own_cgroup(tmp_path) == Path("/sys/fs/cgroup/unified/system.slice/sm.service")
    (tmp_path / "mountinfo").write_text("30 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n")
    assert own_cgroup(tmp_path) is None
    assert own_cgroup(tmp_path / "absent") is None


def test_output_becomes_lines_that_can_be_shown() -> None:
    assert printable(b"one\r\ntwo\x00\xff\n") == "one\ntwo\\x00\ufffd"
