# SPDX-License-Identifier: Apache-2.0
"""PTP instances, PTP interfaces and their parameters; the PTP settings of the system, with its row."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import Json, UtcTime, new_uuid, utcnow

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _settings()
    op.create_table(
        "ptp_instances", *_columns(), sa.Column("name", sa.String(64), nullable=False),
        sa.Column("service", sa.String(16), nullable=False), sa.Column("capabilities", Json, nullable=False),
        *_keys("ptp_instances", "name"),
        sa.CheckConstraint("service IN ('ptp4l', 'phc2sys', 'ts2phc', 'clock', 'synce4l', 'gnss-monitor', 'dpll-mgr')",
                           name="ck_ptp_instances_service"),
        sqlite_autoincrement=True)
    op.create_table(
        "ptp_interfaces", *_columns(), sa.Column("name", sa.String(64), nullable=False),
        sa.Column("ptp_instance_id", sa.Integer(), nullable=False), *_keys("ptp_interfaces", "name"),
        _owner("ptp_interfaces", "ptp_instance_id", "ptp_instances", "RESTRICT"), sqlite_autoincrement=True)
    op.create_index("ix_ptp_interfaces_ptp_instance_id", "ptp_interfaces", ["ptp_instance_id"])
    op.create_table(
        "ptp_parameters", *_columns(), sa.Column("section", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False), sa.Column("value", sa.String(1024), nullable=False),
        *_keys("ptp_parameters", "section", "name", "value"), sqlite_autoincrement=True)
    _ownerships()
    _instance_maps()
    op.create_table(
        "ptp_interface_maps", sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("interface_id", sa.Integer(), nullable=False),
        sa.Column("ptp_interface_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ptp_interface_maps"),
        _unique("ptp_interface_maps", "interface_id", "ptp_interface_id"),
        _owner("ptp_interface_maps", "interface_id", "interfaces", "CASCADE"),
        _owner("ptp_interface_maps", "ptp_interface_id", "ptp_interfaces", "RESTRICT"), sqlite_autoincrement=True)
    op.create_index("ix_ptp_interface_maps_interface_id", "ptp_interface_maps", ["interface_id"])
    op.create_index("ix_ptp_interface_maps_ptp_interface_id", "ptp_interface_maps", ["ptp_interface_id"])


def downgrade() -> None:
    for table in ("ptp_interface_maps", "ptp_instance_maps", "ptp_parameter_ownerships", "ptp_parameters",
                  "ptp_interfaces", "ptp_instances", "ptp"):
        op.drop_table(table)


def _settings() -> None:
    table = op.create_table(
        "ptp", *_columns(),
        *(sa.Column(name, sa.String(16), nullable=False) for name in ("mode", "transport", "mechanism")),
        sa.Column("isystem_id", sa.Integer(), nullable=False), *_keys("ptp", "isystem_id"),
        _owner("ptp", "isystem_id", "i_system", "CASCADE"), sqlite_autoincrement=True)
    for system_id in op.get_bind().execute(sa.text("SELECT id FROM i_system")).scalars().all():
        op.bulk_insert(table, [{"uuid": new_uuid(), "created_at": utcnow(), "mode": "hardware", "transport": "l2",
                                "mechanism": "e2e", "isystem_id": system_id}])


def _ownerships() -> None:
    op.create_table(
        "ptp_parameter_ownerships", sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ptp_parameter_id", sa.Integer(), nullable=False), sa.Column("ptp_instance_id", sa.Integer()),
        sa.Column("ptp_interface_id", sa.Integer()),
        sa.CheckConstraint("(ptp_instance_id IS NULL) <> (ptp_interface_id IS NULL)",
                           name="ck_ptp_parameter_ownerships_one_owner"),
        sa.PrimaryKeyConstraint("id", name="pk_ptp_parameter_ownerships"),
        _unique("ptp_parameter_ownerships", "ptp_instance_id", "ptp_parameter_id"),
        _unique("ptp_parameter_ownerships", "ptp_interface_id", "ptp_parameter_id"),
        _owner("ptp_parameter_ownerships", "ptp_parameter_id", "ptp_parameters", "RESTRICT"),
        _owner("ptp_parameter_ownerships", "ptp_instance_id", "ptp_instances", "CASCADE"),
        _owner("ptp_parameter_ownerships", "ptp_interface_id", "ptp_interfaces", "CASCADE"), sqlite_autoincrement=True)
    op.create_index("ix_ptp_parameter_ownerships_ptp_parameter_id", "ptp_parameter_ownerships", ["ptp_parameter_id"])


def _instance_maps() -> None:
    op.create_table(
        "ptp_instance_maps", sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("forihostid", sa.Integer(), nullable=False),
        sa.Column("ptp_instance_id", sa.Integer(), nullable=False), sa.Column("single_service", sa.String(16)),
        sa.PrimaryKeyConstraint("id", name="pk_ptp_instance_maps"),
        _unique("ptp_instance_maps", "forihostid", "ptp_instance_id"),
        _unique("ptp_instance_maps", "forihostid", "single_service"),
        _owner("ptp_instance_maps", "forihostid", "i_host", "CASCADE"),
        _owner("ptp_instance_maps", "ptp_instance_id", "ptp_instances", "RESTRICT"),
        sa.CheckConstraint("single_service IS NULL OR single_service IN ('gnss-monitor', 'dpll-mgr')",
                           name="ck_ptp_instance_maps_single_service"), sqlite_autoincrement=True)
    op.create_index("ix_ptp_instance_maps_forihostid", "ptp_instance_maps", ["forihostid"])
    op.create_index("ix_ptp_instance_maps_ptp_instance_id", "ptp_instance_maps", ["ptp_instance_id"])


def _columns() -> list[sa.Column[object]]:
    return [sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
            sa.Column("created_at", UtcTime, nullable=False), sa.Column("updated_at", UtcTime, nullable=True),
            sa.Column("revision", sa.Integer(), server_default="0", nullable=False)]


def _keys(table: str, *unique: str) -> list[sa.schema.SchemaItem]:
    return [sa.PrimaryKeyConstraint("id", name=f"pk_{table}"), _unique(table, "uuid"), _unique(table, *unique)]


def _unique(table: str, *names: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*names, name=f"uniq_{table}0{'0'.join(names)}")


def _owner(table: str, name: str, parent: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [f"{parent}.id"], name=f"fk_{table}_{name}", ondelete=ondelete)
