# SPDX-License-Identifier: Apache-2.0
"""Executes ``WatchProcess`` and ``UnwatchProcess``: by pid file or by unit of systemd, and by heartbeats."""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sm.contract.states import PluginKind, ServiceAction
from sm.core.actions import UnwatchProcess, WatchProcess
from sm.core.events import AuditNow, ProcessDied
from sm.core.model import Catalogue, ServiceSpec
from sm.monitors.heartbeat import HeartbeatMonitor
from sm.monitors.process import ProcessWatch
from sm.systemd.units import UnitRefused, Units

LOG = logging.getLogger(__name__)


def unit_of(spec: ServiceSpec) -> str:
    """The unit that the service is started by; empty when it is no unit."""
    start = spec.actions.get(ServiceAction.ENABLE)
    return start.name if start is not None and start.plugin is PluginKind.SYSTEMD else ""


class Watches:
    """``report`` gets ``ProcessDied`` at most once for each watch; ``AuditNow`` when heartbeats are missed.

    Services with none of these are left to their audits.
    """

    def __init__(self, catalogue: Catalogue, units: Units, report: Callable[[ProcessDied | AuditNow], None]) -> None:
        self._catalogue, self._units, self._report = catalogue, units, report
        self._processes = ProcessWatch(self._died)
        self._beginning: dict[str, asyncio.Task[None]] = {}
        self._heartbeats: dict[str, list[HeartbeatMonitor]] = {}

    def use(self, catalogue: Catalogue) -> None:
        """Take another catalogue for watches that begin from now on."""
        self._catalogue = catalogue

    def watch(self, order: WatchProcess, former: ServiceSpec | None = None) -> None:
        """Begin to watch; a service that is watched already is looked at anew. ``former``: as for ``Runner.run``."""
        self.unwatch(UnwatchProcess(order.service))
        spec = former or self._catalogue.services.get(order.service)
        if spec is None:
            return
        if spec.pid_file:
            self._processes.watch(spec.name, spec.pid_file, spec.program)
        elif unit := unit_of(spec):
            self._beginning[spec.name] = asyncio.get_running_loop().create_task(self._watch_unit(spec.name, unit))
        for row in self._catalogue.heartbeats:
            if row.service == spec.name:
                try:
                    monitor = HeartbeatMonitor(row, self._heard)
                except ValueError as exc:
                    LOG.error("No heartbeat: %s", exc)
                    continue
                self._heartbeats.setdefault(spec.name, []).append(monitor)
                monitor.start()

    def unwatch(self, order: UnwatchProcess) -> None:
        """End the watch; nothing is reported for it any more."""
        self._processes.unwatch(order.service)
        self._units.unwatch(order.service)
        task = self._beginning.pop(order.service, None)
        if task is not None:
            task.cancel()
        for monitor in self._heartbeats.pop(order.service, ()):
            monitor.stop()

    async def close(self) -> None:
        """End all watches; the connection to systemd belongs to others."""
        for service in {*self._catalogue.services, *self._beginning, *self._heartbeats}:
            self.unwatch(UnwatchProcess(service))
        await self._processes.close()

    async def _watch_unit(self, service: str, unit: str) -> None:
        try:
            await self._units.watch(service, unit, lambda reason: self._died(service, reason))
        except UnitRefused as exc:
            LOG.error("The unit of %s is not watched: %s", service, exc)

    def _heard(self, event: ProcessDied | AuditNow) -> None:
        if isinstance(event, ProcessDied):
            self._died(event.service, event.reason)
        else:
            self._report(event)

    def _died(self, service: str, reason: str) -> None:
        self.unwatch(UnwatchProcess(service))
        self._report(ProcessDied(service, reason))
