# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from flock.core.records import replace
from sm.catalogue.build import catalogue
from sm.contract.states import PluginKind, ServiceAction
from sm.core.model import Catalogue, ServiceSpec
from sm.daemon.guard import NOTHING_PROVEN, Guard, NoData, Part, Unproven, read_required
from sm.daemon.parts import MAKERS, guard_for
from tests.unit.sm.catalogue.sites import rows
from tests.unit.sm.daemon.conftest import NODES

C0, C1 = NODES
OTHERS = frozenset({C1})


class Replica(Unproven):
    """A part that answers as it is told."""

    def __init__(self, name: str, current: frozenset[str] = frozenset()) -> None:
        super().__init__(name)
        self.current, self.proven = current, NOTHING_PROVEN
        self.orders: list[tuple[frozenset[str], int]] = []

    def first_members(self) -> frozenset[str]:
        return self.current

    def require(self, nodes: frozenset[str], order: int) -> None:
        self.orders.append((nodes, order))

    def enforced(self) -> int:
        return self.proven

    def in_sync(self) -> frozenset[str]:
        return self.current


def with_service(site: Catalogue, name: str, kind: PluginKind, program: str) -> Catalogue:
    action = replace(site.services["vim"].actions[ServiceAction.ENABLE], plugin=kind, name=program)
    return replace(site, services={**site.services, name: replace(
        site.services["vim"], name=name, actions={ServiceAction.ENABLE: action})})


def test_without_replicated_data_or_another_node_everything_is_current(site: Catalogue, tmp_path: Path) -> None:
    guard = guard_for(site, C0, NODES, tmp_path / "required")
    assert isinstance(guard, NoData) and guard.in_sync() == set(NODES)
    guard.require(OTHERS, 4)
    assert guard.enforced() == 4
    replicated = with_service(site, "drbd-pg", PluginKind.OCF, "drbd")
    assert guard_for(replicated, C0, (C0,), tmp_path / "required").first_members() == {C0}


def test_replicated_data_that_nobody_looks_at_is_never_current(site: Catalogue, tmp_path: Path) -> None:
    guard = guard_for(with_service(site, "drbd-pg", PluginKind.OCF, "drbd"), C0, NODES, tmp_path / "required")
    guard.require(OTHERS, 1)
    assert (guard.first_members(), guard.in_sync(), guard.enforced()) == (frozenset(), frozenset(), NOTHING_PROVEN)
    assert "drbd-pg: nothing here can look at this data" in guard.problems()[0]


def test_one_part_without_a_maker_keeps_the_other_nodes_out(site: Catalogue, tmp_path: Path) -> None:
    both_parts = with_service(with_service(site, "postgres", PluginKind.EXEC, "/opt/bin/sm-postgres"),
                             "drbd-platform", PluginKind.EXEC, "/opt/bin/sm-mirror")
    found: list[tuple[str, str, frozenset[str]]] = []

    def made(spec, me, others) -> Part:
        found.append((spec.name, me, others))
        return Replica(spec.name, OTHERS)

    makers = {"sm-postgres": made}
    assert guard_for(both_parts, C0, NODES, tmp_path / "required", makers).in_sync() == frozenset()
    both = guard_for(both_parts, C0, NODES, tmp_path / "required", {**makers, "sm-mirror": made})
    assert both.in_sync() == OTHERS
    assert found[-1] == ("postgres", C0, OTHERS)


def test_every_part_must_agree(tmp_path: Path) -> None:
    database, files = Replica("database", frozenset(NODES)), Replica("files", OTHERS)
    guard = Guard([database, files], tmp_path / "required", OTHERS)
    assert guard.in_sync() == guard.first_members() == OTHERS
    database.proven, files.proven = 7, 5
    assert guard.enforced() == 5


def test_an_order_is_in_the_file_before_a_part_knows_it(tmp_path: Path) -> None:
    path = tmp_path / "required"
    seen = []

    class Looks(Replica):
        def require(self, nodes: frozenset[str], order: int) -> None:
            seen.append(read_required(path))

    guard = Guard([Looks("database")], path, OTHERS)
    assert guard.ordered(known=True) == OTHERS, "nothing is known, so every other node is required"
    assert guard.ordered(known=False) == frozenset(), "no daemon has ever let anybody write"
    guard.require(OTHERS, 1)
    guard.require(frozenset(), 2)
    assert seen == [OTHERS, frozenset()]
    assert Guard([Looks("database")], path, OTHERS).ordered(known=True) == frozenset()


def test_an_order_that_cannot_be_written_leaves_no_file_and_is_tried_again(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, part = tmp_path / "required", Replica("database")
    guard = Guard([part], path, OTHERS)
    guard.require(frozenset(), 1)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("sm.daemon.guard.replace_file", full)
        guard.require(OTHERS, 2)
        assert guard.enforced() == NOTHING_PROVEN
        assert "No space left" in guard.problems()[0]
        assert read_required(path) is None
    guard.enforced()
    assert (part.orders, read_required(path), guard.problems()[0]) == (
        [(frozenset(), 1), (OTHERS, 2)], OTHERS, "database: nothing here can look at this data, so no node is promoted "
        "without an operator's word")


@pytest.mark.parametrize("content", ["", "[]", '{"nodes": 3}'])
def test_a_damaged_file_requires_every_node(content: str, tmp_path: Path) -> None:
    path = tmp_path / "required"
    path.write_text(content)
    assert read_required(path) is None
    assert Guard([Unproven("database")], path, OTHERS).ordered(known=False) == OTHERS


@pytest.mark.parametrize(("mode", "parts"), [("simplex", []), ("duplex", ["drbd-platform", "postgres"])])
def test_the_shipped_catalogue_is_guarded_by_all_its_parts(mode: str, parts: list[str], tmp_path: Path) -> None:
    found: list[str] = []

    def made(spec: ServiceSpec, me: str, others: frozenset[str]) -> Part:
        found.append(spec.name)
        return Replica(spec.name)

    nodes = NODES if mode == "duplex" else NODES[:1]
    guard_for(catalogue(rows(mode)), C0, nodes, tmp_path / "required", dict.fromkeys(MAKERS, made))
    assert found == parts
