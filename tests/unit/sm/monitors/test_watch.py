# SPDX-License-Identifier: Apache-2.0
"""A service is watched by its pid file, else by its unit, else by its audits alone."""
from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from flock.core.records import replace
from sm.contract.states import PluginKind, ServiceAction
from sm.core.actions import UnwatchProcess, WatchProcess
from sm.core.events import AuditNow, ProcessDied
from sm.core.model import ActionSpec, Catalogue, Heartbeat, ServiceSpec
from sm.monitors.watch import Watches, unit_of
from sm.systemd import units as module
from sm.systemd.units import Units
from tests.unit.sm.systemd.manager import Manager

ENABLE = ServiceAction.ENABLE


def catalogue(pid_file: str) -> Catalogue:
    def start(plugin: PluginKind, name: str) -> dict[ServiceAction, ActionSpec]:
        return {ENABLE: ActionSpec(ENABLE, plugin, name, "start", 20)}

    return Catalogue({}, {
        "filed": ServiceSpec("filed", start(PluginKind.LSB, "filed"), pid_file=pid_file),
        "unit": ServiceSpec("unit", start(PluginKind.SYSTEMD, "a.service")),
        "plain": ServiceSpec("plain", start(PluginKind.LSB, "plain")),
        "bare": ServiceSpec("bare", {})})


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Manager:
    made = Manager({"a.service": ("loaded", "active", "running")})
    monkeypatch.setattr(module, "MessageBus", made.bus)
    return made


async def until(holds: object) -> None:
    for _ in range(1000):
        if holds():  # type: ignore[operator]
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the condition never held")


def test_each_service_is_watched_in_its_own_way(manager: Manager, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    process = subprocess.Popen(["/bin/sleep", "600"])
    path.write_text(str(process.pid))

    async def body() -> None:
        units, deaths = Units(), []  # type: ignore[var-annotated]
        watches = Watches(catalogue(str(path)), units, deaths.append)
        for name in ("filed", "unit", "plain", "bare", "unknown"):
            watches.watch(WatchProcess(name))
        await asyncio.sleep(0.05)
        assert deaths == []
        manager.becomes("a.service", "failed", "failed")
        assert deaths == [ProcessDied("unit", "unit a.service is failed (failed)")]
        process.kill()
        await until(lambda: len(deaths) == 2)
        assert deaths[1].service == "filed"
        manager.becomes("a.service", "active", "running")
        watches.watch(WatchProcess("unit"))
        await asyncio.sleep(0.05)
        watches.unwatch(UnwatchProcess("unit"))
        manager.becomes("a.service", "failed", "failed")
        watches.use(Catalogue({}, {}))
        watches.watch(WatchProcess("unit"))
        await asyncio.sleep(0.05)
        assert len(deaths) == 2
        await watches.close()
        await units.close()

    try:
        asyncio.run(body())
    finally:
        process.kill()
        process.wait()


def test_a_service_with_heartbeats_is_sent_them_while_it_is_watched(manager: Manager, tmp_path: Path,
                                                                    caplog: pytest.LogCaptureFixture) -> None:
    row = Heartbeat("plain", "unix", str(tmp_path / "sm"), str(tmp_path / "nobody"), "hello", 20, 1, 2, 3)
    made = replace(catalogue(""), heartbeats=(row, replace(row, interval_ms=0), replace(row, service="bare")))

    async def body() -> None:
        units, events = Units(), []  # type: ignore[var-annotated]
        watches = Watches(made, units, events.append)
        watches.watch(WatchProcess("plain"))
        await until(lambda: len(events) >= 3)
        await asyncio.sleep(0.2)
        assert events == [AuditNow("plain"), AuditNow("plain"),
                          ProcessDied("plain", "plain has not replied to 4 heartbeats")], "the watch has ended"
        watches.watch(WatchProcess("plain"))
        watches.unwatch(UnwatchProcess("plain"))
        await asyncio.sleep(0.2)
        assert len(events) == 3
        watches.watch(WatchProcess("plain"))
        await watches.close()
        await asyncio.sleep(0.2)
        assert len(events) == 3
        await units.close()
    asyncio.run(body())
    assert "No heartbeat: heartbeat of plain: interval_ms" in caplog.text


def test_a_watch_beyond_the_limit_is_logged(manager: Manager, monkeypatch: pytest.MonkeyPatch,
                                            caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "WATCHES_MAX", 0)

    async def body() -> None:
        units = Units()
        watches = Watches(catalogue(""), units, lambda _: None)
        watches.watch(WatchProcess("unit"))
        await asyncio.sleep(0.02)
        await watches.close()
        await units.close()
    asyncio.run(body())
    assert "The unit of unit is not watched" in caplog.text


def test_the_unit_of_a_service_is_what_starts_it() -> None:
    services = catalogue("").services
    assert [unit_of(services[name]) for name in ("unit", "plain", "bare")] == ["a.service", "", ""]
