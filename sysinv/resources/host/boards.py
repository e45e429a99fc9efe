# SPDX-License-Identifier: Apache-2.0
"""Pure rules of board management: which addresses a BMC may have, and when its password must be given again."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sysinv.contract.enums import BmType
from sysinv.model.addressing import IpAddress
from sysinv.model.host import HostRefused, InventoryHost
from sysinv.resources.host.rules import Others

BOARD = frozenset({"bm_type", "bm_ip", "bm_username", "bm_password"})
BM_USERNAME_MAX = 16
# The password would go to whatever listens at a new address, or by a protocol that protects it less.
_NEEDS_PASSWORD = ("bm_username", "bm_ip", "bm_type")


def board_values(host: InventoryHost | None, changes: Mapping[str, Any], others: Others) -> dict[str, Any]:
    """Return ``bm_type``, ``bm_ip``, ``bm_username`` after a change, and ``bm_password`` if given; raises HostRefused.

    ``bm_type`` ``none`` clears all of them.
    """
    if not BOARD & changes.keys():
        return {}
    wanted = {name: changes[name] if name in changes else (getattr(host, name) if host else None)
              for name in ("bm_type", "bm_ip", "bm_username")}
    name = host.name if host else str(changes.get("hostname") or "host")
    if wanted["bm_type"] is None and wanted["bm_ip"] and wanted["bm_username"]:
        wanted["bm_type"] = BmType.DYNAMIC
    if wanted["bm_type"] in (None, BmType.NONE):
        if "bm_type" not in changes and any(changes.get(field) for field in BOARD):
            raise HostRefused(detail=f"{name}: Rejected: bm_ip and bm_username are needed for board management.")
        return {"bm_type": BmType.NONE.value, "bm_ip": None, "bm_username": None, "bm_password": None}
    _check_type_and_user(name, wanted)
    address = _board_address(name, wanted["bm_ip"], others)
    values = {"bm_type": str(wanted["bm_type"]), "bm_ip": str(address), "bm_username": str(wanted["bm_username"])}
    if changes.get("bm_password"):
        return {**values, "bm_password": changes["bm_password"]}
    for field in _NEEDS_PASSWORD:
        if host is None or values[field] != getattr(host, field):
            raise HostRefused(detail=f"{name}: Rejected: bm_password must be given together with a new {field}.")
    return values


def _check_type_and_user(name: str, wanted: Mapping[str, Any]) -> None:
    if wanted["bm_type"] not in set(BmType):
        raise HostRefused(detail=(
            f"{name}: Rejected: '{wanted['bm_type']}' is not a supported board management type. Must be one of "
            f"[{', '.join(repr(str(kind)) for kind in sorted(BmType))}]"))
    username = wanted["bm_username"]
    if not username or len(username) > BM_USERNAME_MAX or re.search(r"\s", username):
        raise HostRefused(detail=(
            f"{name}: Rejected: bm_username must have 1 to {BM_USERNAME_MAX} characters and no blanks."))


def _board_address(name: str, text: str | None, others: Others) -> IpAddress:
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError as error:
        raise HostRefused(detail=f"{name}: Rejected: '{text}' is not a valid bm_ip address.") from error
    refusal = address_refusal(address, others.own_addresses, others.subnets)
    if refusal is not None:
        raise HostRefused(detail=f"{name}: Rejected: bm_ip {address} {refusal}.")
    if address.version != others.oam_version:
        raise HostRefused(detail=(
            "Board management controller IP address must be the same version as OAM primary address."))
    if str(address) in others.bm_ips:
        raise HostRefused(detail=f"Host-add Rejected: bm_ip {address} already exists")
    return address


def address_refusal(address: IpAddress, own: Iterable[str], subnets: Iterable[str]) -> str | None:
    """Return why no BMC can have ``address``; None when one may. ``own`` are the system's addresses.

    The system logs in to the address with a stored password, so it must not be led to its own services.
    """
    plain = getattr(address, "ipv4_mapped", None) or address
    if plain is not address or getattr(address, "scope_id", None):
        return "must be a plain address"
    if address.is_loopback or address.is_unspecified:
        return "is the address of this machine itself"
    if address.is_multicast:
        return "is a multicast address"
    if address.is_link_local or (address.version == 4 and address.is_reserved):
        return "is not an address that can be reached"
    if address in {ipaddress.ip_address(one) for one in own}:
        return "is an address of the system"
    for text in subnets:
        subnet = ipaddress.ip_network(text)
        if address.version == subnet.version and address in (subnet.network_address, subnet.broadcast_address):
            return f"is the network or broadcast address of {subnet}"
    return None
