# SPDX-License-Identifier: Apache-2.0
"""Marker paging: reads limit, marker, sort_key and sort_dir, and makes the ``next`` link.

A body has ``next`` exactly when another element follows. A controller fetches ``Page.fetch`` elements, one more than
the page holds, and ``envelope`` removes the extra one. So only full pages have ``next``, like in StarlingX, and a
client that follows it never gets an empty page.
"""
from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flock.core import ids
from flock.wire.errors import BadPage, shown
from flock.wire.types import INTEGER, NUMBER_DIGITS_MAX

PAGE_ARGUMENTS = ("limit", "marker", "sort_key", "sort_dir")


@dataclass(frozen=True, slots=True)
class Page:
    """The requested part of a collection. ``limit`` is positive, or None for everything; ``sort_key`` holds names
    separated by commas."""

    limit: int | None
    marker: str | None
    sort_key: str
    sort_dir: str

    @property
    def descending(self) -> bool:
        """Whether ``sort_dir`` is desc."""
        return self.sort_dir == "desc"

    @property
    def sort(self) -> tuple[tuple[str, bool], ...]:
        """(name, descending) of each sort key."""
        return tuple((key, self.descending) for key in self.sort_key.split(","))

    @property
    def fetch(self) -> int | None:
        """How many elements to fetch: one more than ``limit``; None for all."""
        return None if self.limit is None else self.limit + 1


def parse_page(arguments: Mapping[str, str], *, limit_max: int, sort_keys: Collection[str] | None = None,
               sort_key: str = "id", sort_dir: str = "asc", unlimited: bool = False) -> Page:
    """Read the paging arguments. Reduces ``limit`` to ``limit_max``; an absent ``limit`` or 0 means ``limit_max``, or
    everything if ``unlimited``.

    ``sort_keys``: the names by which a client may sort (None: any). ``BadPage`` names the argument that breaks a rule.
    """
    limit = _limit(arguments.get("limit"))
    marker = arguments.get("marker") or None
    if marker is not None and not ids.is_uuid(marker):
        raise BadPage(detail=f"Expected a uuid but received {shown(marker)}.")
    key = arguments.get("sort_key") or sort_key
    if sort_keys is not None and not {*key.split(",")} <= {*sort_keys, *sort_key.split(",")}:
        raise BadPage(detail=f"Invalid sort key: {shown(key)}. Acceptable values are: {', '.join(sorted(sort_keys))}")
    direction = arguments.get("sort_dir") or sort_dir
    if direction not in ("asc", "desc"):
        raise BadPage(detail=f"Invalid sort direction: {shown(direction)}. Acceptable values are 'asc' or 'desc'")
    return Page(None if unlimited and not limit else min(limit or limit_max, limit_max), marker, key, direction)


def _limit(text: str | None) -> int | None:
    if text is None or text == "":
        return None
    if len(text) > NUMBER_DIGITS_MAX or INTEGER.fullmatch(text) is None:
        raise BadPage(detail=f"Invalid input for field/attribute limit. Value: '{shown(text)}'. "
                             "Value must be an integer.")
    limit = int(text)
    if limit < 0:
        raise BadPage(detail="Limit must be positive")
    return limit


def next_link(base_url: str, path: str, page: Page, last_uuid: str,
              filters: Iterable[tuple[str, str]] = ()) -> str:
    """URL of the page after the one that ends with ``last_uuid``; repeats ``filters`` as arguments."""
    pairs = [*filters, ("sort_key", page.sort_key), ("sort_dir", page.sort_dir), ("limit", str(page.limit)),
             ("marker", last_uuid)]
    return f"{base_url}/v1/{path}?{urlencode(pairs)}"


def envelope(key: str, items: Sequence[Mapping[str, Any]], *, page: Page | None = None, base_url: str = "",
             path: str | None = None, filters: Iterable[tuple[str, str]] = ()) -> dict[str, Any]:
    """``{key: items}``; if there are more ``items`` than ``page`` holds, omits the rest and adds ``next``."""
    if page is None or page.limit is None or len(items) <= page.limit:
        return {key: items}
    shown_items = items[:page.limit]
    return {key: shown_items, "next": next_link(base_url, path or key, page, str(shown_items[-1]["uuid"]), filters)}
