# SPDX-License-Identifier: Apache-2.0
"""What the shipped catalogue must know about one controller: deployment, features, networks, parameters."""
from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

FAMILIES = ("ipv4", "ipv6")
FLOCK = "flock"
STARLINGX = "starlingx"
OTHER = "other"
PLATFORMS = (FLOCK, STARLINGX, OTHER)


@dataclass(frozen=True, slots=True)
class Family:
    """Addresses of one family in one network; text, empty where there is none.

    ``floating``: of the active controller, with its prefix, such as ``192.168.204.1/24``. ``own`` and ``peer``: of
    this controller and of the other one, without prefix. ``preferred_lft``: seconds, for IPv6.
    """

    floating: str = ""
    own: str = ""
    peer: str = ""
    multicast: str = ""
    preferred_lft: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """A network of this controller. ``primary``: the family of the path between the controllers; ``clients``: who may
    mount exported directories."""

    device: str
    ipv4: Family | None = None
    ipv6: Family | None = None
    primary: str = ""
    clients: str = ""

    @property
    def families(self) -> Mapping[str, Family]:
        """The configured families by name, the primary one first."""
        found = {name: family for name, family in (("ipv4", self.ipv4), ("ipv6", self.ipv6)) if family is not None}
        return dict(sorted(found.items(), key=lambda item: item[0] != self.primary))


@dataclass(frozen=True, slots=True)
class Site:
    """One controller. ``unit``: its own name. ``platform``: whose programs run, ``flock``, ``starlingx`` or ``other``.

    ``parameters``: by service, added to the shipped instance parameters or in their place. ``configuration``: values
    that concern the whole daemon. ``programs``: with the platform ``other``, the services that run, and their plug-ins,
    such as ``{fm-mgr: "exec:/usr/local/bin/agent"}``.
    """

    mode: str
    unit: str
    role: str = "none"
    platform: str = FLOCK
    features: tuple[str, ...] = ()
    networks: Mapping[str, Network] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    configuration: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)


def words(site: Site) -> set[str]:
    """The addresses that the site has, as words for ``when``: ``management-ipv4`` is a floating address."""
    return {f"{name}-{family}" for name, network in site.networks.items()
            for family, addresses in network.families.items() if addresses.floating}


def values(site: Site) -> dict[str, str]:
    """The values of placeholders: ``{unit}``, ``{oam.device}``, ``{oam.ipv4.ip}``, ``{oam.ipv4.prefix}`` and so on."""
    found = {"unit": site.unit}
    for name, network in site.networks.items():
        found |= {f"{name}.device": network.device, f"{name}.clients": network.clients}
        for family, addresses in network.families.items():
            found[f"{name}.{family}.preferred_lft"] = addresses.preferred_lft
            if addresses.floating:
                address, _, prefix = addresses.floating.partition("/")
                found |= {f"{name}.{family}.ip": address, f"{name}.{family}.prefix": prefix}
    return found


def address_rules(site: Site) -> list[tuple[str, str, str]]:
    """Addresses that break a rule: network, field and rule."""
    found = []
    for name, network in site.networks.items():
        if network.primary and network.primary not in network.families:
            found.append((name, "primary", "must be a family that the network has"))
        if not network.families:
            found.append((name, "ipv4", "a network needs ipv4 or ipv6"))
        for family, addresses in network.families.items():
            kind = ipaddress.IPv4Interface if family == "ipv4" else ipaddress.IPv6Interface
            for item in ("floating", "own", "peer", "multicast"):
                text = getattr(addresses, item)
                if text and not _fits(kind, text, with_prefix=item == "floating"):
                    found.append((name, f"{family}.{item}", f"must be an {kind.__name__[:4]} address "
                                  f"{'with' if item == 'floating' else 'without'} prefix length"))
    return found


def _fits(kind: type[ipaddress.IPv4Interface] | type[ipaddress.IPv6Interface], text: str, with_prefix: bool) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return ("/" in text) == with_prefix
