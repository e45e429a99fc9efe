# SPDX-License-Identifier: Apache-2.0
"""Uses of oslo.messaging's private members: deadlines, requeueing, bounded replies, and known senders."""
from __future__ import annotations

import contextlib
import enum
import functools
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import cachetools

from flock.foreign import frames, load, messages, require  # noqa: F401 - frames: what cannot be read is damaged
from flock.service import backend  # noqa: F401 - chooses native threads before oslo.messaging is loaded

# isort: split
from amqp.exceptions import MessageNacked, NotFound
from oslo_messaging import exceptions as messaging_exceptions
from oslo_messaging import server as message_server
from oslo_messaging import transport as message_transport

LOG = logging.getLogger(__name__)
PACKAGE = "oslo.messaging"
POLL_S = 0.5
MISSING_CALLER_S = 2.0
# The broker confirms a reply within this time, or the reply is dropped.
REPLY_S = 2.0
# New connections for one reply. The driver's default is to try for ever.
REPLY_RETRIES = 1
MISSING_RETRY_S = 0.25
QUEUE_RETRY_S = 1.0

_DEADLINES = "a call ends by its deadline while the broker is away"
_STOP = "requests that the broker had sent ahead go back to the queue when a server stops"
_STOP_IN_TIME = "a server stops in half a second instead of five"
_MISSING = "callers get their replies after a restart of the broker"
_ROOM = "a server takes no more requests than it has threads for"
_PRIVATE = "a configuration that is not the global one can be used"
_NOTIFY = "a notification that the broker does not take is sent again"
_SENDERS = "every message names its sender, and a request of an unknown or disguised one is refused"
_REPLIES = "a reply whose queue does not take it stops no server"

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
        (_rabbit.Consumer, "_declared_on", _SENDERS),
        (_rabbit.Connection, "ensure", _SENDERS),
        (_rabbit.Connection, "_connection_lock", _SENDERS),
        (_rabbit.Connection, "_ensure_publishing", _REPLIES),
        (_rabbit.Connection, "direct_send", _REPLIES),
        (_rabbit.Connection, "on_return", _REPLIES),
        (_rabbit.Connection, "set_transport_socket_timeout", _REPLIES),
        (_driver.RpcAMQPListener, "message_cls", _REPLIES),
        (_driver.AMQPIncomingMessage, "_send_reply", _REPLIES),
        (_driver.AMQPIncomingMessage, "client_timeout", _REPLIES),
        (_driver.AMQPIncomingMessage, "_obsolete_reply_queues", _REPLIES),
        (_driver.AMQPDriverBase, "_get_connection", _REPLIES)):
    require(PACKAGE, _owner, _name, _needed_for)


REPLY_QUEUE = "_reply_q"


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is known of a message before its content is used: the validated user id, None without one; its size in
    bytes; the queue to which it wants the reply, None for a cast; what is wrong with its content, or empty; the
    exchange to which it was sent."""

    user_id: str | None
    size: int
    reply_queue: str | None
    damage: str = ""
    exchange: str = ""


class Delivery(enum.Enum):
    """What became of a reply."""

    SENT = "sent"
    REFUSED = "refused by its queue"
    MISSING = "without a queue"
    LATE = "not confirmed in time"
    AWAY = "not sent because the broker is away"


class Replies(Protocol):
    """Decides on the replies of a transport; ``context`` is that of the request."""

    def begin(self, context: dict[str, Any], size: int) -> float | None:
        """For how many seconds to try again while the reply's queue is missing; None to drop the reply."""

    def ended(self, context: dict[str, Any], delivery: Delivery) -> None:
        """A reply that was begun ended so."""

    def unasked(self, context: dict[str, Any]) -> None:
        """A message that has no reply asked for one."""


class QueueRefuses(messaging_exceptions.MessageUndeliverable):  # type: ignore[misc]
    """The broker does not take a message because a queue refuses it. No reason to connect anew."""

    def __str__(self) -> str:
        return "a queue refuses the message"


class _NotConfirmed(messaging_exceptions.MessageUndeliverable):  # type: ignore[misc]
    """The broker did not confirm a reply in time."""


NO_REPLY = object()
"""What an endpoint returns for a message that has no reply."""


