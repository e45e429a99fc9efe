# SPDX-License-Identifier: Apache-2.0
"""Asking and telling the neighbours; a pair of sockets takes the place of the network."""
from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import time
from types import SimpleNamespace

import pytest

from sm.addresses import frames, neighbours
from sm.addresses.neighbours import Neighbours

ADDRESS = ipaddress.ip_address("192.0.2.9")
MAC, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


class Link(socket.socket):
    hardware = 1
    down = False
    far: socket.socket

    def __init__(self, family: int, kind: int, protocol: int) -> None:
        assert (family, kind & ~socket.SOCK_NONBLOCK) == (socket.AF_PACKET, socket.SOCK_RAW)
        near, Link.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        near.setblocking(False)
        super().__init__(fileno=near.detach())

    def bind(self, address: object) -> None:
        assert address == ("eth0", 0x0806)

    def send(self, data: bytes) -> int:  # type: ignore[override]
        if Link.down:
            raise OSError(errno.ENETDOWN, "Network is down")
        return super().send(data)

    def getsockname(self) -> object:
        return ("eth0", 0x0806, 0, Link.hardware, MAC)


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> type[Link]:
    monkeypatch.setattr(neighbours, "socket", SimpleNamespace(
        socket=Link, AF_PACKET=socket.AF_PACKET, SOCK_RAW=socket.SOCK_RAW, SOCK_NONBLOCK=socket.SOCK_NONBLOCK,
        htons=socket.htons))
    Link.hardware, Link.down = 1, False
    return Link


async def answered(link: type[Link], *received: bytes, wait_s: float = 5.0) -> str | None:
    task = asyncio.ensure_future(Neighbours("eth0").owner(ADDRESS, 2, wait_s))
    await asyncio.sleep(0)
    assert link.far.recv(2048) == frames.probe(ADDRESS, MAC)
    for frame in received:
        link.far.send(frame)
    return await task


def test_the_first_claim_is_the_answer(link: type[Link]) -> None:
    own, other = frames.announcements(ADDRESS, MAC)[0], frames.announcements(ADDRESS, OTHER)[0]
    begun = time.monotonic()
    assert asyncio.run(answered(link, b"noise", own, other)) == "02:00:00:00:00:02"
    assert time.monotonic() - begun < 2


def test_silence_means_that_nobody_has_it(link: type[Link]) -> None:
    assert asyncio.run(answered(link, b"noise", wait_s=0.05)) is None
    assert link.far.recv(2048) == frames.probe(ADDRESS, MAC), "the second probe"


def test_announcements_are_sent_unless_the_queue_is_full(link: type[Link]) -> None:
    asyncio.run(Neighbours("eth0").announce(ADDRESS))
    assert [link.far.recv(2048), link.far.recv(2048)] == frames.announcements(ADDRESS, MAC)

    async def full() -> None:
        near, _far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        near.setblocking(False)
        for _ in range(5000):
            await Neighbours("eth0")._send(near, b"x")
        near.close()
        _far.close()
    asyncio.run(full())


def test_interfaces_without_ethernet_have_no_neighbours(link: type[Link]) -> None:
    link.hardware = 772  # loopback
    assert asyncio.run(Neighbours("eth0").owner(ADDRESS, 2, 5.0)) is None
    asyncio.run(Neighbours("eth0").announce(ADDRESS))
    link.far.setblocking(False)
    with pytest.raises(OSError, match="temporarily unavailable|reset"):
        link.far.recv(2048)


def test_nobody_is_behind_an_interface_that_is_down(link: type[Link]) -> None:
    link.down = True
    assert asyncio.run(Neighbours("eth0").owner(ADDRESS, 2, 0.05)) is None
    asyncio.run(Neighbours("eth0").announce(ADDRESS))


def test_the_socket_says_once_that_the_interface_went_down() -> None:
    class Loop:
        answers: list[bytes | int] = [errno.ENETDOWN, b"frame", errno.EBADF]

        async def sock_recv(self, _link: object, _size: int) -> bytes:
            answer = self.answers.pop(0)
            if isinstance(answer, int):
                raise OSError(answer, "")
            return answer

    loop = Loop()
    assert asyncio.run(neighbours._received(loop, None)) == b"frame"  # type: ignore[arg-type]
    with pytest.raises(OSError, match=str(errno.EBADF)):
        asyncio.run(neighbours._received(loop, None))  # type: ignore[arg-type]
