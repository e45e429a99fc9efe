# SPDX-License-Identifier: Apache-2.0
"""Beats over three paths between two network namespaces: IPv4 multicast, IPv6 multicast and unicast."""
from __future__ import annotations

import signal

import pytest

from flock.testing.services.process import wait_for
from sm.core import rotation
from sm.core.rotation import Key, Ring
from sm.transport.keyring import KeyFile, fresh_secret
from tests.functional.sm.transport.conftest import PATHS, Site


def test_beats_come_on_all_paths_and_the_bystander_hears_nothing_of_itself(site: Site) -> None:
    zero, one = site.pair()
    for player in (zero, one):
        # The kernel may have no way to an IPv6 group yet, when unicast has already shown that all is well.
        wait_for(lambda player=player: player.ask()["problems"] == {}, 10, "all that is sent to go out")
        told = player.ask()
        assert set(told["taken"]) == set(PATHS)
        assert set(told["refused"]) <= {f"{path} greeted" for path in PATHS} | {f"{path} replayed" for path in PATHS}


@pytest.mark.parametrize("path", PATHS)
def test_a_pulled_cable_is_told_at_once_and_the_other_end_misses_the_heartbeat(site: Site, path: str) -> None:
    zero, one = site.pair()
    site.carrier("controller-0", path, False)
    zero.wait_states(2, **{path: "down"})
    one.wait_states(3, **{path: "missing-heartbeat"})
    site.carrier("controller-0", path, True)
    zero.wait_states(5)
    one.wait_states(5)
    assert len(zero.boots()) == len(one.boots()) == 1


def test_a_cut_behind_the_switch_is_a_missing_heartbeat_and_probes_tell_who_is_cut_off(site: Site) -> None:
    targets = {path: [f"{prefix}1", f"{prefix}9"] for path, prefix in
               (("mgmt", "192.168.204."), ("oam", "10.10.10."), ("cluster-host", "fd00:206::"))}
    site.add("arbiter")
    zero, one = site.pair(targets=targets)
    for player in (zero, one):
        wait_for(lambda player=player: all(player.reachable(path) for path in PATHS), 10, "answers of the targets")
    for path in PATHS:
        site.cut("controller-1", path)
        zero.wait_states(3, **{path: "missing-heartbeat"})
        one.wait_states(3, **{path: "missing-heartbeat"})
        wait_for(lambda path=path: one.reachable(path) is False, 10, "proof that controller-1 is cut off")
        assert zero.reachable(path) is True
        site.heal("controller-1", path)
        zero.wait_states(5)
        wait_for(lambda path=path: one.reachable(path) is True, 10, "answers again")


@pytest.mark.parametrize("path", PATHS)
def test_a_replaced_network_card_is_used_again(site: Site, path: str) -> None:
    zero, one = site.pair()
    site.unplug("controller-0", path)
    zero.wait_states(2, **{path: "down"})
    one.wait_states(3, **{path: "missing-heartbeat"})
    assert path in zero.ask()["problems"]
    site.plug("controller-0", path)
    zero.wait_states(8)
    one.wait_states(8)
    assert zero.ask()["problems"] == {}


@pytest.mark.parametrize("path", ["mgmt", "cluster-host"])
def test_an_address_that_was_away_is_used_again(site: Site, path: str) -> None:
    """The memberships of a device end with its last address, which no socket is told."""
    zero, one = site.pair()
    place, address = site.places["controller-0"], site._address(path, 2)
    place.ip("address", "flush", "dev", path)
    if path == "mgmt":
        # IPv6 sends on from an address that has gone.
        one.wait_states(5, mgmt="missing-heartbeat")
    place.ip("address", "add", address, "dev", path, *site._nodad(path))
    for player in (zero, one):
        player.wait_states(15)
        beats = player.ask()["taken"][path]
        wait_for(lambda player=player, beats=beats: player.ask()["taken"][path] > beats + 20, 5, "beats")


def test_a_node_that_starts_anew_is_believed_and_its_silence_noticed(site: Site) -> None:
    zero, one = site.pair()
    one.stop()
    zero.wait_states(3, **dict.fromkeys((path.replace("-", "_") for path in PATHS), "missing-heartbeat"))
    site.play("controller-1", "controller-0").wait_states(10)
    zero.wait_states(5)
    assert len(set(zero.boots())) == 2


def test_an_announced_silence_is_waited_for(site: Site) -> None:
    zero, one = site.pair()
    one.tell("pause 30000")
    beats = zero.ask()["taken"]["mgmt"]
    wait_for(lambda: zero.ask()["taken"]["mgmt"] > beats + 3, 5, "the announcement")
    one.stop()
    changes = len(zero.lines())
    site.play("controller-1", "controller-0").wait_states(10)
    assert not [line for line in zero.lines()[changes:] if line.get("state") == "missing-heartbeat"]


def test_a_node_that_stood_still_accuses_nobody(site: Site) -> None:
    zero, one = site.pair()
    before = len(zero.lines())
    zero.process.send_signal(signal.SIGSTOP)
    one.wait_states(3, **dict.fromkeys((path.replace("-", "_") for path in PATHS), "missing-heartbeat"))
    zero.process.send_signal(signal.SIGCONT)
    one.wait_states(5)
    zero.wait_states(5)
    assert not [line for line in zero.lines()[before:] if line.get("state") == "missing-heartbeat"]


def test_a_wrong_key_on_a_node_is_refused_on_all_paths(site: Site) -> None:
    zero, one = site.pair()
    one.stop()
    tag, secret = fresh_secret()
    stranger = site.play("controller-1", "controller-0", ring=Ring((Key(1, tag, secret),), tag))
    zero.wait_states(5, **dict.fromkeys((path.replace("-", "_") for path in PATHS), "missing-heartbeat"))
    before = zero.ask()
    wait_for(lambda: all(zero.ask()["refused"].get(f"{path} digest", 0) > 5 for path in PATHS), 5, "refusals")
    assert zero.ask()["taken"] == before["taken"] and stranger.ask()["taken"] == {}
    assert len(zero.boots()) == 1
    stranger.stop()
    site.play("controller-1", "controller-0", ring=site.ring).wait_states(10)


def test_the_key_rotates_on_nodes_and_witness_without_a_lost_beat(site: Site) -> None:
    site.add("arbiter")
    for node in ("controller-0", "controller-1"):
        site.add(node)
    names = ("controller-0", "controller-1", "arbiter")
    players = [site.play(name, *(other for other in names if other != name)) for name in names]
    for player in players:
        player.wait_states(20)
        player.ask()
    KeyFile(site.folder / "controller-1.key").change(lambda ring: rotation.begin(ring, *fresh_secret()))

    def rotated() -> bool:
        told = [player.ask() for player in players]
        return all(each["keys"] == 1 and each["used"] != site.ring.used for each in told)

    wait_for(rotated, 20, "the rotation")
    assert all(len(player.boots()) == 2 for player in players)
    assert not [line for player in players for line in player.lines() if line.get("state") == "missing-heartbeat"]
    # A restart reads what was stored.
    players[0].stop()
    site.play("controller-0", "controller-1", "arbiter").wait_states(10)


def test_snapshots_of_many_groups_arrive_whole(site: Site) -> None:
    zero, _ = site.pair(groups=300)
    wait_for(lambda: zero.ask()["rows"] == 300, 10, "a whole snapshot")
