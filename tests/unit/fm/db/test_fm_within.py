# SPDX-License-Identifier: Apache-2.0
"""Containment in SQL is containment in Python, and it is found through the index."""
from __future__ import annotations

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from fm.db.conditions import within
from fm.db.tables import ALARM
from tests.oracles.hiding import contains

ENTITIES = sa.Table("entities", sa.MetaData(), sa.Column("name", sa.String(255), index=True))
# Around the separators in byte order, a byte above ASCII and one beyond the basic plane.
TEXT = st.text(alphabet="aA=.,-/+ %_\u00e9\U0001f40f", min_size=1, max_size=6)


@given(outer=TEXT, inner=st.lists(TEXT, max_size=8), tails=st.lists(TEXT, max_size=8))
def test_sql_agrees_with_the_rule(outer: str, inner: list[str], tails: list[str]) -> None:
    names = [*inner, *(outer + tail for tail in tails), outer]
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        ENTITIES.create(conn)
        conn.execute(sa.insert(ENTITIES), [{"name": name} for name in names])
        found = conn.execute(sa.select(ENTITIES.c.name).where(within(ENTITIES.c.name, outer))).scalars().all()
    engine.dispose()
    assert sorted(found) == sorted(name for name in names if contains(outer, name))


def test_what_lies_below_is_found_through_the_index() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        ENTITIES.create(conn)
        query = sa.select(ENTITIES.c.name).where(sa.or_(*(within(ENTITIES.c.name, f"host=h{n}") for n in range(20))))
        text = query.compile(engine, compile_kwargs={"literal_binds": True})
        plan = [row.detail for row in conn.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]
    engine.dispose()
    assert not any(line.startswith("SCAN") for line in plan), plan


def test_entities_are_compared_byte_by_byte_on_postgresql() -> None:
    column = ALARM.c.entity_instance_id.type.dialect_impl(sa.create_mock_engine("postgresql://", print).dialect)
    assert getattr(column, "collation", None) == "C"
