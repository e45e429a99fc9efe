# SPDX-License-Identifier: Apache-2.0
"""Programs and processes: run an argument list, identify a process by id and start time, wait for its end."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud.errors import LabError

OUTPUT_CHARS_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended: exit status, standard output and standard error."""

    status: int
    out: str
    err: str


async def run(
    argv: Sequence[str],
    *,
    timeout_s: float = 30,
    text: str = "",
    check: bool = True,
    environment: dict[str, str] | None = None,
) -> Completed:
    """Run a program to its end; kills it after the time limit and when the waiting task is cancelled.

    Raises LabError after the limit, when it cannot start, and with `check` when its status is not 0.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if environment is None else {**os.environ, **environment},
        )
    except OSError as exc:
        raise LabError(f"cannot run {argv[0]}: {exc.strerror}") from exc
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate(text.encode())
    except TimeoutError:
        raise LabError(f"{' '.join(argv[:6])} took longer than {timeout_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    done = Completed(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))
    return _checked(argv, done) if check else done


def run_now(argv: Sequence[str], *, timeout_s: float = 30, text: str = "", check: bool = True) -> Completed:
    """Run a program like `run`, for code without an event loop."""
    try:
        process = subprocess.run(
            argv, input=text, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False
        )
    except OSError as exc:
        raise LabError(f"cannot run {argv[0]}: {exc.strerror}") from exc
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(argv[:6])} took longer than {timeout_s:g} s") from None
    done = Completed(process.returncode, process.stdout, process.stderr)
    return _checked(argv, done) if check else done


def _checked(argv: Sequence[str], done: Completed) -> Completed:
    if done.status != 0:
        said = (done.err.strip() or done.out.strip())[-OUTPUT_CHARS_SHOWN:]
        raise LabError(f"{' '.join(argv[:8])} failed ({done.status}): {said}")
    return done


def start_ticks(pid: int) -> int | None:
    """Return the start time of a process in clock ticks since boot; None when it does not exist or is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])


def is_alive(pid: int, ticks: int) -> bool:
    """Whether the process with this id and start time still runs."""
    return pid > 0 and start_ticks(pid) == ticks


def children(pid: int) -> list[int]:
    """Return the ids of the direct children of a process."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


async def ended(pid: int) -> None:
    """Wait until a process, our child or not, has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def wake() -> None:
        if not done.done():
            done.set_result(None)

    loop.add_reader(descriptor, wake)
    try:
        await done
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    reap(pid)


def reap(pid: int) -> None:
    """Collect an ended process if it is a child of this one."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process that still exists."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def end_process(pid: int, ticks: int, grace_s: float = 5.0) -> bool:
    """End a process of the lab: SIGTERM, then SIGKILL after the grace period; returns True when it has ended."""
    for number, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        if not is_alive(pid, ticks):
            return True
        signal_all([pid], number)
        descriptor = -1
        try:
            descriptor = os.pidfd_open(pid)
            select.select([descriptor], [], [], wait_s)
        except ProcessLookupError:
            return True
        finally:
            if descriptor >= 0:
                os.close(descriptor)
    return not is_alive(pid, ticks)
