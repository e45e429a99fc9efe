# SPDX-License-Identifier: Apache-2.0
"""``ptp_interfaces``: parameters with which a PTP instance uses the interfaces that they are assigned to."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, Resource, attr
from flock.wire.types import Uuid, WireType
from sysinv.resources.ptpinstance.fields import NAME, Reference

LIST = "ptp_interfaces"
# What an operation on ``/ptp_interfaces/-`` of an interface has.
MEMBER: dict[str, WireType] = {"value": Reference()}


class PtpInterface(Record):
    """One PTP interface. ``interface_names``: ``<host>/<interface>``; ``parameters``: ``name=value``."""

    envelope = LIST
    id = attr(int, writer=SYSTEM, nullable=False)
    type = attr(str, writer=SYSTEM, nullable=False)
    name = attr(NAME, nullable=False)
    ptp_instance_id = attr(int, writer=SYSTEM, nullable=False)
    ptp_instance_uuid = attr(Uuid(), nullable=False)
    ptp_instance_name = attr(str, writer=SYSTEM, nullable=False)
    hostnames = attr([str], writer=SYSTEM, nullable=False)
    interface_names = attr([str], writer=SYSTEM, nullable=False)
    parameters = attr([str], writer=SYSTEM, nullable=False)


class NewPtpInterface(Resource):
    """Body of ``POST /v1/ptp_interfaces``."""

    name = attr(NAME, mandatory=True)
    ptp_instance_uuid = attr(Uuid(), mandatory=True)
