# SPDX-License-Identifier: Apache-2.0
"""Vote and record come back from the file."""
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flock.core.codec import Codec
from flock.core.errors import InvalidInput
from sm.core.domain.view import Durable, Record, Vote
from sm.store import agreement
from sm.store.store import Store
from tests.unit.sm.catalogue.sites import few

NAMES = st.sampled_from(("controller-0", "controller-1", "witness"))
TERMS = st.integers(0, 2**40)
DURABLE = st.builds(Durable, st.builds(Vote, TERMS, NAMES), st.builds(Record, TERMS, TERMS, st.frozensets(NAMES)),
                    st.text("abc"))


@given(durables=st.lists(DURABLE, min_size=1, max_size=3))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_last_one_survives(tmp_path: Path, durables: list[Durable]) -> None:
    store = Store.open(tmp_path / "sm.db", few)
    for durable in durables:
        agreement.put(store.kept, durable)
    store.close()
    store = Store.open(tmp_path / "sm.db", few)
    assert agreement.get(store.kept) == durables[-1]
    store.close()


def test_nothing_stored_is_told_from_term_0(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "sm.db", few)
    assert agreement.get(store.kept) is None
    agreement.put(store.kept, Durable())
    assert agreement.get(store.kept) == Durable()
    store.kept.put(agreement.NAME, Codec(list[int]), [1])
    with pytest.raises(InvalidInput):
        agreement.get(store.kept)
    store.close()
