# SPDX-License-Identifier: Apache-2.0
"""The process that stands between service management and a program of a plug-in, and answers for all that it leaves.

It is a fork of service management and the *child subreaper* of the program: whatever the program starts, however often
it forks and whatever session or process group it joins, stays a descendant of the reaper. When service management asks
for it, or has ended, the reaper kills all descendants. When the program ends by itself, what it has left running is
the service, and goes on; the reaper then remains only while somebody still writes to the program's output.
"""
from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from sm.monitors import processes

KILL_S = 10.0
TEXT_MAX_BYTES = 4096
# What a program may have written before its end and is still read then; a daemon that it left may write forever.
DRAIN_MAX_BYTES = 1 << 20
CHUNK_BYTES = 65536
# Messages to service management: one letter, a number, then text.
ENDED, NOT_STARTED, KILLED, LEFT = b"E", b"N", b"K", b"L"
MESSAGE_MAX_BYTES = TEXT_MAX_BYTES + 64
_HEAD = struct.Struct("<ci")
_CONTROL_FD = 3
_FIXED = {signal.SIGKILL, signal.SIGSTOP}
_PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 15, 36
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Program:
    """What is executed: absolute path and arguments, the whole environment, limits (``resource.RLIMIT_*`` to value).

    What the program leaves running inherits the limits. ``urgent``: it gets the real-time priority of this process, if
    there is one. ``stdin``: what it can read; nothing by default.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    limits: Mapping[int, int] = field(default_factory=dict)
    nice: int = -1
    urgent: bool = False
    stdin: bytes = b""


def start(program: Program, cgroup: str | None) -> tuple[int, socket.socket]:
    """Start a reaper, which joins ``cgroup`` (a directory) and starts ``program``; returns its id and the connection.

    One message comes: ``ENDED`` with the exit status (negative: the signal) and the last output, or ``NOT_STARTED``
    with an error number. A byte sent, or the end of the connection, kills all; ``KILLED`` or ``LEFT`` follows.
    Raises OSError, and ValueError for text that no program can be given.
    """
    if any("\0" in text for text in (*program.argv, *program.env, *program.env.values())):
        raise ValueError("an argument or a variable holds a null character")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # No handler of this process may run in the fork.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _serve(program, theirs, cgroup)
        if program.urgent:
            # From here, so that the reaper need not wait for its turn to ask for it.
            with contextlib.suppress(OSError):
                os.sched_setscheduler(pid, os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, os.sched_getparam(0))
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    ours.setblocking(False)
    return pid, ours


def parsed(message: bytes) -> tuple[bytes, int, bytes]:
    """Kind, number and text of a message of the reaper."""
    kind, number = _HEAD.unpack_from(message)
    return kind, number, message[_HEAD.size:]


def _serve(program: Program, control: socket.socket, cgroup: str | None) -> NoReturn:
    status = 70
    try:
        os.dup2(control.fileno(), _CONTROL_FD, inheritable=False)
        os.closerange(_CONTROL_FD + 1, 1 << 30)
        _Reaper(program, cgroup).run()
        status = 0
    finally:
        os._exit(status)


class _Reaper:
    def __init__(self, program: Program, cgroup: str | None) -> None:
        os.setsid()
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        _LIBC.prctl(_PR_SET_NAME, b"sm-reaper", 0, 0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        self._program, self._cgroup = program, cgroup
        self._control = socket.socket(fileno=_CONTROL_FD)
        self._tail = bytearray()
        self._status: int | None = None
        self._reset_signals()
        self._output, self._written = os.pipe2(os.O_CLOEXEC)
        self._poll = select.poll()
        for descriptor in (_CONTROL_FD, self._output, self._woken):
            self._poll.register(descriptor, select.POLLIN)
        self._open = True  # whether anybody can still write to the output

    def _reset_signals(self) -> None:
        for number in signal.valid_signals() - _FIXED:
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        self._woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    def run(self) -> None:
        try:
            self._pid = self._started()
        except OSError as exc:
            self._send(NOT_STARTED, exc.errno or 0)
            return
        os.close(self._written)
        while self._status is None:
            if self._step(None):
                self._kill()
                return
        self._drain()
        self._send(ENDED, self._status, bytes(self._tail))
        self._poll.unregister(_CONTROL_FD)
        self._control.close()
        # The output stays open for those who still have it: without a reader they would be killed by SIGPIPE.
        while self._open:
            self._step(None)

    def _started(self) -> int:
        """Start the program. What it is to inherit is set here: another fork of this process would take longer."""
        if self._cgroup is not None:
            _write(f"{self._cgroup}/cgroup.procs", "0")
        with contextlib.suppress(OSError):  # only root may
            _write("/proc/self/oom_score_adj", "0")
        for kind, value in self._program.limits.items():
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))
        with contextlib.suppress(OSError):
            os.nice(self._program.nice)
        os.umask(0o022)
        os.chdir("/")
        actions = [(os.POSIX_SPAWN_DUP2, self._written, descriptor) for descriptor in (1, 2)]
        if self._program.stdin:
            # In memory only: it may hold passwords.
            given = os.memfd_create("stdin", os.MFD_CLOEXEC)
            os.write(given, self._program.stdin)
            os.lseek(given, 0, os.SEEK_SET)
            actions.append((os.POSIX_SPAWN_DUP2, given, 0))
        return os.posix_spawn(
            self._program.argv[0], self._program.argv, self._program.env, setsid=True, setsigmask=[],
            setsigdef=signal.valid_signals() - _FIXED, file_actions=actions)

    def _step(self, limit_ms: int | None) -> bool:
        """Handle what has happened; whether all is to be killed."""
        asked = False
        for descriptor, _ in self._poll.poll(limit_ms):
            if descriptor == self._woken:
                os.read(self._woken, CHUNK_BYTES)
                self._collect()
            elif descriptor == self._output:
                self._keep(os.read(self._output, CHUNK_BYTES))
            else:
                asked = True
        return asked

    def _keep(self, chunk: bytes) -> None:
        if not chunk:
            self._poll.unregister(self._output)
            self._open = False
        self._tail += chunk
        del self._tail[:-TEXT_MAX_BYTES]

    def _drain(self) -> None:
        left = DRAIN_MAX_BYTES
        os.set_blocking(self._output, False)
        while self._open and left > 0:
            try:
                chunk = os.read(self._output, CHUNK_BYTES)
            except BlockingIOError:
                return
            left -= len(chunk)
            self._keep(chunk)

    def _collect(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._pid:
                    self._status = os.waitstatus_to_exitcode(status)

    def _kill(self) -> None:
        if self._cgroup is not None:
            kill_cgroup(self._cgroup)  # with this process in it, where the kernel can
        deadline = time.monotonic() + KILL_S
        self._poll.unregister(_CONTROL_FD)
        while time.monotonic() < deadline:
            found = processes.descendants(os.getpid())
            for process in found:
                processes.kill(process)
            self._collect()
            if not found:
                self._send(KILLED, 0)
                return
            self._step(20)
        self._send(LEFT, len(found), " ".join(str(process.pid) for process in found).encode())

    def _send(self, kind: bytes, number: int, text: bytes = b"") -> None:
        with contextlib.suppress(OSError):  # service management has ended
            self._control.send(_HEAD.pack(kind, number) + text[-TEXT_MAX_BYTES:])


def kill_cgroup(cgroup: str) -> None:
    """Kill all processes of the group at once, where the kernel can (5.14 and later)."""
    with contextlib.suppress(OSError), open(f"{cgroup}/cgroup.kill", "w", encoding="ascii") as stream:
        stream.write("1")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as stream:
        stream.write(text)
