# SPDX-License-Identifier: Apache-2.0
"""Floating addresses between two hosts: by our own plug-in, and by the resource agent IPaddr2 as Debian ships it."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.functional.sm.plugins.conftest import Pair

pytestmark = pytest.mark.root

ATTEMPT = Path(__file__).with_name("attempt.py")
AGENT = Path("/usr/lib/ocf/resource.d/heartbeat/IPaddr2")
FLOATING = {4: ("192.0.2.9", "24"), 6: ("2001:db8::9", "64")}
OWN = {4: "192.0.2.1", 6: "2001:db8::1"}
Attempt = Callable[..., dict[str, Any]]


@pytest.fixture
def attempt(pair: Pair) -> Attempt:
    def made(side: str, command: str, version: int = 4, plugin: str = "address", linger_s: float = 0,
             **parameters: str) -> dict[str, Any]:
        address, prefix = FLOATING[version]
        words = {"ip": address, "cidr_netmask": prefix, "nic": "eth0", **parameters}
        job = {"plugin": plugin, "name": "IPaddr2", "provider": "heartbeat", "command": command, "parameters": words,
               "linger_s": linger_s}
        done = pair.run(side, sys.executable, str(ATTEMPT), json.dumps(job))
        return dict(json.loads(done.stdout))
    return made


def addresses(pair: Pair, side: str) -> set[str]:
    found = json.loads(pair.run(side, "ip", "-j", "addr", "show", "dev", "eth0").stdout)
    return {item["local"] for item in found[0]["addr_info"] if item["scope"] == "global"}


def reachable(pair: Pair, side: str, version: int) -> bool:
    words = ["ping", f"-{version}", "-c", "1", "-W", "2", FLOATING[version][0]]
    return pair.run(side, *words, check=False).returncode == 0


def cached(pair: Pair, side: str, version: int) -> str:
    """The hardware address that ``side`` has for the floating address."""
    found = json.loads(pair.run(side, "ip", "-j", "neigh", "show", FLOATING[version][0]).stdout or "[]")
    return str(found[0].get("lladdr", "")) if found else ""


def hardware(pair: Pair, side: str) -> str:
    return str(json.loads(pair.run(side, "ip", "-j", "link", "show", "eth0").stdout)[0]["address"])


def test_a_link_local_address_joins_one_that_is_valid_on_its_link(pair: Pair, attempt: Attempt) -> None:
    """So systemd-networkd sets a controller's own address of the network from which hosts boot."""
    pair.run(pair.left, "ip", "addr", "add", "169.254.202.2/24", "dev", "eth0", "scope", "link")
    try:
        words = {"ip": "169.254.202.1", "cidr_netmask": "24"}
        assert attempt(pair.left, "start", **words)["code"] == 0
        assert attempt(pair.left, "monitor", **words)["code"] == 0
        assert attempt(pair.left, "stop", **words)["code"] == 0
    finally:
        pair.run(pair.left, "ip", "addr", "del", "169.254.202.2/24", "dev", "eth0")


@pytest.mark.parametrize("version", [4, 6])
def test_an_address_is_added_once_found_and_removed(version: int, pair: Pair, attempt: Attempt) -> None:
    assert attempt(pair.left, "monitor", version)["code"] == 7
    for _ in range(2):
        assert attempt(pair.left, "start", version)["code"] == 0
        assert addresses(pair, pair.left) == {*OWN.values(), FLOATING[version][0]}
    assert attempt(pair.left, "monitor", version)["code"] == 0
    assert reachable(pair, pair.right, version)
    for _ in range(2):
        assert attempt(pair.left, "stop", version)["code"] == 0
        assert addresses(pair, pair.left) == set(OWN.values())
    assert attempt(pair.left, "monitor", version)["code"] == 7


