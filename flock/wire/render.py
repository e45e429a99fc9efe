# SPDX-License-Identifier: Apache-2.0
"""Converts rows to wire dicts by one function per resource, made from its declaration at first use."""
from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flock.wire.resource import Attribute, Resource, Shape, as_mapping, shape
from flock.wire.types import Choice, Moment, WireType

Renderer = Callable[[Mapping[str, Any], str], dict[str, Any]]
_made_of: dict[tuple[type[Resource], tuple[str, ...] | None], Renderer] = {}


def renderer(resource: type[Resource], fields: Sequence[str] | None = None) -> Renderer:
    """``function(row mapping, base_url) -> wire dict`` with all fields, or only ``fields`` in that order."""
    key = (resource, tuple(fields) if fields is not None else None)
    function = _made_of.get(key)
    if function is None:
        function = _made_of[key] = _made(shape(resource), key[1], resource.__name__)
    return function


def render(resource: type[Resource], row: Any, base_url: str = "",
           fields: Sequence[str] | None = None) -> dict[str, Any]:
    """One row (dict or SQLAlchemy row) as a wire dict."""
    return renderer(resource, fields)(as_mapping(row), base_url)


def render_many(resource: type[Resource], rows: Iterable[Any], base_url: str = "",
                fields: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Rows as wire dicts."""
    function = renderer(resource, fields)
    return [function(as_mapping(row), base_url) for row in rows]


def links(base_url: str, path: str, ident: Any) -> list[dict[str, str]]:
    """The ``self`` and ``bookmark`` pair of one item, or of a child collection ``ident`` of the item ``path``."""
    return [{"href": f"{base_url}/v1/{path}/{ident}", "rel": "self"},
            {"href": f"{base_url}/{path}/{ident}", "rel": "bookmark"}]


def _made(declared: Shape, fields: tuple[str, ...] | None, name: str) -> Renderer:
    chosen = [attribute for attribute in declared.attributes if not attribute.secret]
    if fields is not None:
        by_name = {attribute.name: attribute for attribute in chosen}
        missing = [field for field in fields if field not in by_name and field != "links"]
        if missing:
            raise TypeError(f"{name} has no field {missing}")
        chosen = [by_name[field] for field in fields if field in by_name]
    always = [(a.name, a.source or a.name) for a in chosen if not a.optional]
    optional = [(a.name, a.source or a.name) for a in chosen if a.optional]
    forms = [(a.name, form) for a in chosen if (form := _form(a, declared)) is not None]
    linked = declared.links and (fields is None or "links" in fields)

    def render(row: Mapping[str, Any], base_url: str) -> dict[str, Any]:
        out = {name: row.get(source) for name, source in always}
        for name, source in optional:
            if source in row:
                out[name] = row[source]
        for name, form in forms:
            if (value := out.get(name)) is not None:
                out[name] = form(value)
        if linked:
            out["links"] = links(base_url, declared.path, row.get("uuid") or "" if declared.path else "")
        return out

    return render


def _form(attribute: Attribute, declared: Shape) -> Callable[[Any], Any] | None:
    """The function that converts a stored value to its wire form; None when both are equal."""
    datatype = attribute.datatype
    if isinstance(datatype, Moment):
        return lambda value: value if isinstance(value, str) else declared.time_format(value)
    if isinstance(datatype, Choice) or not isinstance(datatype, WireType):
        return lambda value: value.value if isinstance(value, enum.Enum) else value
    return None
