# SPDX-License-Identifier: Apache-2.0
"""``addresses``: one address that was given to a host, or floats."""
from __future__ import annotations

from flock.wire.resource import ADMIN, SYSTEM, Record, attr


class Address(Record):
    """One address."""

    envelope = "addresses"
    id = attr(int, writer=SYSTEM)
    interface_uuid = attr(str, writer=SYSTEM)
    ifname = attr(str, writer=SYSTEM)
    address = attr(str, writer=ADMIN)
    prefix = attr(int, writer=ADMIN)
    name = attr(str, writer=SYSTEM)
    enable_dad = attr(bool, writer=ADMIN)
    forihostid = attr(int, writer=SYSTEM)
    pool_uuid = attr(str, writer=SYSTEM)
