# SPDX-License-Identifier: Apache-2.0
"""Which alarms releases, the deployment and the hosts deserve now. Severities and remedies are the catalogue's."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from patching.contract.records import Content
from patching.contract.states import DeployState as D
from patching.contract.states import HostState as H
from patching.contract.states import Owner, ReleaseStatus
from patching.contract.states import ReleaseState as R
from patching.contract.version import Version
from patching.core import classic
from patching.core.classic import AgentFacts, PatchState
from patching.core.contents import difference, of_version
from patching.core.model import Deploy, Host, HostRow, View

AlarmKey = tuple[str, str]
"""Alarm id and entity."""
PATCHING, PATCH_FAILED, OBSOLETE, OTHER_VERSION, UPGRADING = "900.001", "900.002", "900.003", "900.004", "900.005"
TO_UNLOCK, HOST_FAILED, NOT_DELETED, DEPLOYING, UNAVAILABLE = "900.020", "900.021", "900.022", "900.023", "900.024"
DIVERGED, DEVELOPMENT = "900.231", "500.101"
ALARMS = (PATCHING, PATCH_FAILED, OBSOLETE, OTHER_VERSION, UPGRADING, TO_UNLOCK, HOST_FAILED, NOT_DELETED, DEPLOYING,
          UNAVAILABLE, DIVERGED, DEVELOPMENT)
OF_DEPLOYMENT = (PATCHING, PATCH_FAILED, UPGRADING, TO_UNLOCK, HOST_FAILED, NOT_DELETED, DEPLOYING)
"""Raised only while there is a deployment."""
UNKNOWN_WITHOUT_HOSTS = frozenset({OTHER_VERSION, TO_UNLOCK, DIVERGED})
"""Nobody can say which of these are deserved while the inventory does not answer."""
CONTROLLER, DEPLOYMENT = "host=controller", "orchestration=sw-deploy"
_PARTIAL = frozenset({PatchState.PARTIAL_APPLY, PatchState.PARTIAL_REMOVE})
_FAILED = frozenset({H.FAILED, H.ROLLBACK_FAILED})
_CHANGED = frozenset({H.DEPLOYED, H.ROLLBACK_DEPLOYED})
_ENDED = frozenset({D.COMPLETED, D.HOST_ROLLBACK_DONE})


@dataclass(frozen=True, slots=True)
class Facts:
    """What the view does not tell. ``versions``: what each host runs, or will run after its next boot, as its agent has
    reported; without the hosts that have not. ``digests``: likewise of the content a host has, by release id; without
    those that have none. ``contents``: of the releases, by id. ``diverged``: controllers that have had other content
    than this one for too long. ``is_development_allowed``: what developers sign is taken."""

    versions: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    contents: Mapping[str, Content] = field(default_factory=dict)
    diverged: tuple[str, ...] = ()
    is_development_allowed: bool = False


def wanted(view: View, facts: Facts) -> dict[AlarmKey, str]:
    """The alarms with their reasons."""
    found = dict(_of_releases(view))
    if view.deploy is not None:
        found |= _of_classic(view, view.deploy) if view.deploy.owner is Owner.CLASSIC else _of_usm(view, view.deploy)
        if view.deploy.is_major:
            found[UPGRADING, CONTROLLER] = f"The system changes from {view.deploy.from_release} to " \
                                           f"{view.deploy.to_release}"
    for host in view.hosts.values():
        reason = _other_software(view, facts, host.hostname)
        if reason:
            found[OTHER_VERSION, f"host={host.hostname}"] = reason
    if facts.diverged:
        found[DIVERGED, DEPLOYMENT] = f"Controllers with other releases than {view.active}: {', '.join(facts.diverged)}"
    if facts.is_development_allowed:
        found[DEVELOPMENT, CONTROLLER] = "Software that developers have signed is accepted"
    return found


def _of_releases(view: View) -> Iterator[tuple[AlarmKey, str]]:
    obsolete = [name for name, release in view.releases.items() if release.status is ReleaseStatus.OBSOLETE]
    if obsolete:
        yield (OBSOLETE, CONTROLLER), f"Obsolete releases: {_joined(obsolete)}"
    left = [name for name, release in view.releases.items()
            if release.state is R.UNAVAILABLE and not release.version.same_major(view.running)]
    if left:
        yield (UNAVAILABLE, CONTROLLER), f"Releases that cannot be deployed any more: {_joined(left)}. Delete them"


def _of_classic(view: View, deploy: Deploy) -> dict[AlarmKey, str]:
    """Of what was begun with sw-patch."""
    found: dict[AlarmKey, str] = {}
    agents = {name: AgentFacts(name) for name in view.rows}
    partial = [name for name in deploy.covers
               if classic.patch_state(view, view.releases[name], agents) in _PARTIAL]
    if partial:
        found[PATCHING, CONTROLLER] = f"Patches that some hosts have and others have not: {_joined(partial)}"
    failed = [row.hostname for row in view.rows.values() if row.state in _FAILED]
    if failed:
        found[PATCH_FAILED, CONTROLLER] = f"Patches could not be installed on these hosts: {_joined(failed)}"
    return found


def _of_usm(view: View, deploy: Deploy) -> dict[AlarmKey, str]:
    """Of what was begun with software."""
    moving = [name for name in deploy.covers if view.releases[name].state in (R.DEPLOYING, R.REMOVING)]
    found: dict[AlarmKey, str] = {}
    if moving:
        found[DEPLOYING, CONTROLLER] = f"The deployment of {_joined(moving)} is in progress (state {deploy.state})"
    for row in view.rows.values():
        entity = f"host={row.hostname}"
        if row.state in _FAILED:
            found[HOST_FAILED, entity] = f"Host {row.hostname} could not be deployed: {row.error or 'no reason given'}"
        elif row.state in _CHANGED and deploy.reboot_required and _is_locked(view.hosts.get(row.hostname)):
            found[TO_UNLOCK, entity] = f"Host {row.hostname} has other software and must be unlocked"
    if deploy.is_major and deploy.state in _ENDED:
        found[NOT_DELETED, CONTROLLER] = f"The deployment to {deploy.to_release} has ended (state {deploy.state}): " \
                                         "'software deploy delete' is due"
    return found


def _other_software(view: View, facts: Facts, hostname: str) -> str:
    """What a host runs that it should not; empty: nothing, or nobody has said it."""
    runs, due = facts.versions.get(hostname, ""), _due(view, view.rows.get(hostname))
    if not runs:
        return ""
    if runs not in [version.text for version in due]:
        return f"Host {hostname} runs version {runs} and not {' or '.join(version.text for version in due)}"
    held = facts.digests.get(hostname)
    if not held:
        return ""
    differs = [difference(of_version(view.releases, facts.contents, version), held)
               for version in due if version.text == runs]
    return f"Host {hostname} has other content than that of version {runs}: {differs[0]}" if all(differs) else ""


def _due(view: View, row: HostRow | None) -> tuple[Version, ...]:
    """The versions that a host may run."""
    deploy = view.deploy
    if deploy is None or row is None:
        return (view.running,)
    if row.state in _CHANGED:
        return (deploy.to_release,)
    return tuple(dict.fromkeys((deploy.from_release, deploy.to_release)))


def _is_locked(host: Host | None) -> bool:
    return host is not None and host.administrative == "locked"


def _joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
