# SPDX-License-Identifier: Apache-2.0
"""The end of a deployment: aborted, or deleted with what then becomes of its releases."""
from __future__ import annotations

from collections.abc import Mapping

from flock.core.records import replace
from patching.contract.errors import SoftwareRefused
from patching.contract.states import DeployState as D
from patching.contract.states import Direction
from patching.contract.states import HostState as H
from patching.contract.states import ReleaseState as R
from patching.core import guards, transitions
from patching.core.actions import Action, CleanUp, SetVersion, StopScripts
from patching.core.events import Abort, DeleteDeploy
from patching.core.model import Deploy, HostRow, Release, View
from patching.core.settings import Settings

Outcome = tuple[View, tuple[Action, ...]]
ABORT_IN = (D.HOST, D.HOST_FAILED, D.HOST_DONE, D.ACTIVATE, D.ACTIVATE_FAILED, D.ACTIVATE_DONE, D.COMPLETED)
DELETE_IN = (D.START_DONE, D.START_FAILED, D.COMPLETED, D.HOST_ROLLBACK_DONE)
_BEFORE_ACTIVATION = frozenset({D.HOST, D.HOST_FAILED, D.HOST_DONE})
_UNTOUCHED = frozenset({D.START_DONE, D.START_FAILED})
_BACK = {H.PENDING: H.ROLLBACK_DEPLOYED, H.DEPLOYED: H.ROLLBACK_PENDING, H.FAILED: H.ROLLBACK_PENDING}


def abort(view: View, _event: Abort, now_ms: int, _settings: Settings) -> Outcome:
    """Turn round: what hosts have got is taken back, hosts that were not touched have nothing to do."""
    deploy = guards.deploy_in(view, "deploy abort", ABORT_IN)
    if deploy.direction is Direction.REMOVE:
        raise SoftwareRefused(detail="A deployment that removes releases cannot be aborted. Let it end, then deploy "
                                     "them again.")
    busy = sorted(row.hostname for row in view.rows.values() if row.state is H.DEPLOYING)
    if busy:
        raise SoftwareRefused(detail=f"Hosts are installing: {', '.join(busy)}. Abort when they are done or "
                                     "have failed.")
    rows = {row.hostname: transitions.host_to(row, _BACK[row.state], now_ms) for row in view.rows.values()}
    turned = replace(deploy, from_release=deploy.to_release, to_release=deploy.from_release, is_aborted=True)
    state = (transitions.of_hosts(row.state for row in rows.values()) if deploy.state in _BEFORE_ACTIVATION
             else D.ACTIVATE_ROLLBACK_PENDING)
    # The result of a run that goes on must not be taken for that of the next one.
    stop: tuple[Action, ...] = (StopScripts(deploy.attempt),) if deploy.state is D.ACTIVATE else ()
    turned = replace(turned, attempt=deploy.attempt + 1)
    return replace(view, rows=rows, deploy=transitions.deploy_to(turned, state)), stop


def delete(view: View, _event: DeleteDeploy, _now_ms: int, _settings: Settings) -> Outcome:
    """End the deployment; its releases settle."""
    deploy = guards.deploy_in(view, "deploy delete", DELETE_IN)
    if deploy.state not in _UNTOUCHED:
        guards.all_in_service(view, "deploy delete")
    is_kept = deploy.state is D.COMPLETED
    running = deploy.to_release if is_kept else view.running
    settled = {name: transitions.release_to(view.releases[name], _settled(deploy, is_kept)) for name in deploy.covers}
    releases = {**view.releases, **settled}
    told: list[Action] = [CleanUp(deploy.covers, deploy.from_release.text, deploy.to_release.text)]
    if is_kept and deploy.is_major:
        releases |= _left_behind(releases, deploy)
    if running != view.running:
        told.append(SetVersion(running.text))
    no_rows: dict[str, HostRow] = {}
    return replace(view, deploy=None, rows=no_rows, releases=releases, running=running), tuple(told)


def _settled(deploy: Deploy, is_kept: bool) -> R:
    if deploy.direction is Direction.APPLY:
        return R.DEPLOYED if is_kept else R.AVAILABLE
    return R.AVAILABLE if is_kept else R.DEPLOYED


def _left_behind(releases: Mapping[str, Release], deploy: Deploy) -> dict[str, Release]:
    """Releases of the old major release, which nobody can return to."""
    return {name: transitions.release_to(release, R.UNAVAILABLE) for name, release in releases.items()
            if not release.version.same_major(deploy.to_release) and release.version < deploy.to_release
            and release.state in (R.DEPLOYED, R.AVAILABLE)}