@pytest.mark.parametrize("version", [4, 6])
def test_a_neighbour_that_answers_for_an_address_keeps_nobody_from_taking_it(version: int, pair: Pair,
                                                                             attempt: Attempt) -> None:
    """Else any machine on the network could prevent every failover."""
    pair.run(pair.left, "ip", "addr", "add", "/".join(FLOATING[version]), "dev", "eth0", "nodad")
    taken = attempt(pair.right, "start", version, linger_s=1, arp_count="1")
    assert taken["code"] == 0 and FLOATING[version][0] in addresses(pair, pair.right)
    assert attempt(pair.right, "monitor", version)["code"] == 0


@pytest.mark.parametrize("version", [4, 6])
def test_neighbours_learn_of_the_new_owner_without_asking(version: int, pair: Pair, attempt: Attempt) -> None:
    """The right side still has the old owner's hardware address in its table; the announcement replaces it."""
    for word in ("arp_accept",):
        pair.run(pair.right, "sysctl", "-qw", f"net.ipv4.conf.all.{word}=1")
    address, old = FLOATING[version][0], "02:00:00:00:00:77"
    pair.run(pair.right, "ip", "neigh", "replace", address, "lladdr", old, "dev", "eth0", "nud", "stale")
    assert attempt(pair.left, "start", version, linger_s=1, arp_count="3")["code"] == 0
    assert cached(pair, pair.right, version) == hardware(pair, pair.left) != old


def test_removing_the_first_address_of_a_network_leaves_the_others(pair: Pair, attempt: Attempt) -> None:
    """The kernel calls the first address of a network primary and would remove the others with it."""
    pair.run(pair.left, "ip", "addr", "del", "192.0.2.1/24", "dev", "eth0")
    assert attempt(pair.left, "start")["code"] == 0
    pair.run(pair.left, "ip", "addr", "add", "192.0.2.1/24", "dev", "eth0")
    pair.run(pair.left, "sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=0")
    assert attempt(pair.left, "stop")["code"] == 0
    assert addresses(pair, pair.left) == set(OWN.values())


def test_what_stands_in_the_way_is_said(pair: Pair, attempt: Attempt) -> None:
    assert "no interface with this name" in attempt(pair.left, "start", nic="eth7")["text"]
    pair.run(pair.left, "ip", "addr", "add", "192.0.2.9/24", "dev", "lo")
    for command in ("start", "monitor"):
        done = attempt(pair.left, command)
        assert done["code"] == 1 and "lo" in done["text"], command
    assert attempt(pair.left, "stop")["code"] == 0
    assert attempt(pair.left, "start", preferred_lft="0", version=6)["code"] == 0
    shown = pair.run(pair.left, "ip", "addr", "show", "to", "2001:db8::9").stdout
    assert "deprecated" in shown and "tentative" not in shown


def test_an_interface_without_carrier_can_hold_an_address(pair: Pair, attempt: Attempt) -> None:
    pair.run(pair.right, "ip", "link", "set", "eth0", "down")
    assert attempt(pair.left, "start")["code"] == 0
    assert attempt(pair.left, "monitor")["code"] == 0


@pytest.fixture
def agent() -> None:
    if not AGENT.exists():
        if os.environ.get("FLOCK_REQUIRE_SERVICES"):
            pytest.fail("the package resource-agents is not installed")
        pytest.skip("the package resource-agents is not installed")


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("version", [4, 6])
def test_the_agent_of_debian_runs_unmodified(version: int, pair: Pair, attempt: Attempt) -> None:
    """Its background announcements end by themselves, after the attempt; nothing of it is killed."""
    def run(command: str) -> dict[str, Any]:
        return attempt(pair.left, command, version, "ocf-script", arp_count="1")

    assert run("monitor")["code"] == 7
    assert run("start")["code"] == 0
    assert run("monitor")["code"] == 0 and reachable(pair, pair.right, version)
    assert run("stop")["code"] == 0
    assert run("monitor")["code"] == 7 and addresses(pair, pair.left) == set(OWN.values())
    left = subprocess.run(["ip", "netns", "pids", pair.left], check=True, capture_output=True, text=True).stdout
    assert left.strip() == ""
