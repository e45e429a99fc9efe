# SPDX-License-Identifier: Apache-2.0
"""``ipvs``: one LVM physical volume."""
from __future__ import annotations

from flock.wire.resource import ADMIN, AGENT, SYSTEM, Record, Resource, attr
from flock.wire.types import Uuid

PV_TYPES = ("disk", "partition")


class PhysicalVolume(Record):
    """One physical volume; ``error`` says why it is ``failed``, ``lvm_pv_size`` is in bytes."""

    envelope = "ipvs"
    pv_state = attr(str, writer=SYSTEM, nullable=False)
    pv_type = attr(str, writer=SYSTEM, nullable=False)
    disk_or_part_uuid = attr(str, writer=ADMIN, nullable=False)
    disk_or_part_device_node = attr(str, writer=SYSTEM)
    disk_or_part_device_path = attr(str, writer=SYSTEM)
    lvm_pv_name = attr(str, writer=AGENT)
    lvm_vg_name = attr(str, writer=SYSTEM, nullable=False)
    lvm_pv_uuid = attr(str, writer=AGENT)
    lvm_pv_size = attr(int, writer=AGENT, nullable=False)
    lvm_pe_total = attr(int, writer=AGENT, nullable=False)
    lvm_pe_alloced = attr(int, writer=AGENT, nullable=False)
    error = attr(str, writer=SYSTEM)
    capabilities = attr(dict, writer=SYSTEM, nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)
    ilvg_uuid = attr(str, writer=SYSTEM, nullable=False)


class NewPhysicalVolume(Resource):
    """Body of a POST. The uuid of the disk or partition decides about ``pv_type``, whatever the request says."""

    ihost_uuid = attr(Uuid(), writer=ADMIN, mandatory=True)
    ilvg_uuid = attr(Uuid(), writer=ADMIN, mandatory=True)
    disk_or_part_uuid = attr(Uuid(), writer=ADMIN, mandatory=True)
    pv_type = attr(PV_TYPES, writer=ADMIN)
