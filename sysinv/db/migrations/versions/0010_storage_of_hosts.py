# SPDX-License-Identifier: Apache-2.0
"""Partitions, volume groups and physical volumes of hosts, and what hosts did with orders for their disks."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from flock.db import Json, UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATES = "'unprovisioned', 'adding', 'provisioning', 'provisioned', 'removing', 'failed'"


def upgrade() -> None:
    op.create_table(
        "partition",
        *_first_columns(), sa.Column("number", sa.Integer, nullable=False),
        sa.Column("part_guid", sa.String(64), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("start_mib", "end_mib", "size_mib", "present_mib")),
        sa.Column("device_node", sa.String(255), nullable=False),
        sa.Column("device_path", sa.String(255), nullable=False),
        sa.Column("type_guid", sa.String(64), nullable=False), sa.Column("type_name", sa.String(255)),
        sa.Column("status", sa.Integer, nullable=False), sa.Column("error", sa.String(255)),
        sa.Column("capabilities", Json, nullable=False),
        sa.Column("idisk_id", sa.Integer, nullable=False),
        sa.Column("forihostid", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_partition"),
        sa.UniqueConstraint("uuid", name="uniq_partition0uuid"),
        sa.UniqueConstraint("idisk_id", "part_guid", name="uniq_partition0idisk_id0part_guid"),
        sa.ForeignKeyConstraint(["idisk_id"], ["i_idisk.id"], ondelete="CASCADE", name="fk_partition_idisk_id"),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], ondelete="CASCADE", name="fk_partition_forihostid"),
        sa.CheckConstraint("start_mib >= 0 AND end_mib >= start_mib AND size_mib >= 0 AND present_mib >= 0",
                           name="ck_partition_place"),
        sa.CheckConstraint("status IN (0, 1, 2, 3, 4, 5, 6, 10, 11, 12)", name="ck_partition_status"),
        sqlite_autoincrement=True)
    op.create_index("ix_partition_idisk_id", "partition", ["idisk_id"])
    op.create_index("ix_partition_forihostid", "partition", ["forihostid"])
    op.create_table(
        "storage_results",
        sa.Column("order_uuid", sa.String(36), nullable=False), sa.Column("error", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("order_uuid", name="pk_storage_results"),
        sa.ForeignKeyConstraint(["order_uuid"], ["operations.uuid"], ondelete="CASCADE",
                                name="fk_storage_results_order_uuid"))
    _volume_groups()
    _physical_volumes()


def _volume_groups() -> None:
    op.create_table(
        "i_lvg", *_first_columns(), sa.Column("lvm_vg_name", sa.String(64), nullable=False),
        sa.Column("vg_state", sa.String(16), nullable=False), sa.Column("lvm_vg_uuid", sa.String(64)),
        sa.Column("lvm_vg_access", sa.String(64)),
        *(sa.Column(name, sa.Integer, nullable=False) for name in (
            "lvm_max_lv", "lvm_cur_lv", "lvm_max_pv", "lvm_cur_pv", "lvm_vg_total_pe", "lvm_vg_free_pe")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("lvm_vg_size", "lvm_vg_avail_size")),
        sa.Column("capabilities", Json, nullable=False), sa.Column("forihostid", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_i_lvg"), sa.UniqueConstraint("uuid", name="uniq_i_lvg0uuid"),
        sa.UniqueConstraint("lvm_vg_name", "forihostid", name="uniq_i_lvg0lvm_vg_name0forihostid"),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], ondelete="CASCADE", name="fk_i_lvg_forihostid"),
        sa.CheckConstraint(f"vg_state IN ({STATES})", name="ck_i_lvg_state"), sqlite_autoincrement=True)
    op.create_index("ix_i_lvg_forihostid", "i_lvg", ["forihostid"])


def _physical_volumes() -> None:
    op.create_table(
        "i_pv", *_first_columns(), sa.Column("pv_state", sa.String(16), nullable=False),
        sa.Column("idisk_id", sa.Integer), sa.Column("partition_id", sa.Integer),
        sa.Column("lvm_pv_name", sa.String(255)), sa.Column("lvm_pv_uuid", sa.String(64)),
        sa.Column("lvm_pv_size", sa.BigInteger, nullable=False), sa.Column("lvm_pe_total", sa.Integer, nullable=False),
        sa.Column("lvm_pe_alloced", sa.Integer, nullable=False), sa.Column("error", sa.String(255)),
        sa.Column("capabilities", Json, nullable=False), sa.Column("forilvgid", sa.Integer, nullable=False),
        sa.Column("forihostid", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_i_pv"), sa.UniqueConstraint("uuid", name="uniq_i_pv0uuid"),
        sa.UniqueConstraint("idisk_id", name="uniq_i_pv0idisk_id"),
        sa.UniqueConstraint("partition_id", name="uniq_i_pv0partition_id"),
        *(sa.ForeignKeyConstraint([column], [f"{table}.id"], ondelete="CASCADE", name=f"fk_i_pv_{column}")
          for column, table in (("idisk_id", "i_idisk"), ("partition_id", "partition"), ("forilvgid", "i_lvg"),
                                ("forihostid", "i_host"))),
        sa.CheckConstraint("(idisk_id IS NULL) != (partition_id IS NULL)", name="ck_i_pv_holder"),
        sa.CheckConstraint(f"pv_state IN ({STATES})", name="ck_i_pv_state"), sqlite_autoincrement=True)
    op.create_index("ix_i_pv_forihostid", "i_pv", ["forihostid"])
    op.create_index("ix_i_pv_forilvgid", "i_pv", ["forilvgid"])


def _first_columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("id", sa.Integer, nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime),
        sa.Column("revision", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_table("i_pv")
    op.drop_table("i_lvg")
    op.drop_table("storage_results")
    op.drop_table("partition")
