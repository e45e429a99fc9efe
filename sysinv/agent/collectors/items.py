# SPDX-License-Identifier: Apache-2.0
"""Items of a collector: an item that cannot be read is named and does not affect the others."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Name = TypeVar("Name", bound=str | int)
T = TypeVar("T")


class Items(list[T]):
    """Records that were read; ``unread`` maps the names of items that could not be read to their errors."""

    def __init__(self, records: Iterable[T] = (), unread: dict[str, Exception] | None = None) -> None:
        super().__init__(records)
        self.unread = dict(unread or {})


def each(names: Iterable[Name], read: Callable[[Name], T | None], *earlier: Items[Any]) -> Items[T]:
    """Return ``read(name)`` of every name, in order; omits items for which it returns None.

    ``earlier`` are preceding steps; their unread items are unread here too. Any exception of ``read`` affects only its
    own item, because hardware varies widely and one unusual directory must not prevent the rest of the report.
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
