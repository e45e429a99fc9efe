# SPDX-License-Identifier: Apache-2.0
"""What a directory holds, as a list of entries; its generation, its digest, and the rules that it keeps. Pure."""
from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flock.core.errors import InvalidInput
from sm.mirror import names

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?\Z")


class Kind(enum.StrEnum):
    """What an entry is. Nothing else is mirrored."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Entry:
    """``name``: see ``sm.mirror.names``. ``owner``, ``group``: names of accounts, or numbers where there is no name.
    ``size`` (bytes) and ``digest`` (SHA-256, hex) of a file; ``target`` of a link, written like a name."""

    name: str
    kind: Kind
    mode: int
    owner: str
    group: str
    size: int = 0
    digest: str = ""
    target: str = ""


Manifest = Mapping[str, Entry]
"""Entries by name."""


@dataclass(frozen=True, slots=True, order=True)
class Generation:
    """A state of the active node's directory. ``term``: of its lease. ``number`` only grows."""

    term: int
    number: int

    def __str__(self) -> str:
        return f"{self.term}.{self.number}"


NONE = Generation(0, 0)


@dataclass(frozen=True, slots=True)
class Limits:
    """``names_bytes``: of all names, accounts and targets together."""

    entries: int = 20_000
    file_bytes: int = 4 << 30
    total_bytes: int = 16 << 30
    names_bytes: int = 6 << 20


def manifest(entries: Iterable[Entry], limits: Limits) -> dict[str, Entry]:
    """The entries by name; InvalidInput names the entry and the rule that it breaks."""
    found: dict[str, Entry] = {}
    _add(found, entries, limits)
    _check_all(found, limits)
    return found


def _add(found: dict[str, Entry], entries: Iterable[Entry], limits: Limits) -> None:
    added: set[str] = set()
    for entry in entries:
        rule = broken(entry, limits)
        if rule or entry.name in added:
            raise InvalidInput(field=entry.name[:200], rule=rule or "must be there once")
        added.add(entry.name)
        found[entry.name] = entry


def _check_all(found: Manifest, limits: Limits) -> None:
    """The rules of a list whose single entries keep theirs."""
    if too_much(found, limits):
        raise InvalidInput(field="entries", rule=over(limits))
    for name in found:
        above = names.parent(name)
        if above and (above not in found or found[above].kind is not Kind.DIRECTORY):
            raise InvalidInput(field=name[:200], rule="must be in a directory of the list")


def too_much(found: Manifest, limits: Limits) -> bool:
    """Whether all entries together are more than may be mirrored."""
    return (len(found) > limits.entries or sum(entry.size for entry in found.values()) > limits.total_bytes
            or sum(map(weight, found.values())) > limits.names_bytes)


def over(limits: Limits) -> str:
    """The rule for all entries together."""
    return (f"must not be more than {limits.entries} entries, {limits.total_bytes} bytes of content and "
            f"{limits.names_bytes} bytes of names")


def weight(entry: Entry) -> int:
    """Bytes of the entry's words."""
    return len(entry.name) + len(entry.target) + len(entry.owner) + len(entry.group)


def broken(entry: Entry, limits: Limits) -> str:
    """The rule that one entry breaks; empty when it keeps them all."""
    rule = names.broken_name(entry.name)
    if rule:
        return rule
    if not 0 <= entry.mode <= 0o7777:
        return "mode must be from 0 to 0o7777"
    if not _ACCOUNT.match(entry.owner) or not _ACCOUNT.match(entry.group):
        return "owner and group must be names of accounts or numbers"
    if entry.kind is Kind.FILE:
        if entry.target or not _DIGEST.match(entry.digest):
            return "a file must have a SHA-256 digest and no target"
        return "" if 0 <= entry.size <= limits.file_bytes else f"must not be larger than {limits.file_bytes} bytes"
    if entry.size or entry.digest:
        return "only files must have a size and a digest"
    if entry.kind is Kind.LINK:
        return names.broken_target(entry.name, entry.target)
    return "only links must have a target" if entry.target else ""


def digest(entries: Manifest) -> str:
    """One word (SHA-256, hex) for all entries."""
    made = hashlib.sha256()
    for name in sorted(entries):
        made.update(line(entries[name]).encode())
        made.update(b"\n")
    return made.hexdigest()


def line(entry: Entry) -> str:
    """All of an entry as one line."""
    return (f"{entry.name}\0{entry.kind.value}\0{entry.mode:o}\0{entry.owner}\0{entry.group}\0{entry.size}\0"
            f"{entry.digest}\0{entry.target}")


def difference(have: Manifest, want: Manifest) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """What turns ``have`` into ``want``: entries that are new or differ, and names that are gone."""
    changed = tuple(entry for name, entry in want.items() if have.get(name) != entry)
    return changed, tuple(name for name in have if name not in want)


def applied(have: Manifest, changed: Iterable[Entry], removed: Iterable[str], limits: Limits) -> dict[str, Entry]:
    """The manifest ``have``, which keeps the rules, after a difference. InvalidInput when the result breaks a rule, or
    when what shall be removed is not there."""
    result = dict(have)
    for name in removed:
        if result.pop(name, None) is None:
            raise InvalidInput(field=name[:200], rule="must be there to be removed")
    _add(result, changed, limits)
    _check_all(result, limits)
    return result


def behind(have: Manifest, want: Manifest) -> tuple[int, int]:
    """Entries and bytes of content by which ``have`` is behind ``want``."""
    changed, removed = difference(have, want)
    stale = [entry for entry in changed if entry.kind is Kind.FILE
             and (entry.name not in have or have[entry.name].digest != entry.digest)]
    return len(changed) + len(removed), sum(entry.size for entry in stale)
