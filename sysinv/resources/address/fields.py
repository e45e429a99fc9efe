# SPDX-License-Identifier: Apache-2.0
"""``addresses``: an address that is assigned to a host, or a floating one."""
from __future__ import annotations

from flock.wire.resource import ADMIN, SYSTEM, Record, attr


class Address(Record):
    """One address."""

    envelope = "addresses"
    id = attr(int, writer=SYSTEM, nullable=False)
    interface_uuid = attr(str, writer=SYSTEM)
    ifname = attr(str, writer=SYSTEM, nullable=False)
    address = attr(str, writer=ADMIN, nullable=False)
    prefix = attr(int, writer=ADMIN, nullable=False)
    name = attr(str, writer=SYSTEM, nullable=False)
    enable_dad = attr(bool, writer=ADMIN, nullable=False)
    forihostid = attr(int, writer=SYSTEM)
    pool_uuid = attr(str, writer=SYSTEM)
