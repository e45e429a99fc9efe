# SPDX-License-Identifier: Apache-2.0
"""Shared by the collections: reads filters and paging from a query and makes the reply with its ``next`` link."""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, paging
from flock.wire.paging import PAGE_ARGUMENTS, Page, envelope
from flock.wire.types import Boolean, Choice, Text
from fm.core.filters import VALUE_MAX, Filter, Match, Op, parse

INCLUDE_SUPPRESS = Argument("include_suppress", Boolean(), "Also suppressed and silenced ones.")
EXPAND = Argument("expand", Boolean(), "Every field.")
WITH_COUNT = Argument("with_count", Boolean(), "Also the number of elements on all pages.")


@dataclass(frozen=True, slots=True)
class Listing:
    """One checked request for a page."""

    filters: tuple[Filter, ...]
    page: Page
    include_suppress: bool
    expand: bool
    with_count: bool


def filters(known: Mapping[str, Match]) -> tuple[Argument, ...]:
    """Declare the filter arguments for the fields ``known``; a query must repeat each of them equally often."""
    return (
        Argument("q.field", Choice(tuple(known)), "Field to compare.", repeated=True),
        Argument("q.op", Choice((*Op, "")), "How to compare; empty means eq.", repeated=True),
        Argument("q.type", Text(), "Accepted and not used.", repeated=True),
        Argument("q.value", Text(VALUE_MAX), "Value to compare with.", repeated=True))


def arguments(known: Mapping[str, Match], sort_keys: Sequence[str]) -> tuple[Argument, ...]:
    """Declare all arguments that ``read`` accepts."""
    return (*filters(known), *paging(sort_keys), INCLUDE_SUPPRESS, EXPAND, WITH_COUNT)


def read(call: Call, *, known: Mapping[str, Match], sort_keys: Collection[str], sort_key: str = "id",
         sort_dir: str = "asc", unlimited: bool = True) -> Listing:
    """The checked listing request of a query; 400 names the argument that breaks its rule.

    ``sort_key`` and ``sort_dir`` are the default order; with ``unlimited`` the default has no limit.
    """
    query = call.query
    conditions = parse(query.all("q.field"), query.all("q.op"), query.all("q.value"), known)
    return Listing(
        filters=tuple(conditions),
        page=query.page(sort_keys=sort_keys, sort_key=sort_key, sort_dir=sort_dir, unlimited=unlimited),
        include_suppress=query.bool("include_suppress"), expand=query.bool("expand"),
        with_count=query.bool("with_count"))


def answer(call: Call, asked: Listing, key: str, items: list[dict[str, Any]], *,
           count: int | None = None) -> dict[str, Any]:
    """The reply body; ``next`` repeats every argument of this request. ``items`` may hold one more than the page."""
    kept = [(name, value) for name, value in call.query.pairs if name not in PAGE_ARGUMENTS]
    body = envelope(key, items, page=asked.page, base_url=call.base_url, filters=kept)
    return body if count is None else {**body, "count": count}
