# SPDX-License-Identifier: Apache-2.0
"""Which machine may have a bundle: the discovered one, and after its first request only that one. Pure."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_COMPLETE = 0x2


@dataclass(frozen=True, slots=True)
class Machine:
    """Who asks: the fingerprint of the key in its request, its address, and the MAC address seen at that address.

    ``mac`` is None when this controller has not seen the address on a network of its own.
    """

    key: str
    address: str
    mac: str | None


def refusal(asking: Machine, discovered_mac: str, bound_key: str | None, bound_address: str | None) -> str | None:
    """Why ``asking`` may not have the bundle; None when it may.

    The controller itself (a loopback address) has no MAC address; a program there needs the token all the same.
    """
    if not _is_loopback(asking.address) and asking.mac != discovered_mac:
        return f"it asks from {asking.address}, where {asking.mac or 'no machine'} was seen, not {discovered_mac}"
    if bound_key is not None and bound_key != asking.key:
        return "another key has been used with this token"
    if bound_address is not None and bound_address != asking.address:
        return f"this token has been used from {bound_address}, not from {asking.address}"
    return None


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def parse_neighbours(text: str) -> Mapping[str, str]:
    """Addresses and MAC addresses of the kernel's table (/proc/net/arp); entries that are not complete are ignored."""
    found: dict[str, str] = {}
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= 4 and _MAC.fullmatch(words[3].lower()) and _is_complete(words[2]):
            found[words[0]] = words[3].lower()
    return found


def _is_complete(flags: str) -> bool:
    try:
        return bool(int(flags, 16) & _COMPLETE)
    except ValueError:
        return False
