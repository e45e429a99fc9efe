# SPDX-License-Identifier: Apache-2.0
"""Accounts of the message bus: their names, who a message's sender is, and what the broker permits each account.

``host.<hostname>`` is the account of all agents of one host, ``service.<daemon>`` that of one kind of daemon on the
controllers. The broker refuses a message whose user id is not the account of its connection, so a user id that has
arrived is true. Pure: the broker's definitions, its management API and the tests use the same rules.
"""
from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass

EXCHANGE = "flock"
HOST_PREFIX = "host."
SERVICE_PREFIX = "service."
NOTHING = "^$"
HOST_REPLY_QUEUES = 12
"""Programs of one host that may wait for replies at the same time: three agents, and those that raise alarms."""
FRAME_BYTES_MAX = 8_192
"""Longest frame of the broker's connections. Messages take as many as they need; commands, and so the arguments of a
queue or binding, which the broker keeps in its memory and its definitions, must fit into one."""
HASHING = "rabbit_password_hashing_sha256"
SALT_BYTES = 4
# Those of oslo.messaging. Limits come from the broker's policies.
USUAL_ARGUMENTS = frozenset(("x-expires", "x-queue-type"))
# Letters, digits, dots and hyphens: what hostnames and names of daemons consist of.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_REPLY_QUEUE = re.compile(r"[0-9a-f]{1,64}")


class SenderKind(enum.Enum):
    """What kind of account a sender has."""

    HOST = "host"
    SERVICE = "service"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of a message; ``name`` is the hostname or the daemon, for an unknown sender its whole user id."""

    kind: SenderKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}" if self.name else "a sender without an account"


@dataclass(frozen=True, slots=True)
class Permissions:
    """Regular expressions of RabbitMQ for one account: on queues and exchanges, and on routing keys of the exchange
    of all topics."""

    configure: str
    write: str
    read: str
    topic_write: str
    topic_read: str


@dataclass(frozen=True, slots=True)
class Binding:
    """What the broker passes on from one exchange: to a queue, or to another exchange."""

    source: str
    destination: str
    to_queue: bool
    routing_key: str


@dataclass(frozen=True, slots=True)
class HostAccess:
    """Everything that the broker has for one host: its account with permissions and limits, exchange, and queues.

    The broker passes messages to ``topics`` on from ``requests``, the host's own exchange. ``exchange`` is that of all
    topics. ``agents`` are the topics of the host's agents, each with one queue of the same name. ``owned`` is a regular
    expression for the names of everything that programs of the host have used, also those of earlier releases, which
    made their queues themselves.
    """

    account: str
    exchange: str
    requests: str
    topics: tuple[str, ...]
    agents: tuple[str, ...]
    owned: str
    permissions: Permissions
    connections_max: int
    channels_max: int
    queues_max: int
    bindings_max: int

    @property
    def queues(self) -> tuple[str, ...]:
        """The names of the host's queues: those of its agents, and those in which its programs get replies."""
        return (*self.agents, *reply_queues(self.account))

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """From the host's exchange to the services, and from that of all topics to its agents.

        Nothing leads from the host to its own queues: what is taken there and not acknowledged has no limit.
        """
        return (*(Binding(self.requests, inlet(topic, self.exchange), False, topic) for topic in self.topics),
                *(Binding(self.exchange, topic, True, topic) for topic in self.agents))


@dataclass(frozen=True, slots=True)
class BusConnection:
    """A connection as the broker lists it: its name ("192.0.2.1:40001 -> 192.0.2.2:5671"), and its account."""

    name: str
    account: str


@dataclass(frozen=True, slots=True)
class StoredQueue:
    """A queue as the broker lists it; ``kind`` is classic, quorum or stream. ``arguments`` are the names of those with
    which it was declared."""

    name: str
    kind: str = "classic"
    arguments: frozenset[str] = frozenset()

    @property
    def is_usual(self) -> bool:
        """Whether a program of this project declares such a queue. Others may refuse messages, or pass them on."""
        return self.kind == "classic" and self.arguments <= USUAL_ARGUMENTS


