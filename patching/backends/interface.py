# SPDX-License-Identifier: Apache-2.0
"""What a package technology must do, and what it says that it can do."""
from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from flock.core.errors import FlockError


class BackendFailed(FlockError):
    """The package tool could not do what was asked for; the sentence has its reason."""

    code: ClassVar[str] = "patching.backend_failed"
    http: ClassVar[int] = 500
    text: ClassVar[str] = "{detail}"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``atomic``: an installation that ends half-way has changed nothing. ``waits_for_boot``: the host runs what was
    installed only after its next boot, unless it was installed in service. ``needs_root``: the tool works for root
    only. ``keeps_versions``: returns to a version that it had without a file. ``programs``: what must be installed."""

    atomic: bool
    waits_for_boot: bool
    needs_root: bool
    keeps_versions: bool = False
    programs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One package file. ``base``: the version on which it builds, without which it cannot be installed; empty: none.

    An OSTree delta is the item ``ostree`` whose versions are commits.
    """

    name: str
    version: str
    path: Path
    base: str = ""


class Kind(enum.StrEnum):
    """What is done to one package."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Op:
    """One change. ``before`` and ``after``: versions, empty when the package is absent. ``path``: the file to install;
    None for a removal, and where the tool keeps the version itself."""

    kind: Kind
    name: str
    before: str
    after: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a host shall have. ``wanted``: by name. ``origins``: versions that packages had before releases touched
    them, empty where the package was absent: what is not wanted any more returns to that. ``at_hand``: all files from
    which it can be installed."""

    wanted: Mapping[str, Item] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    at_hand: tuple[Item, ...] = ()


class Backend(Protocol):
    """One package technology on one host. All methods raise BackendFailed, and end within the time limit given to the
    constructor."""

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]

    def current(self) -> dict[str, str]:
        """Versions of all installed packages by name, as they are after the next boot."""

    def running(self) -> dict[str, str]:
        """Versions of what the host runs now, as far as they differ from ``current``; empty when they are the same."""

    def compare(self, one: str, other: str) -> int:
        """-1, 0 or 1: ``one`` is the older, the same, the newer version."""

    def apply(self, ops: tuple[Op, ...], at_hand: tuple[Item, ...], in_service: bool) -> bool:
        """Do all of ``ops`` as one transaction, and say whether the host must boot to run it.

        ``in_service``: the host goes on working, and shall run the new software at once.
        """

    def settle(self) -> None:
        """The host boots soon: take along, to what boots next, files that were configured since ``apply``."""

    def clean_up(self, keep: frozenset[str]) -> None:
        """Remove stored versions that are neither in ``keep`` nor installed."""
