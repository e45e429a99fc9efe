# SPDX-License-Identifier: Apache-2.0
"""Uses of oslo.messaging's private members: deadlines, requeueing, replies after a restart, and known senders."""
from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cachetools

from flock.foreign import load, require
from flock.service import backend  # noqa: F401 - chooses native threads before oslo.messaging is loaded

# isort: split
from kombu import compression
from oslo_messaging import server as message_server
from oslo_messaging import transport as message_transport

PACKAGE = "oslo.messaging"
POLL_S = 0.5
MISSING_CALLER_S = 2.0

_DEADLINES = "a call ends by its deadline while the broker is away"
_STOP = "requests that the broker had sent ahead go back to the queue when a server stops"
_STOP_IN_TIME = "a server stops in half a second instead of five"
_MISSING = "callers get their replies after a restart of the broker"
_ROOM = "a server takes no more requests than it has threads for"
_PRIVATE = "a configuration that is not the global one can be used"
_NOTIFY = "a notification that the broker does not take is sent again"
_SENDERS = "every message names its sender, and a request of an unknown or disguised one is refused"

_kombu = load("kombu", "kombu", _SENDERS)
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
        (message_transport.Transport, "_send_notification", _NOTIFY),
        (_driver.AMQPDriverBase, "_connection_pool", _SENDERS),
        (_driver.AMQPDriverBase, "_get_reply_queue_name", _SENDERS),
        (_rabbit.Connection, "declare_consumer", _SENDERS),
        (_rabbit.Connection, "topic_send", _SENDERS),
        (_rabbit.Connection, "_publish", _SENDERS),
        (_rabbit.Connection, "_producer", _SENDERS),
        (_rabbit.Connection, "_set_current_channel", _SENDERS),
        (_rabbit.Consumer, "exchange", _SENDERS),
        (_rabbit.Consumer, "declare", _SENDERS),
        (_rabbit.Consumer, "queue", _SENDERS),
        (_rabbit.Consumer, "queue_name", _SENDERS),
        (_rabbit.RabbitMessage, "_raw_message", _SENDERS)):
    require(PACKAGE, _owner, _name, _needed_for)


CONTEXT, REPLY_QUEUE = "_context_", "_reply_q"


def _never(_data: bytes) -> bytes:
    raise ValueError("messages are not compressed here")


# kombu unpacks a message before anything can look at its sender, and one megabyte may become gigabytes.
for _content_type in compression.encoders():  # type: ignore[no-untyped-call]
    compression.register(_never, _never, _content_type)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is known of a message before its content is used: the validated user id, None without one; its size in
    bytes; the queue to which it wants the reply, None for a cast."""

    user_id: str | None
    size: int
    reply_queue: str | None


@dataclass(frozen=True, slots=True)
class SecondExchange:
    """An exchange to which a queue is bound besides that of all topics; ``is_made`` when the broker has it already."""

    name: str
    type: str
    routing_key: str
    is_made: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a transport does to every message: ``user_id`` goes out with each; ``request`` returns values for the
    context of one that came in, and ``reply`` whether to take it. None and False mean to drop the message.
    ``second_exchange`` names that of a queue of a topic."""

    user_id: str
    reply_prefix: str
    request: Callable[[Arrived], dict[str, Any] | None]
    reply: Callable[[Arrived], bool]
    second_exchange: Callable[[str], SecondExchange | None]


class _CheckedConnection(_rabbit.Connection):  # type: ignore[name-defined,misc]
    """The driver's connection with a checkpoint. Never declares the exchange of the topics, which the broker holds."""

    def __init__(self, checkpoint: Checkpoint, *args: Any, **options: Any) -> None:
        self._checkpoint = checkpoint
        super().__init__(*args, **options)

    def _set_current_channel(self, new_channel: Any) -> None:
        changed = new_channel is not None and new_channel != self.channel
        super()._set_current_channel(new_channel)
        if changed:
            self._producer.publish = functools.partial(self._producer.publish, user_id=self._checkpoint.user_id)

    def _publish(self, exchange: Any, *args: Any, **options: Any) -> None:
        exchange.passive = exchange.passive or exchange.type == "topic"
        super()._publish(exchange, *args, **options)

    def declare_consumer(self, consumer: Any) -> Any:
        consumer.exchange.passive = consumer.type == "topic"
        check = self._reply if consumer.type == "direct" else self._request
        consumer.callback = functools.partial(check, consumer.callback)
        second = self._checkpoint.second_exchange(consumer.queue_name) if consumer.type == "topic" else None
        if second is not None:
            # The driver declares a consumer again after each reconnection.
            consumer.declare = functools.partial(_declare_twice, consumer, consumer.declare, second)
        return super().declare_consumer(consumer)

    def _request(self, take: Callable[[Any], None], message: Any) -> None:
        known = self._checkpoint.request(_arrived(message))
        if known is None:
            message.acknowledge()
            return
        for name, value in known.items():
            # What the sender itself wrote under this name is overwritten.
            message[CONTEXT + name] = value
        take(message)

    def _reply(self, take: Callable[[Any], None], message: Any) -> None:
        if self._checkpoint.reply(_arrived(message)):
            take(message)
        else:
            message.acknowledge()


