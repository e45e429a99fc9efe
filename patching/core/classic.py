# SPDX-License-Identifier: Apache-2.0
"""The classic model as a projection: what ``sw-patch`` says of releases and hosts that the one real model knows."""
from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from patching.contract.states import DeployState as D
from patching.contract.states import HostState as H
from patching.contract.states import Owner
from patching.contract.states import ReleaseState as R
from patching.core.events import Activate, ActivateRollback, Complete, DeleteDeploy, Event
from patching.core.model import Deploy, HostRow, Release, View


class RepoState(enum.StrEnum):
    """Where the classic model has a patch."""

    AVAILABLE = "Available"
    APPLIED = "Applied"
    COMMITTED = "Committed"


class PatchState(enum.StrEnum):
    """What the hosts really run."""

    AVAILABLE = "Available"
    PARTIAL_APPLY = "Partial-Apply"
    APPLIED = "Applied"
    PARTIAL_REMOVE = "Partial-Remove"
    COMMITTED = "Committed"
    UNKNOWN = "n/a"


class Current(enum.StrEnum):
    """Whether a host runs what it should."""

    YES = "Yes"
    NO = "No"
    PENDING = "Pending"
    FAILED = "Failed"


_REPO = {R.AVAILABLE: RepoState.AVAILABLE, R.DEPLOYING: RepoState.APPLIED, R.DEPLOYED: RepoState.APPLIED,
         R.REMOVING: RepoState.AVAILABLE, R.COMMITTED: RepoState.COMMITTED}


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What the agent of a host has reported. ``is_answering``: it did so lately. ``is_out_of_date``: it runs something
    else than the releases that are deployed. ``needs_reboot``: it has installed what only a reboot makes true."""

    hostname: str
    is_answering: bool = True
    is_out_of_date: bool = False
    has_failed: bool = False
    needs_reboot: bool = False


def is_patch(release: Release) -> bool:
    """Whether the classic model shows a release at all."""
    return release.version.is_patch and release.state in _REPO


def repo_state(view: View, release: Release) -> RepoState:
    """Where a patch is; of an aborted deployment it is on the way back."""
    if release.state is R.DEPLOYING and view.deploy is not None and view.deploy.is_aborted:
        return RepoState.AVAILABLE
    return _REPO[release.state]


def patch_state(view: View, release: Release, agents: Mapping[str, AgentFacts]) -> PatchState:
    """What the hosts run of a patch: unknown while no agent has ever answered."""
    if not agents:
        return PatchState.UNKNOWN
    repo = repo_state(view, release)
    if repo is RepoState.COMMITTED:
        return PatchState.COMMITTED
    partial = _is_partial(view, release, agents)
    if repo is RepoState.APPLIED:
        return PatchState.PARTIAL_APPLY if partial else PatchState.APPLIED
    return PatchState.PARTIAL_REMOVE if partial else PatchState.AVAILABLE


def current(view: View, facts: AgentFacts) -> Current:
    """Whether a host runs what it should; pending while nobody can say."""
    row = view.rows.get(facts.hostname)
    # What an agent says of its last installation is old news once another one is due.
    if facts.has_failed if row is None else row.state in (H.FAILED, H.ROLLBACK_FAILED):
        return Current.FAILED
    if not facts.is_answering or (row is not None and row.state in (H.DEPLOYING, H.ROLLBACK_DEPLOYING)):
        return Current.PENDING
    is_due = view.deploy is not None and _is_due(view.deploy, row)
    return Current.NO if facts.is_out_of_date or is_due else Current.YES


def reboot_required(view: View, facts: AgentFacts) -> bool:
    """Whether the host has to reboot before it runs what it should."""
    row = view.rows.get(facts.hostname)
    is_due = view.deploy is not None and view.deploy.reboot_required and _is_due(view.deploy, row)
    return facts.needs_reboot or is_due


def _is_partial(view: View, release: Release, agents: Mapping[str, AgentFacts]) -> bool:
    deploy = view.deploy
    if deploy is not None and release.id in deploy.covers:
        return any(_is_due(deploy, row) for row in view.rows.values())
    return release.state is R.DEPLOYED and deploy is None and any(facts.is_out_of_date for facts in agents.values())


def _is_due(deploy: Deploy, row: HostRow | None) -> bool:
    """Whether a host still lacks what the deployment is heading for."""
    if row is None:
        return False
    return row.state is not (H.ROLLBACK_DEPLOYED if deploy.is_aborted else H.DEPLOYED)


_ONWARD: Mapping[D, Event] = {
    D.HOST_DONE: Activate(), D.ACTIVATE_DONE: Complete(), D.COMPLETED: DeleteDeploy(),
    D.ACTIVATE_ROLLBACK_PENDING: ActivateRollback(), D.HOST_ROLLBACK_DONE: DeleteDeploy()}


def onward(view: View) -> Event | None:
    """What the classic model has no verb for, and is due: a deployment of its own goes on by itself once all hosts run
    what they should. A failure waits for the operator's next order."""
    if view.deploy is None or view.deploy.owner is not Owner.CLASSIC:
        return None
    return _ONWARD.get(view.deploy.state)
