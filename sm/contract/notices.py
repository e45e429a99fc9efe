# SPDX-License-Identifier: Apache-2.0
"""What a service tells service management on this node's own socket, and the answer: one JSON object each."""
from __future__ import annotations

import enum
from dataclasses import dataclass

SOCKET = "/run/sm/notify"
NOTICE_MAX_BYTES = 1024


class NoticeEvent(enum.StrEnum):
    """Each makes service management look at the service at once."""

    SYNC_START = "sync-start"
    SYNC_END = "sync-end"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something has happened to ``service``."""

    service: str
    event: NoticeEvent


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the notice was accepted; if not, why."""

    accepted: bool
    reason: str = ""
