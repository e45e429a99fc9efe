# SPDX-License-Identifier: Apache-2.0
"""Interleaves two transactions at a chosen statement, so that a test of a race needs neither threads nor luck."""
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import event

from flock.db import Database


@contextlib.contextmanager
def before_statement(database: Database, part: str, work: Callable[[], object]) -> Iterator[None]:
    """Inside the block ``work()`` runs once, before the first statement of ``database`` that has ``part`` in it.

    ``work`` must use another Database, and must not need rows that the interrupted transaction holds locked.
    AssertionError when no such statement came.
    """
    done: list[str] = []

    def interrupt(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not done and part in statement:
            done.append(statement)
            work()

    event.listen(database.engine, "before_cursor_execute", interrupt)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", interrupt)
    assert done, f"no statement had {part!r}"  # noqa: S101 - a helper of tests
