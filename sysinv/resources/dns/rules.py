# SPDX-License-Identifier: Apache-2.0
"""Rules of the DNS servers of the system."""
from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from typing import ClassVar

from flock.core.errors import Refused

SERVERS_MAX = 3
# The word with which StarlingX's client clears a list.
NONE = "NC"


class DnsRefused(Refused):
    """A rule about DNS servers refuses a change."""

    code: ClassVar[str] = "sysinv.dns.refused"


def listed(text: str) -> tuple[str, ...]:
    """Return the servers of a list that is separated by commas; none for ``NC``."""
    return () if text.strip() == NONE else tuple(part.strip() for part in text.split(",") if part.strip())


def check(servers: Sequence[str], families: Collection[int], named_ntp: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses as they are stored; DnsRefused names the broken rule.

    ``families``: those of the OAM network; ``named_ntp``: NTP servers that are names, which need a DNS server.
    """
    if len(servers) > SERVERS_MAX:
        raise DnsRefused(detail=f"nameservers: at most {SERVERS_MAX} servers are supported, {len(servers)} are given.")
    if not servers and named_ntp:
        raise DnsRefused(detail="nameservers: at least one is needed while NTP servers are given by name: "
                                f"{', '.join(named_ntp)}.")
    return tuple(dict.fromkeys(_address(server, families) for server in servers))


def _address(text: str, families: Collection[int]) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise DnsRefused(detail=f"nameservers: {text} is not a valid IP address.") from None
    if address.is_unspecified or address.is_multicast or address.is_loopback or "%" in text:
        raise DnsRefused(detail=f"nameservers: {text} is not the address of a server.")
    if address.version not in families:
        raise DnsRefused(detail=f"nameservers: {text} is IPv{address.version}, which the OAM network does not have.")
    return str(address)
