# SPDX-License-Identifier: Apache-2.0
"""The inventory is told which release runs where: what is new, once, and again when it was not taken."""
from __future__ import annotations

import datetime

import pytest

from flock.core.errors import Unavailable
from patching.conductor.versions import AGAIN_S, Versions, found
from patching.contract.records import HostFacts
from patching.contract.version import Version
from patching.core.model import View
from patching.db.views import Seen


class Inventory:
    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, str]]] = []
        self.is_away = False

    def set_versions(self, *, system: str, hosts: dict[str, str]) -> None:
        if self.is_away:
            raise Unavailable(service="sysinv-conductor", reason="it is away")
        self.told.append((system, hosts))


def test_versions_are_those_that_agents_tell() -> None:
    now = datetime.datetime.now(datetime.UTC)
    seen = {name: Seen(HostFacts(name, "", version), now)
            for name, version in (("a", "10.0.3"), ("b", "11.0.0"), ("c", ""), ("d", "strange"))}
    view = View(Version.parse("10.0.3"), {}, {}, active="a")
    assert found(view, seen) == ("10.0", {"a": "10.0", "b": "11.0"})


def test_only_news_is_told_and_told_until_it_is_taken() -> None:
    inventory, clock = Inventory(), [100.0]
    now = ("10.0", {"a": "10.0"})
    versions = Versions(inventory, lambda: now, lambda: clock[0])
    inventory.is_away = True
    with pytest.raises(Unavailable):
        versions.tell()
    inventory.is_away = False
    for _ in range(3):
        versions.tell()
    assert inventory.told == [now]
    before, now = now, ("10.0", {"a": "11.0"})
    versions.tell()
    assert inventory.told == [before, now]
    clock[0] += AGAIN_S
    versions.tell()
    assert inventory.told == [before, now, now]
