# SPDX-License-Identifier: Apache-2.0
"""Releases without a deployment: deleted, or made permanent."""
from __future__ import annotations

from flock.core.records import replace
from patching.contract.errors import SoftwareRefused
from patching.contract.states import ReleaseState as R
from patching.contract.states import ReleaseStatus
from patching.core import guards, requirements, transitions
from patching.core.actions import Action, DeleteContent, SpareContent
from patching.core.events import Commit, DeleteReleases
from patching.core.model import Release, View
from patching.core.settings import Settings

Outcome = tuple[View, tuple[Action, ...]]


def delete_releases(view: View, event: DeleteReleases, _now_ms: int, _settings: Settings) -> Outcome:
    """Remove releases, all or none."""
    doomed = {name: guards.release(view, name) for name in event.releases}
    left = {name: release for name, release in view.releases.items() if name not in doomed}
    wrong = [reason for release in doomed.values() for reason in _kept(release, left)]
    if wrong:
        raise SoftwareRefused(detail="; ".join(wrong) + ".")
    return replace(view, releases=left), tuple(DeleteContent(name) for name in doomed)


def _kept(release: Release, left: dict[str, Release]) -> list[str]:
    """Why a release must stay."""
    if release.state not in transitions.DELETABLE:
        return [f"Release {release.id} is {release.state}; only "
                f"{', '.join(sorted(transitions.DELETABLE))} ones can be deleted"]
    if release.unremovable:
        return [f"Release {release.id} is unremovable"]
    requiring = requirements.requiring(left, release.id)
    return [f"Release {release.id} is required by {', '.join(requiring)}"] if requiring else []


def to_commit(view: View, releases: tuple[str, ...]) -> tuple[str, ...]:
    """What becomes permanent when these do: with all that they require, in order. SoftwareRefused: what cannot."""
    if view.deploy is not None:
        raise SoftwareRefused(detail="Releases cannot be committed while there is a deployment.")
    names = dict.fromkeys(name for asked in releases
                          for name in requirements.required(view.releases, guards.release(view, asked).id))
    wrong = []
    for name in names:
        known = view.releases.get(name)
        if known is None or known.state not in requirements.PRESENT:
            wrong.append(f"{name} is {known.state if known else 'missing'}, not deployed")
        elif known.status is not ReleaseStatus.RELEASED:
            wrong.append(f"{name} has status {known.status}, not REL")
    if wrong:
        raise SoftwareRefused(detail=f"These releases cannot be committed: {'; '.join(wrong)}.")
    return tuple(name for name in names if view.releases[name].state is R.DEPLOYED)


def committed_with(view: View, names: tuple[str, ...]) -> list[str]:
    """Ids of all releases that are committed once these are, the oldest first."""
    found = [release for release in view.releases.values() if release.state is R.COMMITTED or release.id in names]
    return [release.id for release in sorted(found, key=lambda one: (one.version, one.id))]


def commit(view: View, event: Commit, _now_ms: int, _settings: Settings) -> Outcome:
    """Make releases permanent."""
    moved = {name: transitions.release_to(view.releases[name], R.COMMITTED)
             for name in to_commit(view, event.releases)}
    return replace(view, releases={**view.releases, **moved}), (SpareContent(),) if moved else ()
