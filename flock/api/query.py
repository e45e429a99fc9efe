# SPDX-License-Identifier: Apache-2.0
"""Validated access to the query string."""
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from flock.wire.errors import BadBody, BadField, UnknownArgument, shown
from flock.wire.paging import Page, parse_page
from flock.wire.types import Boolean, Integer

ARGUMENTS_MAX = 1000
_BOOLEAN = Boolean()


class Query(Mapping[str, str]):
    """Arguments by name. For a repeated argument ``[]`` and ``text`` return the last value, ``all`` returns all.

    BadBody when the query string is not UTF-8, has too many arguments, or contains NUL.
    """

    def __init__(self, query_string: str, limit_max: int = 2000) -> None:
        self.limit_max = limit_max
        try:
            self.pairs = parse_qsl(query_string, keep_blank_values=True, errors="strict", max_num_fields=ARGUMENTS_MAX)
        except UnicodeDecodeError:
            raise BadBody(detail="The query string is not valid UTF-8.") from None
        except ValueError:
            raise BadBody(detail=f"The query string has more than {ARGUMENTS_MAX} arguments.") from None
        if "\x00" in query_string or any("\x00" in name or "\x00" in value for name, value in self.pairs):
            raise BadBody(detail="The query string must not contain NUL characters.")
        self._last = dict(self.pairs)

    def __getitem__(self, name: str) -> str:
        return self._last[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    def only(self, *names: str | Collection[str]) -> Query:
        """Raise UnknownArgument for arguments that are not in ``names``; returns itself."""
        known: set[str] = set()
        for name in names:
            known.update((name,) if isinstance(name, str) else name)
        unknown = [name for name in self._last if name not in known]
        if unknown:
            raise UnknownArgument(field=shown(", ".join(sorted(unknown))))
        return self

    def text(self, name: str, default: str | None = None) -> Any:
        """The argument as text; ``default`` when absent."""
        return self._last.get(name, default)

    def int(self, name: str, default: int | None = None, *, min: int | None = None, max: int | None = None) -> Any:  # noqa: A002
        """The argument as integer within bounds, else BadField; ``default`` when absent or empty."""
        return self._converted(name, default, Integer(min, max))

    def bool(self, name: str) -> Any:
        """The argument as boolean (true false 1 0 yes no), else BadField; False when absent or empty."""
        return self._converted(name, False, _BOOLEAN)

    def _converted(self, name: str, default: Any, datatype: Any) -> Any:
        value = self._last.get(name)
        if value is None or value == "":
            return default
        try:
            return datatype.validate(value)
        except ValueError as error:
            raise BadField(field=name, value=shown(value), rule=str(error)) from None

    def all(self, name: str) -> list[str]:
        """Every value of a repeatable argument, in order."""
        return [value for key, value in self.pairs if key == name]

    def page(self, **rules: Any) -> Page:
        """The paging arguments; ``rules`` as for ``parse_page``, where limit_max is that of [api] by default."""
        rules.setdefault("limit_max", self.limit_max)
        return parse_page(self, **rules)
