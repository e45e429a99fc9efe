# SPDX-License-Identifier: Apache-2.0
"""Rules of hosts' file systems: which a host has, who may add, grow and delete them, and what an order leaves behind.

Sizes that are asked for are GiB; what a host reports is MiB.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from flock.core.errors import Conflict
from sysinv.contract.enums import FilesystemState, Personality
from sysinv.model.filesystem import GIB_MIB, Wanted, gib
from sysinv.model.host import HostMustBeLocked, HostRefused, InventoryHost
from sysinv.resources.volumegroup.rules import INSTANCES, NOVA_LOCAL, PLATFORM_GROUP

BACKUP, CONVERSION, CEPH = "backup", "image-conversion", "ceph"
# Names and sizes in GiB of the file systems that every host of a personality has.
_SHARED = {"docker": 40, "kubelet": 10, "scratch": 16, "log": 8, "var": 20, "root": 20}
ALWAYS: Mapping[str, Mapping[str, int]] = {
    Personality.CONTROLLER: {BACKUP: 25, **_SHARED}, Personality.WORKER: _SHARED, Personality.STORAGE: _SHARED}
OPTIONAL = (CONVERSION, INSTANCES, CEPH)
NAMES = (*ALWAYS[Personality.CONTROLLER], *OPTIONAL)
# The host runs from these: an empty one can not take their place.
FROM_INSTALLATION = frozenset({"log", "var", "root"})
FUNCTIONS, MONITOR, MONITORS_MAX = "functions", "monitor", 5
ROOK = "ceph-rook"

State = FilesystemState
CHANGING = frozenset({State.CREATING, State.DELETING, State.MODIFYING})
LEAVING = frozenset({State.DELETING, State.DELETING_ON_UNLOCK})
_DELETABLE = frozenset({State.READY, State.CREATING_ON_UNLOCK, State.ERROR})
# The host is going to give these the size that they should have.
_TAKES_SPACE = frozenset({State.CREATING, State.CREATING_ON_UNLOCK, State.MODIFYING, State.ERROR})


class FilesystemExists(Conflict):
    """The host has a file system of that name."""

    code: ClassVar[str] = "sysinv.host_fs.exists"


class FilesystemBusy(Conflict):
    """A file system, or what it is made of, is being changed."""

    code: ClassVar[str] = "sysinv.host_fs.busy"


@dataclass(frozen=True, slots=True)
class FilesystemView:
    """What the rules need of a file system; ``present_mib`` is None until the host's agent has reported any."""

    name: str
    size_gib: int
    state: FilesystemState
    present_mib: int | None = None
    functions: tuple[str, ...] = ()

    @property
    def needs_mib(self) -> int:
        """What its host is still going to take for it."""
        if self.state not in _TAKES_SPACE:
            return 0
        return max(0, self.size_gib * GIB_MIB - (self.present_mib or 0))


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A host with its file systems; ``free_mib`` of the platform's volume group, None when it has no such group.

    ``changing``: what is being done on the host that changes its groups or replicated file systems, as a sentence;
    ``backends``: types of the system's storage backends; ``monitors``: file systems of all hosts for Ceph monitors.
    """

    host: InventoryHost
    present: tuple[FilesystemView, ...]
    free_mib: int | None
    groups: tuple[str, ...] = ()
    changing: str | None = None
    backends: tuple[str, ...] = ()
    monitors: int = 0

    def find(self, name: str) -> FilesystemView | None:
        """Return the file system ``name``; None when the host has none."""
        return next((one for one in self.present if one.name == name), None)


def logical_volume(name: str) -> str:
    """Return the name of the logical volume of a file system."""
    return "conversion-lv" if name == CONVERSION else f"{name}-lv"


def is_optional(name: str) -> bool:
    """Return whether a file system is there only if it was added."""
    return name in OPTIONAL


def settled(name: str) -> FilesystemState:
    """Return the state of a file system that its host has and nobody changes."""
    return State.READY if is_optional(name) else State.IN_USE


def new_capabilities(name: str) -> dict[str, Any]:
    """Return the capabilities of a file system that is made."""
    return {FUNCTIONS: [MONITOR] if name == CEPH else []}


def check_add(facts: HostFacts, name: str, size_gib: int) -> FilesystemState:
    """Return the state of a new file system; HostRefused, HostMustBeLocked, FilesystemExists, FilesystemBusy."""
    host = facts.host
    always = ALWAYS.get(host.personality or "", {})
    if not always:
        raise HostRefused(detail=f"Host {host.name} has no personality yet; its file systems can not be changed.")
    if name in ALWAYS[Personality.CONTROLLER]:
        rule = f"exists on every {host.personality}" if name in always else "is one of controllers"
        raise HostRefused(detail=f"name: file system {name} {rule} and can not be added.")
    if name not in OPTIONAL:
        raise HostRefused(detail=f"name: file system {name} is not supported; use one of {', '.join(OPTIONAL)}.")
    _check_kind(facts, name)
    if facts.find(name) is not None:
        raise FilesystemExists(detail=f"File system {name} already exists on host {host.name}.")
    _check_quiet(facts)
    state = State.CREATING_ON_UNLOCK if host.is_locked else State.CREATING
    _check_space(facts, (*facts.present, FilesystemView(name, size_gib, state, 0)), size_gib * GIB_MIB)
    return state


def _check_kind(facts: HostFacts, name: str) -> None:
    host = facts.host
    if name == CONVERSION and not host.is_controller:
        raise HostRefused(detail=f"File system {CONVERSION} can only be added on controllers.")
    if name == INSTANCES:
        if not host.has_worker_function:
            raise HostRefused(detail=f"File system {INSTANCES} can only be added on hosts with worker function.")
        if not host.is_locked:
            raise HostMustBeLocked(detail=f"Host must be locked to change file system {INSTANCES}.")
        if NOVA_LOCAL in facts.groups:
            raise HostRefused(detail=f"File system {INSTANCES} can not be added: host {host.name} has volume group "
                                     f"{NOVA_LOCAL}, which serves the same purpose.")
    if name == CEPH:
        if host.personality not in (Personality.CONTROLLER, Personality.WORKER):
            raise HostRefused(detail=f"File system {CEPH} can only be added on controllers and workers.")
        if ROOK not in facts.backends:
            raise HostRefused(detail=f"File system {CEPH} needs a storage backend of type {ROOK}, which this system "
                                     "does not have.")
        _check_monitors(facts.monitors)


def _check_monitors(present: int) -> None:
    if present >= MONITORS_MAX:
        raise HostRefused(detail=f"The system has {present} Ceph monitors; more than {MONITORS_MAX} are not supported.")


def check_update(facts: HostFacts, wanted: Sequence[Wanted]) -> list[FilesystemView]:
    """Return the file systems as a request leaves them, those that change only; HostRefused, FilesystemBusy."""
    changed: dict[str, FilesystemView] = {}
    grown: list[FilesystemView] = []
    for one in wanted:
        found = facts.find(one.name)
        if found is None:
            known = ", ".join(sorted(each.name for each in facts.present)) or "none"
            raise HostRefused(detail=f"name: host {facts.host.name} has no file system {one.name}; it has {known}.")
        if one.capabilities is not None:
            found = replace(found, functions=_functions(facts, found, one.capabilities))
        if one.size_gib is not None:
            found = _grown(facts.host, found, one.size_gib)
            grown.append(found)
        changed[one.name] = found
    if grown:
        _check_quiet(facts)
        after = [changed.get(view.name, view) for view in facts.present]
        _check_space(facts, after, sum(view.needs_mib for view in grown))
    return list(changed.values())


def _grown(host: InventoryHost, view: FilesystemView, size_gib: int) -> FilesystemView:
    name = view.name
    if view.state in CHANGING or view.state in LEAVING:
        raise FilesystemBusy(detail=f"File system {name} of host {host.name} is in state {view.state}. Retry when that "
                                    "has ended.")
    # What failed is tried again with the size that it did not get.
    least = view.size_gib if view.state is State.ERROR else view.size_gib + 1
    if size_gib < least:
        raise HostRefused(detail=f"size: file system {name} has {view.size_gib} GiB and can only grow, not change to "
                                 f"{size_gib} GiB.")
    if view.present_mib is None:
        raise HostRefused(detail=f"File system {name} can not be changed: host {host.name} has not reported its file "
                                 "systems. Its software may be older than that of this controller.")
    staged = view.state is State.CREATING_ON_UNLOCK
    if not staged and not view.present_mib and not (view.state is State.ERROR and name not in FROM_INSTALLATION):
        raise HostRefused(detail=f"File system {name} can not be changed: host {host.name} reports no logical volume "
                                 f"{logical_volume(name)} in {PLATFORM_GROUP}; the file system is a directory there.")
    if staged:
        return replace(view, size_gib=size_gib)
    if view.present_mib:
        return replace(view, size_gib=size_gib, state=State.MODIFYING)
    return replace(view, size_gib=size_gib,
                   state=State.CREATING_ON_UNLOCK if host.is_locked else State.CREATING)


def _functions(facts: HostFacts, view: FilesystemView, capabilities: Mapping[str, Any]) -> tuple[str, ...]:
    asked = capabilities.get(FUNCTIONS)
    if set(capabilities) != {FUNCTIONS} or not isinstance(asked, list) or any(one != MONITOR for one in asked):
        raise HostRefused(detail=f'capabilities: must be {{"{FUNCTIONS}": ["{MONITOR}"]}} or {{"{FUNCTIONS}": []}}.')
    if asked and view.name != CEPH:
        raise HostRefused(detail=f"capabilities: function {MONITOR} is for file system {CEPH}, not for {view.name}.")
    if asked and MONITOR not in view.functions:
        _check_monitors(facts.monitors)
    return (MONITOR,) if asked else ()


def check_delete(facts: HostFacts, name: str, *, force: bool) -> FilesystemState | None:
    """Return the state of a file system that is being deleted, None when nothing of it is on the host.

    ``force`` permits each state. Raises HostRefused, HostMustBeLocked, FilesystemBusy.
    """
    host, view = facts.host, facts.find(name)
    if view is None or not is_optional(name):
        raise HostRefused(detail=f"File system {name} exists on every {host.personality} and can not be deleted.")
    if name == INSTANCES and not host.is_locked:
        raise HostMustBeLocked(detail=f"Host must be locked to change file system {INSTANCES}.")
    if not force and view.state not in _DELETABLE:
        states = ", ".join(sorted(_DELETABLE))
        raise HostRefused(detail=f"File system {name} of host {host.name} is in state {view.state}; it can be deleted "
                                 f"in states {states}, in others with --force.")
    if view.state is State.CREATING_ON_UNLOCK and not view.present_mib:
        return None
    _check_quiet(facts)
    return State.DELETING_ON_UNLOCK if host.is_locked else State.DELETING


def space_refusal(facts: HostFacts) -> str | None:
    """Return why the host's file systems can not be made at its unlock; None when they can."""
    missing = sum(view.needs_mib for view in facts.present)
    if not missing or missing <= (facts.free_mib or 0):
        return None
    return (f"its file systems need {_up(missing)} GiB more in volume group {PLATFORM_GROUP}, which has "
            f"{gib(facts.free_mib or 0)} GiB free")


