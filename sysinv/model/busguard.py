# SPDX-License-Identifier: Apache-2.0
"""Which host filled the memory of the message bus: pure rules.

RabbitMQ stops reading from everybody when its memory is full, and it holds a message that has not arrived completely
without any limit. So a host can stop the bus for all, and only the kernel knows how much each connection has sent.
"""
from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from flock.rpc.accounts import HOST_PREFIX, BusConnection
from sysinv.model.hostname import CONTROLLER_NAMES

# Less than this is no reason: the largest messages of a host's programs, a few times.
SUSPECT_BYTES = 64 * 1024 * 1024
# Commands that one host's connections may leave undone in the broker: the programs wait for most replies.
HELD_BYTES = 64 * 1024 * 1024
# A host's agents make one for each of their topics, whose names end in FANOUT. An exchange is made within a millisecond
# and holds its arguments in the broker's memory, many times as long; there is no limit on their number in RabbitMQ.
HOST_EXCHANGES_MAX, FANOUT = 64, "_fanout"
BARRED_S = 600.0
CONTROLLERS = frozenset(HOST_PREFIX + name for name in CONTROLLER_NAMES)
"""The accounts of the controllers' agents: no other host may have such a name."""
# One sample a minute, for an hour.
SAMPLE_S, HISTORY_MAX = 60.0, 60

Peer = tuple[str, int]
_RECEIVED = re.compile(r"\bbytes_received:(\d+)")


@dataclass(frozen=True, slots=True)
class Sample:
    """What each connection had sent at a moment of the monotonic clock."""

    at_s: float
    received: Mapping[Peer, int]


def received(text: str) -> dict[Peer, int]:
    """Bytes received from each peer, from the output of ``ss -tinHO state established``. Skips what it cannot read."""
    found: dict[Peer, int] = {}
    for line in text.splitlines():
        words, count = line.split(), _RECEIVED.search(line)
        peer = peer_of(words[3]) if len(words) > 3 else None
        if peer is not None and count is not None:
            found[peer] = int(count[1])
    return found


def peer_of(text: str) -> Peer | None:
    """Address and port of ``192.0.2.1:80`` or ``[::ffff:192.0.2.1]:80``; None for other text."""
    host, _, port = text.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return str(mapped or address), int(port)
    except ValueError:
        return None


def hoarders(owners: Mapping[str, str], held: Mapping[str, int], prefix: str) -> list[str]:
    """The accounts that begin with ``prefix`` and whose connections and queues hold HELD_BYTES together, the largest
    first. ``owners`` are the accounts by name of connection or queue.

    A command takes tens of bytes on the wire and hundreds in the broker, which reads on while it carries out others,
    and a message that is taken and not acknowledged a thousand. So somebody who sends little can fill the memory.
    """
    total: Counter[str] = Counter()
    for name, size in held.items():
        if (account := owners.get(name, "")).startswith(prefix):
            total[account] += size
    return [account for account, size in total.most_common() if size >= HELD_BYTES]


def unusual(exchanges: Iterable[str], exchange: str) -> list[str]:
    """The names of exchanges that neither the product's accounts nor its agents have; those of the former begin with
    ``exchange``."""
    return [name for name in exchanges if not name.startswith(exchange) and not name.endswith(FANOUT)]


def makers(exchanges: Iterable[str], owned: Mapping[str, str]) -> list[str]:
    """The accounts that have more than HOST_EXCHANGES_MAX of ``exchanges``; ``owned`` is a regular expression for the
    names of each account."""
    names = list(exchanges)
    return [account for account, pattern in owned.items()
            if sum(re.fullmatch(pattern, name) is not None for name in names) > HOST_EXCHANGES_MAX]


def suspects(connections: Iterable[BusConnection], before: Mapping[Peer, int], now: Mapping[Peer, int],
             prefix: str) -> list[str]:
    """The accounts that begin with ``prefix`` and sent SUSPECT_BYTES since ``before``, the largest sender first."""
    return [account for account, size in _grown(connections, before, now, prefix).most_common()
            if size >= SUSPECT_BYTES]


def candidates(connections: Iterable[BusConnection], history: Sequence[Sample], now: Mapping[Peer, int],
               prefix: str) -> list[tuple[str, int]]:
    """All accounts that begin with ``prefix`` and the bytes that they sent since the oldest of ``history``, the largest
    sender first.

    A host that fills the memory slowly is not among the suspects. Only what happens when its connections are closed
    tells it from the others.
    """
    oldest = history[0].received if history else {}
    return _grown(connections, oldest, now, prefix).most_common()


def search_order(found: Iterable[tuple[str, int]], last: Collection[str] = CONTROLLERS) -> list[tuple[str, int]]:
    """The order in which the connections of ``found`` (account, bytes sent) are closed to see who filled the memory.

    Those of the controllers' agents (``last``) come after all others: a search costs a host that is innocent its
    connections for a while, and without a controller's agents nobody repairs its services. Otherwise the largest sender
    comes first, as in ``found``.
    """
    return sorted(found, key=lambda each: each[0] in last)


def remembered(history: Sequence[Sample], sample: Sample) -> tuple[Sample, ...]:
    """The history with ``sample``, if the last one is old enough, and without what is too old."""
    if history and sample.at_s - history[-1].at_s < SAMPLE_S:
        return tuple(history)
    return (*history[-(HISTORY_MAX - 1):], sample)


def _grown(connections: Iterable[BusConnection], before: Mapping[Peer, int], now: Mapping[Peer, int],
           prefix: str) -> Counter[str]:
    grown: Counter[str] = Counter()
    for connection in connections:
        if connection.account.startswith(prefix):
            peer = peer_of(connection.name.partition(" -> ")[0])
            # A connection of which the kernel says nothing counts nothing, but its account is known.
            grown[connection.account] += now.get(peer, 0) - before.get(peer, 0) if peer is not None else 0
    return grown
