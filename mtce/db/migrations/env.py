# SPDX-License-Identifier: Apache-2.0
"""Alembic entry of the mtce database."""
from __future__ import annotations

from flock.db.migrate import run_migrations

run_migrations()
