# SPDX-License-Identifier: Apache-2.0
from flock.testing.migrations import assert_migrations_match_tables
from mtce.db.tables import METADATA


def test_migrations_make_the_declared_tables(tmp_path):
    assert_migrations_match_tables(f"sqlite:///{tmp_path}/mtce.sqlite", "mtce", METADATA)
