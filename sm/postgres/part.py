# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL as a part of the replicated data: runs the watcher, and answers from what it saw last."""
from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput
from sm.core.model import ServiceSpec
from sm.daemon.told import ToldPart
from sm.postgres import settings
from sm.postgres.reports import Order, Seen

LOG = logging.getLogger(__name__)
HANG_S = 150.0
"""A watcher that says nothing for this long is killed. It may wait for two checkpoints."""
AGAIN_S = 1.0


class PostgresPart(ToldPart[Seen]):
    """The part of one cluster. ``path``: the settings of sm-postgres."""

    name = "postgres"

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        super().__init__(clock, "the server has not been seen lately")
        self._path = path
        self._order: Order | None = None
        self._process: asyncio.subprocess.Process | None = None

    def first_members(self) -> frozenset[str]:
        """This node if its cluster was initialised here; a standby, or nothing, has the data of nobody yet."""
        try:
            found = settings.read(self._path)
        except FlockError as error:
            LOG.error("nobody's data is current: %s", error)
            return frozenset()
        data = found.data_directory
        own = ((data / "global/pg_control").exists() and not (data / "standby.signal").exists()
               and not found.beside("rewinding").exists())
        return frozenset({found.name}) if own else frozenset()

    def require(self, nodes: frozenset[str], order: int) -> None:
        """Hand the order to the watcher, now or when it runs."""
        self._order = Order(order, tuple(sorted(nodes)))
        self._tell()

    def in_sync(self) -> frozenset[str]:
        """The standbys in sync; nobody when that was seen too long ago."""
        seen = self.fresh()
        return frozenset() if seen is None else frozenset(seen.in_sync)

    def wrong(self, told: Seen) -> tuple[str, ...]:
        """What the watcher says."""
        return (told.problem,) if told.problem else ()

    def take(self, line: bytes) -> None:
        """Take in what the watcher says."""
        try:
            seen: Seen = codec_for(Seen).decode(line, "seen")
        except InvalidInput as error:
            self._problem = f"its watcher says something else: {error}"
            return
        self.heard(seen)

    async def _keep(self) -> None:
        """Have a watcher run, and start another one when it has ended or hangs."""
        while True:
            try:
                await self._watch()
            except (OSError, TimeoutError, ValueError) as error:
                self._problem = f"its watcher does not work: {error or 'it hangs'}"
                LOG.warning("The watcher of PostgreSQL: %s", self._problem)
            finally:
                await self._end()
            await asyncio.sleep(AGAIN_S)

    async def _watch(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sm.cmd.postgres", "--config", str(self._path), "watch",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        self._process = process
        assert process.stdout is not None  # noqa: S101 - it was asked for
        self._tell()
        while True:
            async with asyncio.timeout(HANG_S):
                line = await process.stdout.readline()
            if not line:
                return
            self.take(line)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    def _tell(self) -> None:
        if self._process is not None and self._process.stdin is not None and self._order is not None:
            self._process.stdin.write(codec_for(Order).encode(self._order, "order") + b"\n")


def make(spec: ServiceSpec, me: str, others: frozenset[str]) -> PostgresPart:
    """The part of a service of the catalogue."""
    return PostgresPart(Path(spec.parameters.get("settings", "")) if spec.parameters.get("settings") else settings.FILE,
                        lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000)
