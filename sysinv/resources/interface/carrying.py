# SPDX-License-Identifier: Apache-2.0
"""Rules about class and traffic of an interface: SR-IOV, rates, channels, addresses, and the networks that it carries.

Each returns the refusal of an interface that is part of the view, or None.
"""
from __future__ import annotations

from sysinv.contract.enums import AddressMode, DataNetworkType, InterfaceClass, InterfaceType, NetworkType
from sysinv.resources.datanetwork.rules import needed_mtu
from sysinv.resources.interface.view import HostInterfaces, InterfaceView

VF_DRIVERS = ("netdevice", "vfio")
RATE_PERCENT = 90
PCI_CLASSES = frozenset({InterfaceClass.PCI_PASSTHROUGH, InterfaceClass.PCI_SRIOV})
PCI_TYPES = frozenset({InterfaceType.ETHERNET, InterfaceType.VF})
DATA_CLASSES = PCI_CLASSES | {InterfaceClass.DATA}
# Networks between the hosts of the system.
INTERNAL = frozenset({NetworkType.MGMT, NetworkType.PXEBOOT, NetworkType.CLUSTER_HOST, NetworkType.STORAGE})
_MODES = {
    "ipv4": frozenset({AddressMode.DISABLED, AddressMode.STATIC, AddressMode.POOL}),
    "ipv6": frozenset(AddressMode),
}


def may_have_rate(one: InterfaceView) -> bool:
    """Return whether a rate limit is possible: for VF interfaces and those of class platform."""
    return one.iftype == InterfaceType.VF or one.is_platform


def _class(view: HostInterfaces, one: InterfaceView) -> str | None:
    if one.ifclass == InterfaceClass.DATA and not view.host.has_worker_function:
        return "Interface class data is only possible on hosts with worker function."
    if one.ifclass in PCI_CLASSES and one.iftype not in PCI_TYPES:
        return f"Interface class {one.ifclass} is only possible for interfaces of type ethernet and vf."
    if one.iftype == InterfaceType.VIRTUAL:
        if not view.system.is_aio_simplex:
            return "Virtual interfaces are only possible on an all-in-one simplex system."
        if not one.is_platform:
            return "A virtual interface must have class platform."
    return None


def _sriov(view: HostInterfaces, one: InterfaceView) -> str | None:
    if one.sriov_vf_driver is not None and one.sriov_vf_driver not in VF_DRIVERS:
        return f"sriov_vf_driver must be one of: {', '.join(VF_DRIVERS)}."
    if one.iftype == InterfaceType.VF:
        return None
    if not one.is_sriov:
        if one.sriov_numvfs or one.sriov_vf_driver:
            return "sriov_numvfs and sriov_vf_driver need interface class pci-sriov."
        return None
    ports = view.ports_of(one)
    if len(ports) != 1:
        return f"Interface {one.ifname} of class pci-sriov must have exactly one port."
    most = ports[0].sriov_totalvfs or 0
    if not most:
        return f"SR-IOV is not supported by port {ports[0].name}."
    if one.sriov_numvfs < 1:
        return "The number of SR-IOV VFs (sriov_numvfs) must be greater than zero."
    if one.sriov_numvfs > most:
        return f"The number of SR-IOV VFs must be at most {most}, the VFs that port {ports[0].name} supports."
    return None


def hardware_refusal(view: HostInterfaces, one: InterfaceView) -> str | None:
    """Return why the port of an interface can not do what is configured; other hardware may have taken its place."""
    return _sriov(view, one) or _channels(view, one)


def _rates(view: HostInterfaces, one: InterfaceView) -> str | None:
    if one.max_tx_rate is None and one.max_rx_rate is None:
        return None
    if not may_have_rate(one):
        return "Rate limits are only possible for VF interfaces and for interfaces of class platform."
    if one.is_platform:
        internal = sorted(one.networks & INTERNAL)
        if internal:
            return f"Rate limits are not possible on internal networks: {one.ifname} carries {', '.join(internal)}."
    elif one.max_rx_rate is not None:
        return "max_rx_rate is only possible for interfaces of class platform."
    return _vf_rates(view, one) if one.iftype == InterfaceType.VF else None


