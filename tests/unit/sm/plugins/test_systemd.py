# SPDX-License-Identifier: Apache-2.0
"""What the states of units and the ends of jobs mean, and what happens to a unit at the time limit."""
from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sm.contract.states import PluginKind
from sm.plugins.plugin import Outcome, PluginFailed, Tools
from sm.plugins.scope import Scopes
from sm.plugins.systemd import SystemdPlugin, job_outcome, status_outcome
from sm.systemd import units as module
from sm.systemd.units import Units, UnitState
from tests.unit.sm.plugins.rows import job, spec
from tests.unit.sm.systemd.manager import Manager
from tests.unit.sm.warp import run


@pytest.mark.parametrize(("state", "code"), [
    (("loaded", "active", "running"), 0), (("loaded", "active", "exited"), 0), (("loaded", "reloading", "reload"), 0),
    (("loaded", "failed", "failed"), 1), (("loaded", "inactive", "dead"), 3), (("not-found", "inactive", "dead"), 4),
    (("masked", "inactive", "dead"), 4), (("not-found", "active", "running"), 0), (("loaded", "mystery", ""), 4),
    (("loaded", "activating", "auto-restart"), 5), (("loaded", "deactivating", "stop-sigterm"), 6),
])
def test_codes_of_states(state: tuple[str, str, str], code: int) -> None:
    assert status_outcome("a.service", UnitState(*state)).code == code


@pytest.mark.parametrize(("command", "result", "state", "code"), [
    ("start", "done", ("loaded", "active", "running"), 0), ("start", "done", ("loaded", "inactive", "dead"), 1),
    ("start", "failed", ("loaded", "failed", "failed"), 1), ("start", "dependency", ("loaded", "inactive", "dead"), 1),
    ("start", "failed", ("masked", "inactive", "dead"), 4), ("restart", "done", ("loaded", "active", "running"), 0),
    ("stop", "done", ("loaded", "inactive", "dead"), 0), ("stop", "done", ("loaded", "failed", "failed"), 0),
    ("stop", "done", ("not-found", "inactive", "dead"), 0), ("stop", "done", ("loaded", "active", "running"), 1),
    ("stop", "canceled", ("loaded", "inactive", "dead"), 1),
])
def test_codes_of_jobs(command: str, result: str, state: tuple[str, str, str], code: int) -> None:
    outcome = job_outcome("a.service", command, result, UnitState(*state))
    assert outcome.code == code and "a.service" in outcome.text


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Manager:
    made = Manager({"a.service": ("loaded", "active", "running")})
    monkeypatch.setattr(module, "MessageBus", made.bus)
    return made


async def attempt(units: Units, command: str, unit: str = "a.service", marks: Path = Path("/none")) -> Outcome:
    plugin = SystemdPlugin(Tools(Scopes(), units, Path("/"), marks))
    try:
        return await plugin.attempt(job(spec(PluginKind.SYSTEMD, unit, command)))
    finally:
        await plugin.close()


def test_jobs_and_states_are_asked_of_systemd(manager: Manager) -> None:
    async def body() -> None:
        units = Units()
        manager.results["a.service"] = "done"
        assert (await attempt(units, "status")).code == (await attempt(units, "start")).code == 0
        assert (await attempt(units, "reload")).code == 0
        words = ("ResetFailedUnit", "StartUnit", "ReloadOrRestartUnit")
        assert [call[0] for call in manager.calls if call[0] in words] == list(words)
        assert (await attempt(units, "start", "none.service")).code == 4
        assert (await attempt(units, "status", "none.service")).code == 4
        await units.close()
    run(body())


def test_what_cannot_be_asked_is_a_failure_of_the_plugin(manager: Manager) -> None:
    async def body() -> None:
        manager.reachable = False
        with pytest.raises(PluginFailed, match="cannot be reached"):
            await attempt(Units(), "status")
        with pytest.raises(PluginFailed, match="command must be one of start, stop, restart, reload, status"):
            await attempt(Units(), "monitor")
        with pytest.raises(PluginFailed, match="name must be"):
            await attempt(Units(), "start", "../a.service")
    run(body())


