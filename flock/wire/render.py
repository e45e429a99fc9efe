# SPDX-License-Identifier: Apache-2.0
"""From rows to wire dicts: one function per resource, compiled from its declaration at first use."""
from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flock.wire.resource import Attribute, Resource, Shape, as_mapping, shape
from flock.wire.types import Anything, Boolean, Choice, Document, Integer, Moment, Number, WireType

Renderer = Callable[[Mapping[str, Any], str], dict[str, Any]]
_VERBATIM = (Integer, Number, Boolean, Anything, Document)
_compiled: dict[tuple[type[Resource], tuple[str, ...] | None], Renderer] = {}


def renderer(resource: type[Resource], fields: Sequence[str] | None = None) -> Renderer:
    """``function(row mapping, base_url) -> wire dict`` with all fields, or only ``fields`` in that order."""
    key = (resource, tuple(fields) if fields is not None else None)
    function = _compiled.get(key)
    if function is None:
        function = _compiled[key] = _compile(shape(resource), key[1], resource.__name__)
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
    """The ``self`` and ``bookmark`` pair of one item."""
    return [{"href": f"{base_url}/v1/{path}/{ident}", "rel": "self"},
            {"href": f"{base_url}/{path}/{ident}", "rel": "bookmark"}]


def collection_links(base_url: str, path: str, ident: Any, child: str) -> list[dict[str, str]]:
    """The pair a parent shows for one of its child collections."""
    return [{"href": f"{base_url}/v1/{path}/{ident}/{child}", "rel": "self"},
            {"href": f"{base_url}/{path}/{ident}/{child}", "rel": "bookmark"}]


def _compile(declared: Shape, fields: tuple[str, ...] | None, name: str) -> Renderer:
    chosen = [a for a in declared.attributes if not a.secret]
    if fields is not None:
        by_name = {a.name: a for a in chosen}
        missing = [field for field in fields if field not in by_name and field != "links"]
        if missing:
            raise TypeError(f"{name} has no field {missing}")
        chosen = [by_name[field] for field in fields if field in by_name]
    scope: dict[str, Any] = {"moment": _moment_form(declared), "plain": _plain}
    always, optional = [], []
    for attribute in chosen:
        key, source = repr(attribute.name), repr(attribute.source or attribute.name)
        if attribute.optional:
            optional.append(f"    if {source} in row:\n        out[{key}] = {_form(attribute, f'row[{source}]')}")
        else:
            always.append((key, source, attribute))
    fast = ", ".join(f"{key}: {_form(a, f'row[{source}]')}" for key, source, a in always)
    slow = ", ".join(f"{key}: {_form(a, f'row.get({source})')}" for key, source, a in always)
    lines = [f"def render_{name}(row, base_url):", "    try:", f"        out = {{{fast}}}",
             "    except KeyError:", f"        out = {{{slow}}}", *optional]
    if declared.links and (fields is None or "links" in fields):
        lines += [f"    ident = str(row.get('uuid') or '') if {declared.path!r} else ''",
                  f"    out['links'] = [{{'href': base_url + {'/v1/' + declared.path + '/'!r} + ident, 'rel': 'self'}},"
                  f" {{'href': base_url + {'/' + declared.path + '/'!r} + ident, 'rel': 'bookmark'}}]"]
    lines.append("    return out")
    exec(compile("\n".join(lines), f"<renderer of {name}>", "exec"), scope)  # noqa: S102  # source made above only
    function: Renderer = scope[f"render_{name}"]
    return function


def _form(attribute: Attribute, value: str) -> str:
    datatype = attribute.datatype
    if isinstance(datatype, Moment):
        return f"moment({value})"
    if isinstance(datatype, _VERBATIM):
        return value
    if isinstance(datatype, Choice) or not isinstance(datatype, WireType):
        return f"plain({value})"
    return value


def _moment_form(declared: Shape) -> Callable[[Any], Any]:
    time_format = declared.time_format

    def moment(value: Any) -> Any:
        return value if value is None or isinstance(value, str) else time_format(value)

    return moment


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value
