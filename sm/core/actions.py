# SPDX-License-Identifier: Apache-2.0
"""What the engines of groups and services ask the shell to do on this node."""
from __future__ import annotations

from dataclasses import dataclass

from sm.contract.states import ServiceAction


@dataclass(frozen=True, slots=True)
class RunAction:
    """Run an action of a service with its time-outs and retries; answered once by ``ActionDone``."""

    service: str
    action: ServiceAction
    run_id: int


@dataclass(frozen=True, slots=True)
class CancelAction:
    """Kill whatever an action still runs; no answer is expected."""

    service: str
    run_id: int


@dataclass(frozen=True, slots=True)
class WatchProcess:
    """Report the end of the service's process with ``ProcessDied``; stops with ``UnwatchProcess``."""

    service: str


@dataclass(frozen=True, slots=True)
class UnwatchProcess:
    """The end of the service's process is no news any more."""

    service: str


@dataclass(frozen=True, slots=True)
class RebootNode:
    """Reboot this node because services failed beyond repair here; ``reason`` is for the operator."""

    reason: str


Action = RunAction | CancelAction | WatchProcess | UnwatchProcess | RebootNode
