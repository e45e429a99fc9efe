# SPDX-License-Identifier: Apache-2.0
"""``idisks``: one disk."""
from __future__ import annotations

from flock.wire.resource import ADMIN, AGENT, SYSTEM, Record, Resource, attr


class Disk(Record):
    """One disk; ``capabilities`` holds ``model_num`` and, for the boot disk, ``stor_function: rootfs``."""

    envelope = "idisks"
    device_node = attr(str, writer=AGENT, nullable=False)
    device_num = attr(int, writer=AGENT)
    device_type = attr(str, writer=AGENT)
    device_id = attr(str, writer=AGENT)
    device_path = attr(str, writer=AGENT)
    device_wwn = attr(str, writer=AGENT)
    size_mib = attr(int, writer=AGENT, label="size_gib", nullable=False)
    available_mib = attr(int, writer=AGENT, label="available_gib", nullable=False)
    rpm = attr(str, writer=AGENT)
    serial_id = attr(str, writer=AGENT)
    capabilities = attr(dict, writer=AGENT, nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)
    istor_uuid = attr(str, writer=SYSTEM)
    ipv_uuid = attr(str, writer=SYSTEM)


class DiskChange(Resource):
    """What a PATCH may have: the order to wipe the disk."""

    partition_table = attr(("gpt",), writer=ADMIN)
    skip_formatting = attr(bool, writer=ADMIN)
