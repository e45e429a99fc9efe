# SPDX-License-Identifier: Apache-2.0
"""The interfaces that a host has by itself: one for each port, with the networks of its name."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysinv.conf.options import NETWORK_INTERFACES
from sysinv.resources.interface.intake import Defaults, default_name, following
from sysinv.resources.interface.rules import added, recheck
from sysinv.resources.interface.view import NO_MAC, HostInterfaces, InterfaceView, PortView
from tests.unit.sysinv.resources.interfaces import AIO, CONTROLLER, SIMPLEX, STANDARD, WORKER, mac

FAMILIES = {"pxeboot": 4, "mgmt": 6, "cluster-host": 4, "oam": 4}


def ports(*names: str, boots: str = "pxeboot0") -> tuple[PortView, ...]:
    return tuple(PortView(10 + number, name, mac(number), boots=name == boots)
                 for number, name in enumerate(names, 1))


def after(found: tuple[PortView, ...], host: Any = CONTROLLER, system: Any = STANDARD,
          names: Mapping[str, str] = NETWORK_INTERFACES, **more: Any) -> HostInterfaces:
    return following(HostInterfaces(host, system, (), found), Defaults(names, FAMILIES, **more))


def networks(view: HostInterfaces) -> dict[str, list[str]]:
    return {one.ifname: sorted(one.networks) for one in view.interfaces}


def test_ports_with_the_configured_names_carry_the_networks() -> None:
    view = after(ports("pxeboot0", "mgmt0", "cluster0", "oam0", "eth9"))
    assert networks(view) == {"pxeboot0": ["pxeboot"], "mgmt0": ["mgmt"], "cluster0": ["cluster-host"],
                              "oam0": ["oam"], "eth9": []}
    assert {one.ifname: (one.ifclass, one.ipv4_mode, one.ipv6_mode) for one in view.interfaces} == {
        "pxeboot0": ("platform", "static", "disabled"), "mgmt0": ("platform", "disabled", "static"),
        "cluster0": ("platform", "static", "disabled"), "oam0": ("platform", "static", "disabled"),
        "eth9": (None, None, None)}
    assert {one.ifname: one.imac for one in view.interfaces}["mgmt0"] == mac(2)
    assert all(port.interface_id is not None for port in view.ports)
    for one in view.interfaces:
        recheck(view, one.id)


def test_only_controllers_have_the_network_of_the_operators() -> None:
    view = after(ports("pxeboot0", "mgmt0", "cluster0", "oam0"), WORKER)
    assert networks(view)["oam0"] == []
    assert networks(after(ports("eth0", boots="eth0"), WORKER)) == {"eth0": ["cluster-host", "mgmt"]}


def test_without_the_names_a_host_is_managed_where_it_booted() -> None:
    assert networks(after(ports("eth0", "eth1", boots="eth1"))) == {"eth0": [], "eth1": ["cluster-host", "mgmt", "oam"]}
    assert networks(after(ports("pxeboot0"))) == {"pxeboot0": ["cluster-host", "mgmt", "oam"]}
    assert networks(after(ports("eth0", "mgmt0", boots="eth0"))) == {
        "eth0": ["pxeboot"], "mgmt0": ["cluster-host", "mgmt", "oam"]}
    # Nothing is concluded from ports that may be missing, or when the host booted from none of them.
    assert networks(after(ports("eth0", boots="eth0"), partial=True)) == {"eth0": []}
    assert networks(after(ports("eth0", boots=""))) == {"eth0": []}


def test_only_networks_that_exist_are_carried() -> None:
    view = following(HostInterfaces(CONTROLLER, STANDARD, (), ports("mgmt0", "oam0")),
                     Defaults(NETWORK_INTERFACES, {"mgmt": 4}))
    assert networks(view) == {"mgmt0": ["mgmt"], "oam0": []}


def test_internal_networks_on_the_loopback_device() -> None:
    names = {"mgmt": "lo", "cluster-host": "lo", "oam": "oam0"}
    view = after(ports("oam0"), AIO, SIMPLEX, names)
    assert networks(view) == {"oam0": ["oam"], "lo": ["cluster-host", "mgmt"]}
    assert [(one.iftype, one.imac) for one in view.interfaces if one.ifname == "lo"] == [("virtual", NO_MAC)]
    assert following(view, Defaults(names, FAMILIES)) == view
    assert "lo" not in networks(after(ports("oam0"), CONTROLLER, STANDARD, names))


def test_later_reports_change_no_networks() -> None:
    view = after(ports("pxeboot0", "mgmt0"))
    moved = view.after(replace(view.interfaces[0], networks=frozenset()))
    assert following(moved, Defaults(NETWORK_INTERFACES, FAMILIES)) == moved
    late = replace(view, ports=(*view.ports, PortView(19, "oam0", mac(9))))
    assert networks(following(late, Defaults(NETWORK_INTERFACES, FAMILIES)))["oam0"] == []


def test_an_interface_without_port_stays_while_it_is_configured() -> None:
    view = after(ports("pxeboot0", "eth1", "eth2"), WORKER)
    ids = {one.ifname: one.id for one in view.interfaces}
    view = added(view, InterfaceView(view.next_id(), "v", "vlan", uses=(ids["eth2"],), vlan_id=1))
    gone = following(replace(view, ports=view.ports[:0]), Defaults())
    assert [one.ifname for one in gone.interfaces] == ["eth2", "pxeboot0", "v"]
    # A new card whose port has the same name gets its interface back, with its own address.
    back = following(replace(gone, ports=(PortView(30, "eth2", mac(9)),)), Defaults())
    assert back.ports[0].interface_id == ids["eth2"]
    assert {one.ifname: one.imac for one in back.interfaces} == {"eth2": mac(9), "pxeboot0": mac(1), "v": mac(9)}


@pytest.mark.parametrize(("name", "taken", "expected"), [
    ("eth0", (), "eth0"), ("Eth0", (), "eth0"), ("lan-\\xe9", (), "lan-_xe9"), ("", (), "port"), ("..", (), "port"),
    ("lo", (), "port"),
    ("eth0", ("eth0",), "eth0_1"), ("eth0", ("eth0", "eth0_1"), "eth0_2"), ("enp134s0f1np1x", ("enp134s0f1np1x",),
                                                                             "enp134s0f1np1_1"),
    ("a" * 64, (), "a" * 15), ("ärger", (), "_rger")])
def test_names_of_ports_become_names_of_interfaces(name: str, taken: tuple[str, ...], expected: str) -> None:
    assert default_name(name, taken.__contains__) == expected


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(st.tuples(st.text(max_size=20), st.booleans()), max_size=6), max_size=3))
def test_any_ports_have_interfaces_with_sound_names(reports: list[list[tuple[str, bool]]]) -> None:
    view = HostInterfaces(AIO, STANDARD)
    for number, report in enumerate(reports):
        found = tuple(PortView(100 * number + slot, name, mac(slot), boots=boots)
                      for slot, (name, boots) in enumerate(report))
        view = following(replace(view, ports=found), Defaults(NETWORK_INTERFACES, FAMILIES))
        names = [one.ifname for one in view.interfaces]
        assert len(set(names)) == len(names)
        assert all(0 < len(name) <= 15 for name in names)
        owners = [port.interface_id for port in view.ports]
        assert None not in owners and len(set(owners)) == len(owners)
        carried = [network for one in view.interfaces for network in one.networks]
        assert len(set(carried)) == len(carried)
        assert following(view, Defaults(NETWORK_INTERFACES, FAMILIES)) == view
