# SPDX-License-Identifier: Apache-2.0
"""Asks the floating address who is active, again and again; prints monotonic time and answer, one line each."""
from __future__ import annotations

import socket
import sys
import time

while True:
    try:
        with socket.create_connection((sys.argv[1], 8080), timeout=0.1) as talk:
            talk.sendall(b"GET / HTTP/1.0\r\n\r\n")
            name = talk.recv(1000).rpartition(b"\r\n")[2].decode()
        print(time.monotonic(), name, flush=True)
    except OSError:
        pass
    time.sleep(0.01)
