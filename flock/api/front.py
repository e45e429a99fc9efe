# SPDX-License-Identifier: Apache-2.0
"""What the front, a web server on the same machine, and an API tell each other over the API's unix socket.

The front reads slow clients and knows their addresses. Before it reads a body, it asks whether the token is valid.
"""
from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

# The front asks here with the method and the path of a client's request, and the client's tokens. The reply is 204 when
# the body may be read, else the error for the client.
ASK_PATH = "/.front/token"
METHOD_HEADER, PATH_HEADER = "X-Front-Method", "X-Front-Path"


def is_behind_front(environ: Mapping[str, Any]) -> bool:
    """Whether the request came over a unix socket, which only the front may open."""
    connection = environ.get("gunicorn.socket")
    return getattr(connection, "family", None) == socket.AF_UNIX


def true_address(environ: dict[str, Any]) -> None:
    """Set REMOTE_ADDR to the client's address if the front sent it; nobody else can set it."""
    said = environ.pop("HTTP_X_FORWARDED_FOR", "")
    if is_behind_front(environ):
        environ["REMOTE_ADDR"] = str(said)


def is_local(environ: Mapping[str, Any]) -> bool:
    """Whether the client's address, after ``true_address``, is one of loopback."""
    try:
        return ipaddress.ip_address(str(environ.get("REMOTE_ADDR", ""))).is_loopback
    except ValueError:
        return False


def asked(environ: Mapping[str, Any], path: str) -> tuple[str, str] | None:
    """Method and path of the request about which the front asks; None when this is no such question."""
    if path != ASK_PATH or not is_behind_front(environ):
        return None
    raw_path = str(environ.get("HTTP_X_FRONT_PATH", "")).split("?", 1)[0]
    return str(environ.get("HTTP_X_FRONT_METHOD", "")), unquote_to_bytes(raw_path).decode("latin-1")
