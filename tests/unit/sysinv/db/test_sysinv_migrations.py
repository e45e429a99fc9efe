# SPDX-License-Identifier: Apache-2.0
"""The migrations of sysinv make what the tables declare."""
from __future__ import annotations

from pathlib import Path

from flock.testing.migrations import assert_migrations_match_tables
from sysinv.db.tables import METADATA


def test_migrations_make_the_declared_tables(tmp_path: Path) -> None:
    assert_migrations_match_tables(f"sqlite:///{tmp_path}/sysinv.sqlite", "sysinv", METADATA)
