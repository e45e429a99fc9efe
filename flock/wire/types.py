# SPDX-License-Identifier: Apache-2.0
"""Data types of wire attributes as WSME user types: ``validate`` converts a client's value or names the rule."""
from __future__ import annotations

import enum
import json
import re
from datetime import datetime
from typing import Any

from wsme import types as wtypes

from flock.core import ids
from flock.wire import times

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
TEXT_LENGTH_MAX = 255
NUMBER_DIGITS_MAX = 20
INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
FALSE = frozenset({"false", "0", "no", "off", "f", "n"})
PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"


def any_case(text: str) -> str:
    """A pattern that matches ``text`` in upper and lower case, in JSON Schema's dialect of regular expressions."""
    return "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else re.escape(c) for c in text)


class WireType(wtypes.UserType):  # type: ignore[misc]
    """Base of all types. Subclasses implement ``validate(value)``, which raises ValueError with the broken rule.

    WSME never calls ``validate`` with None. ``schema`` and ``accepted`` return JSON Schemas of rendered values and of
    the values that ``validate`` accepts.
    """

    basetype = str
    name = "wire"

    def validate(self, value: Any) -> Any:
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """JSON Schema of a rendered value; by default it allows any value."""
        return {}

    def accepted(self) -> dict[str, Any]:
        """JSON Schema of the values that a client may send; by default that of a rendered value."""
        return self.schema()


class Text(WireType):
    """Text with bounds; refuses numbers, booleans, and control characters other than newline, return and tab."""

    name = "text"
    _control = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

    def __init__(self, max_length: int = TEXT_LENGTH_MAX, min_length: int = 0, pattern: str | None = None,
                 rule: str | None = None) -> None:
        self.max_length, self.min_length = max_length, min_length
        self.pattern = re.compile(pattern) if pattern is not None else None
        self.rule = rule

    def validate(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("Value must be a string.")
        if len(value) > self.max_length:
            raise ValueError(f"Value must be at most {self.max_length} characters long.")
        if len(value) < self.min_length:
            raise ValueError(f"Value must be at least {self.min_length} characters long.")
        if self._control.search(value):
            raise ValueError("Value must not contain control characters.")
        if self.pattern is not None and self.pattern.fullmatch(value) is None:
            raise ValueError(self.rule or f"Value must match {self.pattern.pattern}.")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def accepted(self) -> dict[str, Any]:
        found = {"type": "string", "maxLength": self.max_length,
                 "pattern": PRINTABLE if self.pattern is None else f"^({self.pattern.pattern})$"}
        return {**found, "minLength": self.min_length} if self.min_length else found


class Integer(WireType):
    """An integer, also as decimal text; the default bounds are those of a 32 bit column."""

    name = "integer"

    def __init__(self, minimum: int | None = None, maximum: int | None = None) -> None:
        self.minimum = INT_MIN if minimum is None else minimum
        self.maximum = INT_MAX if maximum is None else maximum

    def validate(self, value: Any) -> int:
        if isinstance(value, bool):
            raise ValueError("Value must be an integer.")
        if isinstance(value, str) and len(value) <= NUMBER_DIGITS_MAX and INTEGER.fullmatch(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int):
            raise ValueError("Value must be an integer.")
        if value < self.minimum:
            raise ValueError(f"Value should be greater or equal to {self.minimum}.")
        if value > self.maximum:
            raise ValueError(f"Value should be lower or equal to {self.maximum}.")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "integer"}

    def accepted(self) -> dict[str, Any]:
        # With a minimum of 0 or more, "-0" is the only negative text.
        sign = "[+-]?" if self.minimum < 0 else r"(\+|-(?=0+\s*$))?"
        return {"anyOf": [{"type": "integer", "minimum": self.minimum, "maximum": self.maximum},
                          {"type": "string", "pattern": rf"^\s*{sign}[0-9]+\s*$", "maxLength": NUMBER_DIGITS_MAX}]}


class Number(WireType):
    """A number with bounds, also as decimal text such as ``0.2``."""

    name = "number"
    _decimal = re.compile(r"\s*[+-]?[0-9]+(\.[0-9]+)?\s*")

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: Any) -> float:
        if isinstance(value, str) and len(value) <= NUMBER_DIGITS_MAX and self._decimal.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError("Value must be a number.")
        # Also refuses NaN, which compares with nothing.
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be a number from {self.minimum} to {self.maximum}.")
        return float(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "number"}

    def accepted(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "number", "minimum": self.minimum, "maximum": self.maximum},
                          {"type": "string", "pattern": r"^\s*[+-]?[0-9]+(\.[0-9]+)?\s*$",
                           "maxLength": NUMBER_DIGITS_MAX}]}


