# SPDX-License-Identifier: Apache-2.0
"""A filter in the kernel that drops what no configured peer can have sent, so a flood of it costs this process nothing.

It looks at source address, source port and the first bytes. What passes it is judged in full all the same.
"""
from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
from collections.abc import Iterable

from sm.transport.codec import MAGIC

_SO_ATTACH_FILTER, _SO_MEMINFO = 26, 55
_MEMINFO = struct.Struct("=9I")
_INSTRUCTION = struct.Struct("=HBBI")
_LOAD_WORD, _LOAD_HALF, _JUMP_EQUAL, _RETURN = 0x20, 0x28, 0x15, 0x06
_DROP, _PASS = 0, 0xFFFFFFFF
_IP_HEADER = 0xFFF00000
"""Offsets from here count from the IP header, others from the UDP header (SKF_NET_OFF)."""
_UDP_HEADER_BYTES = 8


def program(sources: Iterable[tuple[str, int]]) -> bytes:
    """The classic BPF program that lets datagrams of these addresses and ports with our first bytes pass."""
    lines = [(_LOAD_HALF, 0, 0, _UDP_HEADER_BYTES), (_JUMP_EQUAL, 1, 0, int.from_bytes(MAGIC)), (_RETURN, 0, 0, _DROP)]
    for address, port in sources:
        packed = ipaddress.ip_address(address).packed
        start = 12 if len(packed) == 4 else 8
        tests = [(_LOAD_HALF, 0, port)]
        tests += [(_LOAD_WORD, _IP_HEADER + start + place, int.from_bytes(packed[place:place + 4]))
                  for place in range(0, len(packed), 4)]
        for number, (load, offset, wanted) in enumerate(tests):
            # A test that fails goes on with the next source.
            left = 2 * (len(tests) - number - 1) + 1
            lines += [(load, 0, 0, offset), (_JUMP_EQUAL, 0, left, wanted)]
        lines.append((_RETURN, 0, 0, _PASS))
    lines.append((_RETURN, 0, 0, _DROP))
    return b"".join(_INSTRUCTION.pack(*line) for line in lines)


def attach(sock: socket.socket, code: bytes) -> None:
    """Have the kernel filter what ``sock`` receives from now on; attach before the socket is bound."""
    buffer = ctypes.create_string_buffer(code, len(code))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER,
                    struct.pack("@HL", len(code) // _INSTRUCTION.size, ctypes.addressof(buffer)))


def dropped(sock: socket.socket) -> int:
    """How many datagrams the kernel has dropped: by the filter, and because the buffer was full."""
    return int(_MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[8])
