# SPDX-License-Identifier: Apache-2.0
"""Programs of tests that start without their imports: each is forked from a process that has loaded its modules.

A daemon spends a second in imports, and the functional tests start hundreds. The loaded process runs nothing of the
program, has one thread, and forks at each request; what a program then does, it does in a process of its own.
"""
from __future__ import annotations

import atexit
import configparser
import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

REQUEST_BYTES = 1 << 18
START_S = 60.0
_SETTINGS = Path(__file__).parents[3] / "setup.cfg"
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


class Forked:
    """A program that was forked, like a ``subprocess.Popen``: ``returncode`` is None until its end was seen."""

    def __init__(self, loaded: Loaded, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._loaded, self._lock = loaded, threading.Lock()
        descriptor = os.pidfd_open(pid)
        weakref.finalize(self, os.close, descriptor)
        self._end = select.poll()
        self._end.register(descriptor, select.POLLIN)

    def poll(self) -> int | None:
        """The status with which it has ended; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The status with which it ends; ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return status

    def _ended(self, timeout_s: float | None) -> int | None:
        if self.returncode is None and self._end.poll(None if timeout_s is None else timeout_s * 1_000):
            with self._lock:
                if self.returncode is None:
                    self.returncode = self._loaded.status(self.pid)
        return self.returncode


class Loaded:
    """The process that has loaded a program's module. All that it forks ends with it, and it with the test run."""

    def __init__(self, module: str) -> None:
        self._talk, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._talk.settimeout(START_S)
        self._lock = threading.Lock()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", __name__, module, str(other.fileno())],
                stdin=subprocess.DEVNULL, pass_fds=[other.fileno()], start_new_session=True)
        atexit.register(self.close)

    def start(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str], log: int) -> Forked:
        """Start the program in ``folder`` with its output in the open file ``log``."""
        request = {"argv": list(argv), "folder": str(folder), "environment": dict(environment)}
        with self._lock:
            socket.send_fds(self._talk, [json.dumps(request).encode()], [log])
            return Forked(self, int(self._answer()))

    def status(self, pid: int) -> int:
        """How a program that has ended did so: its exit status, or the negative number of a signal."""
        with self._lock:
            self._talk.send(json.dumps({"ended": pid}).encode())
            return int(self._answer())

    def close(self) -> None:
        """End the process and all that it has forked."""
        self._talk.close()
        self._process.kill()
        self._process.wait()

    def _answer(self) -> bytes:
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = self._talk.recv(REQUEST_BYTES)
        if not answer:
            raise OSError(f"the process that forks programs ended with status {self._process.wait(START_S)}")
        return answer


@functools.cache
def loaded(program: str) -> Loaded:
    """The process that has loaded the console script ``program`` of this checkout, whatever is installed meanwhile."""
    found = configparser.ConfigParser()
    found.read(_SETTINGS)
    lines = (line.partition("=") for line in found["entry_points"]["console_scripts"].splitlines())
    return Loaded({name.strip(): place.strip() for name, _, place in lines}[program])


def serve(talk: socket.socket) -> list[str] | None:
    """Fork at each request. Returns the arguments of the program in the process that shall be it; None at the end."""
    server = os.getpid()
    while True:
        data, files, _, _ = socket.recv_fds(talk, REQUEST_BYTES, 1)
        if not data:
            return None
        request = json.loads(data)
        if "ended" in request:
            talk.send(str(os.waitstatus_to_exitcode(os.waitpid(request["ended"], 0)[1])).encode())
            continue
        pid = os.fork()
        if pid == 0:
            talk.close()
            become(request, files[0], server)
            return list(request["argv"])
        os.close(files[0])
        talk.send(str(pid).encode())


def become(request: Mapping[str, Any], log: int, server: int) -> None:
    """Make this process, just forked, what a start of the program would be."""
    os.setsid()
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:
        os.kill(os.getpid(), signal.SIGKILL)
    library.prctl(_PR_SET_NAME, os.path.basename(request["argv"][0]).encode()[:15], 0, 0, 0)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    os.chdir(str(request["folder"]))
    os.environ.clear()
    os.environ.update(request["environment"])
    random.seed()


def main(words: Sequence[str]) -> None:
    """Load ``MODULE:FUNCTION`` and fork; in each fork, run the function as the console script would."""
    module, _, name = words[0].partition(":")
    talk = socket.socket(fileno=int(words[1]))
    function: Callable[[], object] = getattr(importlib.import_module(module), name)
    if threading.active_count() != 1:
        raise RuntimeError(f"{module} starts a thread when it is loaded, so it cannot be forked")
    gc.collect()
    gc.freeze()
    argv = serve(talk)
    if argv is not None:
        sys.argv = argv
        sys.exit(function())  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
