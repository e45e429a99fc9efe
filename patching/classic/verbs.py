# SPDX-License-Identifier: Apache-2.0
"""What the classic verbs order of the one real model, or the sentences with which they are refused. Pure.

The classic model has one desired set of patches and no deployment: hosts lack a patch, or have one too many, until they
are told to install. A deployment that no host has begun is therefore replaced when the set changes.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from patching.contract.records import OrderKind
from patching.contract.states import AgentState, Direction, Owner
from patching.contract.states import DeployState as D
from patching.contract.states import HostState as H
from patching.contract.states import ReleaseState as R
from patching.core import classic, requirements
from patching.core.model import Deploy, Release, View
from patching.core.operations.releases import committed_with, to_commit

_UNTOUCHED = frozenset({D.START_DONE, D.START_FAILED})
_ABORTABLE = frozenset({D.HOST, D.HOST_FAILED, D.HOST_DONE, D.ACTIVATE_FAILED})


@dataclass(frozen=True, slots=True)
class Command:
    """An order without its id: see ``patching.contract.records.Order``."""

    kind: OrderKind
    releases: tuple[str, ...] = ()
    hostname: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """``commands`` to give one after the other; ``info`` to say when they were accepted. With an ``error`` there are no
    commands. Both are lines without their ends."""

    commands: tuple[Command, ...] = ()
    info: tuple[str, ...] = ()
    error: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """Options of ``remove``. ``uses``: ids of patches that applications depend on, by application."""

    unremovable_too: bool = False
    skip_applications: bool = False
    uses: Mapping[str, Sequence[str]] = field(default_factory=dict)


def apply(view: View, agents: Mapping[str, AgentState], asked: Sequence[str]) -> Plan:
    """Put patches into the desired set."""
    wrong = [*_unknown(view, asked), *_installing(agents), *_foreign(view)]
    if wrong:
        return Plan(error=tuple(wrong))
    there = [name for name in asked if classic.repo_state(view, view.releases[name]) is not classic.RepoState.AVAILABLE]
    new = [name for name in dict.fromkeys(asked) if name not in there]
    info = [f"{name} is already in the repo" for name in there]
    wrong = [*_unmet(view, new), *(_hindered(view, new) if new else [])]
    if wrong:
        return Plan(error=tuple(wrong))
    if not new:
        return Plan(info=tuple(info))
    info += [f"{name} is now in the repo" for name in new]
    before = view.deploy.covers if view.deploy is not None else ()
    return Plan((*_dropped(view), _towards(view, [*before, *new])), tuple(info))


def remove(view: View, agents: Mapping[str, AgentState], asked: Sequence[str], how: Removal) -> Plan:
    """Take patches out of the desired set."""
    wrong = [*_unknown(view, asked), *_installing(agents), *_foreign(view)]
    if wrong:
        return Plan(error=tuple(wrong))
    gone = [name for name in asked if classic.repo_state(view, view.releases[name]) is classic.RepoState.AVAILABLE]
    old = [name for name in dict.fromkeys(asked) if name not in gone]
    info = (*(f"{name} is not in the repo" for name in gone), *(f"{name} has been removed from the repo"
                                                                for name in old))
    wrong = [line for name in old for line in _kept(view, name, frozenset(old), how)]
    if wrong or not old:
        return Plan(info=() if wrong else info, error=tuple(wrong))
    if view.deploy is not None:
        return _taken_back(view, view.deploy, old, info)
    target, above = _below(view, old)
    if target is None or set(above) != set(old):
        more = ", ".join(sorted(set(above) - set(old))) or "their release"
        return Plan(error=(f"{', '.join(old)} can be removed only together with {more}",))
    options = {"removeunremovable": "yes"} if how.unremovable_too else {}
    return Plan((Command(OrderKind.START, (target,), options=options),), info)


def delete(view: View, states: Mapping[str, classic.PatchState], asked: Sequence[str]) -> Plan:
    """Delete patches that no host has. ``states``: what hosts run of each patch."""
    wrong = _unknown(view, asked)
    for name in asked:
        if name in states and (classic.repo_state(view, view.releases[name]) is not classic.RepoState.AVAILABLE
                               or states[name] not in (classic.PatchState.AVAILABLE, classic.PatchState.UNKNOWN)):
            wrong.append(f"Patch {name} is not in the Available state: it is {states[name]}. Remove it first")
    if wrong:
        return Plan(error=tuple(wrong))
    return Plan((Command(OrderKind.DELETE_RELEASES, tuple(dict.fromkeys(asked))),),
                tuple(f"{name} has been deleted" for name in dict.fromkeys(asked)))


def host_install(view: View, known: Iterable[str], hostname: str) -> Plan:
    """Give a host what it lacks, or take away what it has too many. ``known``: hosts whose agents have ever reported.
    """
    if hostname not in set(known):
        return Plan(error=(f"Host {hostname} is not known: its agent has never reported",))
    wrong = _foreign(view)
    if wrong:
        return Plan(error=tuple(wrong))
    row = view.rows.get(hostname)
    if view.deploy is not None and view.deploy.state is D.ACTIVATE_FAILED:
        return Plan((Command(OrderKind.ACTIVATE),), ("The activation is tried again",))
    if view.deploy is not None and view.deploy.state is D.ACTIVATE_ROLLBACK_FAILED:
        return Plan((Command(OrderKind.ACTIVATE_ROLLBACK),), ("The rollback of the activation is tried again",))
    if row is None or row.state in (H.DEPLOYED, H.ROLLBACK_DEPLOYED):
        return Plan(info=(f"{hostname} runs what it should: there is nothing to install",))
    if row.state in (H.DEPLOYING, H.ROLLBACK_DEPLOYING):
        return Plan(info=(f"{hostname} is installing already",))
    kind = OrderKind.DEPLOY_HOST if row.state in (H.PENDING, H.FAILED) else OrderKind.ROLL_BACK_HOST
    return Plan((Command(kind, hostname=hostname),), (f"Patch installation request sent to {hostname}.",))


def commit(view: View, asked: Sequence[str]) -> Plan:
    """Make patches permanent; each needs the status REL."""
    wrong = _unknown(view, asked)
    if wrong:
        return Plan(error=tuple(wrong))
    names = tuple(dict.fromkeys(asked))
    return Plan((Command(OrderKind.COMMIT, names),), tuple(f"{name} has been committed" for name in names))


def commit_preview(view: View, asked: Sequence[str], freed: Callable[[Sequence[str]], int]) -> Plan:
    """What a commit would do. ``freed``: the bytes that committed releases (the oldest first) do not need any more.
    SoftwareRefused: what cannot be committed."""
    wrong = _unknown(view, asked)
    if wrong:
        return Plan(error=tuple(wrong))
    names = to_commit(view, tuple(asked))
    mib = freed(committed_with(view, names)) / (1 << 20)
    return Plan(info=(f"Patches to be committed: {', '.join(names) or 'none'}",
                      f"This commit operation would free {mib:.2f} MiB"))


def what_requires(view: View, asked: Sequence[str]) -> Plan:
    """Which patches require these directly."""
    wrong = _unknown(view, asked)
    info = []
    for name in asked:
        users = requirements.requiring(view.releases, name)
        info.append(f"{name} is required by: {', '.join(users)}" if users else
                    f"{name} is not required by any patches.")
    return Plan(info=() if wrong else tuple(info), error=tuple(wrong))


def dependencies(view: View, asked: Sequence[str], recursive: bool) -> tuple[list[str], list[str]]:
    """What patches require, sorted; and what is wrong with the question."""
    wrong = _unknown(view, asked)
    if wrong:
        return [], wrong
    found: set[str] = set()
    for name in asked:
        found |= (set(requirements.required(view.releases, name)) if recursive
                  else set(view.releases[name].requires)) - {name}
    return sorted(found), []


def available(view: View) -> tuple[str, ...]:
    """What ``apply --all`` applies, in order."""
    return tuple(release.id for release in patches(view)
                 if classic.repo_state(view, release) is classic.RepoState.AVAILABLE)


def patches(view: View) -> list[Release]:
    """The patches that the classic model knows, in order of their versions."""
    return sorted((release for release in view.releases.values() if classic.is_patch(release)),
                  key=lambda release: (release.version, release.id))


def _unknown(view: View, asked: Iterable[str]) -> list[str]:
    known = {release.id for release in patches(view)}
    return [f"Patch {name} does not exist" for name in dict.fromkeys(asked) if name not in known]


def _installing(agents: Mapping[str, AgentState]) -> list[str]:
    busy = sorted(name for name, state in agents.items() if state is AgentState.INSTALLING)
    return [f"These hosts are installing: {', '.join(busy)}. Try again when they are done"] if busy else []


def _foreign(view: View) -> list[str]:
    """A deployment that was begun with ``software`` belongs to it."""
    deploy = view.deploy
    if deploy is None or deploy.owner is Owner.CLASSIC:
        return []
    return [f"The deployment of {', '.join(deploy.covers)} (state {deploy.state}) was started with software; "
            "end it with software first"]


def _unmet(view: View, new: Sequence[str]) -> list[str]:
    """Required patches that are neither applied nor in the same request, each with those that require it."""
    users: dict[str, list[str]] = {}
    for name in new:
        for required in view.releases[name].requires:
            known = view.releases.get(required)
            if required not in new and (known is None or known.state not in (R.DEPLOYED, R.COMMITTED, R.DEPLOYING)):
                users.setdefault(required, []).append(name)
    return [f"{required} is required by: {', '.join(names)}" for required, names in users.items()]


def _hindered(view: View, names: Sequence[str]) -> list[str]:
    """Why the desired set cannot be changed now."""
    deploy = view.deploy
    if deploy is None or (deploy.state in _UNTOUCHED and deploy.direction is Direction.APPLY):
        return []
    return [f"{', '.join(names)} must wait: {', '.join(deploy.covers)} {'are' if len(deploy.covers) > 1 else 'is'} "
            f"{'applied' if deploy.direction is Direction.APPLY and not deploy.is_aborted else 'removed'} on some "
            "hosts only. Install on all hosts first"]


def _dropped(view: View) -> tuple[Command, ...]:
    """A deployment that no host has begun is replaced."""
    return () if view.deploy is None else (Command(OrderKind.DELETE_DEPLOY),)


def _towards(view: View, names: Iterable[str]) -> Command:
    """The deployment of patches: the newest one, and those that come along."""
    ordered = sorted(dict.fromkeys(names), key=lambda name: view.releases[name].version, reverse=True)
    return Command(OrderKind.START, tuple(ordered))


def _kept(view: View, name: str, asked: frozenset[str], how: Removal) -> list[str]:
    """Why a patch must stay."""
    release = view.releases[name]
    wrong = []
    if release.state is R.COMMITTED:
        wrong.append(f"Patch {name} is committed and cannot be removed")
    if release.unremovable and not how.unremovable_too:
        wrong.append(f"Patch {name} is not removable")
    users = [user for user in requirements.requiring(view.releases, name, (R.DEPLOYED, R.COMMITTED, R.DEPLOYING))
             if user not in asked]
    if users:
        wrong.append(f"{name} is required by: {', '.join(users)}")
    if not how.skip_applications:
        wrong += [f"{name} is required by application: {application}" for application, uses in how.uses.items()
                  if name in uses]
    return wrong


def _taken_back(view: View, deploy: Deploy, old: Sequence[str], info: tuple[str, ...]) -> Plan:
    """Remove what is being applied."""
    left = [name for name in deploy.covers if name not in old]
    outside = [name for name in old if name not in deploy.covers]
    if deploy.direction is Direction.REMOVE or deploy.is_aborted or outside:
        return Plan(error=tuple(_hindered(view, old)) or (f"{', '.join(old)} must wait: "
                                                          f"{', '.join(deploy.covers)} is not applied yet",))
    if deploy.state in _UNTOUCHED:
        return Plan((Command(OrderKind.DELETE_DEPLOY), *([_towards(view, left)] if left else [])), info)
    if left:
        return Plan(error=(f"{', '.join(old)} can be removed only together with {', '.join(left)}, since hosts have "
                           "them already",))
    if deploy.state not in _ABORTABLE:
        return Plan(error=(f"{', '.join(old)} cannot be removed in this moment (state {deploy.state}). Try again in a "
                           "minute",))
    return Plan((Command(OrderKind.ABORT),), info)


def _below(view: View, old: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The newest release below all that is removed, and all patches above it that hosts have."""
    lowest = min(view.releases[name].version for name in old)
    present = sorted((release for release in view.releases.values() if release.state in (R.DEPLOYED, R.COMMITTED)
                      and release.version.same_major(lowest)), key=lambda release: release.version)
    below = [release for release in present if release.version < lowest]
    above = tuple(release.id for release in present if release.version >= lowest)
    return (below[-1].id if below else None), above
