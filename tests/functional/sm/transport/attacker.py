# SPDX-License-Identifier: Apache-2.0
"""A machine on the paths' networks, in a network namespace of its own: records datagrams, and sends with any source.

``record DEVICE SECONDS SOURCE``: prints the UDP payloads, as hex, that come from SOURCE.
``send DEVICE SOURCE TARGET PORT PER_SECOND SECONDS``: sends the payloads on standard input, one after the other and
from the beginning, to TARGET as if from SOURCE; prints how many. IPv4 only.
"""
from __future__ import annotations

import socket
import struct
import sys
import time

ETHERTYPE_IPV4, UDP = 0x0800, 17


def record(device: str, seconds: float, source: str) -> None:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETHERTYPE_IPV4))
    packets.bind((device, ETHERTYPE_IPV4))
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        packets.settimeout(left)
        try:
            packet = packets.recv(9_000)
        except TimeoutError:
            return
        head = (packet[0] & 15) * 4
        if packet[9] == UDP and socket.inet_ntoa(packet[12:16]) == source:
            print(packet[head + 8:].hex())


def packet(source: str, target: str, port: int, payload: bytes) -> bytes:
    """IP and UDP with source port 2222; the kernel fills in the IP checksum, UDP goes without."""
    length = 8 + len(payload)
    return struct.pack("!BBHHHBBH4s4sHHHH", 0x45, 0, 20 + length, 0, 0, 1, UDP, 0, socket.inet_aton(source),
                       socket.inet_aton(target), 2222, port, length, 0) + payload


def send(device: str, source: str, target: str, port: int, per_second: int, seconds: float) -> None:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    raw.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                   struct.pack("@4s4si", b"\0" * 4, b"\0" * 4, socket.if_nametoindex(device)))
    packets = [packet(source, target, port, bytes.fromhex(line)) for line in sys.stdin]
    start, sent = time.monotonic(), 0
    while (passed := time.monotonic() - start) < seconds:
        due = int(passed * per_second) + 1
        while sent < due:
            try:
                raw.sendto(packets[sent % len(packets)], (target, 0))
            except OSError:
                pass
            sent += 1
        time.sleep(0.0005)
    print(sent)


if __name__ == "__main__":
    words = sys.argv[2:]
    if sys.argv[1] == "record":
        record(words[0], float(words[1]), words[2])
    else:
        send(words[0], words[1], words[2], int(words[3]), int(words[4]), float(words[5]))
