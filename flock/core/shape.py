# SPDX-License-Identifier: Apache-2.0
"""Describes, as text, the types that can be sent and stored: the shape of a type down to the leaves of its records.

``flock.core.codec`` uses it to reject types that JSON cannot carry; recorded interfaces consist of these texts.
"""
from __future__ import annotations

import datetime
import enum
import types
import typing
from collections.abc import Mapping
from typing import Any

from flock.core.records import is_record, members

Named = dict[str, Any]
"""``{name: {"fields": {...}} or {"values": [...], "fallback": ...}}`` of all records and enums that a type uses."""
SCALARS: dict[Any, str] = {
    type(None): "null", str: "string", int: "integer", float: "number", bool: "boolean", datetime.datetime: "time",
}


def shape(hint: Any, named: Named) -> str:
    """The type as text, such as ``list[Fault] or null``; adds records and enums to ``named``.

    TypeError when values of this type cannot be sent.
    """
    hint = type(None) if hint is None else hint
    if hint is Any or hint is object:
        return "json"
    if hint in SCALARS:
        return SCALARS[hint]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _enum(hint, named)
    if is_record(hint):
        return _record(hint, named)
    origin, arguments = parts(hint)
    if origin is typing.Union:
        return f"{shape(inner_of_optional(hint), named)} or null"
    if origin is typing.Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin is list or (origin is tuple and arguments[1:] == (Ellipsis,)):
        return f"list[{shape(arguments[0], named)}]"
    if origin is tuple:
        return f"list[{', '.join(shape(argument, named) for argument in arguments)}]"
    if origin is dict and arguments[0] is str:
        return f"map[{shape(arguments[1], named)}]"
    raise TypeError(f"{hint!r} cannot travel")


def parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """``(origin, arguments)`` of a generic hint; equal for different spellings of the same type."""
    if hint in (list, tuple, dict):
        return hint, {list: (Any,), tuple: (Any, ...), dict: (str, Any)}[hint]
    origin: Any = typing.get_origin(hint)
    if origin is types.UnionType:
        origin = typing.Union
    return dict if origin is Mapping else origin, typing.get_args(hint)


def inner_of_optional(hint: Any) -> Any:
    """``T`` of ``T | None``; TypeError for any other union."""
    arguments = typing.get_args(hint)
    others = [argument for argument in arguments if argument is not type(None)]
    if len(others) != 1 or len(arguments) != 2:
        raise TypeError(f"{hint!r}: only a union of one type with None travels")
    return others[0]


def _enum(hint: type[enum.Enum], named: Named) -> str:
    if not issubclass(hint, (str, int)):
        raise TypeError(f"{hint!r}: only enums of strings or integers travel")
    name = hint.__name__
    if "_missing_" in vars(hint):
        fallback: Any = hint("a value of a later release" if issubclass(hint, str) else -1).value
    else:
        fallback = None
    _add(named, name, {"values": [member.value for member in hint], "fallback": fallback})
    return name


def _record(hint: Any, named: Named) -> str:
    name: str = hint.__name__
    if name not in named:
        fields: dict[str, Any] = {}
        named[name] = {"fields": fields}
        for field, (kind, default) in members(hint).items():
            fields[field] = {"type": shape(kind, named), "default": default}
    return name


def _add(named: Named, name: str, description: dict[str, Any]) -> None:
    if named.setdefault(name, description) != description:
        raise TypeError(f"two types are called {name}")
