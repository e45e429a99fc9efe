# SPDX-License-Identifier: Apache-2.0
"""What the state machine asks the shell to do.

States, task, alarms and monitoring are levels: the shell derives their messages by comparing two views
(``mtce.core.changes``). Only edges are listed here; each may get lost, the machine's own timers repeat it.
"""
from __future__ import annotations

from dataclasses import dataclass

from mtce.core.strike import STRIKING_VERBS, Permit


@dataclass(frozen=True, slots=True)
class SendReboot:
    """Ask the host's agent to reboot after ``delay_s``; answered by ``RebootAnswer``. A strike."""

    command_id: str
    boot_id: str
    delay_s: int
    permit: Permit


@dataclass(frozen=True, slots=True)
class RequestAlive:
    """Ask for an mtcAlive now."""


@dataclass(frozen=True, slots=True)
class RunGoenabled:
    """Ask for the go-enabled tests; answered by ``AgentResult``."""

    command_id: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class StartServices:
    """Ask for the start of host services; answered by ``AgentResult``."""

    command_id: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class StopServices:
    """Ask for the stop of host services; answered by ``AgentResult``."""

    command_id: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class SetLocked:
    """Bring the node-locked flag in line."""

    locked: bool


@dataclass(frozen=True, slots=True)
class Bmc:
    """One BMC command, answered by ``BmcAnswer``: query, power-on, power-off, reset or netboot.

    ``graceful`` lets the operating system shut down first. ValueError when a strike has no permit.
    """

    command_id: str
    verb: str
    graceful: bool = False
    permit: Permit | None = None

    def __post_init__(self) -> None:
        if self.verb in STRIKING_VERBS and self.permit is None:
            raise ValueError(f"BMC {self.verb} without a permit")


@dataclass(frozen=True, slots=True)
class Log:
    """A customer log: ``suffix`` follows ``host=<hostname>.``, such as ``state=enabled``."""

    log_id: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """A strike was wanted and refused: for the log and the host's history."""

    reason: str


Action = SendReboot | RequestAlive | RunGoenabled | StartServices | StopServices | SetLocked | Bmc | Log | Withheld


def permit_of(action: Action) -> Permit | None:
    """The permit of a strike; None for any other action."""
    return action.permit if isinstance(action, (SendReboot, Bmc)) else None


def reasons(actions: tuple[Action, ...]) -> str:
    """Why the host was struck in a step, or not, for its history; empty when the step has no such action."""
    words = []
    for action in actions:
        permit = permit_of(action)
        if permit is not None:
            words.append(f"{action.verb if isinstance(action, Bmc) else 'reboot'}: {permit.reason}")
        elif isinstance(action, Withheld):
            words.append(f"withheld: {action.reason}")
    return "; ".join(words)
