# SPDX-License-Identifier: Apache-2.0
"""A switch has ended the memberships of one or both controllers, so no multicast reaches them: beats still come."""
from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from flock.testing.privileges import need_root
from flock.testing.services.process import wait_for
from sm.core.timing import Timing

NODES = ("controller-0", "controller-1")
DEAF = """
table inet deaf {
    chain input {
        type filter hook input priority filter; policy accept;
        ip daddr 239.1.1.3 counter drop
        ip6 daddr ff02::3:3 counter drop
    }
}
"""
LOST_MIN = 4 * Timing().silent_ms // Timing().beat_ms


def nft(site: Any, node: str, *words: str, given: str = "") -> str:
    return subprocess.run(site.places[node].command("nft", *words), check=True, capture_output=True, text=True,
                          input=given, timeout=30).stdout


def lost(site: Any, node: str) -> int:
    """The least number of multicast datagrams that the node has lost on one of the paths."""
    rules = json.loads(nft(site, node, "-j", "list", "table", "inet", "deaf"))["nftables"]
    return min(int(each["counter"]["packets"]) for rule in rules if "rule" in rule
               for each in rule["rule"]["expr"] if "counter" in each)


def changes(*players: Any) -> list[dict[str, Any]]:
    return [line for player in players for line in player.lines() if "path" in line and "state" in line]


@pytest.mark.parametrize("deaf", [NODES[:1], NODES[1:], NODES])
def test_beats_come_without_multicast(site: Any, deaf: tuple[str, ...]) -> None:
    need_root("nft")
    players = site.pair()
    before = changes(*players)
    for node in deaf:
        nft(site, node, "-f", "-", given=DEAF)
    wait_for(lambda: all(lost(site, node) >= LOST_MIN for node in deaf), 60, "multicast beats to be lost")
    assert changes(*players) == before
    for node in deaf:
        nft(site, node, "delete", "table", "inet", "deaf")
    for player in players:
        player.wait_states(5)


def test_a_controller_that_begins_without_multicast_is_heard(site: Any) -> None:
    need_root("nft")
    for node in NODES:
        site.add(node)
    nft(site, NODES[1], "-f", "-", given=DEAF)
    players = (site.play(NODES[0], NODES[1]), site.play(NODES[1], NODES[0]))
    for player in players:
        player.wait_states(20)
    # Unicast comes first, so the states may be there before multicast is lost.
    wait_for(lambda: lost(site, NODES[1]) > 0, 30, "multicast beats to be lost")
