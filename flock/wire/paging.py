# SPDX-License-Identifier: Apache-2.0
"""Marker paging: reading limit, marker, sort_key and sort_dir, and writing the ``next`` link."""
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
    """What part of a collection is asked for. ``limit`` is always positive; ``given_limit`` what the client said."""

    limit: int
    marker: str | None
    sort_key: str
    sort_dir: str
    given_limit: int | None = None

    @property
    def descending(self) -> bool:
        """Whether ``sort_dir`` is desc."""
        return self.sort_dir == "desc"


def parse_page(arguments: Mapping[str, str], *, limit_max: int, sort_keys: Collection[str] | None = None,
               sort_key: str = "id", sort_dir: str = "asc") -> Page:
    """Read the paging arguments; absent or 0 ``limit`` means ``limit_max``, a larger one is cut to it.

    ``sort_keys``: the names a client may sort by (None: any). ``BadPage`` names the argument that breaks its rule.
    """
    limit = _limit(arguments.get("limit"))
    marker = arguments.get("marker") or None
    if marker is not None and not ids.is_uuid(marker):
        raise BadPage(detail=f"Expected a uuid but received {shown(marker)}.")
    key = arguments.get("sort_key") or sort_key
    if sort_keys is not None and any(part not in sort_keys and part != sort_key for part in key.split(",")):
        raise BadPage(detail=f"Invalid sort key: {shown(key)}. Acceptable values are: {', '.join(sorted(sort_keys))}")
    direction = arguments.get("sort_dir") or sort_dir
    if direction not in ("asc", "desc"):
        raise BadPage(detail=f"Invalid sort direction: {shown(direction)}. Acceptable values are 'asc' or 'desc'")
    return Page(min(limit or limit_max, limit_max), marker, key, direction, limit)


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
    """URL of the page after the one that ended with ``last_uuid``; ``filters`` are repeated in it."""
    pairs = [*filters, ("sort_key", page.sort_key), ("sort_dir", page.sort_dir), ("limit", str(page.limit)),
             ("marker", last_uuid)]
    return f"{base_url}/v1/{path}?{urlencode(pairs)}"


def envelope(key: str, items: Sequence[Mapping[str, Any]], *, page: Page | None = None, base_url: str = "",
             path: str | None = None, filters: Iterable[tuple[str, str]] = ()) -> dict[str, Any]:
    """``{key: items}``, with ``next`` when a page is given and full."""
    body: dict[str, Any] = {key: items}
    if page is not None and items and len(items) >= page.limit:
        body["next"] = next_link(base_url, path or key, page, str(items[-1]["uuid"]), filters)
    return body
