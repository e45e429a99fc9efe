# SPDX-License-Identifier: Apache-2.0
"""PCI functions from ``/sys/bus/pci/devices``: all, and those that an operator may assign to a guest."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flock.exec.root import Root
from sysinv.agent.collectors import numa
from sysinv.agent.collectors.cpusets import read_set
from sysinv.agent.collectors.items import Items, each
from sysinv.agent.collectors.pci_ids import PciId, names_for
from sysinv.contract.reports import NUMA_UNKNOWN
from sysinv.resources.device.report import PciDeviceReport
from sysinv.resources.node.report import NumaReport

DEVICES = "sys/bus/pci/devices"
ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
NIC_CLASSES = ("0200", "0280")
BRIDGE_BASE_CLASS = "06"
# PIC, DMA controller, RTC, IOMMU, other system peripheral; performance counters.
SYSTEM_CLASSES = ("0800", "0801", "0803", "0806", "0880", "1101")


@dataclass(frozen=True, slots=True)
class Sriov:
    """Virtual functions of a physical function; ``total`` None when it cannot have any."""

    total: int | None
    current: int | None
    addresses: tuple[str, ...]
    driver: str | None
    device_id: str | None


def collect(root: Root, names_root: Root | None = None) -> Items[PciDeviceReport]:
    """Return functions, except NICs, bridges, system peripherals and virtual functions, by address.

    ``names_root`` is where to look for ``pci.ids`` when ``root`` (a recording) has none.
    """
    listed = each(addresses(root), lambda address: _listed(root, address))
    chosen = dict(listed)
    names = names_for([root] if names_root is None else [root, names_root], chosen.values())
    nodes = numa.collect(root)

    def report(address: str) -> PciDeviceReport:
        function, vfs = chosen[address], sriov(root, f"{DEVICES}/{address}")
        return PciDeviceReport(
            pciaddr=address, pclass_id=function.class_id, pvendor_id=function.vendor, pdevice_id=function.device,
            pclass=names.of_class(function), pvendor=names.of_vendor(function.vendor),
            pdevice=names.of_device(function), psvendor=names.of_vendor(function.subvendor),
            psdevice=names.of_subsystem(function), numa_node=numa_node(root, f"{DEVICES}/{address}", nodes),
            driver=root.link_name(f"{DEVICES}/{address}/driver"), sriov_totalvfs=vfs.total, sriov_numvfs=vfs.current,
            sriov_vfs_pci_address=vfs.addresses, sriov_vf_driver=vfs.driver, sriov_vf_pdevice_id=vfs.device_id)

    return each(chosen, report, listed)


def addresses(root: Root) -> list[str]:
    """Return the addresses of all PCI functions (``0000:05:00.0``), in order."""
    return [address for address in sorted(root.listdir(DEVICES)) if ADDRESS.fullmatch(address)]


def functions(root: Root) -> dict[str, PciId]:
    """Return every PCI function by address, in the order of addresses."""
    return {address: identity(root, f"{DEVICES}/{address}") for address in addresses(root)}


def _listed(root: Root, address: str) -> tuple[str, PciId] | None:
    function = identity(root, f"{DEVICES}/{address}")
    return (address, function) if is_inventoried(function) and not is_virtual_function(root, address) else None


def identity(root: Root, device: str) -> PciId:
    """Return the ids of the function whose sysfs directory is ``device``."""
    return PciId(_hex(root, f"{device}/class", 6), _hex(root, f"{device}/vendor", 4), _hex(root, f"{device}/device", 4),
                 _hex(root, f"{device}/subsystem_vendor", 4), _hex(root, f"{device}/subsystem_device", 4))


def is_inventoried(function: PciId) -> bool:
    """Return whether functions of this class are listed as PCI devices; NICs are ports, others serve only the board."""
    short = function.class_id[:4]
    return bool(short) and short not in NIC_CLASSES + SYSTEM_CLASSES and not short.startswith(BRIDGE_BASE_CLASS)


def is_virtual_function(root: Root, address: str) -> bool:
    """Return whether this is an SR-IOV virtual function; the report of its physical function lists it."""
    return root.link(f"{DEVICES}/{address}/physfn") is not None


def numa_node(root: Root, device: str, nodes: Sequence[NumaReport]) -> int:
    """Return the NUMA node of a device: the kernel's value, else the node whose CPUs are its local CPUs, else -1."""
    told = root.int(f"{device}/numa_node")
    if told is not None and told >= 0:
        return told
    if len(nodes) == 1:
        return nodes[0].numa_node
    local = read_set(root, f"{device}/local_cpulist", f"{device}/local_cpus") or frozenset()
    return next((node.numa_node for node in nodes if node.cpus and frozenset(node.cpus) == local), NUMA_UNKNOWN)


def sriov(root: Root, device: str) -> Sriov:
    """Return the virtual functions of the function at sysfs directory ``device``."""
    links = [name for name in root.listdir(device) if re.fullmatch(r"virtfn\d+", name)]
    carried = tuple(filter(None, (root.link_name(f"{device}/{name}") for name in links)))
    first = f"{DEVICES}/{carried[0]}" if carried else None
    return Sriov(root.int(f"{device}/sriov_totalvfs"), root.int(f"{device}/sriov_numvfs"), carried,
                 root.link_name(f"{first}/driver") if first else None,
                 _hex(root, f"{first}/device", 4) or None if first else None)


def _hex(root: Root, rel: str, digits: int) -> str:
    value = root.int(rel)
    return "" if value is None or not 0 <= value < 16**digits else f"{value:0{digits}x}"
