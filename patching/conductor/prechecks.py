# SPDX-License-Identifier: Apache-2.0
"""Prechecks as tasks: gathers the facts, decides, stores the result, and then starts the deployment if that was
ordered."""
from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from flock.core.checks import Report
from flock.core.errors import FlockError
from flock.core.records import replace
from flock.jobs.steps import OperationView, Step, Steps
from patching.alarms.wanted import OF_DEPLOYMENT
from patching.conductor.machine import Machine
from patching.conductor.orders import ORDER, PRECHECK, Orders, refused
from patching.conductor.ownchecks import own_checks
from patching.conductor.store import now_ms
from patching.contract.records import Order, OrderKind, PrecheckReply, Reply, ReplyStatus
from patching.contract.states import ReleaseState
from patching.core import guards, requirements
from patching.core.contents import has_other_software
from patching.core.model import Precheck, Release
from patching.core.precheck import Facts, Limits, report
from patching.core.requirements import PRESENT
from patching.core.strategy.work.seen import SeenHost
from patching.db import views
from patching.db.views import Seen, Stored

LOG = logging.getLogger(__name__)
PRECHECK_S, OWN_CHECKS_S = 300.0, 120.0
ROOT, CONTAINERS = Path("/"), Path("/var/lib/containers")


def free_gib(place: Path) -> int | None:
    """Whole GiB that are free in the file system of a directory; None when there is no such directory."""
    try:
        return shutil.disk_usage(place).free >> 30
    except FileNotFoundError:
        return None


class Inventory(Protocol):
    """The part of ``patching.rest.services.Inventory`` that is used here."""

    def hosts(self) -> dict[str, SeenHost]:
        """The hosts by name."""

    def health(self, kind: str, relaxed: bool, ignored: Iterable[str]) -> Report:
        """What the inventory's service says of the health of the system."""


class Prechecks:
    """``limits``: free space that a major release needs; ``ignored``: ids of alarms that never count; ``folder_of``:
    where the members of a release are; ``free``: how much is free where, in GiB."""

    def __init__(self, machine: Machine, orders: Orders, inventory: Inventory, limits: Callable[[], Limits],
                 ignored: Callable[[], list[str]], folder_of: Callable[[str], Path],
                 free: Callable[[Path], int | None] = free_gib) -> None:
        self._machine, self._orders, self._inventory, self._folder_of = machine, orders, inventory, folder_of
        self._limits, self._ignored, self._free_gib = limits, ignored, free

    def kinds(self) -> dict[str, Steps]:
        """The plan of the task."""
        return {PRECHECK: Steps(PRECHECK, Step("check", self.check, timeout_s=PRECHECK_S))}

    def check(self, task: OperationView) -> dict[str, Any]:
        """Check, and start when that was ordered."""
        order: Order = ORDER.from_document(task.params["order"], "order")
        try:
            reply = self._checked(order)
        except FlockError as error:
            reply = refused(error)
        return {"reply": views.REPLY.to_document(reply)}

    def _checked(self, order: Order) -> Reply:
        stored = self._machine.store.load()
        release = guards.release(stored.view, order.releases[0])
        is_major = not release.version.same_major(stored.view.running)
        relaxed = order.force and not is_major
        told = _told(stored, release, is_major)
        try:
            found = self._report(stored, release, is_major=is_major, relaxed=relaxed)
        except FlockError as error:
            LOG.warning("the precheck of %s could not be run: %s", release.id, error)
            return Reply(ReplyStatus.REFUSED, error=f"The precheck of {release.id} could not be run: {error}\n",
                         code=error.code, precheck=told)
        self._machine.put_precheck(Precheck(release.id, found.is_healthy, now_ms(), relaxed, found.text))
        told = replace(told, healthy=found.is_healthy, text=found.text)
        if order.kind is OrderKind.START:
            return replace(self._orders.carry_out(order), precheck=told)
        if found.is_healthy:
            return Reply(ReplyStatus.OK, found.text, precheck=told)
        return Reply(ReplyStatus.REFUSED, code="patching.unhealthy", precheck=told,
                     error=f"The following issues have been detected, which prevent deploying {release.id}\n"
                           f"{found.text}")

    def _report(self, stored: Stored, release: Release, *, is_major: bool, relaxed: bool) -> Report:
        # What was told of a deployment that has ended is cleared a moment later.
        past = OF_DEPLOYMENT if stored.view.deploy is None else ()
        health = self._inventory.health("upgrade" if is_major else "kube-upgrade", relaxed, [*self._ignored(), *past])
        facts = facts_of(stored, release, self._inventory.hosts(), self._machine.store.agents())
        if is_major:
            facts = replace(facts, containers_free_gib=self._free_gib(CONTAINERS), system_free_gib=self._free_gib(ROOT))
        found = report(facts, health, is_major=is_major, limits=self._limits())
        words = [f"--from={stored.view.running}", f"--to={release.version}", *(["--relaxed"] if relaxed else [])]
        return Report((*found.checks, *own_checks(self._folder_of(release.id), release.id, words, OWN_CHECKS_S)),
                      found.absent)


def facts_of(stored: Stored, release: Release, hosts: Collection[str], seen: Mapping[str, Seen]) -> Facts:
    """What this service knows of the system. ``hosts``: names of those in the inventory."""
    view = stored.view
    unmet = [name for name in requirements.required(view.releases, release.id)
             if name != release.id and not _can_be_met(view.releases.get(name), release)]
    wanted = stored.contents_of(view.running)
    outdated = [name for name, one in seen.items() if name in hosts and view.deploy is None and (
        one.facts.needs_reboot or has_other_software(one.facts, view.running, wanted))]
    details = stored.details.get(release.id)
    return Facts(view.running.major, tuple(outdated), tuple(unmet),
                 () if details is None else tuple(details.supported_from))


def _can_be_met(release: Release | None, target: Release) -> bool:
    """Whether a required release is there, or comes with the deployment."""
    return release is not None and (release.state in PRESENT or (
        release.state is ReleaseState.AVAILABLE and release.version.same_major(target.version)))


def _told(stored: Stored, release: Release, is_major: bool) -> PrecheckReply:
    view = stored.view
    details = stored.details.get(release.id)
    is_upward = release.version > view.running
    reboot = is_major or release.reboot_required or any(
        view.releases[name].reboot_required for name in _covered(stored, release, is_upward))
    return PrecheckReply(
        release.id, view.running.text, release.version.text, None, major_release=is_major, reboot_required=reboot,
        prepatched_iso=details is not None and details.prepatched_iso, apply_operation=is_upward)


def _covered(stored: Stored, release: Release, is_upward: bool) -> tuple[str, ...]:
    releases = stored.view.releases
    try:
        return requirements.to_apply(releases, release) if is_upward else requirements.to_remove(releases, release)
    except FlockError:
        return ()
