# SPDX-License-Identifier: Apache-2.0
"""Asks the neighbours on an interface for the owner of an address, and tells them of a new owner."""
from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

from sm.addresses import frames
from sm.addresses.kernel import Address

FRAME_BYTES = 2048
_ETHERNET_HARDWARE = 1


class Neighbours:
    """Those that can be reached over one interface; there are none behind one without Ethernet frames."""

    def __init__(self, interface: str) -> None:
        self._interface = interface

    async def owner(self, address: Address, probes: int, wait_s: float) -> str | None:
        """The hardware address of another that has ``address``; None when nobody answers ``probes`` probes.

        ``wait_s`` seconds are waited for answers to each. Raises OSError.
        """
        loop = asyncio.get_running_loop()
        with self._opened(frames.protocol(address)) as (link, mac):
            for _ in range(probes if mac else 0):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._send(link, frames.probe(address, mac))
                        while True:
                            found = frames.owner(await _received(loop, link), address, mac)
                            if found is not None:
                                return found
        return None

    async def announce(self, address: Address) -> None:
        """Tell the neighbours once that this machine has ``address``. Raises OSError."""
        with self._opened(frames.protocol(address)) as (link, mac):
            for frame in frames.announcements(address, mac) if mac else ():
                await self._send(link, frame)

    async def _send(self, link: socket.socket, frame: bytes) -> None:
        try:
            link.send(frame)
        except BlockingIOError:  # the interface's queue is full; the next frame follows soon
            return
        except OSError as exc:
            if exc.errno not in (errno.ENETDOWN, errno.ENOBUFS):  # nobody is behind an interface that is down
                raise

    @contextlib.contextmanager
    def _opened(self, protocol: int) -> Iterator[tuple[socket.socket, bytes]]:
        """A packet socket on the interface and its hardware address; empty where there are no Ethernet frames."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(protocol)) as link:
            link.bind((self._interface, protocol))
            _, _, _, hardware, mac = link.getsockname()
            yield link, mac if hardware == _ETHERNET_HARDWARE else b""


async def _received(loop: asyncio.AbstractEventLoop, link: socket.socket) -> bytes:
    """The next frame. The socket reports once that the interface went down, which is no frame."""
    while True:
        try:
            return await loop.sock_recv(link, FRAME_BYTES)
        except OSError as exc:
            if exc.errno != errno.ENETDOWN:
                raise
