# SPDX-License-Identifier: Apache-2.0
"""``networks`` and ``addrpools``."""
from __future__ import annotations

from flock.wire.resource import ADMIN, SYSTEM, Record, Resource, attr
from sysinv.contract.enums import NetworkType
from sysinv.resources.network.rules import NAME, ORDERS

_NAME_RULE = "Value must be 1 to 128 letters, digits, spaces, '_', '.' or '-', and begin with a letter or digit."
_PREFIX_MAX = 128


class Network(Record):
    """One platform network."""

    envelope = "networks"
    id = attr(int, writer=SYSTEM, nullable=False)
    type = attr(str, writer=ADMIN, nullable=False)
    name = attr(str, writer=ADMIN, nullable=False)
    dynamic = attr(bool, writer=ADMIN, nullable=False)
    pool_uuid = attr(str, writer=ADMIN)
    primary_pool_family = attr(str, writer=SYSTEM, nullable=False)


class AddressPool(Record):
    """One address pool; ``ranges`` are pairs of first and last address."""

    envelope = "addrpools"
    id = attr(int, writer=SYSTEM, nullable=False)
    name = attr(str, writer=ADMIN, nullable=False)
    network = attr(str, writer=ADMIN, nullable=False)
    prefix = attr(int, writer=ADMIN, nullable=False)
    family = attr(int, writer=SYSTEM, nullable=False)
    order = attr(("random", "sequential"), writer=ADMIN, nullable=False)
    ranges = attr(object, writer=ADMIN)
    floating_address = attr(str, writer=ADMIN)
    controller0_address = attr(str, writer=ADMIN)
    controller1_address = attr(str, writer=ADMIN)
    gateway_address = attr(str, writer=ADMIN)


class NewNetwork(Resource):
    """Body of ``POST /v1/networks``."""

    type = attr(NetworkType, mandatory=True)
    name = attr(str, pattern=NAME, rule=_NAME_RULE)
    dynamic = attr(bool)
    pool_uuid = attr(str, mandatory=True)


class PoolChange(Resource):
    """Fields of a PATCH of an address pool; the rules check the addresses."""

    name = attr(str, pattern=NAME, rule=_NAME_RULE)
    order = attr(ORDERS)
    ranges = attr(object)
    floating_address = attr(str)
    controller0_address = attr(str)
    controller1_address = attr(str)
    gateway_address = attr(str)


class NewPool(PoolChange):
    """Body of ``POST /v1/addrpools``."""

    name = attr(str, mandatory=True, pattern=NAME, rule=_NAME_RULE)
    network = attr(str, mandatory=True)
    prefix = attr(int, mandatory=True, min=0, max=_PREFIX_MAX)
