# SPDX-License-Identifier: Apache-2.0
"""Actions that the state machine requests from the shell.

States, task, alarms and monitoring are levels: the shell derives their messages by comparing two views
(``mtce.core.changes``). The actions here are edges; each may be lost, and the state machine's timers repeat it.
"""
from __future__ import annotations

from dataclasses import dataclass

from mtce.core.strike import STRIKING_VERBS, Permit


@dataclass(frozen=True, slots=True)
class SendReboot:
    """Tell the host's agent to reboot after ``delay_s``; answered by ``RebootAnswer``. A strike."""

    command_id: str
    boot_id: str
    delay_s: int
    permit: Permit


@dataclass(frozen=True, slots=True)
class RequestAlive:
    """Request an mtcAlive now."""


@dataclass(frozen=True, slots=True)
class RunGoenabled:
    """Request the go-enabled tests; answered by ``AgentResult``."""

    command_id: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class StartServices:
    """Request the start of host services; answered by ``AgentResult``."""

    command_id: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class StopServices:
    """Request the stop of host services; answered by ``AgentResult``."""

    command_id: str
    boot_id: str


@dataclass(frozen=True, slots=True)
class SetLocked:
    """Create or remove the host's node-locked flag."""

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
class AskManager:
    """Ask service management whether the host provides service; answered by ``ManagerAnswer``."""

    command_id: str


@dataclass(frozen=True, slots=True)
class Swact:
    """Have service management move all services away from the host; answered by ``ManagerAnswer``."""

    command_id: str
    force: bool


@dataclass(frozen=True, slots=True)
class Log:
    """A customer log: ``suffix`` follows ``host=<hostname>.``, such as ``state=enabled``."""

    log_id: str
    suffix: str
    severity: str = "warning"


@dataclass(frozen=True, slots=True)
class Withheld:
    """A refused strike, for the log and the host's history."""

    reason: str


Action = (SendReboot | RequestAlive | RunGoenabled | StartServices | StopServices | SetLocked | Bmc | Log | Withheld
          | AskManager | Swact)


def permit_of(action: Action) -> Permit | None:
    """Return the permit of a strike; None for any other action."""
    return action.permit if isinstance(action, (SendReboot, Bmc)) else None


def reasons(actions: tuple[Action, ...]) -> str:
    """Return, for the history, why a step struck or spared the host; empty when it did neither."""
    words = []
    for action in actions:
        permit = permit_of(action)
        if permit is not None:
            words.append(f"{action.verb if isinstance(action, Bmc) else 'reboot'}: {permit.reason}")
        elif isinstance(action, Withheld):
            words.append(f"withheld: {action.reason}")
    return "; ".join(words)
