# SPDX-License-Identifier: Apache-2.0
"""What the tables of the resources are made with: one METADATA, and the columns that several of them have."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock.db import metadata

METADATA = metadata()


def text(name: str, length: int = 255, **options: Any) -> sa.Column[str]:
    """A text of at most ``length`` characters."""
    return sa.Column(name, sa.String(length), **options)


def host_id(name: str = "forihostid") -> sa.Column[int]:
    """The host that a row belongs to; the row goes with it."""
    return sa.Column(name, sa.Integer, sa.ForeignKey("i_host.id", ondelete="CASCADE"), nullable=False, index=True)


def node_id() -> sa.Column[int]:
    """The NUMA node that a row belongs to; the row goes with it."""
    return sa.Column("forinodeid", sa.Integer, sa.ForeignKey("i_node.id", ondelete="CASCADE"), nullable=True)


def pci_columns() -> list[sa.Column[Any]]:
    """What is known of every PCI function, network port or not."""
    return [
        text("name"), text("pciaddr", 64, nullable=False), text("pclass"), text("pvendor"), text("pdevice"),
        text("psvendor"), text("psdevice"), sa.Column("numa_node", sa.Integer, nullable=False, default=-1),
        sa.Column("sriov_totalvfs", sa.Integer), sa.Column("sriov_numvfs", sa.Integer),
        sa.Column("sriov_vfs_pci_address", sa.Text, nullable=False, default=""), text("sriov_vf_driver"),
        text("sriov_vf_pdevice_id", 8), text("driver"),
    ]
