# SPDX-License-Identifier: Apache-2.0
"""Transport for pysnmp's engine: one connected UDP socket, used in the caller's thread within a deadline.

A connected socket reports ICMP "port unreachable" from the peer as an error; an unconnected one does not.
"""
from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import Any

from pysnmp.carrier.asyncio.dgram.udp import UdpTransportAddress
from pysnmp.carrier.base import AbstractTransport, AbstractTransportDispatcher

RECEIVE_OCTETS_MAX = 65536
TICK_S = 0.1


class Dispatcher(AbstractTransportDispatcher):  # type: ignore[misc]
    """Dispatcher with a single transport; ``run_until`` replaces its event loop."""

    def run_until(self, done: Callable[[], bool], transport: Datagrams, deadline_s: float) -> bool:
        """Receive until ``done()`` is true; False when it is still false after ``deadline_s`` seconds."""
        end = time.monotonic() + deadline_s
        while not done():
            left_s = end - time.monotonic()
            if left_s <= 0:
                return False
            transport.receive(min(TICK_S, left_s))
            self.handle_timer_tick(time.time())
        return True


class Datagrams(AbstractTransport):  # type: ignore[misc]
    """One UDP socket to one peer; opened at first use and again after an error. Raises OSError of the socket."""

    PROTO_TRANSPORT_DISPATCHER = Dispatcher
    ADDRESS_TYPE = UdpTransportAddress

    def __init__(self, host: str, port: int) -> None:
        self._peer = (host, port)
        self._socket: socket.socket | None = None
        self._address: Any = None

    def send_message(self, outgoing: bytes, address: Any) -> None:
        """Send to the peer; OSError also when the peer rejected an earlier datagram."""
        self._address = address
        try:
            self._opened().send(outgoing)
        except OSError:
            self.close()
            raise

    def receive(self, wait_s: float) -> None:
        """Wait for one message and pass it to the engine; OSError when the peer rejected a datagram."""
        opened = self._opened()
        if not select.select([opened], [], [], wait_s)[0]:
            return
        try:
            message = opened.recv(RECEIVE_OCTETS_MAX, socket.MSG_DONTWAIT)
        except BlockingIOError:  # select reports a datagram with a wrong checksum, but recv discards it
            return
        except OSError:
            self.close()
            raise
        if self._callback_function is not None:
            self._callback_function(self, self._address, message)

    def discard(self) -> None:
        """Discard late replies; OSError when the peer rejected the last datagram."""
        opened = self._opened()
        while True:
            try:
                opened.recv(RECEIVE_OCTETS_MAX, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                self.close()
                raise

    def close(self) -> None:
        """Close the socket; the next use opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _opened(self) -> socket.socket:
        if self._socket is None:
            family, kind, protocol, _, address = socket.getaddrinfo(*self._peer, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind, protocol)
            try:
                self._socket.connect(address)
            except OSError:
                self.close()
                raise
        return self._socket
