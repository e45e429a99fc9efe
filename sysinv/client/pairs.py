# SPDX-License-Identifier: Apache-2.0
"""Changes that are given as ``name=value``, as StarlingX's client takes them."""
from __future__ import annotations

from collections.abc import Iterable, Sequence

from flock.cli.errors import UsageError


def changes(pairs: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """Return the values by name, of which the last one counts; UsageError for a name that is not ``known``."""
    found: dict[str, str] = {}
    for text in pairs:
        name, separator, value = text.partition("=")
        if not separator or name not in known:
            raise UsageError(f"{text} is not one of {', '.join(f'{one}=VALUE' for one in known)}.")
        found[name] = value
    return found
