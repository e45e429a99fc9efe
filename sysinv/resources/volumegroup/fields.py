# SPDX-License-Identifier: Apache-2.0
"""``ilvgs``: one LVM volume group."""
from __future__ import annotations

from flock.wire.resource import ADMIN, AGENT, SYSTEM, Record, Resource, attr
from flock.wire.types import Uuid
from sysinv.resources.volumegroup.rules import CSI, TYPES


class VolumeGroup(Record):
    """One volume group; sizes in bytes."""

    envelope = "ilvgs"
    uuid = attr(Uuid(), writer=SYSTEM, label="UUID", detail="uuid", nullable=False)
    lvm_vg_name = attr(str, writer=ADMIN, label="LVG Name", detail="lvm_vg_name", nullable=False)
    vg_state = attr(str, writer=SYSTEM, label="State", detail="vg_state", nullable=False)
    lvm_function = attr(str, writer=ADMIN, label="Function", detail="lvm_function")
    lvm_type = attr(str, writer=ADMIN, label="Type", detail="lvm_type")
    lvm_pool_size = attr(int, writer=SYSTEM, label="Pool Size", detail="lvm_pool_size")
    lvm_vg_uuid = attr(str, writer=AGENT)
    lvm_vg_access = attr(str, writer=AGENT, label="Access", detail="lvm_vg_access")
    lvm_max_lv = attr(int, writer=AGENT, nullable=False)
    lvm_cur_lv = attr(int, writer=AGENT, label="Current LVs", detail="lvm_cur_lv", nullable=False)
    lvm_max_pv = attr(int, writer=AGENT, nullable=False)
    lvm_cur_pv = attr(int, writer=AGENT, label="Current PVs", detail="lvm_cur_pv", nullable=False)
    lvm_vg_size = attr(int, writer=AGENT, label="Total Size (GiB)", detail="lvm_vg_size", nullable=False)
    lvm_vg_avail_size = attr(int, writer=AGENT, label="Avail Size (GiB)", detail="lvm_vg_avail_size", nullable=False)
    lvm_vg_total_pe = attr(int, writer=AGENT, nullable=False)
    lvm_vg_free_pe = attr(int, writer=AGENT, nullable=False)
    capabilities = attr(dict, writer=SYSTEM, nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)


class NewVolumeGroup(Resource):
    """Body of a POST."""

    ihost_uuid = attr(Uuid(), writer=ADMIN, mandatory=True)
    lvm_vg_name = attr(str, writer=ADMIN, mandatory=True, max_length=64)
    lvm_function = attr((CSI,), writer=ADMIN)
    lvm_type = attr(TYPES, writer=ADMIN)
    capabilities = attr(dict, writer=ADMIN)