def test_an_active_unit_must_answer_where_the_service_says(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, float]] = []

    async def fault(place: str, limit_s: float, _ping: object) -> str:
        asked.append((place, limit_s))
        return "nothing answers"

    monkeypatch.setattr("sm.plugins.answer.fault", fault)

    async def body() -> None:
        units = Units()
        plugin = SystemdPlugin(Tools(Scopes(), units))
        status = job(spec(PluginKind.SYSTEMD, "a.service", "status"), {"answers": "tls:127.0.0.1:1"})
        assert await plugin.attempt(status) == Outcome(7, "a.service is active (running); nothing answers")
        assert asked == [("tls:127.0.0.1:1", 18.0)]
        # Nobody is asked who stands by, is becoming active, or has ended.
        manager.texts["a.service"] = "standby"
        assert (await plugin.attempt(status)).code == 2
        manager.becomes("a.service", "activating")
        assert (await plugin.attempt(status)).code == 5
        manager.becomes("a.service", "failed")
        assert (await plugin.attempt(status)).code == 1
        assert len(asked) == 1
        await units.close()
    run(body())


def test_a_unit_whose_job_is_cancelled_is_killed_whole(manager: Manager) -> None:
    async def body() -> None:
        units = Units()
        task = asyncio.ensure_future(attempt(units, "stop"))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert manager.calls[-2:] == [("CancelJob", 1), ("KillUnit", "a.service", "all", 9)]
        await units.close()
    run(body())


def test_a_unit_stands_by_and_is_made_active(manager: Manager, tmp_path: Path) -> None:
    marks, mark = tmp_path / "standby", tmp_path / "standby/a.service"

    async def body() -> None:
        units = Units()
        manager.results["a.service"], manager.texts["a.service"] = "done", "standby"
        assert (await attempt(units, "stand-by", marks=marks)).code == 0
        assert mark.exists() and marks.stat().st_mode & 0o777 == 0o755
        assert (await attempt(units, "status", marks=marks)).code == 2
        working = asyncio.create_task(attempt(units, "activate", marks=marks))
        await asyncio.sleep(0.01)
        assert not mark.exists() and ("KillUnit", "a.service", "main", 18) in manager.calls
        manager.says("a.service", "starting")
        await asyncio.sleep(0.01)
        assert not working.done()
        manager.says("a.service", "running")
        assert (await working).code == 0
        assert (await attempt(units, "status", marks=marks)).code == 0
        assert (await attempt(units, "stop", marks=marks)).code == 1
        await units.close()
    run(body())


def test_a_unit_that_works_does_not_count_as_standing_by(manager: Manager, tmp_path: Path) -> None:
    async def body() -> None:
        units = Units()
        manager.results["a.service"], manager.texts["a.service"] = "done", "running"
        outcome = await attempt(units, "stand-by", marks=tmp_path)
        assert (outcome.code, outcome.text) == (1, "a.service runs and does not stand by")
        await units.close()
    run(body())


def test_a_unit_that_ends_while_it_is_made_active_has_failed(manager: Manager, tmp_path: Path) -> None:
    async def body() -> None:
        units = Units()
        manager.texts["a.service"] = "standby"
        working = asyncio.create_task(attempt(units, "activate", marks=tmp_path))
        await asyncio.sleep(0.01)
        manager.becomes("a.service", "failed", "failed")
        assert (await working).code == 1
        await units.close()
    run(body())


def test_what_is_not_active_in_time_is_killed(manager: Manager, tmp_path: Path) -> None:
    async def body() -> None:
        units = Units()
        manager.texts["a.service"] = "starting"
        working = asyncio.create_task(attempt(units, "activate", marks=tmp_path))
        await asyncio.sleep(0.01)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert manager.calls[-1] == ("KillUnit", "a.service", "all", 9)
        await units.close()
    run(body())


def test_the_usual_start_leaves_no_mark(manager: Manager, tmp_path: Path) -> None:
    """A mark of an earlier catalogue would make the daemon wait for ever."""
    async def body() -> None:
        units = Units()
        (tmp_path / "a.service").touch()
        manager.results["a.service"] = "done"
        assert (await attempt(units, "stop", marks=tmp_path)).code == 1
        assert (tmp_path / "a.service").exists(), "whoever starts it by hand must not make it active"
        assert (await attempt(units, "start", marks=tmp_path)).code == 0
        assert not (tmp_path / "a.service").exists()
        await units.close()
    run(body())
