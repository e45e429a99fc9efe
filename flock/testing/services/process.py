# SPDX-License-Identifier: Apache-2.0
"""Starts, monitors and stops the processes of test services; none of them outlives the test run."""
from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flock.testing.services.forks import Forked, Loaded

# For the kernel the parent is the thread that has started a process, and a test may start one in a thread that ends.
_STARTER = ThreadPoolExecutor(1, "starter")


class ServiceFailed(Exception):
    """A test service did not start or did not respond; the text ends with the tail of its log."""


def free_port() -> int:
    """A free TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], object], timeout_s: float, what: str, pause_s: float = 0.05) -> None:
    """Return as soon as ``condition()`` is true; ServiceFailed naming ``what`` after ``timeout_s``."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= end:
            raise ServiceFailed(f"{what}: not within {timeout_s} s")
        time.sleep(pause_s)


def port_open(port: int) -> bool:
    """True when something accepts connections on ``port``."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def find_program(name: str, *folders: str) -> str | None:
    """The full path of a program in ``folders``, PATH, /usr/sbin or /sbin; None when it is in none of them."""
    return shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


class Process:
    """One long-running program in a separate session; the kernel kills it when the test run dies."""

    _popen: subprocess.Popen[bytes] | Forked

    def __init__(self, name: str, argv: Sequence[str], folder: Path, env: Mapping[str, str] | None = None,
                 user: str | None = None, loaded: Loaded | None = None) -> None:
        """``loaded``: the program is forked from this process instead of being started anew."""
        self.name = name
        self.log_path = folder / f"{name}.log"
        if loaded is not None:
            with self.log_path.open("ab") as log:
                self._popen = loaded.start(argv, folder, {**_environment(), **(env or {})}, log.fileno())
            return
        setpriv = find_program("setpriv")
        prefix = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        if user is not None and os.geteuid() == 0:
            if setpriv is None:
                raise ServiceFailed(f"{name} must not run as root and setpriv (util-linux) is missing")
            # A change of the user resets the death signal, so set it afterwards.
            prefix = [setpriv, "--reuid", user, "--regid", user, "--clear-groups", "--", *prefix]
        with self.log_path.open("ab") as log:
            self._popen = _STARTER.submit(
                subprocess.Popen, [*prefix, *argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                env={**_environment(), **(env or {})}, start_new_session=True).result()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def wait_until(self, condition: Callable[[], object], timeout_s: float, what: str) -> None:
        """Wait for ``condition``; ServiceFailed with the log's tail when the process ends or time runs out."""
        try:
            wait_for(lambda: not self.running or condition(), timeout_s, what)
        except ServiceFailed as exc:
            raise ServiceFailed(f"{exc}\n{self.log_tail()}") from None
        if not self.running:
            raise ServiceFailed(f"{self.name} ended with status {self._popen.returncode}\n{self.log_tail()}")

    def send_signal(self, number: int) -> None:
        """Send a signal to the whole process group."""
        try:
            os.killpg(self._popen.pid, number)
        except ProcessLookupError:
            return

    def stop(self, timeout_s: float = 10.0, number: int = signal.SIGTERM) -> None:
        """Stop the program with signal ``number``; kills it after ``timeout_s``."""
        if self.running:
            self.send_signal(signal.SIGCONT)
            self.send_signal(number)
            try:
                self._popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self) -> None:
        """Send SIGKILL to the whole process group and wait for the program."""
        self.send_signal(signal.SIGKILL)
        self._popen.wait(10)

    def log_tail(self) -> str:
        """The last 3000 characters of the log."""
        try:
            return self.log_path.read_text(errors="replace")[-3000:]
        except OSError:
            return ""


def _environment() -> dict[str, str]:
    keep = ("PATH", "LANG", "TZ")
    return {"LC_ALL": "C.UTF-8", **{name: os.environ[name] for name in keep if name in os.environ}}
