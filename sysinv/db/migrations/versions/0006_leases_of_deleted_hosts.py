# SPDX-License-Identifier: Apache-2.0
"""All leases that a deleted host held are kept, each by its expiry, instead of the last one only."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _key("mac", "expires_s")


def downgrade() -> None:
    kept = sa.text("DELETE FROM dhcp_forgotten WHERE expires_s < "
                   "(SELECT max(other.expires_s) FROM dhcp_forgotten AS other WHERE other.mac = dhcp_forgotten.mac)")
    op.get_bind().execute(kept)
    _key("mac")


def _key(*columns: str) -> None:
    with op.batch_alter_table("dhcp_forgotten") as forgotten:
        forgotten.drop_constraint("pk_dhcp_forgotten", type_="primary")
        forgotten.create_primary_key("pk_dhcp_forgotten", list(columns))
