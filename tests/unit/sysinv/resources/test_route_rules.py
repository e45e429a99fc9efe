# SPDX-License-Identifier: Apache-2.0
"""Rules of routes: what leads nowhere is refused with its reason."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysinv.resources.interface.view import InterfaceView
from sysinv.resources.route.rules import (
    PATHS_MAX,
    RouteExists,
    RouteRefused,
    RouteView,
    check_add,
    stranded,
    subnet_of,
)

ONE = InterfaceView(1, "data0", "ethernet", ifclass="data")
ADDRESSES = ("192.168.59.3/24", "fd00:59::3/64", "10.9.0.0/31")


def check(subnet: str = "10.20.0.0/16", gateway: str = "192.168.59.1", stored: Any = (), one: Any = ONE,
          addresses: Any = ADDRESSES, more: Any = ("192.168.60.3/24",)) -> None:
    check_add(one, RouteView(1, subnet, gateway), addresses, (*addresses, *more), stored)


@pytest.mark.parametrize(("network", "prefix", "subnet"), [
    ("10.20.0.0", 16, "10.20.0.0/16"), ("0.0.0.0", 0, "0.0.0.0/0"), ("::", 0, "::/0"), ("10.0.0.7", 32, "10.0.0.7/32"),
    ("FD00:0:1::", 48, "fd00:0:1::/48")])
def test_subnets(network: str, prefix: int, subnet: str) -> None:
    assert subnet_of(network, prefix) == subnet


@pytest.mark.parametrize(("network", "prefix", "text"), [
    ("10.20.0.0", 33, "Prefix of 10.20.0.0 must be between 0 and 32."),
    ("fd00::", 129, "Prefix of fd00:: must be between 0 and 128."),
    ("10.20.0.1", 16, "Network 10.20.0.1 is no address of a subnet with prefix 16: that is 10.20.0.0/16."),
    ("10.20.0.0", 0, "Network 10.20.0.0 is no address of a subnet with prefix 0: that is 0.0.0.0/0."),
    ("127.0.0.0", 8, "Network 127.0.0.0/8 has no routes: it is loopback, multicast or link-local."),
    ("224.0.0.0", 4, "Network 224.0.0.0/4 has no routes: it is loopback, multicast or link-local."),
    ("fe80::", 64, "Network fe80::/64 has no routes: it is loopback, multicast or link-local.")])
def test_what_is_no_subnet(network: str, prefix: int, text: str) -> None:
    with pytest.raises(RouteRefused) as caught:
        subnet_of(network, prefix)
    assert str(caught.value) == text


@pytest.mark.parametrize(("subnet", "gateway"), [
    ("10.20.0.0/16", "192.168.59.1"), ("0.0.0.0/0", "192.168.59.254"), ("::/0", "fd00:59::1"),
    # Of two addresses none is that of the network.
    ("10.20.0.0/16", "10.9.0.1"), ("fd00:60::/64", "fd00:59::ffff:ffff:ffff:ffff")])
def test_routes_over_a_gateway_beside_the_host(subnet: str, gateway: str) -> None:
    check(subnet, gateway)


@pytest.mark.parametrize(("subnet", "gateway", "text"), [
    ("10.20.0.0/16", "fd00:59::1", "Gateway fd00:59::1 must be of the same IP family as network 10.20.0.0/16."),
    ("::/0", "192.168.59.1", "Gateway 192.168.59.1 must be of the same IP family as network ::/0."),
    ("10.20.0.0/16", "224.0.0.1",
     "Gateway 224.0.0.1 is no address of a router: it is multicast, loopback or unspecified."),
    ("10.20.0.0/16", "0.0.0.0",
     "Gateway 0.0.0.0 is no address of a router: it is multicast, loopback or unspecified."),
    ("::/0", "::1", "Gateway ::1 is no address of a router: it is multicast, loopback or unspecified."),
    ("10.20.0.0/16", "192.168.59.3", "Gateway 192.168.59.3 must not be an address of the host itself."),
    ("10.20.0.0/16", "192.168.60.3", "Gateway 192.168.60.3 must not be an address of the host itself."),
    ("10.20.0.0/16", "192.168.60.1", "Gateway 192.168.60.1 is not reachable from an address of interface data0."),
    ("10.20.0.0/16", "192.168.59.0", "Gateway 192.168.59.0 is not reachable from an address of interface data0."),
    ("10.20.0.0/16", "192.168.59.255", "Gateway 192.168.59.255 is not reachable from an address of interface data0.")])
def test_gateways_that_lead_nowhere(subnet: str, gateway: str, text: str) -> None:
    with pytest.raises(RouteRefused) as caught:
        check(subnet, gateway)
    assert str(caught.value) == text


@pytest.mark.parametrize("iftype", ["virtual", "vf"])
def test_types_of_interfaces_that_have_no_files(iftype: str) -> None:
    with pytest.raises(RouteRefused) as caught:
        check(one=InterfaceView(1, "x", iftype))
    assert str(caught.value) == f"Interface x is of type {iftype}. Routes need one of type ethernet, ae, vlan."


def test_paths_of_one_subnet_are_counted_on_all_interfaces() -> None:
    paths = [RouteView(number % 2, "10.20.0.0/16", f"192.168.59.{number}") for number in range(10, 10 + PATHS_MAX)]
    check(stored=paths[1:])
    check("10.21.0.0/16", stored=paths)
    with pytest.raises(RouteRefused) as caught:
        check(stored=paths)
    assert str(caught.value) == "The host has 4 routes to 10.20.0.0/16 already; at most 4 are possible."
    same = RouteView(1, "10.20.0.0/16", "192.168.59.1", 7)
    with pytest.raises(RouteExists) as exists:
        check(stored=[same, *paths])
    assert str(exists.value) == "Route 10.20.0.0/16 via 192.168.59.1 already exists on interface data0."
    # Another interface may have the same router.
    check(stored=[RouteView(2, "10.20.0.0/16", "192.168.59.1")])


def test_routes_that_lose_their_address() -> None:
    four, six = RouteView(1, "10.20.0.0/16", "192.168.59.1"), RouteView(1, "::/0", "fd00:59::1")
    assert stranded([four, six], ADDRESSES) is None
    assert stranded([four, six], ["192.168.59.4/24", "fd00:58::3/64"]) == six
    assert stranded([four, six], []) == four
    assert stranded([], []) is None


@given(st.ip_addresses(), st.ip_addresses(), st.integers(1, 32))
def test_a_route_that_is_accepted_is_not_stranded(gateway: Any, address: Any, prefix: int) -> None:
    here, subnet = (f"{address}/{prefix}",), "10.20.0.0/16" if gateway.version == 4 else "fd00:20::/64"
    route = RouteView(1, subnet, str(gateway))
    try:
        check_add(ONE, route, here, here, ())
    except RouteRefused:
        return
    assert stranded([route], here) is None