def _check_quiet(facts: HostFacts) -> None:
    if facts.changing is not None:
        raise FilesystemBusy(detail=f"{facts.changing} Retry when that has ended.")


def _check_space(facts: HostFacts, after: Iterable[FilesystemView], asked_mib: int) -> None:
    """Refuse what does not fit beside all that the host is still going to take."""
    if not asked_mib:
        return
    if facts.free_mib is None:
        raise HostRefused(detail=f"Host {facts.host.name} has no volume group {PLATFORM_GROUP}: there is no space for "
                                 "file systems of their own.")
    missing = sum(view.needs_mib for view in after)
    if missing > facts.free_mib:
        others = missing - asked_mib
        told = f", of which {_up(others)} GiB are for changes that have not ended" if others > 0 else ""
        raise HostRefused(detail=f"size: {_up(asked_mib)} GiB more are asked for, but volume group {PLATFORM_GROUP} of "
                                 f"host {facts.host.name} has {gib(facts.free_mib)} GiB free{told}.")


def _up(mib: int) -> str:
    return f"{-(-mib * 100 // GIB_MIB) / 100:g}"


def after_run(view: FilesystemView, error: str | None) -> FilesystemState | None:
    """Return the state after the host has run the file system's class; None when it is gone."""
    if error is not None:
        return State.ERROR
    return None if view.state in LEAVING else settled(view.name)


def is_due(view: FilesystemView, *, whole: bool) -> bool:
    """Return whether a run of the file system's class settles its state; a boot does so for what waits for it."""
    return view.state in CHANGING or view.state is State.ERROR or (
        whole and view.state in (State.CREATING_ON_UNLOCK, State.DELETING_ON_UNLOCK))
