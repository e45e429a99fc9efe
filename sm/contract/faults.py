# SPDX-License-Identifier: Apache-2.0
"""What the daemon says to fault management: lines of JSON in files that ``sm-alarms`` reads and removes."""
from __future__ import annotations

import enum
from dataclasses import dataclass

FILE_BYTES_MAX = 256 * 1024
FILES_MAX = 32
SUFFIX = ".jsonl"


class Kind(enum.StrEnum):
    """``RAISE`` also changes an alarm that stands; ``LOG`` is a customer log."""

    RAISE = "raise"
    CLEAR = "clear"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. ``fault``: the id of the alarm or log. Empty fields are those of the catalogue of alarms."""

    kind: Kind
    fault: str
    entity: str
    severity: str = ""
    text: str = ""
    repair: str = ""


@dataclass(frozen=True, slots=True)
class FaultLine:
    """A statement as it is stored: ``id`` (a uuid) makes a repetition harmless; ``at``: when, with offset."""

    id: str
    at: str
    statement: Statement


def file_name(number: int) -> str:
    """The name of a file; higher numbers are newer."""
    return f"{number:016d}{SUFFIX}"


def number_of(name: str) -> int | None:
    """The number in a file's name; None for another file."""
    digits = name.removesuffix(SUFFIX)
    return int(digits) if name.endswith(SUFFIX) and len(digits) == 16 and digits.isdecimal() else None
