# SPDX-License-Identifier: Apache-2.0
"""Profiles of hosts."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flock.db import Json, UtcTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "profiles", sa.Column("id", sa.Integer(), nullable=False), sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False), sa.Column("updated_at", UtcTime(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("profilename", sa.String(255), nullable=False),
        sa.Column("profiletype", sa.String(16), nullable=False), sa.Column("body", Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_profiles"), sa.UniqueConstraint("uuid", name="uniq_profiles0uuid"),
        sa.UniqueConstraint("profilename", name="uniq_profiles0profilename"), sqlite_autoincrement=True)


    op.create_table(
        "host_profiles", sa.Column("forihostid", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("profile_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["forihostid"], ["i_host.id"], name="fk_host_profiles_forihostid", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["profile_id"], ["profiles.id"], name="fk_host_profiles_profile_id",
                                ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("forihostid", name="pk_host_profiles"))
    op.create_index("ix_host_profiles_profile_id", "host_profiles", ["profile_id"])


def downgrade() -> None:
    op.drop_table("host_profiles")
    op.drop_table("profiles")
