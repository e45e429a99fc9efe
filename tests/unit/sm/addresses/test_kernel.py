# SPDX-License-Identifier: Apache-2.0
"""Addresses of this machine's loopback interface, which every machine has; and what is asked of the kernel."""
from __future__ import annotations

import ipaddress
import os
import socket
import struct
from pathlib import Path

import pytest

from sm.addresses import kernel
from sm.addresses.kernel import Held


def test_an_address_is_found_where_it_is() -> None:
    local = ipaddress.ip_address("127.0.0.1")
    assert kernel.held(local) == [Held(local, 8, socket.if_nametoindex("lo"), True)]
    assert kernel.held(ipaddress.ip_address("192.0.2.199")) == []
    assert kernel.held(ipaddress.ip_address("2001:db8::199")) == []


class Asked:
    """Takes the place of the kernel: keeps the request and gives an answer."""

    answers: list[bytes] = []
    requests: list[bytes] = []

    def __init__(self, *_: int) -> None:
        self.left = list(Asked.answers)

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_: object) -> None:
        self.left.clear()

    def settimeout(self, seconds: float) -> None:
        assert 0 < seconds < 60

    def bind(self, address: tuple[int, int]) -> None:
        assert address == (0, 0)

    def send(self, data: bytes) -> None:
        Asked.requests.append(data)

    def recv(self, _: int) -> bytes:
        return self.left.pop(0)


def message(kind: int, payload: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, 0, 1, 0) + payload + bytes(-len(payload) % 4)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> type[Asked]:
    monkeypatch.setattr(kernel.socket, "socket", Asked)
    Asked.requests, Asked.answers = [], [message(2, struct.pack("=i", 0))]
    return Asked


def listed(*rows: tuple[str, int, int]) -> bytes:
    """What the kernel says of addresses: each with its flags and the index of its interface."""
    return b"".join(message(20, struct.pack("=BBBBI", socket.AF_INET, 24, flags, 0, index) + struct.pack("=HH", 8, 2)
                            + ipaddress.ip_address(address).packed) for address, flags, index in rows) + message(
                                3, bytes(4))


def attributes(request: bytes) -> dict[int, bytes]:
    found, place = {}, 24
    while place < len(request):
        length, kind = struct.unpack_from("=HH", request, place)
        found[kind] = request[place + 4:place + length]
        place += length + -length % 4
    return found


def test_an_ipv4_address_gets_its_broadcast_address(asked: type[Asked]) -> None:
    address = ipaddress.ip_address("192.0.2.9")
    kernel.add(address, 24, 7, preferred_s=0)
    _, request = asked.requests
    assert struct.unpack_from("=BBBBI", request, 16) == (socket.AF_INET, 24, 0, 0, 7)
    assert attributes(request) == {1: address.packed, 2: address.packed, 4: bytes([192, 0, 2, 255]),
                                   6: struct.pack("=IIII", 0, 0xFFFFFFFF, 0, 0)}
    kernel.add(address, 32, 7)
    assert 4 not in attributes(asked.requests[-1])


@pytest.mark.parametrize(("address", "here", "scope"), [
    ("192.0.2.9", [], kernel.GLOBAL), ("169.254.202.1", [], kernel.LINK),
    ("169.254.202.1", [("169.254.202.2", 24, 7, kernel.GLOBAL)], kernel.GLOBAL),
    ("192.0.2.9", [("192.0.2.1", 24, 7, kernel.LINK)], kernel.LINK),
    ("192.0.2.9", [("192.0.2.1", 24, 8, kernel.LINK), ("192.0.2.1", 25, 7, kernel.LINK)], kernel.GLOBAL),
])
def test_the_scope_is_that_of_the_network(address: str, here: list[tuple[str, int, int, int]], scope: int) -> None:
    """The kernel refuses another one."""
    known = [Held(ipaddress.ip_address(text), prefix, index, True, found) for text, prefix, index, found in here]
    assert kernel.scope_of(ipaddress.ip_address(address), 24, 7, known) == scope


def test_the_scope_is_told_to_the_kernel(asked: type[Asked]) -> None:
    own = ipaddress.ip_address("169.254.202.2").packed
    listed = struct.pack("=BBBBI", socket.AF_INET, 24, 0, kernel.LINK, 7) + struct.pack("=HH", 8, 2) + own
    asked.answers = [message(20, listed) + message(3, bytes(4))]
    kernel.add(ipaddress.ip_address("169.254.202.1"), 24, 7)
    assert struct.unpack_from("=BBBBI", asked.requests[-1], 16) == (socket.AF_INET, 24, 0, kernel.LINK, 7)


