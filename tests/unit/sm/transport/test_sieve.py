# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket

import pytest

from sm.transport import sieve

OURS, STRANGER = "127.0.8.2", "127.0.8.66"
GOOD = b"SM and more"


def bound(address: str, port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(5)
    sock.bind((address, port))
    return sock


def test_the_kernel_lets_only_peers_pass() -> None:
    with bound(OURS) as ours, bound("127.0.8.4") as peer, bound(STRANGER) as stranger, bound("127.0.8.4") as other:
        sieve.attach(ours, sieve.program([("127.0.8.3", 9), ("127.0.8.4", peer.getsockname()[1])]))
        for sender, data in ((stranger, GOOD), (other, GOOD), (peer, b"no"), (peer, b""), (peer, b"S"), (peer, GOOD)):
            sender.sendto(data, ours.getsockname())
        assert ours.recv(100) == GOOD and sieve.dropped(ours) == 5
        ours.setblocking(False)
        with pytest.raises(BlockingIOError):
            ours.recv(100)


def test_ipv6_addresses_are_compared_in_full() -> None:
    with bound("::1") as ours, bound("::1") as peer:
        port = peer.getsockname()[1]
        near = [("::2", port), ("1::1", port), ("::1:0:0:1", port), ("::1:0:1", port)]
        sieve.attach(ours, sieve.program(near))
        peer.sendto(GOOD, ours.getsockname()[:2])
        assert sieve.dropped(ours) == 1
        sieve.attach(ours, sieve.program([*near, ("::1", port)]))
        peer.sendto(GOOD, ours.getsockname()[:2])
        assert ours.recv(100) == GOOD


def test_without_peers_nothing_passes_and_many_peers_fit() -> None:
    with bound(OURS) as ours, bound(STRANGER) as stranger:
        sieve.attach(ours, sieve.program([]))
        stranger.sendto(GOOD, ours.getsockname())
        assert sieve.dropped(ours) == 1
        port = stranger.getsockname()[1]
        sieve.attach(ours, sieve.program([*((f"10.0.0.{number}", 1) for number in range(15)), (STRANGER, port)]))
        stranger.sendto(GOOD, ours.getsockname())
        assert ours.recv(100) == GOOD
