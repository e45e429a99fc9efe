# SPDX-License-Identifier: Apache-2.0
"""What the conductor has to do after a decision was stored."""
from __future__ import annotations

import enum
from dataclasses import dataclass


class Phase(enum.StrEnum):
    """Which scripts run."""

    START = "start"
    ACTIVATE = "activate"
    ACTIVATE_ROLLBACK = "activate-rollback"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class RunPrecheck:
    """Run the precheck of a release, then give the order again."""

    release: str
    relaxed: bool


@dataclass(frozen=True, slots=True)
class RunScripts:
    """Run the scripts of a phase; the result carries ``attempt``."""

    phase: Phase
    attempt: int


@dataclass(frozen=True, slots=True)
class StopScripts:
    """End the run of scripts; its result does not matter any more."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Install:
    """Tell the agent of a host to install ``version``; its result carries ``attempt``."""

    hostname: str
    version: str
    attempt: int
    reboot_required: bool


@dataclass(frozen=True, slots=True)
class CleanUp:
    """Remove what the deployment has left: staging data, snapshots, content that nobody runs. The releases that it
    moved end it first with their scripts; versions as text."""

    covers: tuple[str, ...] = ()
    from_version: str = ""
    to_version: str = ""


@dataclass(frozen=True, slots=True)
class DeleteContent:
    """Remove the files of a release."""

    release: str


@dataclass(frozen=True, slots=True)
class SpareContent:
    """Remove the files of committed releases that nobody needs any more."""


@dataclass(frozen=True, slots=True)
class SetVersion:
    """The system runs another version; ``patching.conductor.versions`` tells the inventory."""

    version: str


Action = RunPrecheck | RunScripts | StopScripts | Install | CleanUp | DeleteContent | SpareContent | SetVersion
