# SPDX-License-Identifier: Apache-2.0
"""Schema migrations: an alembic history per subsystem in ``<subsystem>/db/migrations/versions``."""
from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from alembic import autogenerate, command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

from flock.db.database import Database
from flock.db.schema import EnumText, Json, UtcTime

# Key of PostgreSQL's advisory lock, which keeps two controllers from migrating at the same time. Any fixed number.
ADVISORY_LOCK = 7_305_514_203
LOCK_WAIT_S = 120


def upgrade(url: str, subsystem: str, revision: str = "head", lock_wait_s: int = LOCK_WAIT_S) -> None:
    """Upgrade the database at ``url`` to ``revision``; no change when it is there. Creates an SQLite file's folder.

    DeadlockError: others use a table for longer than ``lock_wait_s``; nothing has changed.
    """
    _prepare_folder(url)
    _run(url, subsystem, lambda config: command.upgrade(config, revision), lock_wait_s)


def downgrade(url: str, subsystem: str, revision: str, lock_wait_s: int = LOCK_WAIT_S) -> None:
    """Downgrade the database at ``url`` to ``revision`` (``base`` removes every table); see ``upgrade``."""
    _run(url, subsystem, lambda config: command.downgrade(config, revision), lock_wait_s)


def current(url: str) -> str | None:
    """The current revision of the database at ``url``; None when it was never migrated."""
    database = Database(url)
    try:
        with database.reader() as conn:
            return MigrationContext.configure(conn).get_current_revision()
    finally:
        database.dispose()


def head(subsystem: str) -> str | None:
    """The newest revision in a subsystem's code; None when there is none."""
    return directory(subsystem).get_current_head()


def directory(subsystem: str) -> ScriptDirectory:
    """The revisions in a subsystem's code."""
    return ScriptDirectory.from_config(_config(subsystem))


def draft(url: str, subsystem: str, metadata: sa.MetaData) -> str:
    """The Python source of a revision that changes the schema of the database at ``url`` to ``metadata``."""
    database = Database(url)
    try:
        with database.reader() as conn:
            migration = MigrationContext.configure(conn, opts={"compare_type": True})
            operations = autogenerate.produce_migrations(migration, metadata).upgrade_ops
        if operations is None:
            return ""
        return autogenerate.render_python_code(operations, render_item=_render_plain_type)
    finally:
        database.dispose()


def _render_plain_type(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Render this project's types as the types that they store, so that a revision does not depend on the code."""
    if kind == "type" and isinstance(item, (UtcTime, Json, EnumText)):
        return f"sa.{item.impl_instance!r}"
    return False


def _run(url: str, subsystem: str, work: Callable[[Config], None], lock_wait_s: int) -> None:
    config = _config(subsystem)
    # For a change that SQLite does not support, alembic copies the table. With foreign keys on, dropping the old table
    # would delete the rows of every table that refers to it.
    database = Database(url, sqlite_references=False)
    try:
        with database.writer() as conn:
            if conn.dialect.name == "postgresql":
                # A migration may take any time, and it waits for another one.
                conn.execute(sa.text("SET LOCAL statement_timeout = 0"))
                conn.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'"))
                conn.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
                conn.execute(sa.text(f"SET LOCAL lock_timeout = '{int(lock_wait_s)}s'"))
            config.attributes["connection"] = conn
            work(config)
            if conn.dialect.name == "sqlite" and (broken := conn.execute(sa.text("PRAGMA foreign_key_check")).first()):
                raise ValueError(f"a migration of {subsystem} left a row of {broken[0]} that points to nothing")
    finally:
        database.dispose()


def _config(subsystem: str) -> Config:
    spec = importlib.util.find_spec(f"{subsystem}.db.migrations")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"{subsystem} has no package {subsystem}.db.migrations")
    config = Config()
    versions = Path(next(iter(spec.submodule_search_locations))) / "versions"
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    return config


def _prepare_folder(url: str) -> None:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return
    path = Path(str(parsed.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # The file holds inventory and secrets, so other users must not read it.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
