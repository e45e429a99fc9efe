# SPDX-License-Identifier: Apache-2.0
"""The end of a program's output: its reader may have closed the pipe, and a disk may be full."""
from __future__ import annotations

import os
import sys


def stdout_closed_quietly(text: str = "", *, told: bool = False) -> int:
    """Write ``text`` and flush stdout; returns 0, also when the reader has closed the pipe (``| head``), or 1 after any
    other error. ``told``: the program has reported an error already, which a second line would only repeat."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as problem:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not told:
            sys.stderr.write(f"Cannot write the output: {problem.strerror}\n")
        return 1
    return 0
