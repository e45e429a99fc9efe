# SPDX-License-Identifier: Apache-2.0
"""The paths of this node, from the configured rows and the settings."""
from __future__ import annotations

from sm.catalogue.paths import path_name, used
from sm.catalogue.rows import Configured, InterfaceRow
from sm.daemon.settings import DEFAULT_NODES, Settings, WitnessSettings
from sm.transport.settings import PathLink, Peer

SIMPLEX = "simplex"


def nodes_of(settings: Settings, configured: Configured) -> tuple[str, ...]:
    """The controllers of the domain: as the settings say, or by the mode of the system."""
    if settings.nodes:
        return settings.nodes
    return (settings.name,) if configured.setting("SYSTEM_MODE") == SIMPLEX else DEFAULT_NODES


def links_of(settings: Settings, configured: Configured) -> tuple[PathLink, ...]:
    """The paths on which this node has somebody to talk to."""
    others = [name for name in nodes_of(settings, configured) if name != settings.name]
    found = (_link(settings, row, others) for row in used(configured))
    return tuple(link for link in found if link.peers)


def direct_of(configured: Configured) -> frozenset[str]:
    """The paths that are a cable to the other controller."""
    return frozenset(path_name(row) for row in configured.service_domain_interfaces if row.connect_type == "dc")


def _link(settings: Settings, row: InterfaceRow, others: list[str]) -> PathLink:
    name, witness = path_name(row), settings.witness
    peers = [Peer(other, row.peer_address, row.peer_port) for other in others if row.peer_address]
    if witness is not None and name in witness.addresses:
        peers.append(Peer(witness.name, witness.addresses[name], witness.port, witness=True))
    return PathLink(name, row.device, row.address, tuple(peers), row.multicast or None, row.port,
                    targets=tuple(settings.targets.get(name, ())))


def witness_links(settings: WitnessSettings) -> tuple[PathLink, ...]:
    """The paths of a witness: unicast to every node."""
    return tuple(PathLink(name, path.device, path.address,
                          tuple(Peer(node, address, path.node_port) for node, address in path.nodes.items()),
                          port=path.port)
                 for name, path in settings.paths.items())
