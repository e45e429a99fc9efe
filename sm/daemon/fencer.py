# SPDX-License-Identifier: Apache-2.0
"""Switches nodes off with fence agents, which speak ``key=value`` on standard input, and confirms that they are off."""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from sm.core.domain.events import AskFenced, Fence, FenceAnswered
from sm.daemon.settings import FenceDevice
from sm.plugins.plugin import PluginFailed
from sm.plugins.reaper import Program
from sm.plugins.scope import NotStarted, Scopes
from sm.plugins.script import BASE, check_program

LOG = logging.getLogger(__name__)
ON, OFF = 0, 2
"""Exit statuses of a fence agent's ``action=status``; all others mean that nothing is known."""
STATUS_PAUSE_S = 0.3
MARGIN_S = 0.5
"""The answer comes this much before the decision counts the attempt as unanswered."""


class Fencer:
    """Carries out ``Fence`` and ``AskFenced``; ``report`` gets the answers. One agent runs for a node at a time.

    Only the status that the agent tells *after* the question proves anything: a successful ``off`` does not.
    """

    def __init__(self, devices: Mapping[str, FenceDevice], scopes: Scopes, report: Callable[[FenceAnswered], None],
                 limit_s: float) -> None:
        self._devices, self._scopes, self._report = dict(devices), scopes, report
        self._limit_s = max(limit_s - MARGIN_S, MARGIN_S)
        self._running: dict[str, tuple[bool, asyncio.Task[None]]] = {}
        self._restarting: set[asyncio.Task[None]] = set()

    @property
    def fenceable(self) -> frozenset[str]:
        """The nodes that can be switched off from here."""
        return frozenset(self._devices)

    def fence(self, order: Fence) -> None:
        """Switch the node off; answered once. A question about it that still runs is given up for that."""
        LOG.warning("Fencing %s: %s", order.target, order.permit.reason)
        self._begin(order.target, order.asked_ms, strike=True)

    def ask(self, order: AskFenced) -> None:
        """Ask whether the node is off; answered once. While an agent runs for it, the question is dropped: the
        decision asks again."""
        if order.target not in self._running:
            self._begin(order.target, order.asked_ms, strike=False)

    async def close(self) -> None:
        """Give up what runs; nothing is answered any more."""
        tasks = [*(task for _, task in self._running.values()), *self._restarting]
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, target: str, asked_ms: int, strike: bool) -> None:
        device = self._devices.get(target)
        if device is None:
            self._report(FenceAnswered(target, False, asked_ms, f"no fence agent for {target} is configured"))
            return
        before = self._running.get(target)
        if before is not None:
            if before[0]:
                self._report(FenceAnswered(target, False, asked_ms, "an earlier attempt still runs"))
                return
            before[1].cancel()
        task = asyncio.get_running_loop().create_task(self._work(target, device, asked_ms, strike))
        self._running[target] = (strike, task)

    async def _work(self, target: str, device: FenceDevice, asked_ms: int, strike: bool) -> None:
        off, detail = False, ""
        try:
            async with asyncio.timeout(self._limit_s):
                off, detail = await (self._switched_off(device) if strike else self._status(device))
        except TimeoutError:
            detail = f"no confirmation within {self._limit_s:g} s"
        except (PluginFailed, NotStarted) as exc:
            detail = str(exc)
        if self._running.get(target, (False, None))[1] is asyncio.current_task():
            del self._running[target]
            LOG.warning("%s is %s%s", target, "off" if off else "not proven to be off", f": {detail}" if detail else "")
            self._report(FenceAnswered(target, off, asked_ms, detail[:500]))
            if strike and off and device.restart:
                task = asyncio.get_running_loop().create_task(self._switched_on(target, device))
                self._restarting.add(task)
                task.add_done_callback(self._restarting.discard)

    async def _switched_on(self, target: str, device: FenceDevice) -> None:
        """Let the node start again; it finds out by itself what it may run. One that stays off needs an operator."""
        try:
            async with asyncio.timeout(self._limit_s):
                status, text = await self._run(device, "on")
            problem = "" if status == 0 else _last(text)
        except TimeoutError:
            problem = f"no answer within {self._limit_s:g} s"
        except (PluginFailed, NotStarted) as exc:
            problem = str(exc)
        LOG.warning("%s is switched on again%s", target, f": {problem}" if problem else "")

    async def _switched_off(self, device: FenceDevice) -> tuple[bool, str]:
        """Order it, whatever the agent says about that, and look until the power is off or the time is up."""
        status, text = await self._run(device, "off")
        said = "" if status == 0 else f"the agent's off ended with {status}: {_last(text)}"
        while True:
            off, detail = await self._status(device)
            if off or status != 0:
                return off, "" if off else said or detail
            await asyncio.sleep(STATUS_PAUSE_S)

    async def _status(self, device: FenceDevice) -> tuple[bool, str]:
        status, text = await self._run(device, "status")
        if status in (ON, OFF):
            return status == OFF, "" if status == OFF else "its power is on"
        return False, f"the agent's status ended with {status}: {_last(text)}"

    async def _run(self, device: FenceDevice, action: str) -> tuple[int, str]:
        check_program(Path(device.program))
        lines = [f"action={action}", *(f"{name}={value}" for name, value in device.parameters.items())]
        # Nothing is active until the agent has answered: on a busy machine it comes before all ordinary work.
        program = Program((device.program, *device.arguments), BASE, urgent=True,
                          stdin="\n".join([*lines, ""]).encode())
        ended = await self._scopes.run(program, f"fence-{action}")
        return ended.status, ended.text


def _last(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")
