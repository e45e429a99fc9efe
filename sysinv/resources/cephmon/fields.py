# SPDX-License-Identifier: Apache-2.0
"""``ceph_mon``: the monitor of a host."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, Resource, attr
from flock.wire.types import Integer, Text
from sysinv.contract.enums import BackendState


class CephMon(Record):
    """One monitor; its device is null until the host has made it."""

    envelope = "ceph_mon"
    device_path = attr(str, writer=SYSTEM)
    device_node = attr(str, writer=SYSTEM)
    ceph_mon_dev = attr(str, writer=SYSTEM)
    ceph_mon_gib = attr(Integer(0), nullable=False)
    state = attr(BackendState, writer=SYSTEM, nullable=False)
    task = attr(str, writer=SYSTEM)
    hostname = attr(str, writer=SYSTEM)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)


class NewCephMon(Resource):
    """Body of ``POST /v1/ceph_mon``; ``ihost_uuid`` may be id, uuid or name of the host."""

    ihost_uuid = attr(Text(255, 1), mandatory=True)
    ceph_mon_gib = attr(Integer(0))
