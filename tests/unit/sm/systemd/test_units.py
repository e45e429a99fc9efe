# SPDX-License-Identifier: Apache-2.0
"""Jobs are awaited by signal; watches survive the bus; silence of the bus is never taken for a state."""
from __future__ import annotations

import asyncio

import pytest

from sm.systemd import units as module
from sm.systemd.units import UnitRefused, Units, UnitState, UnitsUnavailable
from tests.unit.sm.systemd.manager import Manager
from tests.unit.sm.warp import run

GOOD = ("loaded", "active", "running")


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Manager:
    made = Manager({"a.service": GOOD, "b.service": ("loaded", "inactive", "dead")})
    monkeypatch.setattr(module, "MessageBus", made.bus)
    return made


def test_states_are_asked_over_one_connection(manager: Manager) -> None:
    async def body() -> None:
        units = Units()
        assert await units.state("a.service") == UnitState(*GOOD)
        assert (await units.state("none.service")).load == "not-found"
        await units.kill("a.service")
        assert manager.calls[-1] == ("KillUnit", "a.service", "all", 9) and len(manager.buses) == 1
        await units.close()
        assert not manager.buses[0].connected
    run(body())


@pytest.mark.parametrize("result", ["done", "failed", "dependency", "timeout"])
def test_a_job_ends_with_its_signal(result: str, manager: Manager) -> None:
    async def body() -> None:
        manager.results["a.service"] = result
        units = Units()
        assert await units.run_job("StartUnit", "a.service") == result
        assert ("StartUnit", "a.service", "replace") in manager.calls
        with pytest.raises(UnitRefused, match="NoSuchUnit: it is so"):
            await units.run_job("StartUnit", "none.service")
        await units.close()
    run(body())


def test_signals_of_others_jobs_are_forgotten(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        monkeypatch.setattr(module, "JOBS_KEPT_MAX", 3)
        units = Units()
        await units.state("a.service")
        manager.results["b.service"] = "done"
        for number in range(1000, 1100):
            manager.ends(number, "b.service")
        assert len(units._results) == 3
        manager.signal("JobRemoved", "s", ["odd"])
        manager.signal("UnitNew", "so", ["c.service", "/"])
        await units.close()
    run(body())


def test_a_cancelled_job_is_cancelled_there(manager: Manager) -> None:
    async def body() -> None:
        units = Units()
        task = asyncio.ensure_future(units.run_job("StopUnit", "a.service"))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert manager.calls[-1] == ("CancelJob", 1)
        await units.close()
    run(body())


def test_a_job_whose_connection_breaks_is_not_known(manager: Manager) -> None:
    async def body() -> None:
        units = Units()
        await units.watch("other", "b.service", lambda _: None)
        task = asyncio.ensure_future(units.run_job("StartUnit", "a.service"))
        await asyncio.sleep(1)
        manager.breaks()
        with pytest.raises(UnitsUnavailable, match="broke during the job"):
            await task
        assert await units.state("a.service") == UnitState(*GOOD), "by a new connection"
        await units.close()
    run(body())


def test_a_bus_that_is_away_or_silent_is_unavailable(manager: Manager) -> None:
    async def body() -> None:
        units = Units("unix:path=/nowhere")
        manager.reachable = False
        with pytest.raises(UnitsUnavailable, match="/nowhere cannot be reached"):
            await units.state("a.service")
        manager.reachable, manager.answering = True, False
        with pytest.raises(UnitsUnavailable, match="does not answer AddMatch"):
            await units.state("a.service")
        manager.answering = True
        assert (await units.state("a.service")).active == "active"
        await units.close()
    run(body())


def test_the_end_of_a_unit_is_reported_once_however_it_goes_on(manager: Manager) -> None:
    async def body() -> None:
        units, reports = Units(), []  # type: ignore[var-annotated]
        await units.watch("one", "a.service", reports.append)
        await asyncio.sleep(1)
        for active, sub in (("reloading", "reload"), ("active", "running"), ("deactivating", "stop-sigterm"),
                            ("failed", "failed")):
            manager.becomes("a.service", active, sub)
        assert reports == ["unit a.service is deactivating (stop-sigterm)"]
        manager.becomes("a.service", "active", "running")
        units.unwatch("one")
        manager.becomes("a.service", "failed")
        assert len(reports) == 1
        await units.close()
    run(body())


def test_a_unit_that_does_not_run_when_the_watch_begins_is_reported(manager: Manager) -> None:
    async def body() -> None:
        units, reports = Units(), []  # type: ignore[var-annotated]
        await units.watch("one", "b.service", reports.append)
        await asyncio.sleep(1)
        assert reports == ["unit b.service is inactive (dead)"]
        await units.close()
    run(body())


def test_what_happened_while_the_bus_was_away_is_reported_when_it_is_back(manager: Manager) -> None:
    async def body() -> None:
        units, reports = Units(), []  # type: ignore[var-annotated]
        manager.reachable = False
        await units.watch("one", "a.service", reports.append)
        await asyncio.sleep(60)
        manager.reachable = True
        await asyncio.sleep(20)
        assert reports == []
        manager.reachable = False
        manager.breaks()
        manager.states["a.service"] = ("loaded", "failed", "failed")
        await asyncio.sleep(60)
        assert reports == [], "nothing is known"
        manager.reachable = True
        await asyncio.sleep(20)
        assert reports == ["unit a.service is failed (failed)"]
        await units.close()
    run(body())


def test_a_unit_that_systemd_refuses_keeps_no_other_from_being_watched(manager: Manager) -> None:
    """After the bus was away, no unit behind the refused one was watched again."""
    async def body() -> None:
        units, reports = Units(), []  # type: ignore[var-annotated]
        manager.refused.add("bad.service")
        await units.watch("bad", "bad.service", reports.append)
        await units.watch("one", "a.service", reports.append)
        manager.breaks()
        await asyncio.sleep(20)
        manager.becomes("a.service", "failed")
        assert reports == ["unit a.service is failed"]
        manager.refused.clear()
        manager.states["bad.service"] = GOOD
        await asyncio.sleep(20)
        manager.becomes("bad.service", "failed")
        assert reports == ["unit a.service is failed", "unit bad.service is failed"], "it was tried again"
        await units.close()
    run(body())


def test_a_watch_that_systemd_was_too_busy_to_begin_begins_later(manager: Manager) -> None:
    """It began with the next connection only, so nobody noticed the unit's end."""
    async def body() -> None:
        units, reports = Units(), []  # type: ignore[var-annotated]
        await units.watch("one", "a.service", reports.append)
        await asyncio.sleep(1)
        manager.answering, manager.states["b.service"] = False, GOOD
        await units.watch("two", "b.service", reports.append)
        manager.answering = True
        await asyncio.sleep(20)
        manager.becomes("b.service", "failed")
        assert reports == ["unit b.service is failed"] and len(manager.buses) == 1
        await units.close()
    run(body())


def test_watches_are_limited(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        monkeypatch.setattr(module, "WATCHES_MAX", 1)
        units = Units()
        await units.watch("one", "a.service", lambda _: None)
        await units.watch("one", "a.service", lambda _: None)
        with pytest.raises(UnitRefused, match="which is the limit"):
            await units.watch("two", "a.service", lambda _: None)
        await units.close()
    run(body())
