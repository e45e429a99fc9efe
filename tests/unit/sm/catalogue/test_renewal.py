# SPDX-License-Identifier: Apache-2.0
"""A new catalogue and operators' changes come together."""
from hypothesis import given
from hypothesis import strategies as st

from flock.core.records import replace
from sm.catalogue.renewal import renewed
from sm.catalogue.rows import Configured, ServiceRow

ROWS = st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(1, 2), st.integers(1, 2)))


def made(rows: dict[str, tuple[int, int]]) -> Configured:
    return Configured(services=tuple(ServiceRow(name, max_failures=one, fail_countdown=two)
                                     for name, (one, two) in rows.items()))


@given(ROWS, ROWS, ROWS)
def test_each_field_follows_whoever_changed_it(base: dict[str, tuple[int, int]], now: dict[str, tuple[int, int]],
                                               new: dict[str, tuple[int, int]]) -> None:
    found = {row.name: (row.max_failures, row.fail_countdown)
             for row in renewed(made(base), made(now), made(new)).services}
    for name in "abc":
        if name in now and name in new:
            before = base.get(name, new[name])
            assert found[name] == tuple(mine if mine != old else theirs for old, mine, theirs in zip(
                before, now[name], new[name], strict=True))
        else:
            added_here, added_there = name in now and name not in base, name in new and name not in base
            assert (name in found) == (added_here or added_there)
            assert name not in found or found[name] == (now if added_here else new)[name]


def test_without_changes_the_new_catalogue_counts() -> None:
    one, two = made({"a": (1, 1)}), made({"a": (2, 1), "b": (1, 1)})
    assert renewed(one, one, two) == two and renewed(Configured(), Configured(), two) == two
    assert renewed(two, replace(two), one) == one
