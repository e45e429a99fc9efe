# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

from sm.contract.messages import Beat, NodeReport
from sm.contract.states import Administrative, Operational
from sm.core.paths import DOUBT_MS, PathSettings
from sm.daemon.messaging import Messaging
from sm.daemon.standing import READY_MS, Ready, Self
from tests.unit.sm.daemon.conftest import NOW

PATHS = PathSettings("controller-0", {"mgmt": "eth0", "oam": "eth1"}, ("controller-1",))


def made(said: list[str], folder: Path) -> Self:
    return Self(PATHS, Ready((), str(folder / "unhealthy")), NodeReport(Administrative.UNLOCKED), frozenset(),
                said.append, lambda alarm, device: said.append(f"{device}: {alarm.host} {alarm.path}"), NOW)


def test_readiness_is_that_of_some_files(tmp_path: Path) -> None:
    ready = Ready((str(tmp_path / "configured"),), str(tmp_path / "unhealthy"))
    assert ready.state(NOW) is Operational.DISABLED
    (tmp_path / "configured").touch()
    assert ready.state(NOW + READY_MS - 1) is Operational.DISABLED
    assert ready.state(NOW + READY_MS) is Operational.ENABLED
    (tmp_path / "unhealthy").touch()
    assert ready.state(NOW + 2 * READY_MS) is Operational.DISABLED


def test_carriers_probes_and_lateness(tmp_path: Path) -> None:
    said: list[str] = []
    node = made(said, tmp_path)
    node.on_beat("mgmt", Beat("controller-1", "b", 1, 1), NOW)
    standing = node.standing(frozenset({"controller-1"}), 3, NOW)
    assert (standing.heard["mgmt"], standing.isolated, standing.in_sync, standing.enforced) == (
        ("controller-1",), "", {"controller-1"}, 3)
    assert said == ["path mgmt is ok"]
    node.on_carrier("eth0", False, NOW + 10)
    node.on_carrier("eth1", True, NOW + 10)
    node.on_reachable("oam", False)
    for now in range(NOW + 100, NOW + 1_500, 100):
        node.on_tick(False, 0, now)
    standing = node.standing(frozenset(), -1, NOW + 1_500)
    assert standing.lost == {"mgmt", "oam"} and standing.carriers == {"mgmt": False, "oam": True}
    assert "mgmt has no carrier" in standing.isolated
    node.on_reachable("oam", None)
    assert node.standing(frozenset(), -1, NOW + 1_500).reachable == {}
    assert standing.stalled_ms < 0
    node.on_tick(False, 500, NOW + 2_000)
    assert node.standing(frozenset(), -1, NOW + 2_000).stalled_ms == NOW + 2_000


def test_a_store_that_cannot_be_written_forbids_to_lead(tmp_path: Path) -> None:
    node = made([], tmp_path)
    node.unstored = "its store cannot be written: disk full"
    assert node.standing(frozenset(), -1, NOW).isolated == node.unstored


def test_a_beat_is_handed_over_once_and_again_with_its_whole_snapshot() -> None:
    """The pieces of a snapshot come with one sequence, on several paths."""
    from sm.contract.messages import Snapshot

    told: list[Any] = []
    messaging = object.__new__(Messaging)
    messaging._on_beat, messaging._on_path, messaging._handed = told.append, None, {}
    bare, whole = Beat("controller-1", "b", 7, 1), Beat("controller-1", "b", 7, 1, snapshot=Snapshot(3))
    for path, beat, new in (("mgmt", bare, True), ("oam", bare, False), ("mgmt", whole, False), ("oam", whole, False)):
        messaging._deliver(path, beat, new)
    assert told == [bare, whole]
    messaging._deliver("mgmt", Beat("controller-1", "b", 8, 2), True)
    messaging._deliver("oam", whole, False)
    assert [beat.sequence for beat in told] == [7, 7, 8]


def test_a_node_that_loses_synchronization_is_in_doubt_while_its_path_may_be_the_cause(tmp_path: Path) -> None:
    """For as long as a path takes to be silent; and longer, when one is and nobody says why."""
    node, beat, synced = made([], tmp_path), Beat("controller-1", "b", 1, 1), frozenset({"controller-1"})
    node.on_beat("mgmt", beat, NOW)
    node.on_beat("oam", beat, NOW)
    assert node.standing(frozenset(), -1, NOW).doubtful == frozenset()
    assert node.standing(synced, -1, NOW + 10).doubtful == frozenset()
    assert node.standing(frozenset(), -1, NOW + 20).doubtful == synced
    node.on_beat("mgmt", beat, NOW + 1_050)
    node.on_beat("oam", beat, NOW + 1_050)
    assert node.standing(frozenset(), -1, NOW + 850).doubtful == synced, "a path that is silent is noticed by a tick"
    assert node.standing(frozenset(), -1, NOW + 1_050).doubtful == frozenset()
    node.on_beat("oam", beat, NOW + 1_950)
    assert node.standing(frozenset(), -1, NOW + 1_950).doubtful == synced
    assert node.standing(frozenset(), -1, NOW + 10 + DOUBT_MS).doubtful == frozenset()


def test_a_node_that_hears_a_witness_is_not_isolated(tmp_path: Path) -> None:
    node, witness = made([], tmp_path), Beat("witness", "b", 1, 1)
    node.on_carrier("eth0", False, NOW)
    for now in range(NOW + 100, NOW + 1_000, 100):
        node.on_tick(False, 0, now)
    assert "mgmt has no carrier" in node.standing(frozenset(), -1, NOW + 1_000).isolated
    node.on_beat("oam", witness, NOW + 1_000)
    assert node.standing(frozenset(), -1, NOW + 1_100).isolated == ""
    assert "mgmt has no carrier" in node.standing(frozenset(), -1, NOW + 1_800).isolated
    node.unstored = "its store cannot be written: disk full"
    assert node.standing(frozenset(), -1, NOW + 1_100).isolated == node.unstored
