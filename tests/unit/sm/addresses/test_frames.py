# SPDX-License-Identifier: Apache-2.0
"""Frames about the owner of an address, byte by byte, and what is concluded from received ones."""
from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sm.addresses import frames

MAC, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
V4, V6 = ipaddress.ip_address("192.0.2.9"), ipaddress.ip_address("2001:db8::12:3456")


def test_ipv4_is_announced_as_request_and_as_reply() -> None:
    request, reply = frames.announcements(V4, MAC)
    assert request.hex() == "ffffffffffff020000000001080600010800060400010200000000" "01c0000209000000000000c0000209"
    assert reply.hex() == "ffffffffffff020000000001080600010800060400020200000000" "01c0000209020000000001c0000209"


def test_an_ipv4_probe_claims_nothing() -> None:
    assert frames.probe(V4, MAC).hex() == (
        "ffffffffffff02000000000108060001080006040001020000000001" "00000000000000000000c0000209")


def checksum_of(packet: bytes) -> int:
    """0 for a packet with a right checksum."""
    data = packet[8:24] + packet[24:40] + struct.pack("!IBBBB", len(packet) - 40, 0, 0, 0, packet[6]) + packet[40:]
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def test_ipv6_is_announced_to_all_nodes() -> None:
    [frame] = frames.announcements(V6, MAC)
    packet = frame[14:]
    assert frame[:14].hex() == "33330000000102000000000186dd" and checksum_of(packet) == 0
    assert packet[7] == 255, "receivers drop advertisements that a router may have forwarded"
    assert packet[8:24] == V6.packed and packet[24:40] == ipaddress.ip_address("ff02::1").packed
    assert packet[40:42].hex() == "8800" and packet[44:48].hex() == "20000000"
    assert packet[48:64] == V6.packed and packet[64:].hex() == "0201020000000001"


def test_an_ipv6_probe_goes_to_the_group_of_the_address() -> None:
    frame = frames.probe(V6, MAC)
    packet = frame[14:]
    assert frame[:6].hex() == "3333ff123456" and checksum_of(packet) == 0 and packet[8:24] == bytes(16)
    assert packet[24:40] == ipaddress.ip_address("ff02::1:ff12:3456").packed and packet[40] == 135
    assert len(packet) == 64, "without the sender's hardware address, which a probe must not have"


@pytest.mark.parametrize("address", [V4, V6])
def test_claims_and_probes_of_others_name_their_owner(address: frames.Address) -> None:
    for frame in (*frames.announcements(address, OTHER), frames.probe(address, OTHER)):
        assert frames.owner(frame, address, MAC) == "02:00:00:00:00:02"
        assert frames.owner(frame, address, OTHER) is None, "our own frame comes back"
        assert frames.owner(frame, ipaddress.ip_address("192.0.2.8"), MAC) is None
        assert frames.owner(frame, ipaddress.ip_address("2001:db8::8"), MAC) is None
        for length in range(len(frame)):
            frames.owner(frame[:length], address, MAC)
    asks = frames.probe(address, OTHER)
    somebody = asks[:28] + bytes([192, 0, 2, 7]) + asks[32:] if address.version == 4 else \
        asks[:22] + ipaddress.ip_address("2001:db8::7").packed + asks[38:]
    assert frames.owner(somebody, address, MAC) is None, "it looks for the address and does not claim it"


@given(st.binary(max_size=200))
def test_any_frame_is_judged(data: bytes) -> None:
    for address in (V4, V6):
        assert frames.owner(data, address, MAC) is None or len(data) > 40


def test_protocols() -> None:
    assert (frames.protocol(V4), frames.protocol(V6)) == (0x0806, 0x86DD)
