# SPDX-License-Identifier: Apache-2.0
"""Turns events into stored steps: loads the view, decides, stores the change and the tasks in one transaction."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flock.core.errors import StaleWrite, Unavailable
from flock.core.records import replace
from flock.db import new_uuid
from flock.jobs.operations import Operations
from patching.conductor.store import Change, NewTask, Store, now_ms
from patching.contract.records import Content, Reply
from patching.contract.states import Owner
from patching.contract.stored import ReleaseDetails
from patching.core import actions as act
from patching.core import guards
from patching.core.actions import Action
from patching.core.events import Event
from patching.core.model import Host, Precheck, Release, View
from patching.core.settings import Settings
from patching.core.step import step
from patching.db.views import Stored

LOG = logging.getLogger(__name__)
TRIES_MAX = 5
SCRIPTS, INSTALL, CLEAN_UP, DELETE_CONTENT = "scripts", "install", "clean-up", "delete-content"
SPARE_CONTENT = "spare-content"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is not stored: the hosts as the inventory and their agents say now, and whether controllers agree."""

    hosts: Mapping[str, Host]
    in_sync: bool = True


class PrecheckNeeded(Exception):
    """The step wants a precheck first."""

    def __init__(self, release: str, relaxed: bool) -> None:
        super().__init__(release)
        self.release, self.relaxed = release, relaxed


class Machine:
    """The only writer of releases and their deployment. Steps are taken one at a time."""

    def __init__(self, store: Store, settings: Settings, active: str) -> None:
        self.store, self.settings, self._active = store, settings, active
        self.stop_scripts: Callable[[int], None] = lambda _attempt: None
        self.changed: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._tasks: Operations | None = None

    def run_tasks_with(self, tasks: Operations) -> None:
        """Set where the tasks of actions are stored."""
        self._tasks = tasks

    @property
    def tasks(self) -> Operations:
        """Where the tasks of actions are stored."""
        if self._tasks is None:
            raise Unavailable(service="patching-conductor", reason="it is starting")
        return self._tasks

    def happen(self, event: Event, around: Surroundings | None = None, *, owner: Owner | None = None,
               request_id: str = "", reply: Reply | None = None) -> None:
        """Take one step and store it with the ``reply`` to the order ``request_id``. ``owner``: through which interface
        the order came.

        SoftwareRefused, UnknownRelease: nothing was changed; PrecheckNeeded; Repeated: the order was carried out
        meanwhile.
        """
        def decide(stored: Stored) -> tuple[View, tuple[Action, ...], Change] | None:
            view = self.surrounded(stored, around)
            if owner is not None:
                guards.no_other_owner(view, owner)
            after, actions = step(view, event, now_ms(), self.settings)
            for action in actions:
                if isinstance(action, act.RunPrecheck):
                    raise PrecheckNeeded(action.release, action.relaxed)
            if after == view and not actions and reply is None:
                return None
            uuid = stored.deploy_uuid or new_uuid()
            tasks = tuple(task for action in actions for task in _task(action, uuid))
            return after, actions, Change(uuid, tasks=tasks, request_id=request_id, reply=reply)

        for action in self._store(decide):
            LOG.info("%s", action)
            if isinstance(action, act.StopScripts):
                self.stop_scripts(action.attempt)

    def put_release(self, release: Release, details: ReleaseDetails, content: Content | None) -> None:
        """Store a release that was uploaded; of a known one its description."""
        def decide(stored: Stored) -> tuple[View, tuple[Action, ...], Change]:
            contents = {} if content is None else {release.id: content}
            known = stored.view.releases.get(release.id)
            kept = release if known is None else replace(release, state=known.state)
            view = replace(stored.view, releases={**stored.view.releases, release.id: kept})
            return view, (), Change(stored.deploy_uuid, {release.id: details}, contents)

        self._store(decide)

    def put_precheck(self, check: Precheck) -> None:
        """Store the result of a precheck."""
        self._store(lambda stored: (replace(stored.view, precheck=check), (), Change(stored.deploy_uuid)))

    def surrounded(self, stored: Stored, around: Surroundings | None) -> View:
        """The view with what is not stored. A host of the deployment that the inventory does not have was deleted;
        until that is stored, it does no work."""
        if around is None:
            return replace(stored.view, active=self._active)
        lost = {name: Host(0, name, "", "locked", "disabled", "offline", None)
                for name in stored.view.rows if name not in around.hosts}
        return replace(stored.view, hosts={**around.hosts, **lost}, active=self._active, in_sync=around.in_sync)

    def _store(self, decide: Callable[[Stored], tuple[View, tuple[Action, ...], Change] | None]
               ) -> tuple[Action, ...]:
        with self._lock:
            for tries_left in reversed(range(TRIES_MAX)):
                stored = self.store.load()
                decided = decide(stored)
                if decided is None:
                    return ()
                after, actions, change = decided
                try:
                    self.store.commit(stored, after, change, self.tasks)
                except StaleWrite:
                    # The other controller's conductor stores its last step, or an operator has edited a row.
                    if not tries_left:
                        raise
                    continue
                break
        self.tasks.nudge()
        self.changed()
        return actions


def _task(action: Action, deploy_uuid: str) -> list[NewTask]:
    """The task that carries out an action."""
    params: dict[str, Any] = {"deploy": deploy_uuid}
    if isinstance(action, act.RunScripts):
        return [NewTask(SCRIPTS, "deploy", {**params, "phase": action.phase.value, "attempt": action.attempt})]
    if isinstance(action, act.Install):
        return [NewTask(INSTALL, f"host={action.hostname}", {
            **params, "hostname": action.hostname, "version": action.version, "attempt": action.attempt,
            "reboot_required": action.reboot_required})]
    if isinstance(action, act.CleanUp):
        return [NewTask(CLEAN_UP, "deploy", {**params, "covers": list(action.covers),
                                             "versions": [action.from_version, action.to_version]})]
    if isinstance(action, act.DeleteContent):
        return [NewTask(DELETE_CONTENT, f"release={action.release}", {"release": action.release})]
    if isinstance(action, act.SpareContent):
        return [NewTask(SPARE_CONTENT, "committed", {})]
    return []
