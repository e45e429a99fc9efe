# SPDX-License-Identifier: Apache-2.0
"""Sockets in another network namespace: a socket stays in the namespace in which it was created."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from devstack.virtualcloud.errors import LabError

CLONE_NEWNET = 0x40000000
IP_FREEBIND = 15
_libc = ctypes.CDLL(None, use_errno=True)
Result = TypeVar("Result")


def inside(namespace: Path, work: Callable[[], Result]) -> Result:
    """Run `work` in a thread inside the namespace and return its result; its errors are raised here."""
    results: list[Result] = []
    errors: list[OSError] = []

    def body() -> None:
        try:
            descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _libc.setns(descriptor, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(descriptor)
            results.append(work())
        except OSError as exc:
            errors.append(exc)

    thread = threading.Thread(target=body, name="netns")
    thread.start()
    thread.join()
    if errors:
        raise LabError(f"namespace {namespace.name}: {errors[0].strerror or errors[0]}") from errors[0]
    return results[0]


def stream_socket(namespace: Path) -> socket.socket:
    """Return a non-blocking TCP socket in the namespace; the caller connects it."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setblocking(False)
        return made

    return inside(namespace, make)


def listening_socket(namespace: Path, address: str, port: int) -> socket.socket:
    """Return a TCP socket that listens in the namespace, even before the address exists."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            made.bind((address, port))
            made.listen(16)
        except OSError:
            made.close()
            raise
        made.setblocking(False)
        return made

    return inside(namespace, make)
