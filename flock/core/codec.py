# SPDX-License-Identifier: Apache-2.0
"""Converts records to JSON and back by their types: one set of rules for the bus, spool files and stored documents.

msgspec does the conversion. Decoding ignores a field that a newer writer added and gives a field that an older writer
omits its default. It refuses any other mismatch with InvalidInput, which names the field and the rule.

An enum that may grow maps an unknown value to a member in ``_missing_``; any other enum refuses unknown values.
"""
from __future__ import annotations

import enum
import functools
import math
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from flock.core.errors import InvalidInput
from flock.core.records import is_record, members, names
from flock.core.shape import SCALARS, inner_of_optional, parts, shape

DEPTH_MAX = 64
Guard = Callable[[Any, str], None]
_MESSAGE = re.compile(r"(?s)(?P<text>.*?)(?: - at `\$(?P<path>.*)`)?\Z")
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`\Z")
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_WORDS = {"null": "null", "string": "a string", "integer": "an integer", "number": "a number",
          "boolean": "true or false", "time": "an ISO 8601 time", "json": "JSON"}


class Codec:
    """Encodes and decodes values of one type; ``field`` (may be empty) names the value in errors."""

    def __init__(self, hint: Any) -> None:
        shape(hint, {})
        self._hint = hint
        self._decoder = msgspec.json.Decoder(hint)
        self._guard = _guard(hint)

    def encode(self, value: Any, field: str) -> bytes:
        """The value as JSON in UTF-8; InvalidInput when ``decode`` would refuse the result."""
        if self._guard is not None:
            self._guard(value, field)
        try:
            data: bytes = msgspec.json.encode(value)
        except (TypeError, ValueError, OverflowError, RecursionError) as exc:
            raise _cannot_be_written(value, field, exc) from None
        try:
            self._decoder.decode(data)
        except msgspec.DecodeError as exc:
            raise self._refusal(exc, field, lambda: msgspec.json.decode(data)) from None
        return data

    def decode(self, data: bytes | str, field: str) -> Any:
        """The value that the JSON text holds; InvalidInput when the text is no JSON or does not fit the type."""
        try:
            value = self._decoder.decode(data)
        except msgspec.ValidationError as exc:
            raise self._refusal(exc, field, lambda: msgspec.json.decode(data)) from None
        except (ValueError, RecursionError):
            raise InvalidInput(field=field, rule="must be well-formed JSON") from None
        if self._guard is not None:
            self._guard(value, field)
        return value

    def to_document(self, value: Any, field: str = "document") -> Any:
        """The value as dicts, lists, strings and numbers, for a JSON column."""
        return msgspec.json.decode(self.encode(value, field))

    def from_document(self, document: Any, field: str = "document") -> Any:
        """The value of a document that ``to_document`` of this or another release made; InvalidInput if it is none."""
        try:
            value = msgspec.convert(document, self._hint)
        except msgspec.ValidationError as exc:
            raise self._refusal(exc, field, lambda: document) from None
        if self._guard is not None:
            self._guard(value, field)
        return value

    def _refusal(self, exc: msgspec.DecodeError, field: str, raw: Callable[[], Any]) -> InvalidInput:
        found = _MESSAGE.match(str(exc))
        text, path = (found["text"], found["path"] or "") if found else (str(exc), "")
        try:
            place, hint = _place(self._hint, raw(), path)
        except (ValueError, RecursionError):
            # The text is also truncated or followed by other text; msgspec stopped before it noticed.
            return InvalidInput(field=field, rule="must be well-formed JSON")
        missing = _MISSING.match(text)
        if missing:
            return InvalidInput(field=_join(field, f"{place}.{missing['name']}"), rule="is required")
        known = text.startswith(("Expected", "Invalid enum", "Invalid RFC3339"))
        return InvalidInput(field=_join(field, place), rule=_rule(hint) if known else f"must be valid ({text})")


@functools.lru_cache(maxsize=2048)
def codec_for(hint: Any) -> Codec:
    """The codec of a type; TypeError when its values cannot be written as JSON."""
    return Codec(hint)


def _join(field: str, place: str) -> str:
    return field + place if field else place.removeprefix(".")


def _place(hint: Any, raw: Any, path: str) -> tuple[str, Any]:
    """The place where msgspec stopped, with the map keys that it leaves out, and the type that is expected there."""
    place = ""
    for step in _STEP.finditer(path):
        while typing.get_origin(hint) is not None and parts(hint)[0] is typing.Union:
            hint = inner_of_optional(hint)
        if step["name"]:
            hint, raw, name = members(hint)[step["name"]][0], raw[step["name"]], f".{step['name']}"
        elif step["index"]:
            index, arguments = int(step["index"]), parts(hint)[1]
            hint = arguments[0] if len(arguments) == 1 or arguments[1] is Ellipsis else arguments[index]
            raw, name = raw[index], f"[{index}]"
        else:
            hint = parts(hint)[1][1]
            key = next(key for key, item in raw.items() if not _fits(item, hint))
            raw, name = raw[key], f".{key}"
        place += name
    return place, hint


def _fits(value: Any, hint: Any) -> bool:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    return True


def _rule(hint: Any) -> str:
    """The sentence that states what a value of this type must be."""
    hint = type(None) if hint is None else hint
    origin, arguments = parts(hint)
    if origin is typing.Union:
        return _rule(inner_of_optional(hint))
    if hint in SCALARS:
        return f"must be {_WORDS[SCALARS[hint]]}"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return f"must be one of {', '.join(str(member.value) for member in hint)}"
    if origin is typing.Literal:
        return f"must be one of {', '.join(map(str, arguments))}"
    if origin is tuple and arguments[1:] != (Ellipsis,):
        return f"must be a list of {len(arguments)}"
    if origin in (list, tuple):
        return "must be a list"
    return "must be an object" if origin is dict else f"must be a {hint.__name__} object"


def _cannot_be_written(value: Any, field: str, exc: Exception) -> InvalidInput:
    """The error for a value that is no JSON, such as text with a lone surrogate; names the innermost such item."""
    for name, item in _items(value):
        try:
            msgspec.json.encode(item)
        except (TypeError, ValueError, OverflowError, RecursionError) as inner:
            return _cannot_be_written(item, _join(field, name), inner)
    return InvalidInput(field=field, rule=f"must be JSON ({exc})")


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    if is_record(type(value)):
        return [(f".{name}", getattr(value, name)) for name in names(value)]
    if isinstance(value, Mapping):
        return [(f".{key}", item) for key, item in value.items()]
    return [(f"[{index}]", item) for index, item in enumerate(value)] if isinstance(value, (list, tuple)) else []


def _guard(hint: Any) -> Guard | None:
    """A check of the leaves where msgspec accepts more than JSON allows; None when the type has no such leaves.

    Free JSON may be nested too deeply or hold values that are no JSON; numbers may be infinite.
    """
    if not _has_free_leaves(hint, set()):
        return None
    if hint is Any or hint is object:
        return _check_json
    if hint is float:
        return _check_finite
    if is_record(hint):
        return _record_guard(hint)
    origin, arguments = parts(hint)
    if origin is typing.Union:
        return _each(_guard(inner_of_optional(hint)), lambda value: () if value is None else (("", value),))
    if origin is tuple and arguments[1:] != (Ellipsis,):
        return _tuple_guard([_guard(argument) for argument in arguments])
    return _each(_guard(arguments[1] if origin is dict else arguments[0]), _items)


def _has_free_leaves(hint: Any, seen: set[Any]) -> bool:
    if hint is Any or hint is object or hint is float:
        return True
    if is_record(hint):
        if hint in seen:
            return False
        return any(_has_free_leaves(kind, {*seen, hint}) for kind, _ in members(hint).values())
    origin, arguments = parts(hint)
    return origin is not typing.Literal and any(_has_free_leaves(argument, seen) for argument in arguments
                                                if argument is not Ellipsis)


def _record_guard(hint: Any) -> Guard:
    # Built at first use because a record may contain itself.
    guards: dict[str, Guard] = {}

    def check(value: Any, field: str) -> None:
        if not isinstance(value, hint):
            raise InvalidInput(field=field, rule=_rule(hint))
        if not guards:
            guards.update({name: guard for name, (kind, _) in members(hint).items()
                           if (guard := _guard(kind)) is not None})
        for name, guard in guards.items():
            guard(getattr(value, name), _join(field, f".{name}"))

    return check


def _each(inner: Guard | None, items: Callable[[Any], Iterable[tuple[str, Any]]]) -> Guard:
    def check(value: Any, field: str) -> None:
        for name, item in items(value):
            if inner is not None:
                inner(item, _join(field, name))

    return check


def _tuple_guard(guards: list[Guard | None]) -> Guard:
    def check(value: Any, field: str) -> None:
        for guard, (name, item) in zip(guards, _items(value), strict=False):
            if guard is not None:
                guard(item, _join(field, name))

    return check


def _check_finite(value: Any, field: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(field=field, rule="must be a number")


def _check_json(value: Any, field: str) -> None:
    pending: list[tuple[Any, str, int]] = [(value, field, 0)]
    while pending:
        item, place, depth = pending.pop()
        _check_finite(item, place)
        if item is None or isinstance(item, (str, int, float, bool)):
            continue
        if depth >= DEPTH_MAX:
            raise InvalidInput(field=place, rule=f"at most {DEPTH_MAX} levels deep")
        if not isinstance(item, (list, tuple, Mapping)):
            raise InvalidInput(field=place, rule=f"must be JSON, not {type(item).__name__}")
        if isinstance(item, Mapping) and not all(isinstance(key, str) for key in item):
            raise InvalidInput(field=place, rule="keys must be strings")
        pending.extend((inner, _join(place, name), depth + 1) for name, inner in _items(item))
