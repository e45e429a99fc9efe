# SPDX-License-Identifier: Apache-2.0
"""The migration runner with a small subsystem of the test's own."""
from __future__ import annotations

import importlib
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from flock.db import Database, EnumText, Json, UtcTime, columns, metadata, migrate
from flock.db.dbsync import dbsync_main
from flock.jobs.steps import State
from flock.testing.migrations import assert_migrations_match_tables

FIRST = """
revision, down_revision = "0001", None
import sqlalchemy as sa
from alembic import op
def upgrade():
    op.create_table(
        "crate",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(20), nullable=False),
        sa.UniqueConstraint("name", name="uniq_crate0name"))
def downgrade():
    op.drop_table("crate")
"""
SECOND = """
revision, down_revision = "0002", "0001"
import sqlalchemy as sa
from alembic import op
def upgrade():
    with op.batch_alter_table("crate") as batch:
        batch.add_column(sa.Column("weight", sa.Integer, nullable=True))
def downgrade():
    with op.batch_alter_table("crate") as batch:
        batch.drop_column("weight")
"""
TABLES = """
import sqlalchemy as sa
from flock.db import metadata
METADATA = metadata()
CRATE = sa.Table("crate", METADATA, sa.Column("id", sa.Integer, primary_key=True),
                 sa.Column("name", sa.String(20), nullable=False, unique=True),
                 sa.Column("weight", sa.Integer, nullable=True))
"""


@pytest.fixture
def subsystem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = "warehouse_for_test"
    versions = tmp_path / "code" / name / "db/migrations/versions"
    versions.mkdir(parents=True)
    (tmp_path / "code" / name / "__init__.py").write_text("")
    (versions.parent.parent / "__init__.py").write_text("")
    (versions.parent.parent / "tables.py").write_text(TABLES)
    (versions / "0001_first.py").write_text(FIRST)
    (versions / "0002_second.py").write_text(SECOND)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    importlib.invalidate_caches()
    yield name
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/data/deep/w.sqlite"


def test_up_and_down(subsystem: str, url: str, tmp_path: Path) -> None:
    migrate.upgrade(url, subsystem, "0001")
    assert migrate.current(url) == "0001"
    migrate.upgrade(url, subsystem)
    migrate.upgrade(url, subsystem)
    assert migrate.current(url) == migrate.head(subsystem) == "0002"
    assert stat.S_IMODE((tmp_path / "data/deep/w.sqlite").stat().st_mode) == 0o600
    db = Database(url)
    with db.writer() as conn:
        conn.execute(sa.text("INSERT INTO crate (name, weight) VALUES ('a', 5)"))
    db.dispose()
    migrate.downgrade(url, subsystem, "0001")
    db = Database(url)
    with db.reader() as conn:
        assert [column["name"] for column in sa.inspect(conn).get_columns("crate")] == ["id", "name"]
        assert conn.execute(sa.text("SELECT name FROM crate")).scalars().all() == ["a"]
    db.dispose()


def test_failed_revision_leaves_nothing(subsystem: str, url: str, tmp_path: Path) -> None:
    broken = SECOND.replace('"weight", sa.Integer', '"weight", sa.Nonsense')
    (tmp_path / "code" / subsystem / "db/migrations/versions/0002_second.py").write_text(broken)
    with pytest.raises(AttributeError):
        migrate.upgrade(url, subsystem)
    assert migrate.current(url) is None


def test_match_check_passes_and_finds_differences(subsystem: str, url: str) -> None:
    tables = importlib.import_module(f"{subsystem}.db.tables")
    assert_migrations_match_tables(url, subsystem, tables.METADATA)
    tables.CRATE.append_column(sa.Column("colour", sa.String(5)))
    with pytest.raises(AssertionError, match="colour"):
        assert_migrations_match_tables(url, subsystem, tables.METADATA)


def test_draft_is_written_in_plain_types(url: str, tmp_path: Path) -> None:
    tables = metadata()
    sa.Table("thing", tables, *columns(), sa.Column("data", Json), sa.Column("at", UtcTime),
             sa.Column("state", EnumText(State)))
    text = migrate.draft(f"sqlite:///{tmp_path}/empty.sqlite", "any", tables)
    assert "sa.Column('data', sa.Text(), nullable=True)" in text
    assert "sa.Column('at', sa.DateTime(), nullable=True)" in text
    assert "sa.Column('state', sa.String(length=32), nullable=True)" in text
    assert "uniq_thing0uuid" in text


def test_command_line(subsystem: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                      capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / f"{subsystem}.conf").write_text(f"[database]\nconnection = {url}\n")
    monkeypatch.setenv("FLOCK_CONF_DIR", str(tmp_path))
    assert dbsync_main(subsystem, []) == 0
    assert migrate.current(url) == "0002"
    assert dbsync_main(subsystem, ["version"]) == 0
    assert "0002 (newest: 0002)" in capsys.readouterr().out
    assert dbsync_main(subsystem, ["downgrade", "base"]) == 0
    assert migrate.current(url) is None
    assert dbsync_main(subsystem, ["draft"]) == 0
    assert "op.create_table('crate'" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        dbsync_main(subsystem, ["downgrade"])


def test_unknown_subsystem_is_named(url: str) -> None:
    with pytest.raises((ValueError, ModuleNotFoundError), match="nothing_like_it"):
        migrate.upgrade(url, "nothing_like_it")
