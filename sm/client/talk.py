# SPDX-License-Identifier: Apache-2.0
"""One question and one answer over a daemon's socket, each a line."""
from __future__ import annotations

import socket
import time


def answered(path: str, line: bytes, limit_s: float, answer_max_bytes: int) -> bytes:
    """The line that answers ``line``. OSError: nobody listens at ``path``, or no answer comes within ``limit_s``."""
    ends_s = time.monotonic() + limit_s
    data = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talk:
        talk.settimeout(limit_s)
        talk.connect(path)
        talk.sendall(line)
        while not data.endswith(b"\n"):
            left_s = ends_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"no answer within {limit_s:g} s")
            talk.settimeout(left_s)
            try:
                chunk = talk.recv(64 * 1024)
            except TimeoutError:
                continue
            data += chunk
            if not chunk:
                raise ConnectionError("the daemon closed the connection")
            if len(data) > answer_max_bytes:
                raise ConnectionError(f"the answer is longer than {answer_max_bytes} bytes")
    return data
