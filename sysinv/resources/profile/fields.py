# SPDX-License-Identifier: Apache-2.0
"""``iprofiles``: configuration taken from a host. A profile is named like a host, so that clients show it alike."""
from __future__ import annotations

import enum
from typing import Any

from flock.wire.resource import SYSTEM, Record, Resource, attr
from flock.wire.types import Text, Uuid

NAME = Text(255, 1, r"[A-Za-z0-9_.\-]+", "Value may have letters, digits, '_', '.' and '-'.")


class ProfileType(enum.StrEnum):
    """The types of profiles that a host can be asked for."""

    CPU = "cpu"
    MEMORY = "memory"
    INTERFACE = "if"
    LOCAL_STORAGE = "localstg"
    OSD = "stor"
    ROLE = "role"



class Profile(Record):
    """One profile; ``hostname`` repeats its name for StarlingX's clients."""

    envelope = "iprofiles"
    path = "iprofile"
    hostname = attr(str, writer=SYSTEM, source="profilename", nullable=False)
    profilename = attr(NAME, label="name", nullable=False)
    profiletype = attr(ProfileType, label="type", nullable=False)
    recordtype = attr(("profile",), writer=SYSTEM, nullable=False)


class NewProfile(Resource):
    """Body of ``POST /v1/iprofile``; ``ihost_uuid`` may be id, uuid or name of the host."""

    profilename = attr(NAME, mandatory=True)
    profiletype = attr(ProfileType, mandatory=True)
    ihost_uuid = attr(Text(255, 1), mandatory=True)


class ApplyProfile(Resource):
    """The values of a PATCH of a host that applies a profile."""

    action = attr(("apply-profile",), mandatory=True)
    iprofile_uuid = attr(Uuid(), mandatory=True)


CPU_FIELDS = ("cpu", "numa_node", "core", "thread", "cpu_family", "cpu_model", "allocated_function")
PORT_FIELDS = ("name", "pciaddr", "dev_id", "pclass", "pdevice")
INTERFACE_FIELDS = (
    "ifname", "iftype", "ifclass", "uses", "imtu", "vlan_id", "aemode", "txhashpolicy", "primary_reselect",
    "schedpolicy", "ptp_role", "ipv4_mode", "ipv6_mode", "ipv4_pool", "ipv6_pool", "sriov_numvfs", "sriov_vf_driver",
    "max_tx_rate", "max_rx_rate", "ovs_access", "channels", "sriov_vf_channels")
DISK_FIELDS = ("device_node", "device_path", "size_mib")
PARTITION_FIELDS = ("device_node", "device_path", "size_mib")
STOR_FIELDS = ("function", "tier_name", "journal_location", "journal_size_mib")
GROUP_FIELDS = ("lvm_vg_name",)
VOLUME_FIELDS = ("lvm_vg_name", "pv_type", "disk_or_part_device_node", "disk_or_part_device_path")
NODE_FIELDS = ("numa_node",)
MEMORY_FIELDS = ("numa_node", "platform_reserved_mib", "vm_hugepages_nr_2M_pending", "vm_hugepages_nr_1G_pending",
                 "vm_pending_as_percentage", "vswitch_hugepages_reqd", "vswitch_hugepages_size_mib")


def _array(name: str) -> dict[str, Any]:
    return {name: {"type": "array", "items": {"type": "object"}}}


def _list_of(*parts: str) -> dict[str, Any]:
    found: dict[str, Any] = {name: {"type": "string"} for name in ("uuid", "profilename", "profiletype")}
    for name in parts:
        found |= _array(name)
    return {"type": "object", "required": list(found), "properties": found}


# One element of each list of profiles with all that they have.
CPU_PROFILE, MEMORY_PROFILE = _list_of("cpus", "nodes"), _list_of("memory", "nodes")
INTERFACE_PROFILE = _list_of("ports", "interfaces")
STORAGE_PROFILE = _list_of("disks", "partitions", "stors", "lvgs", "pvs")
FORM: dict[str, Any] = {"type": "object", "required": ["file"], "properties": {
    "file": {"type": "string", "format": "binary"}}}
_RESULT = ("result", "type", "name", "msg", "detail")
# What came of one profile of an imported file, and of each.
IMPORT_RESULT: dict[str, Any] = {
    "type": "object", "required": list(_RESULT), "properties": {name: {"type": "string"} for name in _RESULT}}
IMPORTED: dict[str, Any] = {"type": "array", "items": IMPORT_RESULT}
# What the reply to a PATCH that applies a profile has besides the host.
PLAN = "profile_plan"
APPLIED: dict[str, Any] = {"type": "object", "required": [PLAN], "properties": {PLAN: {
    "type": "object", "required": ["cpus", "memory", "interfaces", "storage", "stors"],
    "properties": _array("cpus") | _array("memory") | _array("interfaces") | _array("storage") | _array("stors")}}}