def test_an_ipv6_address_is_usable_at_once(asked: type[Asked]) -> None:
    kernel.add(ipaddress.ip_address("2001:db8::9"), 64, 7)
    assert attributes(asked.requests[0])[8] == struct.pack("=I", 0x02)
    kernel.remove(Held(ipaddress.ip_address("2001:db8::9"), 64, 7, True))
    assert struct.unpack_from("=IH", asked.requests[1])[1] == 21


def test_the_kernels_refusal_is_an_error(asked: type[Asked]) -> None:
    asked.answers = [message(2, struct.pack("=i", -19))]
    with pytest.raises(OSError, match=os.strerror(19)):
        kernel.add(ipaddress.ip_address("2001:db8::9"), 64, 7)


def test_addresses_that_the_kernel_does_not_trust_are_unusable(asked: type[Asked]) -> None:
    address = ipaddress.ip_address("2001:db8::9")
    packed = struct.pack("=HH", 20, 1) + address.packed

    def found(flags: int, more: bytes = b"") -> bytes:
        return message(20, struct.pack("=BBBBI", socket.AF_INET6, 64, flags, 0, 7) + packed + more)

    flags = struct.pack("=HHI", 8, 8, 0x40)
    asked.answers = [found(0) + found(0x08), found(0, flags) + message(3, bytes(4))]
    assert [one.usable for one in kernel.held(address)] == [True, False, False]
    broken = struct.pack("=HH", 0, 1)
    asked.answers = [message(20, struct.pack("=BBBBI", socket.AF_INET6, 64, 0, 0, 7) + broken) + message(3, bytes(4))]
    assert kernel.held(address) == []


def test_only_the_first_address_of_a_network_needs_the_others_to_be_kept(asked: type[Asked],
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the setting cannot be written; a floating address is removed there all the same."""
    def no_file(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("builtins.open", no_file)
    monkeypatch.setattr(kernel.socket, "if_indextoname", lambda _: "eth0")
    address = ipaddress.ip_address("192.0.2.9")
    kernel.remove(Held(address, 24, 7, True, secondary=True))
    assert struct.unpack_from("=IH", asked.requests[-1])[1] == 21
    first = Held(address, 24, 7, True)
    for other, index in (("198.51.100.1", 7), ("192.0.2.1", 8)):
        asked.requests.clear()
        asked.answers = [listed((str(address), 0, 7), (other, 1, index))]
        kernel.remove(first)
        assert struct.unpack_from("=IH", asked.requests[-1])[1] == 21, "it was first, and no other depends on it"
    asked.answers = [listed((str(address), 0, 7), ("192.0.2.1", 1, 7))]
    with pytest.raises(OSError, match="Read-only"):
        kernel.remove(first)


def test_the_setting_is_written_where_it_is_needed(asked: type[Asked], monkeypatch: pytest.MonkeyPatch,
                                                   tmp_path: Path) -> None:
    setting = tmp_path / "promote_secondaries"
    real = open
    monkeypatch.setattr("builtins.open", lambda _, mode="r", encoding="": real(setting, mode, encoding=encoding))
    monkeypatch.setattr(kernel.socket, "if_indextoname", lambda _: "eth0")
    asked.answers = [listed(("192.0.2.9", 0, 7), ("192.0.2.1", 1, 7))]
    for value in ("0\n", "1\n"):
        setting.write_text(value)
        kernel.remove(Held(ipaddress.ip_address("192.0.2.9"), 24, 7, True))
        assert setting.read_text().strip() == "1"


@pytest.mark.parametrize("flags", [0, 1])
def test_the_kernel_says_which_address_was_first(asked: type[Asked], flags: int) -> None:
    address = ipaddress.ip_address("192.0.2.9")
    listed = struct.pack("=BBBBI", socket.AF_INET, 24, flags, 0, 7) + struct.pack("=HH", 8, 2) + address.packed
    asked.answers = [message(20, listed) + message(3, bytes(4))]
    assert [found.secondary for found in kernel.held(address)] == [bool(flags)]
