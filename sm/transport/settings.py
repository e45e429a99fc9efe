# SPDX-License-Identifier: Apache-2.0
"""Settings of the messaging paths, checked; errors name the field and the rule."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from flock.core.errors import InvalidInput
from sm.core.reachability import TARGETS_MAX, TARGETS_MIN

PORT = 2222
WITNESS_PORT = 2223
DATAGRAM_MAX = 8_192
UNFRAGMENTED = 1_400
"""Datagrams of this size pass every Ethernet, tagged and tunnelled, in one piece."""
PATHS_MAX = 4
PEERS_MAX = 16
_DEVICE = re.compile(r"[^\s/:]{1,15}\Z")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PATH = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")


@dataclass(frozen=True, slots=True)
class Peer:
    """Another node or a witness, and its address and port on one path."""

    name: str
    address: str
    port: int = PORT
    witness: bool = False


@dataclass(frozen=True, slots=True)
class PathLink:
    """One path of this node. Every datagram on every path must carry a valid digest.

    ``device``: a network device, such as a port, a VLAN or a bond. ``group``: the multicast group by which nodes are
    reached; None for unicast. Witnesses are reached by unicast. ``datagram_max``: bytes; a datagram that the device
    does not pass in one piece is not sent. ``targets``: addresses that answer pings, such as the gateway, to tell
    whether the network is cut off; none, or at least two.
    """

    name: str
    device: str
    address: str
    peers: tuple[Peer, ...]
    group: str | None = None
    port: int = PORT
    datagram_max: int = UNFRAGMENTED
    targets: tuple[str, ...] = ()

    @property
    def is_ipv6(self) -> bool:
        """Whether the path uses IPv6."""
        return ":" in self.address


def checked(links: tuple[PathLink, ...], node: str) -> tuple[PathLink, ...]:
    """The links; InvalidInput when one breaks a rule."""
    if not 1 <= len(links) <= PATHS_MAX:
        raise InvalidInput(field="paths", rule=f"must be 1 to {PATHS_MAX}")
    for name in ("name", "device"):
        if len({getattr(link, name) for link in links}) < len(links):
            raise InvalidInput(field=f"paths.{name}", rule="must differ from path to path")
    for link in links:
        for field, rule in broken(link, node):
            raise InvalidInput(field=f"paths.{link.name}.{field}", rule=rule)
    return links


def broken(link: PathLink, node: str) -> Iterator[tuple[str, str]]:
    """Each rule that a path of ``node`` breaks, with the field; of a peer such as ``peers.controller-1.address``."""
    if not _PATH.match(link.name):
        yield "name", "must be lower case letters, digits and hyphens, at most 32"
    if not _DEVICE.match(link.device):
        yield "device", "must be the name of a network device"
    own = _address(link.address)
    if own is None or own.is_multicast or own.is_unspecified:
        yield "address", "must be a unicast IP address"
        return
    yield from _number("port", link.port, 1, 65_535)
    yield from _number("datagram_max", link.datagram_max, 1_000, DATAGRAM_MAX)
    group = _address(link.group) if link.group is not None else None
    if link.group is not None and (group is None or not group.is_multicast or group.version != own.version):
        yield "group", f"must be an IPv{own.version} multicast address"
    if link.targets and not TARGETS_MIN <= len(set(link.targets)) == len(link.targets) <= TARGETS_MAX:
        yield "targets", f"must be none, or {TARGETS_MIN} to {TARGETS_MAX} different ones"
    if not all(_is(target, own.version) for target in link.targets):
        yield "targets", f"must be IPv{own.version} addresses"
    yield from _broken_peers(link, node, own)


def _broken_peers(link: PathLink, node: str, own: Address) -> Iterator[tuple[str, str]]:
    if len(link.peers) > PEERS_MAX:
        yield "peers", f"at most {PEERS_MAX}"
    seen = {(own, link.port)}
    names = {node}
    for peer in link.peers:
        place, address = f"peers.{peer.name}", _address(peer.address)
        if address is None or address.version != own.version:
            yield f"{place}.address", f"must be an IPv{own.version} address"
            continue
        yield from _number(f"{place}.port", peer.port, 1, 65_535)
        if (address, peer.port) in seen or peer.name in names:
            yield f"{place}.address", "must differ in name and address from others"
        if link.group is not None and not peer.witness and peer.port != link.port:
            yield f"{place}.port", "must be the port of the multicast group"
        seen.add((address, peer.port))
        names.add(peer.name)


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is(text: str, version: int) -> bool:
    address = _address(text)
    return address is not None and address.version == version


def _number(field: str, value: int, least: int, most: int) -> Iterator[tuple[str, str]]:
    if not least <= value <= most:
        yield field, f"must be a number from {least} to {most}"
