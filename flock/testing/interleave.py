# SPDX-License-Identifier: Apache-2.0
"""Interleaves two transactions at a chosen statement, so that a test of a race is deterministic without threads."""
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import event

from flock.db import Database


@contextlib.contextmanager
def before_statement(database: Database, part: str, work: Callable[[], object]) -> Iterator[None]:
    """Inside the block, call ``work()`` once, before the first statement of ``database`` that contains ``part``.

    ``work`` must use another Database, and must not need rows that the interrupted transaction has locked.
    AssertionError when no statement contains ``part``.
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
