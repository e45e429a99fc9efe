# SPDX-License-Identifier: Apache-2.0
"""``partitions``: one partition of a disk."""
from __future__ import annotations

from flock.wire.resource import ADMIN, AGENT, SYSTEM, Record, Resource, attr
from flock.wire.types import Uuid
from sysinv.resources.partition.rules import LVM_GUID, SIZE_MAX_MIB


class Partition(Record):
    """One partition; ``status`` is one of StarlingX's numbers, ``error`` says why it is 10 (Error)."""

    envelope = "partitions"
    start_mib = attr(int, writer=AGENT, nullable=False)
    end_mib = attr(int, writer=AGENT, nullable=False)
    size_mib = attr(int, writer=ADMIN, label="size_gib", min=1, max=SIZE_MAX_MIB, nullable=False)
    device_node = attr(str, writer=AGENT, nullable=False)
    device_path = attr(str, writer=AGENT, nullable=False)
    type_guid = attr(str, writer=ADMIN, nullable=False)
    type_name = attr(str, writer=AGENT)
    status = attr(int, writer=SYSTEM, nullable=False)
    error = attr(str, writer=SYSTEM)
    capabilities = attr(dict, writer=SYSTEM, nullable=False)
    idisk_uuid = attr(str, writer=SYSTEM, nullable=False)
    ipv_uuid = attr(str, writer=SYSTEM)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)


class NewPartition(Resource):
    """Body of a POST. StarlingX's clients send the host too, although the disk names it."""

    idisk_uuid = attr(Uuid(), writer=ADMIN, mandatory=True)
    ihost_uuid = attr(Uuid(), writer=ADMIN)
    size_mib = attr(int, writer=ADMIN, mandatory=True)
    type_guid = attr((LVM_GUID,), writer=ADMIN, ignore_case=True)
    type_name = attr(str, writer=ADMIN, max_length=64)


class PartitionChange(Resource):
    """What a PATCH may change."""

    size_mib = attr(int, writer=ADMIN)
