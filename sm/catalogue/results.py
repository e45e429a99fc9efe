# SPDX-License-Identifier: Apache-2.0
"""What the exit of a plug-in means: the look-up in the rows of results, and rows that no look-up can find."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from sm.catalogue import plugins
from sm.catalogue.rows import ActionRow, ResultRow, key_of
from sm.contract.states import PluginKind

DEFAULT = "default"
OTHER = "other"
FAILURE = "plugin-failure"
"""The plug-in could not be run."""
TIMEOUT = "plugin-timeout"
"""The plug-in was killed at its time limit."""
CODE_MAX = 255


def is_code(code: str) -> bool:
    """Whether a row may have this code: an exit status from 0 to 255, or one of the words."""
    return code in (OTHER, FAILURE, TIMEOUT) or (code.isdecimal() and str(int(code)) == code
                                                 and int(code) <= CODE_MAX)


class Results:
    """The rows of results of one system, for look-ups."""

    def __init__(self, rows: Iterable[ResultRow]) -> None:
        self._rows = {(row.plugin, row.name, row.command, row.code): row for row in rows}

    def find(self, plugin: PluginKind, name: str, command: str, code: str) -> ResultRow | None:
        """The row that counts; None when not even a default one says what the code means: then the action failed."""
        return next((row for place in _places(name, command, code) if (row := self._rows.get((plugin, *place)))), None)


def _places(name: str, command: str, code: str) -> Iterator[tuple[str, str, str]]:
    for names in (name, DEFAULT):
        for commands in (command, DEFAULT):
            for codes in (code, OTHER):
                yield names, commands, codes


def unreachable(rows: Iterable[ResultRow], actions: Iterable[ActionRow]) -> list[ResultRow]:
    """Rows that no exit of any action leads to: of a plug-in or command that no action uses, or hidden by others.

    Rows of the name ``default`` also serve plug-ins that are added later, with their kind's own commands.
    """
    kept = tuple(rows)
    results = Results(kept)
    named = {(row.plugin, row.name) for row in kept}
    # All names without rows of their own are alike.
    used = {(action.plugin, action.name if (action.plugin, action.name) in named else "", action.command)
            for action in actions}
    used |= {(kind, "", word) for kind in PluginKind for word in (*plugins.commands(kind), "")}
    used |= {(kind, "", word) for kind, _, word in used}
    codes = defaultdict(set)
    for row in kept:
        codes[row.plugin].add(row.code)
    found = {key_of(hit) for kind, name, word in used for code in {*codes[kind], OTHER, FAILURE, TIMEOUT}
             if (hit := results.find(kind, name, word, code))}
    return [row for row in kept if key_of(row) not in found]
