# SPDX-License-Identifier: Apache-2.0
"""What a sender may do: how much each host may send, and which requests a server takes from whom.

``Gate`` sees each message before it is decoded; ``Permit`` compares a decoded request with the declaration of its
interface. Services are not limited: they are part of the system.
"""
from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flock.core.errors import Unavailable
from flock.foreign.messaging import Arrived
from flock.rpc import metrics
from flock.rpc.accounts import Sender, SenderKind, is_reply_queue, sender_of, sender_to
from flock.rpc.errors import HostUnknown, SenderRefused, TooManyMessages
from flock.rpc.interface import InterfaceSpec, MethodSpec
from flock.rpc.refusals import Refusals

LOG = logging.getLogger(__name__)
SENDER = "flock_sender"
OVER = "flock_sender_over"
# One line per sender and reason in this time.
LOG_EVERY_S = 60.0
SENDERS_MAX = 4096

HostnameOf = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Rates:
    """What one host may send: messages, bytes and requests per second for long, and at once.

    ``requests`` are the elements of messages that carry many; other messages do not count here. ``seconds`` are those
    in which threads work for the host: some requests take a thousand times as long as others.
    """

    messages_per_s: float
    messages_burst: float
    bytes_per_s: float
    bytes_burst: float
    requests_per_s: float = 500
    requests_burst: float = 10_000
    seconds_per_s: float = 4
    seconds_burst: float = 120

    @classmethod
    def of(cls, options: Any) -> Rates:
        """The rates of the options in ``[rpc]``."""
        return cls(options.host_messages_per_s, options.host_messages_burst, options.host_bytes_per_s,
                   options.host_bytes_burst, options.host_requests_per_s, options.host_requests_burst,
                   options.host_seconds_per_s, options.host_seconds_burst)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left of a sender's burst at ``at_s``; below zero it is over its share."""

    messages: float
    bytes: float
    at_s: float
    requests: float
    seconds: float


def fill(rates: Rates, now_s: float) -> Bucket:
    """The bucket of a sender that was quiet."""
    return Bucket(rates.messages_burst, rates.bytes_burst, now_s, rates.requests_burst, rates.seconds_burst)


def refill(bucket: Bucket, rates: Rates, now_s: float) -> Bucket:
    """The bucket with what the time since its last use added, at most a burst."""
    passed_s = max(0.0, now_s - bucket.at_s)
    return Bucket(min(rates.messages_burst, bucket.messages + passed_s * rates.messages_per_s),
                  min(rates.bytes_burst, bucket.bytes + passed_s * rates.bytes_per_s), now_s,
                  min(rates.requests_burst, bucket.requests + passed_s * rates.requests_per_s),
                  min(rates.seconds_burst, bucket.seconds + passed_s * rates.seconds_per_s))


def take(bucket: Bucket, size: int, rates: Rates, now_s: float) -> Bucket:
    """The bucket after one more message of ``size`` bytes. What is owed is at most one burst."""
    full = refill(bucket, rates, now_s)
    return replace(full, messages=max(-rates.messages_burst, full.messages - 1),
                   bytes=max(-rates.bytes_burst, full.bytes - size))


def charge(bucket: Bucket, number: int, rates: Rates, now_s: float) -> Bucket | None:
    """The bucket after ``number`` requests; None when earlier ones are not made up for yet, so that these are refused.

    Requests that are refused do not count: a host that repeats them until they are accepted gets its full rate. The
    last accepted ones may exceed what is left, so that no number is too large for ever. What is owed is at most one
    burst.
    """
    full = refill(bucket, rates, now_s)
    return None if full.requests < 0 else replace(full, requests=max(-rates.requests_burst, full.requests - number))


def spend(bucket: Bucket, seconds: float, rates: Rates, now_s: float) -> Bucket:
    """The bucket after a thread has worked so long for the sender. What is owed is at most one burst."""
    full = refill(bucket, rates, now_s)
    return replace(full, seconds=max(-rates.seconds_burst, full.seconds - seconds))


def is_over(bucket: Bucket) -> bool:
    """Whether the sender is over its share, so that its request is refused."""
    return bucket.messages < 0 or bucket.bytes < 0 or bucket.seconds < 0


