# SPDX-License-Identifier: Apache-2.0
"""Pure rules of address pools: check a pool, choose the next free address, name addresses."""
from __future__ import annotations

import ipaddress
import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import Conflict, InvalidInput
from sysinv.contract.enums import NetworkType
from sysinv.model.hostname import FLOATING_HOST

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
POOL_ADDRESSES_MIN = 4
RANDOM_TRIES = 64
# Networks on which every host gets a fixed address; workers get their pxeboot addresses by DHCP lease.
HOST_NETWORKS = (NetworkType.MGMT, NetworkType.CLUSTER_HOST)
CONTROLLER_NETWORKS = (NetworkType.PXEBOOT, NetworkType.MGMT, NetworkType.CLUSTER_HOST, NetworkType.OAM)


class AddressPoolExhausted(Conflict):
    """The pool has no free address."""

    code: ClassVar[str] = "sysinv.address_pool.exhausted"
    text: ClassVar[str] = "Address pool {pool} has no available addresses"


@dataclass(frozen=True, slots=True)
class PoolView:
    """One address pool; ``ranges`` are inclusive pairs of addresses as text."""

    id: int
    uuid: str
    name: str
    network: str
    prefix: int
    order: str
    ranges: tuple[tuple[str, str], ...]
    floating_address: str | None = None
    controller0_address: str | None = None
    controller1_address: str | None = None
    gateway_address: str | None = None

    @property
    def reserved(self) -> frozenset[str]:
        """Addresses that are never assigned to other hosts: gateway, floating and controller addresses."""
        named = (self.floating_address, self.controller0_address, self.controller1_address, self.gateway_address)
        return frozenset(address for address in named if address)

    def for_controller(self, hostname: str) -> str | None:
        """The fixed address of ``controller-0`` or ``controller-1``."""
        return {"controller-0": self.controller0_address, "controller-1": self.controller1_address}.get(hostname)


def address_name(hostname: str, network_type: str) -> str:
    """Return the name under which a host's address on a network is stored, such as ``worker-0-mgmt``."""
    return f"{hostname}-{network_type}"


def default_ranges(network: str, prefix: int) -> tuple[tuple[str, str], ...]:
    """Return the whole subnet without its network and broadcast addresses; InvalidInput when nothing remains."""
    subnet = ipaddress.ip_network(f"{network}/{prefix}")
    if subnet.num_addresses < POOL_ADDRESSES_MIN:
        raise InvalidInput(field="prefix", rule=f"{subnet} has fewer than {POOL_ADDRESSES_MIN} addresses")
    return ((str(subnet[1]), str(subnet[-2 if subnet.version == 4 else -1])),)


def check_pool(pool: PoolView) -> None:
    """Raise InvalidInput when subnet, ranges and named addresses of the pool contradict each other."""
    try:
        subnet = ipaddress.ip_network(f"{pool.network}/{pool.prefix}")
    except ValueError as error:
        raise InvalidInput(field="network", rule=str(error)) from error
    size = 0
    seen: list[tuple[int, int]] = []
    for start_text, end_text in pool.ranges:
        start, end = _address("ranges", start_text), _address("ranges", end_text)
        if start not in subnet or end not in subnet or int(start) > int(end):
            raise InvalidInput(field="ranges", rule=f"{start_text}-{end_text} must be ordered and inside {subnet}")
        if any(int(start) <= high and low <= int(end) for low, high in seen):
            raise InvalidInput(field="ranges", rule=f"{start_text}-{end_text} overlaps another range")
        seen.append((int(start), int(end)))
        size += int(end) - int(start) + 1
    if size < POOL_ADDRESSES_MIN:
        raise InvalidInput(field="ranges", rule=f"at least {POOL_ADDRESSES_MIN} addresses are needed, there are {size}")
    if pool.order not in ("random", "sequential"):
        raise InvalidInput(field="order", rule="random or sequential")
    for named in pool.reserved:
        if _address("address", named) not in subnet:
            raise InvalidInput(field="address", rule=f"{named} must be inside {subnet}")


def next_address(pool: PoolView, taken: Iterable[str], seed: int) -> str:
    """Return a free address of the pool: the lowest, or for ``random`` pools one chosen with ``seed``.

    Raises AddressPoolExhausted.
    """
    used = {_number(address) for address in itertools.chain(taken, pool.reserved)}
    spans = [(_number(start), _number(end)) for start, end in pool.ranges]
    if pool.order == "random":
        dice = random.Random(seed)  # noqa: S311 - spreads addresses, protects nothing
        for _ in range(RANDOM_TRIES):
            start, end = spans[dice.randrange(len(spans))]
            candidate = dice.randint(start, end)
            if candidate not in used:
                return _text(pool, candidate)
    for candidate in _walk(spans):
        if candidate not in used:
            return _text(pool, candidate)
    raise AddressPoolExhausted(pool=pool.name)


def controller_addresses(pool: PoolView, network_type: str, simplex: bool) -> dict[str, str]:
    """Return the fixed addresses of one pool by name: ``controller-0-mgmt`` …, and ``controller-mgmt`` (floating).

    A simplex system has a single address per network, stored as ``controller-<type>``.
    """
    named = {FLOATING_HOST: pool.floating_address}
    if not simplex:
        named |= {"controller-0": pool.controller0_address, "controller-1": pool.controller1_address}
    return {address_name(host, network_type): address for host, address in named.items() if address}


def in_pool(pool: PoolView, address: str) -> bool:
    """Return whether an address belongs to the pool's subnet; False for text that is not an address."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(f"{pool.network}/{pool.prefix}")
    except ValueError:
        return False


def _walk(spans: Sequence[tuple[int, int]]) -> Iterator[int]:
    for start, end in spans:
        yield from range(start, end + 1)


def _address(field: str, text: str) -> IpAddress:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise InvalidInput(field=field, rule=str(error)) from error


def _number(text: str) -> int:
    return int(ipaddress.ip_address(text))


def _text(pool: PoolView, number: int) -> str:
    version = ipaddress.ip_network(f"{pool.network}/{pool.prefix}").version
    return str(ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number))
