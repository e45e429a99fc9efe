# SPDX-License-Identifier: Apache-2.0
"""``ports`` and ``ethernet_ports``: a network port, without and with its Ethernet fields."""
from __future__ import annotations

from flock.wire.resource import AGENT, SYSTEM, Record, attr


class Port(Record):
    """One network port."""

    envelope = "ports"
    type = attr(str, writer=SYSTEM, nullable=False)
    name = attr(str, writer=AGENT)
    namedisplay = attr(str, writer=AGENT)
    pciaddr = attr(str, writer=AGENT, label="pci address", nullable=False)
    dev_id = attr(int, writer=AGENT, label="device", nullable=False)
    pclass = attr(str, writer=AGENT)
    pvendor = attr(str, writer=AGENT)
    pdevice = attr(str, writer=AGENT, label="device type")
    psvendor = attr(str, writer=AGENT)
    psdevice = attr(str, writer=AGENT)
    numa_node = attr(int, writer=AGENT, label="processor", nullable=False)
    sriov_totalvfs = attr(int, writer=AGENT)
    sriov_numvfs = attr(int, writer=AGENT)
    sriov_vfs_pci_address = attr(str, writer=AGENT, nullable=False)
    sriov_vf_driver = attr(str, writer=AGENT)
    sriov_vf_pdevice_id = attr(str, writer=AGENT)
    driver = attr(str, writer=AGENT)
    capabilities = attr(dict, writer=AGENT, nullable=False)
    numchannels = attr(int, writer=AGENT)
    maxchannels = attr(int, writer=AGENT)
    sriov_vf_numchannels = attr(int, writer=AGENT)
    sriov_vf_maxchannels = attr(int, writer=AGENT)
    host_id = attr(int, writer=SYSTEM, nullable=False)
    interface_id = attr(int, writer=SYSTEM)
    dpdksupport = attr(bool, writer=AGENT, label="accelerated", nullable=False)
    host_uuid = attr(str, writer=SYSTEM, nullable=False)
    interface_uuid = attr(str, writer=SYSTEM)
    node_uuid = attr(str, writer=SYSTEM)


class EthernetPort(Port):
    """One Ethernet port; ``speed`` in Mb/s, null when the link is down."""

    envelope = "ethernet_ports"
    mac = attr(str, writer=AGENT, label="mac address", nullable=False)
    mtu = attr(int, writer=AGENT)
    speed = attr(int, writer=AGENT)
    link_mode = attr(str, writer=AGENT)
    duplex = attr(str, writer=AGENT)
    autoneg = attr(str, writer=AGENT, label="auto neg")
    bootp = attr(str, writer=SYSTEM, label="boot i/f")
    bootif = attr(str, writer=SYSTEM)