def is_flood(bucket: Bucket, rates: Rates) -> bool:
    """Whether the sender goes on although refused: it is over by a tenth of a burst, and gets no more replies."""
    return bucket.messages < -rates.messages_burst / 10 or bucket.bytes < -rates.bytes_burst / 10


class Shares:
    """The buckets of all hosts; used from any thread."""

    def __init__(self, rates: Rates, clock: Callable[[], float]) -> None:
        self._rates = rates
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}

    def take(self, name: str, size: int) -> Bucket:
        """The host's bucket after one more message of ``size`` bytes."""
        now_s = self._clock()
        with self._lock:
            if len(self._buckets) >= SENDERS_MAX and name not in self._buckets:
                # A bucket that has filled up again says no more than an absent one.
                self._buckets = {known: bucket for known, bucket in self._buckets.items()
                                 if refill(bucket, self._rates, now_s) != fill(self._rates, now_s)}
            bucket = take(self._buckets.get(name, fill(self._rates, now_s)), size, self._rates, now_s)
            self._buckets[name] = bucket
            return bucket

    def spend(self, name: str, seconds: float) -> None:
        """Count the time of a thread for the host."""
        now_s = self._clock()
        with self._lock:
            self._buckets[name] = spend(self._buckets.get(name, fill(self._rates, now_s)), seconds, self._rates, now_s)

    def charge(self, name: str, number: int) -> bool:
        """Whether a host may have ``number`` requests more applied; counts them if so. 0 only asks."""
        now_s = self._clock()
        with self._lock:
            after = charge(self._buckets.get(name, fill(self._rates, now_s)), number, self._rates, now_s)
            if after is not None:
                self._buckets[name] = after
        return after is not None

    def over(self) -> list[str]:
        """The hosts that are over their share now, sorted."""
        now_s = self._clock()
        with self._lock:
            return sorted(name for name, bucket in self._buckets.items()
                          if is_over(refill(bucket, self._rates, now_s)))


