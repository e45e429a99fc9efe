# SPDX-License-Identifier: Apache-2.0
"""What a host may be called: the form of names, the names that the system keeps for itself, and those of each role."""
from __future__ import annotations

import re

from flock.core import ids
from sysinv.contract.enums import NetworkType, Personality

CONTROLLER_0 = "controller-0"
CONTROLLER_1 = "controller-1"
CONTROLLER_NAMES = (CONTROLLER_0, CONTROLLER_1)
FLOATING_HOST = "controller"
PXE_NAME = "pxecontroller"
FLOATING_ALIASES = ("controller.internal", FLOATING_HOST, "registry.local", "controller-platform-nfs")
"""Names under which the floating management address stands in DNS."""
HOSTNAME_SHOWN = 80

RESERVED = tuple(sorted({*FLOATING_ALIASES, PXE_NAME, "localhost", "oamcontroller", "broadcasthost", "ip6-localhost",
                         "ip6-loopback"}))
"""Names that no host may have; the database refuses them too."""
_RESERVED_FORMS = re.compile(r"(?:(?:oam|pxe)?controller|pxeboot|localhost)(?:[-.].*)?|storage.*", re.ASCII)
_STORAGE_NAME = re.compile(r"storage-[0-9]+", re.ASCII)
_NUMBERS = re.compile(r"[0-9.]+|0x[0-9a-f.x]+", re.ASCII)


def hostname_refusal(hostname: str, personality: str | None) -> str | None:
    """Return why a host of ``personality`` may not have ``hostname``; None when it may."""
    try:
        ids.hostname(hostname)
    except ValueError as error:
        return f"Hostname {hostname[:HOSTNAME_SHOWN]!a} {error}."
    if personality == Personality.CONTROLLER:
        if hostname not in CONTROLLER_NAMES:
            return f"Host with personality={personality} can only have a hostname from {list(CONTROLLER_NAMES)}"
        return None
    if personality == Personality.STORAGE:
        if not _STORAGE_NAME.fullmatch(hostname):
            return f"Host with personality={personality} can only have a hostname 'storage-<number>'"
        return None
    if _is_reserved(hostname.lower()):
        return f"Host with personality={personality} cannot use reserved hostname {hostname}."
    if ids.is_uuid(hostname) or _NUMBERS.fullmatch(hostname.lower()):
        return f"Hostname {hostname} must not look like an id or an address."
    return None


def _is_reserved(name: str) -> bool:
    """Whether the system uses the name, also as the name of an address (``<host>-<network type>``)."""
    if name in RESERVED or _RESERVED_FORMS.fullmatch(name):
        return True
    return any(name.endswith(f"-{network}") for network in NetworkType)
