# SPDX-License-Identifier: Apache-2.0
"""The filter of wrong claims: its script, when it is loaded, what is kept over a boot and how long it counts."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flock.core.errors import Unavailable
from sysinv.agent import busfilter
from sysinv.agent.neighbours import (
    ADVERTISEMENTS_TABLE,
    EVERY_S,
    KEPT_S,
    PAIRS_KEPT_S,
    RETRY_S,
    SUBNETS_TABLE,
    Known,
    NeighbourWatch,
    advertisements_script,
    filter_script,
    known,
    subnets_script,
)
from sysinv.contract.errors import HostNotFound
from sysinv.contract.records import DepartedMachine, Neighbour, Neighbourhood

ADDRESS, MAC0, MAC1 = "192.168.204.1", "02:00:00:00:0c:00", "02:00:00:00:0c:01"
TOLD = Neighbourhood([Neighbour(ADDRESS, [MAC1, MAC0], "controller")], [DepartedMachine("worker-9", [MAC1])])


class Bench:
    """A watch, what it asks and what it loads."""

    def __init__(self, folder: Path) -> None:
        self.reply: Any = TOLD
        self.uuid: str | None = "u"
        self.scripts: list[str] = []
        self.subnets: dict[str, frozenset[str]] = {"mgmt0": frozenset({"192.168.204.0/24", "fd00::/64"})}
        self.unreadable: Exception | None = None
        self.subnet_scripts: list[str] = []
        self.advertisement_scripts: list[str] = []
        self.bus_scripts: list[str] = []
        self.failure: Exception | None = None
        self.now = 0.0
        self.kept = folder / "neighbours.json"
        self.watch = self.made()

    def made(self) -> NeighbourWatch:
        endpoint: Any = self
        return NeighbourWatch(endpoint, lambda: self.uuid, self.kept, self._subnets, self._load, lambda: self.now)

    def _subnets(self) -> dict[str, frozenset[str]]:
        if self.unreadable is not None:
            raise self.unreadable
        return self.subnets

    def known_neighbours(self, *, host_uuid: str) -> Neighbourhood:
        assert host_uuid == self.uuid
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply  # type: ignore[no-any-return]

    def _load(self, script: str) -> None:
        if SUBNETS_TABLE in script:
            self.subnet_scripts.append(script)
            return
        if ADVERTISEMENTS_TABLE in script:
            self.advertisement_scripts.append(script)
            return
        if busfilter.TABLE in script:
            self.bus_scripts.append(script)
            return
        self.scripts.append(script)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_reply_is_loaded_and_known(bench: Bench) -> None:
    assert bench.watch.step() == EVERY_S
    assert bench.scripts == [filter_script({ADDRESS: ("controller", frozenset({MAC0, MAC1}))})]
    assert bench.advertisement_scripts == [advertisements_script({})], "no neighbour has an IPv6 address"
    assert bench.watch.known() == Known({ADDRESS: ("controller", frozenset({MAC0, MAC1}))}, {MAC1: "worker-9"})


def test_a_controller_is_told_who_uses_the_bus(bench: Bench) -> None:
    bench.watch.step()
    assert bench.bus_scripts == [busfilter.script((), {}, KEPT_S, PAIRS_KEPT_S)], "workers have no bus"
    bench.reply = replace(TOLD, bus_clients=["192.168.204.9", ADDRESS, "no address"])
    bench.watch.step()
    assert bench.watch.known().bus_clients == {ADDRESS, "192.168.204.9"}
    assert bench.bus_scripts[1] == busfilter.script(
        [ADDRESS, "192.168.204.9"], {ADDRESS: [MAC0, MAC1]}, KEPT_S, PAIRS_KEPT_S)
    assert f"{ADDRESS} . {MAC0}, {ADDRESS} . {MAC1}" in bench.bus_scripts[1]


def test_the_filter_is_loaded_every_time_because_the_kernel_ends_it(bench: Bench) -> None:
    bench.watch.step()
    bench.watch.step()
    assert len(bench.scripts) == 2


def test_a_host_without_a_record_asks_later(bench: Bench) -> None:
    bench.uuid = None
    assert bench.watch.step() == RETRY_S
    assert bench.scripts == []


@pytest.mark.parametrize(("error", "pause_s"), [
    (Unavailable(service="bus", reason="gone"), RETRY_S), (HostNotFound(id="u"), EVERY_S)])
def test_without_a_reply_the_last_one_counts_for_a_while(bench: Bench, error: Exception, pause_s: float) -> None:
    bench.watch.step()
    bench.reply = error
    bench.now = KEPT_S - 1
    assert bench.watch.step() == pause_s
    assert bench.watch.known().neighbours
    bench.now = KEPT_S
    assert bench.watch.known() == Known()
    assert len(bench.scripts) == 1


def test_a_host_that_boots_has_the_filter_before_it_reaches_the_conductor(bench: Bench) -> None:
    bench.watch.step()
    bench.reply = Unavailable(service="bus", reason="gone")
    again = bench.made()
    assert again.step() == RETRY_S
    assert bench.scripts[1] == bench.scripts[0]
    assert again.known().departed == {MAC1: "worker-9"}
    again.step()
    assert len(bench.scripts) == 2


def test_a_damaged_file_is_no_list(bench: Bench) -> None:
    bench.kept.write_text("{")
    assert bench.watch.step() == EVERY_S
    assert len(bench.scripts) == 1


def test_a_kernel_without_nftables_loses_the_filter_only(bench: Bench) -> None:
    bench.failure = Unavailable(service="nft", reason="no such program")
    assert bench.watch.step() == EVERY_S
    assert bench.watch.known().neighbours


def test_what_is_no_address_is_left_out() -> None:
    told = Neighbourhood([Neighbour("controller", [MAC0], "x"), Neighbour("192.168.204.9", ["ff:ff:ff:ff:ff:ff"], "x"),
                          Neighbour("fd00:0::1", ["02-00-00-00-0C-00", "} drop"], "x")],
                         [DepartedMachine("worker-9", ["junk"])])
    assert known(told) == Known({"fd00::1": ("x", frozenset({MAC0}))}, {})


def test_without_neighbours_of_ipv4_there_is_no_filter() -> None:
    assert "chain" not in filter_script({"fd00::1": ("x", frozenset({MAC0}))})
    assert "chain" not in filter_script({})


def test_without_neighbours_of_ipv6_there_is_no_filter_of_advertisements() -> None:
    assert "chain" not in advertisements_script({ADDRESS: ("controller", frozenset({MAC0}))})
    script = advertisements_script({"fd00::1": ("x", frozenset({MAC0})), ADDRESS: ("controller", frozenset({MAC1}))})
    assert "chain" in script and MAC1.replace(":", "") not in script


def test_the_filter_of_subnets_needs_no_conductor(bench: Bench) -> None:
    bench.uuid = None
    for _ in range(2):
        bench.watch.step()
    assert bench.subnet_scripts == [subnets_script(bench.subnets)] * 2
    assert '"mgmt0" . 192.168.204.0/24 }' in bench.subnet_scripts[0] and "fd00" not in bench.subnet_scripts[0]


def test_unknown_subnets_leave_the_other_filter_and_are_said_once(bench: Bench,
                                                                  caplog: pytest.LogCaptureFixture) -> None:
    bench.unreadable = Unavailable(service="ip", reason="gone")
    for _ in range(2):
        assert bench.watch.step() == EVERY_S
    assert len(bench.scripts) == 2 and bench.subnet_scripts == []
    assert caplog.text.count("senders in no subnet are not dropped") == 1


def test_without_subnets_of_ipv4_there_is_no_filter() -> None:
    assert "chain" not in subnets_script({"mgmt0": frozenset({"fd00::/64"})})
