# SPDX-License-Identifier: Apache-2.0
"""Which row of results decides about an exit: the order in which rows are looked for."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from sm.contract.states import PluginKind
from sm.core.model import DEFAULT

FAILURE, TIMEOUT, OTHER = "plugin-failure", "plugin-timeout", "other"
"""Codes that are no exit status: the plug-in could not be run, was killed at its time limit, ended in any other way."""


class Row(Protocol):
    """The place of a row of results."""

    @property
    def plugin(self) -> PluginKind: ...
    @property
    def name(self) -> str: ...
    @property
    def command(self) -> str: ...
    @property
    def code(self) -> str: ...


R = TypeVar("R", bound=Row)


class ResultRows(Generic[R]):
    """Rows by place. Of two rows for one place the first counts."""

    def __init__(self, rows: Iterable[R]) -> None:
        self._rows: dict[tuple[PluginKind, str, str, str], R] = {}
        for row in rows:
            self._rows.setdefault((row.plugin, row.name, row.command, row.code), row)

    def row(self, plugin: PluginKind, name: str, command: str, code: str) -> R | None:
        """The row that decides: a named script before ``default``, then a named command, then the exact code."""
        places = ((plugin, names, commands, codes) for names in (name, DEFAULT) for commands in (command, DEFAULT)
                  for codes in (code, OTHER))
        return next((row for place in places if (row := self._rows.get(place)) is not None), None)
