# SPDX-License-Identifier: Apache-2.0
"""Parses untrusted bytes as JSON; every fault of a body is a 4xx error that names the fault."""
from __future__ import annotations

import json
from typing import Any

from flock.wire.errors import BadBody, shown

NOT_JSON = "Request is not in valid JSON format"


def parse_json(content: bytes, depth_max: int) -> Any:
    """The value of a JSON text in UTF-8.

    ``BadBody`` when it is no JSON, nested too deeply, or has text that a database cannot store.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadBody(detail=f"{NOT_JSON}: it is not UTF-8") from None
    deep = content.count(b"[") + content.count(b"{") > depth_max
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise BadBody(detail=f"{NOT_JSON}: nested deeper than {depth_max} levels") from None
    except ValueError:
        raise BadBody(detail=NOT_JSON) from None
    if deep or b"\\u" in content:
        _inspect(value, depth_max)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # A proxy in front might use the other value, so refuse instead of choosing one.
        twice = next(key for at, (key, _) in enumerate(pairs) if any(key == other for other, _ in pairs[:at]))
        raise BadBody(detail=f"{NOT_JSON}: the key {shown(twice)} is given twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _inspect(value: Any, depth_max: int) -> None:
    level = [("body", value)]
    for _ in range(depth_max):
        below: list[tuple[str, Any]] = []
        for name, item in level:
            if isinstance(item, str):
                _check_text(name, item)
            elif isinstance(item, dict):
                for key, child in item.items():
                    _check_text("key", key)
                    below.append((key, child))
            elif isinstance(item, list):
                below.extend((name, child) for child in item)
        if not below:
            return
        level = below
    raise BadBody(detail=f"{NOT_JSON}: nested deeper than {depth_max} levels")


def _check_text(name: str, text: str) -> None:
    if "\x00" in text:
        raise BadBody(detail=f"Invalid input for {shown(name)}: text must not contain NUL characters.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadBody(detail=f"Invalid input for {shown(name)}: text must not contain lone surrogates.") from None
