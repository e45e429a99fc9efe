# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from flock.core.errors import InvalidInput
from flock.core.records import replace
from sm.transport.settings import PathLink, Peer, checked

MGMT = PathLink("mgmt", "bond0", "192.168.204.3", (Peer("controller-1", "192.168.204.4"),), group="239.1.1.1")
OAM = PathLink("oam", "vlan11", "fd00::3", (Peer("controller-1", "fd00::4"), Peer("arbiter", "fd00::9", 2223, True)),
               targets=("fd00::1", "fd00::2"))


def test_paths_of_both_families_are_fine() -> None:
    assert checked((MGMT, OAM), "controller-0") == (MGMT, OAM)
    assert (MGMT.is_ipv6, OAM.is_ipv6) == (False, True)


@pytest.mark.parametrize(("fields", "message"), [
    ({"name": "Mgmt net"}, "Mgmt net.name: must be lower case"),
    ({"device": "a device"}, "mgmt.device"), ({"device": "x" * 16}, "mgmt.device"), ({"device": ""}, "mgmt.device"),
    ({"address": "controller-0"}, "mgmt.address: must be a unicast IP address"),
    ({"address": "239.1.1.1"}, "mgmt.address: must be a unicast IP address"),
    ({"address": "0.0.0.0"}, "mgmt.address: must be a unicast IP address"),
    ({"port": 0}, "mgmt.port"), ({"port": 70_000}, "mgmt.port"),
    ({"datagram_max": 8_193}, "mgmt.datagram_max"), ({"datagram_max": 999}, "mgmt.datagram_max"),
    ({"group": "192.168.204.9"}, "mgmt.group: must be an IPv4 multicast"), ({"group": "ff02::1"}, "mgmt.group"),
    ({"targets": ("192.168.204.1",)}, "mgmt.targets: must be none, or 2 to 4"),
    ({"targets": ("192.168.204.1",) * 2}, "mgmt.targets"), ({"targets": ("fd00::1", "fd00::2")}, "mgmt.targets"),
    ({"peers": (Peer("controller-1", "fd00::4"),)}, "mgmt.peers.controller-1.address: must be an IPv4"),
    ({"peers": (Peer("controller-1", "192.168.204.3"),)}, "must differ in name and address"),
    ({"peers": (Peer("controller-0", "192.168.204.4"),)}, "must differ in name and address"),
    ({"peers": (Peer("controller-1", "192.168.204.4", 2224),)}, "must be the port of the multicast group"),
    ({"peers": (Peer("controller-1", "192.168.204.4", -1),)}, "mgmt.peers.controller-1.port"),
    ({"peers": tuple(Peer(f"c-{number}", f"10.0.0.{number + 1}") for number in range(17))}, "mgmt.peers: at most 16"),
])
def test_an_error_names_the_field_and_the_rule(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        checked((replace(MGMT, **fields),), "controller-0")


@pytest.mark.parametrize(("links", "message"), [
    ((), "must be 1 to 4"), ((MGMT, replace(OAM, name="mgmt")), "paths.name"),
    ((MGMT, replace(OAM, device="bond0")), "paths.device")])
def test_paths_differ(links: tuple[PathLink, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        checked(links, "controller-0")
