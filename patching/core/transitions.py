# SPDX-License-Identifier: Apache-2.0
"""The three state machines as tables, and the one way to move along them. None as a state: there is no deployment."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from flock.core.records import replace
from patching.contract.states import DeployState as D
from patching.contract.states import HostState as H
from patching.contract.states import ReleaseState as R
from patching.core.model import Deploy, HostRow, Release

RELEASE: Mapping[R | None, frozenset[R]] = {
    None: frozenset({R.UPLOADING}),
    R.UPLOADING: frozenset({R.AVAILABLE, R.UPLOAD_FAILED}),
    R.UPLOAD_FAILED: frozenset({R.UPLOADING}),
    R.AVAILABLE: frozenset({R.DEPLOYING, R.UNAVAILABLE}),
    R.DEPLOYING: frozenset({R.DEPLOYED, R.AVAILABLE}),
    R.DEPLOYED: frozenset({R.REMOVING, R.UNAVAILABLE, R.COMMITTED}),
    # Back to deployed only where the removal was given up before it touched a host.
    R.REMOVING: frozenset({R.AVAILABLE, R.DEPLOYED}),
    R.UNAVAILABLE: frozenset(),
    R.COMMITTED: frozenset(),
}
DELETABLE = frozenset({R.AVAILABLE, R.UNAVAILABLE, R.UPLOAD_FAILED})

DEPLOY: Mapping[D | None, frozenset[D | None]] = {
    None: frozenset({D.START}),
    D.START: frozenset({D.START_DONE, D.START_FAILED}),
    D.START_FAILED: frozenset({None}),
    D.START_DONE: frozenset({D.HOST, None}),
    D.HOST: frozenset({D.HOST_DONE, D.HOST_FAILED, D.HOST_ROLLBACK, D.HOST_ROLLBACK_DONE}),
    D.HOST_FAILED: frozenset({D.HOST, D.HOST_DONE, D.HOST_ROLLBACK, D.HOST_ROLLBACK_DONE}),
    D.HOST_DONE: frozenset({D.ACTIVATE, D.HOST_ROLLBACK, D.HOST_FAILED}),
    D.ACTIVATE: frozenset({D.ACTIVATE_DONE, D.ACTIVATE_FAILED, D.ACTIVATE_ROLLBACK_PENDING}),
    D.ACTIVATE_FAILED: frozenset({D.ACTIVATE, D.ACTIVATE_DONE, D.ACTIVATE_ROLLBACK_PENDING}),
    D.ACTIVATE_DONE: frozenset({D.COMPLETED, D.ACTIVATE_ROLLBACK_PENDING}),
    D.COMPLETED: frozenset({None, D.ACTIVATE_ROLLBACK_PENDING}),
    D.ACTIVATE_ROLLBACK_PENDING: frozenset({D.ACTIVATE_ROLLBACK}),
    D.ACTIVATE_ROLLBACK: frozenset({D.ACTIVATE_ROLLBACK_DONE, D.ACTIVATE_ROLLBACK_FAILED}),
    D.ACTIVATE_ROLLBACK_FAILED: frozenset({D.ACTIVATE_ROLLBACK, D.ACTIVATE_ROLLBACK_DONE}),
    D.ACTIVATE_ROLLBACK_DONE: frozenset({D.HOST_ROLLBACK}),
    D.HOST_ROLLBACK: frozenset({D.HOST_ROLLBACK_DONE, D.HOST_ROLLBACK_FAILED}),
    D.HOST_ROLLBACK_FAILED: frozenset({D.HOST_ROLLBACK, D.HOST_ROLLBACK_DONE}),
    D.HOST_ROLLBACK_DONE: frozenset({None}),
}

HOST: Mapping[H, frozenset[H]] = {
    H.PENDING: frozenset({H.DEPLOYING, H.ROLLBACK_DEPLOYED}),
    H.DEPLOYING: frozenset({H.DEPLOYED, H.FAILED}),
    H.DEPLOYED: frozenset({H.ROLLBACK_PENDING, H.FAILED}),
    H.FAILED: frozenset({H.DEPLOYING, H.ROLLBACK_PENDING, H.ROLLBACK_DEPLOYED}),
    H.ROLLBACK_PENDING: frozenset({H.ROLLBACK_DEPLOYING}),
    H.ROLLBACK_DEPLOYING: frozenset({H.ROLLBACK_DEPLOYED, H.ROLLBACK_FAILED}),
    H.ROLLBACK_FAILED: frozenset({H.ROLLBACK_DEPLOYING}),
    H.ROLLBACK_DEPLOYED: frozenset(),
}


class TransitionBroken(AssertionError):
    """A step left the tables: it is a fault of the program, and nothing is stored."""


def release_to(release: Release, state: R) -> Release:
    """``release`` in another state."""
    if state not in RELEASE[release.state]:
        raise TransitionBroken(f"release {release.id}: {release.state} to {state}")
    return replace(release, state=state)


def host_to(row: HostRow, state: H, now_ms: int, error: str = "") -> HostRow:
    """``row`` in another state, from ``now_ms`` on."""
    if state not in HOST[row.state]:
        raise TransitionBroken(f"host {row.hostname}: {row.state} to {state}")
    return replace(row, state=state, since_ms=now_ms, error=error)


def deploy_to(deploy: Deploy, state: D, error: str = "") -> Deploy:
    """``deploy`` in another state; the same state is none."""
    if state is not deploy.state and state not in DEPLOY[deploy.state]:
        raise TransitionBroken(f"deploy {deploy.from_release} to {deploy.to_release}: {deploy.state} to {state}")
    return replace(deploy, state=state, error=error)


def of_hosts(states: Iterable[H]) -> D:
    """The state of the deployment that its hosts add up to. ValueError: there is no host."""
    found = set(states)
    if not found:
        raise ValueError("a deployment needs a host")
    if H.FAILED in found:
        return D.HOST_FAILED
    if found & {H.PENDING, H.DEPLOYING}:
        return D.HOST
    if found == {H.DEPLOYED}:
        return D.HOST_DONE
    if found == {H.ROLLBACK_DEPLOYED}:
        return D.HOST_ROLLBACK_DONE
    if H.ROLLBACK_FAILED in found:
        return D.HOST_ROLLBACK_FAILED
    return D.HOST_ROLLBACK
