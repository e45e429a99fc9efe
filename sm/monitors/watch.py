# SPDX-License-Identifier: Apache-2.0
"""Executes ``WatchProcess`` and ``UnwatchProcess``: by pid file, by unit of systemd, or not at all."""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sm.contract.states import PluginKind, ServiceAction
from sm.core.actions import UnwatchProcess, WatchProcess
from sm.core.events import ProcessDied
from sm.core.model import Catalogue, ServiceSpec
from sm.monitors.process import ProcessWatch
from sm.systemd.units import UnitRefused, Units

LOG = logging.getLogger(__name__)


def unit_of(spec: ServiceSpec) -> str:
    """The unit that the service is started by; empty when it is no unit."""
    start = spec.actions.get(ServiceAction.ENABLE)
    return start.name if start is not None and start.plugin is PluginKind.SYSTEMD else ""


class Watches:
    """``report`` gets a ``ProcessDied`` at most once for each watch. Services with neither are left to their audits."""

    def __init__(self, catalogue: Catalogue, units: Units, report: Callable[[ProcessDied], None]) -> None:
        self._catalogue, self._units, self._report = catalogue, units, report
        self._processes = ProcessWatch(self._died)
        self._beginning: dict[str, asyncio.Task[None]] = {}

    def use(self, catalogue: Catalogue) -> None:
        """Take another catalogue for watches that begin from now on."""
        self._catalogue = catalogue

    def watch(self, order: WatchProcess) -> None:
        """Begin to watch; a service that is watched already is looked at anew."""
        self.unwatch(UnwatchProcess(order.service))
        spec = self._catalogue.services.get(order.service)
        if spec is None:
            return
        if spec.pid_file:
            self._processes.watch(spec.name, spec.pid_file, spec.program)
        elif unit := unit_of(spec):
            self._beginning[spec.name] = asyncio.get_running_loop().create_task(self._watch_unit(spec.name, unit))

    def unwatch(self, order: UnwatchProcess) -> None:
        """End the watch; nothing is reported for it any more."""
        self._processes.unwatch(order.service)
        self._units.unwatch(order.service)
        task = self._beginning.pop(order.service, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """End all watches; the connection to systemd belongs to others."""
        for service in list(self._catalogue.services):
            self.unwatch(UnwatchProcess(service))
        await self._processes.close()

    async def _watch_unit(self, service: str, unit: str) -> None:
        try:
            await self._units.watch(service, unit, lambda reason: self._died(service, reason))
        except UnitRefused as exc:
            LOG.error("The unit of %s is not watched: %s", service, exc)

    def _died(self, service: str, reason: str) -> None:
        self._units.unwatch(service)
        self._report(ProcessDied(service, reason))
