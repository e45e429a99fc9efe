# SPDX-License-Identifier: Apache-2.0
"""Defines an output: a name, a function that delivers one notice, and which notices it gets."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flock.core.errors import FlockError
from fm.core.records import Notice, NoticeKind

Sink = Callable[[dict[str, Any]], None]
EVENTS = frozenset({NoticeKind.SET, NoticeKind.CLEAR, NoticeKind.LOG})
ALARMS = frozenset({NoticeKind.SET, NoticeKind.CLEAR})
TRAPS = frozenset(NoticeKind)
NAME_MAX = 64


class Undeliverable(FlockError):
    """The peer rejects the message itself; it is dropped after a few attempts so that later ones can be delivered."""

    code, http, text = "fm.output.undeliverable", 502, "{output} refuses the message: {reason}"


@dataclass(frozen=True, slots=True)
class Output:
    """One destination with its own queue.

    ``name`` (at most ``NAME_MAX`` characters, the same after a restart) names the queue and labels the metrics.
    ``deliver`` takes a payload of ``fm.core.notice.as_payload`` and returns within a bounded time once the destination
    has it; after any exception the message stays first in its queue. ``hidden_too``: also gets hidden notices.
    ``warm_start``: gets ``{"kind": "warmStart"}`` after changes of suppression or silences. ``refresh_s``: gets
    ``{"kind": "refresh"}`` every ``refresh_s`` seconds, 0 never.
    """

    name: str
    deliver: Sink
    kinds: frozenset[NoticeKind] = EVENTS
    hidden_too: bool = False
    warm_start: bool = False
    refresh_s: float = 0.0

    def wants(self, notice: Notice) -> bool:
        """Whether ``notice`` is put into the queue of this output."""
        if notice.swept and NoticeKind.HIERARCHICAL_CLEAR in self.kinds:
            return False  # the hierarchical clear covers it
        return notice.kind in self.kinds and (self.hidden_too or not notice.hidden)
