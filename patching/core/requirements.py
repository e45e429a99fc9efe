# SPDX-License-Identifier: Apache-2.0
"""Which releases belong to a deployment: what a release requires, what requires it, and in which order they go."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from patching.contract.errors import SoftwareRefused
from patching.contract.states import ReleaseState as R
from patching.core.model import Release

Releases = Mapping[str, Release]
PRESENT = frozenset({R.DEPLOYED, R.COMMITTED})
"""States of a release that the hosts run."""


def required(releases: Releases, release_id: str) -> tuple[str, ...]:
    """All that a release requires, itself last, each after what it requires; ids that are not there included.

    SoftwareRefused: releases require each other in a circle.
    """
    order: list[str] = []
    done: set[str] = set()
    stack: list[tuple[str, bool]] = [(release_id, False)]
    path: list[str] = []
    while stack:
        current, is_leaving = stack.pop()
        if is_leaving:
            path.pop()
            done.add(current)
            order.append(current)
            continue
        if current in done:
            continue
        if current in path:
            circle = [*path[path.index(current):], current]
            raise SoftwareRefused(detail=f"Releases require each other in a circle: {' requires '.join(circle)}.")
        path.append(current)
        stack.append((current, True))
        known = releases.get(current)
        if known is not None:
            stack += [(name, False) for name in sorted(known.requires, reverse=True)]
    return tuple(order)


def requiring(releases: Releases, release_id: str, states: Iterable[R] = tuple(R)) -> tuple[str, ...]:
    """Ids of the releases in one of ``states`` that require this one directly, in order of their ids."""
    wanted = frozenset(states)
    return tuple(sorted(release.id for release in releases.values()
                        if release_id in release.requires and release.state in wanted))


def to_apply(releases: Releases, target: Release) -> tuple[str, ...]:
    """What the deployment of ``target`` adds, in order. SoftwareRefused names all that is missing or cannot be."""
    found, wrong = [], []
    for name in required(releases, target.id):
        known = releases.get(name)
        if known is None:
            wrong.append(f"{name} is missing; upload it first")
        elif known.state is R.AVAILABLE and known.version.same_major(target.version):
            found.append(name)
        elif known.state not in PRESENT:
            wrong.append(f"{name} is {known.state}, and must be deployed first")
    if wrong:
        raise SoftwareRefused(detail=f"Release {target.id} cannot be deployed: {'; '.join(wrong)}.")
    return tuple(found)


def to_remove(releases: Releases, target: Release, *, unremovable_too: bool = False) -> tuple[str, ...]:
    """What goes when the system returns to ``target``: each deployed release of its major release above it, highest
    first. SoftwareRefused names those that must stay."""
    above = sorted((release for release in releases.values() if release.version > target.version
                    and release.version.same_major(target.version) and release.state in PRESENT),
                   key=lambda release: (release.version, release.id), reverse=True)
    wrong = [f"{release.id} is {'committed' if release.state is R.COMMITTED else 'unremovable'}" for release in above
             if release.state is R.COMMITTED or (release.unremovable and not unremovable_too)]
    if wrong:
        raise SoftwareRefused(detail=f"The system cannot return to {target.id}: {'; '.join(wrong)}.")
    return tuple(release.id for release in above)
