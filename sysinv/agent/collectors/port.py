# SPDX-License-Identifier: Apache-2.0
"""Network ports from ``/sys/class/net``: Ethernet devices with hardware; inside a container, its ends of veth pairs."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flock.exec.root import Root
from sysinv.agent.collectors import numa, pci
from sysinv.agent.collectors.items import Items, each
from sysinv.agent.collectors.pci_ids import PciId, PciNames, names_for
from sysinv.agent.collectors.permanent_mac import permanent_mac
from sysinv.resources.node.report import NumaReport
from sysinv.resources.port.report import PortReport

NET = "sys/class/net"
ARPHRD_ETHER = 1
IFF_NOARP = 0x80
SPEED_UNKNOWN = (-1, 65535, 4294967295)
# systemd writes these inside a container; the kernel has no file that identifies a container.
CONTAINER_MARKS = ("run/systemd/container", "run/host/container-manager")
# veth ends that a container runtime or hypervisor on this host made for its guests.
GUEST_LEGS = re.compile(r"(cali|veth|lxc|cni|vnet|tap|docker|flannel|kube|virbr)")
REPRESENTOR = re.compile(r"(c\d+)?pf\d+(vf|sf)\d+")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class _Port:
    """A device that is a port, with the PCI function that carries it."""

    name: str
    function: PciId | None


def collect(root: Root, names_root: Root | None = None) -> Items[PortReport]:
    """Return all ports by name, except virtual functions, loopback, InfiniBand, bridges, bonds, VLANs and tunnels.

    ``names_root`` is where to look for ``pci.ids`` when ``root`` (a recording) has none.
    """
    inside_container = any(root.exists(mark) for mark in CONTAINER_MARKS)
    ports = each(root.listdir(NET), lambda name: _port(root, name, inside_container))
    function_of = {port.name: port.function for port in ports}
    texts = names_for([root] if names_root is None else [root, names_root], filter(None, function_of.values()))
    nodes = numa.collect(root)
    return each(function_of, lambda name: _report(root, name, function_of[name], texts, nodes), ports)


def macs(root: Root) -> list[str]:
    """Return the MAC addresses of all ports, in the order of their names."""
    return [report.mac for report in collect(root)]


def _port(root: Root, name: str, inside_container: bool) -> _Port | None:
    if not _is_ethernet(root, name):
        return None
    if not _is_hardware(root, name) and not (inside_container and _is_veth_leg(root, name)):
        return None
    return _Port(name, pci.identity(root, _pci_directory(root, name)) if _pci_address(root, name) else None)


def _is_ethernet(root: Root, name: str) -> bool:
    """Return whether the device has a MAC address of six bytes; InfiniBand's addresses have twenty."""
    base = f"{NET}/{name}"
    return root.int(f"{base}/type") == ARPHRD_ETHER and _MAC.fullmatch(root.text(f"{base}/address").lower()) is not None


def _is_hardware(root: Root, name: str) -> bool:
    base = f"{NET}/{name}"
    if root.link(f"{base}/device") is None or root.link(f"{base}/device/physfn") is not None:
        return False
    if _stands_on_own_device(root, name):
        return False
    return not _has_devtype(root, name) and REPRESENTOR.fullmatch(root.text(f"{base}/phys_port_name")) is None


def _stands_on_own_device(root: Root, name: str) -> bool:
    """Return whether the kernel put this device on top of a port of the same hardware (failover master, old VLAN)."""
    own = _device_directory(root, name)
    return any(_device_directory(root, lower) == own for lower in _lower(root, name))


def _lower(root: Root, name: str) -> list[str]:
    """Return the devices below this one: slaves of a bond, the port of a VLAN or macvlan, ports of a bridge."""
    return [entry.removeprefix("lower_") for entry in root.listdir(f"{NET}/{name}") if entry.startswith("lower_")]


