# SPDX-License-Identifier: Apache-2.0
"""Notifications on the message bus in the format of oslo.messaging's Notifier, for its notification listeners.

Sends through the Notifier's transport, because the Notifier itself logs and drops messages that the broker refuses.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flock.core.errors import Unavailable
from flock.foreign.messaging import send_notification
from flock.rpc.messaging import oslo_messaging
from fm.core import notice

PUBLISHER_ID = "fm-manager"
PRIORITY = "INFO"
# The driver connects within two attempts or raises; then the message stays in its queue.
RETRIES = 1


class BusNotifier:
    """Publishes each event on ``topics``; ``message_id`` is the uuid of the event, so listeners can detect repeats."""

    def __init__(self, conf: Any, topics: Sequence[str], exchange: str, url: str | None = None) -> None:
        self._conf, self._url = conf, url
        self._targets = [oslo_messaging.Target(exchange=exchange, topic=f"{topic}.{PRIORITY.lower()}")
                         for topic in topics]
        self._transport: Any = None

    def __call__(self, payload: dict[str, Any]) -> None:
        if self._transport is None:
            self._transport = oslo_messaging.get_notification_transport(self._conf, url=self._url)
        message = {"message_id": payload["uuid"], "publisher_id": PUBLISHER_ID, "event_type": payload["kind"],
                   "priority": PRIORITY, "payload": notice.expanded_event(payload),
                   "timestamp": payload["timestamp"].replace("T", " ")}
        for target in self._targets:
            try:
                # The driver modifies the message, so each topic gets a copy.
                send_notification(self._transport, target, dict(message), RETRIES)
            except Exception as error:
                raise Unavailable(service="message bus", reason=type(error).__name__) from error
