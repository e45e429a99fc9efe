# SPDX-License-Identifier: Apache-2.0
"""Network interfaces of hosts, data networks, and which interface carries which network."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from flock.db import Json, UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _stored() -> list[sa.Column[Any]]:
    return [sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
            sa.Column("created_at", UtcTime(), nullable=False), sa.Column("updated_at", UtcTime(), nullable=True)]


def upgrade() -> None:
    op.create_table(
        "datanetworks", *_stored(), sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("network_type", sa.String(8), nullable=False), sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.String(255), nullable=True), sa.Column("mtu", sa.Integer(), nullable=False),
        sa.Column("multicast_group", sa.String(45), nullable=True), sa.Column("port_num", sa.Integer(), nullable=True),
        sa.Column("ttl", sa.Integer(), nullable=True), sa.Column("mode", sa.String(8), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_datanetworks"),
        sa.UniqueConstraint("uuid", name="uniq_datanetworks0uuid"),
        sa.UniqueConstraint("name", name="uniq_datanetworks0name"), sqlite_autoincrement=True)
    _interfaces()
    _links()
    with op.batch_alter_table("ports", table_kwargs={"sqlite_autoincrement": True}) as ports:
        ports.create_index("ix_ports_interface_id", ["interface_id"])
        ports.create_foreign_key("fk_ports_interface_id", "interfaces", ["interface_id"], ["id"], ondelete="SET NULL")
    with op.batch_alter_table("addresses", table_kwargs={"sqlite_autoincrement": True}) as addresses:
        addresses.create_index("ix_addresses_interface_id", ["interface_id"])
        addresses.create_foreign_key("fk_addresses_interface_id", "interfaces", ["interface_id"], ["id"],
                                     ondelete="CASCADE")
        addresses.create_unique_constraint("uniq_addresses0address0prefix0interface_id",
                                           ["address", "prefix", "interface_id"])


def _interfaces() -> None:
    op.create_table(
        "interfaces", *_stored(), sa.Column("ifname", sa.String(15), nullable=False),
        sa.Column("iftype", sa.String(16), nullable=False), sa.Column("ifclass", sa.String(32), nullable=True),
        sa.Column("imtu", sa.Integer(), nullable=False), sa.Column("imac", sa.String(17), nullable=False),
        sa.Column("aemode", sa.String(16), nullable=True), sa.Column("txhashpolicy", sa.String(16), nullable=True),
        sa.Column("primary_reselect", sa.String(16), nullable=True),
        sa.Column("schedpolicy", sa.String(255), nullable=True), sa.Column("ptp_role", sa.String(255), nullable=True),
        sa.Column("vlan_id", sa.Integer(), nullable=True), sa.Column("ipv4_mode", sa.String(16), nullable=True),
        sa.Column("ipv6_mode", sa.String(16), nullable=True), sa.Column("ipv4_pool_id", sa.Integer(), nullable=True),
        sa.Column("ipv6_pool_id", sa.Integer(), nullable=True), sa.Column("sriov_numvfs", sa.Integer(), nullable=False),
        sa.Column("sriov_vf_driver", sa.String(16), nullable=True),
        sa.Column("max_tx_rate", sa.Integer(), nullable=True), sa.Column("max_rx_rate", sa.Integer(), nullable=True),
        sa.Column("ovs_access", sa.Boolean(), nullable=False), sa.Column("channels", sa.Integer(), nullable=True),
        sa.Column("sriov_vf_channels", sa.Integer(), nullable=True),
        sa.Column("ifcapabilities", Json(), nullable=False), sa.Column("forihostid", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ipv4_pool_id"], ["address_pools.id"], name="fk_interfaces_ipv4_pool_id",
                                ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["ipv6_pool_id"], ["address_pools.id"], name="fk_interfaces_ipv6_pool_id",
                                ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], name="fk_interfaces_forihostid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_interfaces"), sa.UniqueConstraint("uuid", name="uniq_interfaces0uuid"),
        sa.UniqueConstraint("forihostid", "ifname", name="uniq_interfaces0forihostid0ifname"),
        sqlite_autoincrement=True)
    op.create_index("ix_interfaces_forihostid", "interfaces", ["forihostid"])
    op.create_table(
        "interfaces_to_interfaces", sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("used_by_id", sa.Integer(), nullable=False), sa.Column("uses_id", sa.Integer(), nullable=False),
        sa.Column("vlan_id", sa.Integer(), nullable=True), sa.Column("ae_member_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("used_by_id <> uses_id", name="ck_interfaces_to_interfaces_not_itself"),
        sa.CheckConstraint("ae_member_id IS NULL OR ae_member_id = uses_id",
                           name="ck_interfaces_to_interfaces_member"),
        sa.ForeignKeyConstraint(["used_by_id"], ["interfaces.id"], name="fk_interfaces_to_interfaces_used_by_id",
                                ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["uses_id"], ["interfaces.id"], name="fk_interfaces_to_interfaces_uses_id",
                                ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_interfaces_to_interfaces"),
        sa.UniqueConstraint("used_by_id", "uses_id", name="uniq_interfaces_to_interfaces0used_by_id0uses_id"),
        sa.UniqueConstraint("uses_id", "vlan_id", name="uniq_interfaces_to_interfaces0uses_id0vlan_id"),
        sa.UniqueConstraint("ae_member_id", name="uniq_interfaces_to_interfaces0ae_member_id"),
        sqlite_autoincrement=True)


def _links() -> None:
    op.create_table(
        "interface_networks", *_stored(), sa.Column("forihostid", sa.Integer(), nullable=False),
        sa.Column("interface_id", sa.Integer(), nullable=False), sa.Column("network_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], name="fk_interface_networks_forihostid",
                                ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["interface_id"], ["interfaces.id"], name="fk_interface_networks_interface_id",
                                ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["network_id"], ["networks.id"], name="fk_interface_networks_network_id",
                                ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_interface_networks"),
        sa.UniqueConstraint("uuid", name="uniq_interface_networks0uuid"),
        sa.UniqueConstraint("forihostid", "network_id", name="uniq_interface_networks0forihostid0network_id"),
        sqlite_autoincrement=True)
    op.create_index("ix_interface_networks_forihostid", "interface_networks", ["forihostid"])
    op.create_index("ix_interface_networks_interface_id", "interface_networks", ["interface_id"])
    op.create_table(
        "interface_datanetworks", *_stored(), sa.Column("forihostid", sa.Integer(), nullable=False),
        sa.Column("interface_id", sa.Integer(), nullable=False),
        sa.Column("datanetwork_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], name="fk_interface_datanetworks_forihostid",
                                ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["interface_id"], ["interfaces.id"], name="fk_interface_datanetworks_interface_id",
                                ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["datanetwork_id"], ["datanetworks.id"],
                                name="fk_interface_datanetworks_datanetwork_id", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="pk_interface_datanetworks"),
        sa.UniqueConstraint("uuid", name="uniq_interface_datanetworks0uuid"),
        sa.UniqueConstraint("interface_id", "datanetwork_id",
                            name="uniq_interface_datanetworks0interface_id0datanetwork_id"),
        sqlite_autoincrement=True)
    op.create_index("ix_interface_datanetworks_forihostid", "interface_datanetworks", ["forihostid"])
    op.create_index("ix_interface_datanetworks_datanetwork_id", "interface_datanetworks", ["datanetwork_id"])


def downgrade() -> None:
    # A later upgrade makes new interfaces; the ids of these would name them.
    op.execute("UPDATE ports SET interface_id = NULL")
    with op.batch_alter_table("ports", table_kwargs={"sqlite_autoincrement": True}) as ports:
        ports.drop_constraint("fk_ports_interface_id", type_="foreignkey")
        ports.drop_index("ix_ports_interface_id")
    op.execute("DELETE FROM addresses WHERE interface_id IS NOT NULL")
    with op.batch_alter_table("addresses", table_kwargs={"sqlite_autoincrement": True}) as addresses:
        addresses.drop_constraint("uniq_addresses0address0prefix0interface_id", type_="unique")
        addresses.drop_constraint("fk_addresses_interface_id", type_="foreignkey")
        addresses.drop_index("ix_addresses_interface_id")
    for name in ("interface_datanetworks", "interface_networks", "interfaces_to_interfaces", "interfaces",
                 "datanetworks"):
        op.drop_table(name)
