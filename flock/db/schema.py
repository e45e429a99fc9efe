# SPDX-License-Identifier: Apache-2.0
"""Columns and column types for all tables, portable between SQLite and PostgreSQL."""
from __future__ import annotations

import datetime
import enum
import json
import logging
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from flock.core.ids import new_uuid

LOG = logging.getLogger(__name__)
# Gives constraints the same names on every engine; oslo.db recognises unique constraints by this form.
NAMING: dict[str, Any] = {
    "columns": lambda constraint, _table: "0".join(column.name for column in constraint.columns),
    "uq": "uniq_%(table_name)s0%(columns)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


def metadata() -> sa.MetaData:
    """A new MetaData with names for constraints (``uniq_<table>0<column>``); each subsystem has one."""
    return sa.MetaData(naming_convention=NAMING)


def utcnow() -> datetime.datetime:
    """The current time, UTC with zone."""
    return datetime.datetime.now(datetime.UTC)


NO_TIME = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class UtcTime(TypeDecorator[datetime.datetime]):
    """A point in time: accepts times with a zone, stores and returns UTC. ValueError for a time without zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone cannot be stored")
        return value.astimezone(datetime.UTC).replace(tzinfo=None)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Like SQLAlchemy's own, but reads a stored text that is no time as ``NO_TIME``: one such row must not fail
        every list that contains it."""
        read = self.impl_instance.result_processor(dialect, coltype)

        # One function call per value instead of three, because lists have thousands of values.
        def tolerant(value: Any) -> Any:
            if value is None:
                return None
            try:
                found: Any = value if read is None else read(value)
                return found.replace(tzinfo=datetime.UTC)
            except (ValueError, TypeError, AttributeError):
                LOG.error("a stored time cannot be read: %.60r", value)
                return NO_TIME

        return tolerant


class Json(TypeDecorator[Any]):
    """A JSON value stored as text; None is SQL NULL."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class EnumText(TypeDecorator[Any]):
    """A member of a string enum stored as text, without an enum type in the database."""

    impl = sa.String
    cache_ok = True

    def __init__(self, enum_class: type[enum.StrEnum], length: int = 32) -> None:
        super().__init__(length)
        self.enum_class = enum_class

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.enum_class(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else self.enum_class(value)


def columns() -> tuple[sa.Column[Any], ...]:
    """``id`` primary key, ``uuid`` unique, ``created_at``, ``updated_at``: the first columns of every table.

    Use: ``Table("host", METADATA, *columns(), Column(...))``. The uuid and the times have defaults.
    """
    return (
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uuid", sa.String(36), nullable=False, unique=True, default=new_uuid),
        sa.Column("created_at", UtcTime, nullable=False, default=utcnow),
        sa.Column("updated_at", UtcTime, nullable=True, onupdate=utcnow),
    )


def revision_column() -> sa.Column[int]:
    """The counter column by which ``compare_and_set`` detects concurrent changes of a row."""
    return sa.Column("revision", sa.Integer, nullable=False, default=0, server_default="0")
