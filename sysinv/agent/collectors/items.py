# SPDX-License-Identifier: Apache-2.0
"""How a collector goes through its items: one that cannot be read is named and never costs the others."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Name = TypeVar("Name", bound=str | int)
T = TypeVar("T")


class Items(list[T]):
    """Records that were read; ``unread`` holds the names of those that could not be, each with its error."""

    def __init__(self, records: Iterable[T] = (), unread: dict[str, Exception] | None = None) -> None:
        super().__init__(records)
        self.unread = dict(unread or {})


def each(names: Iterable[Name], read: Callable[[Name], T | None], *earlier: Items[Any]) -> Items[T]:
    """``read`` of every name, in order; None means that there is no such item.

    ``earlier`` are steps that this one stands on: what they could not read is not read here either. Whatever ``read``
    raises concerns its one item: hardware is endlessly various, and one odd directory must not silence the rest.
    """
    found: Items[T] = Items(unread={name: error for step in earlier for name, error in step.unread.items()})
    for name in names:
        try:
            record = read(name)
        except Exception as error:  # noqa: BLE001 - see above; the agent logs it with its name
            found.unread[str(name)] = error
        else:
            if record is not None:
                found.append(record)
    return found
