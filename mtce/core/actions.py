# SPDX-License-Identifier: Apache-2.0
"""What the state machine asks the shell to do.

States, task, alarms and monitoring are levels: the shell derives their messages by comparing two views
(``mtce.core.changes``). Only edges are listed here; each may get lost, the machine's own timers repeat it.
"""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SendReboot:
    """Ask the host's agent to reboot after ``delay_s``; answered by ``RebootAnswer``."""

    command_id: str
    boot_id: str
    delay_s: int


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

    ``graceful`` lets the operating system shut down first.
    """

    command_id: str
    verb: str
    graceful: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """A customer log: ``suffix`` follows ``host=<hostname>.``, such as ``state=enabled``."""

    log_id: str
    suffix: str


Action = SendReboot | RequestAlive | RunGoenabled | StartServices | StopServices | SetLocked | Bmc | Log
