# SPDX-License-Identifier: Apache-2.0
"""What the daemon keeps between two starts."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flock.core.codec import Codec
from flock.core.errors import InvalidInput
from flock.core.records import replace
from sm.contract.states import Administrative, Operational
from sm.store.documents import DOCUMENT_BYTES_MAX
from sm.store.kept import Kept
from sm.store.schema import NodeRow
from sm.store.store import Store
from tests.unit.sm.catalogue.sites import changed, few


@dataclass(frozen=True)
class Vote:
    term: int
    holder: str = ""


@dataclass(frozen=True)
class NewerVote:
    term: int
    holder: str
    until_ms: int = 7


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "sm.db", few)
    yield opened
    opened.close()


@pytest.fixture
def kept(store: Store) -> Kept:
    return store.kept


def test_a_record_survives(store: Store, tmp_path: Path) -> None:
    vote = Codec(Vote)
    assert store.kept.get("vote", vote) is None
    store.kept.put("vote", vote, Vote(4, "controller-1"))
    store.kept.put("vote", vote, Vote(5, "controller-0"))
    other = Store.open(tmp_path / "sm.db", few)
    assert other.kept.get("vote", vote) == Vote(5, "controller-0")
    other.close()


def test_fields_of_other_releases(kept: Kept) -> None:
    kept.put("vote", Codec(NewerVote), NewerVote(3, "controller-0", 9))
    assert kept.get("vote", Codec(Vote)) == Vote(3, "controller-0")
    kept.put("vote", Codec(Vote), Vote(3, "controller-0"))
    assert kept.get("vote", Codec(NewerVote)) == NewerVote(3, "controller-0", 7)


def test_a_record_of_another_type_is_an_error(kept: Kept) -> None:
    kept.put("vote", Codec(int), 3)
    with pytest.raises(InvalidInput, match="vote"):
        kept.get("vote", Codec(Vote))


def test_a_record_has_a_limit(kept: Kept) -> None:
    with pytest.raises(InvalidInput, match="at most"):
        kept.put("vote", Codec(str), "x" * DOCUMENT_BYTES_MAX)
    assert kept.get("vote", Codec(str)) is None


def test_states_of_nodes(kept: Kept) -> None:
    one = NodeRow("controller-0", Administrative.UNLOCKED, Operational.ENABLED, state_uuid="a")
    kept.set_node(one)
    kept.set_node(NodeRow("controller-1", state_uuid="x"))
    kept.set_node(replace(one, ready=Operational.ENABLED))
    kept.set_node(replace(one, administrative=Administrative.LOCKED, state_uuid="b"))
    assert [row.name for row in kept.nodes()] == ["controller-0", "controller-1"]
    assert kept.nodes()[0].administrative is Administrative.LOCKED


def test_nodes_are_limited(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sm.store.kept.NODES_MAX", 1)
    kept.set_node(NodeRow("controller-0"))
    kept.set_node(NodeRow("controller-0", state_uuid="b"))
    with pytest.raises(InvalidInput, match="at most 1 nodes"):
        kept.set_node(NodeRow("controller-1"))


def test_a_roll_back_of_the_configuration_touches_nothing_of_it(store: Store) -> None:
    store.kept.put("vote", Codec(Vote), Vote(4, "controller-1"))
    store.kept.set_node(NodeRow("controller-0", state_uuid="a"))
    store.change(lambda found: changed(found, "services", ("dnsmasq",), max_failures=5), "x")
    store.kept.put("vote", Codec(Vote), Vote(5, "controller-0"))
    store.roll_back(1)
    assert store.kept.get("vote", Codec(Vote)) == Vote(5, "controller-0") and len(store.kept.nodes()) == 1
