# SPDX-License-Identifier: Apache-2.0
"""What the daemon asks of replicated data: who stores it, and that no write is acknowledged too early.

The data has parts, such as the database and the platform directory. Each is replicated in its own way and answers as a
``Part``; the guard joins the answers and keeps the order that holds for all of them.
"""
from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.exec.atomic import replace_file

LOG = logging.getLogger(__name__)
NOTHING_PROVEN = -1
"""No order of this daemon is known to be in force."""


class Part(Protocol):
    """One kind of replicated data on this node. Every method answers at once from what was seen last; what takes time
    happens in another thread or process."""

    name: str

    def open(self) -> None:
        """Begin to look. Called once, in the daemon's event loop."""

    async def close(self) -> None:
        """Stop looking. The data goes on being replicated, and the last order stays in force."""

    def first_members(self) -> frozenset[str]:
        """The nodes whose data is current on a system that has no record yet. Called before ``open``; may wait for the
        disk, and for nothing else."""

    def require(self, nodes: frozenset[str], order: int) -> None:
        """Acknowledge a write only after each of ``nodes`` (never this node itself) has stored it; from now on if that
        is possible at once, else soon. ``order`` counts up. The guard has written the order to its file before."""

    def enforced(self) -> int:
        """The greatest order that certainly holds: no write is acknowledged, from a moment in the past on, before all
        nodes of this order have stored it, and all earlier writes too. ``NOTHING_PROVEN`` before the first proof."""

    def in_sync(self) -> frozenset[str]:
        """The other nodes that have all of this node's data and get every change now. Empty while nothing was seen
        lately: no evidence is not evidence."""

    def problems(self) -> tuple[str, ...]:
        """What is wrong, in sentences for an operator."""


@dataclass(frozen=True, slots=True)
class Required:
    """The content of the guard's file: the nodes that must have stored a write before it is acknowledged."""

    nodes: tuple[str, ...] = ()


def read_required(path: Path) -> frozenset[str] | None:
    """The nodes that the guard's file names; None when it cannot be read, which means every node.

    Programs that make data writable read it, since the server that they start must obey the order from its first write.
    """
    try:
        found: Required = codec_for(Required).decode(path.read_bytes(), path.name)
    except FileNotFoundError:
        return None
    except (OSError, InvalidInput) as error:
        LOG.warning("%s cannot be read, so every node is required: %s", path, error)
        return None
    return frozenset(found.nodes)


class DataGuard(Protocol):
    """The replicated data of this node, as a whole. See ``Part``."""

    def open(self) -> None: ...
    async def close(self) -> None: ...
    def first_members(self) -> frozenset[str]: ...

    def ordered(self, known: bool) -> frozenset[str]:
        """The nodes that the daemon before has required last. ``known``: there was one."""

    def require(self, nodes: frozenset[str], order: int) -> None: ...
    def enforced(self) -> int: ...
    def in_sync(self) -> frozenset[str]: ...
    def problems(self) -> tuple[str, ...]: ...


class NoData:
    """For catalogues without replicated data: every node is current at all times, and every order in force at once."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        self._nodes, self._order = frozenset(nodes), NOTHING_PROVEN

    def open(self) -> None:
        """Nothing to look at."""

    async def close(self) -> None:
        """Nothing is held."""

    def first_members(self) -> frozenset[str]:
        """All nodes."""
        return self._nodes

    def ordered(self, known: bool) -> frozenset[str]:
        """There is nothing to acknowledge."""
        return frozenset()

    def require(self, nodes: frozenset[str], order: int) -> None:
        """There is nothing to acknowledge."""
        self._order = order

    def enforced(self) -> int:
        """The last order."""
        return self._order

    def in_sync(self) -> frozenset[str]:
        """All nodes."""
        return self._nodes

    def problems(self) -> tuple[str, ...]:
        """Nothing can be wrong."""
        return ()


class Unproven:
    """A part that nothing here can look at: no other node is ever current, so none takes over by itself.

    Who shall be active first, or after a failure of the active node, is an operator's word: ``sm force-active
    --accept-loss``.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self) -> None:
        """Nothing can be looked at."""

    async def close(self) -> None:
        """Nothing is held."""

    def first_members(self) -> frozenset[str]:
        """Nobody."""
        return frozenset()

    def require(self, nodes: frozenset[str], order: int) -> None:
        """Nobody is ever required but the node itself, whose record names nobody else."""

    def enforced(self) -> int:
        """Nothing."""
        return NOTHING_PROVEN

    def in_sync(self) -> frozenset[str]:
        """Nobody."""
        return frozenset()

    def problems(self) -> tuple[str, ...]:
        """That nobody looks."""
        return ("nothing here can look at this data, so no node is promoted without an operator's word",)


class Guard:
    """All parts together, one at least. ``path``: the guard's file. ``others``: the nodes but this one.

    A part without evidence keeps every other node out.
    """

    def __init__(self, parts: Sequence[Part], path: Path, others: frozenset[str]) -> None:
        self._parts, self._path, self._others = tuple(parts), path, others
        self._nodes, self._order, self._unwritten = frozenset[str](), NOTHING_PROVEN, ""

    def open(self) -> None:
        """Open every part."""
        for part in self._parts:
            part.open()

    async def close(self) -> None:
        """Close every part."""
        for part in self._parts:
            await part.close()

    def first_members(self) -> frozenset[str]:
        """The nodes that have current data of every part."""
        return _in_all([part.first_members() for part in self._parts])

    def ordered(self, known: bool) -> frozenset[str]:
        """The nodes of the guard's file. Without a file all others, but nobody before the first start of a daemon."""
        if not known and not self._path.exists():
            return frozenset()
        found = read_required(self._path)
        return self._others if found is None else found & self._others

    def require(self, nodes: frozenset[str], order: int) -> None:
        """Write the order to the file, then hand it to every part. While the file cannot be written there is none, and
        no part gets the order; ``enforced`` tries again."""
        self._nodes, self._order = nodes, order
        try:
            replace_file(self._path, codec_for(Required).encode(Required(tuple(sorted(nodes))), self._path.name), 0o644)
        except OSError as error:
            if not self._unwritten:
                LOG.error("%s cannot be written: %s", self._path, error)
            self._unwritten = f"{self._path} cannot be written, so every node stays required: {error}"
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            return
        self._unwritten = ""
        for part in self._parts:
            part.require(nodes, order)

    def enforced(self) -> int:
        """The greatest order that holds for every part."""
        if self._unwritten:
            self.require(self._nodes, self._order)
        return min(part.enforced() for part in self._parts)

    def in_sync(self) -> frozenset[str]:
        """The nodes that every part holds in sync."""
        return _in_all([part.in_sync() for part in self._parts])

    def problems(self) -> tuple[str, ...]:
        """Those of the parts, and of the file."""
        own = (self._unwritten,) if self._unwritten else ()
        return (*own, *(f"{part.name}: {text}" for part in self._parts for text in part.problems()))


def _in_all(answers: Sequence[frozenset[str]]) -> frozenset[str]:
    return frozenset.intersection(*answers)
