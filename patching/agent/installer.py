# SPDX-License-Identifier: Apache-2.0
"""Carries out one order: fetch, hooks, packages as one step that is taken back when it fails, restart scripts."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flock.core.errors import FlockError
from flock.exec.root import Root
from patching.agent import decide, flags
from patching.agent.memory import Book
from patching.agent.scripts import AFTER_BOOT, BEFORE_BOOT, Scripts
from patching.backends import plan
from patching.backends.interface import Backend, BackendFailed, Item, Op, Target
from patching.content.fetch import Feed, Store
from patching.content.manifest import POST_INSTALL, PRE_INSTALL, SCRIPTS, Manifest
from patching.contract.records import Content, InstallOrder, InstallResult
from patching.contract.states import Direction

LOG = logging.getLogger(__name__)
ERROR_MAX = 1_000
FETCHED, PLANNED, APPLIED = 60, 65, 90
Told = Callable[[int, str], None]


class Superseded(BackendFailed):
    """A newer order, or the end of the agent, ends an installation."""

    code = "patching.superseded"
    text = "The installation was ended, by a newer order or with the agent."


@dataclass(frozen=True, slots=True)
class Work:
    """One order on its way. ``told``: percent and text. ``ended``: set when it shall end."""

    order: InstallOrder
    deadline: float
    told: Told
    ended: threading.Event

    def go_on(self, percent: int, text: str) -> None:
        """Tell how far it is. Superseded: it shall end."""
        if self.ended.is_set():
            raise Superseded()
        self.told(percent, text)


@dataclass(frozen=True, slots=True)
class Change:
    """What one back end has to do."""

    backend: Backend
    target: Target
    ops: tuple[Op, ...]


class Installer:
    """``backends`` by name. Writes into ``book`` before and after each step that a kill must not lose."""

    def __init__(self, book: Book, feed: Feed, store: Store, backends: Mapping[str, Backend], root: Root) -> None:
        self._book, self._feed, self._store, self._root = book, feed, store, root
        self._backends = backends
        self._scripts = Scripts(root.path)

    def install(self, order: InstallOrder, boot_id: str, told: Told, ended: threading.Event) -> InstallResult:
        """Carry out an order, and return its result, which the book then has."""
        work = Work(order, time.monotonic() + order.timeout_s, told, ended)
        self._book.write(order=order, rejected=False)
        flags.begin(self._root)
        error, needs_reboot = "", False
        try:
            needs_reboot = self._install(work, boot_id)
        except FlockError as failure:
            error = str(failure)[:ERROR_MAX]
            LOG.error("%s cannot be installed: %s", order.version, error)
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"[:ERROR_MAX]
            LOG.exception("%s cannot be installed", order.version)
        made = decide.result(order, error, needs_reboot)
        flags.end(self._root, error, needs_reboot, order.reboot_required)
        self._book.write(order=None, result=made)
        return made

    def after_boot(self, deadline: float) -> None:
        """Run the hooks that waited for a boot. BackendFailed: one fails; it and those after it wait for the next."""
        while waiting := self._book.memory.after_boot:
            release_id = waiting[0]
            path = self._store.place(release_id) / POST_INSTALL
            if path.exists():
                self._scripts.hook(path, AFTER_BOOT, release_id, Direction.APPLY, deadline)
            self._book.write(after_boot=waiting[1:])

    def touched(self) -> dict[str, str]:
        """Versions of the packages that releases have brought or changed."""
        found: dict[str, str] = {}
        for name, known in self._book.memory.origins.items():
            if name in self._backends:
                current = self._backends[name].current()
                found |= {package: current[package] for package in known if package in current}
        return found

    def runs_newest(self) -> bool:
        """Whether the host runs what boots next, as far as its back ends can tell."""
        for backend in self._backends.values():
            running = backend.running()
            if running and running != backend.current():
                return False
        return True

    def settle(self) -> None:
        """The host boots soon: what boots next gets what was configured meanwhile. BackendFailed: it does not."""
        for backend in self._backends.values():
            backend.settle()

    def clean_up(self, keep: frozenset[str]) -> None:
        """Remove the content of all releases but ``keep`` and what is installed."""
        memory = self._book.memory
        self._store.clean_up(keep | {content.release_id for content in memory.contents})
        commits = frozenset(content.commit for content in memory.contents) | {
            version for known in memory.origins.values() for version in known.values()}
        for backend in self._backends.values():
            backend.clean_up(commits)

    def _install(self, work: Work, boot_id: str) -> bool:
        order, memory = work.order, self._book.memory
        manifests = self._fetched(work)
        moved = decide.moves(memory.contents, order.contents)
        changes = self._changes(order, manifests)
        work.go_on(PLANNED, "running hooks")
        self._hooks(moved, PRE_INSTALL, BEFORE_BOOT, work.deadline)
        must_boot = self._apply(work, changes) or memory.needs_reboot
        work.go_on(APPLIED, "running restart scripts")
        self._hooks(moved, POST_INSTALL, BEFORE_BOOT, work.deadline)
        if not order.reboot_required:
            direction = Direction.REMOVE if order.is_rollback else Direction.APPLY
            self._scripts.restart(self._restart_scripts(moved.added, manifests), direction, work.deadline)
        needs_reboot = must_boot or (order.reboot_required and bool(moved.added or moved.removed))
        # At the end: where a script has failed, a retry runs all of them again.
        self._book.write(
            version=order.version, contents=order.contents, needs_reboot=needs_reboot, boot_id=boot_id,
            running=memory.running if needs_reboot else order.version, origins=self._origins(changes),
            after_boot=[content.release_id for content in moved.added] if needs_reboot else [])
        work.told(100, "done")
        return needs_reboot

    def _fetched(self, work: Work) -> list[Manifest]:
        count = max(1, len(work.order.contents))
        made = []
        for number, content in enumerate(work.order.contents):
            if content.backend not in self._backends:
                raise BackendFailed(detail=f"{content.release_id} is made for {content.backend}, but this host has "
                                           f"{', '.join(self._backends) or 'no back end'}.")
            text = f"fetching {content.release_id}"
            work.go_on(FETCHED * number // count, text)

            def told(done: int, total: int, number: int = number, text: str = text) -> None:
                share = done / total if total else 1.0
                work.go_on(int(FETCHED * (number + share) / count), text)

            made.append(self._store.bring(self._feed, content, work.deadline, told))
        return made

    def _changes(self, order: InstallOrder, manifests: Sequence[Manifest]) -> list[Change]:
        """What each back end must do. Stores origins first: a kill must not lose what packages were."""
        memory = self._book.memory
        at_hand = self._store.items()
        made = []
        for name, backend in self._backends.items():
            wanted: dict[str, Item] = {}
            for content, manifest in zip(order.contents, manifests, strict=True):
                if manifest.backend == name:
                    wanted |= {item.name: item for item in manifest.items(self._store.place(content.release_id))}
            known = memory.origins.get(name, {})
            if not wanted and not known:
                continue
            target = Target(wanted, known, tuple(item for owner, item in at_hand if owner == name))
            made.append(Change(backend, target, plan.changes(backend, target)))
        self._book.write(origins=memory.origins | {
            change.backend.name: plan.origins(change.target.origins, change.ops,
                                              change.target.wanted.keys() | change.target.origins.keys())
            for change in made})
        return made

    def _apply(self, work: Work, changes: Sequence[Change]) -> bool:
        """Change the packages; says whether the host must boot to run them."""
        in_service, must_boot = not work.order.reboot_required, False
        done: list[Change] = []
        for change in changes:
            if not change.ops:
                continue
            work.go_on(PLANNED, f"changing {len(change.ops)} packages ({change.backend.name})")
            done.append(change)
            try:
                must_boot |= change.backend.apply(change.ops, change.target.at_hand, in_service)
                wrong = plan.difference(change.backend.current(), change.target)
                if wrong:
                    raise BackendFailed(detail=f"After the installation {wrong}.")
            except FlockError as failure:
                raise BackendFailed(detail=f"{failure} {self._taken_back(done, in_service)}") from failure
        return must_boot

    def _taken_back(self, done: Sequence[Change], in_service: bool) -> str:
        """Take back what was changed, the last first; says what came of it."""
        for change in reversed(done):
            backend, at_hand = change.backend, change.target.at_hand
            try:
                ops = plan.changes(backend, plan.back(change.ops, at_hand))
                if ops:
                    backend.apply(ops, at_hand, in_service)
            except FlockError as error:
                LOG.error("the installation cannot be taken back: %s", error)
                return f"It could not be taken back: {error}"
        return "It was taken back."

    def _origins(self, changes: Sequence[Change]) -> dict[str, dict[str, str]]:
        """Origins of what releases still bring; the rest is as it was before."""
        kept = {change.backend.name: {name: version for name, version in
                                      self._book.memory.origins.get(change.backend.name, {}).items()
                                      if name in change.target.wanted} for change in changes}
        return {name: known for name, known in kept.items() if known}

    def _hooks(self, moved: decide.Moves, name: str, when: str, deadline: float) -> None:
        for contents, direction in ((moved.removed, Direction.REMOVE), (moved.added, Direction.APPLY)):
            for content in contents:
                path = self._store.place(content.release_id) / name
                if path.exists():
                    self._scripts.hook(path, when, content.release_id, direction, deadline)

    def _restart_scripts(self, added: Sequence[Content], manifests: Sequence[Manifest]) -> list[tuple[str, Path]]:
        ids = {content.release_id for content in added}
        return [(manifest.release_id, self._store.place(manifest.release_id) / path)
                for manifest in manifests if manifest.release_id in ids for path in manifest.paths_in(SCRIPTS)]
