# SPDX-License-Identifier: Apache-2.0
"""The RabbitMQ driver without its detours while all is well: it prepares for failure with each message."""
from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable, Iterator
from typing import Any

from amqp.transport import TCPTransport

from flock.rpc.messaging import POLL_S, driver_common, driver_errors, exceptions, impl_rabbit

READ_BYTES = 16384
# Answers of ``ensure`` to its caller; everything else is a reason to try again.
ANSWERS = (driver_common.Timeout, driver_errors.AMQPDestinationNotFound, exceptions.MessageUndeliverable)


class DirectConnection(impl_rabbit.Connection):  # type: ignore[misc]
    """Sends or receives first, and builds the driver's machinery of retries when that fails."""

    def ensure(self, method: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        """As the driver's: run ``method``, mend the connection and run it again as often as allowed."""
        if self.channel is None or getattr(self, "_initial_pid", None) != os.getpid():
            return super().ensure(method, *args, **kwargs)
        try:
            return method()
        except ANSWERS:
            raise
        except Exception as exc:  # noqa: BLE001 - judged by the driver, for which this counts as its first attempt
            failed = [exc]

        def again() -> Any:
            if failed:
                raise failed.pop()
            return method()

        return super().ensure(again, *args, **kwargs)

    def consume(self, timeout: float | None = None) -> None:
        """Wait for messages, at least ``POLL_S``.

        Listeners ask for a millisecond first, in case a notification is to be acknowledged between messages; requests
        and answers are acknowledged as they come.
        """
        super().consume(timeout=timeout if timeout is None else max(timeout, POLL_S))

    def _set_current_channel(self, new_channel: Any) -> None:
        super()._set_current_channel(new_channel)
        wire = getattr(getattr(new_channel, "connection", None), "transport", None)
        reads = getattr(wire, "_quick_recv", None)
        # A release of amqp that reads in another way, and TLS, go on as they are.
        if isinstance(wire, TCPTransport) and reads is not None and not isinstance(reads, _Reader):
            reader = _Reader(wire.sock)
            wire._quick_recv, wire.having_timeout = reader, reader.within


class _Reader:
    """Reads what has arrived at a socket, and waits for it without changing the socket.

    amqp asks for the parts of a frame one by one, nine times per message, and sets the socket's timeout before and
    after each frame; each of these calls lets another thread run first.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._timeout_s: float | None = None
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def __call__(self, count: int) -> bytes:
        if self._timeout_s is not None and not self._poll.poll(self._timeout_s * 1000):
            raise TimeoutError("timed out")
        return self._sock.recv(max(count, READ_BYTES))  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def within(self, timeout_s: float | None) -> Iterator[Any]:
        """Bound reads inside the block, as the transport's ``having_timeout``."""
        before, self._timeout_s = self._timeout_s, timeout_s
        try:
            yield self._sock
        finally:
            self._timeout_s = before


def straighten(messaging: Any) -> None:
    """Let new connections of an oslo.messaging transport be direct ones; other drivers than RabbitMQ's stay as is."""
    pool: Any = getattr(messaging._driver, "_connection_pool", None)
    if getattr(pool, "connection_cls", None) is impl_rabbit.Connection:
        pool.connection_cls = DirectConnection
