# SPDX-License-Identifier: Apache-2.0
"""``addresses``: an address that is assigned to a host, or a floating one."""
from __future__ import annotations

from flock.wire.resource import ADMIN, SYSTEM, Record, Resource, attr
from flock.wire.types import IpAddress, Uuid

PREFIX_MAX = 128


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


class NewAddress(Resource):
    """Body of ``POST /v1/addresses``; without ``enable_dad``, only IPv6 addresses are checked for duplicates."""

    interface_uuid = attr(Uuid(), mandatory=True)
    address = attr(IpAddress(), mandatory=True)
    prefix = attr(int, mandatory=True, min=0, max=PREFIX_MAX)
    enable_dad = attr(bool)
