# SPDX-License-Identifier: Apache-2.0
"""Values on the bus: typed Python values to JSON and back, led by the type hints of an interface method.

Everything that does not fit is refused with InvalidInput that names the field and the rule.
"""
from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from flock.core.errors import InvalidInput

Convert = Callable[[Any, str], Any]
DEPTH_MAX = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Codec:
    """Both directions for one type: ``encode(value, field)`` to JSON values, ``decode(wire, field)`` back."""

    encode: Convert
    decode: Convert


@functools.lru_cache(maxsize=2048)
def codec_for(hint: Any) -> Codec:
    """The codec of a type hint; TypeError when the type cannot travel."""
    if hint is None or hint is type(None):
        return Codec(_none, _none)
    if hint is Any or hint is object:
        return Codec(_json, _json)
    if hint in _SCALARS:
        check = _scalar(hint)
        return Codec(check, check)
    if hint is datetime.datetime:
        return Codec(_encode_time, _decode_time)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _enum_codec(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_codec(hint)
    return _generic_codec(hint)


def dump(value: Any, size_max_bytes: int, field: str) -> str:
    """JSON text of encoded values; InvalidInput when it is larger than ``size_max_bytes``."""
    try:
        text = _ENCODE(value)
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidInput(field=field, rule=f"must be JSON ({exc})") from None
    # ASCII only (json.dumps escapes the rest), so characters are bytes.
    if len(text) > size_max_bytes:
        raise InvalidInput(field=field, rule=f"at most {size_max_bytes} bytes, got {len(text)}")
    return text


def load(text: Any, size_max_bytes: int, field: str) -> Any:
    """Parse JSON text of at most ``size_max_bytes``; InvalidInput when it is larger or malformed."""
    if not isinstance(text, str):
        raise InvalidInput(field=field, rule="must be JSON text")
    if len(text) > size_max_bytes:
        raise InvalidInput(field=field, rule=f"at most {size_max_bytes} bytes, got {len(text)}")
    try:
        return _DECODE(text)
    except (ValueError, RecursionError):
        raise InvalidInput(field=field, rule="must be well-formed JSON") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# Made once: with arguments of one's own json.dumps and json.loads make a new one for each text.
_ENCODE = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_DECODE = json.JSONDecoder(parse_constant=_no_constant).decode


_SCALARS: dict[Any, str] = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def _scalar(hint: type) -> Convert:
    rule = f"must be {_SCALARS[hint]}"

    def check(value: Any, field: str) -> Any:
        if type(value) is hint:
            return value
        if hint is float and type(value) is int:
            return float(value)
        # Subclasses (StrEnum for str, IntEnum for int) travel as their plain value; bool is no integer here.
        if isinstance(value, hint) and not isinstance(value, bool):
            return hint(value.value if isinstance(value, enum.Enum) else value)
        raise InvalidInput(field=field, rule=rule)

    return check


def _none(value: Any, field: str) -> None:
    if value is not None:
        raise InvalidInput(field=field, rule="must be null")


def _json(value: Any, field: str, depth: int = 0) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value.value if isinstance(value, enum.Enum) else value
    if depth >= DEPTH_MAX:
        raise InvalidInput(field=field, rule=f"at most {DEPTH_MAX} levels deep")
    if isinstance(value, (list, tuple)):
        return [_json(item, f"{field}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {_key(key, field): _json(item, f"{field}.{key}", depth + 1) for key, item in value.items()}
    raise InvalidInput(field=field, rule=f"must be JSON, not {type(value).__name__}")


def _key(key: Any, field: str) -> str:
    if not isinstance(key, str):
        raise InvalidInput(field=field, rule="keys must be strings")
    return key


def _encode_time(value: Any, field: str) -> str:
    if not isinstance(value, datetime.datetime):
        raise InvalidInput(field=field, rule="must be a time")
    return value.isoformat()


def _decode_time(wire: Any, field: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(wire)
    except (TypeError, ValueError):
        raise InvalidInput(field=field, rule="must be an ISO 8601 time") from None


def _enum_codec(hint: type[enum.Enum]) -> Codec:
    if not issubclass(hint, (str, int)):
        raise TypeError(f"{hint!r}: only enums of strings or integers travel")
    names = ", ".join(str(member.value) for member in hint)

    def encode(value: Any, field: str) -> Any:
        return decode(value, field).value

    def decode(wire: Any, field: str) -> enum.Enum:
        try:
            return hint(wire)
        except (ValueError, TypeError):
            raise InvalidInput(field=field, rule=f"must be one of {names}") from None

    return Codec(encode, decode)


def _dataclass_codec(hint: type) -> Codec:
    fields = [field for field in dataclasses.fields(hint) if field.init]
    required = [
        field.name for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    # Built at first use: a dataclass may contain itself.
    codecs: dict[str, Codec] = {}

    def members() -> dict[str, Codec]:
        if not codecs:
            hints = typing.get_type_hints(hint)
            codecs.update({field.name: codec_for(hints[field.name]) for field in fields})
        return codecs

    def encode(value: Any, field: str) -> dict[str, Any]:
        if not isinstance(value, hint):
            raise InvalidInput(field=field, rule=f"must be a {hint.__name__}")
        return {name: codec.encode(getattr(value, name), f"{field}.{name}") for name, codec in members().items()}

    def decode(wire: Any, field: str) -> Any:
        if not isinstance(wire, dict):
            raise InvalidInput(field=field, rule=f"must be a {hint.__name__} object")
        known = members()
        given: dict[str, Any] = {}
        for name, item in wire.items():
            codec = known.get(name)
            if codec is None:
                raise InvalidInput(field=f"{field}.{name}", rule=f"is not a field of {hint.__name__}")
            given[name] = codec.decode(item, f"{field}.{name}")
        for name in required:
            if name not in given:
                raise InvalidInput(field=f"{field}.{name}", rule="is required")
        return hint(**given)

    return Codec(encode, decode)


def _generic_codec(hint: Any) -> Codec:
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if hint in (list, tuple, dict):
        origin, arguments = hint, {list: (Any,), tuple: (Any, ...), dict: (str, Any)}[hint]
    if origin in (typing.Union, types.UnionType):
        return _optional_codec(hint, arguments)
    if origin is typing.Literal:
        return _literal_codec(arguments)
    if origin is list:
        return _sequence_codec(list, arguments[0])
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return _sequence_codec(tuple, arguments[0])
        return _tuple_codec(arguments)
    if origin in (dict, Mapping):
        if arguments[0] is not str:
            raise TypeError(f"{hint!r}: keys must be str")
        return _dict_codec(arguments[1])
    raise TypeError(f"{hint!r} cannot travel over the bus")


def _optional_codec(hint: Any, arguments: tuple[Any, ...]) -> Codec:
    others = [argument for argument in arguments if argument is not type(None)]
    if len(others) != 1 or len(arguments) != 2:
        raise TypeError(f"{hint!r}: only a union of one type with None travels")
    inner = codec_for(others[0])

    def encode(value: Any, field: str) -> Any:
        return None if value is None else inner.encode(value, field)

    def decode(wire: Any, field: str) -> Any:
        return None if wire is None else inner.decode(wire, field)

    return Codec(encode, decode)


def _literal_codec(choices: tuple[Any, ...]) -> Codec:
    def check(value: Any, field: str) -> Any:
        for choice in choices:
            if type(choice) is type(value) and choice == value:
                return value
        raise InvalidInput(field=field, rule=f"must be one of {', '.join(map(str, choices))}")

    return Codec(check, check)


def _sequence_codec(kind: type, item_hint: Any) -> Codec:
    inner = codec_for(item_hint)

    def items(value: Any, field: str, convert: Convert) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise InvalidInput(field=field, rule="must be a list")
        return [convert(item, f"{field}[{index}]") for index, item in enumerate(value)]

    def encode(value: Any, field: str) -> list[Any]:
        return items(value, field, inner.encode)

    def decode(wire: Any, field: str) -> Any:
        return kind(items(wire, field, inner.decode))

    return Codec(encode, decode)


def _tuple_codec(hints: tuple[Any, ...]) -> Codec:
    codecs = tuple(codec_for(hint) for hint in hints)

    def checked(value: Any, field: str) -> Any:
        if not isinstance(value, (list, tuple)) or len(value) != len(codecs):
            raise InvalidInput(field=field, rule=f"must be a list of {len(codecs)}")
        return value

    def encode(value: Any, field: str) -> list[Any]:
        pairs = enumerate(zip(codecs, checked(value, field), strict=True))
        return [codec.encode(item, f"{field}[{index}]") for index, (codec, item) in pairs]

    def decode(wire: Any, field: str) -> tuple[Any, ...]:
        pairs = enumerate(zip(codecs, checked(wire, field), strict=True))
        return tuple(codec.decode(item, f"{field}[{index}]") for index, (codec, item) in pairs)

    return Codec(encode, decode)


def _dict_codec(item_hint: Any) -> Codec:
    inner = codec_for(item_hint)

    def entries(value: Any, field: str, convert: Convert) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InvalidInput(field=field, rule="must be an object")
        return {_key(key, field): convert(item, f"{field}.{key}") for key, item in value.items()}

    return Codec(lambda value, field: entries(value, field, inner.encode),
                 lambda wire, field: entries(wire, field, inner.decode))