def _declare_twice(consumer: Any, declare: Callable[[Any], None], second: SecondExchange, connection: Any) -> None:
    declare(connection)
    _kombu.Exchange(second.name, second.type, durable=True, passive=second.is_made,
                    channel=connection.channel).declare()
    consumer.queue.bind_to(second.name, routing_key=second.routing_key)


def _arrived(message: Any) -> Arrived:
    raw, reply_queue = message._raw_message, message.get(REPLY_QUEUE)
    user_id = raw.properties.get("user_id")
    return Arrived(user_id if isinstance(user_id, str) else None, len(raw.body or b""),
                   None if reply_queue is None else str(reply_queue))


def install_checkpoint(messaging: Any, checkpoint: Checkpoint) -> bool:
    """Let every message of a new transport pass ``checkpoint``; False if its driver is not that of RabbitMQ."""
    driver = messaging._driver
    if not isinstance(driver, _driver.AMQPDriverBase):
        return False
    driver._connection_pool.connection_cls = functools.partial(_CheckedConnection, checkpoint)
    driver._get_reply_queue_name = lambda: checkpoint.reply_prefix + uuid.uuid4().hex
    return True


def hidden_options() -> dict[str, Any]:
    """``{group: options}`` that oslo.messaging registers only in the global configuration but reads from every one."""
    return {"oslo_messaging_tracing": _tracing.oslo_messaging_tracing,
            "oslo_messaging_metrics": _metrics.oslo_messaging_metrics}


def reply_queue_opener(messaging: Any) -> Callable[[], Any] | None:
    """A function that opens the transport's reply queue and blocks until it is open; None if the driver needs none.

    Without it, oslo.messaging opens the queue inside the first call. While the broker is away it then retries for
    ever and holds a lock.
    """
    driver = messaging._driver
    if not isinstance(driver, _driver.AMQPDriverBase):
        return None

    def open_queue() -> None:
        driver._get_reply_q()
        _poll_often(driver._reply_q_conn)

    return open_queue


def use_executor(server: Any, executor: Callable[..., Any]) -> None:
    """Run an RPC server's requests in ``executor(max_workers=...)`` instead of a pool with an unbounded queue."""
    server._executor_cls = executor


def tune_listener(server: Any) -> None:
    """Tune a server that has begun to listen: fast stop, and replies to callers whose queue was missing briefly."""
    poller = _poller(server)
    if poller is not None:
        _poll_often(poller.conn)
        forget_missing_callers(poller)


def forget_missing_callers(poller: Any) -> None:
    """Shorten to ``MISSING_CALLER_S`` the time for which a driver's listener treats a caller without a queue as gone.

    The default is a minute: after a restart of the broker, the listener would drop all replies of that minute to a
    caller that had not yet declared its queue again.
    """
    known = poller._obsolete_reply_queues
    known._cache = cachetools.TTLCache(known.SIZE, MISSING_CALLER_S)


def give_back_requests(server: Any) -> None:
    """Requeue the requests that the broker had prefetched to a server that has been stopped.

    While it closes its connection, oslo.messaging acknowledges and drops requests that still arrive. Cancels the
    consumers first, and requeues what arrives before the broker confirms, for another server or for a later start.
    """
    poller = _poller(server)
    connection = getattr(getattr(poller, "conn", None), "connection", None)
    if poller is None or connection is None:
        return
    for consumer, tag in list(connection._consumers.items()):
        consumer.callback = _give_back
        consumer.cancel(tag=tag)
    # These were acknowledged before the consumers were cancelled; the broker will not send them again, so run them.
    while poller.incoming:
        server._on_incoming([poller.incoming.pop(0)])


def send_notification(transport: Any, target: Any, message: dict[str, Any], retries: int) -> None:
    """Publish one notification in the format of oslo.messaging's Notifier, which would only log a failure.

    Raises oslo.messaging's exceptions when the broker does not accept it after ``retries`` retries.
    """
    transport._send_notification(target, {}, message, version=2.0, retry=retries)


def _poller(server: Any) -> Any:
    """The RabbitMQ driver's listener of a server; None for other drivers."""
    found = getattr(server.listener, "_poll_style_listener", None)
    return found if isinstance(found, _driver.AMQPListener) else None


def _poll_often(context: Any) -> None:
    """Make the consumer of a driver's ``ConnectionContext`` check every ``POLL_S`` whether it must end.

    By default it may take five seconds. The option that would shorten this also sets the heartbeat rate, and the
    heartbeat thread blocks senders while the broker is away.
    """
    connection = context.connection
    if isinstance(connection, _rabbit.Connection):
        connection._poll_timeout = min(POLL_S, connection._poll_timeout)


def _give_back(message: Any) -> None:
    message.requeue()


__all__ = ["Arrived", "Checkpoint", "forget_missing_callers", "give_back_requests", "hidden_options",
           "install_checkpoint", "reply_queue_opener", "send_notification", "tune_listener", "use_executor"]
