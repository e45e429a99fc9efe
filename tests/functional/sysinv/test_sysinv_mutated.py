# SPDX-License-Identifier: Apache-2.0
"""What lying machines report, and records at the ends of every type, into SQLite and PostgreSQL."""
from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.core.codec import codec_for
from flock.core.records import members
from flock.db import Database
from flock.sim.world import scaled
from flock.testing.machines import recorded_machines
from sysinv.agent.machine import Machine
from sysinv.bootstrap.answers import parse
from sysinv.contract.reports import reports
from sysinv.db.tables import METADATA
from sysinv.hosts.inventory import InventoryIntake
from sysinv.hosts.seed import seed_system
from sysinv.resources.host.table import I_HOST
from tests.unit.sysinv.mutations import MutatedRoot

NUMBERS = [0, 1, -1, 7, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**63 - 1, 2**63, -2**63, 2**64 - 1, 2**64]
TEXTS = ["", "a", "a\0b", "\x1b[2J", "lan-\udce9", "\ud800", "x" * 300, "²", "08:00:27:00:00:01", "/dev/sda"]


@pytest.fixture
def host(database: Database) -> tuple[InventoryIntake, str]:
    METADATA.create_all(database.engine)
    seed_system(database, parse({"admin_password": "sysadmin-1", "system_mode": "duplex"}), "08:00:27:00:00:01")
    with database.reader() as conn:
        return InventoryIntake(database), conn.execute(sa.select(I_HOST.c.uuid)).scalar_one()


def value(hint: Any, draw: random.Random) -> Any:
    """A value of a record's field at an end of its type."""
    if hint is bool:
        return draw.random() < 0.5
    if hint is int:
        return draw.choice(NUMBERS)
    if hint is str:
        return draw.choice(TEXTS)
    if hint == tuple[int, ...]:
        return draw.sample(NUMBERS, 3)
    if hint == tuple[str, ...]:
        return draw.sample(TEXTS, 3)
    return draw.choice([None, value(int if hint == int | None else str, draw)])


@pytest.mark.parametrize("seed", range(3))
def test_records_at_the_ends_of_their_types_are_stored(host: tuple[InventoryIntake, str], seed: int) -> None:
    intake, uuid = host
    draw = random.Random(seed)
    for _ in range(scaled(12)):
        for kind, report in reports().items():
            usual = {"cpu": draw.randrange(4)} if kind == "cpu" else {"numa_node": draw.randrange(3)} \
                if kind in ("numa", "memory") else {}
            items = [{name: value(hint, draw) for name, (hint, _) in members(report.record).items()} | usual
                     for _ in range(draw.randrange(1, 6))]
            intake.report(host_uuid=uuid, kind=kind, items=[*items, *draw.choice([[], [None]])])


@pytest.mark.parametrize("seed", range(4))
def test_what_lying_machines_report_is_stored(host: tuple[InventoryIntake, str], seed: int, tmp_path: Path) -> None:
    intake, uuid = host
    machines = recorded_machines()
    path = machines[seed % len(machines)].tree()
    for turn, share in enumerate((0.05, 0.3, 0.9, 0.0)):
        root = MutatedRoot(path, 10 * seed + turn, share)
        payloads = Machine(root, root, tmp_path / "last").collect()
        assert payloads.keys() == reports().keys()
        for kind, payload in payloads.items():
            encode = codec_for(reports()[kind].record).to_document
            intake.report(host_uuid=uuid, kind=kind, items=[
                None if item is None else encode(item, kind) for item in payload])
