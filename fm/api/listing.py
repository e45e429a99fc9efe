# SPDX-License-Identifier: Apache-2.0
"""What the three collections share: reading filters and paging from a query, and writing the page with its link."""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flock.api.call import Call
from flock.api.describe import Argument, paging
from flock.wire.errors import BadPage, shown
from flock.wire.types import Boolean, Choice, Text
from fm.core.filters import VALUE_MAX, Filter, Match, Op, parse

INCLUDE_SUPPRESS = Argument("include_suppress", Boolean(), "Also what the operator has hidden.")
EXPAND = Argument("expand", Boolean(), "Every field.")
WITH_COUNT = Argument("with_count", Boolean(), "Also how many elements all pages have together.")


@dataclass(frozen=True, slots=True)
class Listing:
    """One checked request for a page. ``limit`` None means everything."""

    filters: tuple[Filter, ...]
    sort: tuple[tuple[str, bool], ...]
    marker: str | None
    limit: int | None
    include_suppress: bool
    expand: bool
    with_count: bool

    @property
    def fetch(self) -> int | None:
        """How many rows to ask for: one more than the page holds tells whether another page follows."""
        return None if self.limit is None else self.limit + 1


def filters(known: Mapping[str, Match]) -> tuple[Argument, ...]:
    """The declaration of filters on the fields ``known``; the arguments are given equally often."""
    return (
        Argument("q.field", Choice(tuple(known)), "Field to compare.", repeated=True),
        Argument("q.op", Choice((*Op, "")), "How to compare; empty means eq.", repeated=True),
        Argument("q.type", Text(), "Accepted and not used.", repeated=True),
        Argument("q.value", Text(VALUE_MAX), "Value to compare with.", repeated=True))


def arguments(known: Mapping[str, Match], sort_keys: Sequence[str]) -> tuple[Argument, ...]:
    """The declaration of everything ``read`` reads."""
    return (*filters(known), *paging(sort_keys), INCLUDE_SUPPRESS, EXPAND, WITH_COUNT)


def read(call: Call, *, known: Mapping[str, Match], sort_keys: Collection[str],
         default_sort: Sequence[tuple[str, bool]], default_limit: int | None) -> Listing:
    """The listing a query asks for; 400 naming the argument that breaks its rule."""
    query = call.query
    conditions = parse(query.all("q.field"), query.all("q.op"), query.all("q.value"), known)
    page = query.page(sort_keys=sort_keys)
    sort = tuple(default_sort)
    if query.text("sort_key") or query.text("sort_dir"):
        keys = [key for key in (query.text("sort_key") or "").split(",") if key] or [key for key, _ in default_sort]
        sort = tuple((key, page.descending) for key in keys)
    return Listing(
        filters=tuple(conditions), sort=sort, marker=page.marker,
        limit=page.limit if page.given_limit else default_limit,
        include_suppress=query.bool("include_suppress", False), expand=query.bool("expand", False),
        with_count=query.bool("with_count", False))


def answer(call: Call, listing: Listing, key: str, items: list[dict[str, Any]], *, count: int | None = None,
           repeat_sort: bool = False) -> dict[str, Any]:
    """The envelope; ``next`` repeats every argument of this request. ``items`` may hold one more than the page."""
    body: dict[str, Any] = {key: items}
    if listing.limit is not None and len(items) > listing.limit:
        del items[listing.limit:]
        kept = [(name, value) for name, value in call.query.pairs if name not in ("limit", "marker")]
        if repeat_sort and listing.sort:
            kept = [pair for pair in kept if pair[0] not in ("sort_key", "sort_dir")]
            kept += [("sort_key", ",".join(name for name, _ in listing.sort)),
                     ("sort_dir", "desc" if listing.sort[0][1] else "asc")]
        kept += [("limit", str(listing.limit)), ("marker", str(items[-1]["uuid"]))]
        body["next"] = f"{call.base_url}/v1/{key}?{urlencode(kept)}"
    if count is not None:
        body["count"] = count
    return body


def lost_marker(marker: str | None) -> BadPage:
    """The refusal of a marker whose row has gone meanwhile."""
    return BadPage(detail=f"The marker {shown(marker)} is not there any more. Start again from the first page.")
