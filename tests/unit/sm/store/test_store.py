# SPDX-License-Identifier: Apache-2.0
"""Changes of the store: validated, told beforehand by a dry run, kept as versions that a roll-back brings back."""
from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flock.core.errors import NotFound
from flock.core.records import replace
from sm.admin import edits
from sm.catalogue.check import problems
from sm.catalogue.difference import difference
from sm.catalogue.problems import CatalogueRefused
from sm.catalogue.rows import Configured, key_of
from sm.store.errors import StoreCorrupt, StoreUnavailable
from sm.store.store import VERSIONS_MAX, Store
from tests.unit.sm.catalogue.sites import changed, few


def off(service: str) -> Callable[[Configured], Configured]:
    group = {"keystone": "cloud-services"}.get(service, "controller-services")
    return edits.provision_member(group, service, False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "sm" / "sm.db", few, "2026-11-29T12:00:00+00:00")
    yield opened
    opened.close()


def again(store: Store, tmp_path: Path) -> Store:
    """Another process with the same file."""
    return Store.open(tmp_path / "sm" / "sm.db", lambda: pytest.fail("the store is not new"))


def test_a_new_store_holds_the_catalogue(store: Store, tmp_path: Path) -> None:
    assert store.configured() == few() and store.version() == 1 and store.ignored == []
    assert [(one.number, one.comment, one.made) for one in store.versions()] == [
        (1, "from the catalogue", "2026-11-29T12:00:00+00:00")]
    other = again(store, tmp_path)
    assert other.configured() == few() and other.version() == 1
    other.close()


