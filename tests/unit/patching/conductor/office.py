# SPDX-License-Identifier: Apache-2.0
"""A conductor in one process: its database, tasks that run when the test says so, agents and an inventory in memory."""
from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flock.core.records import replace
from flock.db import Database, utcnow
from flock.jobs.operations import Operations
from patching.artifact.trust import Trust
from patching.conductor.hands import Hands
from patching.conductor.machine import Machine
from patching.conductor.orders import Orders
from patching.conductor.prechecks import Prechecks
from patching.conductor.reports import Reports
from patching.conductor.scripts import Scripts
from patching.conductor.store import Store
from patching.conductor.surroundings import Watch
from patching.conductor.uploads import Uploads
from patching.content.repository import Repository
from patching.contract.records import Content, HostFacts, InstallOrder, InstallResult, Order, OrderKind, Reply
from patching.contract.states import ReleaseState
from patching.contract.stored import ReleaseDetails
from patching.contract.version import Version
from patching.core.model import Release
from patching.core.precheck import Check, Limits, Report
from patching.core.settings import Settings
from patching.core.strategy.work.seen import SeenHost
from patching.db.tables import METADATA, TASK
from patching.db.views import REPLY, Stored


class Inventory:
    """Two controllers and a worker; ``alarms`` make them unfit."""

    def __init__(self, names: Iterable[str]) -> None:
        self.known = {name: SeenHost(number, name, name.partition("-")[0].replace(
            "compute", "worker"), "unlocked", "enabled", "available") for number, name in enumerate(names, 1)}
        self.alarms: list[str] = []
        self.asked: list[tuple[str, bool, list[str]]] = []

    def hosts(self) -> dict[str, SeenHost]:
        return dict(self.known)

    def health(self, kind: str, relaxed: bool, ignored: Iterable[str]) -> Report:
        self.asked.append((kind, relaxed, list(ignored)))
        return Report((Check("No alarms", not self.alarms, "alarms", "clear them"),), ("Kubernetes",))

    def set(self, hostname: str, **states: str) -> None:
        self.known[hostname] = replace(self.known[hostname], **states)


class Agent:
    """Takes orders; ``answers``: whether it reports when asked."""

    def __init__(self, office: Office, hostname: str) -> None:
        self._office, self.hostname = office, hostname
        self.answers = True
        self.orders: list[InstallOrder] = []
        self.kept: list[list[str]] = []

    def install(self, *, order: InstallOrder) -> None:
        self.orders.append(order)

    def report_now(self, *, query_id: str) -> None:
        if self.answers:
            self.report(query_id=query_id)

    def clean_up(self, *, deploy_id: str, keep: list[str]) -> None:
        self.kept.append(keep)

    def report(self, **fields: Any) -> None:
        self._office.reports.report(facts=HostFacts(self.hostname, "", "10.0.0", **fields))

    def end(self, error: str = "", **fields: Any) -> None:
        order = self.orders[-1]
        self._office.reports.install_ended(result=replace(InstallResult(
            order.deploy_id, self.hostname, order.attempt, error, order.version), **fields))


class Office:
    """Everything together. ``run()``: carry out the tasks that are due."""

    def __init__(self, database: Database, folder: Path, names: Iterable[str] = ("controller-0",)) -> None:
        METADATA.create_all(database.engine)
        self.later = datetime.timedelta()
        self.database, self.folder = database, folder
        self.inventory = Inventory(names)
        self.agents = {name: Agent(self, name) for name in self.inventory.known}
        self.store = Store(database)
        self.store.begin("starlingx", Version.parse("10.0.0"))
        self.machine = Machine(self.store, Settings(), "controller-0")
        self.repository = Repository(folder / "software")
        self.watch = Watch(self.inventory, self.store.agents, self.agents.__getitem__, lambda: 90.0)
        self.reports = Reports(self.machine, self.watch)
        self.trusted = Trust(())
        self.staging = folder / "staging"
        self.staging.mkdir()
        self.uploads = Uploads(self.machine, self.repository, self.staging, lambda: self.trusted, 1 << 30)
        self.orders = Orders(self.machine, self.watch, self.uploads, lambda _around: True, lambda: 0.2)
        self.prechecks = Prechecks(
            self.machine, self.orders, self.inventory, lambda: Limits(0, 0), lambda: [], self.repository.release)
        self.scripts = Scripts(self.repository.release, lambda: 30.0)
        self.machine.stop_scripts = self.scripts.stop
        hands = Hands(self.machine, self.agents.__getitem__, self.scripts, self.repository, repeat_s=20.0,
                      install_timeout_s=3600)
        self.tasks = Operations(database, TASK, {
            **hands.kinds(30.0), **self.prechecks.kinds(), **self.uploads.kinds()}, owner="tests",
            clock=lambda: utcnow() + self.later)
        self.machine.run_tasks_with(self.tasks)
        for agent in self.agents.values():
            agent.report()

    def release(self, text: str, state: ReleaseState = ReleaseState.AVAILABLE, details: ReleaseDetails | None = None,
                **fields: Any) -> None:
        """A release as an upload leaves it."""
        release = Release(f"starlingx-{text}", Version.parse(text), state, **{"reboot_required": False, **fields})
        self.machine.put_release(release, details or ReleaseDetails(), Content(
            release.id, text, release.id, "0" * 64, "fake"))

    def order(self, kind: OrderKind, *releases: str, request_id: str = "", **fields: Any) -> Reply:
        """Give an order, and carry out its task."""
        order = replace(Order(kind, request_id or str(uuid.uuid4()), list(releases)), **fields)
        reply = self.orders.order(order=order)
        if reply.task is None:
            return reply
        self.run()
        found: Reply = REPLY.from_document(self.tasks.get(reply.task).result["reply"], "reply")
        return found

    def run(self, later_s: float = 0.0) -> None:
        self.later += datetime.timedelta(seconds=later_s)
        self.tasks.run_due()

    def start(self, text: str) -> None:
        reply = self.order(OrderKind.START, f"starlingx-{text}")
        assert reply.error == "", reply
        self.run()

    @property
    def stored(self) -> Stored:
        return self.store.load()

    @property
    def state(self) -> str | None:
        deploy = self.stored.view.deploy
        return None if deploy is None else deploy.state.value
