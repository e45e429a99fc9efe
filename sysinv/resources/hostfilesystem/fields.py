# SPDX-License-Identifier: Apache-2.0
"""``host_fs``: one file system of a host."""
from __future__ import annotations

from flock.wire.resource import ADMIN, AGENT, SYSTEM, Record, Resource, attr
from flock.wire.types import Uuid
from sysinv.model.filesystem import SIZE_MAX_GIB


class HostFilesystem(Record):
    """One file system; ``size`` in GiB is what it should have, ``present_mib`` what its host reports."""

    envelope = "host_fs"
    uuid = attr(Uuid(), writer=SYSTEM, label="UUID", detail="uuid", nullable=False)
    name = attr(str, writer=ADMIN, label="FS Name", detail="name", nullable=False)
    size = attr(int, writer=ADMIN, label="Size in GiB", detail="size", nullable=False)
    logical_volume = attr(str, writer=SYSTEM, label="Logical Volume", detail="logical_volume", nullable=False)
    state = attr(str, writer=SYSTEM, label="State", detail="state", nullable=False)
    capabilities = attr(dict, writer=ADMIN, label="Capabilities", detail="capabilities", nullable=False)
    present_mib = attr(int, writer=AGENT)
    free_mib = attr(int, writer=AGENT)
    mounted = attr(bool, writer=AGENT)
    error = attr(str, writer=SYSTEM)
    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)


class NewHostFilesystem(Resource):
    """Body of a POST."""

    ihost_uuid = attr(Uuid(), writer=ADMIN, mandatory=True)
    name = attr(str, writer=ADMIN, mandatory=True, max_length=64)
    size = attr(int, writer=ADMIN, mandatory=True, min=1, max=SIZE_MAX_GIB)
    capabilities = attr(dict, writer=ADMIN)
