# SPDX-License-Identifier: Apache-2.0
"""LLDP agents and neighbours of ports, labels of hosts."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lldp_agents", *_columns(), sa.Column("status", sa.String(32), nullable=True), *_tlvs(),
        *_owners("lldp_agents"), sa.UniqueConstraint("port_id", name="uniq_lldp_agents0port_id"),
        sqlite_autoincrement=True)
    op.create_index("ix_lldp_agents_host_id", "lldp_agents", ["host_id"])
    op.create_table(
        "lldp_neighbours", *_columns(), sa.Column("msap", sa.String(511), nullable=False), *_tlvs(),
        sa.Column("dot1_port_vid", sa.String(16), nullable=True),
        sa.Column("dot1_vid_digest", sa.String(64), nullable=True),
        sa.Column("dot1_management_vid", sa.String(16), nullable=True),
        sa.Column("dot1_proto_vids", sa.String(1024), nullable=True),
        sa.Column("dot1_proto_ids", sa.String(1024), nullable=True),
        sa.Column("dot3_power_mdi", sa.String(255), nullable=True), *_owners("lldp_neighbours"),
        sa.UniqueConstraint("port_id", "msap", name="uniq_lldp_neighbours0port_id0msap"), sqlite_autoincrement=True)
    op.create_index("ix_lldp_neighbours_host_id", "lldp_neighbours", ["host_id"])
    op.create_table(
        "label", *_columns(), sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("label_key", sa.String(317), nullable=False), sa.Column("label_value", sa.String(63), nullable=False),
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["i_host.id"], name="fk_label_host_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_label"), sa.UniqueConstraint("uuid", name="uniq_label0uuid"),
        sa.UniqueConstraint("host_id", "label_key", name="uniq_label0host_id0label_key"), sqlite_autoincrement=True)
    op.create_index("ix_label_host_id", "label", ["host_id"])


def downgrade() -> None:
    for table in ("label", "lldp_neighbours", "lldp_agents"):
        op.drop_table(table)


def _columns() -> list[sa.Column[object]]:
    return [sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
            sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime, nullable=True)]


def _tlvs() -> list[sa.Column[object]]:
    lengths = {"chassis_id": 255, "port_identifier": 255, "port_description": 255, "system_name": 255,
               "system_description": 255, "system_capabilities": 255, "management_address": 1024, "ttl": 16,
               "dot1_lag": 64, "dot1_vlan_names": 1024, "dot3_mac_status": 1024, "dot3_max_frame": 16}
    return [sa.Column(name, sa.String(length), nullable=True) for name, length in lengths.items()]


def _owners(table: str) -> list[sa.schema.SchemaItem]:
    return [sa.Column("port_id", sa.Integer(), nullable=False), sa.Column("host_id", sa.Integer(), nullable=False),
            sa.ForeignKeyConstraint(["port_id"], ["ports.id"], name=f"fk_{table}_port_id", ondelete="CASCADE"),
            sa.ForeignKeyConstraint(["host_id"], ["i_host.id"], name=f"fk_{table}_host_id", ondelete="CASCADE"),
            sa.PrimaryKeyConstraint("id", name=f"pk_{table}"), sa.UniqueConstraint("uuid", name=f"uniq_{table}0uuid")]
