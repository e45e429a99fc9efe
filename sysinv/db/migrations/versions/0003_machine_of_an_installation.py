# SPDX-License-Identifier: Apache-2.0
"""The machine to which a host's install token is bound: the key of its request and the address it came from."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("i_host", sa.Column("install_token_key", sa.String(64), nullable=True))
    op.add_column("i_host", sa.Column("install_token_address", sa.String(45), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("i_host") as host:
        host.drop_column("install_token_key")
        host.drop_column("install_token_address")
