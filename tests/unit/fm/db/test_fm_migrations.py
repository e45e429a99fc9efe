# SPDX-License-Identifier: Apache-2.0
"""The revisions make what the tables declare, in both directions; without a server of any kind."""
from __future__ import annotations

from pathlib import Path

from flock.testing.migrations import assert_migrations_match_tables
from fm.db.tables import METADATA


def test_revisions_match_the_tables(tmp_path: Path) -> None:
    assert_migrations_match_tables(f"sqlite:///{tmp_path}/fm.sqlite", "fm", METADATA)
