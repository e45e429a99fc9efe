# SPDX-License-Identifier: Apache-2.0
"""Dead letters stay in the outbox; alarms are ordered per host name instead of per uuid."""
from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OUTBOX = sa.table("outbox", sa.column("id", sa.Integer), sa.column("key", sa.String), sa.column("payload", sa.Text))


def upgrade() -> None:
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("dead_at", sa.DateTime(), nullable=True))
    conn = op.get_bind()
    waiting = conn.execute(sa.select(_OUTBOX.c.id, _OUTBOX.c.payload).where(_OUTBOX.c.key.like("faults:%"))).all()
    for message_id, payload in waiting:
        host = _host_of(payload)
        if host:
            conn.execute(sa.update(_OUTBOX).where(_OUTBOX.c.id == message_id).values(key=f"faults:{host}"[:255]))


def _host_of(payload: str) -> str:
    try:
        return str(json.loads(payload)["entity"]).partition(".")[0]
    except (ValueError, KeyError, TypeError):
        return ""


def downgrade() -> None:
    op.execute("DELETE FROM outbox WHERE dead_at IS NOT NULL")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_column("dead_at")
