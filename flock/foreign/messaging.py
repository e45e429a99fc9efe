# SPDX-License-Identifier: Apache-2.0
"""What reaches into oslo.messaging: deadlines, requests given back at a stop, and answers after a broker's restart."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cachetools

from flock.foreign import load, require
from flock.service import backend  # noqa: F401 - chooses native threads before oslo.messaging is loaded

# isort: split
from oslo_messaging import server as message_server
from oslo_messaging import transport as message_transport

PACKAGE = "oslo.messaging"
POLL_S = 0.5
MISSING_CALLER_S = 2.0

_DEADLINES = "a call ends by its deadline while the broker is away"
_STOP = "requests that the broker had sent ahead go back to the queue when a server stops"
_STOP_IN_TIME = "a server stops in half a second instead of five"
_MISSING = "callers get their answers after a restart of the broker"
_ROOM = "a server takes no more requests than it has threads for"
_PRIVATE = "a configuration that is not the global one can be used"
_NOTIFY = "a notification that the broker does not take is sent again"

_base = load(PACKAGE, "oslo_messaging._drivers.base", _STOP)
_driver = load(PACKAGE, "oslo_messaging._drivers.amqpdriver", _DEADLINES)
_rabbit = load(PACKAGE, "oslo_messaging._drivers.impl_rabbit", _STOP)
_metrics = load(PACKAGE, "oslo_messaging._metrics.client", _PRIVATE)
_tracing = load(PACKAGE, "oslo_messaging._tracing.client", _PRIVATE)

for _owner, _name, _needed_for in (
        (message_transport.Transport, "_driver", _DEADLINES),
        (_driver.AMQPDriverBase, "_get_reply_q", _DEADLINES),
        (_driver.AMQPDriverBase, "_reply_q_conn", _STOP_IN_TIME),
        (_rabbit.Connection, "_poll_timeout", _STOP_IN_TIME),
        (_rabbit.Connection, "_consumers", _STOP),
        (_rabbit.Consumer, "callback", _STOP),
        (_rabbit.Consumer, "cancel", _STOP),
        (_base.PollStyleListenerAdapter, "_poll_style_listener", _STOP),
        (_driver.AMQPListener, "incoming", _STOP),
        (_driver.AMQPListener, "conn", _STOP),
        (message_server.MessageHandlingServer, "_on_incoming", _STOP),
        (message_server.MessageHandlingServer, "_executor_cls", _ROOM),
        (_driver.AMQPListener, "_obsolete_reply_queues", _MISSING),
        (_driver.ObsoleteReplyQueuesCache, "_cache", _MISSING),
        (_driver.ObsoleteReplyQueuesCache, "SIZE", _MISSING),
        (_metrics, "oslo_messaging_metrics", _PRIVATE),
        (_tracing, "oslo_messaging_tracing", _PRIVATE),
        (message_transport.Transport, "_send_notification", _NOTIFY)):
    require(PACKAGE, _owner, _name, _needed_for)


def hidden_options() -> dict[str, Any]:
    """Options by group that oslo.messaging registers in the global configuration only and reads from any other."""
    return {"oslo_messaging_tracing": _tracing.oslo_messaging_tracing,
            "oslo_messaging_metrics": _metrics.oslo_messaging_metrics}


def opener_of_answers(messaging: Any) -> Callable[[], Any] | None:
    """What opens the queue of answers of a transport and blocks until then; None for a driver that needs none.

    oslo.messaging opens it inside the first call and retries for ever while the broker is away, holding a lock.
    """
    driver = messaging._driver
    if not isinstance(driver, _driver.AMQPDriverBase):
        return None

    def open_queue() -> None:
        driver._get_reply_q()
        _poll_often(driver._reply_q_conn)

    return open_queue


def use_executor(server: Any, executor: type) -> None:
    """Let an RPC server run requests in ``executor(max_workers=...)`` instead of a pool that queues without end."""
    server._executor_cls = executor


def listening(server: Any) -> None:
    """Tune a server that has begun to listen: it ends in time, and it answers callers whose queue was gone briefly."""
    poller = _poller(server)
    if poller is not None:
        _poll_often(poller.conn)
        forget_missing_callers(poller)


def forget_missing_callers(poller: Any) -> None:
    """Let a driver's listener believe for ``MISSING_CALLER_S`` only that a caller without a queue is gone.

    Of itself it drops a minute's answers to callers that a restarted broker had not seen again when it first looked.
    """
    known = poller._obsolete_reply_queues
    known._cache = cachetools.TTLCache(known.SIZE, MISSING_CALLER_S)


def give_back_requests(server: Any) -> None:
    """Return to the queue what the broker had sent ahead to a server that has been stopped.

    Closing its connection, oslo.messaging acknowledges requests that still come in and drops them. So consumers are
    cancelled first, and what arrives until the broker confirms that goes back for others or for a later life.
    """
    poller = _poller(server)
    connection = getattr(getattr(poller, "conn", None), "connection", None)
    if poller is None or connection is None:
        return
    for consumer, tag in list(connection._consumers.items()):
        consumer.callback = _give_back
        consumer.cancel(tag=tag)
    # Acknowledged before the consumers were cancelled, so they have to be run here.
    while poller.incoming:
        server._on_incoming([poller.incoming.pop(0)])


def send_notification(transport: Any, target: Any, message: dict[str, Any], retries: int) -> None:
    """Publish one notification in the form of oslo.messaging's Notifier, which itself logs and forgets failures."""
    transport._send_notification(target, {}, message, version=2.0, retry=retries)


def _poller(server: Any) -> Any:
    """The listener of the RabbitMQ driver behind a server; None for other drivers."""
    found = getattr(server.listener, "_poll_style_listener", None)
    return found if isinstance(found, _driver.AMQPListener) else None


def _poll_often(context: Any) -> None:
    """Let the consumer of a driver's ``ConnectionContext`` look every ``POLL_S`` whether it shall end.

    Of itself it may take five seconds. The option for that also sets the pace of heartbeats, whose thread holds up
    senders while the broker is away.
    """
    connection = context.connection
    if isinstance(connection, _rabbit.Connection):
        connection._poll_timeout = min(POLL_S, connection._poll_timeout)


def _give_back(message: Any) -> None:
    message.requeue()


__all__ = ["forget_missing_callers", "give_back_requests", "hidden_options", "listening", "opener_of_answers",
           "send_notification", "use_executor"]