class Gate:
    """Decides on each message of a transport before its content is used; the listeners' threads share it.

    ``refusals`` counts what was refused of hosts, here and later.
    """

    def __init__(self, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self.refusals = Refusals()
        self._rates = rates
        self._clock = clock
        self._shares = Shares(rates, clock)
        self._lock = threading.Lock()
        self._logged: dict[tuple[str, str], float] = {}
        self._working: Counter[str] = Counter()

    def request(self, arrived: Arrived) -> dict[str, Any] | None:
        """What the context of a request gets: its sender and whether that is over its share. None drops it."""
        sender = sender_of(arrived.user_id)
        if arrived.user_id is None:
            self._dropped(sender_to(arrived.exchange), "a request without a user id")
            return None
        if arrived.reply_queue is not None and not is_reply_queue(arrived.reply_queue, arrived.user_id):
            self._dropped(sender, "a request that wants its reply sent to another's queue")
            return None
        over = False
        if sender.kind is SenderKind.HOST:
            bucket = self._shares.take(sender.name, arrived.size)
            over = is_over(bucket)
            if over and (arrived.reply_queue is None or is_flood(bucket, self._rates)):
                self._dropped(sender, "a request beyond the sender's share")
                return None
        if arrived.damage:
            self._dropped(sender, f"a request {arrived.damage}")
            return None
        return {SENDER: arrived.user_id, OVER: over}

    def admit(self, hostname: str, number: int) -> bool:
        """Whether a host may have ``number`` requests more applied; counts them if so. 0 only asks."""
        return self._shares.charge(hostname, number)

    @contextlib.contextmanager
    def in_work(self, sender: Sender, most: int) -> Iterator[None]:
        """While a thread works for a request. Unavailable when the sender is a host that has ``most`` in work: what it
        costs is known only when it ends, and by then one host could hold all threads."""
        if sender.kind is not SenderKind.HOST:
            yield
            return
        with self._lock:
            number = self._working[sender.name]
            if number < most:
                self._working[sender.name] += 1
        if number >= most:
            raise Unavailable(service="server", reason=f"it works for {number} requests of {sender} already")
        try:
            yield
        finally:
            with self._lock:
                self._working[sender.name] -= 1
                if not self._working[sender.name]:
                    del self._working[sender.name]

    def spent(self, sender: Sender, seconds: float) -> None:
        """A thread has worked for a request so long. It counts for a host; see ``Rates``."""
        if sender.kind is SenderKind.HOST:
            self._shares.spend(sender.name, seconds)

    def reply(self, arrived: Arrived) -> bool:
        """Whether to take a message from the reply queue: only services reply."""
        sender = sender_of(arrived.user_id)
        if sender.kind is SenderKind.SERVICE and not arrived.damage:
            return True
        self._dropped(sender, f"a reply {arrived.damage or 'of a sender that serves nothing'}")
        return False

    def over(self) -> list[str]:
        """The hosts that are over their share now, sorted."""
        return self._shares.over()

    def _dropped(self, sender: Sender, what: str) -> None:
        metrics.DROPPED.labels(sender.kind.value).inc()
        self.note(sender, f"dropped {what}")

    def note(self, sender: Sender, what: str, is_refusal: bool = True) -> None:
        """Log this unless the same was logged within LOG_EVERY_S; count it as a refusal of a host if it is one."""
        if is_refusal and sender.kind is SenderKind.HOST:
            self.refusals.note(sender.name, what)
        now_s, key = self._clock(), (str(sender), what)
        with self._lock:
            is_new = now_s - self._logged.get(key, -LOG_EVERY_S) >= LOG_EVERY_S
            if is_new:
                if len(self._logged) >= SENDERS_MAX:
                    self._logged.clear()
                self._logged[key] = now_s
        if is_new:
            LOG.warning("%s, of %r", what, str(sender))


@dataclass(frozen=True, slots=True)
class Permit:
    """The rule of one method: who may send it, about which hosts, and how many requests of a host ``gate`` admits."""

    interface: InterfaceSpec
    method: MethodSpec
    hostname_of: HostnameOf | None
    gate: Gate

    @property
    def namespace(self) -> str:
        """The interface's name."""
        return self.interface.namespace

    def sender(self, context: Mapping[str, Any], own_account: str) -> Sender:
        """The sender of a request whose arguments are not decoded yet. SenderRefused, TooManyMessages.

        ``own_account`` is the server's. Who has it can read the server's requests anyway, so it may send all of them;
        where all daemons share one account, they may send everything to each other.
        """
        sender = sender_of(context.get(SENDER))
        if not self._permits(sender, context.get(SENDER) == own_account):
            raise self._refused(sender, "at all")
        if context.get(OVER):
            raise TooManyMessages(service=self.namespace, reason=str(sender))
        self._charge(sender, 0)
        return sender

    def check(self, sender: Sender, arguments: Mapping[str, Any]) -> None:
        """SenderRefused when a host speaks of something else than itself, TooManyMessages when it sent too much."""
        self._check_about(sender, arguments)
        if self.method.weight is not None:
            self._charge(sender, self.method.weight(arguments))

    def _charge(self, sender: Sender, number: int) -> None:
        is_limited = self.method.weight is not None and sender.kind is SenderKind.HOST
        if is_limited and not self.gate.admit(sender.name, number):
            raise TooManyMessages(service=self.namespace, reason=str(sender))

    def _check_about(self, sender: Sender, arguments: Mapping[str, Any]) -> None:
        about = self.method.about
        if sender.kind is SenderKind.SERVICE or about is None or about.hosts is None:
            return
        for host in about.hosts(arguments):
            name = host
            if about.by_uuid:
                name = None if host is None or self.hostname_of is None else self.hostname_of(host)
            if name != sender.name:
                raise self._refused(sender, f"about {str(host)[:64]!r}", HostUnknown if name is None else SenderRefused)

    def _permits(self, sender: Sender, is_own: bool) -> bool:
        if sender.kind is SenderKind.HOST:
            about = self.method.about
            return self.interface.speaks_for == "host" and about is not None and about.hosts is not None
        return sender.kind is SenderKind.SERVICE and (is_own or sender.name in (self.method.callers or ()))

    def _refused(self, sender: Sender, about: str, kind: type[SenderRefused] = SenderRefused) -> SenderRefused:
        return kind(sender=str(sender), request=f"{self.namespace}.{self.method.name}", about=about)
