# SPDX-License-Identifier: Apache-2.0
"""Every rule about interfaces, with its text."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sysinv.model.host import HostMustBeLocked
from sysinv.resources.interface.rules import added, deleted, modified
from sysinv.resources.interface.view import NO_MAC, DataNetworkView, InterfaceRefused, InterfaceView
from tests.unit.sysinv.resources.interfaces import (
    AIO,
    CONTROLLER,
    POOL_4,
    POOL_6,
    SIMPLEX,
    WORKER,
    bond,
    host,
    last,
    mac,
    new,
    not_modified,
    refused,
    with_sriov,
)

UNLOCKED = replace(WORKER, administrative="unlocked")
AIO_UNLOCKED = replace(AIO, administrative="unlocked")


def test_an_unlocked_host_changes_only_rates_and_channels() -> None:
    view = host(UNLOCKED, ifclass="platform")
    for changes in ({"max_tx_rate": 100}, {"max_rx_rate": 50, "max_tx_rate": 10}, {"channels": 4}):
        assert modified(view, 1, changes) != view
    for changes in ({"imtu": 1400}, {"sriov_numvfs": 1}, {"ifname": "x"}, {"max_tx_rate": 1, "imtu": 1400}):
        with pytest.raises(HostMustBeLocked, match=r"^Host must be locked\.$"):
            modified(view, 1, changes)
    with pytest.raises(HostMustBeLocked):
        new(view, "vlan", 1, vlan_id=1)
    with pytest.raises(HostMustBeLocked):
        deleted(replace(bond(host()), host=UNLOCKED), -1)
    # Nothing changes, so nothing needs a lock.
    assert modified(view, 1, {"imtu": 1500, "ifname": "eth1"}) is view


def test_a_simplex_system_changes_virtual_functions_without_lock() -> None:
    view = with_sriov(host(AIO_UNLOCKED, SIMPLEX))
    assert view.of(1).sriov_numvfs == 8
    view = modified(view, 1, {"sriov_numvfs": 6, "sriov_vf_driver": "vfio"})
    view = new(view, "vf", 1, sriov_numvfs=2)
    assert deleted(view, last(view).id).interfaces == view.interfaces[:-1]
    for changes in ({"ifclass": None}, {"imtu": 9000}):
        with pytest.raises(HostMustBeLocked):
            modified(view, 1, changes)
    with pytest.raises(HostMustBeLocked):
        new(view, "vlan", 2, vlan_id=1)
    with pytest.raises(HostMustBeLocked):
        modified(host(UNLOCKED, SIMPLEX, ifclass="platform"), 1, {"ifclass": "pci-sriov", "sriov_numvfs": 1})


@pytest.mark.parametrize(("name", "text"), [
    ("Data0", "Interface name 'Data0' may only have lower case letters, digits, '-', '_' and '.'."),
    ("däta", r"Interface name 'd\xe4ta' may only have lower case letters, digits, '-', '_' and '.'."),
    ("..", "Interface name '..' may only have lower case letters, digits, '-', '_' and '.'."),
    ("a/b", "Interface name 'a/b' may only have lower case letters, digits, '-', '_' and '.'."),
    ("lo", "Interface name lo is that of the loopback device."),
    ("a234567890123456", "Interface name a234567890123456 must have at most 15 characters."),
    ("eth2", "Interface eth2 already exists on host worker-0.")])
def test_names(name: str, text: str) -> None:
    assert refused(host(), "ae", 3, ifname=name) == text
    assert not_modified(host(), 1, ifname=name) == text


def test_names_of_vlans_and_ports() -> None:
    assert refused(host(), "vlan", 1, ifname="vlan-1", vlan_id=1) == \
        "Interface name 'vlan-1' may only have lower case letters, digits, '_' and '.'."
    view = modified(host(), 2, {"ifname": "oam"})
    assert refused(view, "vlan", 1, ifname="eth2", vlan_id=1) == \
        "Interface name eth2 is the name of another port of host worker-0."
    # The port's own interface may have its name again.
    assert modified(view, 2, {"ifname": "eth2"}) == host()


@pytest.mark.parametrize(("iftype", "uses", "text"), [
    ("vlan", (), "An interface of type vlan needs at least one interface that it lies on."),
    ("ae", (), "An interface of type ae needs at least one interface that it lies on."),
    ("vf", (), "An interface of type vf needs at least one interface that it lies on."),
    ("vlan", (1, 2), "An interface of type vlan lies on exactly one interface."),
    ("ae", (1, 1), "Interface ae must not use an interface twice."),
    ("virtual", (1,), "Interfaces of type virtual do not lie on other interfaces."),
    ("ethernet", (), "Interfaces of type ethernet can not be added: every port has one already.")])
def test_what_lies_on_what(iftype: str, uses: tuple[int, ...], text: str) -> None:
    assert refused(host(), iftype, *uses, vlan_id=1 if iftype == "vlan" else None) == text


def test_types_below() -> None:
    view = new(bond(host()), "vlan", -1, vlan_id=5)
    assert last(view).uses == (-1,)
    assert refused(view, "vlan", last(view).id, ifname="v2", vlan_id=6) == \
        "An interface of type vlan can not lie on vlan of type vlan."
    assert refused(view, "ae", -1, ifname="ae2") == "An interface of type ae can not lie on ae of type ae."
    assert refused(view, "vf", -1, sriov_numvfs=1) == "An interface of type vf can not lie on ae of type ae."
    assert not_modified(view, -1, uses=(-1,)) == "An interface of type ae can not lie on ae of type ae."
    assert not_modified(view, 1, uses=(2,)) == "An interface of type ethernet lies on its port only."
    assert not_modified(view, 1, iftype="ae") == "The type of an interface can not be modified."


@pytest.mark.parametrize("vlan_id", [None, 0, 4095])
def test_vlan_ids_have_a_range(vlan_id: int | None) -> None:
    assert refused(host(), "vlan", 1, vlan_id=vlan_id) == "VLAN id must be between 1 and 4094."


def test_vlan_ids_are_unique_on_an_interface_and_among_platform_interfaces() -> None:
    view = new(host(), "vlan", 1, vlan_id=7, ifclass="platform")
    assert refused(view, "vlan", 1, ifname="v2", vlan_id=7) == "VLAN id 7 already in use on interface eth1 by vlan."
    assert refused(view, "vlan", 2, ifname="v2", vlan_id=7, ifclass="platform") == \
        "VLAN id 7 already in use by platform interface vlan."
    view = new(view, "vlan", 2, ifname="v2", vlan_id=7, ifclass="data")
    assert not_modified(view, last(view).id, ifclass="platform") == \
        "VLAN id 7 already in use by platform interface vlan."
    assert not_modified(view, last(view).id, uses=(1,)) == "VLAN id 7 already in use on interface eth1 by vlan."
    assert not_modified(view, 3, vlan_id=4) == "A VLAN id is only possible for interfaces of type vlan."
    assert refused(host(ifclass="pci-passthrough"), "vlan", 1, vlan_id=7) == \
        "A VLAN interface can not lie on eth1 of class pci-passthrough."


def test_an_aggregated_interface_has_the_fields_of_its_mode() -> None:
    standby = last(new(host(), "ae", 1, ifclass="platform"))
    assert (standby.aemode, standby.txhashpolicy, standby.primary_reselect) == ("active_standby", None, "always")
    view = bond(host(), ifclass="platform", txhashpolicy="layer2+3")
    assert (last(view).aemode, last(view).primary_reselect) == ("802.3ad", None)
    view = modified(view, -1, {"aemode": "active_standby"})
    assert (view.of(-1).txhashpolicy, view.of(-1).primary_reselect) == (None, "always")
    view = modified(view, -1, {"aemode": "balanced", "txhashpolicy": "layer2"})
    assert (view.of(-1).txhashpolicy, view.of(-1).primary_reselect) == ("layer2", None)


@pytest.mark.parametrize(("values", "text"), [
    ({"ifclass": "pci-sriov"}, "An aggregated interface must have class platform or data."),
    ({"aemode": "active_standby"}, "txhashpolicy is not possible for aggregated interfaces in active_standby mode."),
    ({"primary_reselect": "better"},
     "primary_reselect is only possible for aggregated interfaces in active_standby mode."),
    ({"txhashpolicy": None}, "An aggregated interface in 802.3ad mode needs a txhashpolicy."),
    ({"aemode": "balanced", "txhashpolicy": None}, "An aggregated interface in balanced mode needs a txhashpolicy."),
    ({"ifclass": "data", "txhashpolicy": "layer3+4"},
     "An aggregated interface of class data in 802.3ad mode must have txhashpolicy layer2."),
    ({"ifclass": "platform", "aemode": "balanced", "networks": frozenset({"mgmt"})},
     "An aggregated interface with the network mgmt must be in mode 802.3ad or active_standby."),
    ({"ifclass": "platform", "aemode": "balanced", "networks": frozenset({"pxeboot"})},
     "An aggregated interface with the network pxeboot must be in mode 802.3ad or active_standby.")])
def test_aggregation(values: dict[str, Any], text: str) -> None:
    assert refused(host(), "ae", 1, 2, **{"aemode": "802.3ad", "txhashpolicy": "layer2", **values}) == text


def test_members_are_free() -> None:
    text = "Member eth1 of an aggregated interface must have class none or pci-sriov."
    assert refused(host(ifclass="platform"), "ae", 1) == text
    assert not_modified(bond(host()), 1, ifclass="data") == text
    assert last(bond(with_sriov(host()))).uses == (1, 2)
    text = "Member eth1 of an aggregated interface must not have a ptp_role."
    assert refused(host(ptp_role="slave"), "ae", 1) == text
    assert not_modified(bond(host()), 1, ptp_role="master") == text
    assert modified(bond(host()), 1, {"ptp_role": "none"}).of(1).ptp_role == "none"
    assert refused(bond(host()), "ae", 2, 3, ifname="ae2") == \
        "Member eth2 of an aggregated interface must not be used by others: ae, ae2."
    assert refused(bond(host()), "vlan", 2, vlan_id=1) == \
        "Member eth2 of an aggregated interface must not be used by others: ae, vlan."
    assert refused(new(host(), "vlan", 1, vlan_id=1), "ae", 1) == \
        "Member eth1 of an aggregated interface must not be used by others: ae, vlan."
    assert not_modified(host(), 1, aemode="balanced", txhashpolicy="layer2") == \
        "aemode, txhashpolicy only possible for interfaces of type ae."


def test_the_mtu_of_an_upper_interface_is_not_larger() -> None:
    assert refused(host(), "vlan", 1, vlan_id=1, imtu=1501) == \
        "MTU 1501 of vlan must not be larger than 1500, the MTU of eth1."
    view = new(host(), "vlan", 1, vlan_id=1)
    assert not_modified(view, 1, imtu=1400) == "MTU 1400 of eth1 must not be smaller than 1500, the MTU of vlan."
    view = modified(modified(view, 1, {"imtu": 9000}), last(view).id, {"imtu": 9000})
    assert last(view).imtu == 9000
    assert refused(with_sriov(host()), "vf", 1, sriov_numvfs=1, imtu=9000) == \
        "MTU 9000 of vf must not be larger than 1500, the MTU of eth1."


def test_members_get_the_mtu_of_the_aggregation() -> None:
    view = bond(host(), imtu=9000)
    assert [view.of(number).imtu for number in (1, 2, 3)] == [9000, 9000, 1500]
    assert not_modified(view, 1, imtu=1500) == "MTU 1500 of eth1 must not be smaller than 9000, the MTU of ae."
    view = modified(view, -1, {"imtu": 2000, "uses": (1, 3)})
    assert [view.of(number).imtu for number in (1, 2, 3)] == [2000, 9000, 2000]
    # Another change leaves a larger MTU of a member alone.
    view = modified(modified(view, 1, {"imtu": 9000}), -1, {"ifname": "bond"})
    assert view.of(1).imtu == 9000
    carrying = replace(with_sriov(host()).of(1), datanetworks=(DataNetworkView(1, "d", "flat", 1500),))
    assert refused(host().after(carrying), "ae", 1, imtu=1400) == \
        "MTU 1400 of eth1 must be at least 1500 for data network d."


def test_platform_and_data_do_not_share_an_interface() -> None:
    text = "Interfaces of class platform and data can not share interface eth1."
    assert refused(host(ifclass="platform"), "vlan", 1, vlan_id=1, ifclass="data") == text
    view = new(host(), "vlan", 1, vlan_id=1, ifclass="data")
    assert refused(view, "vlan", 1, ifname="v2", vlan_id=2, ifclass="platform") == text
    assert not_modified(view, 1, ifclass="platform") == text


@pytest.mark.parametrize(("values", "text"), [
    ({"ifclass": "pci-sriov", "sriov_numvfs": 9},
     "The number of SR-IOV VFs must be at most 8, the VFs that port eth1 supports."),
    ({"ifclass": "pci-sriov"}, "The number of SR-IOV VFs (sriov_numvfs) must be greater than zero."),
    ({"ifclass": "pci-sriov", "sriov_numvfs": 1, "sriov_vf_driver": "e1000"},
     "sriov_vf_driver must be one of: netdevice, vfio."),
    ({"sriov_numvfs": 1}, "sriov_numvfs and sriov_vf_driver need interface class pci-sriov."),
    ({"sriov_vf_driver": "vfio"}, "sriov_numvfs and sriov_vf_driver need interface class pci-sriov."),
    ({"max_tx_rate": 1}, "Rate limits are only possible for VF interfaces and for interfaces of class platform."),
    ({"ifclass": "platform", "channels": 17},
     "channels must be at most 16, the channels that port eth1 supports."),
    ({"ifclass": "pci-sriov", "sriov_numvfs": 1, "sriov_vf_channels": 5},
     "sriov_vf_channels must be at most 4, the channels that port eth1 supports."),
    ({"sriov_vf_channels": 1}, "sriov_vf_channels needs interface class pci-sriov."),
    ({"ipv4_mode": "static"}, "ipv4_mode and ipv4_pool need interface class platform or data."),
    ({"ifclass": "data", "ipv4_mode": "auto"}, "ipv4_mode must be one of: disabled, pool, static."),
    ({"ifclass": "data", "ipv4_mode": "pool"}, "ipv4_pool must be given for ipv4_mode pool, and only for it."),
    ({"ifclass": "data", "ipv4_pool": POOL_4}, "ipv4_pool must be given for ipv4_mode pool, and only for it."),
    ({"ifclass": "data", "ipv4_mode": "pool", "ipv4_pool": POOL_6},
     "ipv4_pool must be the uuid of an address pool of family 4."),
    ({"ifclass": "data", "ipv6_mode": "pool", "ipv6_pool": "gone"},
     "ipv6_pool must be the uuid of an address pool of family 6.")])
def test_what_an_interface_carries(values: dict[str, Any], text: str) -> None:
    assert not_modified(host(), 1, **values) == text


def test_classes_need_their_hosts_and_types() -> None:
    assert not_modified(host(CONTROLLER), 1, ifclass="data") == \
        "Interface class data is only possible on hosts with worker function."
    assert refused(host(), "vlan", 1, vlan_id=1, ifclass="pci-passthrough") == \
        "Interface class pci-passthrough is only possible for interfaces of type ethernet and vf."
    assert refused(host(), "virtual", ifclass="platform") == \
        "Virtual interfaces are only possible on an all-in-one simplex system."
    assert refused(host(AIO, SIMPLEX), "virtual") == "A virtual interface must have class platform."
    assert last(new(host(AIO, SIMPLEX), "virtual", ifclass="platform")).imac == NO_MAC


def test_sriov_needs_one_port_that_has_it() -> None:
    view = host()
    plain = replace(view, ports=tuple(replace(port, sriov_totalvfs=None) for port in view.ports))
    assert not_modified(plain, 1, ifclass="pci-sriov", sriov_numvfs=1) == "SR-IOV is not supported by port eth1."
    gone = replace(view, ports=view.ports[1:])
    assert not_modified(gone, 1, ifclass="pci-sriov", sriov_numvfs=1) == \
        "Interface eth1 of class pci-sriov must have exactly one port."
    assert modified(with_sriov(view), 1, {"ifclass": None}).of(1) == view.of(1)


def test_virtual_functions_leave_one_to_the_port() -> None:
    assert refused(with_sriov(host()), "vf", 1) == "A VF interface needs sriov_numvfs of at least 1."
    assert refused(host(), "vf", 1, sriov_numvfs=1) == \
        "Interface eth1 must have class pci-sriov, because VF interfaces lie on it."
    view = new(with_sriov(host()), "vf", 1, ifname="a", sriov_numvfs=5)
    assert refused(view, "vf", 1, ifname="b", sriov_numvfs=3) == \
        "The VFs of a, b must be at most 7: those of eth1 without one."
    view = new(view, "vf", 1, ifname="b", sriov_numvfs=2)
    assert not_modified(view, 1, sriov_numvfs=7) == "The VFs of a, b must be at most 6: those of eth1 without one."
    assert not_modified(view, 1, ifclass=None) == \
        "Interface eth1 must have class pci-sriov, because VF interfaces lie on it."


def test_rates() -> None:
    view = new(with_sriov(host()), "vf", 1, ifname="a", sriov_numvfs=4, max_tx_rate=200)
    text = "Configured (max_tx_rate*sriov_numvfs) exceeds 90% of available link speed bandwidth: 900 Mbps."
    assert refused(view, "vf", 1, ifname="b", sriov_numvfs=1, max_tx_rate=101) == text
    assert last(new(view, "vf", 1, ifname="b", sriov_numvfs=1, max_tx_rate=100)).max_tx_rate == 100
    assert not_modified(view, last(view).id, max_rx_rate=1) == \
        "max_rx_rate is only possible for interfaces of class platform."
    down = replace(view, ports=tuple(replace(port, speed=None) for port in view.ports))
    assert not_modified(down, last(view).id, max_tx_rate=1) == \
        "Port speed for eth1 could not be determined. Check if the port is cabled correctly."
    internal = host(ifclass="platform", networks=frozenset({"mgmt", "oam"}))
    assert not_modified(internal, 1, max_tx_rate=1) == \
        "Rate limits are not possible on internal networks: eth1 carries mgmt."
    assert modified(host(ifclass="platform", networks=frozenset({"oam"})), 1, {"max_rx_rate": 5}).of(1).max_rx_rate == 5


def test_channels_belong_to_ports() -> None:
    view = bond(host(), ifclass="platform")
    assert not_modified(view, -1, channels=1) == "channels is only possible for interfaces of type ethernet."


def test_a_class_does_not_change_under_networks() -> None:
    view = host(ifclass="platform", networks=frozenset({"oam", "mgmt"}))
    assert not_modified(view, 1, ifclass="data") == \
        "The class of interface eth1 can not be modified while it carries networks: mgmt, oam. Remove these first."


def test_modes_follow_the_class() -> None:
    one = modified(host(), 1, {"ifclass": "data", "ipv4_mode": "pool", "ipv4_pool": POOL_4}).of(1)
    assert (one.ipv4_mode, one.ipv4_pool, one.ipv6_mode, one.ipv6_pool) == ("pool", POOL_4, "disabled", None)
    view = host().after(one)
    assert modified(view, 1, {"ipv4_mode": "static"}).of(1).ipv4_pool is None
    assert modified(view, 1, {"ifclass": None}) == host()


def test_deletion() -> None:
    def text(view: Any, interface_id: int) -> str:
        with pytest.raises(InterfaceRefused) as caught:
            deleted(view, interface_id)
        return str(caught.value)

    view = new(bond(host()), "vlan", -1, vlan_id=1)
    assert text(view, 1) == "Cannot delete an ethernet interface: it belongs to its port."
    assert text(view, -1) == "Interface ae is used by vlan. Delete these first."
    assert deleted(view, last(view).id) == bond(host())
    oam = view.after(replace(last(view), networks=frozenset({"oam"})))
    assert text(oam, last(view).id) == "Cannot delete interface vlan: it carries the oam network."
    virtual = host(AIO, SIMPLEX).after(InterfaceView(9, "lo", "virtual", "platform", networks=frozenset({"mgmt"})))
    assert text(virtual, 9) == "Cannot delete a virtual management interface after initial configuration."
    with pytest.raises(HostMustBeLocked):
        deleted(replace(view, host=UNLOCKED), last(view).id)


def test_addresses_come_from_the_port_from_which_the_host_boots_else_from_the_first() -> None:
    view = bond(host(), 3, 1)
    assert last(view).imac == mac(3)
    view = bond(host(), 1, 2)
    assert last(view).imac == mac(2)
    view = new(view, "vlan", -1, vlan_id=1)
    assert last(view).imac == mac(2)
    view = modified(view, -1, {"uses": (4, 1)})
    assert [one.imac for one in view.interfaces[-2:]] == [mac(4), mac(4)]


def test_new_interfaces_have_no_id_of_another() -> None:
    view = added(bond(host()), InterfaceView(bond(host()).next_id(), "v", "vlan", uses=(3,), vlan_id=1))
    assert [one.id for one in view.interfaces] == [1, 2, 3, 4, -1, -2]
