# SPDX-License-Identifier: Apache-2.0
"""What lldpd knows, from ``lldpcli -f json0``: no kernel file has it, so this runs a program, without a shell.

In this format every element is a list of objects, whose text is under ``value``. Neighbours send the texts, and
releases of lldpd differ, so a missing or odd element is a missing value and no error.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from flock.core.errors import FlockError
from flock.core.text import storable
from flock.exec import Root, run
from sysinv.agent.collectors.items import Items, each

LLDPCLI = "lldpcli"
# lldpd's socket exists as long as lldpd runs; newer releases have it in a directory of its own.
SOCKETS = ("run/lldpd.socket", "run/lldpd/lldpd.socket")
TIMEOUT_S = 5.0
# Of each text; a frame of LLDP is hardly longer.
TEXT_MAX = 1024
IEEE_802_1 = "00,80,C2"
VID_DIGEST, MANAGEMENT_VID = "5", "6"

Element = Mapping[str, Any]
Ask = Callable[[str], str]
T = TypeVar("T")


def ask(what: str) -> str:
    """Return the output of ``lldpcli -f json0 show <what> details``; FlockError when it fails."""
    return run([LLDPCLI, "-f", "json0", "show", what, "details"], timeout_s=TIMEOUT_S).out


def collected(root: Root, asked: Ask, what: str, report: Callable[[Element], T | None]) -> Items[T]:
    """Return ``report`` of every interface that lldpd shows of ``what``; nothing where lldpd does not run.

    lldpd may fail at any time. That leaves what is stored as it is, and keeps no host from being inventoried.
    """
    if not is_running(root):
        return Items()
    try:
        found = interfaces(asked(what))
    except (FlockError, ValueError) as error:
        return Items(unread={LLDPCLI: error})
    return each(range(len(found)), lambda index: report(found[index]))


def is_running(root: Root) -> bool:
    """Return whether lldpd runs on the machine of ``root``: never on a recorded one."""
    return root.path == Path("/") and any(root.exists(socket) for socket in SOCKETS)


def interfaces(output: str) -> list[Element]:
    """Return the interfaces in lldpcli's output, for neighbours one for each; ValueError when it is no such output."""
    document = json.loads(output)
    if not isinstance(document, dict) or not isinstance(document.get("lldp"), list):
        raise ValueError("lldpcli's output has no list 'lldp'")
    return [entry for part in elements(document, "lldp") for entry in elements(part, "interface")]


def elements(parent: Element, name: str) -> list[Element]:
    """Return the elements ``name`` of ``parent``."""
    found = parent.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def first(parent: Element, name: str) -> Element:
    """Return the first element ``name``; an empty one when there is none."""
    return next(iter(elements(parent, name)), {})


def text(element: Element, name: str = "value") -> str | None:
    """Return an attribute as storable text, cut to ``TEXT_MAX``; None when it is missing or empty."""
    found = element.get(name)
    return (storable(found, TEXT_MAX) or None) if isinstance(found, str) else None


def tlvs(entry: Element) -> dict[str, str | None]:
    """Return the texts of one interface by StarlingX's names, in StarlingX's notation."""
    chassis, port = first(entry, "chassis"), first(entry, "port")
    vlans = elements(entry, "vlan")
    return {
        "chassis_id": text(first(chassis, "id")), "port_identifier": text(first(port, "id")),
        "port_description": text(first(port, "descr")), "system_name": text(first(chassis, "name")),
        "system_description": text(first(chassis, "descr")), "system_capabilities": _capabilities(chassis),
        "management_address": _listed(map(text, elements(chassis, "mgmt-ip"))),
        "ttl": text(first(entry, "ttl"), "ttl") or text(first(port, "ttl")),
        "dot1_lag": _aggregation(port), "dot1_vlan_names": _listed(map(text, vlans)),
        "dot1_port_vid": next((text(vlan, "vlan-id") for vlan in vlans if vlan.get("pvid") is True), None),
        "dot1_vid_digest": _unknown(entry, VID_DIGEST).replace(",", "").lower() or None,
        "dot1_management_vid": _number(_unknown(entry, MANAGEMENT_VID)),
        "dot1_proto_vids": _listed(map(text, elements(entry, "ppvid"))),
        "dot1_proto_ids": _listed(map(text, elements(entry, "pi"))),
        "dot3_mac_status": _negotiation(port), "dot3_max_frame": text(first(port, "mfs")),
        "dot3_power_mdi": _power(port)}


def _listed(texts: Iterable[str | None]) -> str | None:
    return ", ".join(filter(None, texts))[:TEXT_MAX] or None


def _flag(element: Element, name: str) -> str:
    return "y" if element.get(name) is True else "n"


def _capabilities(chassis: Element) -> str | None:
    """Return the capabilities that are enabled: ``bridge, router``."""
    enabled = (text(one, "type") for one in elements(chassis, "capability") if one.get("enabled") is True)
    return _listed(name.lower() for name in enabled if name)


def _aggregation(port: Element) -> str | None:
    """Return ``capable=y,enabled=n``. Some releases of lldpd tell only the number of an aggregation that is enabled."""
    told = first(port, "link-aggregation")
    if told:
        return f"capable={_flag(told, 'supported')},enabled={_flag(told, 'enabled')}"
    return "capable=y,enabled=y" if text(first(port, "aggregation")) else None


def _negotiation(port: Element) -> str | None:
    """Return ``auto-negotiation-capable=y,auto-negotiation-enabled=y,10base-thd, 10base-tfd``."""
    told = first(port, "auto-negotiation")
    if not told:
        return None
    modes = [f"{name.lower()}{duplex}" for one in elements(told, "advertised") if (name := text(one, "type"))
             for duplex in ("hd", "fd") if one.get(duplex) is True]
    flags = [f"auto-negotiation-capable={_flag(told, 'supported')}",
             f"auto-negotiation-enabled={_flag(told, 'enabled')}"]
    return ",".join([*flags, *filter(None, [_listed(modes)])])[:TEXT_MAX]


def _power(port: Element) -> str | None:
    """Return ``power-mdi-supported=y,power-mdi-enabled=n,device-type=PSE,pairs=signal,class=class 0``."""
    told = first(port, "power")
    if not told:
        return None
    parts = [f"power-mdi-supported={_flag(told, 'supported')}", f"power-mdi-enabled={_flag(told, 'enabled')}"]
    named = ((name, text(first(told, name))) for name in ("device-type", "pairs", "class"))
    return ",".join([*parts, *(f"{name}={value}" for name, value in named if value)])[:TEXT_MAX]


def _unknown(entry: Element, subtype: str) -> str:
    """Return the octets (``DE,AD``) of a TLV of IEEE 802.1 that lldpd does not decode; empty without it."""
    found: Sequence[Element] = [tlv for part in elements(entry, "unknown-tlvs") for tlv in elements(part, "unknown-tlv")
                                if tlv.get("oui") == IEEE_802_1 and tlv.get("subtype") == subtype]
    return next(filter(None, map(text, found)), "")


def _number(octets: str) -> str | None:
    try:
        return str(int(octets.replace(",", ""), 16))
    except ValueError:
        return None