def _is_veth_leg(root: Root, name: str) -> bool:
    """Return whether this is an end of a veth pair: no hardware, no bridge, bond, VLAN, tunnel, tap, dummy or ifb."""
    base = f"{NET}/{name}"
    if GUEST_LEGS.match(name) or _has_devtype(root, name) or root.link(f"{base}/device") is not None \
            or _lower(root, name):
        return False
    if any(root.exists(f"{base}/{mark}") for mark in ("bridge", "bonding", "tun_flags")):
        return False
    return not root.exists(f"proc/net/vlan/{name}") and not (root.int(f"{base}/flags") or 0) & IFF_NOARP


def _has_devtype(root: Root, name: str) -> bool:
    """Return whether the device has a DEVTYPE, as software and wireless devices do (bridge, bond, vlan, wlan …)."""
    return any(line.startswith("DEVTYPE=") for line in root.lines(f"{NET}/{name}/uevent"))


def _device_directory(root: Root, name: str) -> str:
    try:
        return root.resolve(f"{NET}/{name}/device")
    except OSError:
        return ""


def _pci_directory(root: Root, name: str) -> str:
    """Return the sysfs directory of the port's PCI function: the port's device or (virtio) the device's parent."""
    device = _device_directory(root, name)
    if root.link_name(f"{device}/subsystem") == "virtio":
        return device.rpartition("/")[0]
    return device


def _pci_address(root: Root, name: str) -> str | None:
    address = _pci_directory(root, name).rpartition("/")[2]
    return address if pci.ADDRESS.fullmatch(address) else None


def _address(root: Root, name: str) -> str:
    """Return the PCI address; for other buses ``<bus>:<device>``; for an end of a veth pair ``virtual:<name>``."""
    address = _pci_address(root, name)
    if address is not None:
        return address
    device = _device_directory(root, name)
    if root.link(f"{NET}/{name}/device") is None:
        return f"virtual:{name}"
    return f"{root.link_name(f'{device}/subsystem') or 'device'}:{device.rpartition('/')[2]}"


def _report(root: Root, name: str, function: PciId | None, names: PciNames,
            nodes: Sequence[NumaReport]) -> PortReport:
    base = f"{NET}/{name}"
    device = f"{base}/device"
    has_device = root.link(device) is not None
    vfs = pci.sriov(root, device)
    speed = root.int(f"{base}/speed")
    # dev_port distinguishes ports of one function since Linux 3.15; before, some drivers misused dev_id for it.
    dev_id = root.int(f"{base}/dev_port") or root.int(f"{base}/dev_id") or 0
    pclass, pvendor, pdevice, psvendor, psdevice = _description(function, names)
    return PortReport(
        name=name, pciaddr=_address(root, name), dev_id=dev_id,
        mac=permanent_mac(root, name) or root.text(f"{base}/address").lower(), mtu=root.int(f"{base}/mtu") or 0,
        speed_mbps=None if speed is None or speed in SPEED_UNKNOWN else speed,
        link_mode=root.text(f"{base}/link_mode") or None,
        duplex=_told(root.text(f"{base}/duplex")),
        numa_node=pci.numa_node(root, _pci_directory(root, name) if has_device else base, nodes),
        driver=root.link_name(f"{device}/driver") if has_device else "veth",
        pclass=pclass, pvendor=pvendor, pdevice=pdevice, psvendor=psvendor, psdevice=psdevice,
        sriov_totalvfs=vfs.total, sriov_numvfs=vfs.current, sriov_vfs_pci_address=vfs.addresses,
        sriov_vf_driver=vfs.driver, sriov_vf_pdevice_id=vfs.device_id)


def _told(text: str) -> str | None:
    return text if text and text != "unknown" else None


def _description(function: PciId | None, names: PciNames) -> tuple[str, str, str, str, str]:
    """Return class, vendor, device, card vendor and card with their ids in brackets, as lspci prints them."""
    if function is None:
        return "Ethernet controller", "", "", "", ""
    return (_bracketed(names.of_class(function), function.class_id[:4]),
            _bracketed(names.of_vendor(function.vendor), function.vendor),
            _bracketed(names.of_device(function), function.device),
            _bracketed(names.of_vendor(function.subvendor), function.subvendor),
            _bracketed(names.of_subsystem(function), function.subdevice))


def _bracketed(name: str, number: str) -> str:
    return f"{name} [{number}]" if name else ""
