# SPDX-License-Identifier: Apache-2.0
"""Which alarm a strategy deserves, and which logs a change of it writes: pure, but for ``Faults``, which tells them."""
from __future__ import annotations

import logging
from typing import Protocol

from flock.core.errors import FlockError
from patching.core.strategy.model import Result, Strategy, StrategyState
from patching.core.strategy.parameters import Kind

LOG = logging.getLogger(__name__)
S = StrategyState
FAMILY = {Kind.PATCH: ("900.1", "orchestration=sw-patch"), Kind.DEPLOY: ("900.2", "orchestration=sw-deploy")}
IN_PROGRESS, ABORTING, FAILED = "01", "02", "03"
ALARMS = (IN_PROGRESS, ABORTING, FAILED)
_BAD = (Result.FAILED, Result.TIMED_OUT, Result.DEGRADED)
_ABORT_ENDED_BADLY = (S.ABORT_FAILED, S.ABORT_TIMEOUT)
_LOGS = {S.APPLYING: "11", S.APPLIED: "16", S.ABORTING: "18", S.ABORTED: "21", S.ABORT_FAILED: "20",
         S.ABORT_TIMEOUT: "20"}
Key = tuple[str, str]
"""Alarm id and entity."""


def alarm(strategy: Strategy | None) -> Key | None:
    """The one alarm of the strategy."""
    if strategy is None:
        return None
    family, entity = FAMILY[strategy.parameters.kind]
    has_failed = strategy.apply.result in _BAD or strategy.state in (S.APPLY_FAILED, S.APPLY_TIMEOUT)
    if strategy.state is S.APPLYING:
        ending = IN_PROGRESS
    elif strategy.state is S.ABORTING:
        ending = ABORTING
    elif has_failed or strategy.state in _ABORT_ENDED_BADLY:
        ending = FAILED
    else:
        return None
    return f"{family}{ending}", entity


def logs(before: Strategy | None, after: Strategy | None) -> list[tuple[Key, str]]:
    """The logs of a change, each with its reason text; a strategy that was only built or looked at writes none."""
    if after is None or (before is not None and before.state is after.state):
        return []
    family, entity = FAMILY[after.parameters.kind]
    found = []
    if after.state is S.ABORTING:
        # The apply phase has ended before the abort begins: by an operator, or because it has failed.
        ending = "17" if after.apply.result is Result.ABORTED else "15"
        found.append(((f"{family}{ending}", entity), after.apply.reason))
    if after.state in _LOGS:
        found.append(((f"{family}{_LOGS[after.state]}", entity), after.phase.reason))
    return found


class Raiser(Protocol):
    """The part of ``fm.raiser.Raiser`` that is used."""

    def raise_alarm(self, alarm_id: str, *, entity_instance_id: str, reason: str | None = None) -> str:
        """Store the request to raise an alarm."""

    def log_event(self, alarm_id: str, *, entity_instance_id: str, reason: str | None = None) -> str:
        """Store the request to write a log."""

    def clear_alarm(self, alarm_id: str, *, entity_instance_id: str, exact: bool = False) -> str:
        """Store the request to clear an alarm."""


class Faults:
    """Raises and clears the alarms of strategies."""

    def __init__(self, raiser: Raiser) -> None:
        self._raiser = raiser

    def changed(self, before: Strategy | None, after: Strategy | None) -> None:
        """A change was stored; what cannot be told now is made up for by ``reconcile``, but for logs."""
        try:
            if alarm(before) != alarm(after):
                self._set(alarm(after), after, keys() if before is None else _of(alarm(before)))
            for (log_id, entity), reason in logs(before, after):
                self._raiser.log_event(log_id, entity_instance_id=entity, reason=reason[:2000] or None)
        except FlockError as error:
            LOG.warning("a change of the strategy is not told to fault management: %s", error)

    def reconcile(self, strategy: Strategy | None) -> None:
        """Have fault management know the alarm of the strategy, and none of another one."""
        self._set(alarm(strategy), strategy, keys())

    def _set(self, wanted: Key | None, strategy: Strategy | None, others: tuple[Key, ...]) -> None:
        for alarm_id, entity in others:
            if (alarm_id, entity) != wanted:
                self._raiser.clear_alarm(alarm_id, entity_instance_id=entity, exact=True)
        if wanted is not None and strategy is not None:
            self._raiser.raise_alarm(wanted[0], entity_instance_id=wanted[1],
                                     reason=strategy.apply.reason[:2000] or None)


def keys() -> tuple[Key, ...]:
    """All alarms that strategies can have."""
    return tuple((f"{family}{ending}", entity) for family, entity in FAMILY.values() for ending in ALARMS)


def _of(key: Key | None) -> tuple[Key, ...]:
    return () if key is None else (key,)