class QueueMissing(messaging_exceptions.MessageUndeliverable):  # type: ignore[misc]
    """The broker does not have the queue that it should hold ready for this account."""

    def __str__(self) -> str:
        return f"the message bus has no queue {self.routing_key}. sysinv-conductor makes it at its next audit"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a transport does to every message: ``user_id`` goes out with each; ``request`` returns values for the
    context of one that came in, and ``reply`` whether to take it. None and False mean to drop the message.

    ``reply_queue`` names that of this process. ``makes_queues`` is False where the broker holds them ready, and only
    those of topics for which ``is_topic`` holds. ``inlet`` names the exchange to which a topic's queue is bound besides
    that of all topics. ``replies`` decides on those that this process sends."""

    user_id: str
    makes_queues: bool
    reply_queue: Callable[[], str]
    request: Callable[[Arrived], dict[str, Any] | None]
    reply: Callable[[Arrived], bool]
    is_topic: Callable[[str], bool]
    inlet: Callable[[str], str | None]
    replies: Replies


class _CheckedConnection(_rabbit.Connection):  # type: ignore[name-defined,misc]
    """The driver's connection with a checkpoint. Never declares the exchange of the topics, which the broker holds."""

    def __init__(self, checkpoint: Checkpoint, *args: Any, **options: Any) -> None:
        self._checkpoint = checkpoint
        self._returned: Exception | None = None
        super().__init__(*args, **options)

    def _set_current_channel(self, new_channel: Any) -> None:
        changed = new_channel is not None and new_channel != self.channel
        super()._set_current_channel(new_channel)
        if changed:
            self._producer.publish = functools.partial(self._producer.publish, user_id=self._checkpoint.user_id)

    def _publish(self, exchange: Any, *args: Any, **options: Any) -> None:
        exchange.passive = exchange.passive or exchange.type == "topic"
        with self._heeding_refusals():
            super()._publish(exchange, *args, **options)

    def direct_send(self, msg_id: str, msg: Any) -> None:
        """Publish a reply to the queue ``msg_id``: MessageUndeliverable without a queue or when that refuses it."""
        exchange = _kombu.Exchange("", "direct", passive=True)
        self._ensure_publishing(self._publish_reply, exchange, msg, routing_key=msg_id, retry=REPLY_RETRIES)

    def _publish_reply(self, exchange: Any, msg: Any, queue: str, _timeout: Any, _options: Any) -> None:
        self.set_transport_socket_timeout(REPLY_S)
        try:
            with self._heeding_refusals():
                self._producer.publish(msg, mandatory=True, exchange=exchange, routing_key=queue)
        except TimeoutError:
            # A confirmation that still comes must not count for the next message. Closing would wait for the broker.
            self.connection.collect()
            raise _NotConfirmed(None, "", queue, None) from None
        finally:
            self.set_transport_socket_timeout()

    @contextlib.contextmanager
    def _heeding_refusals(self) -> Iterator[None]:
        """The driver takes a refusing queue for an unreachable broker, connects anew and publishes again, for ever."""
        self._returned = None
        try:
            yield
        except MessageNacked as error:
            raise QueueRefuses(error, None, None, None) from None
        if self._returned is not None:
            raise self._returned

    def on_return(self, exception: Any, exchange: Any, routing_key: Any, message: Any) -> None:
        """Note that the message has no queue. The driver raises that at once, and takes the confirmation, which
        follows, for that of the next message."""
        self._returned = messaging_exceptions.MessageUndeliverable(exception, exchange, routing_key, message)

    def declare_consumer(self, consumer: Any) -> Any:
        queue, is_topic, makes_queues = consumer.queue_name, consumer.type == "topic", self._checkpoint.makes_queues
        # Nobody here sends to all servers of a topic, and a host's agent is the only server of its own.
        if consumer.type == "fanout" or is_topic and not makes_queues and not self._checkpoint.is_topic(queue):
            return consumer
        if isinstance(consumer.callback, _driver.RpcAMQPListener):
            consumer.callback.message_cls = functools.partial(_Request, self._checkpoint.replies)
        consumer.exchange.passive = is_topic
        check = self._request if is_topic else self._reply
        consumer.callback = functools.partial(check, consumer.callback)
        inlet = self._checkpoint.inlet(queue) if is_topic else None
        # The driver declares a consumer again after each reconnection.
        if not makes_queues:
            consumer.declare = functools.partial(_find, consumer)
        elif inlet is not None:
            consumer.declare = functools.partial(_declare_with_inlet, consumer, consumer.declare, inlet)
        return super().declare_consumer(consumer)

    def consumers_of(self, queue: str) -> int:
        """How many consumers a queue has: QueueMissing, MessagingException when the broker does not answer in time."""
        found: list[int] = []

        def ask() -> None:
            self.set_transport_socket_timeout(REPLY_S)
            try:
                found.append(_consumers(self.channel, queue))
            finally:
                self.set_transport_socket_timeout()

        with self._connection_lock:
            self.ensure(ask, retry=REPLY_RETRIES)
        return found[-1]

    def _request(self, take: Callable[[Any], None], message: Any) -> None:
        known = self._checkpoint.request(_arrived(message))
        if known is None:
            message.acknowledge()
            return
        for name, value in known.items():
            message[messages.CONTEXT + name] = value
        _take(take, message)

    def _reply(self, take: Callable[[Any], None], message: Any) -> None:
        if self._checkpoint.reply(_arrived(message)):
            _take(take, message)
        else:
            message.acknowledge()


