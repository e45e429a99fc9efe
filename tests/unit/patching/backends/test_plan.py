# SPDX-License-Identifier: Apache-2.0
"""From what a host has to what it shall have."""
from __future__ import annotations

from pathlib import Path

import pytest

from patching.backends import plan
from patching.backends.interface import BackendFailed, Item, Kind, Op, Target
from patching.backends.ostree import chain


def item(name: str, version: str, base: str = "") -> Item:
    return Item(name, version, Path(f"/{name}-{version}"), base)


def compare(one: str, other: str) -> int:
    return (int(one) > int(other)) - (int(one) < int(other))


def wanted(*items: Item) -> dict[str, Item]:
    return {one.name: one for one in items}


def test_missing_older_and_newer_packages_are_told_apart() -> None:
    target = Target(wanted(item("a", "1"), item("b", "2"), item("c", "1"), item("d", "1")))
    ops = plan.plan({"b": "1", "c": "2", "d": "1", "stranger": "9"}, target, compare)
    assert [(op.kind, op.name, op.before, op.after) for op in ops] == [
        (Kind.INSTALL, "a", "", "1"), (Kind.UPGRADE, "b", "1", "2"), (Kind.DOWNGRADE, "c", "2", "1")]


def test_what_no_release_names_any_more_returns_to_what_it_was() -> None:
    target = Target({}, {"a": "", "b": "1"}, (item("b", "1"),))
    ops = plan.plan({"a": "1", "b": "2"}, target, compare)
    assert ops == (Op(Kind.REMOVE, "a", "1", ""), Op(Kind.DOWNGRADE, "b", "2", "1", Path("/b-1")))


def test_a_version_that_nobody_holds_is_refused_by_name() -> None:
    with pytest.raises(BackendFailed, match="b must return to 1, but no release holds that version"):
        plan.plan({"b": "2"}, Target({}, {"b": "1"}), compare)


def test_a_tool_that_keeps_its_versions_needs_no_file_to_return() -> None:
    ops = plan.plan({"b": "2"}, Target({}, {"b": "1"}), compare, keeps_versions=True)
    assert ops == (Op(Kind.DOWNGRADE, "b", "2", "1"),)


def test_the_first_origin_counts_and_is_forgotten_with_the_package() -> None:
    ops = (Op(Kind.UPGRADE, "a", "2", "3"), Op(Kind.INSTALL, "b", "", "1"))
    assert plan.origins({"a": "1", "gone": "7"}, ops, ["a", "b"]) == {"a": "1", "b": ""}


def test_what_was_done_is_taken_back() -> None:
    ops = (Op(Kind.UPGRADE, "a", "1", "2"), Op(Kind.INSTALL, "b", "", "1"))
    undo = plan.plan({"a": "2"}, plan.back(ops, (item("a", "1"),)), compare)
    assert [(op.kind, op.name, op.after) for op in undo] == [(Kind.DOWNGRADE, "a", "1")]


def test_a_difference_names_package_and_versions() -> None:
    target = Target(wanted(item("a", "2")), {"b": ""})
    assert plan.difference({"a": "1", "b": "3"}, target) == "a is 1 instead of 2; b is 3 instead of absent"
    assert plan.difference({"a": "2"}, target) == ""


def test_deltas_are_applied_from_what_the_host_has() -> None:
    items = [item("ostree", "c3", "c2"), item("ostree", "c1", "c0"), item("ostree", "c2", "c1")]
    assert [one.version for one in chain("c3", items, lambda commit: commit == "c0")] == ["c1", "c2", "c3"]
    assert chain("c3", items, lambda commit: True) == []


@pytest.mark.parametrize("items", [
    [item("ostree", "c2", "c1")], [item("ostree", "c2", "c1"), item("ostree", "c1", "c2")]])
def test_a_chain_without_begin_is_refused(items: list[Item]) -> None:
    with pytest.raises(BackendFailed, match="is needed, but neither the host nor a release holds it"):
        chain("c2", items, lambda commit: False)
