# SPDX-License-Identifier: Apache-2.0
"""Scripts that run once for the whole system: activation and its rollback, and the conductor's restart."""
from __future__ import annotations

from flock.core.records import replace
from patching.contract.states import DeployState as D
from patching.core import guards, transitions
from patching.core.actions import Action, Phase, RunScripts
from patching.core.events import Activate, ActivateRollback, Complete, Restarted, ScriptsEnded
from patching.core.model import Deploy, View
from patching.core.operations.start import start_ended
from patching.core.settings import Settings

Outcome = tuple[View, tuple[Action, ...]]
_ENDS = {D.ACTIVATE: (D.ACTIVATE_DONE, D.ACTIVATE_FAILED),
         D.ACTIVATE_ROLLBACK: (D.ACTIVATE_ROLLBACK_DONE, D.ACTIVATE_ROLLBACK_FAILED)}
INTERRUPTED = "The conductor was restarted while the scripts ran; they may be run again."


def activate(view: View, event: Activate, _now_ms: int, _settings: Settings) -> Outcome:
    """Run the activation scripts; after a failure, again, or go on without them."""
    if event.force:
        return _given_up(view, "deploy activate --force", D.ACTIVATE_FAILED, D.ACTIVATE_DONE)
    deploy = guards.deploy_in(view, "deploy activate", (D.HOST_DONE, D.ACTIVATE_FAILED))
    guards.all_in_service(view, "deploy activate")
    return _run(view, deploy, D.ACTIVATE, Phase.ACTIVATE)


def activate_rollback(view: View, event: ActivateRollback, _now_ms: int, _settings: Settings) -> Outcome:
    """Run the activation scripts backwards; after a failure, again, or go on without them."""
    if event.force:
        return _given_up(view, "deploy activate-rollback --force", D.ACTIVATE_ROLLBACK_FAILED, D.ACTIVATE_ROLLBACK_DONE)
    deploy = guards.deploy_in(view, "deploy activate-rollback",
                              (D.ACTIVATE_ROLLBACK_PENDING, D.ACTIVATE_ROLLBACK_FAILED))
    return _run(view, deploy, D.ACTIVATE_ROLLBACK, Phase.ACTIVATE_ROLLBACK)


def complete(view: View, _event: Complete, _now_ms: int, _settings: Settings) -> Outcome:
    """Accept the deployment."""
    deploy = guards.deploy_in(view, "deploy complete", (D.ACTIVATE_DONE,))
    return replace(view, deploy=transitions.deploy_to(deploy, D.COMPLETED)), ()


def scripts_ended(view: View, event: ScriptsEnded, _now_ms: int, _settings: Settings) -> Outcome:
    """The result of a run of scripts; that of an earlier run changes nothing."""
    deploy = view.deploy
    if deploy is None or deploy.attempt != event.attempt:
        return view, ()
    if deploy.state is D.START:
        return start_ended(view, event)
    if deploy.state not in _ENDS:
        return view, ()
    done, failed = _ENDS[deploy.state]
    return replace(view, deploy=transitions.deploy_to(deploy, failed if event.error else done, event.error)), ()


def restarted(view: View, _event: Restarted, now_ms: int, settings: Settings) -> Outcome:
    """Scripts that ran have failed. Installations on hosts go on: their agents tell the result, or time ends them."""
    if view.deploy is None:
        return view, ()
    return scripts_ended(view, ScriptsEnded(view.deploy.attempt, INTERRUPTED), now_ms, settings)


def _given_up(view: View, what: str, failed: D, done: D) -> Outcome:
    """An operator accepts that scripts have failed: otherwise one that always fails would hold up every other
    deployment. Their error stays to be read."""
    deploy = guards.deploy_in(view, what, (failed,))
    return replace(view, deploy=transitions.deploy_to(deploy, done, deploy.error)), ()


def _run(view: View, deploy: Deploy, state: D, phase: Phase) -> Outcome:
    begun = replace(transitions.deploy_to(deploy, state), attempt=deploy.attempt + 1)
    return replace(view, deploy=begun), (RunScripts(phase, begun.attempt),)
