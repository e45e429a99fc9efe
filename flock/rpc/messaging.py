# SPDX-License-Identifier: Apache-2.0
"""The one place that imports oslo.messaging: it loads oslo.service, whose default backend would be eventlet."""
from __future__ import annotations

from typing import Any

import cachetools

from flock.service import backend  # noqa: F401 - chooses native threads before oslo.messaging is loaded

# isort: split
import oslo_messaging
from oslo_messaging import exceptions
from oslo_messaging import opts as messaging_options
from oslo_messaging._drivers import amqp as driver_errors
from oslo_messaging._drivers import common as driver_common
from oslo_messaging._drivers import impl_rabbit
from oslo_messaging._metrics import client as metrics_client
from oslo_messaging._tracing import client as tracing_client

POLL_S = 0.5
MISSING_CALLER_S = 2.0


def poll_often(context: Any) -> None:
    """Let the consumer of a driver's ``ConnectionContext`` look every ``POLL_S`` whether it shall end.

    Of itself it may take five seconds. The option for that also sets the pace of heartbeats, whose thread holds up
    senders while the broker is away.
    """
    connection: Any = getattr(context, "connection", None)
    if connection is not None and hasattr(connection, "_poll_timeout"):
        connection._poll_timeout = min(POLL_S, connection._poll_timeout)


def forget_missing_callers(poller: Any) -> None:
    """Let a driver's listener believe for ``MISSING_CALLER_S`` only that a caller without a queue is gone.

    Of itself it drops a minute's answers to callers that a restarted broker had not seen again when it first looked.
    """
    known: Any = getattr(poller, "_obsolete_reply_queues", None)
    if known is not None:
        known._cache = cachetools.TTLCache(known.SIZE, MISSING_CALLER_S)


__all__ = ["driver_common", "driver_errors", "exceptions", "forget_missing_callers", "impl_rabbit", "messaging_options",
           "metrics_client", "oslo_messaging", "poll_often", "tracing_client"]
