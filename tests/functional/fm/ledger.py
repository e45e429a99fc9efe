# SPDX-License-Identifier: Apache-2.0
"""What writers asked for and what became of it, compared with the stored events and the active alarms. Pure."""
from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Pair = tuple[str, str]


class Fate(enum.Enum):
    """What a writer knows of its request."""

    ACKNOWLEDGED = "acknowledged"
    SPOOLED = "spooled"
    UNKNOWN = "unknown"


class Action(enum.Enum):
    """What was asked for; set and log carry a text that no other request has."""

    SET = "set"
    CLEAR = "clear"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. ``private``: nobody else asks anything about the pair. ``count``: how many alarms were cleared,
    for an acknowledged clear."""

    writer: str
    action: Action
    pair: Pair
    text: str
    fate: Fate
    private: bool
    count: int = 0


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event in the order of its number."""

    state: str
    pair: Pair
    text: str


def complaints(asked: Sequence[Asked], events: Sequence[StoredEvent], active: Iterable[tuple[Pair, str]]) -> list[str]:
    """Every way in which the store differs from what the writers were promised; empty when all is well.

    ``asked`` holds each writer's requests in the order of its calls; ``active`` are (pair, text) of the alarms.
    """
    return [*_once(asked, events), *_in_order(asked, events), *_clears(asked, events), *_private_spools(asked, events),
            *_replayed(events, active)]


def _once(asked: Sequence[Asked], events: Sequence[StoredEvent]) -> list[str]:
    """Acknowledged and spooled sets and logs are there exactly once, unknown ones at most once, and nothing else."""
    times = Counter(event.text for event in events if event.state in ("set", "log"))
    found = []
    known = set()
    for request in asked:
        if request.action is Action.CLEAR:
            continue
        known.add(request.text)
        stored = times[request.text]
        if stored > 1 or (stored == 0 and request.fate is not Fate.UNKNOWN):
            found.append(f"{request.fate.value} {request.action.value} {request.text} is stored {stored} times")
    return found + [f"nobody asked for {text}" for text in times if text not in known]


def _in_order(asked: Sequence[Asked], events: Sequence[StoredEvent]) -> list[str]:
    """What one writer asked for about one pair is stored in the order of its calls."""
    place = {event.text: number for number, event in enumerate(events) if event.state in ("set", "log")}
    last: dict[tuple[str, Pair], int] = {}
    found = []
    for request in asked:
        if request.action is Action.CLEAR or request.fate is Fate.UNKNOWN or request.text not in place:
            continue
        key = (request.writer, request.pair)
        if place[request.text] < last.get(key, -1):
            found.append(f"{request.text} is stored before an earlier request about {request.pair}")
        last[key] = place[request.text]
    return found


def _clears(asked: Sequence[Asked], events: Sequence[StoredEvent]) -> list[str]:
    """As many clear events as acknowledged clears told, and not more than unknown and spooled ones explain."""
    told: Counter[Pair] = Counter()
    possible: Counter[Pair] = Counter()
    for request in asked:
        if request.action is Action.CLEAR:
            sure = request.fate is Fate.ACKNOWLEDGED
            told[request.pair] += request.count if sure else 0
            possible[request.pair] += request.count if sure else 1
    stored = Counter(event.pair for event in events if event.state == "clear")
    return [f"{stored[pair]} clears of {pair}, between {told[pair]} and {possible[pair]} were asked for"
            for pair in {*stored, *possible} if not told[pair] <= stored[pair] <= possible[pair]]


def _private_spools(asked: Sequence[Asked], events: Sequence[StoredEvent]) -> list[str]:
    """Where one spool alone speaks of a pair, the events are exactly what its requests make one after the other."""
    stored: Mapping[Pair, list[tuple[str, str]]] = _by_pair(events)
    expected: dict[Pair, list[tuple[str, str]]] = defaultdict(list)
    present: dict[Pair, str] = {}
    for request in asked:
        if not request.private or request.fate is not Fate.SPOOLED:
            continue
        story = expected[request.pair]
        if request.action is Action.CLEAR:
            if request.pair in present:
                story.append(("clear", present.pop(request.pair)))
        else:
            story.append((request.action.value, request.text))
            if request.action is Action.SET:
                present[request.pair] = request.text
    return [f"events of {pair} are {_difference(story, stored.get(pair, []))}"
            for pair, story in expected.items() if story != stored.get(pair, [])]


def _replayed(events: Sequence[StoredEvent], active: Iterable[tuple[Pair, str]]) -> list[str]:
    """The events told one after the other end in exactly the alarms that are active."""
    present: dict[Pair, str] = {}
    found = []
    for event in events:
        if event.state == "set":
            present[event.pair] = event.text
        elif event.state == "clear" and present.pop(event.pair, None) != event.text:
            found.append(f"clear of {event.pair} with {event.text} does not fit the events before it")
    alarms = list(active)
    if len({pair for pair, _ in alarms}) != len(alarms):
        found.append("a pair is active twice")
    differing = present.items() ^ dict(alarms).items()
    return found + [f"events and alarms differ: {item}" for item in sorted(differing)]


def _by_pair(events: Iterable[StoredEvent]) -> dict[Pair, list[tuple[str, str]]]:
    grouped: dict[Pair, list[tuple[str, str]]] = defaultdict(list)
    for event in events:
        grouped[event.pair].append((event.state, event.text))
    return grouped


def _difference(expected: list[tuple[str, str]], stored: list[tuple[str, str]]) -> str:
    for number, (wanted, have) in enumerate(zip(expected, stored, strict=False)):
        if wanted != have:
            return f"different at {number}: {wanted} expected, {have} stored"
    return f"{len(stored)} instead of {len(expected)}"
