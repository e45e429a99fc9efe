# SPDX-License-Identifier: Apache-2.0
"""Rules of the remote log server."""
from __future__ import annotations

import ipaddress
from typing import ClassVar

from flock.core.errors import Refused

TRANSPORTS = ("udp", "tcp", "tls")
PORT = 514
KEY_FILE_LENGTH_MAX = 255
# It becomes a value in quotation marks of a configuration file.
KEY_FILE_PATTERN = r"(/[A-Za-z0-9_.+\-]+)+|"
KEY_FILE_RULE = "Value must be an absolute path of letters, digits and the characters '_', '.', '+', '-' and '/'."


class RemoteLoggingRefused(Refused):
    """A rule about the remote log server refuses a change."""

    code: ClassVar[str] = "sysinv.remotelogging.refused"


def check(*, enabled: bool, ip_address: str | None) -> str | None:
    """Return the address as it is stored; RemoteLoggingRefused names the broken rule."""
    if not ip_address:
        if enabled:
            raise RemoteLoggingRefused(
                detail="ip_address: the address of the log server is needed while remote logging is enabled.")
        return None
    try:
        address = ipaddress.ip_address(ip_address)
    except ValueError:
        raise RemoteLoggingRefused(detail=f"ip_address: {ip_address} is not a valid IP address.") from None
    if address.is_unspecified or address.is_multicast or address.is_loopback or "%" in ip_address:
        raise RemoteLoggingRefused(detail=f"ip_address: {ip_address} is not the address of a log server.")
    return str(address)


def check_key_file(key_file: str | None, transport: str) -> None:
    """Raise RemoteLoggingRefused for a key that the transport does not use."""
    if key_file and transport != "tls":
        raise RemoteLoggingRefused(detail=f"key_file: a key is only used with transport tls, not with {transport}.")
