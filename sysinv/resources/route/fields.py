# SPDX-License-Identifier: Apache-2.0
"""``routes``: a static route over an interface of a host."""
from __future__ import annotations

from flock.wire.resource import ADMIN, SYSTEM, Record, Resource, attr
from flock.wire.types import IpAddress, Uuid
from sysinv.resources.route.rules import METRIC_DEFAULT, METRIC_MAX, PREFIX_MAX


class Route(Record):
    """One route; a smaller ``metric`` is preferred."""

    envelope = "routes"
    id = attr(int, writer=SYSTEM, nullable=False)
    interface_uuid = attr(str, writer=ADMIN, nullable=False)
    ifname = attr(str, writer=SYSTEM, nullable=False)
    network = attr(str, writer=ADMIN, nullable=False)
    prefix = attr(int, writer=ADMIN, nullable=False)
    gateway = attr(str, writer=ADMIN, nullable=False)
    metric = attr(int, writer=ADMIN, nullable=False)
    forihostid = attr(int, writer=SYSTEM, nullable=False)


class NewRoute(Resource):
    """Body of ``POST /v1/routes``."""

    interface_uuid = attr(Uuid(), mandatory=True)
    network = attr(IpAddress(), mandatory=True)
    prefix = attr(int, mandatory=True, min=0, max=PREFIX_MAX)
    gateway = attr(IpAddress(), mandatory=True)
    metric = attr(int, min=METRIC_DEFAULT, max=METRIC_MAX)
