# SPDX-License-Identifier: Apache-2.0
"""Checks that a subsystem's migrations produce its declared tables."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import autogenerate
from alembic.runtime.migration import MigrationContext

from flock.db import Database, migrate


def assert_migrations_match_tables(url: str, subsystem: str, metadata: sa.MetaData) -> None:
    """Upgrade an empty database at ``url`` to the newest revision; AssertionError if it differs from ``metadata``.

    Then downgrades to base and upgrades again, so that every revision runs in both directions.
    """
    migrate.upgrade(url, subsystem)
    _assert_same(url, metadata)
    migrate.downgrade(url, subsystem, "base")
    left = _table_names(url) - {"alembic_version"}
    if left:
        raise AssertionError(f"downgrade to base leaves tables behind: {left}")
    migrate.upgrade(url, subsystem)
    _assert_same(url, metadata)


def _assert_same(url: str, metadata: sa.MetaData) -> None:
    database = Database(url)
    try:
        with database.reader() as conn:
            differences = autogenerate.compare_metadata(
                MigrationContext.configure(conn, opts={"compare_type": True}), metadata)
            constraints = {table.name: _unique_names(conn, table.name) for table in metadata.sorted_tables}
            # alembic compares no primary keys.
            keys = {table.name: _key(conn, table.name) for table in metadata.sorted_tables}
            counting = _counting_tables(conn)
    finally:
        database.dispose()
    if differences:
        raise AssertionError(f"migrations and tables differ: {differences}")
    wanted = {table.name for table in metadata.sorted_tables if table.dialect_options["sqlite"]["autoincrement"]}
    if counting is not None and counting != wanted:
        raise AssertionError(f"tables that never reuse ids: {counting} are not {wanted}")
    for table in metadata.sorted_tables:
        declared = {str(item.name) for item in table.constraints if isinstance(item, sa.UniqueConstraint)}
        if declared != constraints[table.name]:
            raise AssertionError(f"unique constraints of {table.name}: {constraints[table.name]} are not {declared}")
        key = [column.name for column in table.primary_key]
        if key != keys[table.name]:
            raise AssertionError(f"primary key of {table.name}: {keys[table.name]} is not {key}")


def _unique_names(conn: sa.Connection, table_name: str) -> set[str]:
    return {str(item["name"]) for item in sa.inspect(conn).get_unique_constraints(table_name)}


def _key(conn: sa.Connection, table_name: str) -> list[str]:
    return list(sa.inspect(conn).get_pk_constraint(table_name)["constrained_columns"])


def _counting_tables(conn: sa.Connection) -> set[str] | None:
    """SQLite's tables that never reuse an id; None on other engines, which never do."""
    if conn.dialect.name != "sqlite":
        return None
    found = conn.execute(sa.text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"))
    return {str(name) for name in found.scalars()}


def _table_names(url: str) -> set[str]:
    database = Database(url)
    try:
        with database.reader() as conn:
            return set(sa.inspect(conn).get_table_names())
    finally:
        database.dispose()
