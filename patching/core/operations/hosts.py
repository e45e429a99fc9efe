# SPDX-License-Identifier: Apache-2.0
"""Hosts of the deployment: installation, rollback, results."""
from __future__ import annotations

from flock.core.records import replace
from patching.contract.errors import SoftwareRefused
from patching.contract.states import DeployState as D
from patching.contract.states import HostState as H
from patching.core import guards, hostorder, transitions
from patching.core.actions import Action, Install
from patching.core.events import DeployHost, HostEnded, HostGone, RollBackHost, Tick
from patching.core.model import Deploy, Host, HostRow, View
from patching.core.settings import Settings

Outcome = tuple[View, tuple[Action, ...]]
DEPLOY_IN = (D.START_DONE, D.HOST, D.HOST_FAILED)
ROLL_BACK_IN = (D.ACTIVATE_ROLLBACK_DONE, D.HOST_ROLLBACK, D.HOST_ROLLBACK_FAILED)
_RUNNING = {H.DEPLOYING: H.FAILED, H.ROLLBACK_DEPLOYING: H.ROLLBACK_FAILED}
_ENDED = {H.DEPLOYING: H.DEPLOYED, H.ROLLBACK_DEPLOYING: H.ROLLBACK_DEPLOYED}


def deploy_host(view: View, event: DeployHost, now_ms: int, _settings: Settings) -> Outcome:
    """Install the deployment on a host whose turn it is."""
    deploy = guards.deploy_in(view, "deploy host", DEPLOY_IN)
    row, host = guards.row_of(view, event.hostname)
    if row.state not in (H.PENDING, H.FAILED):
        raise SoftwareRefused(detail=f"Host {row.hostname} is {row.state}; only one that is pending or failed can be "
                                     "deployed.")
    return _install(view, deploy, row, host, H.DEPLOYING, now_ms)


def roll_back_host(view: View, event: RollBackHost, now_ms: int, _settings: Settings) -> Outcome:
    """Install on a host what it ran before."""
    deploy = guards.deploy_in(view, "deploy host-rollback", ROLL_BACK_IN)
    row, host = guards.row_of(view, event.hostname)
    if row.state not in (H.ROLLBACK_PENDING, H.ROLLBACK_FAILED):
        raise SoftwareRefused(detail=f"Host {row.hostname} is {row.state}; only one that is rollback-pending or "
                                     "rollback-failed can be rolled back.")
    return _install(view, deploy, row, host, H.ROLLBACK_DEPLOYING, now_ms)


def host_ended(view: View, event: HostEnded, now_ms: int, _settings: Settings) -> Outcome:
    """The result of an installation; that of an earlier attempt, or of a host that waits for none, changes nothing."""
    row = view.rows.get(event.hostname)
    if view.deploy is None or row is None or row.attempt != event.attempt or row.state not in _RUNNING:
        return view, ()
    state = _RUNNING[row.state] if event.error else _ENDED[row.state]
    return _with_rows(view, view.deploy, transitions.host_to(row, state, now_ms, event.error)), ()


def host_gone(view: View, event: HostGone, _now_ms: int, _settings: Settings) -> Outcome:
    """A host that was deleted holds up nobody."""
    rows = {name: row for name, row in view.rows.items() if name != event.hostname}
    hosts = {name: host for name, host in view.hosts.items() if name != event.hostname}
    view = replace(view, rows=rows, hosts=hosts)
    if view.deploy is None or not rows or view.deploy.state not in _OF_HOSTS:
        return view, ()
    return replace(view, deploy=transitions.deploy_to(view.deploy, transitions.of_hosts(
        row.state for row in rows.values()), view.deploy.error)), ()


def tick(view: View, _event: Tick, now_ms: int, settings: Settings) -> Outcome:
    """An installation without a result in time has failed."""
    if view.deploy is None:
        return view, ()
    late = [transitions.host_to(row, _RUNNING[row.state], now_ms,
                                f"The agent has told no result for {settings.install_timeout_ms // 1000} s.")
            for row in view.rows.values()
            if row.state in _RUNNING and now_ms - row.since_ms >= settings.install_timeout_ms]
    return (_with_rows(view, view.deploy, *late) if late else view), ()


_OF_HOSTS = frozenset({D.HOST, D.HOST_DONE, D.HOST_FAILED, D.HOST_ROLLBACK, D.HOST_ROLLBACK_FAILED})


def _install(view: View, deploy: Deploy, row: HostRow, host: Host, state: H, now_ms: int) -> Outcome:
    _in_turn(view, row.hostname)
    if host.agent is None:
        raise SoftwareRefused(detail=f"The agent of host {row.hostname} does not answer. Is the host powered on, and "
                                     "its service flock-patching-agent active?")
    if deploy.reboot_required and not host.is_locked_online:
        raise SoftwareRefused(detail=f"Host {row.hostname} must be locked and online, since the deployment needs a "
                                     f"reboot; it is {host.administrative} and {host.availability}.")
    begun = replace(transitions.host_to(row, state, now_ms), attempt=row.attempt + 1)
    return _with_rows(view, deploy, begun), (
        Install(row.hostname, deploy.to_release.text, begun.attempt, deploy.reboot_required),)


def _in_turn(view: View, hostname: str) -> None:
    turn = hostorder.expected(view)
    if hostname not in turn:
        waited = [name for name, row in view.rows.items() if row.state in _RUNNING]
        whose = (f"next is {' or '.join(turn)}" if turn else f"{', '.join(sorted(waited))} must finish first")
        raise SoftwareRefused(detail=f"It is not the turn of host {hostname}: {whose}.")


def _with_rows(view: View, deploy: Deploy, *changed: HostRow) -> View:
    rows = {**view.rows, **{row.hostname: row for row in changed}}
    error = next((row.error for row in changed if row.error), "")
    return replace(view, rows=rows, deploy=transitions.deploy_to(
        deploy, transitions.of_hosts(row.state for row in rows.values()), error))
