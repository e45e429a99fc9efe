# SPDX-License-Identifier: Apache-2.0
"""A database that two releases use: what the next one needs comes first, what the one before needed goes last, and what
was added goes when the next one is taken back."""
from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from flock.db import Database, migrate, phases
from flock.db.dbsync import dbsync_main
from flock.db.phases import WrongOrder
from flock.testing.daemons import empty_database

NAME = "shed_for_test"
HEAD = 'import sqlalchemy as sa\nfrom alembic import op\nrevision, down_revision = {own!r}, {before!r}\n'
REVISIONS = {
    "0001": '''
def upgrade():
    op.create_table("tool", sa.Column("name", sa.String(20), nullable=False))
def downgrade():
    op.drop_table("tool")
''',
    "0002": '''
def upgrade():
    op.add_column("tool", sa.Column("title", sa.String(20), nullable=True))
def downgrade():
    with op.batch_alter_table("tool") as batch:
        batch.drop_column("title")
''',
    "0003": '''
phase = "contract"
def upgrade():
    op.execute("UPDATE tool SET title = name WHERE title IS NULL")
    with op.batch_alter_table("tool") as batch:
        batch.alter_column("title", existing_type=sa.String(20), nullable=False)
def downgrade():
    with op.batch_alter_table("tool") as batch:
        batch.alter_column("title", existing_type=sa.String(20), nullable=True)
''',
    "0004": '''
def upgrade():
    op.add_column("tool", sa.Column("weight", sa.Integer, nullable=True))
def downgrade():
    with op.batch_alter_table("tool") as batch:
        batch.drop_column("weight")
''',
}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with empty_database(request, request.param, tmp_path) as found:
        yield found


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "code" / NAME / "db/migrations/versions"
    folder.mkdir(parents=True)
    (folder.parents[2] / "__init__.py").write_text("")
    (folder.parents[1] / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    importlib.invalidate_caches()
    yield folder
    for module in [module for module in sys.modules if module.startswith(NAME)]:
        del sys.modules[module]


def knows(versions: Path, *names: str) -> None:
    """The code that is there now."""
    for path in versions.glob("*.py"):
        path.unlink()
    before = None
    for name in names:
        (versions / f"{name}_change.py").write_text(HEAD.format(own=name, before=before) + REVISIONS[name])
        before = name


def do(url: str, *statements: str) -> None:
    database = Database(url)
    with database.writer() as conn:
        for statement in statements:
            conn.execute(sa.text(statement))
    database.dispose()


def read(url: str, statement: str) -> list[tuple[object, ...]]:
    database = Database(url)
    with database.reader() as conn:
        found = [tuple(row) for row in conn.execute(sa.text(statement))]
    database.dispose()
    return found


def test_the_next_release_comes(versions: Path, url: str) -> None:
    knows(versions, "0001")
    migrate.upgrade(url, NAME)
    do(url, "INSERT INTO tool (name) VALUES ('saw')")
    knows(versions, "0001", "0002", "0003")
    assert phases.expand(url, NAME) == migrate.current(url) == "0002"
    assert phases.expand(url, NAME) == "0002"
    # Both releases write.
    do(url, "INSERT INTO tool (name) VALUES ('axe')", "INSERT INTO tool (name, title) VALUES ('bit', 'Bit')")
    phases.settle(url, NAME, "0003")
    phases.settle(url, NAME, "0003")
    assert sorted(read(url, "SELECT name, title FROM tool")) == [("axe", "axe"), ("bit", "Bit"), ("saw", "saw")]
    assert phases.expand(url, NAME) == "0003"


def test_the_next_release_is_taken_back(versions: Path, url: str) -> None:
    knows(versions, "0001")
    migrate.upgrade(url, NAME)
    knows(versions, "0001", "0002", "0003")
    phases.expand(url, NAME)
    do(url, "INSERT INTO tool (name, title) VALUES ('bit', 'Bit')")
    phases.settle(url, NAME, "0001")
    assert migrate.current(url) == "0001" and read(url, "SELECT * FROM tool") == [("bit",)]


def test_what_does_not_fit_is_refused(versions: Path, url: str) -> None:
    knows(versions, "0001")
    migrate.upgrade(url, NAME)
    knows(versions, "0001", "0002", "0003", "0004")
    with pytest.raises(WrongOrder, match="lacks revision 0003, which must run before 0004"):
        phases.expand(url, NAME)
    assert migrate.current(url) == "0001"
    migrate.upgrade(url, NAME, "0003")
    assert phases.expand(url, NAME) == "0004"
    knows(versions, "0001", "0002")
    for change in (lambda: phases.expand(url, NAME), lambda: phases.settle(url, NAME, "0002")):
        with pytest.raises(WrongOrder, match="Revision 0004 of the database of .* is unknown"):
            change()
    knows(versions, "0001", "0002")
    (versions / "0002_change.py").write_text((versions / "0002_change.py").read_text() + 'phase = "later"\n')
    with pytest.raises(WrongOrder, match="phase must be expand or contract, not 'later'"):
        phases.phase(next(migrate.directory(NAME).walk_revisions()))


def test_a_new_database_gets_all(versions: Path, url: str) -> None:
    knows(versions, "0001", "0002", "0003")
    assert phases.expand(url, NAME) == migrate.current(url) == "0003"


def test_the_command_line(versions: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                          capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / f"{NAME}.conf").write_text(f"[database]\nconnection = {url}\n")
    monkeypatch.setenv("FLOCK_CONF_DIR", str(tmp_path))
    knows(versions, "0001")
    assert dbsync_main(NAME, []) == 0
    capsys.readouterr()
    assert dbsync_main(NAME, ["head"]) == 0 and capsys.readouterr().out == "0001\n"
    knows(versions, "0001", "0002", "0003")
    assert dbsync_main(NAME, ["expand"]) == 0 and migrate.current(url) == "0002"
    assert dbsync_main(NAME, ["settle", "0001"]) == 0 and migrate.current(url) == "0001"
    assert dbsync_main(NAME, ["settle", "0099"]) == 1
    assert "Revision 0099" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_table_in_use_does_not_keep_others_waiting(versions: Path, url: str,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "LOCK_WAIT_S", 1)
    knows(versions, "0001")
    migrate.upgrade(url, NAME)
    knows(versions, "0001", "0002")
    database = Database(url)
    done: list[str] = []
    change = threading.Thread(target=lambda: done.append(phases.expand(url, NAME)))
    with database.writer() as conn:
        conn.execute(sa.text("INSERT INTO tool (name) VALUES ('saw')"))
        change.start()
        # More than once the change waits for this transaction; others get in between.
        waited = [read(url, "SELECT count(*) FROM tool") for _ in range(3)]
    change.join(60)
    database.dispose()
    assert done == ["0002"] and waited == [[(0,)]] * 3
