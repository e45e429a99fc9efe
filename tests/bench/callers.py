# SPDX-License-Identifier: Apache-2.0
"""Processes that begin to work at the same word and tell their times: JSON lines over pipes."""
from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.neighbours import cpu_s


@dataclass(frozen=True)
class Work:
    """What a group did: operations per second of all together, milliseconds of each call, CPU of each operation."""

    rate: float
    taken_ms: list[float]
    caller_cpu_ms: float
    server_cpu_ms: float


def together(works: Sequence[Work]) -> Work:
    """Equal pieces of work as one."""
    return Work(len(works) / sum(1 / work.rate for work in works), [taken for work in works for taken in work.taken_ms],
                statistics.mean(work.caller_cpu_ms for work in works),
                statistics.mean(work.server_cpu_ms for work in works))


class Group:
    """Calling processes, and the process they call."""

    def __init__(self, processes: list[subprocess.Popen[str]], server_pid: int) -> None:
        self._processes = processes
        self._server_pid = server_pid

    def work(self, verb: str, many: int) -> Work:
        """``many`` operations by each, from the first begin to the last end."""
        callers_s, server_s = self._callers_s(), cpu_s(self._server_pid)
        for process in self._processes:
            assert process.stdin is not None  # noqa: S101 - a pipe
            process.stdin.write(f"{verb} {many}\n")
            process.stdin.flush()
        told = [json.loads(_line(process)) for process in self._processes]
        spent_s = max(one["ended_s"] for one in told) - min(one["begun_s"] for one in told)
        total = len(told) * many
        return Work(total / spent_s, [taken for one in told for taken in one["taken_ms"]],
                    (self._callers_s() - callers_s) * 1000 / total, (cpu_s(self._server_pid) - server_s) * 1000 / total)

    def _callers_s(self) -> float:
        return sum(cpu_s(process.pid) for process in self._processes)


@contextlib.contextmanager
def group(commands: Sequence[Sequence[str]], server_pid: int, environment: Mapping[str, str],
          log: Path) -> Iterator[Group]:
    """Start one process per command; each says a line when it is ready."""
    processes: list[subprocess.Popen[str]] = []
    with log.open("w") as output:
        try:
            processes += [subprocess.Popen(list(command), env=dict(environment), text=True, stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, stderr=output) for command in commands]
            for process in processes:
                _line(process)
            yield Group(processes, server_pid)
        finally:
            for process in processes:
                process.communicate(timeout=30)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - a pipe
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a calling process ended with status {process.wait(10)}")
    return line
