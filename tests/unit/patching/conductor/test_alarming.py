# SPDX-License-Identifier: Apache-2.0
"""What alarms are judged by is gathered from the store, the inventory and the agents' reports."""
from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from flock.core.errors import Unavailable
from flock.core.records import replace
from patching.conductor.alarming import DIVERGED_AFTER_S, Look
from patching.conductor.machine import Surroundings
from patching.contract.records import Content, HostFacts
from patching.db.views import Seen, Stored
from tests.unit.patching.core.systems import a_release, a_system

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
CONTENT = {"starlingx-10.0.1": Content("starlingx-10.0.1", "10.0.1", "p", "d1g357", "fake")}


class World:
    """A duplex system whose second controller may lack content."""

    def __init__(self) -> None:
        self.view = a_system("DX", a_release("10.0.1"))
        self.held: dict[str, dict[str, str]] = {}
        self.facts = {"controller-0": HostFacts("controller-0", "u", "10.0.0", installed_version="10.0.1"),
                      "controller-1": HostFacts("controller-1", "u", "10.0.0")}
        self.is_away, self.now_s, self.is_allowed = False, 0.0, False
        store = SimpleNamespace(load=lambda: Stored(self.view, contents=CONTENT), mirrors=lambda: self.held,
                                agents=lambda: {name: Seen(one, NOW) for name, one in self.facts.items()})
        machine: Any = SimpleNamespace(store=store, surrounded=lambda stored, around: stored.view)
        self.look = Look(machine, self.around, "controller-0", lambda: self.is_allowed, lambda: self.now_s)

    def around(self) -> Surroundings:
        if self.is_away:
            raise Unavailable(service="sysinv-api", reason="no connection")
        return Surroundings(self.view.hosts)


@pytest.fixture
def world() -> World:
    return World()


def test_versions_are_those_after_the_next_boot(world: World) -> None:
    _, facts, known = world.look()
    assert known and facts.versions == {"controller-0": "10.0.1", "controller-1": "10.0.0"}
    assert not facts.is_development_allowed and facts.contents == CONTENT and facts.digests == {}
    world.facts["controller-1"] = replace(world.facts["controller-1"], digests={"starlingx-10.0.1": "x"})
    assert world.look()[1].digests == {"controller-1": {"starlingx-10.0.1": "x"}}
    world.is_allowed = True
    assert world.look()[1].is_development_allowed


def test_a_controller_without_content_is_told_after_a_while(world: World) -> None:
    assert world.look()[1].diverged == ()
    world.now_s = DIVERGED_AFTER_S
    assert world.look()[1].diverged == ("controller-1",)
    world.held = {"controller-1": {"starlingx-10.0.1": "d1g357"}}
    assert world.look()[1].diverged == ()
    world.held = {"controller-1": {"starlingx-10.0.1": "other"}}
    assert world.look()[1].diverged == ()


def test_without_the_inventory_the_hosts_are_not_known(world: World) -> None:
    world.is_away = True
    _, facts, known = world.look()
    assert not known and facts.versions
