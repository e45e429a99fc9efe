# SPDX-License-Identifier: Apache-2.0
"""Runs one program to its end: an argument list, a deadline, bounded output, typed errors; never a shell.

Errors and logs name only the program, because arguments and input may contain secrets.
"""
from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, ClassVar

from flock.core.errors import DeadlineExceeded, FlockError, Unavailable

OUTPUT_MAX_BYTES = 4 * 1024 * 1024
# A program may leave a daemon behind that holds its pipes open; after the program's end, read them only this long.
DRAIN_S = 0.5
REASON_MAX_CHARS = 200
CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Completed:
    """The result of a program: exit status (negative: killed by that signal), text of stdout and stderr."""

    rc: int
    out: str
    err: str

    def first_error_line(self) -> str:
        """The first non-empty line of stderr, cut to ``REASON_MAX_CHARS``; empty when there is none."""
        return _first_line(self.err)


class CommandFailed(FlockError):
    """A program ended with a status other than 0."""

    code: ClassVar[str] = "flock.exec.failed"
    http: ClassVar[int] = 500
    text: ClassVar[str] = "{command} failed with status {rc}: {reason}"


class CommandNotFound(Unavailable):
    """The program does not exist or cannot be executed."""

    code: ClassVar[str] = "flock.exec.not_found"
    text: ClassVar[str] = "{command} cannot be started: {reason}"


class CommandTimeout(DeadlineExceeded):
    """A program and its process group were killed because its timeout was over."""

    code: ClassVar[str] = "flock.exec.timeout"
    text: ClassVar[str] = "{command} was killed after {timeout_s} s"


class OutputTooLong(FlockError):
    """A program was killed because it wrote more than the limit."""

    code: ClassVar[str] = "flock.exec.output_too_long"
    http: ClassVar[int] = 500
    text: ClassVar[str] = "{command} was killed after writing more than {limit_bytes} bytes"


class CommandHalted(FlockError):
    """A program and its process group were killed because somebody ended the run."""

    code: ClassVar[str] = "flock.exec.halted"
    http: ClassVar[int] = 409
    text: ClassVar[str] = "{command} was ended before it was done"


class Halt:
    """Ends runs from another thread. Use it in a ``with`` block, which releases its descriptor."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __enter__(self) -> Halt:
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self._fd)

    def fileno(self) -> int:
        """Readable once ``set`` was called."""
        return self._fd

    def set(self) -> None:
        """Kill the program that runs with this halt, and each one that is started with it later."""
        os.eventfd_write(self._fd, 1)


def run(argv: Sequence[str], *, timeout_s: float, check: bool = True, input: str | None = None,
        env: Mapping[str, str] | None = None, cwd: str | None = None,
        output_max_bytes: int = OUTPUT_MAX_BYTES, halt: Halt | None = None) -> Completed:
    """Run ``argv`` and wait at most ``timeout_s`` seconds for its end.

    The program gets this process's environment, then ``LC_ALL=C`` (so that its output can be parsed), then ``env``.
    ``input`` becomes stdin; without it stdin is empty. Drops stderr beyond ``output_max_bytes``; stdout beyond it is
    an error. ``halt`` may end it earlier. Raises CommandNotFound, CommandTimeout, CommandHalted, OutputTooLong and,
    with ``check``, CommandFailed.
    """
    if not argv or isinstance(argv, str):
        raise TypeError("argv must be a non-empty list of arguments")
    command = os.path.basename(argv[0])
    deadline = time.monotonic() + timeout_s
    try:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL if input is None else subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=cwd, env={**os.environ, "LC_ALL": "C", **(env or {})},
            start_new_session=True)
    except OSError as error:
        raise CommandNotFound(command=command, reason=error.strerror or str(error)) from error
    with _Conversation(process, b"" if input is None else input.encode(), output_max_bytes, halt) as talk:
        try:
            talk.until(deadline)
        except TimeoutError:
            raise CommandTimeout(command=command, timeout_s=timeout_s) from None
        except InterruptedError:
            raise CommandHalted(command=command) from None
        except OverflowError:
            raise OutputTooLong(command=command, limit_bytes=output_max_bytes) from None
        done = Completed(process.wait(), talk.text(process.stdout), talk.text(process.stderr))
    if check and done.rc != 0:
        raise CommandFailed(command=command, rc=done.rc,
                            reason=done.first_error_line() or _first_line(done.out) or "no message")
    return done


class _Conversation:
    """Writes and reads one child's pipes without threads; an exception in the block kills its process group."""

    def __init__(self, process: subprocess.Popen[bytes], to_write: bytes, limit_bytes: int,
                 halt: Halt | None = None) -> None:
        self._process = process
        self._halt = halt
        self._pending = memoryview(to_write)
        self._limit_bytes = limit_bytes
        self._read: dict[int, bytearray] = {}
        self._selector = selectors.DefaultSelector()
        self._pidfd = os.pidfd_open(process.pid)
        self._ended = False

    def __enter__(self) -> _Conversation:
        self._selector.register(self._pidfd, selectors.EVENT_READ)
        for stream in filter(None, (self._process.stdout, self._process.stderr)):
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ)
            self._read[stream.fileno()] = bytearray()
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
            self._selector.register(self._process.stdin, selectors.EVENT_WRITE)
        return self

    def __exit__(self, *exc: object) -> None:
        if exc[0] is not None:
            self._kill()
        self._selector.close()
        os.close(self._pidfd)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None and not stream.closed:
                _close_quietly(stream)

    def until(self, deadline: float) -> None:
        """Wait until the child has ended and its pipes are read; TimeoutError at ``deadline`` (monotonic seconds),
        InterruptedError when it was halted."""
        if self._halt is not None:
            self._selector.register(self._halt, selectors.EVENT_READ)
        while len(self._selector.get_map()) > (self._halt is not None):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                if self._ended:
                    return
                raise TimeoutError
            for key, _ in self._selector.select(left_s):
                if key.fileobj is self._halt:
                    raise InterruptedError
                if key.fd == self._pidfd:
                    self._ended = True
                    self._selector.unregister(self._pidfd)
                    deadline = min(deadline, time.monotonic() + DRAIN_S)
                elif self._process.stdin is not None and key.fileobj is self._process.stdin:
                    self._feed(self._process.stdin)
                else:
                    self._drain(key.fd, key.fileobj is self._process.stdout)

    def text(self, stream: IO[bytes] | None) -> str:
        """The text read from ``stream`` so far."""
        return "" if stream is None else self._read[stream.fileno()].decode(errors="replace")

    def _feed(self, stdin: IO[bytes]) -> None:
        try:
            written = os.write(stdin.fileno(), self._pending[:CHUNK_BYTES])
            self._pending = self._pending[written:]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._pending = self._pending[:0]
        if not self._pending:
            self._selector.unregister(stdin)
            _close_quietly(stdin)

    def _drain(self, descriptor: int, is_stdout: bool) -> None:
        try:
            chunk = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return
        if not chunk:
            self._selector.unregister(descriptor)
            return
        kept = self._read[descriptor]
        kept += chunk[:max(self._limit_bytes - len(kept), 0)]
        if is_stdout and len(kept) >= self._limit_bytes:
            raise OverflowError

    def _kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


def _close_quietly(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        pass


def _first_line(text: str) -> str:
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line), "")[:REASON_MAX_CHARS]
