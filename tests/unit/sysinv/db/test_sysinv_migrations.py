# SPDX-License-Identifier: Apache-2.0
"""The migrations of sysinv make what the tables declare."""
from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from flock.db import Database, migrate
from flock.testing.migrations import assert_migrations_match_tables
from sysinv.db.tables import METADATA


def test_migrations_make_the_declared_tables(tmp_path: Path) -> None:
    assert_migrations_match_tables(f"sqlite:///{tmp_path}/sysinv.sqlite", "sysinv", METADATA)


def test_leases_of_deleted_hosts_survive_the_change_of_their_key(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/sysinv.sqlite"
    rows = sa.text("SELECT mac, expires_s FROM dhcp_forgotten ORDER BY mac, expires_s")
    insert = sa.text("INSERT INTO dhcp_forgotten (mac, expires_s) VALUES (:mac, :expires_s)")
    migrate.upgrade(url, "sysinv", "0005")
    with Database(url).writer() as conn:
        conn.execute(insert, {"mac": "08:00:27:00:00:01", "expires_s": 2000})
    migrate.upgrade(url, "sysinv")
    with Database(url).writer() as conn:
        conn.execute(insert, {"mac": "08:00:27:00:00:01", "expires_s": 88000})
        assert [row.expires_s for row in conn.execute(rows)] == [2000, 88000]
    migrate.downgrade(url, "sysinv", "0005")
    with Database(url).reader() as conn:
        assert [row.expires_s for row in conn.execute(rows)] == [88000]