def is_prepared(access: HostAccess, queues: Set[str], exchanges: Set[str], bindings: Set[Binding] | None) -> bool:
    """Whether the broker has all of the host's exchanges, queues and bindings; ``queues`` and ``exchanges`` are names,
    and ``bindings`` is None when those were not listed."""
    wanted = {access.requests, *(inlet(topic, access.exchange) for topic in access.topics)}
    return (queues >= set(access.queues) and wanted <= exchanges
            and (bindings is None or bindings >= set(access.bindings)))


def lost_inlets(topics: Iterable[str], queues: Set[str], bindings: Set[Binding], exchange: str = EXCHANGE
                ) -> list[Binding]:
    """The bindings of inlets to the queues of their topics that the broker lacks; ``queues`` are names.

    A service makes them together with its queue, and hears its own messages without them.
    """
    wanted = (Binding(inlet(topic, exchange), topic, True, "") for topic in topics)
    return [binding for binding in wanted if binding.destination in queues and binding not in bindings]


def stray(access: HostAccess, queues: Iterable[StoredQueue], exchanges: Iterable[str], bindings: Mapping[str, int]
          ) -> tuple[list[str], list[str]]:
    """The queues and exchanges under the host's names that its programs never make.

    ``bindings`` are their numbers by queue or exchange. All of the host's queues and exchanges are stray when they are
    more than ``queues_max``, or have more than ``bindings_max``: the programs make theirs again.
    """
    own = re.compile(access.owned)
    mine = [queue for queue in queues if own.fullmatch(queue.name)]
    places = [name for name in exchanges if own.fullmatch(name)]
    bound = sum(bindings.get(name, 0) for name in (*(queue.name for queue in mine), *places))
    if len(mine) > access.queues_max or bound > access.bindings_max:
        return [queue.name for queue in mine], places
    return ([queue.name for queue in mine if not queue.is_usual],
            [name for name in places if not name.endswith("_fanout")])


def strays(accesses: Collection[HostAccess], queues: Iterable[StoredQueue], exchanges: Iterable[str],
           bindings: Mapping[str, int]) -> dict[str, tuple[list[str], list[str]]]:
    """``stray`` for each of the accounts that have any.

    What the broker holds ready for hosts is found by its name, and only the rest is compared with each host's pattern:
    two hundred hosts have three thousand queues.
    """
    found = {queue.name: queue for queue in queues}
    ready = {name for access in accesses for name in access.queues}
    rest = [queue for name, queue in found.items() if name not in ready]
    places = set(exchanges).difference(access.requests for access in accesses)
    all_of = ((access.account, stray(access, [*(found[name] for name in access.queues if name in found), *rest],
                                     places, bindings)) for access in accesses)
    return {account: names for account, names in all_of if any(names)}


def host_account(hostname: str) -> str:
    """The account of a host's agents; ValueError for text that cannot be a hostname."""
    return HOST_PREFIX + _checked(hostname)


def service_account(daemon: str) -> str:
    """The account of a kind of daemon; ValueError for text that cannot be the name of one."""
    return SERVICE_PREFIX + _checked(daemon)


def sender_of(user_id: str | None) -> Sender:
    """Who sent a message with this broker-validated user id; None stands for a message without one."""
    for prefix, kind in ((HOST_PREFIX, SenderKind.HOST), (SERVICE_PREFIX, SenderKind.SERVICE)):
        if user_id is not None and user_id.startswith(prefix) and _NAME.fullmatch(user_id[len(prefix):]):
            return Sender(kind, user_id[len(prefix):])
    return Sender(SenderKind.UNKNOWN, (user_id or "")[:64])


def sender_to(exchange: str) -> Sender:
    """Who sent a message to ``exchange``: only a host may write to its own. Unknown for those of others."""
    found = sender_of(exchange.partition(".")[2])
    return found if found.kind is SenderKind.HOST else sender_of(None)


def reply_prefix(account: str) -> str:
    """The beginning of the names of all reply queues of ``account``."""
    return f"reply_{account}_"


def reply_queues(account: str) -> tuple[str, ...]:
    """The reply queues that the broker holds ready for the programs of a host; each program takes one for itself."""
    return tuple(f"{reply_prefix(account)}{number:x}" for number in range(HOST_REPLY_QUEUES))


def is_reply_queue(name: str, account: str) -> bool:
    """Whether ``name`` can be that of a reply queue which a program with ``account`` made."""
    begin = reply_prefix(account)
    return name.startswith(begin) and _REPLY_QUEUE.fullmatch(name[len(begin):]) is not None


