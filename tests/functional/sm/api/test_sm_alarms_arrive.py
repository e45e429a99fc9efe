# SPDX-License-Identifier: Apache-2.0
"""Alarms of service management in a real fm-manager: after a failover, across kills, and cleared when they are over."""
from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from flock.testing.services.process import Process
from flock.testing.services.rabbitmq import RabbitNode
from flock.testing.subsystem import RunningSubsystem
from fm.db.tables import EVENT_LOG
from sm.contract.control import Verb
from tests.functional.fm.service import FaultManagement
from tests.functional.sm.daemon.conftest import Builder, Machine, Yard
from tests.functional.sm.daemon.conftest import yards as _yards

yards = _yards
REDUNDANCY = "service_domain=controller.service_group=web-services"


class Alarms:
    """fm-manager, and sm-alarms of each controller."""

    def __init__(self, folder: Path, rabbit_url: str) -> None:
        self.folder = folder
        self.fm = FaultManagement(folder / "fm", f"sqlite:///{folder}/fm.sqlite", rabbit_url, None)
        self.fm.make_tables()
        self.fm.start_manager()
        self.programs: dict[str, Process] = {}
        self._sides: list[RunningSubsystem] = []

    def start(self, machine: Machine) -> None:
        """Start sm-alarms of a controller."""
        side = RunningSubsystem("sm", self.folder / f"alarms-{machine.name}", "sqlite://", self.fm.rabbit_url,
                                exchange=self.fm.exchange)
        side.configure({"sm": {"faults": machine.folder / "journal/faults"}})
        self.programs[machine.name] = side.daemon("sm-alarms")
        self._sides.append(side)

    def active(self) -> set[tuple[str, str]]:
        return {(fault.alarm_id, fault.entity_instance_id) for fault in self.fm.raiser().active(timeout_s=5)}

    def logged(self, log_id: str) -> list[str]:
        with self.fm.db.reader() as conn:
            rows = conn.execute(sa.select(EVENT_LOG.c.reason_text).where(EVENT_LOG.c.event_log_id == log_id))
            return [str(row[0]) for row in rows]

    def stop(self) -> None:
        for side in self._sides:
            side.stop()
        self.fm.stop()


@pytest.fixture
def alarms(tmp_path: Path, rabbit: RabbitNode) -> Iterator[Alarms]:
    made = Alarms(tmp_path, rabbit.new_vhost_url())
    try:
        yield made
    finally:
        made.stop()


@pytest.mark.root
def test_a_failover_is_alarmed_and_its_end_clears_it(yards: Builder, alarms: Alarms) -> None:
    yard: Yard = yards()
    dead, survivor = yard.active()
    for machine in yard.nodes:
        alarms.start(machine)
    dead.power_off()
    yard.wait(lambda: survivor.state() == "active", 20, "the other controller to be active")
    # What the daemon says meanwhile waits in its files.
    alarms.programs[survivor.name].send_signal(signal.SIGKILL)
    files = survivor.folder / "journal/faults"
    yard.wait(lambda: any("loss of redundancy" in path.read_text() for path in files.glob("*.jsonl")), 20,
              "the loss of redundancy to be said")
    alarms.start(survivor)
    yard.wait(lambda: ("400.002", REDUNDANCY) in alarms.active(), 30, "the alarm to arrive")
    dead.new_boot()
    dead.start()
    yard.wait(lambda: not {one for one in alarms.active() if one[0] in ("400.001", "400.002")}, 60,
              "the alarms to be cleared")
    yard.wait(lambda: "Service group web-services redundancy restored" in alarms.logged("401.002"), 20, "the log of it")
    said = alarms.logged("401.002")
    assert len(said) == len(set(said)) == 2


@pytest.mark.root
def test_a_swact_is_logged(yards: Builder, alarms: Alarms) -> None:
    yard: Yard = yards()
    active, standby = yard.active()
    alarms.start(active)
    active.ask(Verb.SWACT)
    yard.wait(lambda: standby.state() == "active", 20, "the other controller to be active")
    yard.wait(lambda: alarms.logged("401.007"), 20, "the log of the swact")
    assert alarms.logged("401.007") == [f"Swact issued against host {active.name}"]
