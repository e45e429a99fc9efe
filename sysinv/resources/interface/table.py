# SPDX-License-Identifier: Apache-2.0
"""``interfaces`` of hosts, and which of them lie on which others."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns
from sysinv.db.schema import METADATA, host_id, text


def _pool_id(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey("address_pools.id", ondelete="RESTRICT"))


# Every writer holds the lock of the host.
INTERFACES = sa.Table(
    "interfaces", METADATA, *columns(), text("ifname", 15, nullable=False),
    text("iftype", 16, nullable=False), text("ifclass", 32),
    sa.Column("imtu", sa.Integer, nullable=False, default=1500),
    text("imac", 17, nullable=False), text("aemode", 16), text("txhashpolicy", 16), text("primary_reselect", 16),
    text("schedpolicy"), text("ptp_role"), sa.Column("vlan_id", sa.Integer),
    text("ipv4_mode", 16), text("ipv6_mode", 16), _pool_id("ipv4_pool_id"), _pool_id("ipv6_pool_id"),
    sa.Column("sriov_numvfs", sa.Integer, nullable=False, default=0), text("sriov_vf_driver", 16),
    sa.Column("max_tx_rate", sa.Integer), sa.Column("max_rx_rate", sa.Integer),
    sa.Column("ovs_access", sa.Boolean, nullable=False, default=False),
    sa.Column("channels", sa.Integer), sa.Column("sriov_vf_channels", sa.Integer),
    sa.Column("ifcapabilities", Json, nullable=False, default=dict), host_id(),
    sa.UniqueConstraint("forihostid", "ifname"))

# ``used_by_id`` lies on ``uses_id``; the ids of an interface's rows are in the order of its members. ``vlan_id`` is
# that of the upper interface, and ``ae_member_id`` is ``uses_id`` if the upper one is aggregated: so the database
# refuses a VLAN twice on one interface, and a member of two aggregated interfaces.
INTERFACES_TO_INTERFACES = sa.Table(
    "interfaces_to_interfaces", METADATA, sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("used_by_id", sa.Integer, sa.ForeignKey("interfaces.id", ondelete="CASCADE"), nullable=False),
    sa.Column("uses_id", sa.Integer, sa.ForeignKey("interfaces.id", ondelete="CASCADE"), nullable=False),
    sa.Column("vlan_id", sa.Integer), sa.Column("ae_member_id", sa.Integer),
    sa.UniqueConstraint("used_by_id", "uses_id"), sa.UniqueConstraint("uses_id", "vlan_id"),
    sa.UniqueConstraint("ae_member_id"),
    sa.CheckConstraint("used_by_id <> uses_id", name="not_itself"),
    sa.CheckConstraint("ae_member_id IS NULL OR ae_member_id = uses_id", name="member"))
