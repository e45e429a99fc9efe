# SPDX-License-Identifier: Apache-2.0
"""When hosts got their certificates and bus passwords, and when new ones were asked for."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "host_credentials",
        sa.Column("host_id", sa.Integer, sa.ForeignKey("i_host.id", ondelete="CASCADE"), primary_key=True),
        *(sa.Column(name, sa.DateTime, nullable=True)
          for name in ("certificate_end", "certificate_at", "certificate_wanted_at", "password_at",
                       "password_wanted_at")))


def downgrade() -> None:
    op.drop_table("host_credentials")
