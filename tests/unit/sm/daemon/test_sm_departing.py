# SPDX-License-Identifier: Apache-2.0
"""How a daemon ends: with its host, for a moment, or after its services have left."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flock.core.records import replace
from sm.core.domain.view import Beat, Config, Durable, Heard, Proof, Record, View, Void, Vote
from sm.daemon import ending as module
from sm.daemon.departure import AWAY_MS, Departure, has_successor
from sm.daemon.node import NodeDaemon
from tests.unit.sm.daemon.test_sm_node_daemon import Place

NOW = 50_000
C0, C1 = "controller-0", "controller-1"


def domain(**changes: object) -> View:
    """Controller-0, which hears controller-1, whose data is current."""
    beat = Beat(C1, "b1", 1, {}, Vote(3, C0), Record(3, 1, frozenset({C0, C1})))
    base = View(C0, "b0", "h0", Config((C0, C1)), 0, Durable(Vote(3, C0), Record(3, 1, frozenset({C0, C1}))),
                heard={C1: Heard(beat, NOW)}, leading=True)
    return replace(base, **changes)


def test_a_shutdown_waits_only_for_services_that_another_node_can_take_over() -> None:
    for view, active, waits in ((domain(), True, True), (domain(), False, False), (domain(heard={}), True, False)):
        departure = Departure(stop_s=60)
        assert departure.told(view, True, active, NOW) is waits
        assert (departure.host, departure.begun) == (True, waits)
        departure.told(view, False, active, NOW)
        assert (departure.host, departure.begun) == (False, False), "it was called off"


def test_the_move_has_a_limit() -> None:
    departure = Departure(stop_s=60)
    assert not departure.is_over((), NOW)
    departure.told(domain(), True, True, NOW)
    assert not departure.is_over(("oam-services",), NOW + 59_999)
    assert departure.is_over((), NOW) and departure.is_over(("oam-services",), NOW + 60_000)
    departure.leave(NOW + 30_000)
    assert departure.by_ms == NOW + 60_000, "the first limit counts"


def test_who_could_take_over() -> None:
    view = domain()
    assert has_successor(view, NOW)
    beat = view.heard[C1].beat
    for changes in ({"heard": {C1: Heard(replace(beat, eligible=False), NOW)}},
                    {"void": {C1: Void(Proof.DEPARTED, "b1", 0, 0, 0)}},
                    {"durable": replace(view.durable, record=Record(3, 2, frozenset({C0})))}):
        assert not has_successor(replace(view, **changes), NOW)
    assert not has_successor(view, NOW + view.config.timing.silent_ms)


class Host:
    """Stands for the host's shutdown."""

    def __init__(self, told: Callable[[bool], None], under_way: bool) -> None:
        self.told, self.under_way, self.held = told, under_way, True

    async def open(self) -> None:
        pass

    async def is_under_way(self) -> bool:
        return self.under_way

    def release(self) -> None:
        self.held = False

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("stop_services", "under_way", "away_ms"), [
    (True, False, AWAY_MS), (False, False, 0), (False, True, 0)])
def test_only_a_node_with_nothing_active_says_that_it_goes(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_services: bool, under_way: bool, away_ms: int) -> None:
    place, made = Place(tmp_path), list[NodeDaemon]()
    monkeypatch.setattr(module, "Shutdown", lambda told: Host(told, under_way))

    async def work(daemon: NodeDaemon) -> None:
        made.append(daemon)
        await place.until(lambda: daemon.view.local.groups["vim-services"].state == "active")

    assert place.run(work, stop_services=stop_services) == 0
    assert made[0].view.domain.departing_ms == away_ms
    assert place.state.exists() is not stop_services


def test_the_only_controller_lets_its_host_shut_down_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, hosts = Place(tmp_path), list[Host]()

    def shutdown(told: Callable[[bool], None]) -> Host:
        hosts.append(Host(told, under_way=True))
        return hosts[-1]

    monkeypatch.setattr(module, "Shutdown", shutdown)

    async def work(daemon: NodeDaemon) -> None:
        await place.until(lambda: daemon.view.local.groups["vim-services"].state == "active")
        hosts[0].told(True)
        assert not hosts[0].held and daemon.view.local.groups["vim-services"].state == "active"

    assert place.run(work) == 0
    lines = (tmp_path / "journal/journal.jsonl").read_text().splitlines()
    assert any(json.loads(line)["text"] == "the host shuts down" for line in lines)
