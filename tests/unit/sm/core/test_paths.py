# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from flock.core.records import replace
from sm.contract.messages import Beat
from sm.contract.states import PathState
from sm.core import paths
from sm.core.paths import Carrier, Heard, PathAlarm, PathChange, PathSettings, Tick

DEVICES = {"mgmt": "mgmt0", "oam": "oam0", "cluster-host": "cluster0"}
SETTINGS = PathSettings("controller-0", DEVICES, ("controller-1",))
TICK_MS = 100
ALL_UP = dict.fromkeys(DEVICES, True)
ALL_HEARD = dict.fromkeys(DEVICES, ("controller-0",))
PEER = Beat("controller-1", "b1", 1, 1, carriers=ALL_UP, heard=ALL_HEARD)
OK, MISSING, DOWN, UNKNOWN = PathState.OK, PathState.MISSING_HEARTBEAT, PathState.DOWN, PathState.UNKNOWN


@dataclass
class Site:
    """Controller-0, with a peer that is heard on the paths in ``hearing`` each tick."""

    settings: PathSettings = SETTINGS
    leading: bool = False
    now_ms: int = 1_000
    hearing: set[str] = field(default_factory=lambda: set(DEVICES))
    peer: Beat = PEER
    changes: list[tuple[int, str, PathState]] = field(default_factory=list)
    alarms: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.view = paths.begin(self.settings, self.now_ms)
        for path in DEVICES:
            self.give(Carrier(path, True))

    def give(self, event: paths.Event) -> None:
        self.view, actions = paths.step(self.settings, self.view, event, self.leading, self.now_ms)
        for action in actions:
            if isinstance(action, PathChange):
                self.changes.append((self.now_ms, action.path, action.state))
            elif isinstance(action, PathAlarm):
                self.alarms[action.host, action.path] = action.text

    def run(self, for_ms: int) -> Site:
        for _ in range(for_ms // TICK_MS):
            self.now_ms += TICK_MS
            for path in sorted(self.hearing):
                self.give(Heard(path, self.peer))
            self.give(Tick())
        return self

    def state(self, path: str) -> PathState:
        return self.view.lines[path].state

    def states(self) -> dict[str, PathState]:
        return {path: line.state for path, line in self.view.lines.items()}

    def raised(self) -> set[tuple[str, str]]:
        return {where for where, text in self.alarms.items() if text is not None}


def running(**fields: Any) -> Site:
    site = Site(**fields).run(40_000)
    assert not site.raised() and {site.state(path) for path in DEVICES} == {OK}
    site.changes.clear()
    return site


def test_nothing_is_known_before_the_dead_time_is_over() -> None:
    site = Site(hearing=set()).run(700)
    assert {site.state(path) for path in DEVICES} == {UNKNOWN} and site.changes == []
    assert set(site.run(200).states().values()) == {MISSING}


def test_a_silent_path_misses_its_heartbeat_after_the_dead_time() -> None:
    site = running()
    site.hearing.remove("mgmt")
    begun = site.now_ms
    site.run(2_000)
    assert site.changes == [(begun + 800, "mgmt", MISSING)]
    assert paths.heard_lately(SETTINGS, site.view, site.now_ms) == {
        "mgmt": (), "oam": ("controller-1",), "cluster-host": ("controller-1",)}
    site.hearing.add("mgmt")
    assert site.run(100).state("mgmt") is OK


def test_a_carrier_is_believed_at_once() -> None:
    site = running()
    site.give(Carrier("oam", False))
    assert site.changes == [(site.now_ms, "oam", DOWN)]
    site.give(Carrier("oam", True))
    assert site.state("oam") is OK
    site.give(Carrier("oam", None))
    assert site.state("oam") is OK


def test_a_process_that_stood_still_declares_nobody_silent() -> None:
    site = running()
    site.now_ms += 10_000
    site.give(Tick())
    assert site.changes == [] and site.view.stalled_ms == site.now_ms
    site.hearing.clear()
    assert set(site.run(500).states().values()) == {OK}
    assert set(site.run(300).states().values()) == {MISSING}


def test_ticks_that_are_a_little_late_lengthen_the_dead_time_by_that() -> None:
    site = running()
    site.hearing.clear()
    for _ in range(7):
        site.now_ms += 160
        site.give(Tick())
    assert site.state("mgmt") is OK and site.now_ms > 800
    site.run(200)
    assert site.state("mgmt") is MISSING


def test_an_announced_silence_is_no_loss() -> None:
    site = running(peer=replace(PEER, pausing_ms=30_000))
    site.hearing.clear()
    assert set(site.run(29_900).states().values()) == {OK}
    site.give(Carrier("mgmt", False))
    assert site.state("mgmt") is DOWN
    assert site.run(200).states() == {"mgmt": DOWN, "oam": MISSING, "cluster-host": MISSING}


def test_a_pause_ends_with_the_first_beat_without_one_and_is_limited() -> None:
    site = running(peer=replace(PEER, pausing_ms=3_600_000))
    site.hearing.clear()
    assert site.run(paths.PAUSE_MAX_MS - 100).state("mgmt") is OK
    assert site.run(200).state("mgmt") is MISSING
    site = running(peer=replace(PEER, pausing_ms=30_000))
    site.peer = PEER
    site.run(100).hearing.clear()
    assert site.run(900).state("mgmt") is MISSING


def test_a_host_that_goes_down_in_order_is_not_missed_for_a_while() -> None:
    site = running(peer=replace(PEER, departing_ms=120_000), leading=True)
    site.hearing.clear()
    assert site.run(119_000).raised() == set() and site.state("mgmt") is MISSING
    site.run(35_000)
    assert site.raised() == {("controller-0", path) for path in DEVICES}, "it has not come back in time"
    site.peer, site.hearing = PEER, set(DEVICES)
    assert site.run(40_000).raised() == set()
    site = running(peer=replace(PEER, departing_ms=10 * paths.AWAY_MAX_MS))
    site.hearing.clear()
    site.run(paths.AWAY_MAX_MS + 40_000)
    assert site.raised() == {("controller-0", path) for path in DEVICES}, "however long it wants to be away"


def test_a_carrier_that_is_lost_while_the_peer_is_away_is_told() -> None:
    site = running(peer=replace(PEER, departing_ms=600_000))
    site.hearing.clear()
    site.give(Carrier("mgmt", False))
    assert site.run(40_000).raised() == {("controller-0", "mgmt")}


def test_a_system_without_a_peer_knows_carriers_only() -> None:
    site = Site(PathSettings("controller-0", DEVICES, ()), hearing=set()).run(60_000)
    site.give(Carrier("oam", False))
    assert (site.state("mgmt"), site.state("oam"), site.raised()) == (OK, DOWN, set())


def test_strangers_and_unknown_paths_change_nothing() -> None:
    site = running()
    before = site.view
    for event in (Heard("mgmt", replace(PEER, node="witness")), Heard("admin", PEER), Carrier("admin", False)):
        site.give(event)
    assert site.view == before


@pytest.mark.parametrize(("beat", "lost", "points"), [
    (PEER, set(), 0),
    (replace(PEER, carriers={**ALL_UP, "oam": False}), {"oam"}, -1),
    (replace(PEER, carriers={**ALL_UP, "mgmt": False, "cluster-host": False}), {"mgmt", "cluster-host"}, -6),
    # A path without heartbeat counts only with proof that its network is cut off.
    (replace(PEER, heard={**ALL_HEARD, "mgmt": ()}), set(), 0),
    (replace(PEER, heard={**ALL_HEARD, "mgmt": ()}, reachable={"mgmt": True}), set(), 0),
    (replace(PEER, heard={**ALL_HEARD, "mgmt": ()}, reachable={"mgmt": False}), {"mgmt"}, -4),
    (replace(PEER, reachable={"mgmt": False}), set(), 0),
    (replace(PEER, carriers={"admin": False, "other": False}), {"admin", "other"}, 0)])
def test_scores(beat: Beat, lost: set[str], points: int) -> None:
    assert paths.lost_networks(beat.carriers, beat.heard, beat.reachable) == lost
    assert paths.score(paths.WEIGHTS, frozenset(lost)) == points


def test_weights_are_the_sites() -> None:
    assert paths.score({"oam": 8}, frozenset({"oam", "mgmt"})) == -8


TOR, DIRECT = frozenset[str](), frozenset({"mgmt", "cluster-host"})


@pytest.mark.parametrize(("direct", "down", "cut_off", "reason"), [
    (TOR, set(), set(), ""),
    (TOR, {"mgmt"}, set(), "mgmt has no carrier"),
    (TOR, {"oam", "cluster-host"}, set(), ""),
    (TOR, {"oam"}, {"mgmt"}, "mgmt reaches none of its targets, oam has no carrier"),
    (TOR, set(DEVICES), set(), "cluster-host has no carrier, mgmt has no carrier, oam has no carrier"),
    # The other node was switched off: the direct cables have no carrier either.
    (DIRECT, {"mgmt", "cluster-host"}, set(), ""),
    (DIRECT, {"mgmt", "cluster-host"}, {"oam"}, "oam reaches none of its targets"),
    (DIRECT, {"mgmt", "cluster-host", "oam"}, set(), "oam has no carrier"),
    (frozenset(DEVICES), set(DEVICES), set(), "")])
def test_whose_networks_are_at_fault_when_nobody_is_heard(direct: frozenset[str], down: set[str], cut_off: set[str],
                                                          reason: str) -> None:
    settings = replace(SETTINGS, direct=direct)
    site = running(settings=settings)
    for path in down:
        site.give(Carrier(path, False))
    reachable = {path: path not in cut_off for path in DEVICES}
    assert paths.isolation(settings, site.view, reachable) == ("" if down != set(DEVICES) else reason)
    site.hearing.clear()
    site.run(1_000)
    assert paths.isolation(settings, site.view, reachable) == reason
    assert "targets" not in paths.isolation(settings, site.view, {})


TEXT = "Communication failure detected with peer over port mgmt0 on host controller-0"


def test_an_alarm_waits_30_s_and_ends_after_30_s_without_trouble() -> None:
    site = running()
    site.hearing.remove("mgmt")
    assert not site.run(30_700).raised()
    assert site.run(100).alarms["controller-0", "mgmt"] == TEXT
    site.hearing.add("mgmt")
    assert site.run(100).alarms["controller-0", "mgmt"] == f"{TEXT} within the last 30 seconds"
    assert site.run(29_800).raised() == {("controller-0", "mgmt")}
    assert site.run(100).raised() == set()


def test_a_short_loss_raises_no_alarm_and_a_flapping_path_does() -> None:
    site = running()
    site.hearing.remove("mgmt")
    site.run(5_000).hearing.add("mgmt")
    assert not site.run(60_000).raised()
    for _ in range(6):
        site.hearing.discard("mgmt")
        site.run(5_000).hearing.add("mgmt")
        site.run(1_000)
    assert site.raised() == {("controller-0", "mgmt")}


def test_the_alarm_is_on_the_host_whose_cable_is_out() -> None:
    """Scenario 20: the port of the standby is down; the leader raises it for the host that may not reach anybody."""
    site = running(leading=True)
    site.hearing.remove("mgmt")
    site.peer = replace(PEER, carriers={**ALL_UP, "mgmt": False}, heard={**ALL_HEARD, "mgmt": ()})
    assert site.run(60_000).raised() == {("controller-1", "mgmt")}
    other = running()
    other.hearing.remove("mgmt")
    other.peer = site.peer
    assert other.run(60_000).raised() == set()


def test_a_direct_cable_is_alarmed_on_both_hosts() -> None:
    """Scenario 22."""
    site = running(leading=True)
    site.peer = replace(PEER, carriers={**ALL_UP, "mgmt": False, "cluster-host": False})
    for path in ("mgmt", "cluster-host"):
        site.hearing.remove(path)
        site.give(Carrier(path, False))
    assert site.run(40_000).raised() == {(host, path) for host in ("controller-0", "controller-1")
                                        for path in ("mgmt", "cluster-host")}


def test_a_cut_in_the_switch_is_alarmed_on_both_hosts() -> None:
    site = running(leading=True)
    site.hearing.remove("mgmt")
    site.peer = replace(PEER, heard={**ALL_HEARD, "mgmt": ()})
    assert site.run(40_000).raised() == {("controller-0", "mgmt"), ("controller-1", "mgmt")}


def test_of_a_silent_peer_nothing_new_is_alarmed() -> None:
    site = running(leading=True)
    site.hearing.clear()
    assert site.run(60_000).raised() == {("controller-0", path) for path in DEVICES}


def test_an_alarm_of_an_earlier_start_is_cleared_once() -> None:
    site = Site().run(29_900)
    assert site.alarms == {}
    site.run(200)
    assert site.alarms == {("controller-0", path): None for path in DEVICES}
    site.alarms.clear()
    assert site.run(60_000).alarms == {}


def test_a_path_on_which_a_node_falls_silent_is_unexplained_for_a_while() -> None:
    site = Site().run(1_000)

    def unexplained() -> frozenset[str]:
        return paths.unexplained(site.settings, site.view, site.now_ms)
    site.hearing.discard("mgmt")
    assert site.run(700).state("mgmt") is not MISSING and unexplained() == frozenset()
    assert site.run(200).state("mgmt") is MISSING and unexplained() == {"controller-1"}
    site.peer = replace(PEER, carriers={**ALL_UP, "mgmt": False})
    site.run(100)
    assert unexplained() == frozenset()
    site.peer = PEER
    site.run(100)
    assert unexplained() == {"controller-1"}
    site.run(paths.DOUBT_MS)
    assert unexplained() == frozenset()


def test_a_node_that_is_silent_on_every_path_is_not_in_doubt() -> None:
    site = Site().run(1_000)
    site.hearing.clear()
    site.run(1_000)
    assert paths.unexplained(site.settings, site.view, site.now_ms) == frozenset()
