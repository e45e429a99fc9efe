# SPDX-License-Identifier: Apache-2.0
"""``storage_tiers``: a part of a cluster with OSDs of one kind."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, Resource, attr
from flock.wire.types import Text, Uuid
from sysinv.resources.storagetier.rules import DEFINED, IN_USE, NAME_LENGTH_MAX, NAME_PATTERN

NAME = Text(NAME_LENGTH_MAX, 1, NAME_PATTERN,
            "Value may have letters, digits, '_', '.' and '-', begins with a letter or digit, and is not a number.")


class StorageTier(Record):
    """One tier; ``stors`` has the ids of its OSDs, ``backend_using`` the name of the back end that uses it."""

    envelope = "storage_tiers"
    name = attr(NAME, nullable=False)
    type = attr(("ceph",), writer=SYSTEM, nullable=False)
    status = attr((DEFINED, IN_USE), writer=SYSTEM, nullable=False)
    capabilities = attr(dict, nullable=False)
    backend_uuid = attr(str, writer=SYSTEM)
    backend_using = attr(str, writer=SYSTEM)
    cluster_uuid = attr(str, writer=SYSTEM, nullable=False)
    stors = attr([int], writer=SYSTEM, nullable=False)


class NewStorageTier(Resource):
    """Body of ``POST /v1/storage_tiers``; ``backend_uuid`` and ``status`` of StarlingX's client are not stored."""

    name = attr(NAME, mandatory=True)
    cluster_uuid = attr(Uuid(), mandatory=True)
    type = attr(("ceph",))
    status = attr((DEFINED, IN_USE))
    capabilities = attr(dict)
    backend_uuid = attr(Uuid())
