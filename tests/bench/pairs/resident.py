# SPDX-License-Identifier: Apache-2.0
"""Answers questions of ``asker.py`` with the name of its machine: ``resident.py NAME ADDRESS PORT``.

Prints a line whenever the machine gets or loses the address: monotonic time, then ``+`` or ``-``.
"""
from __future__ import annotations

import contextlib
import select
import socket
import struct
import sys
import time

HEADER = struct.Struct("=IHHII")
NEW, DELETE, IFADDR_GROUP = 20, 21, 0x10

name, address, port = sys.argv[1].encode(), socket.inet_aton(sys.argv[2]), int(sys.argv[3])
news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
news.bind((0, IFADDR_GROUP))
door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
door.bind(("", port))
while True:
    for ready in select.select([news, door], [], [])[0]:
        if ready is door:
            with contextlib.suppress(OSError):  # a port that is down
                door.sendto(name, door.recvfrom(100)[1])
            continue
        data, now = news.recv(65536), time.monotonic()
        while len(data) >= HEADER.size:
            length, kind, _, _, _ = HEADER.unpack_from(data)
            if kind in (NEW, DELETE) and address in data[:length]:
                print(now, "+" if kind == NEW else "-", flush=True)
            data = data[max(length, HEADER.size):]
