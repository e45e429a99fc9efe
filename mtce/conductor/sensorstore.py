# SPDX-License-Identifier: Apache-2.0
"""Stores sensor models. What changes with every reading is not stored: the next reading tells it again."""
from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import sqlalchemy as sa

from flock.core.errors import InvalidInput, StaleWrite
from flock.db import Database, compare_and_set
from mtce.core.sensors.model import Model, from_document, to_document
from mtce.core.sensors.reading import FAILURES_MIN
from mtce.db.tables import HOST, SENSOR_MODEL

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model as stored, with the revision of its row; None without a row."""

    model: Model
    revision: int | None = None


class ModelStore:
    """Each method is one transaction. Database errors pass through."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def uuids(self) -> set[str]:
        """Return the hosts that have a model."""
        with self._db.reader() as conn:
            return set(conn.execute(sa.select(SENSOR_MODEL.c.uuid)).scalars())

    def load(self, uuid: str) -> StoredModel:
        """Return the model of a host; an empty one when there is none, or none that can be read."""
        with self._db.reader() as conn:
            row = conn.execute(sa.select(SENSOR_MODEL).where(SENSOR_MODEL.c.uuid == uuid)).first()
        if row is None:
            return StoredModel(Model())
        try:
            return StoredModel(from_document(row.model), row.revision)
        except InvalidInput as error:
            # A later release wrote it, or an operator. The sensors are learnt anew, their settings are with sysinv.
            LOG.error("the stored sensors of %s cannot be read, they are learnt anew: %s", uuid, error)  # noqa: TRY400
            return StoredModel(Model(), row.revision)

    def save(self, uuid: str, stored: StoredModel, model: Model) -> StoredModel:
        """Store the model if it differs lastingly; StaleWrite when another conductor wrote it, or the host is gone."""
        kept = lasting(model)
        if stored.revision is not None and lasting(stored.model) == kept:
            return StoredModel(model, stored.revision)
        document = to_document(kept)
        with self._db.writer() as conn:
            if stored.revision is not None:
                revision = compare_and_set(conn, SENSOR_MODEL, uuid, stored.revision, {"model": document})
                return StoredModel(model, revision)
            known = conn.execute(sa.select(HOST.c.uuid).where(HOST.c.uuid == uuid)).first()
            rows = conn.execute(sa.select(SENSOR_MODEL.c.uuid).where(SENSOR_MODEL.c.uuid == uuid)).first()
            if known is None or rows is not None:
                raise StaleWrite(resource="sensor_model", id=uuid)
            conn.execute(sa.insert(SENSOR_MODEL).values(uuid=uuid, revision=1, model=document))
        return StoredModel(model, 1)

    def delete(self, uuid: str) -> None:
        """Forget the model of a host."""
        with self._db.writer() as conn:
            conn.execute(sa.delete(SENSOR_MODEL).where(SENSOR_MODEL.c.uuid == uuid))


def lasting(model: Model) -> Model:
    """Return what of a model must survive a restart."""
    sensors = tuple(replace(sensor, value=None, pending=None, missing=0, one_offs=0) for sensor in model.sensors)
    return replace(model, sensors=sensors, failures=min(model.failures, FAILURES_MIN))
