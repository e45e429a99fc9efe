# SPDX-License-Identifier: Apache-2.0
"""Stores the strategy. The orchestrator alone writes it; the API reads it."""
from __future__ import annotations

import logging
from dataclasses import dataclass

import sqlalchemy as sa

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.core.records import replace
from flock.db import Database, DuplicateEntry
from flock.db.writes import compare_and_set
from patching.contract.orchestration import StrategyExists
from patching.core.strategy.model import Phase, PhaseName, Result, Strategy, StrategyState
from patching.core.strategy.parameters import Kind, Parameters
from patching.db.tables import STRATEGY

LOG = logging.getLogger(__name__)
_CODEC = codec_for(Strategy)


@dataclass(frozen=True, slots=True)
class Stored:
    """The strategy as stored."""

    strategy: Strategy
    revision: int


class Store:
    """Each method is one transaction; database errors pass through."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def load(self) -> Stored | None:
        """The strategy, if there is one."""
        with self._db.reader() as conn:
            row = conn.execute(sa.select(STRATEGY)).first()
        return None if row is None else Stored(_strategy(row), row.revision)

    def add(self, strategy: Strategy) -> Stored:
        """Store a new one. StrategyExists: another one was stored first."""
        try:
            with self._db.writer() as conn:
                conn.execute(sa.insert(STRATEGY).values(uuid=strategy.uuid, revision=1, **_values(strategy)))
        except DuplicateEntry:
            raise StrategyExists(kind=strategy.parameters.kind.value, state="stored by another orchestrator") from None
        return Stored(strategy, 1)

    def save(self, before: Stored, strategy: Strategy) -> Stored:
        """Store a change. StaleWrite: another orchestrator has changed it."""
        with self._db.writer() as conn:
            revision = compare_and_set(conn, STRATEGY, strategy.uuid, before.revision, _values(strategy))
        return Stored(strategy, revision)

    def delete(self, uuid: str) -> None:
        """Delete it."""
        with self._db.writer() as conn:
            conn.execute(sa.delete(STRATEGY).where(STRATEGY.c.uuid == uuid))


def _values(strategy: Strategy) -> dict[str, object]:
    return {"kind": strategy.parameters.kind.value, "state": strategy.state.value,
            "document": _CODEC.to_document(strategy, "strategy")}


def _strategy(row: sa.Row[tuple[object, ...]]) -> Strategy:
    """The strategy of a row. One that this release cannot read has failed: nobody knows what it has left undone."""
    try:
        found: Strategy = _CODEC.from_document(row.document, "strategy")
    except InvalidInput as error:
        LOG.error("the stored strategy cannot be read: %s", error)  # noqa: TRY400
        reason = f"the stored strategy cannot be read by this release ({error}); look after its hosts and delete it"
        found = Strategy(row.uuid, Parameters(Kind(row.kind)), StrategyState.APPLY_FAILED, current=PhaseName.APPLY)
        found = replace(found, apply=Phase(PhaseName.APPLY, result=Result.FAILED, reason=reason))
    return found
