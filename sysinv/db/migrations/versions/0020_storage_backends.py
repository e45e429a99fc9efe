# SPDX-License-Identifier: Apache-2.0
"""Storage back ends, clusters, tiers, OSDs and monitors."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from flock.db import Json, UtcTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BACKEND_TYPES = "'ceph', 'ceph-rook', 'ceph-external', 'lvm', 'file', 'external'"
BACKEND_STATES = (
    "'configured', 'configuring', 'configuration-failed', 'configuring-on-unlock', 'configuring-with-app', "
    "'deleting-with-app', 'force-deleting-with-app'")
STOR_STATES = (
    "'configured', 'configuring', 'configuring-on-unlock', 'configuring-with-app', 'deleting-with-app', "
    "'force-deleting-with-app'")
POOLS = ("cinder_pool_gib", "glance_pool_gib", "ephemeral_pool_gib", "object_pool_gib", "kube_pool_gib")


def upgrade() -> None:
    op.create_table(
        "clusters", *_columns(), _text("name", 255, nullable=False), _text("type", 32, nullable=False),
        _text("cluster_uuid", 36), *_keys("clusters"), _unique("clusters", "name"), sqlite_autoincrement=True)
    op.create_table(
        "storage_tiers", *_columns(), _revision(), _text("name", 64, nullable=False), _text("type", 32, nullable=False),
        sa.Column("capabilities", Json, nullable=False), sa.Column("forclusterid", sa.Integer(), nullable=False),
        *_keys("storage_tiers"), _unique("storage_tiers", "name", "forclusterid"),
        _owner("storage_tiers", "forclusterid", "clusters", "CASCADE"), sqlite_autoincrement=True)
    op.create_index("ix_storage_tiers_forclusterid", "storage_tiers", ["forclusterid"])
    _backends()
    _stors()
    op.create_table(
        "ceph_mon", *_columns(), _revision(), _text("device_path", 255),
        sa.Column("ceph_mon_gib", sa.Integer(), nullable=False), _text("state", 32, nullable=False), _text("task", 255),
        sa.Column("forihostid", sa.Integer(), nullable=False), *_keys("ceph_mon"), _unique("ceph_mon", "forihostid"),
        _owner("ceph_mon", "forihostid", "i_host", "CASCADE"),
        sa.CheckConstraint(f"state IN ({BACKEND_STATES})", name="ck_ceph_mon_state"), sqlite_autoincrement=True)
    op.create_index("ix_ceph_mon_forihostid", "ceph_mon", ["forihostid"])


def downgrade() -> None:
    for table in ("ceph_mon", "i_istor", "storage_backends", "storage_tiers", "clusters"):
        op.drop_table(table)


def _backends() -> None:
    op.create_table(
        "storage_backends", *_columns(), _revision(), _text("name", 64, nullable=False),
        _text("backend", 16, nullable=False), _text("state", 32, nullable=False), sa.Column("task", Json),
        _text("services", 255, nullable=False), sa.Column("capabilities", Json, nullable=False), _text("network", 16),
        sa.Column("tier_id", sa.Integer()), *(sa.Column(name, sa.Integer()) for name in POOLS),
        sa.Column("object_gateway", sa.Boolean(), nullable=False), _text("ceph_conf", 255), _text("error", 1024),
        sa.Column("config_uuids", Json, nullable=False), *_keys("storage_backends"),
        _unique("storage_backends", "name"), _unique("storage_backends", "tier_id"),
        _owner("storage_backends", "tier_id", "storage_tiers", "RESTRICT"),
        sa.CheckConstraint(f"backend IN ({BACKEND_TYPES})", name="ck_storage_backends_backend"),
        sa.CheckConstraint(f"state IN ({BACKEND_STATES})", name="ck_storage_backends_state"), sqlite_autoincrement=True)


def _stors() -> None:
    op.create_table(
        "i_istor", *_columns(), _revision(), _text("function", 16, nullable=False), sa.Column("osdid", sa.Integer()),
        _text("state", 32, nullable=False), sa.Column("capabilities", Json, nullable=False),
        sa.Column("idisk_id", sa.Integer(), nullable=False), sa.Column("fortierid", sa.Integer()),
        sa.Column("journal_id", sa.Integer()), sa.Column("journal_number", sa.Integer()),
        sa.Column("journal_size_mib", sa.Integer()), sa.Column("forihostid", sa.Integer(), nullable=False),
        *_keys("i_istor"), _unique("i_istor", "osdid"), _unique("i_istor", "idisk_id"),
        _unique("i_istor", "journal_id", "journal_number"), _owner("i_istor", "idisk_id", "i_idisk", "CASCADE"),
        _owner("i_istor", "fortierid", "storage_tiers", "RESTRICT"),
        _owner("i_istor", "journal_id", "i_istor", "SET NULL"), _owner("i_istor", "forihostid", "i_host", "CASCADE"),
        sa.CheckConstraint("function IN ('osd', 'journal')", name="ck_i_istor_function"),
        sa.CheckConstraint(f"state IN ({STOR_STATES})", name="ck_i_istor_state"), sqlite_autoincrement=True)
    for name in ("fortierid", "journal_id", "forihostid"):
        op.create_index(f"ix_i_istor_{name}", "i_istor", [name])


def _columns() -> list[sa.Column[Any]]:
    return [sa.Column("id", sa.Integer(), nullable=False), _text("uuid", 36, nullable=False),
            sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime, nullable=True)]


def _revision() -> sa.Column[int]:
    return sa.Column("revision", sa.Integer(), server_default="0", nullable=False)


def _text(name: str, length: int, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _keys(table: str) -> list[sa.schema.SchemaItem]:
    return [sa.PrimaryKeyConstraint("id", name=f"pk_{table}"), _unique(table, "uuid")]


def _unique(table: str, *names: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*names, name=f"uniq_{table}0{'0'.join(names)}")


def _owner(table: str, name: str, parent: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [f"{parent}.id"], name=f"fk_{table}_{name}", ondelete=ondelete)
