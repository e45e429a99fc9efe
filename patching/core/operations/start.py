# SPDX-License-Identifier: Apache-2.0
"""The begin of a deployment, upwards to a release or back to one."""
from __future__ import annotations

from flock.core.records import replace
from patching.contract.errors import SoftwareRefused
from patching.contract.states import AgentState, DeployState, Direction, Owner
from patching.contract.states import ReleaseState as R
from patching.core import guards, requirements, transitions
from patching.core.actions import Action, Phase, RunPrecheck, RunScripts
from patching.core.events import ScriptsEnded, Start
from patching.core.model import Deploy, HostRow, Precheck, Release, View
from patching.core.settings import Settings

Outcome = tuple[View, tuple[Action, ...]]


def start(view: View, event: Start, now_ms: int, settings: Settings) -> Outcome:
    """Begin, or ask for a precheck when there is none that still counts."""
    if view.deploy is not None:
        raise SoftwareRefused(detail=f"A deployment from {view.deploy.from_release} to {view.deploy.to_release} exists "
                                     f"(state {view.deploy.state}). End it with 'software deploy delete' first.")
    target = guards.release(view, event.release)
    direction, covers = _covered(view, target, event)
    is_major = not target.version.same_major(view.running)
    _fit(view, target, is_major)
    if event.owner is Owner.CLASSIC and is_major:
        raise SoftwareRefused(detail=f"Release {target.id} is no patch of the running {view.running}; only 'software' "
                                     "deploys a major release.")
    # The classic model has no precheck: its hosts go on with what they run until they are told to install.
    if event.owner is not Owner.CLASSIC:
        relaxed = event.force and not is_major
        check = view.precheck
        if check is None or not _counts(check, target, relaxed, now_ms - settings.precheck_valid_ms):
            return view, (RunPrecheck(target.id, relaxed),)
        _healthy(check, target)
    state = R.DEPLOYING if direction is Direction.APPLY else R.REMOVING
    moved = {name: transitions.release_to(view.releases[name], state) for name in covers}
    deploy = Deploy(view.running, target.version, DeployState.START, covers, direction, event.owner,
                    reboot_required=is_major or any(release.reboot_required for release in moved.values()),
                    attempt=1, options=dict(event.options))
    rows = {name: HostRow(name, since_ms=now_ms) for name in view.hosts}
    return (replace(view, deploy=deploy, rows=rows, releases={**view.releases, **moved}, precheck=None),
            (RunScripts(Phase.START, 1),))


def start_ended(view: View, event: ScriptsEnded) -> Outcome:
    """The preparation is over."""
    deploy = view.deploy
    assert deploy is not None  # noqa: S101 - the caller has looked
    state = DeployState.START_FAILED if event.error else DeployState.START_DONE
    ended = replace(transitions.deploy_to(deploy, state, event.error), commit_id=event.commit_id or deploy.commit_id)
    return replace(view, deploy=ended), ()


def _counts(check: Precheck, target: Release, relaxed: bool, since_ms: int) -> bool:
    """Whether a precheck says enough of this deployment."""
    if check.release != target.id or check.at_ms < since_ms:
        return False
    return not check.relaxed if not relaxed else check.relaxed or check.is_healthy


def _covered(view: View, target: Release, event: Start) -> tuple[Direction, tuple[str, ...]]:
    """In which direction the deployment goes, and the releases that it moves."""
    if target.state is R.AVAILABLE:
        if target.version < view.running:
            raise SoftwareRefused(detail=f"Release {target.id} is older than the running {view.running}. The system "
                                         "returns only to releases that are deployed.")
        moved = dict.fromkeys(name for asked in (*event.others, target.id)
                              for name in requirements.to_apply(view.releases, guards.release(view, asked)))
        newer = [name for name in moved if view.releases[name].version > target.version]
        if newer:
            raise SoftwareRefused(detail=f"Release {target.id} is older than {', '.join(newer)}.")
        return Direction.APPLY, tuple(moved)
    if target.state in requirements.PRESENT and target.version.same_major(view.running):
        covers = requirements.to_remove(view.releases, target, unremovable_too=event.keep_none)
        if not covers:
            raise SoftwareRefused(detail=f"The system runs {target.id} already.")
        return Direction.REMOVE, covers
    raise SoftwareRefused(detail=f"Release {target.id} is {target.state}; only one that is available can be deployed, "
                                 "or one that is deployed be returned to.")


def _fit(view: View, target: Release, is_major: bool) -> None:
    """The system is fit for a deployment at all."""
    if not view.hosts:
        raise SoftwareRefused(detail="The inventory has no host yet.")
    busy = sorted(host.hostname for host in view.hosts.values() if host.agent is AgentState.INSTALLING)
    if busy:
        raise SoftwareRefused(detail=f"These hosts are installing software: {', '.join(busy)}. Retry when they are "
                                     "done.")
    if not is_major:
        return
    controllers = sorted((host for host in view.hosts.values() if host.personality == "controller"),
                         key=lambda host: host.id)
    if not controllers or controllers[0].hostname != view.active:
        first = controllers[0].hostname if controllers else "controller-0"
        raise SoftwareRefused(detail=f"The deployment of major release {target.id} starts with {first} active; "
                                     f"now {view.active} is. Swact first.")
    if not view.in_sync:
        raise SoftwareRefused(detail="The other controller does not hold the same releases yet. Retry in a minute.")


def _healthy(check: Precheck, target: Release) -> None:
    if not check.is_healthy:
        raise SoftwareRefused(
            detail=f"The following issues prevent the deployment of {target.id}:\n{check.text}".rstrip())
