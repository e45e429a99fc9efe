# SPDX-License-Identifier: Apache-2.0
"""The one decision: what an event changes, and what is then to be done."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from patching.core import events
from patching.core.actions import Action
from patching.core.events import Event
from patching.core.model import View
from patching.core.operations import activation, ending, hosts, releases, start
from patching.core.settings import Settings

Outcome = tuple[View, tuple[Action, ...]]
_HANDLERS: Mapping[type[Any], Callable[[View, Any, int, Settings], Outcome]] = {
    events.Start: start.start,
    events.DeployHost: hosts.deploy_host,
    events.RollBackHost: hosts.roll_back_host,
    events.HostEnded: hosts.host_ended,
    events.HostGone: hosts.host_gone,
    events.Tick: hosts.tick,
    events.Activate: activation.activate,
    events.ActivateRollback: activation.activate_rollback,
    events.Complete: activation.complete,
    events.ScriptsEnded: activation.scripts_ended,
    events.Restarted: activation.restarted,
    events.Abort: ending.abort,
    events.DeleteDeploy: ending.delete,
    events.DeleteReleases: releases.delete_releases,
    events.Commit: releases.commit,
}


def step(view: View, event: Event, now_ms: int, settings: Settings = Settings()) -> Outcome:  # noqa: B008 - frozen
    """The view after ``event`` at ``now_ms``, and the actions to take once it is stored.

    An order that is not allowed raises SoftwareRefused or UnknownRelease; a result that is out of date changes
    nothing. Neither leaves the tables of ``patching.core.transitions``.
    """
    return _HANDLERS[type(event)](view, event, now_ms, settings)
