# SPDX-License-Identifier: Apache-2.0
"""Addresses of a host: assigned with its personality, released with its deletion. Runs in the caller's transaction."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from sysinv.contract.enums import NetworkType
from sysinv.model.addressing import (
    CONTROLLER_NETWORKS,
    HOST_NETWORKS,
    address_name,
    next_address,
)
from sysinv.model.hostname import CONTROLLER_NAMES, FLOATING_HOST
from sysinv.model.system import SystemView
from sysinv.resources.address import store as addresses
from sysinv.resources.network import store as networks


def assign_addresses(conn: Connection, system: SystemView, host_id: int, hostname: str) -> dict[str, str]:
    """Assign the host an address on every network, unless it has one; returns network type to address.

    Controllers get the fixed addresses of each pool. AddressPoolExhausted when a pool is full.
    """
    wanted = CONTROLLER_NETWORKS if hostname in CONTROLLER_NAMES else HOST_NETWORKS
    return _assigned(conn, system, host_id, hostname, wanted)


def assign_address(conn: Connection, system: SystemView, host_id: int, hostname: str, network_type: str) -> None:
    """Assign the host an address on one network, unless it has one; AddressPoolExhausted when the pool is full.

    Only controllers have addresses on the pxeboot network that do not come from DHCP.
    """
    if hostname in CONTROLLER_NAMES or network_type != NetworkType.PXEBOOT:
        _assigned(conn, system, host_id, hostname, [network_type])


def release_address(conn: Connection, hostname: str, network_type: str) -> None:
    """Release the address that a host got with a network on one of its interfaces.

    The addresses that come with its personality stay, and those of controllers, which are fixed.
    """
    if hostname not in CONTROLLER_NAMES and network_type not in HOST_NETWORKS:
        addresses.delete(conn, address_name(hostname, network_type))


def _assigned(conn: Connection, system: SystemView, host_id: int, hostname: str,
              wanted: Sequence[str]) -> dict[str, str]:
    pools = networks.pools_by_network(conn)
    owner = FLOATING_HOST if system.is_simplex else hostname
    given = addresses.named(conn, [address_name(owner, network) for network in wanted])
    assigned: dict[str, str] = {}
    for network in wanted:
        pool = pools.get(network)
        if pool is None:
            continue
        name = address_name(owner, network)
        address = given.get(name)
        if address is None:
            fixed = pool.floating_address if system.is_simplex else pool.for_controller(hostname)
            address = fixed or next_address(pool, addresses.taken(conn, pool.id), seed=host_id)
            addresses.add(conn, name, address, pool.prefix, pool.id, host_id)
        else:
            addresses.attach(conn, name, host_id)
        assigned[network] = address
    return assigned


def release_addresses(conn: Connection, host_id: int, hostname: str | None) -> None:
    """Release the host's addresses; fixed addresses of controllers stay stored, without a host."""
    keep = [address_name(hostname, network) for network in CONTROLLER_NETWORKS] if hostname in CONTROLLER_NAMES else []
    addresses.release(conn, host_id, keep)


def host_addresses(conn: Connection, system: SystemView, hostname: str) -> dict[str, str]:
    """Return the addresses of one host by network type."""
    owner = FLOATING_HOST if system.is_simplex else hostname
    names = {address_name(owner, network): network for network in NetworkType}
    return {names[name]: address for name, address in addresses.named(conn, names).items()}
