# SPDX-License-Identifier: Apache-2.0
"""The end of a process is reported once and at once; files that prove nothing are not taken for an end."""
from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from sm.monitors import process as module
from sm.monitors.process import ProcessWatch

Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def one() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["/bin/sleep", "600"]))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait()


def watched(body: Callable[[ProcessWatch, list[tuple[str, str]]], Awaitable[None]]) -> None:
    async def whole() -> None:
        reports: list[tuple[str, str]] = []
        watch = ProcessWatch(lambda name, reason: reports.append((name, reason)), retry_s=0.05)
        before = len(os.listdir("/proc/self/fd"))
        await body(watch, reports)
        await watch.close()
        assert len(os.listdir("/proc/self/fd")) == before, "no descriptor is left open"
    asyncio.run(whole())


async def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def test_a_killed_process_is_reported(start: Start, tmp_path: Path) -> None:
    path, process = tmp_path / "pid", start()
    path.write_text(str(process.pid))

    async def body(watch: ProcessWatch, reports: list[tuple[str, str]]) -> None:
        watch.watch("one", str(path))
        await asyncio.sleep(0.1)
        assert reports == []
        killed = time.monotonic()
        process.kill()
        await until(lambda: reports)
        assert time.monotonic() - killed < 1
        await asyncio.sleep(0.2)
        assert reports == [("one", f"process {process.pid} of {path} has ended")]
    watched(body)


def test_a_service_that_replaces_its_process_goes_on(start: Start, tmp_path: Path) -> None:
    path, old, new = tmp_path / "pid", start(), start()
    path.write_text(str(old.pid))

    async def body(watch: ProcessWatch, reports: list[tuple[str, str]]) -> None:
        watch.watch("one", str(path), "sleep")
        await asyncio.sleep(0.1)
        path.write_text(str(new.pid))
        old.kill()
        await asyncio.sleep(0.2)
        assert reports == []
        path.unlink()
        new.kill()
        await until(lambda: reports)
        assert str(new.pid) in reports[0][1]
    watched(body)


def test_a_file_that_comes_later_is_found(start: Start, tmp_path: Path) -> None:
    path, process = tmp_path / "pid", start()

    async def body(watch: ProcessWatch, reports: list[tuple[str, str]]) -> None:
        watch.watch("one", str(path))
        for text in (None, "", "nonsense"):
            if text is not None:
                path.write_text(text)
            await asyncio.sleep(0.12)
            assert reports == [], "it proves nothing"
        path.write_text(str(process.pid))
        await asyncio.sleep(0.12)
        process.kill()
        await until(lambda: reports)
    watched(body)


def test_a_stale_file_is_reported_at_the_second_look(start: Start, tmp_path: Path) -> None:
    path, process, other = tmp_path / "pid", start(), start()
    path.write_text(str(process.pid))
    process.kill()
    process.wait()

    async def body(watch: ProcessWatch, reports: list[tuple[str, str]]) -> None:
        watch.watch("one", str(path))
        await until(lambda: reports)
        assert reports == [("one", f"{path} names process {process.pid}, which does not exist")]
        watch.watch("two", str(path))
        await asyncio.sleep(0.01)
        path.write_text(str(other.pid))  # it was only left from the run before
        await asyncio.sleep(0.2)
        assert len(reports) == 1
    watched(body)


def test_what_is_watched_no_more_is_not_reported(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                 ) -> None:
    path, process = tmp_path / "pid", start()
    path.write_text(str(process.pid))
    monkeypatch.setattr(module, "WATCHES_MAX", 1)

    async def body(watch: ProcessWatch, reports: list[tuple[str, str]]) -> None:
        watch.watch("one", str(path))
        watch.watch("two", str(path))
        await asyncio.sleep(0.05)
        watch.watch("one", str(path))
        watch.unwatch("one")
        watch.unwatch("one")
        process.kill()
        await asyncio.sleep(0.2)
        assert reports == [], "one was ended, and two was beyond the limit"
    watched(body)