def test_only_root_may_read_it(store: Store, tmp_path: Path) -> None:
    assert (tmp_path / "sm/sm.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "sm").stat().st_mode & 0o007 == 0


def test_a_change(store: Store, tmp_path: Path) -> None:
    done = store.change(off("fm-api"), "off", "today")
    assert done.stored and done.version == store.version() == 2 and done.difference.stops == ("fm-api",)
    assert store.configured() == off("fm-api")(few())
    other = again(store, tmp_path)
    assert other.configured() == store.configured()
    other.close()


def test_a_dry_run_changes_nothing(store: Store) -> None:
    told = store.change(off("fm-api"), "off", dry_run=True)
    assert not told.stored and told.version == 1 and told.difference.stops == ("fm-api",)
    assert store.configured() == few() and len(store.versions()) == 1


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_refused_change_changes_nothing(store: Store, dry_run: bool) -> None:
    for edit, error in ((off("keystone"), CatalogueRefused),
                        (edits.provision("services", ("nobody",), True, "service"), NotFound)):
        with pytest.raises(error):
            store.change(edit, "bad", dry_run=dry_run)
        assert store.configured() == few() and store.version() == 1
    assert store.change(off("fm-api"), "good").stored


def test_a_change_that_changes_nothing_is_no_version(store: Store) -> None:
    assert not store.change(lambda configured: configured, "nothing").stored and store.version() == 1


def test_roll_back(store: Store) -> None:
    store.change(off("fm-api"), "one")
    store.change(off("mtce-api"), "two")
    assert store.roll_back(1, dry_run=True).difference.starts == ("fm-api", "mtce-api")
    assert store.version() == 3
    done = store.roll_back(1)
    assert done.version == 4 and store.configured() == few()
    assert store.roll_back(3).difference.stops == ("fm-api", "mtce-api")
    assert [one.comment for one in store.versions()] == ["back to version 3", "back to version 1", "two", "one",
                                                         "from the catalogue"]
    with pytest.raises(NotFound):
        store.roll_back(99)


def test_a_new_catalogue_keeps_what_operators_changed(store: Store, tmp_path: Path) -> None:
    store.change(lambda found: changed(found, "services", ("dnsmasq",), max_failures=5), "operator")
    newer = changed(few(), "services", ("dnsmasq",), max_failures=3, max_action_failures=9)
    newer = changed(newer, "services", ("rabbit",), max_transition_failures=8)
    told = store.renew(newer, "release 2", dry_run=True)
    assert store.version() == 2 and {(one.row, one.field) for one in told.difference.changes} == {
        ("dnsmasq", "max_action_failures"), ("rabbit", "max_transition_failures")}
    assert store.renew(newer, "release 2").version == 3
    found = {row.name: row for row in store.configured().services}
    assert (found["dnsmasq"].max_failures, found["dnsmasq"].max_action_failures) == (5, 9)
    assert found["rabbit"].max_transition_failures == 8
    assert not store.renew(newer, "release 2").stored
    # The same value as in the new catalogue is no change by an operator any more.
    store.change(lambda found: changed(found, "services", ("dnsmasq",), max_failures=3), "operator")
    assert store.renew(few(), "release 1").stored and _sorted(store.configured()) == _sorted(few())


def test_a_new_catalogue_that_does_not_go_with_operators_changes_is_refused(store: Store) -> None:
    store.change(off("fm-api"), "operator")
    newer = changed(few(), "service_group_members", ("cloud-services", "keystone"), provisioned=False)
    newer = changed(newer, "service_groups", ("cloud-services",), provisioned=False)
    store.change(lambda found: changed(found, "service_groups", ("vim-services",), provisioned=True), "operator")
    without_vim = changed(newer, "service_domain_members", ("controller", "vim-services"), provisioned=True)
    with pytest.raises(CatalogueRefused, match="vim-services: members"):
        store.renew(without_vim, "release 2")
    assert store.version() == 3
    assert store.renew(newer, "release 2").difference.stops == ("keystone",)


def test_only_the_last_versions_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sm.store.store.VERSIONS_MAX", 3)
    for number in range(5):
        store.change(lambda found, number=number: changed(found, "services", ("dnsmasq",),  # type: ignore[misc]
                                                          max_failures=number + 3), "again")
    numbers = [one.number for one in store.versions()]
    assert numbers == [6, 5, 4]
    with pytest.raises(NotFound):
        store.roll_back(1)


def test_a_row_that_cannot_be_read_is_ignored_and_left_alone(store: Store, tmp_path: Path) -> None:
    """Such as one with a word of a newer release."""
    other = sqlite3.connect(tmp_path / "sm/sm.db")
    with other:
        other.execute("UPDATE service_group_members SET impact = 'huge' WHERE service = 'fm-api'")
        other.execute("UPDATE service_actions SET parameters = '[1]' WHERE service = 'fm-api' AND command = 'stop'")
        other.execute("UPDATE services SET provisioned = 'maybe' WHERE name = 'vim'")
    assert len(store.configured().services) == len(few().services) - 1
    assert [(found.place, found.field) for found in store.ignored] == [
        ("service_group_members", "impact"), ("services", "provisioned"), ("service_actions", "parameters")]
    assert "must belong to one group" in str(problems(store.configured()))
    store.roll_back(1)
    assert store.configured() == few() and store.ignored == []
    other.close()


def test_what_a_newer_release_added_is_ignored(store: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "sm/sm.db")
    with other:
        other.execute("ALTER TABLE services ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'")
        other.execute("CREATE TABLE paints (id INTEGER PRIMARY KEY)")
        other.execute("PRAGMA user_version = 7")
    older = again(store, tmp_path)
    assert older.configured() == few() and older.change(off("fm-api"), "off").stored
    older.close()
    assert other.execute("PRAGMA user_version").fetchone() == (7,)
    assert other.execute("SELECT DISTINCT colour FROM services").fetchall() == [("red",)]
    other.close()


def test_what_an_older_release_did_not_have_gets_its_default(store: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "sm/sm.db")
    with other:
        other.execute("ALTER TABLE services DROP COLUMN program")
        other.execute("DROP TABLE nodes")
        other.execute("PRAGMA user_version = 0")
    newer = again(store, tmp_path)
    assert newer.configured() == few() and newer.kept.nodes() == []
    assert other.execute("PRAGMA user_version").fetchone() == (1,)
    newer.close()
    other.close()


def test_a_version_that_cannot_be_read_says_so(store: Store, tmp_path: Path) -> None:
    store.change(off("fm-api"), "off")
    other = sqlite3.connect(tmp_path / "sm/sm.db")
    for document in ("xx", "00", ""):
        with other:
            other.execute("UPDATE versions SET document = ? WHERE number = 1", (document,))
        with pytest.raises(StoreCorrupt, match="version 1 cannot be read"):
            store.roll_back(1)
    assert store.version() == 2
    other.close()


def test_a_change_waits_for_another_process_only_so_long(store: Store, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sm.store.file.BUSY_TIMEOUT_S", 0.05)
    late = again(store, tmp_path)
    other = sqlite3.connect(tmp_path / "sm/sm.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        late.change(off("fm-api"), "off")
    assert late.configured() == few()
    other.execute("ROLLBACK")
    assert late.change(off("fm-api"), "off").stored
    late.close()
    other.close()


def test_a_full_disk_changes_nothing(store: Store) -> None:
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="full"):
        for number in range(100):
            store.change(lambda found, number=number: changed(  # type: ignore[misc]
                found, "services", ("dnsmasq",), pid_file="/" + "a" * 900 + str(number)), "more")
    kept = store.configured()
    assert problems(kept) == [] and store.version() == len(store.versions())
    store._connection.execute("PRAGMA max_page_count = 100000")
    assert store.change(off("fm-api"), "off").stored and store.configured() == off("fm-api")(kept)


def test_the_file_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="Nothing was changed"):
        Store.open(tmp_path / "file/sm.db", few)


class Changes(RuleBasedStateMachine):
    """Random changes, dry runs and roll-backs against a plain list of what each version held."""

    services = ("fm-api", "mtce-api", "mtc-agent", "dnsmasq", "keystone", "haproxy", "oam-ipv4")
    places = {"keystone": "cloud-services", "haproxy": "oam-services", "oam-ipv4": "oam-services"}

    @initialize()
    def open(self) -> None:
        self.place = Path(tempfile.mkdtemp())
        self.store = Store.open(self.place / "sm.db", few)
        self.held = [few()]

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.place)

    @rule(service=st.sampled_from(services), value=st.booleans(), dry_run=st.booleans())
    def provision(self, service: str, value: bool, dry_run: bool) -> None:
        group = self.places.get(service, "controller-services")
        self._change(edits.provision_member(group, service, value), dry_run)

    @rule(service=st.sampled_from(services), limit=st.integers(-1, 3), dry_run=st.booleans())
    def limit(self, service: str, limit: int, dry_run: bool) -> None:
        self._change(lambda found: changed(found, "services", (service,), max_failures=limit), dry_run)

    @rule(number=st.integers(1, 40), dry_run=st.booleans())
    def roll_back(self, number: int, dry_run: bool) -> None:
        if not 0 < number <= len(self.held) or number <= len(self.held) - VERSIONS_MAX:
            with pytest.raises(NotFound):
                self.store.roll_back(number, dry_run=dry_run)
            return
        self._done(self.store.roll_back(number, dry_run=dry_run), self.held[number - 1], dry_run)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self.place / "sm.db", lambda: pytest.fail("not new"))

    def _change(self, edit: Callable[[Configured], Configured], dry_run: bool) -> None:
        wanted = edit(self.held[-1])
        if problems(wanted):
            with pytest.raises(CatalogueRefused):
                self.store.change(edit, "change", dry_run=dry_run)
            return
        self._done(self.store.change(edit, "change", dry_run=dry_run), wanted, dry_run)

    def _done(self, done: object, wanted: Configured, dry_run: bool) -> None:
        told = difference(self.held[-1], wanted)
        assert (done.difference, done.stored) == (told, bool(told) and not dry_run)  # type: ignore[attr-defined]
        if told and not dry_run:
            self.held.append(wanted)

    @invariant()
    def the_store_holds_the_last(self) -> None:
        if hasattr(self, "store"):
            found = self.store.configured()
            assert _sorted(found) == _sorted(self.held[-1]) and self.store.version() == len(self.held)
            assert problems(found) == []


def _sorted(found: Configured) -> Configured:
    return replace(found, **{name: tuple(sorted(getattr(found, name), key=key_of))
                             for name in ("services", "service_group_members")})


TestChanges = Changes.TestCase
TestChanges.settings = settings(max_examples=5, stateful_step_count=10, deadline=None,
                                suppress_health_check=list(HealthCheck))
