# SPDX-License-Identifier: Apache-2.0
"""Damaged files: found at opening, set aside by the daemon only, never overwritten unseen; SIGKILL while writing."""
from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sm.catalogue.check import problems
from sm.store.errors import StoreCorrupt
from sm.store.file import SET_ASIDE_MAX, set_aside
from sm.store.store import Store
from tests.unit.sm.catalogue.sites import changed, few

WRITER = """
import sys
from pathlib import Path
from sm.store.store import Store
from tests.unit.sm.catalogue.sites import changed, few
store = Store.open(Path(sys.argv[1]), few)
for number in range(10_000):
    done = store.change(lambda found: changed(found, "services", ("dnsmasq",), max_failures=number % 1000 + 1), "x")
    print(done.version, number % 1000 + 1, flush=True)
"""


KILLED_INSIDE = """
import os, signal, sys
from pathlib import Path
from sm.store import store as module
from tests.unit.sm.catalogue.sites import changed, few
store = module.Store.open(Path(sys.argv[1]), few)
put = module.rows.put
def killed(connection, table, row):
    put(connection, table, row)
    if table == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
module.rows.put = killed
store.change(lambda found: changed(found, "services", ("dnsmasq",), max_failures=77), "x")
"""


def made(path: Path) -> Path:
    Store.open(path, few).close()
    return path


def damage(path: Path, kind: str) -> None:
    data = bytearray(path.read_bytes())
    if kind == "header":
        data[:16] = b"not a database!!"
    elif kind == "pages":
        data[4096:] = os.urandom(len(data) - 4096)
    elif kind == "truncated":
        del data[len(data) // 2:]
    elif kind == "index":
        # Every page can be read, but the index of the services is that of the nodes, of which there are none.
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA writable_schema = ON")
            database.execute(
                "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = ?) "
                "WHERE name = ?", ("sqlite_autoindex_nodes_1", "sqlite_autoindex_services_1"))
        return
    else:
        data = bytearray(b"rubbish" * 1000)
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["header", "pages", "truncated", "index", "rubbish"])
def test_the_daemon_sets_a_damaged_file_aside(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    path = made(tmp_path / "sm.db")
    damage(path, kind)
    spoiled = path.read_bytes()
    with pytest.raises(StoreCorrupt, match="sets the file aside and builds a new one from the catalogue"):
        Store.open(path, few)
    assert path.read_bytes() == spoiled, "a program that is not the daemon leaves the file where it is"
    store = Store.open(path, few, repair=True)
    assert store.damaged == tmp_path / "sm.db.damaged-1" and store.configured() == few()
    assert store.damaged.read_bytes() == spoiled
    assert "repeat changes that were made with sm-configure" in caplog.text and str(store.damaged) in caplog.text
    store.close()
    store = Store.open(path, few, repair=True)
    assert store.damaged is None
    store.close()


def test_an_emptied_file_counts_as_forgotten(tmp_path: Path) -> None:
    """Its votes are gone, even though the database in it is intact."""
    path = made(tmp_path / "sm.db")
    path.write_bytes(b"")
    store = Store.open(path, few)
    assert store.configured() == few()
    store.close()


def test_few_damaged_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "sm.db"
    for number in range(SET_ASIDE_MAX + 2):
        path.write_text(f"file {number}")
        os.utime(path, ns=(number, number))
        set_aside(path)
    kept = sorted(one.read_text() for one in tmp_path.iterdir())
    assert kept == [f"file {number}" for number in range(2, SET_ASIDE_MAX + 2)]


def test_a_write_ahead_log_goes_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "sm.db"
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").write_text("x")
    assert set_aside(path) == tmp_path / "sm.db.damaged-1"
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "sm.db.damaged-1", "sm.db.damaged-1-shm", "sm.db.damaged-1-wal"]


@pytest.mark.parametrize("lines", [5])
def test_a_kill_in_the_middle_of_a_change_loses_nothing(tmp_path: Path, lines: int) -> None:
    """What was reported as stored is there after SIGKILL; of the change in progress all or nothing is."""
    path = tmp_path / "sm.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.readlines()
    whole = [line.split() for line in told if line.endswith("\n")]
    version, limit = map(int, whole[-1])
    store = Store.open(path, lambda: pytest.fail("the store is not new"))
    ahead = store.version() - version
    found = next(row.max_failures for row in store.configured().services if row.name == "dnsmasq")
    assert ahead in (0, 1) and found == limit + ahead
    assert problems(store.configured()) == []
    assert store.configured() == changed(few(), "services", ("dnsmasq",), max_failures=found)
    assert [one.number for one in store.versions()][0] == store.version()
    store.close()


@pytest.mark.parametrize("table", ["services", "versions"])
def test_a_kill_before_the_end_of_a_change_leaves_nothing_of_it(tmp_path: Path, table: str) -> None:
    """After its rows are written, and after the version is written too."""
    path = made(tmp_path / "sm.db")
    done = subprocess.run([sys.executable, "-c", KILLED_INSIDE, str(path), table], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    store = Store.open(path, few)
    assert store.configured() == few() and store.version() == 1
    store.close()
