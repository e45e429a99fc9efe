# SPDX-License-Identifier: Apache-2.0
"""A stranger on the paths' networks, who hears what nodes multicast and can send with any source address."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flock.testing.services.process import wait_for
from sm.transport import codec
from tests.functional.sm.transport.conftest import GROUP, PATHS, Namespace, Site

ATTACKER = str(Path(__file__).with_name("attacker.py"))
ZERO, ONE = {"mgmt": "192.168.204.2", "oam": "10.10.10.2"}, {"mgmt": "192.168.204.3", "oam": "10.10.10.3"}
SILENT = dict.fromkeys((path.replace("-", "_") for path in PATHS), "missing-heartbeat")


def recorded(place: Namespace, source: str, seconds: float = 1.5) -> list[str]:
    done = subprocess.run(place.command(sys.executable, ATTACKER, "record", "mgmt", str(seconds), source), check=True,
                          capture_output=True, text=True, timeout=60)
    return done.stdout.split()


def attack(place: Namespace, payloads: list[str], path: str = "mgmt", per_second: int = 100, seconds: float = 2.0,
           source: str | None = None) -> int:
    target = GROUP.get(path, ZERO[path])
    done = subprocess.run(
        place.command(sys.executable, ATTACKER, "send", path, source or ONE[path], target, "2222", str(per_second),
                      str(seconds)), input="\n".join(payloads), check=True, capture_output=True, text=True, timeout=60)
    return int(done.stdout)


def test_recorded_and_changed_datagrams_are_refused_and_change_nothing(site: Site) -> None:
    """Scenario 28, on a multicast path and on a unicast one."""
    place = site.add("attacker")
    zero, one = site.pair()
    theirs, own = recorded(place, ONE["mgmt"]), recorded(place, ZERO["mgmt"])
    assert len(theirs) > 10 and len(own) > 10
    bare = [line[:-2 * codec.DIGEST_BYTES] for line in theirs]
    shorter = [line[:12] + (len(line) // 2).to_bytes(2).hex() + line[16:] for line in bare]
    noise = ["534d", theirs[0][:40], "534d01" + "00" * 10]
    for payloads, path, reason in ((theirs, "mgmt", "replayed"), (own, "mgmt", "digest"), (theirs, "oam", "digest"),
                                   (bare, "mgmt", "length"), (shorter, "mgmt", "digest"), (noise, "oam", "length")):
        before = zero.ask()["refused"].get(f"{path} {reason}", 0)
        attack(place, payloads, path, seconds=0.5)
        assert zero.ask()["refused"].get(f"{path} {reason}", 0) > before + 5, (path, reason, zero.ask())
    for payloads, source in ((theirs, "10.10.10.66"), (["00" * 200, "", "ff", "5344" * 9], None)):
        before = zero.ask()["dropped"]["oam"]
        attack(place, payloads, "oam", source=source, seconds=0.5)
        assert zero.ask()["dropped"]["oam"] > before + 5
    assert zero.states() == dict.fromkeys(PATHS, "ok") and len(zero.boots()) == 1
    assert one.states() == dict.fromkeys(PATHS, "ok")


def test_recordings_of_a_dead_node_are_no_life_of_it(site: Site) -> None:
    """Neither for the node that knew it, nor for one that has started since."""
    place = site.add("attacker")
    zero, one = site.pair()
    theirs = recorded(place, ONE["mgmt"], 3)
    one.stop()
    attack(place, theirs)
    zero.wait_states(1, **SILENT)
    assert zero.ask()["refused"]["mgmt replayed"] > 100
    zero.stop()
    fresh = site.play("controller-0", "controller-1")
    fresh.wait_states(5, **SILENT)
    attack(place, theirs)
    told = fresh.ask()
    assert told["taken"] == {} and fresh.boots() == [] and fresh.states() == dict.fromkeys(PATHS, "missing-heartbeat")
    assert told["refused"]["mgmt greeted"] + told["refused"]["mgmt replayed"] > 100
    # And while they go on, the node itself is believed when it is back.
    flood = subprocess.Popen(place.command(sys.executable, ATTACKER, "send", "mgmt", ONE["mgmt"], GROUP["mgmt"], "2222",
                                           "1000", "10"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert flood.stdin is not None
    flood.stdin.write("\n".join(theirs))
    flood.stdin.close()
    site.play("controller-1", "controller-0").wait_states(5)
    fresh.wait_states(5)
    flood.kill()
    flood.wait()


@pytest.mark.parametrize("kind", ["stranger", "digest"])
def test_a_flood_on_one_path_delays_the_beats_of_no_other(site: Site, kind: str) -> None:
    """50,000 datagrams per second, or what the machine can do: of a stranger, or like genuine ones of the peer."""
    place = site.add("attacker")
    zero, _ = site.pair()
    theirs = recorded(place, ONE["mgmt"], 0.5)
    forged = [line[:-2] + f"{int(line[-2:], 16) ^ 1:02x}" for line in theirs]
    before = zero.ask()
    source = "192.168.204.66" if kind == "stranger" else None
    sent = attack(place, forged, per_second=50_000, seconds=5.0, source=source)
    told = zero.ask()
    seconds = told["at_s"] - before["at_s"]
    used = (told["cpu_s"] - before["cpu_s"]) / seconds
    refused, dropped = told["refused"].get("mgmt digest", 0), told["dropped"]["mgmt"]
    print(f"{kind}: {sent / 5:.0f} sent per s, gaps {told['gaps_ms']} ms, {100 * used:.0f} % of a core, refused "
          f"{refused / seconds:.0f} per s, dropped by the kernel {dropped / seconds:.0f} per s")
    assert sent > 50_000 and dropped + refused > 0.9 * sent
    # A beat is due every 100 ms. The kernel keeps a stranger's datagrams from the flooded path as well.
    assert max(told["gaps_ms"][path] for path in (PATHS if kind == "stranger" else ("oam", "cluster-host"))) < 300
    assert zero.states()["oam"] == zero.states()["cluster-host"] == "ok"
    wait_for(lambda: zero.state("mgmt") == "ok", 5, "the flooded path")
