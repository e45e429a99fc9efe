# SPDX-License-Identifier: Apache-2.0
"""Columns and column types that every table shares, portable between SQLite and PostgreSQL."""
from __future__ import annotations

import datetime
import enum
import json
import logging
import uuid as uuid_module
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

LOG = logging.getLogger(__name__)
# So that a revision names constraints the same way on every engine; unique ones in the form oslo.db understands.
NAMING: dict[str, Any] = {
    "columns": lambda constraint, _table: "0".join(column.name for column in constraint.columns),
    "uq": "uniq_%(table_name)s0%(columns)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


def metadata() -> sa.MetaData:
    """A MetaData that names its constraints (``uniq_<table>0<column>``); one per subsystem."""
    return sa.MetaData(naming_convention=NAMING)


def utcnow() -> datetime.datetime:
    """The time now, UTC with zone."""
    return datetime.datetime.now(datetime.UTC)


NO_TIME = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class UtcTime(TypeDecorator[datetime.datetime]):
    """A point in time: takes times with a zone, keeps UTC, gives UTC with zone. A time without zone is refused."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone cannot be stored")
        return value.astimezone(datetime.UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        return None if value is None else value.replace(tzinfo=datetime.UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """As made from the two above, but a stored text that is no time reads as ``NO_TIME``: one such row must not
        make every list that has it fail."""
        read = self.impl_instance.result_processor(dialect, coltype)

        # One function for each value, not three: lists have thousands.
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
    """A JSON value kept as text; None is SQL NULL."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class EnumText(TypeDecorator[Any]):
    """A member of a string enum kept as its text, with no type of its own in the database."""

    impl = sa.String
    cache_ok = True

    def __init__(self, enum_class: type[enum.StrEnum], length: int = 32) -> None:
        super().__init__(length)
        self.enum_class = enum_class

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.enum_class(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else self.enum_class(value)


def new_uuid() -> str:
    """A random uuid as 36 characters."""
    return str(uuid_module.uuid4())


def columns() -> tuple[sa.Column[Any], ...]:
    """``id`` primary key, ``uuid`` unique, ``created_at``, ``updated_at``: the first columns of every table.

    ``Table("host", METADATA, *columns(), Column(...))``; uuid and times fill themselves.
    """
    return (
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uuid", sa.String(36), nullable=False, unique=True, default=new_uuid),
        sa.Column("created_at", UtcTime, nullable=False, default=utcnow),
        sa.Column("updated_at", UtcTime, nullable=True, onupdate=utcnow),
    )


def revision_column() -> sa.Column[int]:
    """The counter that ``compare_and_set`` guards a row with."""
    return sa.Column("revision", sa.Integer, nullable=False, default=0, server_default="0")
