# SPDX-License-Identifier: Apache-2.0
"""Reports the end of processes that pid files name, the moment it happens."""
from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

from sm.monitors import pidfile
from sm.monitors.pidfile import NoProcess, Trouble

LOG = logging.getLogger(__name__)

RETRY_S = 2.0
WATCHES_MAX = 512


class ProcessWatch:
    """One watch for each name. ``report`` is called once, with the name and a sentence; then the watch has ended.

    A file that is missing, unreadable or another's proves nothing: it is read again every two seconds, and audits
    find out what is wrong. A file that names no living process is reported when a second look finds the same.
    """

    def __init__(self, report: Callable[[str, str], None], retry_s: float = RETRY_S) -> None:
        self._report, self._retry_s = report, retry_s
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def watch(self, name: str, path: str, program: str = "") -> None:
        """Begin a watch, or begin it again."""
        self.unwatch(name)
        if len(self._tasks) >= WATCHES_MAX:
            LOG.error("The process of %s is not watched: %s are, which is the limit", name, WATCHES_MAX)
            return
        self._tasks[name] = asyncio.get_running_loop().create_task(self._follow(name, path, program))

    def unwatch(self, name: str) -> None:
        """End a watch; nothing is reported for it any more."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """End all watches."""
        tasks = list(self._tasks.values())
        for name in list(self._tasks):
            self.unwatch(name)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, name: str, path: str, program: str) -> None:
        said, stale, known, reason = "", False, None, ""
        while True:
            try:
                found = pidfile.held(path, program, known)
            except NoProcess as exc:
                if exc.trouble is Trouble.STALE and (stale or known is not None):
                    self._done(name, reason or str(exc))
                    return
                if known is not None and exc.trouble is not Trouble.STALE:
                    # The process that was watched has ended, and the file names no other of the service.
                    self._done(name, reason)
                    return
                stale = exc.trouble is Trouble.STALE
                if str(exc) != said:
                    said = str(exc)
                    LOG.info("The process of %s is not known yet: %s", name, said)
                await asyncio.sleep(self._retry_s)
                continue
            if known is not None and found.process != known:
                LOG.info("%s goes on as process %s", name, found.process.pid)
            said, stale, known = "", False, found.process
            await _ended(found.descriptor)
            reason = f"process {found.process.pid} of {path} has ended"

    def _done(self, name: str, reason: str) -> None:
        self._tasks.pop(name, None)
        self._report(name, reason)


async def _ended(descriptor: int) -> None:
    """Wait for the end of the process, and close the descriptor."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def ended() -> None:
        if not future.done():
            future.set_result(None)

    loop.add_reader(descriptor, ended)
    try:
        await future
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
