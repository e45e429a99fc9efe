# SPDX-License-Identifier: Apache-2.0
"""Parses JSON that another process or machine sent, so that every fault of the text is one kind of error."""
from __future__ import annotations

import json
from typing import Any


def parse_json(text: str | bytes | bytearray) -> Any:
    """Return the value of a JSON text; ValueError when it is no JSON or too deeply nested for the parser.

    ``json.loads`` raises RecursionError for about a thousand open brackets, which no ``except ValueError`` catches.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