def _vf_rates(view: HostInterfaces, one: InterfaceView) -> str | None:
    lower = view.lowers(one)[0]
    ports = view.ports_of(lower)
    if not ports or not ports[0].speed:
        return f"Port speed for {lower.ifname} could not be determined. Check if the port is cabled correctly."
    most = ports[0].speed * RATE_PERCENT // 100
    wanted = sum((upper.max_tx_rate or 0) * upper.sriov_numvfs for upper in view.uppers(lower)
                 if upper.iftype == InterfaceType.VF)
    if wanted > most:
        return f"Configured (max_tx_rate*sriov_numvfs) exceeds {RATE_PERCENT}% of available link speed bandwidth: " \
               f"{most} Mbps."
    return None


def _channels(view: HostInterfaces, one: InterfaceView) -> str | None:
    ports = view.ports_of(one)
    for name, most in (("channels", ports[0].maxchannels if ports else None),
                       ("sriov_vf_channels", ports[0].sriov_vf_maxchannels if ports else None)):
        wanted = getattr(one, name)
        if wanted is None:
            continue
        if one.iftype != InterfaceType.ETHERNET:
            return f"{name} is only possible for interfaces of type ethernet."
        if most is not None and wanted > most:
            return f"{name} must be at most {most}, the channels that port {ports[0].name} supports."
    if one.sriov_vf_channels is not None and not one.is_sriov:
        return "sriov_vf_channels needs interface class pci-sriov."
    return None


def _addresses(view: HostInterfaces, one: InterfaceView) -> str | None:
    addressed = one.ifclass in (InterfaceClass.PLATFORM, InterfaceClass.DATA)
    for family, version in (("ipv4", 4), ("ipv6", 6)):
        mode, pool = getattr(one, f"{family}_mode"), getattr(one, f"{family}_pool")
        if mode != AddressMode.STATIC and any((":" in text) == (version == 6) for text in one.addresses):
            return f"Interface {one.ifname} has addresses of family {version}, which need {family}_mode static. " \
                   "Delete these first."
        if (mode or pool) and not addressed:
            return f"{family}_mode and {family}_pool need interface class platform or data."
        if mode is not None and mode not in _MODES[family]:
            return f"{family}_mode must be one of: {', '.join(sorted(_MODES[family]))}."
        if (mode == AddressMode.POOL) != (pool is not None):
            return f"{family}_pool must be given for {family}_mode pool, and only for it."
        if pool is not None and view.pools.get(pool) != version:
            return f"{family}_pool must be the uuid of an address pool of family {version}."
    return None


def _networks(_view: HostInterfaces, one: InterfaceView) -> str | None:
    if one.networks and not one.is_platform:
        return f"Platform networks are only possible on interfaces of class platform, not on {one.ifname}."
    return None


def _datanetworks(_view: HostInterfaces, one: InterfaceView) -> str | None:
    if one.datanetworks and one.ifclass not in DATA_CLASSES:
        return f"Data networks are only possible on interfaces of class data, pci-passthrough or pci-sriov, " \
               f"not on {one.ifname}."
    for network in one.datanetworks:
        needed = needed_mtu(network.network_type, network.mtu)
        if one.imtu < needed:
            return f"MTU {one.imtu} of {one.ifname} must be at least {needed} for data network {network.name}."
        if network.network_type == DataNetworkType.VLAN and one.iftype == InterfaceType.VLAN:
            return f"Data network {network.name} of type vlan is not possible on a VLAN interface."
    return None


RULES = (_class, _sriov, _rates, _channels, _addresses, _networks, _datanetworks)
