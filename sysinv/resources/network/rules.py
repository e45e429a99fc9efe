# SPDX-License-Identifier: Apache-2.0
"""Pure rules of networks and address pools: what may be added, changed and deleted."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from flock.core.errors import Conflict, InvalidInput, Refused
from sysinv.contract.enums import NetworkType
from sysinv.model.addressing import CONTROLLER_NETWORKS, PoolView, check_pool, default_ranges
from sysinv.model.system import SystemView

ORDERS = ("random", "sequential")
NAMED_ADDRESSES = ("floating_address", "controller0_address", "controller1_address", "gateway_address")
POOL_CHANGES = ("name", "order", "ranges", *NAMED_ADDRESSES)
RANGES_MAX = 64
NAME = r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,127}"
# Hosts have addresses in these; they are as the bootstrap made them.
KEPT = frozenset({*CONTROLLER_NETWORKS, NetworkType.CLUSTER_POD, NetworkType.CLUSTER_SERVICE, NetworkType.STORAGE})
_FLOATING = frozenset({NetworkType.MGMT, NetworkType.OAM, NetworkType.ADMIN, NetworkType.PXEBOOT})


class NetworkRefused(Refused):
    """A rule refuses a change of networks or address pools."""

    code: ClassVar[str] = "sysinv.network.refused"


def check_network(system: SystemView, network_type: str, pool: PoolView, pool_networks: Iterable[str],
                  known_types: Iterable[str]) -> None:
    """Raise Conflict or NetworkRefused when a network may not be added. ``pool_networks``: names of the networks that
    have its pool; ``known_types``: types of all networks."""
    if network_type in known_types:
        raise Conflict(detail=f"Network of type {network_type} already exists.")
    taken = sorted(pool_networks)
    if taken:
        raise Conflict(detail=f"Address pool {pool.name} belongs to network {taken[0]} already.")
    if network_type in _FLOATING:
        needed = NAMED_ADDRESSES[:1] if system.is_simplex else NAMED_ADDRESSES[:3]
        missing = [name for name in needed if not getattr(pool, name)]
        if missing:
            raise NetworkRefused(detail=f"Network of type {network_type} requires {', '.join(missing)} in address pool "
                                        f"{pool.name}.")


def check_network_deletion(network: Mapping[str, Any], carriers: Sequence[str]) -> None:
    """Raise NetworkRefused: the hosts of a running system have addresses in the network; Conflict: interfaces
    (``carriers``, names) carry it."""
    if network["type"] in KEPT:
        raise NetworkRefused(detail=f"Cannot delete type {network['type']} network {network['uuid']} after initial "
                                    "configuration completion")
    if carriers:
        raise Conflict(detail=f"Network {network['name']} is on {', '.join(carriers)}. Remove it there first.")


def new_pool(values: Mapping[str, Any]) -> PoolView:
    """The pool of a POST; InvalidInput or NetworkRefused names field and rule."""
    network, prefix = _subnet(values)
    ranges = values.get("ranges")
    pairs = _pairs(ranges) if ranges is not None else _without(
        default_ranges(network, prefix), values.get("gateway_address"))
    pool = PoolView(0, "", values["name"], network, prefix, values.get("order") or ORDERS[0], pairs,
                    **{name: _address(name, values.get(name)) for name in NAMED_ADDRESSES})
    _check(pool)
    return pool


def changed_pool(pool: PoolView, changes: Mapping[str, Any], network_types: Iterable[str]) -> PoolView:
    """The pool after a PATCH. NetworkRefused: it may not be changed now, since hosts have its addresses; InvalidInput.
    ``network_types``: of the networks that have it."""
    used = sorted(KEPT & set(network_types))
    frozen = sorted(changes.keys() - {"name"})
    if used and frozen:
        raise NetworkRefused(detail=f"Address pool {pool.name} belongs to network {used[0]}, in which hosts have "
                                    f"addresses: {', '.join(frozen)} cannot be changed while the system runs.")
    found = {name: getattr(pool, name) for name in POOL_CHANGES} | {
        name: _address(name, value) if name in NAMED_ADDRESSES else value for name, value in changes.items()}
    if "ranges" in changes:
        found["ranges"] = _pairs(changes["ranges"])
    changed = PoolView(pool.id, pool.uuid, network=pool.network, prefix=pool.prefix, **found)
    _check(changed)
    return changed


def check_pool_deletion(pool: PoolView, networks: Iterable[str], addresses: int) -> None:
    """Raise Conflict when networks (names) or a number of addresses still need the pool."""
    taken = sorted(networks)
    if taken:
        raise Conflict(detail=f"Address pool {pool.name} is in use by network {taken[0]}. Delete the network first.")
    if addresses:
        raise Conflict(detail=f"Address pool {pool.name} is in use by {addresses} addresses.")


def overlapping(pool: PoolView, others: Iterable[PoolView]) -> None:
    """Raise Conflict when the subnet of another pool has addresses of this one: a route could not tell them apart."""
    subnet = ipaddress.ip_network(f"{pool.network}/{pool.prefix}")
    for other in others:
        known = ipaddress.ip_network(f"{other.network}/{other.prefix}")
        if other.id != pool.id and known.version == subnet.version and known.overlaps(subnet):
            raise Conflict(detail=f"{subnet} overlaps {known} of address pool {other.name}.")


def _subnet(values: Mapping[str, Any]) -> tuple[str, int]:
    network, prefix = values["network"], values["prefix"]
    try:
        subnet = ipaddress.ip_network(f"{network}/{prefix}")
    except ValueError as error:
        raise InvalidInput(field="network", rule=str(error)) from error
    if subnet.is_loopback or subnet.is_link_local or not subnet.prefixlen:
        raise InvalidInput(field="network", rule=f"{subnet} can not be used between hosts")
    return str(subnet.network_address), subnet.prefixlen


def _pairs(ranges: Any) -> tuple[tuple[str, str], ...]:
    """``[["first", "last"], …]``."""
    is_right = isinstance(ranges, list) and 0 < len(ranges) <= RANGES_MAX and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair) for pair in ranges)
    if not is_right:
        raise InvalidInput(field="ranges", rule=f"must be 1 to {RANGES_MAX} pairs of first and last address")
    return tuple((_address("ranges", first) or "", _address("ranges", last) or "") for first, last in ranges)


def _without(ranges: tuple[tuple[str, str], ...], gateway: str | None) -> tuple[tuple[str, str], ...]:
    """The ranges without a gateway at one of their ends; elsewhere it is reserved by its name."""
    if not gateway:
        return ranges
    address = ipaddress.ip_address(_address("gateway_address", gateway) or "")
    ((first, last),) = ranges
    if str(address) == first:
        return ((str(address + 1), last),)
    return ((first, str(address - 1)),) if str(address) == last else ranges


def _address(field: str, text: Any) -> str | None:
    """The normal form of an address; None for none."""
    if text in (None, "", "none", "None"):
        return None
    try:
        return str(ipaddress.ip_address(str(text)))
    except ValueError as error:
        raise InvalidInput(field=field, rule=str(error)) from error


def _check(pool: PoolView) -> None:
    check_pool(pool)
    named = [getattr(pool, name) for name in NAMED_ADDRESSES if getattr(pool, name)]
    # The one controller of a simplex system has the floating address as its own.
    if pool.gateway_address and named.count(pool.gateway_address) > 1:
        raise InvalidInput(field="gateway_address", rule="must not be an address of a controller")
    if pool.controller1_address and pool.controller1_address in (pool.controller0_address, pool.floating_address):
        raise InvalidInput(field="controller1_address", rule="must be an address of its own")
    version = ipaddress.ip_network(f"{pool.network}/{pool.prefix}").version
    for address in named:
        if ipaddress.ip_address(address).version != version:
            raise InvalidInput(field="address", rule=f"{address} must be of IPv{version}")
