# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sm.transport import udp
from sm.transport.settings import PathLink, Peer
from sm.transport.udp import PathSockets

PORT = 42_222
# Each is its own peer, so that it hears itself.
V4 = PathLink("mgmt", "lo", "127.0.6.2", (Peer("controller-1", "127.0.6.2", PORT),), port=PORT)
V6 = PathLink("oam", "lo", "::1", (Peer("controller-1", "::1", PORT),), port=PORT)
GROUPED = PathLink("mgmt", "lo", "127.0.6.2", (), group="239.1.1.3", port=PORT)
GROUPED6 = PathLink("oam", "lo", "::1", (), group="ff02::3:3", port=PORT)


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Iterator[PathSockets]:
    made = PathSockets(request.param)
    assert made.open(), made.error
    yield made
    made.close()


@pytest.mark.parametrize("opened", [V4, V6], indirect=True)
def test_datagrams_leave_with_priority_in_one_piece(opened: PathSockets) -> None:
    own, link = opened.own, opened.link
    assert own is not None and opened.group is None and opened.is_current
    level, tos = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if link.is_ipv6 else (socket.IPPROTO_IP, socket.IP_TOS)
    assert own.getsockopt(level, tos) == 0xC0
    assert own.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"
    assert own.getsockname()[:2] == (link.address, PORT) and not own.getblocking()
    assert opened.send(b"SM hello", link.address, PORT)
    took: list[tuple[bytes, udp.Source]] = []
    assert udp.drain(own, 10, lambda data, source: took.append((data, source))) == 1
    assert took == [(b"SM hello", (link.address, PORT))]


@pytest.mark.parametrize("opened", [GROUPED, GROUPED6], indirect=True)
def test_multicast_is_not_heard_by_its_sender(opened: PathSockets) -> None:
    assert opened.group is not None and opened.own is not None and opened.link.group is not None
    assert opened.group.getsockname()[0] == opened.link.group
    level, loop = ((socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP) if opened.link.is_ipv6
                   else (socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP))
    assert opened.own.getsockopt(level, loop) == 0


@pytest.mark.parametrize("opened", [V4], indirect=True)
def test_at_most_so_many_datagrams_are_read_at_once(opened: PathSockets) -> None:
    for _ in range(7):
        opened.send(b"SM", V4.address, PORT)
    assert opened.own is not None and opened.dropped == 0
    assert [udp.drain(opened.own, 5, lambda *_: None) for _ in range(3)] == [5, 2, 0]


@pytest.mark.parametrize(("link", "words"), [
    (PathLink("mgmt", "absent0", "127.0.6.2", ()), "there is no device absent0"),
    (PathLink("mgmt", "lo", "192.0.2.1", ()), "lo, 192.0.2.1: Cannot assign requested address")])
def test_a_path_that_cannot_be_opened_says_why(link: PathLink, words: str) -> None:
    sockets = PathSockets(link)
    assert not sockets.open() and sockets.error == words and not sockets.is_current
    assert not sockets.send(b"x", "127.0.0.1", 9)


@pytest.mark.parametrize("opened", [V4], indirect=True)
def test_errors_of_a_sending_are_kept_and_new_sockets_asked_for_where_they_help(opened: PathSockets) -> None:
    assert not opened.send(b"x" * 70_000, V4.address, PORT)
    assert "Message too long" in opened.error and opened.is_current
    assert opened.send(b"x", V4.address, PORT) and opened.error == ""
    assert not opened.send(b"x", "0.0.0.300", PORT) and not opened.is_current


@pytest.mark.parametrize("opened", [V4], indirect=True)
def test_what_no_peer_sends_is_dropped_and_counted_over_new_sockets(opened: PathSockets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for count in (1, 2, 3):
            stranger.sendto(b"SM", (V4.address, PORT))
            assert opened.dropped == count
            assert opened.open() and opened.dropped == count


def test_the_kernels_spelling_of_an_address() -> None:
    assert udp.canonical("FD00:0:0::0A") == "fd00::a" and udp.canonical("10.0.0.1") == "10.0.0.1"
