# SPDX-License-Identifier: Apache-2.0
"""Orders for disks and configuration, which the agent carries out before it takes the inventory."""
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from flock.core.errors import Unavailable
from flock.exec import Root, run
from sysinv.agent.storage import StorageWork
from sysinv.contract.records import StorageOrder
from tests.unit.sysinv.agent.agents import HOST, TIMING, Conductor, make_agent


class Orders(Conductor):
    """The conductor, which has no orders for disks either; notes when it was asked."""

    def storage_orders(self, *, host_uuid: str) -> list[StorageOrder]:
        self._take("orders", host_uuid=host_uuid)
        return []


def test_orders_for_disks_are_fetched_before_the_inventory(system: Root, tmp_path: Path) -> None:
    conductor = Orders()
    agent = make_agent(conductor, system, tmp_path, storage=StorageWork(conductor, system, run))
    agent.step()
    conductor.named()
    agent.storage_ordered(host_uuid="another")
    agent.step()
    assert conductor.named() == []
    agent.storage_ordered(host_uuid=HOST)
    agent.agent_update(host_uuid=HOST, force_updates=["disk", "audit_partition"])
    agent.step()
    assert conductor.named() == ["orders", "disk", "partition"]


def test_the_host_is_configured_before_the_inventory_and_only_for_its_own_orders(
        system: Root, tmp_path: Path) -> None:
    conductor, asked = Orders(), []
    work = SimpleNamespace(carry_out=lambda host_uuid: asked.append(host_uuid), request=lambda: asked.append("told"))
    agent = make_agent(conductor, system, tmp_path, configuration=work)
    agent.step()
    assert asked == [HOST]
    agent.configuration_ordered(host_uuid="another")
    agent.configuration_ordered(host_uuid=HOST)
    assert asked == [HOST, "told"]


def test_orders_that_cannot_be_fetched_are_asked_for_again_soon(system: Root, tmp_path: Path) -> None:
    conductor = Orders()
    agent = make_agent(conductor, system, tmp_path, storage=StorageWork(conductor, system, run))
    agent.step()
    agent.storage_ordered(host_uuid=HOST)
    conductor.failures["orders"] = [Unavailable(service="bus", reason="away")]
    assert agent.step() == TIMING.retry_interval_s
    assert "orders for the host's disks wait" in str(agent.health.report())
    conductor.named()
    agent.step()
    assert conductor.named() == ["orders"]
