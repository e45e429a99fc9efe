# SPDX-License-Identifier: Apache-2.0
"""The watchdog device of Linux: it resets this node when the daemon does not stop in time what it may not run."""
from __future__ import annotations

import errno
import fcntl
import logging
import os
import struct
from collections.abc import Callable

LOG = logging.getLogger(__name__)
SETTIMEOUT, KEEPALIVE = 0xC0045706, 0x80045705
"""WDIOC_SETTIMEOUT and WDIOC_KEEPALIVE of linux/watchdog.h."""
MAGIC = b"V"
IDLE_S = 60
"""The time limit while nothing here would have to stop: a daemon that hangs for so long is of no use."""

Control = Callable[[int, int, bytes], bytes]
"""``control(descriptor, request, argument)`` returns the argument as the device has changed it."""


def _ioctl(descriptor: int, request: int, argument: bytes) -> bytes:
    return fcntl.ioctl(descriptor, request, argument)


def next_limit_s(until_ms: int | None, now_ms: int, ends_ms: int) -> int | None:
    """The limit that a device gets for a reset at ``until_ms`` (None: ``IDLE_S`` from now); None: it is told nothing.
    ``ends_ms``: when its present limit ends, 0 when that is not known.

    In the last second nothing is told, since a limit of a second would end after it; but for a device that would wait
    even longer.
    """
    if until_ms is None:
        return IDLE_S
    if until_ms - now_ms < 1_000:
        return 1 if ends_ms > now_ms + 1_000 else None
    return min((until_ms - now_ms) // 1_000, IDLE_S)


class Watchdog:
    """``path``: such as /dev/watchdog; empty: there is none, and nothing happens.

    The device counts whole seconds and has one limit, so at each call the limit becomes the seconds that are left
    (``next_limit_s``). It resets the node at the moment it was given, or less than a second before; less than a second
    after it when there was less than a second from the beginning.
    """

    def __init__(self, path: str, control: Control = _ioctl) -> None:
        self._path, self._control = path, control
        self._descriptor: int | None = None
        self._limit_s, self._ends_ms = 0, 0
        self.problem = ""
        """Why it does not protect this node; empty when it does, or when none is configured."""

    def open(self) -> None:
        """Open the device, which starts it. One that cannot be opened is a problem, no error."""
        if not self._path:
            return
        try:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            self._fail(f"the watchdog {self._path} cannot be used: {error.strerror}")

    def tell(self, until_ms: int | None, now_ms: int) -> None:
        """The node must be reset at ``until_ms`` if this is not called again; None: no moment is set."""
        if self._descriptor is None:
            return
        left_s = next_limit_s(until_ms, now_ms, self._ends_ms)
        if left_s is None:
            return
        try:
            if left_s != self._limit_s:
                self._set_limit(self._descriptor, left_s)
            self._control(self._descriptor, KEEPALIVE, struct.pack("i", 0))
            self._ends_ms = now_ms + left_s * 1_000
        except OSError as error:
            if error.errno != errno.EINTR:
                self._fail(f"the watchdog {self._path} does not obey: {error.strerror}")

    def close(self, *, idle: bool) -> None:
        """Close the device. ``idle``: nothing here would have to stop, so it ends; else it goes on, and resets the node
        unless the next daemon opens it in time."""
        if self._descriptor is None:
            return
        try:
            if idle:
                os.write(self._descriptor, MAGIC)
        except OSError as error:
            self._fail(f"the watchdog {self._path} goes on: {error.strerror}")
        os.close(self._descriptor)
        self._descriptor = None

    def _set_limit(self, descriptor: int, limit_s: int) -> None:
        self._limit_s = limit_s
        taken = struct.unpack("i", self._control(descriptor, SETTIMEOUT, struct.pack("i", limit_s)))[0]
        if taken > limit_s:
            self._fail(f"the watchdog {self._path} waits {taken} s where {limit_s} s are needed")
        else:
            self.problem = ""

    def _fail(self, problem: str) -> None:
        if problem != self.problem:
            LOG.error(problem)
        self.problem = problem
