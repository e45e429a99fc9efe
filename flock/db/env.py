# SPDX-License-Identifier: Apache-2.0
"""What alembic runs for every migration: the requested revisions, on the connection that ``flock.db.migrate`` set."""
from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True,
                  transaction_per_migration=False)
context.run_migrations()