class _Request(_driver.AMQPIncomingMessage):  # type: ignore[name-defined,misc]
    """A request whose reply is tried in bounded time, and dropped when its queue does not take it."""

    def __init__(self, replies: Replies, *args: Any) -> None:
        super().__init__(*args)
        self._replies = replies
        # Nobody here asks for messages while a request is in work; each of them would be one more reply.
        self.client_timeout = None

    def reply(self, reply: Any = None, failure: Any = None) -> None:
        """Send the reply if the sender wants one; raises nothing."""
        if not self.orig_msg_id or self.reply_q is None:
            return
        if reply is NO_REPLY:
            self._replies.unasked(self.ctxt)
            return
        patience_s = self._replies.begin(self.ctxt, len(reply) if isinstance(reply, str) else 0)
        if patience_s is None:
            return
        delivery = Delivery.AWAY
        try:
            delivery = self._deliver(reply, failure, patience_s)
        except Exception as exc:  # noqa: BLE001 - the driver may raise anything; the caller's deadline ends its wait
            LOG.warning("cannot send a reply: %s", exc)
        finally:
            self._replies.ended(self.ctxt, delivery)

    def _deliver(self, reply: Any, failure: Any, patience_s: float) -> Delivery:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                with self.listener.driver._get_connection(retry=REPLY_RETRIES) as connection:
                    self._send_reply(connection, reply, failure)
                return Delivery.SENT
            except QueueRefuses:
                return Delivery.REFUSED
            except _NotConfirmed:
                return Delivery.LATE
            except messaging_exceptions.MessageUndeliverable:
                if time.monotonic() + MISSING_RETRY_S > deadline:
                    break
                time.sleep(MISSING_RETRY_S)
        if patience_s:
            self._obsolete_reply_queues.add(self.reply_q, self.msg_id)
        return Delivery.MISSING


def _declare_with_inlet(consumer: Any, declare: Callable[[Any], None], inlet: str, connection: Any) -> None:
    declare(connection)
    _kombu.Exchange(inlet, "fanout", durable=True, channel=connection.channel).declare()
    consumer.queue.bind_to(inlet)


def _find(consumer: Any, connection: Any) -> None:
    """Use the queue that the broker holds ready: QueueMissing without it, after a pause, because the driver's threads
    try again at once."""
    try:
        _consumers(connection.channel, consumer.queue_name)
    except QueueMissing:
        time.sleep(QUEUE_RETRY_S)
        raise
    consumer.queue = _kombu.Queue(consumer.queue_name, channel=connection.channel, no_declare=True)
    consumer._declared_on = connection.channel


def _consumers(channel: Any, queue: str) -> int:
    """How many consumers a queue has; QueueMissing."""
    try:
        return int(channel.queue_declare(queue, passive=True).consumer_count)
    except NotFound as error:
        raise QueueMissing(error, None, queue, None) from None


def _take(take: Callable[[Any], None], message: Any) -> None:
    """Give a message to the driver, which has acknowledged it when it fails: another answer would end the consumer."""
    try:
        take(message)
    except Exception as error:  # noqa: BLE001 - whatever a message holds, the next one is taken
        LOG.warning("a message is dropped: %s", error)


def _arrived(message: Any) -> Arrived:
    raw, reply_queue = message._raw_message, message.get(REPLY_QUEUE)
    user_id = raw.properties.get("user_id")
    return Arrived(user_id if isinstance(user_id, str) else None, len(raw.body or b""),
                   None if reply_queue is None else str(reply_queue), message.damage,
                   str(raw.delivery_info.get("exchange", "")))


def install_checkpoint(messaging: Any, checkpoint: Checkpoint) -> bool:
    """Let every message of a new transport pass ``checkpoint``; False if its driver is not that of RabbitMQ."""
    driver = messaging._driver
    if not isinstance(driver, _driver.AMQPDriverBase):
        return False
    driver._connection_pool.connection_cls = functools.partial(_CheckedConnection, checkpoint)
    driver._get_reply_queue_name = checkpoint.reply_queue
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


def consumers_of(messaging: Any, queue: str) -> int:
    """How many consumers the broker has for a queue; QueueMissing, MessagingException."""
    with messaging._driver._get_connection(retry=REPLY_RETRIES) as connection:
        return connection.consumers_of(queue)  # type: ignore[no-any-return]


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


__all__ = ["NO_REPLY", "Arrived", "Checkpoint", "Delivery", "QueueMissing", "QueueRefuses", "Replies",
           "consumers_of", "forget_missing_callers", "give_back_requests", "hidden_options", "install_checkpoint",
           "reply_queue_opener", "send_notification", "tune_listener", "use_executor"]
