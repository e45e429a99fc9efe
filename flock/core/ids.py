# SPDX-License-Identifier: Apache-2.0
"""Checks of identifiers: uuid, host name, IP address. Each check returns the canonical form."""
from __future__ import annotations

import ipaddress
import re
import uuid as uuid_module

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LABEL = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")
HOSTNAME_LENGTH_MAX = 64
LABEL_LENGTH_MAX = 63


def new_uuid() -> str:
    """A random uuid in its 36 character form."""
    return str(uuid_module.uuid4())


def is_uuid(text: object) -> bool:
    """Whether ``text`` is a uuid with dashes; upper case is accepted."""
    return isinstance(text, str) and _UUID.fullmatch(text.lower()) is not None


def uuid(text: str) -> str:
    """``text`` in lower case; ValueError when it is not a uuid."""
    if not is_uuid(text):
        raise ValueError("must be a uuid such as 8c5c0a1b-0f6c-4a2e-8f0e-0d8c5c0a1b77")
    return text.lower()


def hostname(text: str) -> str:
    """``text`` if it is a host name by RFC 1123 of at most 64 characters (the kernel's limit); else ValueError.

    Labels consist of letters, digits and inner dashes, have at most 63 characters each, and are separated by dots.
    """
    if len(text) > HOSTNAME_LENGTH_MAX or not all(_LABEL.fullmatch(label) for label in text.split(".")):
        raise ValueError(f"must be at most {HOSTNAME_LENGTH_MAX} characters: labels of at most {LABEL_LENGTH_MAX} "
                         "letters, digits or dashes, no dash first or last, with dots between")
    return text


def ip_address(text: str) -> str:
    """The canonical form of an IPv4 or IPv6 address; ValueError otherwise."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be an IP address") from None
