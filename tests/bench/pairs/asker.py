# SPDX-License-Identifier: Apache-2.0
"""Asks a floating address for the name of its machine every 5 ms: ``asker.py ADDRESS PORT``.

Prints a line whenever another machine answers or an answer comes after a pause: monotonic time of the answer, the time
of the answer before it, and the name. The neighbour table is the kernel's, so the address must have been announced.
"""
from __future__ import annotations

import contextlib
import socket
import sys
import time

PERIOD_S, PAUSE_S = 0.005, 0.1

asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.setblocking(False)
target, known, before = (sys.argv[1], int(sys.argv[2])), b"", 0.0
while True:
    with contextlib.suppress(OSError):
        asking.sendto(b"?", target)
    with contextlib.suppress(OSError):
        while True:
            name = asking.recv(100)
            now = time.monotonic()
            if name != known or now - before > PAUSE_S:
                print(now, before, name.decode(), flush=True)
            known, before = name, now
    time.sleep(PERIOD_S)