def topic_of_host(topic: str, hostname: str) -> str:
    """The topic of one host's agent; all its queues and its fanout exchange lie below this name."""
    return f"{topic}.{hostname}"


def requests_exchange(account: str, exchange: str = EXCHANGE) -> str:
    """The exchange to which ``account`` sends requests.

    A host has one of its own. The broker binds it to the inlets of the topics to which hosts send, and its agents
    bind their queues to it. So no header, binding, dead letter or alternate exchange that the host makes carries
    a message anywhere else.
    """
    return f"{exchange}.{account}" if sender_of(account).kind is SenderKind.HOST else exchange


def inlet(topic: str, exchange: str = EXCHANGE) -> str:
    """The exchange through which the requests of hosts reach the shared queue of a service's topic.

    It looks at no routing key, so the other keys of a message (header ``CC``) lead nowhere.
    """
    return f"{exchange}.to.{topic}"


def host_permissions(account: str, topics: Iterable[str], exchange: str = EXCHANGE) -> Permissions:
    """What the agents of one host need: to read their queues, and to write to the host's own exchange.

    ``topics`` are those of the agents. A host makes nothing in the broker: whoever can make a queue can make an
    exchange of any type with any binding under its name, and RabbitMQ limits neither their number nor what matching a
    message costs. An agent cannot write to the default exchange, so it sends no replies and cannot forge any.
    """
    replies = rf"{re.escape(reply_prefix(account))}[0-9a-f]+"
    return Permissions(configure=NOTHING, write=_one_of([re.escape(requests_exchange(account, exchange))]),
                       read=_one_of([*map(re.escape, topics), replies]), topic_write=NOTHING, topic_read=NOTHING)


def host_names(hostname: str, topics: Iterable[str]) -> str:
    """A regular expression for all names of queues and exchanges of a host whose agents have ``topics``."""
    return _one_of(_own_queues(host_account(hostname), topics, hostname))


def service_permissions(daemon: str, serves: Iterable[str], calls: Iterable[str], agents: Iterable[str],
                        exchange: str = EXCHANGE) -> Permissions:
    """What a kind of daemon needs: the queues of the topics that it serves, requests to these and to the topics that
    it calls, requests to the hosts' agents whose topics are ``agents``, and replies.

    Only the first barrier: a header ``CC`` or an exchange under the names of the own queues carries a message to any
    topic, so each server checks the sender too (see ``flock.rpc.gate``).
    """
    topics = list(serves)
    own = _own_queues(service_account(daemon), topics, r"[A-Za-z0-9-]+", name_is_pattern=True)
    keys = [rf"{re.escape(topic)}(\.[A-Za-z0-9-]+)?" for topic in topics]
    inlets = [re.escape(inlet(topic, exchange)) for topic in topics]
    called = [rf"{re.escape(topic)}(\.[A-Za-z0-9-]+)?" for topic in calls]
    return Permissions(
        configure=_one_of([*own, *inlets]), write=_one_of([*own, re.escape(exchange), r"amq\.default"]),
        read=_one_of([*own, *inlets, re.escape(exchange)]), topic_read=_one_of(keys),
        topic_write=_one_of([*keys, *called, *(rf"{re.escape(topic)}\.[A-Za-z0-9.-]+" for topic in agents)]))


def broker_hash(password: str, salt: bytes) -> str:
    """RabbitMQ's salted form of a password: base64(salt + sha256(salt + password)). ``salt`` has SALT_BYTES bytes."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def is_broker_hash(text: str) -> bool:
    """Whether ``text`` has the form of ``broker_hash``."""
    try:
        return len(base64.b64decode(text, validate=True)) == SALT_BYTES + hashlib.sha256().digest_size
    except (binascii.Error, ValueError):
        return False


def _own_queues(account: str, topics: Iterable[str], server: str, *, name_is_pattern: bool = False) -> list[str]:
    name = server if name_is_pattern else re.escape(server)
    return [rf"{re.escape(reply_prefix(account))}[0-9a-f]+",
            *(rf"{re.escape(topic)}(\.{name}|_fanout(_[0-9a-f]+)?)?" for topic in topics)]


def _one_of(patterns: Iterable[str]) -> str:
    found = "|".join(patterns)
    return f"^({found})$" if found else NOTHING


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of an account of the message bus")
    return name
