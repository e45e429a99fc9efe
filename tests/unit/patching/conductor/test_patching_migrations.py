# SPDX-License-Identifier: Apache-2.0
"""The migrations make the tables that the code declares."""
from __future__ import annotations

from pathlib import Path

from flock.db import migrate
from patching.db.tables import METADATA


def test_the_migrations_make_the_declared_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/software.sqlite"
    migrate.upgrade(url, "patching")
    assert "op." not in migrate.draft(url, "patching", METADATA)
    migrate.downgrade(url, "patching", "base")