class Boolean(WireType):
    """A boolean, also as 0/1 or the usual words in any case."""

    name = "boolean"

    def validate(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
        if word in TRUE:
            return True
        if word in FALSE:
            return False
        raise ValueError("Value must be a boolean: true or false.")

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def accepted(self) -> dict[str, Any]:
        words = "|".join(any_case(word) for word in sorted(TRUE | FALSE))
        return {"anyOf": [{"type": "boolean"}, {"type": "integer", "enum": [0, 1]},
                          {"type": "string", "pattern": rf"^\s*({words})\s*$"}]}


class Choice(WireType):
    """One of a fixed set of texts; with an enum class, ``validate`` returns the member."""

    name = "choice"

    def __init__(self, choices: type[enum.Enum] | tuple[str, ...], ignore_case: bool = False) -> None:
        self.by_text: dict[str, Any] = {}
        for choice in choices:
            text = str(choice.value) if isinstance(choice, enum.Enum) else str(choice)
            self.by_text[text.lower() if ignore_case else text] = choice
        self.ignore_case = ignore_case

    def validate(self, value: Any) -> Any:
        if isinstance(value, enum.Enum):
            value = value.value
        key = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
        if key is not None and self.ignore_case:
            key = key.lower()
        if key is None or key not in self.by_text:
            raise ValueError(f"Value should be one of: {', '.join(self.by_text)}")
        return self.by_text[key]

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.by_text)}

    def accepted(self) -> dict[str, Any]:
        if not self.ignore_case:
            return self.schema()
        return {"type": "string", "pattern": f"^({'|'.join(any_case(text) for text in self.by_text)})$"}


class Document(WireType):
    """A JSON object, also as JSON text (clients send ``capabilities`` that way); bounded in size."""

    name = "document"

    def __init__(self, max_bytes: int = 65536) -> None:
        self.max_bytes = max_bytes

    def validate(self, value: Any) -> dict[str, Any]:
        if isinstance(value, str):
            if len(value) > self.max_bytes:
                raise ValueError(f"Value must be at most {self.max_bytes} bytes of JSON.")
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise ValueError("Value must be a JSON object.") from None
        if not isinstance(value, dict):
            raise ValueError("Value must be a JSON object.")
        if len(json.dumps(value, default=str)) > self.max_bytes:
            raise ValueError(f"Value must be at most {self.max_bytes} bytes of JSON.")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}

    def accepted(self) -> dict[str, Any]:
        text = {"type": "string", "contentMediaType": "application/json", "maxLength": self.max_bytes}
        return {"anyOf": [{"type": "object"}, text]}


class Items(WireType):
    """A list of values of one type; also splits a text at its commas, because clients send lists that way."""

    name = "items"

    def __init__(self, item: WireType, max_items: int = 1000) -> None:
        self.item, self.max_items = item, max_items

    def validate(self, value: Any) -> list[Any]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, (list, tuple)):
            raise ValueError("Value must be a list.")
        if len(value) > self.max_items:
            raise ValueError(f"Value must have at most {self.max_items} items.")
        return [self.item.validate(item) for item in value]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema()}

    def accepted(self) -> dict[str, Any]:
        listed = {"type": "array", "items": self.item.accepted(), "maxItems": self.max_items}
        return {"anyOf": [listed, {"type": "string"}]}


class Anything(WireType):
    """Any JSON value, unchanged."""

    name = "anything"

    def validate(self, value: Any) -> Any:
        return value


class Moment(WireType):
    """A point in time as aware UTC datetime."""

    name = "moment"

    def validate(self, value: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        if not isinstance(value, str):
            raise ValueError("Value must be an ISO 8601 date.")
        return times.parse(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}

    def accepted(self) -> dict[str, Any]:
        return {"type": "string"}


class _Identifier(WireType):
    """Text that a function of ``flock.core.ids`` checks."""

    def validate(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("Value must be a string.")
        return self.canonical(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def canonical(self, value: str) -> str:
        raise NotImplementedError


class Uuid(_Identifier):
    """A uuid in lower case."""

    name = "uuid"

    def canonical(self, value: str) -> str:
        return ids.uuid(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}

    def accepted(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}


class IpAddress(_Identifier):
    """An IPv4 or IPv6 address."""

    name = "ip_address"

    def canonical(self, value: str) -> str:
        return ids.ip_address(value)

    def accepted(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "format": f"ipv{version}"} for version in (4, 6)]}
