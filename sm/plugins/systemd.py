# SPDX-License-Identifier: Apache-2.0
"""Units of systemd as services: ``start``, ``stop``, ``restart``, ``reload``, ``status``; the name is the unit.

Codes of ``status``: 0 active, 1 failed, 2 stands by, 3 inactive, 4 no usable unit, 5 becoming active, 6 becoming
inactive, 7 active and does not answer. Codes of the others: 0 done, 1 failed, 4 no usable unit.

The parameter ``answers`` of a service names where its program must answer while the unit is active and does not stand
by: see ``sm.plugins.answer``. systemd knows of a program that hangs only where the unit has a watchdog.

``stand-by`` starts a unit whose process loads everything and then waits, as ``flock.service.standby`` does: while the
mark of the unit exists. ``activate`` removes the mark, and is done when the process says that it works.
"""
from __future__ import annotations

import asyncio
import contextlib
import re
from typing import ClassVar

from flock.service.standby import STANDS_BY, WAKE_UP
from sm.contract.states import PluginKind
from sm.plugins import answer
from sm.plugins.plugin import Job, Outcome, PluginFailed, Tools
from sm.systemd.units import RUNNING, UnitRefused, UnitState, UnitsUnavailable

METHODS = {"start": "StartUnit", "stop": "StopUnit", "restart": "RestartUnit", "reload": "ReloadOrRestartUnit"}
STATUS, STAND_BY, ACTIVATE = "status", "stand-by", "activate"
_UNIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:\\-]{0,240}\.(service|target|socket|mount|slice|timer|path)")
ACTIVE, FAILED, STANDING_BY, INACTIVE, UNUSABLE, ACTIVATING, DEACTIVATING, SILENT = 0, 1, 2, 3, 4, 5, 6, 7
REST_S = 2.0
"""What is left of an audit's time limit after the wait for an answer, so that its lack is named as the reason."""
WORKS = frozenset({"running", "Gunicorn arbiter booted"})
"""What daemons and web servers that work tell systemd."""


class SystemdPlugin:
    """Runs jobs of systemd and reads states of units."""

    kind: ClassVar[PluginKind] = PluginKind.SYSTEMD

    def __init__(self, tools: Tools) -> None:
        self._units, self._marks = tools.units, tools.marks

    async def attempt(self, job: Job) -> Outcome:
        """Run the job of ``command``, or read the state. A cancelled job's unit is killed whole."""
        unit, command = job.spec.name, job.spec.command
        if not _UNIT.fullmatch(unit):
            raise PluginFailed("name must be a unit with its suffix, such as fm-api.service")
        if command not in METHODS and command not in (STATUS, STAND_BY, ACTIVATE):
            raise PluginFailed(f"command must be one of {', '.join([*METHODS, STATUS, STAND_BY, ACTIVATE])}")
        try:
            match command:
                case "status":
                    return await self._status(unit, job)
                case "stand-by":
                    return await self._stand_by(unit)
                case "activate":
                    return await self._activate(unit)
            if command != "stop":
                (self._marks / unit).unlink(missing_ok=True)
            return await self._run(unit, command)
        except UnitsUnavailable as exc:
            raise PluginFailed(str(exc)) from exc
        except UnitRefused as exc:
            return Outcome(UNUSABLE, str(exc))
        except OSError as exc:
            raise PluginFailed(f"the mark of {unit} in {self._marks} cannot be changed: {exc.strerror}") from exc

    async def _status(self, unit: str, job: Job) -> Outcome:
        outcome = status_outcome(unit, await self._units.state(unit))
        if outcome.code != ACTIVE:
            return outcome
        if await self._waits(unit):
            return Outcome(STANDING_BY, f"{unit} stands by")
        place = job.parameters().get(answer.PARAMETER, "")
        limit_s = max(job.spec.timeout_s - REST_S, 1.0)
        wrong = await answer.fault(place, limit_s, self._units.ping) if place else ""
        return Outcome(SILENT, f"{outcome.text}; {wrong}") if wrong else outcome

    async def _waits(self, unit: str) -> bool:
        return unit.endswith(".service") and await self._units.status_text(unit) == STANDS_BY

    async def _stand_by(self, unit: str) -> Outcome:
        """A stop leaves the mark, so that nobody starts the unit as an active one by mistake."""
        self._marks.mkdir(mode=0o755, parents=True, exist_ok=True)
        (self._marks / unit).touch()
        outcome = await self._run(unit, "start")
        if outcome.code == 0 and not await self._waits(unit):
            return Outcome(FAILED, f"{unit} runs and does not stand by")
        return outcome

    async def _activate(self, unit: str) -> Outcome:
        (self._marks / unit).unlink(missing_ok=True)
        try:
            await self._units.kill(unit, WAKE_UP, "main")
            state = await self._units.until_status(unit, WORKS)
        except asyncio.CancelledError:
            with contextlib.suppress(UnitsUnavailable, UnitRefused):
                await self._units.kill(unit)
            raise
        return Outcome(0 if state.active in RUNNING else FAILED, f"{unit} is {state.active} ({state.sub})")

    async def _run(self, unit: str, command: str) -> Outcome:
        if command in ("start", "restart"):
            # Service management counts the failures itself; systemd would refuse the sixth start within ten seconds.
            with contextlib.suppress(UnitRefused):  # a unit that is not loaded has no failures
                await self._units.forget_failures(unit)
        try:
            result = await self._units.run_job(METHODS[command], unit)
        except asyncio.CancelledError:
            with contextlib.suppress(UnitsUnavailable, UnitRefused):  # there may be nothing left to kill
                await self._units.kill(unit)
            raise
        return job_outcome(unit, command, result, await self._units.state(unit))

    async def close(self) -> None:
        """Nothing is held."""


def status_outcome(unit: str, state: UnitState) -> Outcome:
    """The code of ``status`` for a state."""
    text = f"{unit} is {state.active} ({state.sub})"
    if state.active in RUNNING:
        return Outcome(ACTIVE, text)
    if state.load not in ("loaded", "merged"):
        return Outcome(UNUSABLE, f"{unit} is {state.load}")
    codes = {"failed": FAILED, "activating": ACTIVATING, "inactive": INACTIVE, "deactivating": DEACTIVATING}
    return Outcome(codes.get(state.active, UNUSABLE), text)


def job_outcome(unit: str, command: str, result: str, state: UnitState) -> Outcome:
    """The code of a job that ended with ``result``. A started unit must be active: a job of a program that ends at once
    is done as well."""
    text = f"the job ended with {result}; {unit} is {state.active} ({state.sub})"
    if state.load not in ("loaded", "merged") and command != "stop":
        return Outcome(UNUSABLE, f"{unit} is {state.load}")
    if command == "stop":
        return Outcome(0 if result == "done" and state.active in ("inactive", "failed") else 1, text)
    return Outcome(0 if result == "done" and state.active in RUNNING else 1, text)


PLUGIN = SystemdPlugin
