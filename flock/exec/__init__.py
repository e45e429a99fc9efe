# SPDX-License-Identifier: Apache-2.0
"""Runs programs by argument list, and reads a machine's files below an injectable root directory."""
from __future__ import annotations

from flock.exec.process import (
    CommandFailed,
    CommandHalted,
    CommandNotFound,
    CommandTimeout,
    Completed,
    Halt,
    OutputTooLong,
    run,
)
from flock.exec.root import Root

__all__ = ["CommandFailed", "CommandHalted", "CommandNotFound", "CommandTimeout", "Completed", "Halt", "OutputTooLong",
           "Root", "run"]
