# SPDX-License-Identifier: Apache-2.0
"""What the conductor does for a decision, as steps of stored tasks: scripts, orders to agents, files, the inventory.

A task looks first whether the deployment still waits for it: after a crash it may be called again.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from flock.core.errors import FlockError
from flock.jobs.steps import OperationView, Step, Steps, Wait
from patching.conductor import machine as kinds
from patching.conductor.machine import Machine
from patching.conductor.scripts import Scripts
from patching.contract.records import InstallOrder
from patching.contract.rpc import PatchingAgent
from patching.contract.states import DeployState, HostState
from patching.contract.version import Version
from patching.core.actions import Phase
from patching.core.events import ScriptsEnded
from patching.core.operations.releases import committed_with

LOG = logging.getLogger(__name__)
RUNNING = frozenset({HostState.DEPLOYING, HostState.ROLLBACK_DEPLOYING})
IN_SCRIPTS = {Phase.START: DeployState.START, Phase.ACTIVATE: DeployState.ACTIVATE,
              Phase.ACTIVATE_ROLLBACK: DeployState.ACTIVATE_ROLLBACK}
END_AGAIN_S = 60.0
AgentOf = Callable[[str], PatchingAgent]


class Repository(Protocol):
    """The releases' files on this controller."""

    def remove(self, release_id: str) -> None:
        """Remove the files of a release; nothing when there are none."""

    def spare(self, release_ids: Sequence[str]) -> int:
        """Remove what committed releases, in order, do not need any more. The bytes that were freed."""

    def tidy(self) -> None:
        """Remove what an interruption has left."""

    def set_current(self, version: str, release_ids: Sequence[str]) -> None:
        """Say what hosts shall run that were told nothing else."""


class Hands:
    """The steps of the tasks."""

    def __init__(self, machine: Machine, agent_of: AgentOf, scripts: Scripts, repository: Repository,
                 *, repeat_s: float, install_timeout_s: int) -> None:
        self._machine, self._agent_of, self._scripts, self._repository = machine, agent_of, scripts, repository
        self._repeat_s, self._install_timeout_s = repeat_s, install_timeout_s

    def kinds(self, script_timeout_s: float) -> dict[str, Steps]:
        """The plans by kind of task."""
        return {
            kinds.SCRIPTS: Steps(kinds.SCRIPTS, Step("run", self.run_scripts, timeout_s=100 * script_timeout_s)),
            kinds.INSTALL: Steps(kinds.INSTALL, Step("order", self.order_install,
                                                     timeout_s=self._install_timeout_s + 600.0)),
            kinds.CLEAN_UP: Steps(kinds.CLEAN_UP, Step("end", self.end_deployment, timeout_s=6 * 3600),
                                  Step("clean up", self.clean_up, timeout_s=3600)),
            kinds.DELETE_CONTENT: Steps(kinds.DELETE_CONTENT, Step("delete", self.delete_content, timeout_s=3600)),
            kinds.SPARE_CONTENT: Steps(kinds.SPARE_CONTENT, Step("spare", self.spare_content, timeout_s=3600)),
        }

    def run_scripts(self, task: OperationView) -> None:
        """Run the scripts of a phase, and tell the state machine how that ended."""
        phase, attempt = Phase(task.params["phase"]), int(task.params["attempt"])
        stored = self._machine.store.load()
        deploy = stored.view.deploy
        if deploy is None or stored.deploy_uuid != task.params["deploy"] or deploy.attempt != attempt or (
                deploy.state is not IN_SCRIPTS[phase]):
            LOG.info("the scripts of %s, attempt %d, are not waited for any more", phase, attempt)
            return
        error = ""
        try:
            self._scripts.run(phase, attempt, stored)
        except FlockError as failure:
            error = str(failure)
        except Exception as failure:
            LOG.exception("the scripts of %s failed", phase)
            error = f"{type(failure).__name__}: {failure}"
        content = stored.contents.get(deploy.covers[-1]) if deploy.covers else None
        self._machine.happen(ScriptsEnded(attempt, error, "" if content is None else content.commit))

    def order_install(self, task: OperationView) -> Wait | None:
        """Order an installation of a host's agent, again and again until there is a result: any message may be lost."""
        hostname, attempt = str(task.params["hostname"]), int(task.params["attempt"])
        stored = self._machine.store.load()
        row = stored.view.rows.get(hostname)
        if stored.deploy_uuid != task.params["deploy"] or row is None or row.attempt != attempt or (
                row.state not in RUNNING):
            return None
        version = Version.parse(str(task.params["version"]))
        order = InstallOrder(
            stored.deploy_uuid, hostname, attempt, version.text, stored.contents_of(version),
            bool(task.params["reboot_required"]), row.state is HostState.ROLLBACK_DEPLOYING, self._install_timeout_s)
        try:
            self._agent_of(hostname).install(order=order)
        except FlockError as error:
            LOG.warning("the order to install does not reach %s: %s", hostname, error)
        return Wait(self._repeat_s)

    def end_deployment(self, task: OperationView) -> Wait | None:
        """Run the scripts that end the deployment; after a failure again and again, unless the next one has begun."""
        covers, versions = task.params.get("covers", []), task.params.get("versions", ["", ""])
        stored = self._machine.store.load()
        if stored.view.deploy is not None:
            LOG.warning("what %s has left stays: the next deployment has begun", ", ".join(covers))
            return None
        try:
            self._scripts.end(stored, covers, *versions)
        except FlockError as failure:
            LOG.error("the deployment from %s to %s is not at its end: %s", *versions, failure)
            return Wait(END_AGAIN_S)
        return None

    def clean_up(self, task: OperationView) -> None:
        """Remove what the deployment has left, here and on the hosts. A host that does not hear it keeps some files
        until the next deployment ends."""
        stored = self._machine.store.load()
        kept = sorted(stored.view.releases)
        self._repository.tidy()
        running = stored.view.running
        self._repository.set_current(running.text, [one.release_id for one in stored.contents_of(running)])
        for hostname in self._machine.store.agents():
            try:
                self._agent_of(hostname).clean_up(deploy_id=str(task.params["deploy"]), keep=kept)
            except FlockError as error:
                LOG.warning("%s is not told to clean up: %s", hostname, error)

    def delete_content(self, task: OperationView) -> None:
        """Remove the files of a release, unless it was uploaded again."""
        release = str(task.params["release"])
        if release not in self._machine.store.load().view.releases:
            self._repository.remove(release)

    def spare_content(self, _task: OperationView) -> None:
        """Remove the files of committed releases that nobody needs: the system returns to none of what was before."""
        freed = self._repository.spare(committed_with(self._machine.store.load().view, ()))
        LOG.info("%d bytes of committed releases were freed", freed)
