# SPDX-License-Identifier: Apache-2.0
"""The view that one step is changing, the allowed changes, and the outcomes that stages report."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mtce.contract.states import HostAction
from mtce.core.actions import Action, Log, SetLocked
from mtce.core.settings import Cause, Settings
from mtce.core.view import MaintainedHost, Stage
from sysinv.contract.enums import Administrative, Availability, Operational


@dataclass(frozen=True, slots=True)
class Done:
    """The module's stages ended successfully."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The module's stages failed: ``task`` is the operator's text, ``cause`` the auto-recovery counter, if any.

    ``retry_ms`` replaces the cause's wait before the next attempt. ``reported``: the host itself reported the failure.
    ``again``: the reboot that led here has not happened and is still wanted.
    """

    task: str
    cause: Cause | None = None
    severity: str = "critical"
    retry_ms: int | None = None
    reported: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Spared:
    """The guard refused a strike because the host is alive."""


Outcome = Done | Failure | Spared | None
"""None: the stages have not ended."""


class Draft:
    """The new view and the actions of one step."""

    __slots__ = ("actions", "now_ms", "settings", "view")

    def __init__(self, view: MaintainedHost, now_ms: int, settings: Settings) -> None:
        self.view = view
        self.now_ms = now_ms
        self.settings = settings
        self.actions: list[Action] = []

    def set(self, **changes: Any) -> None:
        """Replace fields of the view."""
        self.view = replace(self.view, **changes)

    def enter(self, stage: Stage, wait_ms: int, *, probe_ms: int | None = None, silence_ms: int | None = None,
              **changes: Any) -> None:
        """Enter ``stage`` for at most ``wait_ms``; ``probe_ms`` and ``silence_ms`` start the other two timers."""
        now = self.now_ms
        self.set(**{"stage": stage, "stage_ms": now, "deadline_ms": now + max(wait_ms, 1), "tries": 0,
                    "probe_ms": None if probe_ms is None else now + probe_ms,
                    "silent_ms": None if silence_ms is None else now + silence_ms,
                    "stale_since_ms": None, **changes})

    def wait_again(self, wait_ms: int) -> None:
        """Stay in the stage for another ``wait_ms``."""
        self.set(deadline_ms=self.now_ms + max(wait_ms, 1))

    def do(self, action: Action) -> None:
        """Add an action."""
        self.actions.append(action)

    def new_command(self) -> str:
        """Return the id of a new command; only the answer with this id counts."""
        command_id = f"{self.view.uuid}:{self.view.revision + 1}:{len(self.actions)}"
        self.set(command_id=command_id)
        return command_id

    def states(self, administrative: Administrative | None = None, operational: Operational | None = None,
               availability: Availability | None = None) -> None:
        """Change the given ones of the three states."""
        view = self.view
        self.set(administrative=administrative or view.administrative, operational=operational or view.operational,
                 availability=availability or view.availability)

    def task(self, text: str, *, clear_later: bool = False) -> None:
        """Set the progress text, at most 63 characters; ``clear_later`` clears it after 30 s."""
        clear_ms = self.now_ms + self.settings.task_clear_ms if clear_later else None
        self.set(task=text[:63], task_clear_ms=clear_ms)

    def raise_alarm(self, alarm_id: str, severity: str = "critical", suffix: str = "") -> None:
        """Raise an alarm, or change the severity of a raised one."""
        rest = tuple(alarm for alarm in self.view.alarms if alarm[:2] != (alarm_id, suffix))
        self.set(alarms=tuple(sorted((*rest, (alarm_id, suffix, severity)))))

    def clear_alarms(self, *alarm_ids: str, suffix: str | None = None) -> None:
        """Clear every alarm with one of the ids (and that suffix, when given)."""
        self.set(alarms=tuple(alarm for alarm in self.view.alarms
                              if alarm[0] not in alarm_ids or suffix not in (None, alarm[1])))

    def log(self, log_id: str, suffix: str, severity: str = "warning") -> None:
        """Write a customer log."""
        self.do(Log(log_id, suffix, severity))

    def degrade(self, cause: str, on: bool) -> None:
        """Set or clear one degrade cause, and update the availability of an enabled host."""
        rest = tuple(item for item in self.view.degrade if item != cause)
        self.set(degrade=tuple(sorted((*rest, cause))) if on else rest)
        self.follow_degrade()

    def follow_degrade(self) -> None:
        """Set an enabled host degraded while any cause is set or its sensors say so, else available."""
        if self.view.is_enabled:
            degraded = self.view.degrade or self.view.sensors_degraded
            self.states(availability=Availability.DEGRADED if degraded else Availability.AVAILABLE)

    def finish(self, task: str = "") -> None:
        """End the present action; a final ``task`` is cleared later."""
        self.set(action=HostAction.NONE, stage=Stage.IDLE, stage_ms=self.now_ms, deadline_ms=None, probe_ms=None,
                 silent_ms=None, command_id="", stale_since_ms=None, asked_ms=None, ordered="", ordered_ms=None,
                 critical="", withheld="")
        if not self.view.action_failed:
            self.set(bmc_error="")
        self.task(task, clear_later=bool(task))
        if self.view.availability is Availability.ONLINE:
            self.set(silent_ms=self.now_ms + self.settings.online_silence_ms)

    def keep_locked_flag(self) -> None:
        """Send the host the node-locked flag that follows from its administrative state."""
        self.do(SetLocked(self.view.administrative is Administrative.LOCKED))

    @property
    def deadline_hit(self) -> bool:
        """Whether the stage's time is over."""
        return self.view.deadline_ms is not None and self.view.deadline_ms <= self.now_ms

    @property
    def probe_hit(self) -> bool:
        """Whether the repetition within the stage is due."""
        return self.view.probe_ms is not None and self.view.probe_ms <= self.now_ms

    @property
    def silence_hit(self) -> bool:
        """Whether no mtcAlive arrived within the silence timer."""
        return self.view.silent_ms is not None and self.view.silent_ms <= self.now_ms
