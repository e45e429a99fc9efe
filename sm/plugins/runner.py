# SPDX-License-Identifier: Apache-2.0
"""Executes ``RunAction`` and ``CancelAction``: attempts with time limits and retries, one answer for each run.

At most one run of a service at a time. How many run at once is limited, separately for audits, so that services that
start slowly do not keep audits from running, nor the other way round; the rest waits in the order of arrival.
"""
from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sm.contract.states import AUDITS, ActionResult, PluginKind
from sm.core.actions import CancelAction, RunAction
from sm.core.events import ActionDone
from sm.core.model import ActionSpec, Catalogue, ServiceSpec
from sm.core.resultrows import FAILURE, TIMEOUT
from sm.plugins.plugin import Job, Outcome, Plugin, PluginFailed
from sm.plugins.results import Meaning, Results, Tries, again

LOG = logging.getLogger(__name__)

# How long a plug-in may take to end what it has started; killing a scope takes at most 12 s.
END_S = 15.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many run at once, how many may wait or run in all, and what is added to each time limit (seconds).
    ``again_s``: before an attempt that follows a failure; what it failed at may need a moment."""

    changes_max: int = 32
    audits_max: int = 8
    runs_max: int = 1024
    timeout_extension_s: int = 0
    end_s: float = END_S
    again_s: float = 0.5


@dataclass(slots=True)
class _Run:
    order: RunAction
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Ending:
    """Runs of a service that were cancelled and are ending, and attempts that do not end."""

    runs: set[asyncio.Task[None]] = field(default_factory=set)
    stuck: set[asyncio.Task[Outcome]] = field(default_factory=set)


class Runner:
    """The executing side of the engines. ``report`` gets the answers, in the event loop's thread."""

    def __init__(self, plugins: Mapping[PluginKind, Plugin], catalogue: Catalogue,
                 report: Callable[[ActionDone], None], limits: Limits | None = None) -> None:
        self._plugins, self._report, self._limits = plugins, report, limits or Limits()
        self._changes = asyncio.Semaphore(self._limits.changes_max)
        self._audits = asyncio.Semaphore(self._limits.audits_max)
        self._runs: dict[str, _Run] = {}
        self._ending: dict[str, _Ending] = {}
        self.use(catalogue)

    def use(self, catalogue: Catalogue) -> None:
        """Take another catalogue; what is running ends by the old one."""
        self._catalogue = catalogue
        self._results = Results(catalogue.results)

    def run(self, order: RunAction, former: ServiceSpec | None = None) -> None:
        """Execute the action and report ``ActionDone`` once.

        An earlier run of the same service is cancelled first; nothing is reported for it. ``former``: how the service
        was defined when it was started, where the catalogue has changed since.
        """
        self._end(order.service)
        service = former or self._catalogue.services.get(order.service)
        spec = service.actions.get(order.action) if service is not None else None
        if service is None or spec is None:
            missing = f"has no action {order.action}" if service is not None else "is not in the catalogue"
            self._answer(order, Meaning(ActionResult.FAILED, reason=f"{order.service} {missing}"))
            return
        if len(self._runs) + sum(len(ending.runs) for ending in self._ending.values()) >= self._limits.runs_max:
            self._answer(order, Meaning(
                ActionResult.FAILED, reason=f"{self._limits.runs_max} actions run or wait, which is the limit"))
            return
        run = self._runs[order.service] = _Run(order)
        run.task = asyncio.get_running_loop().create_task(self._work(run, Job(service, spec)))

    def cancel(self, order: CancelAction) -> None:
        """Kill what the run has started; nothing is reported for it. A run that has ended is ignored."""
        run = self._runs.get(order.service)
        if run is not None and run.order.run_id == order.run_id:
            self._end(order.service)

    async def close(self) -> None:
        """Cancel all runs and give back what the plug-ins hold."""
        for service in list(self._runs):
            self._end(service)
        ending = [task for one in self._ending.values() for task in one.runs]
        if ending:
            await asyncio.wait(ending, timeout=self._limits.end_s + 1)
        for plugin in self._plugins.values():
            await plugin.close()

    def _end(self, service: str) -> None:
        run = self._runs.pop(service, None)
        if run is None or run.task is None:
            return
        task, ending = run.task, self._ending.setdefault(service, _Ending())
        ending.runs.add(task)
        task.cancel()

        def ended(_: object) -> None:
            ending.runs.discard(task)
            self._forget(service)

        task.add_done_callback(ended)

    def _forget(self, service: str) -> None:
        ending = self._ending.get(service)
        if ending is not None and not ending.runs and not ending.stuck:
            del self._ending[service]

    async def _work(self, run: _Run, job: Job) -> None:
        service = run.order.service
        ending = self._ending.get(service)
        if ending is not None and ending.runs:
            await asyncio.wait(set(ending.runs))
        async with self._audits if job.spec.action in AUDITS else self._changes:
            meaning = await self._attempts(job)
        if self._runs.get(service) is run:
            del self._runs[service]
            self._answer(run.order, meaning)

    async def _attempts(self, job: Job) -> Meaning:
        tries = Tries()
        while True:
            code, text = await self._attempt(job)
            meaning = self._results.meaning(job.spec, code, text)
            tries = tries.counted(code)
            if not again(meaning, code, tries, job.spec.retries):
                return meaning
            LOG.info("Again: %s: %s", job.service.name, meaning.reason)
            if code != TIMEOUT:
                await asyncio.sleep(self._limits.again_s)

    async def _attempt(self, job: Job) -> tuple[str, str]:
        """Code and text of one attempt, which has ended when this returns, whatever the plug-in does."""
        plugin = self._plugins.get(job.spec.plugin)
        if plugin is None:
            return FAILURE, f"there is no usable plug-in for {job.spec.plugin}"
        ending = self._ending.get(job.service.name)
        if ending is not None and ending.stuck:
            return FAILURE, "an earlier attempt, which was given up, has not ended yet"
        task = asyncio.get_running_loop().create_task(plugin.attempt(job))
        try:
            await asyncio.wait([task], timeout=self._limit_s(job.spec))
        except asyncio.CancelledError:
            await self._stop(job.service.name, task)
            raise
        if not task.done():
            await self._stop(job.service.name, task)
            return TIMEOUT, _text_of(task)
        return _ended(job, task)

    def _limit_s(self, spec: ActionSpec) -> int:
        return max(spec.timeout_s, 1) + self._limits.timeout_extension_s

    async def _stop(self, service: str, task: asyncio.Task[Outcome]) -> None:
        """Cancel an attempt and wait for its end; one that does not end keeps the service from further attempts.

        A run that is cancelled meanwhile waits as well.
        """
        loop, cancelled = asyncio.get_running_loop(), False
        task.cancel()
        deadline = loop.time() + self._limits.end_s
        while not task.done() and (left_s := deadline - loop.time()) > 0:
            try:
                await asyncio.wait([task], timeout=left_s)
            except asyncio.CancelledError:
                cancelled = True
        if not task.done():
            self._give_up(service, task)
        if cancelled:
            raise asyncio.CancelledError

    def _give_up(self, service: str, task: asyncio.Task[Outcome]) -> None:
        LOG.error("An attempt of %s does not end; the plug-in is faulty", service)
        ending = self._ending.setdefault(service, _Ending())
        ending.stuck.add(task)

        def ended(_: object) -> None:
            ending.stuck.discard(task)
            self._forget(service)

        task.add_done_callback(ended)

    def _answer(self, order: RunAction, meaning: Meaning) -> None:
        self._report(ActionDone(order.service, order.action, order.run_id, meaning.result, meaning.state,
                                meaning.status, meaning.condition, meaning.reason))


def _text_of(task: asyncio.Task[Outcome]) -> str:
    """What an attempt that was stopped still had to say."""
    if not task.done() or task.cancelled():
        return ""
    return str(task.exception() or task.result().text)


def _ended(job: Job, task: asyncio.Task[Outcome]) -> tuple[str, str]:
    if task.cancelled():
        return FAILURE, "the plug-in gave up"
    exc = task.exception()
    if exc is None:
        outcome = task.result()
        return str(outcome.code), outcome.text
    if isinstance(exc, PluginFailed):
        return FAILURE, str(exc)
    LOG.error("The plug-in for %s failed", job.spec.plugin, exc_info=exc)
    return FAILURE, f"the plug-in failed: {type(exc).__name__}: {exc}"
