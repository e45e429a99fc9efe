# SPDX-License-Identifier: Apache-2.0
"""Errors for invalid requests, with the texts that existing clients and their users know."""
from __future__ import annotations

from flock.core.errors import InvalidInput, Refused


class BadField(InvalidInput):
    """One field of a body or query breaks a rule."""

    code, http = "flock.wire.bad_field", 400
    text = "Invalid input for field/attribute {field}. Value: '{value}'. {rule}"


class UnknownField(InvalidInput):
    """A body has a key that is no field of the resource."""

    code, http, text = "flock.wire.unknown_field", 400, "Unknown attribute {field}. {rule}"


class UnknownArgument(InvalidInput):
    """A query has an argument that the route does not accept."""

    code, http, text = "flock.wire.unknown_argument", 400, 'Unknown argument: "{field}"'


class BadBody(Refused):
    """The body cannot be parsed."""

    code, http, text = "flock.wire.bad_body", 400, "{detail}"


class BadPage(Refused):
    """A paging argument breaks its rule."""

    code, http, text = "flock.wire.bad_page", 400, "{detail}"


class BadPatch(Refused):
    """A json-patch list, or one operation of it, is not acceptable."""

    code, http, text = "flock.wire.bad_patch", 400, "{detail}"


SHOWN_VALUE_MAX = 200


def shown(value: object) -> str:
    """``value`` as printable text for an error message, cut to ``SHOWN_VALUE_MAX`` characters."""
    text = value if isinstance(value, str) else repr(value)
    if len(text) > SHOWN_VALUE_MAX:
        text = text[:SHOWN_VALUE_MAX] + "..."
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\x00")
