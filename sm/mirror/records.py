# SPDX-License-Identifier: Apache-2.0
"""The lists that a node stores: what is in place, what is being put in place, and what both nodes had."""
from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.exec.atomic import replace_file
from sm.mirror import names
from sm.mirror.acceptance import Held
from sm.mirror.manifest import NONE, Entry, Generation, Manifest

LOG = logging.getLogger(__name__)
NUMBERS = 1_000
"""An active node stores how far it may count, so that no number is used twice."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The list of a generation, and the node whose it is."""

    origin: str = ""
    term: int = 0
    number: int = 0
    entries: tuple[Entry, ...] = ()


class Records:
    """The files ``current``, ``next`` and ``base``. A damaged one is set aside, and counts as absent."""

    def __init__(self, root: Path) -> None:
        self._own = root / names.OWN

    def held(self) -> Held:
        """Whose state this is, and its generation."""
        found = self.read("current")
        return Held("", NONE) if found is None else Held(found.origin, Generation(found.term, found.number))

    def reference(self, me: str, base: tuple[Entry, ...] | None) -> Manifest | None:
        """The last state that this node and the active one both had: ``base``, which the active one tells, if this node
        was active last; else what is stored here. None: nobody knows."""
        found = self.read("current")
        entries = base if found is not None and found.origin == me else found.entries if found is not None else None
        return None if entries is None else {entry.name: entry for entry in entries}

    def base(self, peer: str) -> tuple[Entry, ...] | None:
        """What this node had from ``peer`` when it became active; None when that was not from this node."""
        found = self.read("base")
        return found.entries if found is not None and found.origin == peer else None

    def begin_active(self, me: str, term: int) -> int:
        """This node becomes active in ``term``. Returns the number below which all numbers are used."""
        found = self.read("current") or Stored()
        if found.origin not in ("", me):
            self.write("base", found)
        self.reserve(me, Generation(term, found.number))
        return found.number

    def reserve(self, me: str, generation: Generation) -> None:
        """Store that this node is active, and may use numbers up to ``NUMBERS`` above that of ``generation``."""
        self.write("current", Stored(me, generation.term, generation.number + NUMBERS))

    def is_first(self, me: str) -> bool:
        """Whether the directory is that of a new system's first node, and nothing has been mirrored yet."""
        found = self.read("current")
        return found is not None and found.origin == me and found.term == 0

    def write(self, name: str, record: Stored) -> None:
        """Store a list; it is on the disk when this returns."""
        replace_file(self._own / name, codec_for(Stored).encode(record, name), 0o600)

    def read(self, name: str) -> Stored | None:
        """A list that is stored; None when there is none."""
        try:
            found: Stored = codec_for(Stored).decode((self._own / name).read_bytes(), name)
        except FileNotFoundError:
            return None
        except InvalidInput as error:
            LOG.error("%s is damaged, so nobody knows what was stored here: %s", self._own / name, error)
            (self._own / name).rename(self._own / f"damaged-{name}")
            return None
        return found
