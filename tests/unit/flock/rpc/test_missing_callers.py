# SPDX-License-Identifier: Apache-2.0
"""A caller whose queue of answers was missing is believed gone for a moment only."""
from __future__ import annotations

from typing import Any

from oslo_messaging._drivers import amqpdriver

from flock.foreign.messaging import MISSING_CALLER_S, forget_missing_callers


class Listener:
    """As much of a driver's listener as is touched."""

    def __init__(self) -> None:
        self._obsolete_reply_queues: Any = amqpdriver.ObsoleteReplyQueuesCache()


def test_a_missing_caller_is_soon_forgotten() -> None:
    listener = Listener()
    forget_missing_callers(listener)
    known = listener._obsolete_reply_queues
    known.add("reply_1", "message")
    assert not known.reply_q_valid("reply_1", "message")
    assert known._cache.ttl == MISSING_CALLER_S < 5
    known._cache.expire(known._cache.timer() + MISSING_CALLER_S + 0.1)
    assert known.reply_q_valid("reply_1", "message")
