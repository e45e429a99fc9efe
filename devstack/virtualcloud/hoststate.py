# SPDX-License-Identifier: Apache-2.0
"""The state of a host: stores every change of its record, logs it on the console, and wakes waiting tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from devstack.virtualcloud import boot
from devstack.virtualcloud.boot import Stage
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.record import HostRecord, Store

CONSOLE_BYTES_MAX = 8 * 1024 * 1024


class HostState:
    """The only writer of a host's record."""

    def __init__(self, store: Store, record: HostRecord) -> None:
        self.record = record
        self.dir: Path = store.host_dir(record.name)
        self._store = store
        self._changed = asyncio.Event()
        self.watchers: list[Callable[[], None]] = []

    @property
    def name(self) -> str:
        """Return the host's name in the lab."""
        return self.record.name

    @property
    def console(self) -> Path:
        """Return the path of the host's console log."""
        return self.dir / "console.log"

    @property
    def shown_stage(self) -> Stage:
        """Return the stage to show."""
        return boot.shown_stage(self.record.stage, self.record.hung)

    def set(self, **values: object) -> None:
        """Change fields of the record, write it, wake waiters, call watchers."""
        for name, value in values.items():
            setattr(self.record, name, value)
        self._store.save_host(self.record)
        self._changed.set()
        for watcher in self.watchers:
            watcher()

    def say(self, stage: Stage, detail: str) -> None:
        """Enter a stage and log it on the console; does nothing when stage and text are unchanged."""
        if (stage, detail) != (self.record.stage, self.record.detail):
            self.tell(f"{stage}: {detail}")
            self.set(stage=stage, detail=detail)

    def tell(self, text: str) -> None:
        """Write a line of the firmware to the console."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        with self.console.open("a", encoding="utf-8") as stream:
            stream.write(f"[{now} firmware] {text}\n")

    def rotate_console(self) -> None:
        """Keep one older console log when the present one is large."""
        if self.console.exists() and self.console.stat().st_size > CONSOLE_BYTES_MAX:
            self.console.replace(self.console.with_suffix(".log.1"))

    def need_system(self) -> None:
        """Raise LabError for a host that has no system running or booting."""
        if self.record.stage not in boot.RUNNING:
            raise LabError(f"{self.name} has no running system (it is {self.shown_stage})")

    def need_power(self) -> None:
        """Raise LabError for a host without power."""
        if not self.record.power:
            raise LabError(f"{self.name} is off")

    async def wait_for(self, stages: Iterable[Stage], timeout_s: float) -> Stage:
        """Wait until the shown stage is one of the given ones; LabError after the time limit."""
        wanted = set(stages)
        try:
            async with asyncio.timeout(timeout_s):
                while self.shown_stage not in wanted:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            names = " or ".join(sorted(wanted))
            detail = f" ({self.record.detail})" if self.record.detail else ""
            raise LabError(f"{self.name} is {self.shown_stage}{detail}, not {names}, after {timeout_s:g} s") from None
        return self.shown_stage
