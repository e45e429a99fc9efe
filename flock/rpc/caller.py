# SPDX-License-Identifier: Apache-2.0
"""Tells the implementation of an interface who sent the request that its thread carries out."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from flock.rpc.accounts import Sender, SenderKind

_SENDER: ContextVar[Sender | None] = ContextVar("flock_rpc_sender", default=None)


@contextlib.contextmanager
def called_by(sender: Sender) -> Iterator[None]:
    """Within the context, this thread carries out a request of ``sender``."""
    token = _SENDER.set(sender)
    try:
        yield
    finally:
        _SENDER.reset(token)


def calling_host() -> str | None:
    """The name of the host whose request this thread carries out; None for a service's request, and without one."""
    sender = _SENDER.get()
    return sender.name if sender is not None and sender.kind is SenderKind.HOST else None
