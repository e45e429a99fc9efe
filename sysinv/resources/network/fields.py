# SPDX-License-Identifier: Apache-2.0
"""``networks`` and ``addrpools``."""
from __future__ import annotations

from flock.wire.resource import ADMIN, SYSTEM, Record, attr


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
