# SPDX-License-Identifier: Apache-2.0
"""What one output is: a name, a function that delivers one notice, and which notices it wants."""
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
    """The peer refuses this very message; after a few tries it is dropped, so that those behind it go on."""

    code, http, text = "fm.output.undeliverable", 502, "{output} refuses the message: {reason}"


@dataclass(frozen=True, slots=True)
class Output:
    """One destination with a queue of its own.

    ``name`` (at most ``NAME_MAX`` characters, lasting over restarts) names the queue and labels the metrics.
    ``deliver`` takes a payload of ``fm.core.notice.as_payload`` and returns when the destination has it, within a
    bounded time; whatever it raises, the message stays first in its queue. ``hidden_too``: also what the operator
    hides. ``warm_start``: wants ``{"kind": "warmStart"}`` after changes of suppression. ``refresh_s``: wants
    ``{"kind": "refresh"}`` every so many seconds, 0 never.
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
            return False  # the hierarchical clear tells it
        return notice.kind in self.kinds and (self.hidden_too or not notice.hidden)
