# SPDX-License-Identifier: Apache-2.0
"""The checks of resources reach the gate with what is stored; their order and what force skips are declared."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from flock.core import slices
from sysinv.actions import checks, lock, swact, unlock
from sysinv.actions.checks import Check, Gate
from sysinv.actions.facts import ActionFacts
from sysinv.resources.address import service as addresses
from sysinv.resources.address.table import ADDRESSES
from sysinv.resources.host.table import I_HOST

LOCKED = {"administrative": "locked", "operational": "disabled", "availability": "online"}


def test_no_two_checks_of_a_gate_stand_at_one_place() -> None:
    for gate in Gate:
        orders = [check.order for check in (*lock.CHECKS, *unlock.CHECKS, *swact.CHECKS, *checks.of_resources())
                  if check.gate is gate]
        assert len(set(orders)) == len(orders)


def test_checks_are_asked_in_order_and_force_skips_what_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def says(word: str) -> Any:
        return lambda _facts: word

    found = SimpleNamespace(CHECKS=(
        Check(Gate.LOCK, 5, says("first"), skipped_by_force=True), Check(Gate.LOCK, 30, says("last")),
        Check(Gate.UNLOCK, 1, says("another gate"))))
    monkeypatch.setattr(slices, "modules", lambda package, part: [found])
    checks.of_resources.cache_clear()
    try:
        own = (Check(Gate.LOCK, 10, lambda facts: None), Check(Gate.LOCK, 20, says("own")))
        nobody: Any = None
        assert checks.first_refusal(own, nobody, Gate.LOCK, forced=False) == "first"
        assert checks.first_refusal(own, nobody, Gate.LOCK, forced=True) == "own"
        assert checks.first_refusal(own[:1], nobody, Gate.LOCK, forced=True) == "last"
    finally:
        checks.of_resources.cache_clear()


def test_facts_that_nobody_gave_are_a_programming_error() -> None:
    facts = ActionFacts(host=None, system=None, active_controller="", resources={int: "1"})  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        facts.of(str)
    with pytest.raises(TypeError):
        facts.of(int)


def test_a_controller_without_oam_address_is_not_unlocked(cloud: Any) -> None:
    cloud.inventory.inventory_completed(host_uuid=cloud.host("controller-0")["uuid"])
    cloud.state("controller-0", **LOCKED)
    with cloud.db.writer() as conn:
        row = conn.execute(sa.select(I_HOST)).mappings().one()
        assert addresses.action_facts(conn, dict(row)).has_oam
        conn.execute(sa.delete(ADDRESSES).where(ADDRESSES.c.name == "controller-0-oam"))
        assert not addresses.action_facts(conn, dict(row)).has_oam
    assert "without an oam interface" in cloud.patch("/v1/ihosts/controller-0", action="force-unlock").fault


def test_a_worker_is_not_locked_while_an_image_is_written_unless_forced(cloud: Any) -> None:
    uuid = cloud.discover()
    cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="worker-0")
    cloud.settle()
    cloud.state(uuid, administrative="unlocked", operational="enabled", availability="available")
    with cloud.db.writer() as conn:
        conn.execute(sa.update(I_HOST).where(I_HOST.c.uuid == uuid).values(device_image_update="in-progress"))
    assert "device image update" in cloud.patch("/v1/ihosts/worker-0", action="lock").fault
    assert cloud.patch("/v1/ihosts/worker-0", action="force-lock").status == 200
