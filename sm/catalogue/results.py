# SPDX-License-Identifier: Apache-2.0
"""What the exit of a plug-in means: codes that a row may have, and rows that no look-up can find."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sm.catalogue import plugins
from sm.catalogue.rows import ActionRow, ResultRow, key_of
from sm.contract.states import PluginKind
from sm.core.resultrows import FAILURE, OTHER, TIMEOUT, ResultRows

CODE_MAX = 255


def is_code(code: str) -> bool:
    """Whether a row may have this code: an exit status from 0 to 255, or one of the words."""
    return code in (OTHER, FAILURE, TIMEOUT) or (code.isdecimal() and str(int(code)) == code
                                                 and int(code) <= CODE_MAX)


def unreachable(rows: Iterable[ResultRow], actions: Iterable[ActionRow]) -> list[ResultRow]:
    """Rows that no exit of any action leads to: of a plug-in or command that no action uses, or hidden by others.

    Rows of the name ``default`` also serve plug-ins that are added later, with their kind's own commands.
    """
    kept = tuple(rows)
    results = ResultRows(kept)
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
             if (hit := results.row(kind, name, word, code))}
    return [row for row in kept if key_of(row) not in found]
