# SPDX-License-Identifier: Apache-2.0
"""One process at a time: a lock on a file, which ends with the process however that ends."""
from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from flock.core.errors import Refused


@contextlib.contextmanager
def alone(path: Path, otherwise: str) -> Iterator[None]:
    """Hold the lock on ``path``, which is made for root only if it is missing. Its directory must exist.

    Refused at once, with the sentence ``otherwise`` and the path, while another process holds it. Programs that this
    one starts do not inherit it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(detail=f"{otherwise} It holds {path}.") from error
        yield
    finally:
        os.close(descriptor)
