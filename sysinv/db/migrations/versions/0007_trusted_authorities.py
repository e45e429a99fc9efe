# SPDX-License-Identifier: Apache-2.0
"""Which certificate authorities each host confirmed that it trusts."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("host_credentials", sa.Column("authorities", sa.String(64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("host_credentials") as host:
        host.drop_column("authorities")
