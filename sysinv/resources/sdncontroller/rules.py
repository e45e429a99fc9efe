# SPDX-License-Identifier: Apache-2.0
"""Rules of SDN controllers."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import ClassVar

from flock.core.errors import Conflict, Refused

STATES = ("enabled", "disabled")
TRANSPORTS = ("TCP", "UDP", "TLS")
ADDRESS_LENGTH_MAX = 253
CONTROLLERS_MAX = 64
CHANGEABLE = ("state", "ip_address", "port", "transport")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")


class SdnControllerRefused(Refused):
    """A rule about SDN controllers refuses a request."""

    code: ClassVar[str] = "sysinv.sdn_controller.refused"


class SdnControllerExists(Conflict):
    """There is such a controller already."""

    code: ClassVar[str] = "sysinv.sdn_controller.exists"
    text: ClassVar[str] = "There is an SDN controller with address {ip_address} and port {port} already."


def check_enabled(*, sdn_enabled: bool) -> None:
    """Raise SdnControllerRefused while the system has no SDN."""
    if not sdn_enabled:
        raise SdnControllerRefused(
            detail="SDN controllers need SDN. Enable it with 'system modify --sdn_enabled true'.")


def check_count(count: int) -> None:
    """Raise SdnControllerRefused for a further controller when there are ``count``."""
    if count >= CONTROLLERS_MAX:
        raise SdnControllerRefused(detail=f"At most {CONTROLLERS_MAX} SDN controllers are possible.")


def check_address(text: str, families: Collection[int]) -> str:
    """Return an address or a host name as it is stored; SdnControllerRefused. ``families``: those of OAM."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        if len(text) > ADDRESS_LENGTH_MAX or not _NAME.fullmatch(text) or re.fullmatch(r"[0-9.]+", text):
            raise SdnControllerRefused(detail=f"ip_address: {text[:ADDRESS_LENGTH_MAX]} is neither an IP address nor a "
                                              "host name.") from None
        return text
    if address.is_unspecified or address.is_multicast or address.is_loopback or "%" in text:
        raise SdnControllerRefused(detail=f"ip_address: {text} is not the address of an SDN controller.")
    if address.version not in families:
        raise SdnControllerRefused(
            detail=f"ip_address: {text} is IPv{address.version}, which the OAM network does not have.")
    return str(address)
