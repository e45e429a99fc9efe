# SPDX-License-Identifier: Apache-2.0
"""Building blocks of the resources' tables: METADATA, and columns that several tables have."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock.db import metadata

METADATA = metadata()


def text(name: str, length: int = 255, **options: Any) -> sa.Column[str]:
    """Return a text column of at most ``length`` characters."""
    return sa.Column(name, sa.String(length), **options)


def host_id(name: str = "forihostid") -> sa.Column[int]:
    """Return the column of the host to which a row belongs; deleting the host deletes the row."""
    return sa.Column(name, sa.Integer, sa.ForeignKey("i_host.id", ondelete="CASCADE"), nullable=False, index=True)


def node_id() -> sa.Column[int]:
    """Return the column of the NUMA node to which a row belongs; deleting the node deletes the row."""
    return sa.Column("forinodeid", sa.Integer, sa.ForeignKey("i_node.id", ondelete="CASCADE"), nullable=True)


def pci_columns() -> list[sa.Column[Any]]:
    """Return the columns that describe a PCI function, whether it is a network port or another device."""
    return [
        text("name"), text("pciaddr", 64, nullable=False), text("pclass"), text("pvendor"), text("pdevice"),
        text("psvendor"), text("psdevice"), sa.Column("numa_node", sa.Integer, nullable=False, default=-1),
        sa.Column("sriov_totalvfs", sa.Integer), sa.Column("sriov_numvfs", sa.Integer),
        sa.Column("sriov_vfs_pci_address", sa.Text, nullable=False, default=""), text("sriov_vf_driver"),
        text("sriov_vf_pdevice_id", 8), text("driver"),
    ]


def lldp_columns() -> list[sa.Column[Any]]:
    """Return the columns of what a port sends by LLDP, whether it is ours or a neighbour's.

    StarlingX has a row for each text; with columns, one statement reads a page of ports and can sort it by any of them.
    """
    return [
        text("chassis_id"), text("port_identifier"), text("port_description"), text("system_name"),
        text("system_description"), text("system_capabilities"), text("management_address", 1024), text("ttl", 16),
        text("dot1_lag", 64), text("dot1_vlan_names", 1024), text("dot3_mac_status", 1024), text("dot3_max_frame", 16),
    ]


def port_id() -> sa.Column[int]:
    """Return the column of the port to which a row belongs; deleting the port deletes the row."""
    return sa.Column("port_id", sa.Integer, sa.ForeignKey("ports.id", ondelete="CASCADE"), nullable=False)
