# SPDX-License-Identifier: Apache-2.0
"""The steps that turn one manifest into another, in an order in which each file is old or new at every moment. Pure."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sm.mirror import names
from sm.mirror.manifest import Entry, Kind, Manifest, difference, line


@dataclass(frozen=True, slots=True)
class Plan:
    """In this order: ``clear`` what stands in the way of another kind of entry, deepest first; make or change
    ``directories``, parents first; put ``files`` and ``links`` in place; ``remove`` what is gone, deepest first."""

    clear: tuple[str, ...] = ()
    directories: tuple[Entry, ...] = ()
    files: tuple[Entry, ...] = ()
    links: tuple[Entry, ...] = ()
    remove: tuple[str, ...] = ()


def plan(have: Manifest, want: Manifest) -> Plan:
    """The steps from ``have`` to ``want``."""
    changed, removed = difference(have, want)
    # A file and a link replace each other by one rename; a directory and another kind cannot.
    in_the_way = {entry.name for entry in changed if entry.name in have
                  and have[entry.name].kind is not entry.kind and Kind.DIRECTORY in (entry.kind, have[entry.name].kind)}
    below = {name for name in removed if _is_below(name, in_the_way)}
    return Plan(
        _deepest_first(in_the_way | below),
        tuple(sorted(_of(changed, Kind.DIRECTORY), key=lambda entry: (names.depth(entry.name), entry.name))),
        _of(changed, Kind.FILE), _of(changed, Kind.LINK),
        _deepest_first(set(removed) - below))


def staged_name(entry: Entry) -> str:
    """The name under which a file waits until it is put in place; it depends on all of the entry."""
    return hashlib.sha256(line(entry).encode()).hexdigest()[:40]


def sources(have: Manifest) -> dict[str, str]:
    """The name of a local file for each digest: content that need not be fetched."""
    return {entry.digest: name for name, entry in have.items() if entry.kind is Kind.FILE}


def unacknowledged(have: Manifest, reference: Manifest | None, want: Manifest) -> tuple[str, ...]:
    """Files of this node that would be lost: neither as in ``reference``, the last state that both nodes had, nor as
    in ``want``. Without a reference, all files that differ."""
    return tuple(name for name, entry in have.items() if entry.kind is Kind.FILE
                 and (name not in want or want[name].digest != entry.digest)
                 and (reference is None or name not in reference or reference[name].digest != entry.digest))


def _of(entries: tuple[Entry, ...], kind: Kind) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.kind is kind)


def _deepest_first(found: set[str]) -> tuple[str, ...]:
    return tuple(sorted(found, key=lambda name: (-names.depth(name), name)))


def _is_below(name: str, tops: set[str]) -> bool:
    above = names.parent(name)
    while above:
        if above in tops:
            return True
        above = names.parent(above)
    return False
