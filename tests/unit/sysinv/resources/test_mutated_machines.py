# SPDX-License-Identifier: Apache-2.0
"""Recorded servers whose files lie, from the collectors through the intake to the API and the checks of an unlock."""
from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from flock.api.build import openapi_document
from flock.core import slices
from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.exec import Root
from flock.sim.world import scaled
from flock.testing.machines import recorded_machines
from sysinv.actions.checks import Gate, first_refusal
from sysinv.actions.facts import ActionFacts
from sysinv.agent.machine import Machine
from sysinv.contract.reports import RESOURCES, reports
from sysinv.db.lookup import host_row, the_system
from sysinv.model.host import host_view
from tests.unit.sysinv.mutations import MutatedRoot

COLLECTIONS = ("icpus", "imemorys", "idisks", "ports", "ethernet_ports", "pci_devices", "inodes")
MACHINES = {machine.name: machine for machine in recorded_machines()}


@pytest.fixture(scope="session")
def unpacked() -> Any:
    return cache(lambda name: MACHINES[name].tree())


def send(cloud: Any, uuid: str, payloads: dict[str, Any]) -> None:
    """What the agent sends of ``payloads``."""
    for kind, payload in payloads.items():
        encode = codec_for(reports()[kind].record).to_document
        cloud.inventory.report(host_uuid=uuid, kind=kind, items=[
            None if item is None else encode(item, kind) for item in payload])


def unlock_refusal(cloud: Any, uuid: str) -> str | None:
    """What the checks of all resources say to an unlock of the host as it is stored."""
    with cloud.db.reader() as conn:
        row = host_row(conn, uuid)
        found = [module.action_facts(conn, row) for module in slices.modules(RESOURCES, "service")
                 if hasattr(module, "action_facts")]
        facts = ActionFacts(host=host_view(row), system=the_system(conn), active_controller="controller-0",
                            virtual=False, peer=None, resources={type(one): one for one in found})
    return first_refusal((), facts, Gate.UNLOCK, forced=False)


def attack(cloud: Any, uuid: str, root: Root, last_boot: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Collect, send and look at everything."""
    caplog.clear()
    machine = Machine(root, root, last_boot)
    machine.macs()
    payloads = machine.collect()
    assert payloads.keys() == reports().keys()
    # What is odd reads as untold; only a number that no message can carry costs its item.
    assert {type(record.exc_info[1]) for record in caplog.records
            if record.name == "sysinv.agent.machine" and record.exc_info} <= {InvalidInput}
    send(cloud, uuid, payloads)
    document = openapi_document("sysinv")
    for name in COLLECTIONS:
        schema = document["paths"][f"/v1/{name}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        # Links to the next page are the only thing that depends on how many there are.
        body = cloud.get(f"/v1/ihosts/{uuid}/{name}").body
        jsonschema.validate(body, {**schema, "components": document["components"]})
    if any(report is not None for report in payloads["memory"]):
        assert unlock_refusal(cloud, uuid) is None


def worker(cloud: Any, number: int) -> str:
    uuid = str(cloud.discover(f"08:00:27:be:{number // 256:02x}:{number % 256:02x}"))
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname=f"worker-{number}").status == 200
    return uuid


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return iter(range(1, 10_000))


def attack_twice(cloud: Any, number: int, path: Path, seed: int, last_boot: Path,
                 caplog: pytest.LogCaptureFixture) -> None:
    """A host that lies, then lies otherwise, then tells the truth."""
    uuid = worker(cloud, number)
    share = random.Random(seed).choice([0.02, 0.1, 0.3, 0.9])
    for root in (MutatedRoot(path, seed, share), MutatedRoot(path, -seed, share), Root(path)):
        attack(cloud, uuid, root, last_boot, caplog)


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_no_lie_of_a_machine_costs_a_report(lasting_cloud: Any, unpacked: Any, name: str, numbers: Iterator[int],
                                            tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    attack_twice(lasting_cloud, next(numbers), unpacked(name), sorted(MACHINES).index(name) + 1, tmp_path / "last",
                 caplog)


@pytest.mark.soak
def test_random_lies(lasting_cloud: Any, unpacked: Any, numbers: Iterator[int], tmp_path: Path,
                     caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(scaled(1)):
        seed = random.SystemRandom().randrange(2**31)
        name = random.Random(seed).choice(sorted(MACHINES))
        try:
            attack_twice(lasting_cloud, next(numbers), unpacked(name), seed, tmp_path / "last", caplog)
        except Exception as error:
            raise AssertionError(f"machine {name}, seed {seed}") from error
