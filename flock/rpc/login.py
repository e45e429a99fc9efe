# SPDX-License-Identifier: Apache-2.0
"""Asks the broker whether an account and its password are valid, without using them for messages."""
from __future__ import annotations

import ssl
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urlsplit

import amqp

from flock.core.errors import InvalidInput, Unavailable

CONNECT_S = 5.0
DEFAULT_PORT = 5671


def accepted(url: str, authorities: str | Path | None = None, certificate: str | Path | None = None,
             key: str | Path | None = None) -> bool:
    """Whether the broker takes the account in ``url`` (a transport_url with one server).

    With ``authorities`` it speaks TLS, verifies the server's name, and shows ``certificate`` if there is one.
    InvalidInput; Unavailable when the broker gives no clear reply.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError as error:
        raise InvalidInput(field="transport_url", rule="must be a URL with a port up to 65535") from error
    if not parts.hostname:
        raise InvalidInput(field="transport_url", rule="must name a server")
    secure = False if authorities is None else {
        "ca_certs": str(authorities), "certfile": certificate and str(certificate), "keyfile": key and str(key),
        "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}
    # As oslo.messaging logs in. Left to choose, the library takes EXTERNAL where it is offered, without a password.
    connection = amqp.Connection(
        f"{parts.hostname}:{port}", login_method="AMQPLAIN",
        userid=unquote(parts.username or ""), password=unquote(parts.password or ""),
        virtual_host=unquote(parts.path[1:]) or "/", ssl=secure, connect_timeout=CONNECT_S, read_timeout=CONNECT_S)
    try:
        connection.connect()
    except Exception as error:
        # The library's errors have no common class; only the broker's refusal has this status.
        if getattr(error, "reply_code", None) == HTTPStatus.FORBIDDEN:
            return False
        raise Unavailable(service="message bus", reason=f"{type(error).__name__} at {parts.hostname}") from error
    finally:
        connection.collect()
    return True
