# SPDX-License-Identifier: Apache-2.0
"""Rules of the NTP servers of the system."""
from __future__ import annotations

import ipaddress
import re
from typing import ClassVar

from flock.core.errors import Refused
from sysinv.resources.dns.rules import NONE, SERVERS_MAX, listed

NAME_LENGTH_MAX = 253
# RFC 1123, 2.1: labels of letters, digits and hyphens; a name of digits and dots only would be a wrong address.
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_DIGITS = re.compile(r"[0-9.]+")


class NtpRefused(Refused):
    """A rule about NTP servers refuses a change."""

    code: ClassVar[str] = "sysinv.ntp.refused"


def is_address(text: str) -> bool:
    """Return whether a server is given by its address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def names_in(text: str) -> tuple[str, ...]:
    """Return the servers of a stored list that are given by name."""
    return tuple(server for server in listed(text) if not is_address(server))


def check(text: str, *, has_dns: bool) -> tuple[str, ...]:
    """Return the servers as they are stored; NtpRefused names the broken rule."""
    servers = listed(text)
    if not servers and text.strip() != NONE:
        raise NtpRefused(detail="No NTP parameters provided.")
    if len(servers) > SERVERS_MAX:
        raise NtpRefused(detail=f"ntpservers: at most {SERVERS_MAX} servers are supported, {len(servers)} are given.")
    for server in servers:
        _check_server(server, has_dns)
    return tuple(dict.fromkeys(servers))


def _check_server(server: str, has_dns: bool) -> None:
    if is_address(server):
        address = ipaddress.ip_address(server)
        if address.is_unspecified or address.is_multicast or address.is_loopback or "%" in server:
            raise NtpRefused(detail=f"ntpservers: {server} is not the address of a server.")
        return
    if len(server) > NAME_LENGTH_MAX or not _NAME.fullmatch(server) or _DIGITS.fullmatch(server):
        raise NtpRefused(detail=f"ntpservers: {server} is neither an IP address nor a host name.")
    if not has_dns:
        raise NtpRefused(detail=f"ntpservers: {server} is a name, and no DNS server is configured. "
                                "Configure one with 'system dns-modify nameservers=...', or give the address.")
