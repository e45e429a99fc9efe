# SPDX-License-Identifier: Apache-2.0
"""A new reported resource is files of one directory and a migration: nothing else is touched, and everything works."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sysinv.resources
from flock.api.build import openapi_document
from flock.core import slices
from flock.exec import Root
from flock.testing.cli import FakeApi, run_cli
from sysinv.actions import checks
from sysinv.agent.machine import Machine
from sysinv.cmd.shell import PROGRAM
from sysinv.contract import reports
from sysinv.db.schema import METADATA
from sysinv.hosts.inventory import InventoryIntake

HEAD = "from __future__ import annotations\n"
FILES = {
    "__init__.py": "",
    "report.py": '''
from dataclasses import dataclass
from sysinv.contract.reports import Report

@dataclass(frozen=True, slots=True)
class FanReport:
    slot: int
    speed_rpm: int

REPORT = Report("fan", FanReport, "sysinv.resources.fan.collector", after=("platform",), key=lambda fan: fan.slot)
''',
    "collector.py": '''
from sysinv.agent.collectors.items import each
from sysinv.resources.fan.report import FanReport

def collect(root):
    return each(root.listdir("sys/fans"), lambda name: FanReport(int(name[3:]), root.int(f"sys/fans/{name}") or 0))
''',
    "table.py": '''
import sqlalchemy as sa
from flock.db import columns
from sysinv.db.schema import METADATA, host_id

FANS = sa.Table("fans", METADATA, *columns(), sa.Column("slot", sa.Integer, nullable=False),
                sa.Column("speed_rpm", sa.Integer, nullable=False), host_id())
''',
    "fields.py": '''
from flock.wire.resource import AGENT, SYSTEM, Record, attr

class Fan(Record):
    """One fan."""
    envelope = "fans"
    slot = attr(int, writer=AGENT, nullable=False)
    speed_rpm = attr(int, writer=AGENT, label="speed", nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)
''',
    "store.py": '''
import sqlalchemy as sa
from sysinv.resources.fan.table import FANS
from sysinv.resources.host.table import I_HOST

QUERY = sa.select(FANS, I_HOST.c.uuid.label("ihost_uuid")).join(I_HOST, I_HOST.c.id == FANS.c.forihostid)

def speeds(conn, host_id):
    return {row.slot: row.speed_rpm for row in conn.execute(sa.select(FANS).where(FANS.c.forihostid == host_id))}

def replace(conn, host_id, fans):
    conn.execute(sa.delete(FANS).where(FANS.c.forihostid == host_id))
    for fan in fans:
        conn.execute(sa.insert(FANS).values(slot=fan.slot, speed_rpm=fan.speed_rpm, forihostid=host_id))
''',
    "checks.py": '''
from dataclasses import dataclass
from sysinv.actions.checks import Check, Gate

@dataclass(frozen=True)
class FanFacts:
    speeds: dict

def fans_turn(facts):
    if 0 in facts.of(FanFacts).speeds.values():
        return f"A fan of host {facts.host.name} stands still."
    return None

CHECKS = (Check(Gate.UNLOCK, 15, fans_turn, skipped_by_force=True),)
''',
    "service.py": '''
from sysinv.resources.fan import store
from sysinv.resources.fan.checks import FanFacts

def take_report(conn, host, fans):
    store.replace(conn, host.id, fans)

def action_facts(conn, row):
    return FanFacts(store.speeds(conn, row["id"]))

class FanService:
    def __init__(self, db):
        self.db = db

SERVICE = FanService
''',
    "api.py": '''
from sysinv.api.inventory import Inventory, read_policy, read_routes
from sysinv.resources.fan.fields import Fan
from sysinv.resources.fan.store import QUERY
from sysinv.resources.fan.table import FANS

INVENTORY = Inventory("fan", Fan, QUERY, FANS, FANS.c.forihostid)
ROUTES = read_routes(INVENTORY)
POLICY = read_policy(INVENTORY)
''',
    "cli.py": '''
from sysinv.client.hostchild import HostChildList, HostChildShow
from sysinv.client.osc import as_plugin
from sysinv.resources.fan.fields import Fan

class FanList(HostChildList):
    """List the fans of a host."""
    resource = Fan
    shown = ("slot", "speed_rpm")

class FanShow(HostChildShow):
    """Show one fan of a host."""
    resource = Fan
    noun = "fan"
    found_by = {"slot": "number of the slot", "uuid": "uuid"}

COMMANDS = {"host-fan-list": FanList, "host-fan-show": FanShow}
OSC_COMMANDS = as_plugin(COMMANDS)
'''}


def _forget() -> None:
    reports.reports.cache_clear()
    checks.of_resources.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[:3] == ["sysinv", "resources", "fan"]]:
        del sys.modules[name]
    vars(sysinv.resources).pop("fan", None)
    if "fans" in METADATA.tables:
        METADATA.remove(METADATA.tables["fans"])


@pytest.fixture
def fan(tmp_path: Path) -> Iterator[None]:
    """The directory, where the scan looks; gone without trace afterwards."""
    directory = tmp_path / "more" / "fan"
    directory.mkdir(parents=True)
    for name, text in FILES.items():
        (directory / name).write_text(HEAD + text)
    _forget()
    sysinv.resources.__path__.append(str(directory.parent))
    yield
    sysinv.resources.__path__.remove(str(directory.parent))
    _forget()


def test_a_directory_and_a_migration_make_a_resource(cloud: Any, fan: None, tmp_path: Path) -> None:
    slices.modules("sysinv.resources", "table")
    with cloud.db.writer() as conn:
        METADATA.tables["fans"].create(conn)  # the migration

    machine = tmp_path / "machine"
    (machine / "sys/fans").mkdir(parents=True)
    (machine / "sys/fans/fan0").write_text("4000\n")
    (machine / "sys/fans/fan1").write_text("0\n")
    collected = Machine(Root(machine), Root(machine), tmp_path / "boot").collect()["fan"]

    host = cloud.host("controller-0")["uuid"]
    intake = InventoryIntake(cloud.db)
    intake.report(host_uuid=host, kind="fan", items=[
        *({"slot": one.slot, "speed_rpm": one.speed_rpm} for one in collected), {"slot": "odd"}])

    cloud.app = cloud.build()
    rows = cloud.get("/v1/ihosts/controller-0/fans").body
    assert [(one["slot"], one["speed_rpm"], one["ihost_uuid"]) for one in rows["fans"]] == [
        (0, 4000, host), (1, 0, host)]
    assert cloud.get(f"/v1/fans/{rows['fans'][0]['uuid']}").body == rows["fans"][0]
    assert "fans" in cloud.get("/v1").body
    assert "/v1/fans/{uuid}" in openapi_document("sysinv")["paths"]

    cloud.state("controller-0", administrative="locked", operational="disabled", availability="online")
    assert cloud.patch("/v1/ihosts/controller-0", action="unlock").fault == (
        "A fan of host controller-0 stands still.")
    assert "stands still" not in cloud.patch("/v1/ihosts/controller-0", action="force-unlock").fault

    api = FakeApi({"/v1/ihosts/controller-0/fans": {"GET": rows}})
    listed = run_cli(PROGRAM, "host-fan-list controller-0 -f value", api)
    assert listed.out == "0 4000\n1 0\n"
    assert "| speed |" in run_cli(PROGRAM, "host-fan-list controller-0", api).out
    assert run_cli(PROGRAM, "host-fan-show controller-0 1 -f json", api).json()["speed_rpm"] == 0


def test_the_tree_is_as_before(cloud: Any) -> None:
    """The fixture leaves nothing behind that other tests would see."""
    assert "fan" not in reports.reports()
    assert "fans" not in METADATA.tables
    assert cloud.get("/v1/fans").status == 404
