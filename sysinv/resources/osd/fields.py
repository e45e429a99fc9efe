# SPDX-License-Identifier: Apache-2.0
"""``istors``: a disk of a host that is an OSD, or has the journals of others."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, Resource, attr
from flock.wire.types import Integer, Text, Uuid
from sysinv.contract.enums import StorFunction, StorState


class Stor(Record):
    """One OSD or journal disk; ``journal_location`` is the uuid of the journal disk, or its own without one."""

    envelope = "istors"
    osdid = attr(int, writer=SYSTEM)
    function = attr(StorFunction, nullable=False)
    state = attr(StorState, writer=SYSTEM, nullable=False)
    capabilities = attr(dict, writer=SYSTEM, nullable=False)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)
    idisk_uuid = attr(str, writer=SYSTEM, nullable=False)
    journal_location = attr(str)
    journal_size_mib = attr(int, label="journal_size_gib")
    journal_path = attr(str, writer=SYSTEM)
    journal_node = attr(str, writer=SYSTEM)
    tier_uuid = attr(str, writer=SYSTEM)
    tier_name = attr(str, writer=SYSTEM)


class StorChange(Resource):
    """What a PATCH may have."""

    journal_location = attr(Uuid())
    journal_size_mib = attr(Integer(0))


class NewStor(Resource):
    """Body of ``POST /v1/istors``; ``ihost_uuid`` may be id, uuid or name of the host."""

    ihost_uuid = attr(Text(255, 1), mandatory=True)
    idisk_uuid = attr(Uuid(), mandatory=True)
    function = attr(StorFunction)
    journal_location = attr(Uuid())
    journal_size_mib = attr(Integer(0))
    tier_uuid = attr(Uuid())
