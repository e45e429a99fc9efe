# SPDX-License-Identifier: Apache-2.0
"""Guards that several operations share. Each returns what the operation needs, or refuses with the reason."""
from __future__ import annotations

from collections.abc import Iterable

from patching.contract.errors import SoftwareRefused, UnknownRelease, WrongDeployState
from patching.contract.states import DeployState as D
from patching.contract.states import Owner
from patching.core.model import Deploy, Host, HostRow, Release, View


def deploy_in(view: View, operation: str, allowed: Iterable[D]) -> Deploy:
    """The deployment, which must be in one of ``allowed``."""
    states = sorted(allowed, key=list(D).index)
    if view.deploy is None:
        raise SoftwareRefused(detail=f"{operation} is not possible: there is no deployment. "
                                     "'software deploy start' begins one.")
    if view.deploy.state not in states:
        raise WrongDeployState(operation=operation, state=view.deploy.state.value, allowed=", ".join(states))
    return view.deploy


def no_other_owner(view: View, owner: Owner) -> None:
    """A deployment belongs to the interface through which it was started."""
    deploy = view.deploy
    if deploy is not None and deploy.owner is not owner:
        commands = "software" if deploy.owner is Owner.USM else "sw-patch"
        raise SoftwareRefused(detail=f"The deployment of {', '.join(deploy.covers)} (state {deploy.state}) was started "
                                     f"with {commands}; only {commands} can go on with it.")


def precheck(view: View, target: Release) -> None:
    """A precheck is of use before a deployment, and during that of the same release."""
    deploy = view.deploy
    if deploy is not None and target.version not in (deploy.from_release, deploy.to_release):
        raise SoftwareRefused(detail=f"deploy precheck of {target.id} is not possible: a deployment from "
                                     f"{deploy.from_release} to {deploy.to_release} exists (state {deploy.state}).")


def release(view: View, release_id: str) -> Release:
    """The release of that id."""
    known = view.releases.get(release_id)
    if known is None:
        raise UnknownRelease(id=release_id)
    return known


def row_of(view: View, hostname: str) -> tuple[HostRow, Host]:
    """A host of the deployment."""
    row, host = view.rows.get(hostname), view.hosts.get(hostname)
    if row is None or host is None:
        raise SoftwareRefused(detail=f"Host {hostname} has no part in the deployment. "
                                     "'software deploy host-list' names the hosts that have.")
    return row, host


def all_in_service(view: View, operation: str) -> None:
    """Every host of the deployment does its work."""
    waiting = [name for name in view.rows if not view.hosts[name].is_in_service]
    if waiting:
        raise SoftwareRefused(detail=f"{operation} needs every host unlocked, enabled and available; these are not: "
                                     f"{', '.join(sorted(waiting))}. Unlock them first.")
