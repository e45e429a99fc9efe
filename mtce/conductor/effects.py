# SPDX-License-Identifier: Apache-2.0
"""Carries out the actions of steps in bounded thread pools; answers return to the loop as events.

Stores nothing: when the process ends, the state machine's timers repeat the actions that were lost.
"""
from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from flock.core.errors import FlockError
from flock.db.outbox import Relay
from flock.jobs.pool import BoundedPool
from mtce.conductor.bmcjobs import BmcJobs
from mtce.conductor.manager import Api, ManagerAudit, answer
from mtce.conductor.pulses import PulseClient
from mtce.contract.records import MtceHost
from mtce.contract.rpc import MtceAgent
from mtce.core import actions as act
from mtce.core.events import BmcAnswer, Event, ManagerAnswer, RebootAnswer
from mtce.core.view import MaintainedHost

LOG = logging.getLogger(__name__)
WAITING_MAX = 5_000
STOP_WAIT_S = 5.0
Post = Callable[[str, Event], None]
AgentOf = Callable[[str], MtceAgent]
"""Maps a hostname to the typed client of that host's agent."""


class PooledEffects:
    """Implements the loop's Effects."""

    def __init__(self, agent_of: AgentOf, jobs: BmcJobs, pulses: PulseClient, post: Post, *, agent_threads: int = 16,
                 bmc_threads: int = 8, manager: Api | None = None) -> None:
        self._agent_of = agent_of
        self._jobs = jobs
        self._pulses = pulses
        self._post = post
        self._relay: Relay | None = None
        self._manager = manager
        self._audit: ManagerAudit | None = None
        self._agents = BoundedPool("mtce-agent-calls", agent_threads, WAITING_MAX)
        self._bmcs = BoundedPool("mtce-bmc", bmc_threads, WAITING_MAX)

    def deliver_with(self, relay: Relay) -> None:
        """Set the relay that ``delivered_soon`` wakes."""
        self._relay = relay

    def audit_with(self, audit: ManagerAudit) -> None:
        """Set the audit that ``perform`` tells of each step."""
        self._audit = audit

    def perform(self, view: MaintainedHost, record: MtceHost, actions: tuple[act.Action, ...]) -> None:
        """Start every action except logs and withheld strikes, which were stored with the step."""
        if self._audit is not None:
            self._audit.changed(view)
        for action in actions:
            if isinstance(action, act.Bmc):
                self._submit(self._bmcs, view, action, functools.partial(self._bmc, view, record, action))
            elif isinstance(action, (act.AskManager, act.Swact)):
                self._submit(self._agents, view, action, functools.partial(self._ask_manager, view, action))
            elif not isinstance(action, (act.Log, act.Withheld)):
                self._submit(self._agents, view, action, functools.partial(self._command, view, action))

    def watch(self, view: MaintainedHost) -> None:
        """Send the host's monitoring to mtce-heartbeat."""
        self._pulses.watch(view)

    def forget(self, uuid: str) -> None:
        """Stop the host's monitoring by mtce-heartbeat."""
        self._pulses.forget(uuid)

    def pulses_session(self) -> int:
        """Return the number of the connection on which mtce-heartbeat reports; 0 while it does not."""
        return self._pulses.session()

    def delivered_soon(self) -> None:
        """Wake the relay, which delivers the stored messages."""
        if self._relay is not None:
            self._relay.nudge()

    def stop(self) -> None:
        """Stop the pools; waits only briefly for running actions."""
        self._agents.stop(STOP_WAIT_S)
        self._bmcs.stop(STOP_WAIT_S)

    def _submit(self, pool: BoundedPool, view: MaintainedHost, action: act.Action, work: Callable[[], None]) -> None:
        try:
            pool.submit(work)
        except FlockError as error:
            LOG.error("%s for %s is not carried out: %s", type(action).__name__, view.hostname, error)
            self._failed(view, action, str(error))

    def _failed(self, view: MaintainedHost, action: act.Action, reason: str) -> None:
        if isinstance(action, act.SendReboot):
            self._post(view.uuid, RebootAnswer(action.command_id, False))
        elif isinstance(action, act.Bmc):
            self._post(view.uuid, BmcAnswer(action.command_id, False, reason=reason))
        elif isinstance(action, (act.AskManager, act.Swact)):
            self._post(view.uuid, ManagerAnswer(action.command_id, False, reason=reason))

    def _ask_manager(self, view: MaintainedHost, action: act.AskManager | act.Swact) -> None:
        if self._manager is None:
            self._failed(view, action, "this system has no service management")
            return
        try:
            self._post(view.uuid, answer(self._manager, view, action))
        except Exception as error:  # noqa: BLE001 - the state machine needs an answer after any error
            LOG.exception("%s for %s failed", type(action).__name__, view.hostname)
            self._failed(view, action, type(error).__name__)

    def _bmc(self, view: MaintainedHost, record: MtceHost, action: act.Bmc) -> None:
        LOG.info("BMC of %s: %s%s", view.hostname, action.verb, " gracefully" if action.graceful else "")
        try:
            answer = self._jobs.run(record, action.verb, action.command_id, graceful=action.graceful)
        except Exception as error:  # noqa: BLE001 - the state machine needs an answer after any error
            LOG.exception("BMC command %s of %s failed", action.verb, view.hostname)
            answer = BmcAnswer(action.command_id, False, reason=type(error).__name__)
        if not answer.ok:
            LOG.warning("BMC of %s: %s failed: %s", view.hostname, action.verb, answer.reason)
        self._post(view.uuid, answer)

    def _command(self, view: MaintainedHost, action: act.Action) -> None:
        try:
            self._tell_agent(self._agent_of(view.hostname), view.uuid, action)
        except FlockError as error:
            LOG.info("%s does not reach the agent of %s: %s", type(action).__name__, view.hostname, error)
            self._failed(view, action, str(error))
        except Exception as error:  # noqa: BLE001 - the state machine needs an answer after any error
            LOG.exception("%s for %s failed", type(action).__name__, view.hostname)
            self._failed(view, action, type(error).__name__)

    def _tell_agent(self, agent: MtceAgent, uuid: str, action: act.Action) -> None:
        if isinstance(action, act.SendReboot):
            agent.reboot(host_uuid=uuid, boot_id=action.boot_id, request_id=action.command_id, delay_s=action.delay_s)
        elif isinstance(action, act.RequestAlive):
            agent.request_mtcalive(host_uuid=uuid)
        elif isinstance(action, act.SetLocked):
            agent.set_locked(host_uuid=uuid, locked=action.locked)
        elif isinstance(action, act.RunGoenabled):
            agent.run_goenabled(host_uuid=uuid, boot_id=action.boot_id, request_id=action.command_id)
        elif isinstance(action, act.StartServices):
            agent.start_services(host_uuid=uuid, boot_id=action.boot_id, request_id=action.command_id)
        elif isinstance(action, act.StopServices):
            agent.stop_services(host_uuid=uuid, boot_id=action.boot_id, request_id=action.command_id)
