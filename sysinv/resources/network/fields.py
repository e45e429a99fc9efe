# SPDX-License-Identifier: Apache-2.0
"""``networks`` and ``addrpools``."""
from __future__ import annotations

from flock.wire.resource import ADMIN, SYSTEM, Record, attr


class Network(Record):
    """One platform network."""

    envelope = "networks"
    id = attr(int, writer=SYSTEM)
    type = attr(str, writer=ADMIN)
    name = attr(str, writer=ADMIN)
    dynamic = attr(bool, writer=ADMIN)
    pool_uuid = attr(str, writer=ADMIN)
    primary_pool_family = attr(str, writer=SYSTEM)


class AddressPool(Record):
    """One pool of addresses; ``ranges`` are pairs of first and last address."""

    envelope = "addrpools"
    id = attr(int, writer=SYSTEM)
    name = attr(str, writer=ADMIN)
    network = attr(str, writer=ADMIN)
    prefix = attr(int, writer=ADMIN)
    family = attr(int, writer=SYSTEM)
    order = attr(("random", "sequential"), writer=ADMIN)
    ranges = attr(object, writer=ADMIN)
    floating_address = attr(str, writer=ADMIN)
    controller0_address = attr(str, writer=ADMIN)
    controller1_address = attr(str, writer=ADMIN)
    gateway_address = attr(str, writer=ADMIN)
