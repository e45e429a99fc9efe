# SPDX-License-Identifier: Apache-2.0
"""Names of the system belong to no host, and controllers' names to controllers only."""
from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RESERVED = ("broadcasthost", "controller", "controller-platform-nfs", "controller.internal", "ip6-localhost",
            "ip6-loopback", "localhost", "oamcontroller", "pxecontroller", "registry.local")


def upgrade() -> None:
    listed = ", ".join(f"'{name}'" for name in RESERVED)
    with op.batch_alter_table("i_host", table_kwargs={"sqlite_autoincrement": True}) as host:
        host.create_check_constraint(op.f("ck_i_host_reserved_name"), f"lower(hostname) NOT IN ({listed})")
        host.create_check_constraint(op.f("ck_i_host_controller_name"),
                                     "personality = 'controller' OR lower(hostname) NOT LIKE 'controller-%'")


def downgrade() -> None:
    with op.batch_alter_table("i_host", table_kwargs={"sqlite_autoincrement": True}) as host:
        host.drop_constraint(op.f("ck_i_host_controller_name"), type_="check")
        host.drop_constraint(op.f("ck_i_host_reserved_name"), type_="check")
