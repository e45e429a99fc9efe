# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from sm.contract.states import ServiceState
from sm.core.domain.view import Durable, Record
from sm.core.events import SetManaged
from sm.core.local.step import step
from sm.core.model import Catalogue
from sm.daemon.beginning import first_view, stored
from sm.daemon.guard import NoData, Unproven
from sm.daemon.memory import Left, Memory, host_boot
from sm.store.agreement import put
from sm.store.file import connect
from sm.store.kept import Kept
from tests.unit.sm.daemon.conftest import NODES, NOW, view_of


def test_the_next_daemon_of_the_boot_finds_it(tmp_path: Path, site: Catalogue) -> None:
    local, _ = step(view_of(site).local, SetManaged("vim", False), site, NOW)
    memory = Memory(tmp_path / "run", "boot")
    assert memory.load() is None
    memory.save(local, 5_000, 7)
    memory.save(local, 6_000, 7)
    memory.close()
    assert Memory(tmp_path / "run", "boot").load() == Left(local, 6_000, 7)
    assert Memory(tmp_path / "run", "another boot").load() is None


def test_damaged_files_are_as_good_as_none(tmp_path: Path, site: Catalogue) -> None:
    local = view_of(site).local
    memory = Memory(tmp_path, "boot")
    memory.save(local, 5_000, 1)
    (tmp_path / "permitted").write_bytes(b"x")
    assert memory.load() == Left(local, -1, 1)
    (tmp_path / "view.json").write_text("{")
    assert memory.load() is None


def test_a_directory_that_refuses_is_a_problem_only(tmp_path: Path, site: Catalogue) -> None:
    (tmp_path / "file").touch()
    memory = Memory(tmp_path / "file" / "run", "boot")
    memory.save(view_of(site).local, 1, 1)
    assert "cannot be written" in memory.problem


def test_boots_of_the_host_have_names() -> None:
    assert len(host_boot()) == 36


def test_the_first_view(site: Catalogue) -> None:
    fresh = view_of(site)
    view, actions, resumed = first_view(fresh.domain, site, None, lambda _: None, NOW)
    assert not resumed and actions and view.domain.grace_until_ms == -1
    left = Left(fresh.local, NOW + 900, 3)
    view, actions, resumed = first_view(fresh.domain, site, left, lambda _: None, NOW)
    assert resumed and view.domain.grace_until_ms == NOW + 900
    # The service has left the catalogue while no daemon ran: it is stopped as version 3 defined it.
    asked: list[int] = []

    def earlier(version: int) -> Catalogue:
        asked.append(version)
        return site

    view, _, _ = first_view(fresh.domain, Catalogue({}, {}), left, earlier, NOW)
    assert asked == [3] and view.local.services["vim"].desired is ServiceState.DISABLED


def test_the_first_record_is_what_the_data_proves(tmp_path: Path) -> None:
    connection = connect(tmp_path / "db")
    kept = Kept(tmp_path / "db", connection)
    assert stored(kept, NoData(NODES)).record.members == set(NODES)
    assert stored(kept, Unproven("database")).record.members == frozenset()
    put(kept, Durable(record=Record(4, 2, frozenset({NODES[1]}))))
    assert stored(kept, NoData(NODES)).record.members == {NODES[1]}
    connection.close()
