# SPDX-License-Identifier: Apache-2.0
"""A catalogue that breaks rules: every broken rule with its file, row and field, and the error that lists them."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flock.core.errors import Refused

SHOWN_MAX = 20


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One broken rule. ``place``: a file or a table; ``row``: which one there; ``field`` may be empty."""

    place: str
    row: str
    field: str
    rule: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.row, self.field, self.rule) if part)


class CatalogueRefused(Refused):
    """Rows break rules; nothing was changed. ``problems`` has all of them, the sentence at most 20."""

    code, http, text = "sm.catalogue_refused", 400, "{detail}"

    def __init__(self, problems: Iterable[Problem] = (), detail: str = "") -> None:
        self.problems = tuple(problems)
        shown = [str(problem) for problem in self.problems[:SHOWN_MAX]]
        if len(self.problems) > SHOWN_MAX:
            shown.append(f"and {len(self.problems) - SHOWN_MAX} more")
        super().__init__(detail=detail or "\n".join(shown))
